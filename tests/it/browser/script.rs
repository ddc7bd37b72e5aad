//! What the script adds, and that nothing is missing without it.

use serde_json::json;
use thirtyfour::Key;

use super::{Browser, Setup, visit};
use crate::app::TestApp;

fn at_the_card_page(setup: Setup, story: impl FnOnce(&Browser)) {
    let app = TestApp::start();
    visit(&app, setup, &[422], |browser| {
        browser.sign_in("main-admin@acme.test");
        browser.reach_the_anonymous_card_page("Register", "acme-lab");
        story(browser);
    });
}

#[test]
fn a_card_number_is_grouped_while_it_is_typed() {
    at_the_card_page(Setup::DESK, |browser| {
        for (typed, shown) in [
            ("4242424242424242", "4242 4242 4242 4242"),
            ("378282246310005", "3782 822463 10005"),
            ("5555-5555 55554444", "5555 5555 5555 4444"),
            ("42424", "4242 4"),
            ("4242x", "4242x"),
        ] {
            browser.fill("Card number", typed);
            assert_eq!(browser.value("card_number"), shown, "{typed}");
        }
        // Delete before a gap takes the digit behind it.
        browser.fill("Card number", "4242424242424242");
        for _ in 0..15 {
            browser.key(Key::Left);
        }
        browser.key(Key::Delete);
        browser.key(Key::Delete);
        assert_eq!(browser.value("card_number"), "4242 4242 4242 42");
        // Digits in the middle: the caret stays behind them.
        browser.fill("Card number", "42424242424242");
        for _ in 0..11 {
            browser.key(Key::Left);
        }
        browser.type_in("1");
        browser.type_in("9");
        assert_eq!(browser.value("card_number"), "4242 4192 4242 4242");
    });
}

#[test]
fn a_whole_number_can_be_pasted_with_what_stands_around_it() {
    at_the_card_page(Setup::DESK, |browser| {
        let paste = "
            const field = document.getElementById('card_number');
            const data = new DataTransfer();
            data.setData('text', arguments[0]);
            const paste = new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true });
            return field.dispatchEvent(paste);";
        for (text, shown) in [
            (
                "Card no. 5555-5555-5555-4444, Hyundai",
                "5555 5555 5555 4444",
            ),
            ("\u{ff15}555\u{a0}555555554444", "5555 5555 5555 4444"),
        ] {
            let is_left_to_the_browser: bool = browser.ask(paste, [json!(text)]);
            assert!(!is_left_to_the_browser);
            assert_eq!(browser.value("card_number"), shown, "{text:?}");
        }
        let is_left_to_the_browser: bool = browser.ask(paste, [json!("no number")]);
        assert!(is_left_to_the_browser);
    });
}

#[test]
fn the_time_of_a_code_is_counted_down() {
    let app = TestApp::start();
    visit(&app, Setup::PHONE, &[], |browser| {
        browser.sign_in("main-admin@acme.test");
        browser.start_registration("Register", "acme-lab");
        browser.choose_method("Personal or named corporate card");
        browser.ask_for_a_code();
        let left = || browser.text("[data-seconds]");
        let first = browser.until("time", || Some(left()).filter(|text| !text.is_empty()));
        assert!(first == "3:00" || first.starts_with("2:5"), "{first}");
        browser.until("second", || Some(left()).filter(|text| *text < first));
    });
}

#[test]
fn a_reference_is_copied_and_said_to_be() {
    let app = TestApp::start();
    visit(&app, Setup::DESK, &[422], |browser| {
        browser.devtools(
            "Browser.grantPermissions",
            json!({ "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"] }),
        );
        browser.sign_in("main-admin@acme.test");
        browser.reach_the_anonymous_card_page("Register", "acme-lab");
        browser.fill_in_card("4000 0000 0000 0002");
        browser.press("Next");
        let said = browser.until("refusal", || {
            Some(browser.text(".problem .quote .num")).filter(|text| !text.is_empty())
        });
        browser.press("Copy");
        browser.until("word that it is copied", || {
            (browser.text(".problem [data-said]") == "Copied").then_some(())
        });
        let copied: String = browser.ask("return navigator.clipboard.readText()", []);
        assert_eq!(format!("Reference {copied}"), said);
    });
}

#[test]
fn nothing_typed_is_lost_when_the_script_does_not_load() {
    let app = TestApp::start();
    let browser = Browser::open(&format!("http://{}", app.address), Setup::PHONE);
    browser.devtools("Network.enable", json!({}));
    browser.devtools("Network.setBlockedURLs", json!({ "urls": ["*.js"] }));
    browser.sign_in("main-admin@acme.test");
    assert_eq!(browser.count(".scripted"), 0, "the script is not there");
    browser.start_registration("Register", "acme-lab");
    browser.choose_method("Personal or named corporate card");
    browser.arrives_at("phone");
    browser.fill("Name on the phone account", "김하나");
    browser.fill("Date of birth, 6 digits", "900101");
    browser.fill("Mobile phone number", "010-1234-567");
    browser.press("Send code");
    browser.until("words about the number", || {
        browser
            .text(".problem")
            .contains("Enter a mobile phone number, like 010-1234-5678")
            .then_some(())
    });
    assert_eq!(browser.value("holder_name"), "김하나");
    assert_eq!(browser.value("birth_date"), "900101");
    assert_eq!(browser.value("phone_number"), "010-1234-567");
    browser.verify_phone();
    browser.fill_in_card("4242 4242 4242 4242");
    browser.press("Next");
    browser.arrives_at("complete");
}

#[test]
fn a_page_of_nobody_comes_back_at_once_and_one_of_somebody_not_after_sign_out() {
    let app = TestApp::start();
    visit(&app, Setup::DESK, &[404], |browser| {
        browser.go("/sign-in");
        browser.ask::<()>("window.isTheSame = true", []);
        browser.press("한국어");
        browser.arrives_at_page("빌링에 로그인해 주세요");
        browser.back();
        browser.arrives_at_page("Sign in to Billing");
        let is_the_same: bool = browser.ask("return window.isTheSame === true", []);
        assert!(is_the_same, "out of the back/forward cache");

        browser.go("/sign-in?lang=en");
        browser.sign_in("main-admin@acme.test");
        browser.sign_out();
        browser.back();
        browser.until("sign-in page", || {
            (browser.address().starts_with("/sign-in") && browser.is_whole()).then_some(())
        });
        assert!(!browser.text("body").contains("Export CSV"));
    });
}

#[test]
fn motion_printing_and_forced_colours_are_heeded() {
    let app = TestApp::start();
    let shown = "return [...document.querySelectorAll(arguments[0])].some((element) => element.checkVisibility())";
    visit(&app, Setup::DESK, &[], |browser| {
        browser.sign_in("main-admin@acme.test");
        // The filled button is told apart by its edge where its colour is taken away.
        let edge = "return getComputedStyle(document.querySelector('.btn.main')).borderTopWidth";
        assert_eq!(browser.ask::<String>(edge, []), "1px");
        browser.prefer("", &[("forced-colors", "active")]);
        assert_eq!(browser.ask::<String>(edge, []), "2px");
        browser.prefer("", &[]);

        app.faults.fail_look_ups(usize::MAX);
        browser.reach_the_anonymous_card_page("Register", "acme-lab");
        browser.fill_in_card("4000000000000259");
        browser.press("Next");
        browser.arrives_at("confirming");
        let turning = "return getComputedStyle(document.querySelector('.spin')).animationName";
        browser.prefer("", &[("prefers-reduced-motion", "reduce")]);
        assert_eq!(browser.ask::<String>(turning, []), "none");
        browser.prefer("", &[("prefers-reduced-motion", "no-preference")]);
        assert_eq!(browser.ask::<String>(turning, []), "spin");

        app.faults.fail_look_ups(0);
        browser.until("confirmation", || {
            app.clock.advance(chrono::TimeDelta::seconds(1));
            (browser.count("[data-step=complete]") == 1).then_some(())
        });
        browser.prefer("print", &[]);
        for (css, is_printed) in [
            (".success", true),
            (".summary", true),
            (".brand", true),
            (".foot", false),
            (".ribbon", false),
            ("[data-copy]", false),
        ] {
            assert_eq!(
                browser.ask::<bool>(shown, [json!(css)]),
                is_printed,
                "{css}"
            );
        }
    });
}
