//! Cards that are refused, as the person who typed them sees it; and what staff see, who may change nothing.

use serde_json::json;

use super::{Browser, Setup, attempts_and_registrations, visit};
use crate::app::TestApp;

const REFUSED: [(&str, &str); 4] = [
    ("4000 0566 5566 5556", "This is a debit card"),
    ("5105 1051 0510 5100", "This is a prepaid or gift card"),
    ("4000 0000 0000 0002", "The card company refused this card"),
    ("4242 4242 4242 4242", "This is not a corporate card"),
];

fn refuse_each(setup: Setup, look: impl Fn(&Browser)) {
    let app = TestApp::start();
    visit(&app, setup, &[422], |browser| {
        browser.sign_in("main-admin@acme.test");
        browser.reach_the_anonymous_card_page("Register", "acme-lab");
        for (number, words) in REFUSED {
            browser.fill_in_card(number);
            browser.press("Next");
            let summary = browser.until(words, || {
                Some(browser.text("[role=alert]"))
                    .filter(|text| browser.is_whole() && text.contains(words))
            });
            assert!(
                summary.contains("No payment was taken.") && summary.contains("Reference PM-"),
                "{summary}"
            );
            assert!(browser.text("#card_number-error").contains(words));
            assert_eq!(browser.count("#card_number[aria-invalid=true]"), 1);
            for field in [
                "card_number",
                "expiry_month",
                "expiry_year",
                "card_password_2",
            ] {
                assert_eq!(browser.value(field), "", "{number}: {field}");
            }
            look(browser);
        }
    });
    assert_eq!(attempts_and_registrations(&mut app.connection()), (4, 0));
}

#[test]
fn a_refused_card_is_told_where_the_focus_goes_and_nothing_of_it_is_kept() {
    refuse_each(Setup::DESK, |browser| {
        let has_focus = "return document.activeElement.matches('[role=alert]')";
        assert!(browser.ask::<bool>(has_focus, []));
        browser.press(&browser.text("[role=alert] a"));
        let field = "return document.activeElement.id";
        assert_eq!(
            browser.ask::<String>(field, []),
            "card_number",
            "its link leads there"
        );
    });
}

#[test]
fn a_refused_card_is_told_without_scripts_too() {
    refuse_each(Setup::PHONE.without_scripts(), |_| ());
}

#[test]
fn the_support_preview_has_nothing_that_changes_anything() {
    let app = TestApp::start();
    visit(&app, Setup::DESK, &[], |browser| {
        browser.sign_in("support@console.test");
        for group in ["acme-lab", "acme-main"] {
            browser.go(&format!("/support/groups/{group}"));
            browser.arrives_at_page(group);
            assert_eq!(
                browser.count("main :is(button, form, input, select, textarea)"),
                0
            );
            assert_eq!(browser.count("form:not([action='/sign-out'])"), 0);
            let button = if group == "acme-lab" {
                "Register payment method"
            } else {
                "Change payment method"
            };
            // The last row shows the customer's button as words that cannot be pressed.
            let (words, cursor, is_faint): (String, String, bool) = browser.ask(
                "const cell = document.querySelector(arguments[0]);
                 const style = getComputedStyle(cell);
                 return [cell.innerText.trim(), style.cursor, style.color !== getComputedStyle(document.body).color];",
                [json!("[data-group] > .settings span")],
            );
            assert_eq!(
                (words.as_str(), cursor.as_str(), is_faint),
                (button, "auto", true)
            );
        }
    });
}
