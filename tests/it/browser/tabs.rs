//! Several tabs, a signed-out session, the browser's Back, an impatient hand: nothing is registered twice.

use super::{Setup, attempts_and_registrations, visit};
use crate::{app::TestApp, cards::last_four};

#[test]
fn signed_out_in_another_tab_the_run_goes_on_after_signing_in_and_nothing_of_the_card_is_kept() {
    let app = TestApp::start();
    visit(&app, Setup::DESK, &[], |browser| {
        browser.sign_in("main-admin@acme.test");
        browser.reach_the_anonymous_card_page("Register", "acme-lab");
        let card = browser.address();
        browser.fill_in_card("5555 5555 5555 4444");
        let wizard = browser.open_tab();
        browser.go("/billing/payment-methods");
        browser.sign_out();
        browser.turn_to(wizard);
        browser.press("Next");
        browser.arrives_at_page("Sign in to Billing");
        assert!(
            browser
                .text("main")
                .contains("Sign in again to continue. Card details were not kept.")
        );
        browser.enter_account("main-admin@acme.test");
        browser.arrives_at("card");
        assert_eq!(browser.address(), card);
        for field in [
            "card_number",
            "expiry_month",
            "expiry_year",
            "card_password_2",
        ] {
            assert_eq!(browser.value(field), "", "{field}");
        }
        assert_eq!(attempts_and_registrations(&mut app.connection()), (0, 0));
        browser.fill_in_card("5555 5555 5555 4444");
        browser.press("Next");
        browser.arrives_at("complete");
    });
    assert_eq!(attempts_and_registrations(&mut app.connection()), (1, 1));
}

fn go_back_after_the_deed(setup: Setup) {
    let app = TestApp::start();
    visit(&app, setup, &[], |browser| {
        browser.sign_in("main-admin@acme.test");
        browser.reach_the_anonymous_card_page("Register", "acme-lab");
        browser.fill_in_card("5555 5555 5555 4444");
        browser.press("Next");
        browser.arrives_at("complete");
        let confirmation = browser.address();
        for _ in 0..3 {
            browser.back();
            browser.arrives_at("complete");
            assert_eq!(browser.address(), confirmation);
        }
    });
    assert_eq!(attempts_and_registrations(&mut app.connection()), (1, 1));
}

#[test]
fn back_after_the_deed_shows_what_was_done() {
    go_back_after_the_deed(Setup::DESK);
}

#[test]
fn back_after_the_deed_shows_what_was_done_without_scripts() {
    go_back_after_the_deed(Setup::PHONE.without_scripts());
}

#[test]
fn back_to_the_phone_page_keeps_all_but_the_birth_digit() {
    let app = TestApp::start();
    visit(&app, Setup::DESK, &[], |browser| {
        browser.sign_in("main-admin@acme.test");
        browser.start_registration("Register", "acme-lab");
        browser.choose_method("Personal or named corporate card");
        browser.ask_for_a_code();
        browser.back();
        browser.arrives_at("phone");
        assert_eq!(browser.value("holder_name"), "김하나");
        assert_eq!(browser.value("birth_digit"), "");
    });
}

#[test]
fn a_second_tab_of_the_run_lands_on_the_same_confirmation() {
    let app = TestApp::start();
    visit(&app, Setup::DESK, &[], |browser| {
        browser.sign_in("main-admin@acme.test");
        browser.reach_the_anonymous_card_page("Register", "acme-lab");
        let card = browser.address();
        let first = browser.open_tab();
        browser.go(&card);
        browser.fill_in_card("9410 0000 0000 0005");
        browser.turn_to(first.clone());
        browser.fill_in_card("5555 5555 5555 4444");
        browser.press("Next");
        browser.arrives_at("complete");
        let (confirmation, told) = (browser.address(), browser.text(".success"));
        let tabs = browser.tell(browser.driver.windows());
        browser.turn_to(tabs.into_iter().find(|tab| *tab != first).unwrap());
        browser.press("Next");
        browser.arrives_at("complete");
        assert_eq!(
            (browser.address(), browser.text(".success")),
            (confirmation, told)
        );
    });
    let mut db = app.connection();
    assert_eq!(attempts_and_registrations(&mut db), (1, 1));
    assert_eq!(last_four(&mut db, "acme-lab").as_deref(), Some("4444"));
}

#[test]
fn another_administrator_was_faster() {
    let app = TestApp::start();
    let colleague = app.sign_in("sub-admin@acme.test");
    visit(&app, Setup::DESK, &[409], |browser| {
        browser.sign_in("main-admin@acme.test");
        browser.reach_the_anonymous_card_page("Register", "acme-lab");
        browser.fill_in_card("9410 0000 0000 0005");
        let run = colleague.reach_the_anonymous_card_page("acme-lab");
        colleague
            .enter_card(&run, "5555555555554444")
            .leads_to(&format!("{run}/complete"));
        browser.press("Next");
        let told = browser.until("name of the colleague", || {
            Some(browser.text("main")).filter(|text| text.contains("Sage Alvarez"))
        });
        assert!(
            told.contains("registered another payment method at 14:02 KST"),
            "{told}"
        );
    });
    let mut db = app.connection();
    assert_eq!(attempts_and_registrations(&mut db), (1, 1));
    assert_eq!(last_four(&mut db, "acme-lab").as_deref(), Some("4444"));
}

fn press_next_twice(setup: Setup) {
    let app = TestApp::start();
    visit(&app, setup, &[], |browser| {
        browser.sign_in("main-admin@acme.test");
        browser.reach_the_anonymous_card_page("Register", "acme-lab");
        browser.fill_in_card("5555 5555 5555 4444");
        browser.press_twice_at_once("Next");
        browser.until("confirmation", || {
            browser.address().ends_with("/complete").then_some(())
        });
        browser.arrives_at("complete");
    });
    assert_eq!(attempts_and_registrations(&mut app.connection()), (1, 1));
}

#[test]
fn a_double_click_registers_once() {
    press_next_twice(Setup::DESK);
}

#[test]
fn a_double_click_registers_once_without_scripts() {
    press_next_twice(Setup::DESK.without_scripts());
}
