//! The wizard, step by step.

use billing_console::db::schema as s;
use diesel::prelude::*;

use crate::{
    app::TestApp,
    cards::{assert_keys_match, drain, last_four},
    person::card,
};

#[test]
fn rules_13_to_15_an_anonymous_corporate_card_is_registered() {
    let app = TestApp::start();
    let person = app.sign_in("main-admin@acme.test");
    let run = person.reach_the_anonymous_card_page("acme-lab");
    let page = person.open(&format!("{run}/card"));
    let summary = page.texts(".summary").join(" ");
    for words in [
        "Anonymous corporate card",
        "Business registration number 999-81-*****",
        "10 December 2026",
        "Only acme-lab changes. 3 other groups keep their payment method",
    ] {
        assert!(summary.contains(words), "{words}: {summary}");
    }
    person
        .enter_card(&run, "5555 5555 5555 4444")
        .leads_to(&format!("{run}/complete"));
    let page = person.open(&format!("{run}/complete"));
    assert_eq!(
        (page.step().as_str(), page.texts("h1")),
        ("complete", vec!["Payment method registered".into()])
    );
    assert!(
        page.body.contains("Hyundai corporate ···· 4444") && page.body.contains("Reference PM-")
    );
    let row = person
        .open("/billing/payment-methods")
        .texts("tr[data-group=acme-lab]")
        .join(" ");
    assert!(
        row.contains("Registered just now") && row.contains("···· 4444"),
        "{row}"
    );
    drain(&app);
    assert_keys_match(&mut app.connection());
}

#[test]
fn rule_4_a_membership_that_is_taken_away_stops_the_next_step() {
    let app = TestApp::start();
    let person = app.sign_in("sub-admin@acme.test");
    let run = person.reach_the_anonymous_card_page("acme-lab");
    let form = person.open(&format!("{run}/card"));
    diesel::delete(s::group_members::table.filter(s::group_members::group_id.eq("acme-lab")))
        .execute(&mut *app.connection())
        .unwrap();
    let page = person.send(&form, &format!("{run}/card"), &card("5555555555554444"));
    assert_eq!(page.status, 404);
    assert_eq!(last_four(&mut app.connection(), "acme-lab"), None);
}

#[test]
fn steps_out_of_order_lead_to_the_first_open_one() {
    let app = TestApp::start();
    let person = app.sign_in("main-admin@acme.test");
    let run = person.start_registration("acme-lab");
    for step in [
        "phone",
        "phone-code",
        "business-number",
        "card",
        "complete",
        "confirming",
    ] {
        person
            .open(&format!("{run}/{step}"))
            .leads_to(&format!("{run}/payment-method"));
    }
    person
        .choose(&run, "named_card")
        .leads_to(&format!("{run}/phone"));
    for step in ["phone-code", "business-number", "card"] {
        person
            .open(&format!("{run}/{step}"))
            .leads_to(&format!("{run}/phone"));
    }
    assert_eq!(
        person.open(&format!("{run}/payment-method")).status,
        200,
        "an earlier step can be opened"
    );
    let stranger = app.sign_in("admin@blueharbor.test");
    assert_eq!(stranger.open(&format!("{run}/payment-method")).status, 404);
    let colleague = app.sign_in("sub-admin@acme.test");
    assert_eq!(
        colleague.open(&format!("{run}/payment-method")).status,
        404,
        "another's run of one's own group"
    );
}

#[test]
fn a_run_is_resumed_within_the_hour_and_begins_anew_after_it() {
    let app = TestApp::start();
    let person = app.sign_in("main-admin@acme.test");
    let run = person.reach_the_anonymous_card_page("acme-lab");
    let tab = person.open("/billing/payment-methods");
    person
        .send(&tab, "/billing/groups/acme-lab/registrations", &[])
        .leads_to(&format!("{run}/card"));
    app.clock.advance(chrono::TimeDelta::minutes(61));
    let person = app.sign_in("main-admin@acme.test");
    assert_ne!(person.start_registration("acme-lab"), run);
    let kept: i64 = s::registrations::table
        .filter(s::registrations::state.eq("expired"))
        .filter(s::registrations::sealed.is_not_null())
        .count()
        .get_result(&mut *app.connection())
        .unwrap();
    assert_eq!(kept, 0, "what a run kept is gone at its end");
}

#[test]
fn cancel_ends_the_run_and_erases_what_it_kept() {
    let app = TestApp::start();
    let person = app.sign_in("main-admin@acme.test");
    let run = person.reach_the_named_card_page("acme-ml");
    let sealed = |app: &TestApp| {
        s::registrations::table
            .select(s::registrations::sealed)
            .first::<Option<Vec<u8>>>(&mut *app.connection())
            .unwrap()
    };
    assert!(sealed(&app).is_some_and(|sealed| !sealed.windows(6).any(|part| part == b"900101")));
    let form = person.open(&format!("{run}/card"));
    person
        .send(&form, &format!("{run}/cancel"), &[])
        .leads_to("/billing/payment-methods");
    assert_eq!(sealed(&app), None);
    person
        .open(&format!("{run}/card"))
        .leads_to("/billing/payment-methods");
    assert_eq!(
        last_four(&mut app.connection(), "acme-ml").as_deref(),
        Some("4444")
    );
}

#[test]
fn a_dedicated_account_leads_to_its_page_with_helpdesk() {
    let app = TestApp::start();
    let person = app.sign_in("main-admin@acme.test");
    let run = person.start_registration("acme-lab");
    let page = person.fill(
        &format!("{run}/payment-method"),
        &[("payment_method", "dedicated_account")],
    );
    page.leads_to("/billing/groups/acme-lab/dedicated-account");
    let page = person.open("/billing/groups/acme-lab/dedicated-account");
    assert_eq!(
        page.attributes("main a.btn.main", "href"),
        ["mailto:helpdesk@northwind.test"]
    );
    let page = person.open("/billing/groups/acme-web/dedicated-account");
    assert!(
        page.body.contains("···· 4821") && page.body.contains("30 November 2026"),
        "{}",
        page.body
    );
}
