//! A registration without a mouse. The focus can be seen wherever it stops.

use serde::Deserialize;
use thirtyfour::Key;

use super::{Browser, Setup, attempts_and_registrations, visit};
use crate::app::TestApp;

/// Where the focus is.
#[derive(Debug, Deserialize)]
struct Focus {
    name: String,
    is_in_main: bool,
    /// Whether it is inside the window.
    is_in_sight: bool,
    /// Whether a ring or a shadow is drawn around it.
    has_ring: bool,
}

const FOCUS: &str = r#"
    const element = document.activeElement;
    const style = getComputedStyle(element);
    const box = element.getBoundingClientRect();
    const words = element.labels?.[0]?.innerText ?? element.textContent;
    return {
        name: words.replace(/\s+/g, " ").trim(),
        is_in_main: document.querySelector("main").contains(element),
        is_in_sight: box.width > 0 && box.top >= -1 && box.top < innerHeight,
        has_ring: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
    };
"#;

impl Browser {
    /// Presses Tab once.
    #[track_caller]
    fn tab(&self) -> Focus {
        self.key(Key::Tab);
        let focus: Focus = self.ask(FOCUS, []);
        assert!(focus.is_in_sight && focus.has_ring, "{focus:?}");
        focus
    }

    /// Presses Tab until the focus is on what has these words.
    #[track_caller]
    fn tab_to(&self, words: &str) {
        let mut passed = Vec::new();
        while passed.len() < 60 {
            let focus = self.tab();
            if focus.name.starts_with(words) {
                return;
            }
            passed.push(focus.name);
        }
        panic!("{words:?} has no stop; passed {passed:#?}");
    }

    #[track_caller]
    fn tab_to_and_type(&self, label: &str, words: &str) {
        self.tab_to(label);
        self.type_in(words);
    }

    /// The first stop of every page leads past what all pages share.
    #[track_caller]
    fn skip_to_main(&self) {
        assert_eq!(self.tab().name, "Skip to main content");
        self.key(Key::Enter);
        let focus = self.tab();
        assert!(focus.is_in_main, "{focus:?}");
    }

    #[track_caller]
    fn focus(&self) -> String {
        self.ask::<Focus>(FOCUS, []).name
    }
}

#[test]
fn a_card_is_registered_with_the_keyboard_alone() {
    let app = TestApp::start();
    visit(&app, Setup::DESK, &[422], |browser| {
        browser.go("/");
        browser.arrives_at_page("Sign in to Billing");
        browser.skip_to_main();
        browser.tab_to_and_type("Email address", "main-admin@acme.test");
        browser.tab_to_and_type("Password", billing_console::demo::PASSWORD);
        browser.key(Key::Enter);

        browser.arrives_at_page("Payment methods");
        browser.skip_to_main();
        if !browser
            .focus()
            .starts_with("Register payment method for acme-lab")
        {
            browser.tab_to("Register payment method for acme-lab");
        }
        browser.key(Key::Enter);

        browser.arrives_at("payment-method");
        browser.skip_to_main();
        browser.tab_to("Personal or named corporate card");
        for (key, chosen) in [
            (Key::Space, "named_card"),
            (Key::Down, "anonymous_corporate_card"),
            (Key::Up, "named_card"),
        ] {
            browser.key(key);
            assert_eq!(browser.count(&format!("input[value={chosen}]:checked")), 1);
        }
        for words in [
            "I agree to automatic",
            "I agree to the coll",
            "I agree to provide",
        ] {
            browser.tab_to(words);
            browser.key(Key::Space);
        }
        browser.tab_to("Next");
        browser.key(Key::Enter);

        browser.arrives_at("phone");
        browser.tab_to_and_type("Name on the phone account", "Kim Hana");
        browser.tab_to_and_type("Date of birth", "900101");
        browser.tab_to_and_type("First digit", "2");
        browser.tab_to("Mobile carrier");
        browser.key(Key::Down);
        assert_eq!(browser.value("carrier"), "skt");
        browser.tab_to_and_type("Mobile phone number", "010-1234-5678");
        browser.tab_to("Send code");
        browser.key(Key::Enter);

        browser.arrives_at("phone-code");
        browser.tab_to_and_type("Verification code", "123456");
        browser.key(Key::Enter);

        browser.arrives_at("card");
        browser.tab_to("Next");
        browser.key(Key::Enter);
        browser.until("focus on the error summary", || {
            (browser.is_whole() && browser.focus().contains("Enter a card number")).then_some(())
        });
        browser.tab_to("Enter a card number");
        browser.key(Key::Enter);
        assert_eq!(
            browser.focus(),
            "Card number",
            "the summary leads to the field"
        );
        browser.type_in("4242 4242 4242 4242");
        browser.tab_to_and_type("Month", "12");
        browser.tab_to_and_type("Year", "29");
        browser.tab_to_and_type("First 2 digits", "12");
        browser.tab_to("Next");
        browser.key(Key::Space);
        browser.arrives_at("complete");
        browser.tab_to("Go to payment methods");
    });
    assert_eq!(attempts_and_registrations(&mut app.connection()), (1, 1));
}
