//! A person who uses a console over HTTP, and the pages that they get.

use std::time::Duration;

use scraper::{Html, Selector};

/// A person with a browser: cookies, one language, our own pages' headers.
#[derive(Clone)]
pub struct Person {
    agent: ureq::Agent,
    base: String,
    language: &'static str,
}

impl Person {
    pub fn new(base: String) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_global(Some(Duration::from_secs(60)))
            .build();
        Self {
            agent: config.new_agent(),
            base,
            language: "en",
        }
    }

    /// With a browser in this language.
    pub fn speaking(mut self, language: &'static str) -> Self {
        self.language = language;
        self
    }

    /// The cookies as a browser sends them.
    pub fn cookie(&self) -> String {
        let jar = self.agent.cookie_jar_lock();
        let cookies: Vec<String> = jar
            .iter()
            .map(|cookie| format!("{}={}", cookie.name(), cookie.value()))
            .collect();
        cookies.join("; ")
    }

    pub fn open(&self, path: &str) -> Page {
        let answer = self
            .agent
            .get(format!("{}{path}", self.base))
            .header("Accept-Language", self.language)
            .call();
        Page::new(answer.unwrap())
    }

    /// A body as it comes over the wire.
    pub fn raw(&self, path: &str, encoding: &str) -> Vec<u8> {
        self.encoded(path, encoding)
            .into_body()
            .read_to_vec()
            .unwrap()
    }

    /// An answer's encoding, the length of its body and roughly that of its head, in bytes.
    pub fn weigh(&self, path: &str, encoding: &str) -> (String, usize, usize) {
        let answer = self.encoded(path, encoding);
        let head = answer
            .headers()
            .iter()
            .map(|(name, value)| name.as_str().len() + value.len() + 4)
            .sum();
        let named = answer.headers().get("content-encoding");
        let named = named.map_or("", |value| value.to_str().unwrap()).to_owned();
        (named, answer.into_body().read_to_vec().unwrap().len(), head)
    }

    fn encoded(&self, path: &str, encoding: &str) -> ureq::http::Response<ureq::Body> {
        self.agent
            .get(format!("{}{path}", self.base))
            .header("Accept-Encoding", encoding)
            .call()
            .unwrap()
    }

    /// A page whose head is what matters: its body may come compressed.
    pub fn open_accepting(&self, path: &str, encoding: &str) -> Page {
        let (head, _) = self.encoded(path, encoding).into_parts();
        let empty = ureq::Body::builder().data("");
        Page::new(ureq::http::Response::from_parts(head, empty))
    }

    pub fn head(&self, path: &str) -> Page {
        Page::new(
            self.agent
                .head(format!("{}{path}", self.base))
                .call()
                .unwrap(),
        )
    }

    pub fn post(&self, path: &str, fields: &[(&str, &str)]) -> Page {
        self.post_with(
            path,
            fields,
            &[("Origin", &self.base), ("Sec-Fetch-Site", "same-origin")],
        )
    }

    pub fn post_with(&self, path: &str, fields: &[(&str, &str)], headers: &[(&str, &str)]) -> Page {
        let body: Vec<String> = fields
            .iter()
            .map(|(name, value)| format!("{name}={}", billing_console::web::encoded(value)))
            .collect();
        self.post_body(path, &body.join("&"), headers)
    }

    pub fn post_body(&self, path: &str, body: &str, headers: &[(&str, &str)]) -> Page {
        let mut request = self
            .agent
            .post(format!("{}{path}", self.base))
            .header("Accept-Language", self.language);
        if !headers.iter().any(|(name, _)| *name == "Content-Type") {
            request = request.header("Content-Type", "application/x-www-form-urlencoded");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Page::new(request.send(body).unwrap())
    }

    /// Opens a page's form, fills it in and sends it.
    pub fn fill(&self, path: &str, fields: &[(&str, &str)]) -> Page {
        let page = self.open(path);
        assert_eq!(page.status, 200, "{path}: {:?}", page.location);
        self.send(&page, path, fields)
    }

    /// Sends a form with the page's token and key.
    pub fn send(&self, page: &Page, path: &str, fields: &[(&str, &str)]) -> Page {
        let (token, key) = (page.hidden("csrf_token"), page.hidden("idempotency_key"));
        let mut all = vec![("csrf_token", token.as_deref().unwrap_or_default())];
        all.extend(key.as_deref().map(|key| ("idempotency_key", key)));
        all.extend_from_slice(fields);
        self.post(path, &all)
    }

    /// Presses [Register payment method] or [Change payment method] of a group; gives the run's address.
    pub fn start_registration(&self, group: &str) -> String {
        let tab = self.open("/billing/payment-methods");
        let page = self.send(&tab, &format!("/billing/groups/{group}/registrations"), &[]);
        assert_eq!(page.status, 303, "{}", page.body);
        let first = page.location.unwrap();
        first.rsplit_once('/').unwrap().0.to_owned()
    }

    pub fn choose(&self, run: &str, method: &str) -> Page {
        self.fill(
            &format!("{run}/payment-method"),
            &[
                ("payment_method", method),
                ("agree_auto_payment", "yes"),
                ("agree_privacy", "yes"),
                ("agree_third_party", "yes"),
            ],
        )
    }

    /// Goes as far as the card page of an anonymous corporate card; gives the run's address.
    pub fn reach_the_anonymous_card_page(&self, group: &str) -> String {
        let run = self.start_registration(group);
        self.choose(&run, "anonymous_corporate_card")
            .leads_to(&format!("{run}/business-number"));
        self.fill(
            &format!("{run}/business-number"),
            &[("business_number", "999-81-00015")],
        )
        .leads_to(&format!("{run}/card"));
        run
    }

    pub fn ask_for_a_code(&self, run: &str) -> Page {
        self.fill(
            &format!("{run}/phone"),
            &[
                ("holder_name", "김하나"),
                ("birth_date", "900101"),
                ("birth_digit", "2"),
                ("carrier", "skt"),
                ("phone_number", "010-1234-5678"),
            ],
        )
    }

    /// Goes as far as the page for the code that was sent to their phone; gives the run's address.
    pub fn reach_the_phone_code_page(&self, group: &str) -> String {
        let run = self.start_registration(group);
        self.choose(&run, "named_card")
            .leads_to(&format!("{run}/phone"));
        self.ask_for_a_code(&run)
            .leads_to(&format!("{run}/phone-code"));
        run
    }

    /// Goes as far as the card page of a personal card; gives the run's address.
    pub fn reach_the_named_card_page(&self, group: &str) -> String {
        let run = self.reach_the_phone_code_page(group);
        self.fill(&format!("{run}/phone-code"), &[("code", "123456")])
            .leads_to(&format!("{run}/card"));
        run
    }

    /// Enters five wrong codes; gives the last answer.
    pub fn use_up_the_code(&self, run: &str) -> Page {
        let path = format!("{run}/phone-code");
        let tries: Vec<Page> = (0..5)
            .map(|_| self.fill(&path, &[("code", "000000")]))
            .collect();
        tries.into_iter().next_back().unwrap()
    }

    pub fn enter_card(&self, run: &str, number: &str) -> Page {
        self.fill(&format!("{run}/card"), &card(number))
    }
}

/// The fields of a card that is good until December 2029.
pub fn card(number: &str) -> [(&str, &str); 4] {
    [
        ("card_number", number),
        ("expiry_month", "12"),
        ("expiry_year", "29"),
        ("card_password_2", "12"),
    ]
}

/// What a person got.
pub struct Page {
    pub status: u16,
    pub location: Option<String>,
    pub headers: ureq::http::HeaderMap,
    pub body: String,
}

impl Page {
    fn new(mut answer: ureq::http::Response<ureq::Body>) -> Self {
        let headers = answer.headers().clone();
        Self {
            status: answer.status().as_u16(),
            location: headers
                .get("location")
                .map(|value| value.to_str().unwrap().to_owned()),
            body: answer.body_mut().read_to_string().unwrap(),
            headers,
        }
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    #[track_caller]
    pub fn leads_to(&self, path: &str) {
        assert_eq!(
            (self.status, self.location.as_deref()),
            (303, Some(path)),
            "{}",
            self.body
        );
    }

    pub fn hidden(&self, name: &str) -> Option<String> {
        let mark = format!("name=\"{name}\" value=\"");
        let rest = &self.body[self.body.find(&mark)? + mark.len()..];
        Some(rest[..rest.find('"')?].to_owned())
    }

    /// The texts of the elements that `css` selects, white space folded.
    pub fn texts(&self, css: &str) -> Vec<String> {
        Html::parse_document(&self.body)
            .select(&Selector::parse(css).unwrap())
            .map(|element| {
                element
                    .text()
                    .collect::<String>()
                    .split_whitespace()
                    .collect::<Vec<_>>()
                    .join(" ")
            })
            .collect()
    }

    /// The values of an attribute of the elements that `css` selects.
    pub fn attributes(&self, css: &str, name: &str) -> Vec<String> {
        Html::parse_document(&self.body)
            .select(&Selector::parse(css).unwrap())
            .filter_map(|element| element.attr(name).map(str::to_owned))
            .collect()
    }

    pub fn step(&self) -> String {
        self.attributes("[data-step]", "data-step").join(" ")
    }
}
