//! People who register and change cards without end, over connections that break at any time.

use std::sync::{
    Mutex,
    atomic::{AtomicBool, Ordering},
};

use billing_console::{
    secrets::{Purpose, SecretKey},
    web::encoded,
};

use super::{
    console::exchange,
    site::{CODE, Site},
};
use crate::{app::KEY, person::card};

/// Numbers that follow from a seed, so that a run can be repeated.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Another one, which follows from this.
    pub fn fork(&mut self) -> Self {
        Self(self.next())
    }

    /// Below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() >> 33).unwrap() % end
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn pick<'a, T>(&mut self, among: &'a [T]) -> &'a T {
        &among[self.below(among.len())]
    }
}

/// Most are taken; debit is refused after it got a key, one is refused, one not reached, one answer lost.
const CARDS: [&str; 10] = [
    "5555555555554444",
    "5555555555554444",
    "5555555555554444",
    "9410000000000005",
    "9410000000000005",
    "4000000000000259",
    "4000000000000259",
    "4000056655665556",
    "4000000000000002",
    "4000000000000119",
];

/// What a card's post was answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    Complete,
    Refused,
    NotSent,
}

/// An answer that a person got, and so relies on.
#[derive(Debug, Clone)]
pub struct Told {
    pub run: String,
    /// As the database keeps it.
    pub key: String,
    pub last_four: String,
    pub word: Word,
}

/// What all people of a trial share.
pub struct Crowd {
    pub authorities: Vec<String>,
    pub groups: Vec<String>,
    pub told: Mutex<Vec<Told>>,
    pub is_over: AtomicBool,
}

/// Somebody signed in. The session and the token are good for every process of the site.
pub struct Client {
    cookie: String,
    token: String,
    random: Random,
}

struct Answer {
    status: u16,
    location: String,
    is_about_the_card_company: bool,
}

impl Client {
    pub fn sign_in(base: &str, number: usize, random: Random) -> Self {
        let person = Site::sign_in(base, number);
        let tab = person.open("/billing/payment-methods");
        Self {
            cookie: person.cookie(),
            token: tab.hidden("csrf_token").unwrap(),
            random,
        }
    }

    /// Registers until it is over.
    pub fn go_on(&mut self, crowd: &Crowd) {
        while !crowd.is_over.load(Ordering::Relaxed) {
            if self.register(crowd).is_none() {
                std::thread::sleep(std::time::Duration::from_millis(10));
            }
        }
    }

    /// None when it came to no answer about a card.
    fn register(&mut self, crowd: &Crowd) -> Option<()> {
        let group = self.random.pick(&crowd.groups).clone();
        let start = format!("/billing/groups/{group}/registrations");
        let (run, first) = self
            .post(crowd, &start, &[])?
            .leads_to()?
            .rsplit_once('/')
            .map(|(run, page)| (run.to_owned(), page.to_owned()))?;
        if first == "confirming" {
            return None;
        }
        if self.random.below(5) == 0 {
            self.verify_phone(crowd, &run)?;
        } else {
            self.choose(crowd, &run, "anonymous_corporate_card")?;
            let number = [("business_number", "999-81-00015")];
            self.post(crowd, &format!("{run}/business-number"), &number)?
                .leads_to()?;
        }
        let number = *self.random.pick(&CARDS);
        let key = format!(
            "{:016x}{:016x}",
            self.random.below(1 << 30),
            self.random.below(1 << 30)
        );
        // An answer that was lost is asked for once more with the same key, as by a page that is sent again.
        let mut answer = self.send_card(crowd, &run, &key, number);
        for _ in 0..self.random.below(3) {
            answer = answer.or_else(|| {
                std::thread::sleep(std::time::Duration::from_millis(200));
                self.send_card(crowd, &run, &key, number)
            });
        }
        let answer = answer?;
        let word = match answer.status {
            303 if answer.location.ends_with("/complete") => Word::Complete,
            422 => Word::Refused,
            503 if number == "4000000000000119" && answer.is_about_the_card_company => {
                Word::NotSent
            }
            _ => return None,
        };
        let run = run.rsplit('/').next()?.to_owned();
        crowd.told.lock().unwrap().push(Told {
            key: kept(&run, &key),
            run,
            last_four: number[12..].to_owned(),
            word,
        });
        Some(())
    }

    fn verify_phone(&mut self, crowd: &Crowd, run: &str) -> Option<()> {
        self.choose(crowd, run, "named_card")?;
        let number = format!(
            "010-{:04}-{:04}",
            self.random.below(9000) + 1000,
            self.random.below(10_000)
        );
        let fields = [
            ("holder_name", "김하나"),
            ("birth_date", "900101"),
            ("birth_digit", "2"),
            ("carrier", "skt"),
            ("phone_number", &*number),
        ];
        self.post(crowd, &format!("{run}/phone"), &fields)?
            .leads_to()?;
        self.post(crowd, &format!("{run}/phone-code"), &[("code", CODE)])?
            .leads_to()
            .map(drop)
    }

    fn choose(&mut self, crowd: &Crowd, run: &str, method: &str) -> Option<()> {
        let fields = [
            ("payment_method", method),
            ("agree_auto_payment", "yes"),
            ("agree_privacy", "yes"),
            ("agree_third_party", "yes"),
        ];
        self.post(crowd, &format!("{run}/payment-method"), &fields)?
            .leads_to()
            .map(drop)
    }

    fn send_card(&mut self, crowd: &Crowd, run: &str, key: &str, number: &str) -> Option<Answer> {
        let mut fields = vec![("idempotency_key", key)];
        fields.extend(card(number));
        self.post(crowd, &format!("{run}/card"), &fields)
    }

    fn post(&mut self, crowd: &Crowd, path: &str, fields: &[(&str, &str)]) -> Option<Answer> {
        let authority = self.random.pick(&crowd.authorities);
        let mut body = format!("csrf_token={}", encoded(&self.token));
        for (name, value) in fields {
            body.push_str(&format!("&{name}={}", encoded(value)));
        }
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: {authority}\r\nOrigin: http://{authority}\r\nCookie: {}\r\n\
             Accept-Language: en\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\
             Connection: close\r\n\r\n{body}",
            self.cookie,
            body.len(),
        );
        let answer = exchange(authority, &request)?;
        let status = answer.get(9..12)?.parse().ok()?;
        let location = answer
            .lines()
            .find_map(|line| line.strip_prefix("location: "))
            .unwrap_or_default();
        Some(Answer {
            status,
            location: location.to_owned(),
            is_about_the_card_company: answer.contains("We cannot reach the card company"),
        })
    }
}

/// An attempt's key as the database keeps it.
fn kept(run: &str, key: &str) -> String {
    let secret_key = SecretKey::from_hex(KEY).unwrap();
    secret_key.digest(Purpose::AttemptKey, &[run.as_bytes(), key.as_bytes()])
}

impl Answer {
    /// Where a 303 leads.
    fn leads_to(&self) -> Option<&str> {
        (self.status == 303).then_some(&*self.location)
    }
}
