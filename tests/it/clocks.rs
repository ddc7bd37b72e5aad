//! Time as the console is told it: months end in Seoul, clocks of two machines differ, and one is set back.

use billing_console::{
    audit,
    clock::{Clock, SystemClock},
};
use chrono::{NaiveDateTime, TimeDelta, Utc};

use crate::{
    app::TestApp,
    cards::{assert_keys_match, drain, last_four},
};

const ADMIN: &str = "main-admin@acme.test";

/// Sets the clock (UTC).
fn set(app: &TestApp, at: &str) {
    let at: NaiveDateTime = at.parse().unwrap();
    app.clock.advance(at - app.clock.now());
}

#[test]
fn rule_7_every_date_of_the_tab_turns_at_midnight_in_seoul() {
    let app = TestApp::start();
    for (utc, today, pay_by, charged) in [
        (
            "2026-11-30T14:59:59",
            "2026-11-30",
            "30 Nov 2026",
            "10 Dec 2026",
        ),
        (
            "2026-11-30T15:00:00",
            "2026-12-01",
            "31 Dec 2026",
            "10 Dec 2026",
        ),
        (
            "2026-12-31T15:00:00",
            "2027-01-01",
            "31 Jan 2027",
            "10 Jan 2027",
        ),
        (
            "2028-02-28T15:00:00",
            "2028-02-29",
            "29 Feb 2028",
            "10 Mar 2028",
        ),
        (
            "2028-02-29T15:00:00",
            "2028-03-01",
            "31 Mar 2028",
            "10 Mar 2028",
        ),
    ] {
        set(&app, utc);
        let person = app.sign_in(ADMIN);
        let tab = person.open("/billing/payment-methods");
        assert!(tab.body.contains(&format!("Pay by {pay_by}")), "{utc}");
        assert!(
            tab.texts("dd.num")
                .iter()
                .any(|fact| fact.starts_with(charged)),
            "{utc}"
        );
        let table = person.open("/billing/payment-methods.csv");
        assert!(table.header("content-disposition").contains(today), "{utc}");
    }
}

#[test]
fn a_card_is_good_until_its_last_month_ends_in_seoul() {
    let app = TestApp::start();
    let card = [
        ("card_number", "5555555555554444"),
        ("expiry_month", "02"),
        ("expiry_year", "28"),
        ("card_password_2", "12"),
    ];
    set(&app, "2028-02-29T14:59:59");
    let person = app.sign_in(ADMIN);
    let first = person.reach_the_anonymous_card_page("acme-lab");
    let second = person.reach_the_anonymous_card_page("acme-web");
    person
        .fill(&format!("{first}/card"), &card)
        .leads_to(&format!("{first}/complete"));
    set(&app, "2028-02-29T15:00:00");
    let page = person.fill(&format!("{second}/card"), &card);
    assert_eq!(page.status, 422);
    assert!(
        page.texts(".error")
            .concat()
            .contains("Expiry date must be this month or later")
    );
}

#[test]
fn two_machines_whose_clocks_differ_register_one_card_together() {
    let app = TestApp::start();
    let person = app.sign_in(ADMIN);
    // What one machine does is followed by what the other does, two minutes ahead or behind.
    let on_the_other = |minutes| app.clock.advance(TimeDelta::minutes(minutes));
    on_the_other(2);
    let run = person.start_registration("acme-lab");
    on_the_other(-2);
    person.choose(&run, "named_card");
    on_the_other(2);
    person.ask_for_a_code(&run);
    on_the_other(-2);
    person
        .fill(&format!("{run}/phone-code"), &[("code", "123456")])
        .leads_to(&format!("{run}/card"));
    on_the_other(2);
    let form = person.open(&format!("{run}/card"));
    on_the_other(-2);
    let card = crate::person::card("4242424242424242");
    for minutes in [2, -2] {
        person
            .send(&form, &format!("{run}/card"), &card)
            .leads_to(&format!("{run}/complete"));
        on_the_other(minutes);
    }
    is_whole(&app, "4242");
}

#[test]
fn a_clock_that_is_set_back_loses_nothing_and_registers_once() {
    let app = TestApp::start();
    let person = app.sign_in(ADMIN);
    let run = person.reach_the_named_card_page("acme-lab");
    app.clock.advance(TimeDelta::hours(-1));
    person
        .enter_card(&run, "4000000000000259")
        .leads_to(&format!("{run}/confirming"));
    app.clock.advance(TimeDelta::hours(-1));
    assert_eq!(person.open("/billing/payment-methods").status, 200);
    // Everything that waits is due again when the clock has caught up.
    app.clock.advance(TimeDelta::hours(1));
    app.until("the lost answer", |_| {
        app.clock.advance(TimeDelta::seconds(1));
        (person.open(&format!("{run}/confirming")).status == 303).then_some(())
    });
    is_whole(&app, "0259");
}

/// One card, no key beside it, and an audit trail without a fault.
fn is_whole(app: &TestApp, digits: &str) {
    drain(app);
    let db = &mut *app.connection();
    assert_eq!(last_four(db, "acme-lab").as_deref(), Some(digits));
    assert_keys_match(db);
    let chains = audit::verify(db).unwrap();
    assert!(chains.iter().all(|chain| chain.fault.is_none()));
}

#[test]
fn of_machines_on_one_database_server_the_servers_clock_counts() {
    let app = TestApp::start();
    let clock = SystemClock::default();
    let wrong_by = || (clock.now() - Utc::now().naive_utc()).num_minutes();
    clock.follow(Utc::now().naive_utc() + TimeDelta::minutes(20));
    assert!(wrong_by() >= 19, "a machine that is far ahead");
    match app.db.now().unwrap() {
        Some(now) => {
            clock.follow(now);
            assert!(wrong_by().abs() <= 1);
        }
        None => assert!(app.database_file().is_some(), "a file has its machine's"),
    }
}
