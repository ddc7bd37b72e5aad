//! A card from the sign-in page to its confirmation, for each kind of browser.

use super::{Browser, Setup, attempts_and_registrations, visit};
use crate::{app::TestApp, cards::last_four};

/// Registers an anonymous corporate card, then changes it to a personal one.
fn register_and_change(setup: Setup) {
    let app = TestApp::start();
    visit(&app, setup, &[], |browser| {
        browser.sign_in("main-admin@acme.test");
        browser.reach_the_anonymous_card_page("Register", "acme-lab");
        browser.fill_in_card("5555 5555 5555 4444");
        browser.press("Next");
        browser.arrives_at("complete");
        assert_eq!(browser.text("h1"), "Payment method registered");
        let has_print = browser.count(":root.scripted [data-print]") == 1;
        assert_eq!(has_print, setup.has_scripts, "only the script shows it");
        assert!(
            browser
                .text(".success")
                .contains("Hyundai corporate ···· 4444")
        );
        browser.press("Go to payment methods");
        assert!(row(browser).contains("Registered just now"));

        browser.start_registration("Change", "acme-lab");
        browser.choose_method("Personal or named corporate card");
        browser.verify_phone();
        browser.fill_in_card("4242424242424242");
        browser.press("Next");
        browser.arrives_at("complete");
        assert_eq!(browser.text("h1"), "Payment method changed");
        browser.press("Go to payment methods");
        assert!(row(browser).contains("Shinhan personal ···· 4242"));
    });
    let mut db = app.connection();
    assert_eq!(attempts_and_registrations(&mut db), (2, 1));
    assert_eq!(last_four(&mut db, "acme-lab").as_deref(), Some("4242"));
}

fn row(browser: &Browser) -> String {
    browser.until("row of acme-lab", || {
        Some(browser.text("tr[data-group=acme-lab]"))
            .filter(|text| browser.is_whole() && !text.is_empty())
    })
}

#[test]
fn a_card_is_registered_and_changed_at_a_desk() {
    register_and_change(Setup::DESK);
}

#[test]
fn a_card_is_registered_and_changed_on_a_phone() {
    register_and_change(Setup::PHONE);
}

#[test]
fn a_card_is_registered_and_changed_at_a_desk_without_scripts() {
    register_and_change(Setup::DESK.without_scripts());
}

#[test]
fn a_card_is_registered_and_changed_on_a_phone_without_scripts() {
    register_and_change(Setup::PHONE.without_scripts());
}

#[test]
fn the_language_can_change_in_the_middle_and_what_was_answered_stays() {
    let app = TestApp::start();
    visit(&app, Setup::DESK, &[], |browser| {
        browser.sign_in("main-admin@acme.test");
        browser.reach_the_anonymous_card_page("Register", "acme-lab");
        let card = browser.address();
        browser.press("한국어");
        browser.arrives_at_page("카드 정보를 입력해 주세요");
        assert_eq!(
            browser.text("html:lang(ko) .summary > :first-child dd:first-of-type"),
            "무기명 법인카드"
        );

        browser.go(&card.replace("/card", "/business-number"));
        browser.arrives_at("business-number");
        assert_eq!(browser.count("html[lang=ko]"), 1, "the language is kept");
        assert_eq!(
            browser.value("business_number").replace('-', ""),
            "9998100015"
        );
        browser.go(&card.replace("/card", "/payment-method"));
        browser.arrives_at("payment-method");
        assert_eq!(
            browser.count("input[value=anonymous_corporate_card]:checked"),
            1
        );
        assert_eq!(browser.count("input[type=checkbox]:checked"), 3);

        browser.press("English");
        browser.arrives_at_page("Which payment method do you want to use?");
        assert_eq!(
            browser.count("input[value=anonymous_corporate_card]:checked"),
            1
        );
        browser.go(&card);
        browser.fill_in_card("5555 5555 5555 4444");
        browser.press("Next");
        browser.arrives_at("complete");
    });
}
