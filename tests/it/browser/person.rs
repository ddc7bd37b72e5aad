//! What a person does in a browser, and what they see.

use std::path::Path;

use serde_json::json;
use thirtyfour::{By, Key, WebElement, WindowHandle, support::base64_decode};

use super::driver::Browser;

/// Where a person answers a question, by its label's words.
const FIELD: &str = r#"
    const fold = (text) => text.replace(/\s+/g, " ").trim();
    const label = [...document.querySelectorAll("label")].find((label) => fold(label.innerText).startsWith(arguments[0]));
    return label?.control ?? null;
"#;

/// Something to press, by its words (those for screen readers too).
const CONTROL: &str = r#"
    const fold = (text) => text.replace(/\s+/g, " ").trim();
    const shown = (element) => element.checkVisibility({ visibilityProperty: true }) && element.getClientRects().length > 0;
    const all = [...document.querySelectorAll("a[href], button, summary")].filter(shown);
    return all.find((element) => fold(element.textContent) === arguments[0])
        ?? all.find((element) => fold(element.textContent).startsWith(arguments[0])) ?? null;
"#;

impl Browser {
    // What they do.

    /// Types an address of the console.
    pub fn go(&self, path: &str) {
        self.tell(self.driver.goto(format!("{}{path}", self.base)));
    }

    /// Goes to the console and signs in.
    pub fn sign_in(&self, email: &str) {
        self.go("/sign-in");
        self.enter_account(email);
        self.until("page after sign-in", || {
            (self.address() != "/sign-in").then_some(())
        });
    }

    /// Fills in the sign-in page.
    pub fn enter_account(&self, email: &str) {
        self.fill("Email address", email);
        self.fill("Password", billing_console::demo::PASSWORD);
        self.press("Sign in");
    }

    pub fn sign_out(&self) {
        self.press("MA");
        self.press("Sign out");
        self.until("sign-in page", || {
            self.address().starts_with("/sign-in").then_some(())
        });
    }

    #[track_caller]
    pub fn press(&self, words: &str) {
        let control = self.control(words);
        self.tell(control.click());
    }

    #[track_caller]
    pub fn press_twice_at_once(&self, words: &str) {
        let control = self.control(words);
        self.tell(control.scroll_into_view());
        self.tell(
            self.driver
                .action_chain()
                .double_click_element(&control)
                .perform(),
        );
    }

    #[track_caller]
    pub fn fill(&self, label: &str, words: &str) {
        let field = self.field(label);
        self.tell(async {
            field.clear().await?;
            field.send_keys(words).await
        });
    }

    /// Ticks a box or chooses one of several.
    #[track_caller]
    pub fn choose(&self, label: &str) {
        let field = self.field(label);
        self.tell(field.click());
    }

    #[track_caller]
    pub fn choose_from_list(&self, label: &str, option: &str) {
        let list = self.field(label);
        let path = format!("./option[normalize-space()='{option}']");
        self.tell(async { list.find(By::XPath(path)).await?.click().await });
    }

    /// Presses a key, wherever the focus is.
    pub fn key(&self, key: Key) {
        self.tell(self.driver.action_chain().send_keys(key).perform());
    }

    pub fn type_in(&self, words: &str) {
        self.tell(self.driver.action_chain().send_keys(words).perform());
    }

    /// Opens or closes all that folds out.
    pub fn fold_out(&self, is_open: bool) {
        self.ask::<()>(
            "for (const details of document.querySelectorAll('details')) details.open = arguments[0]",
            [json!(is_open)],
        );
    }

    /// The browser's own button.
    pub fn back(&self) {
        self.tell(self.driver.back());
    }

    /// Presses what opens another tab, looks at it and closes it.
    pub fn in_the_tab_behind<T>(&self, words: &str, look: impl FnOnce() -> T) -> T {
        let first = self.tell(self.driver.window());
        self.press(words);
        let other = self.until("second tab", || {
            let all = self.tell(self.driver.windows());
            all.into_iter().find(|tab| *tab != first)
        });
        self.turn_to(other);
        let seen = look();
        self.tell(self.driver.close_window());
        self.turn_to(first);
        seen
    }

    /// Opens an empty tab; gives the one that was open.
    pub fn open_tab(&self) -> WindowHandle {
        let first = self.tell(self.driver.window());
        let other = self.tell(self.driver.new_tab());
        self.turn_to(other);
        first
    }

    pub fn turn_to(&self, tab: WindowHandle) {
        self.tell(self.driver.switch_to_window(tab));
        self.fit_window();
    }

    // A registration's pages.

    pub fn start_registration(&self, button: &str, group: &str) {
        self.press(&format!("{button} payment method for {group}"));
        self.arrives_at("payment-method");
    }

    pub fn choose_method(&self, method: &str) {
        self.choose(method);
        for words in [
            "I agree to automatic payment",
            "I agree to the collection",
            "I agree to provide",
        ] {
            self.choose(words);
        }
        self.press("Next");
    }

    /// As far as the card page of an anonymous corporate card.
    pub fn reach_the_anonymous_card_page(&self, button: &str, group: &str) {
        self.start_registration(button, group);
        self.choose_method("Anonymous corporate card");
        self.arrives_at("business-number");
        self.fill("What is your business registration number?", "999-81-00015");
        self.press("Next");
        self.arrives_at("card");
    }

    pub fn ask_for_a_code(&self) {
        self.arrives_at("phone");
        self.fill("Name on the phone account", "김하나");
        self.fill("Date of birth, 6 digits", "900101");
        self.fill("First digit after it", "2");
        self.choose_from_list("Mobile carrier", "SKT");
        self.fill("Mobile phone number", "010-1234-5678");
        self.press("Send code");
        self.arrives_at("phone-code");
    }

    /// Verifies the phone with the code that the demo's inbox shows.
    pub fn verify_phone(&self) {
        self.ask_for_a_code();
        let code = self.in_the_tab_behind("Open the demo inbox", || {
            self.until("code in the inbox", || {
                Some(self.text(".inbox li:first-child b")).filter(|code| code.len() == 6)
            })
        });
        self.fill("Verification code", &code);
        self.press("Next");
        self.arrives_at("card");
    }

    /// Fills in a card that is good until December 2029.
    pub fn fill_in_card(&self, number: &str) {
        self.fill("Card number", number);
        self.fill("Month", "12");
        self.fill("Year", "29");
        self.fill("First 2 digits of the card password", "12");
    }

    /// [`Self::fill_in_card`] in any language.
    pub fn fill_in_card_by_id(&self, number: &str) {
        for (id, value) in [
            ("card_number", number),
            ("expiry_month", "12"),
            ("expiry_year", "29"),
            ("card_password_2", "12"),
        ] {
            self.ask::<()>(
                "document.getElementById(arguments[0]).value = arguments[1]",
                [json!(id), json!(value)],
            );
        }
    }

    // What they see.

    /// What the window shows, or the whole page: a PNG or a WebP, by the name of the file.
    pub fn picture(&self, path: &Path, full_page: bool) {
        let format = path.extension().unwrap().to_str().unwrap();
        let taken = self.devtools(
            "Page.captureScreenshot",
            json!({ "format": format, "quality": 90, "captureBeyondViewport": full_page }),
        );
        let picture = base64_decode(taken["data"].as_str().unwrap()).unwrap();
        std::fs::write(path, picture).unwrap();
    }

    /// The path and the query in the address bar.
    pub fn address(&self) -> String {
        let url = self.tell(self.driver.current_url()).to_string();
        url.strip_prefix(&self.base).unwrap_or(&url).to_owned()
    }

    /// The visible text of the elements that `css` selects.
    #[track_caller]
    pub fn text(&self, css: &str) -> String {
        self.ask::<Vec<String>>(
            "return [...document.querySelectorAll(arguments[0])].map((element) => element.innerText.trim())",
            [json!(css)],
        )
        .join("\n")
    }

    pub fn count(&self, css: &str) -> usize {
        self.ask(
            "return document.querySelectorAll(arguments[0]).length",
            [json!(css)],
        )
    }

    /// What is in a field now.
    pub fn value(&self, id: &str) -> String {
        self.ask(
            "return document.getElementById(arguments[0]).value",
            [json!(id)],
        )
    }

    /// Waits for a page of the wizard.
    #[track_caller]
    pub fn arrives_at(&self, step: &str) {
        let mark = format!("main[data-step='{step}']");
        self.until(&format!("page of the step {step}"), || {
            (self.is_whole() && self.count(&mark) == 1).then_some(())
        });
    }

    /// Waits for a page with this heading.
    #[track_caller]
    pub fn arrives_at_page(&self, heading: &str) {
        self.until(&format!("page {heading:?}"), || {
            (self.is_whole() && self.text("h1") == heading).then_some(())
        });
    }

    /// Whether the page is loaded and stands still.
    pub fn is_whole(&self) -> bool {
        let whole = self.driver.execute(
            "return document.readyState === 'complete'
                && document.getAnimations().every((motion) => motion.effect.getTiming().iterations === Infinity)",
            vec![],
        );
        self.try_to(whole)
            .is_some_and(|told| *told.json() == json!(true))
    }

    #[track_caller]
    pub(super) fn control(&self, words: &str) -> WebElement {
        self.element(CONTROL, words)
    }

    #[track_caller]
    fn field(&self, label: &str) -> WebElement {
        self.element(FIELD, label)
    }

    #[track_caller]
    fn element(&self, script: &str, words: &str) -> WebElement {
        self.until(words, || {
            if !self.is_whole() {
                return None;
            }
            let found = self.driver.execute(script, vec![json!(words)]);
            self.try_to(found).and_then(|found| found.element().ok())
        })
    }
}
