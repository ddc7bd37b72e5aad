//! The wizard, step by step, and its one commit.

use billing_console::{
    audit,
    db::{AnyConnection, schema as s},
    gateway::sandbox,
};
use diesel::prelude::*;

use crate::app::{TestApp, card};

/// Invariants I1 to I3: one method a group (its key), every active card's key live, nothing else live once drained.
pub fn assert_keys_match(db: &mut AnyConnection) {
    let mut live = sandbox::live_keys(db).unwrap();
    let mut active: Vec<String> = s::payment_methods::table
        .filter(s::payment_methods::billing_key.is_not_null())
        .select(s::payment_methods::billing_key.assume_not_null())
        .load(db)
        .unwrap();
    live.sort();
    active.sort();
    assert_eq!(live, active);
}

/// Waits until no job is left.
pub fn drain(app: &TestApp) {
    app.until("the end of all jobs", |db| {
        (s::jobs::table.count().get_result::<i64>(db).unwrap() == 0).then_some(())
    });
}

fn last_four(db: &mut AnyConnection, group: &str) -> Option<String> {
    s::payment_methods::table
        .find(group)
        .select(s::payment_methods::card_last_four)
        .first(db)
        .optional()
        .unwrap()
        .flatten()
}

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
fn rules_8_and_10_a_personal_card_replaces_the_old_one_whose_key_is_revoked() {
    let app = TestApp::start();
    let person = app.sign_in("main-admin@acme.test");
    let run = person.reach_the_named_card_page("acme-ml");
    let page = person.open(&format!("{run}/card"));
    assert!(
        page.body
            .contains("Hyundai corporate ···· 4444, deleted when this card is registered"),
        "{}",
        page.body
    );
    app.faults.fail_revocations(1);
    person
        .enter_card(&run, "4242424242424242")
        .leads_to(&format!("{run}/complete"));
    assert_eq!(
        person.open(&format!("{run}/complete")).texts("h1"),
        ["Payment method changed"]
    );
    assert_eq!(
        last_four(&mut app.connection(), "acme-ml").as_deref(),
        Some("4242")
    );
    app.until("the second try of the revocation", |_| {
        app.clock.advance(chrono::TimeDelta::seconds(1));
        (s::jobs::table
            .count()
            .get_result::<i64>(&mut *app.connection())
            .unwrap()
            == 0)
            .then_some(())
    });
    assert_keys_match(&mut app.connection());
}

#[test]
fn rule_9_every_refusal_of_the_sandbox_has_its_words_and_keeps_the_old_method() {
    let app = TestApp::start();
    let person = app.sign_in("main-admin@acme.test");
    let run = person.reach_the_anonymous_card_page("acme-ml");
    for (number, words) in [
        ("4000 0566 5566 5556", "This is a debit card"),
        ("5105 1051 0510 5100", "This is a prepaid or gift card"),
        ("4242 4242 4242 4242", "This is not a corporate card"),
        ("4000 0000 0000 0002", "The card company refused this card"),
        ("4000 0000 0000 0069", "has expired"),
        ("4000 0000 0000 0127", "The card password is not correct"),
        ("4111 1111 1111 1111", "The card company refused this card"),
    ] {
        let page = person.enter_card(&run, number);
        assert_eq!(page.status, 422, "{number}");
        let (summary, beside) = (
            page.texts("[role=alert]").join(" "),
            page.texts(".error").join(" "),
        );
        assert!(
            summary.contains(words) && beside.contains(words),
            "{number}: {summary} / {beside}"
        );
        assert!(
            summary.contains("No payment was taken.") && summary.contains("Reference PM-"),
            "{summary}"
        );
        assert!(
            page.attributes("input[name=card_number]", "value")
                .join("")
                .is_empty()
        );
    }
    assert_eq!(
        last_four(&mut app.connection(), "acme-ml").as_deref(),
        Some("4444")
    );
    let page = person.enter_card(&run, "4000 0000 0000 0119");
    assert_eq!((page.status, page.header("retry-after")), (503, "5"));
    assert!(page.body.contains("We cannot reach the card company"));
    drain(&app);
    assert_keys_match(&mut app.connection());
}

#[test]
fn rule_9_ten_refusals_an_hour_then_429_with_the_time() {
    let app = TestApp::start();
    let person = app.sign_in("main-admin@acme.test");
    let run = person.reach_the_anonymous_card_page("acme-lab");
    for _ in 0..10 {
        assert_eq!(person.enter_card(&run, "4000000000000002").status, 422);
    }
    let page = person.enter_card(&run, "5555555555554444");
    assert_eq!(page.status, 429);
    assert_eq!(page.header("retry-after"), "3600");
    assert!(page.body.contains("15:02 KST"), "{}", page.body);
    let other = app.sign_in("sub-admin@acme.test");
    let run = other.reach_the_anonymous_card_page("acme-lab");
    assert_eq!(
        other.enter_card(&run, "5555555555554444").status,
        429,
        "the group's limit holds for its other people"
    );
    app.clock.advance(chrono::TimeDelta::minutes(61));
    let person = app.sign_in("main-admin@acme.test");
    let run = person.reach_the_anonymous_card_page("acme-lab");
    assert_eq!(person.enter_card(&run, "5555555555554444").status, 303);
}

#[test]
fn a_lost_answer_is_looked_up_and_adopted() {
    let app = TestApp::start();
    let person = app.sign_in("main-admin@acme.test");
    let run = person.reach_the_anonymous_card_page("acme-lab");
    app.faults.fail_look_ups(1);
    person
        .enter_card(&run, "4000000000000259")
        .leads_to(&format!("{run}/confirming"));
    let again = person.open("/billing/payment-methods");
    let page = person.open(&format!("{run}/confirming"));
    assert_eq!(
        page.attributes("meta[http-equiv=refresh]", "content"),
        ["3"]
    );
    person
        .send(&again, "/billing/groups/acme-lab/registrations", &[])
        .leads_to(&format!("{run}/confirming"));
    app.until("the confirmation", |_| {
        app.clock.advance(chrono::TimeDelta::seconds(1));
        (person.open(&format!("{run}/confirming")).status == 303).then_some(())
    });
    assert_eq!(person.open(&format!("{run}/complete")).step(), "complete");
    drain(&app);
    assert_keys_match(&mut app.connection());
}

#[test]
fn a_hundred_posts_of_one_page_register_one_card() {
    let app = TestApp::start();
    let person = app.sign_in("main-admin@acme.test");
    let run = person.reach_the_anonymous_card_page("acme-lab");
    let path = format!("{run}/card");
    let form = person.open(&path);
    let answers: Vec<(u16, String)> = std::thread::scope(|scope| {
        let posts: Vec<_> = (0..100)
            .map(|_| {
                scope.spawn(|| {
                    let page = person.clone().send(&form, &path, &card("5555555555554444"));
                    (page.status, page.location.unwrap_or_default())
                })
            })
            .collect();
        posts.into_iter().map(|post| post.join().unwrap()).collect()
    });
    for (status, location) in answers {
        // A wait for the database that grew too long is told as such; it changed nothing.
        assert!(
            status == 503
                || (status == 303
                    && (location.ends_with("/complete") || location.ends_with("/confirming"))),
            "{status} {location}"
        );
    }
    drain(&app);
    let mut db = app.connection();
    assert_eq!(
        s::card_attempts::table
            .count()
            .get_result::<i64>(&mut *db)
            .unwrap(),
        1
    );
    let commits =
        s::audit_rows::table.filter(s::audit_rows::action.eq("payment_method.registered"));
    assert_eq!(
        commits.count().get_result::<i64>(&mut *db).unwrap(),
        1,
        "I6: every commit has exactly one audit row"
    );
    assert_keys_match(&mut db);
    person
        .send(&form, &path, &card("4000000000000002"))
        .leads_to(&format!("{run}/complete"));
}

#[test]
fn someone_else_changed_the_group_meanwhile() {
    let app = TestApp::start();
    let (main, sub) = (
        app.sign_in("main-admin@acme.test"),
        app.sign_in("sub-admin@acme.test"),
    );
    let (run, other) = (
        main.reach_the_anonymous_card_page("acme-lab"),
        sub.reach_the_anonymous_card_page("acme-lab"),
    );
    let form = main.open(&format!("{run}/card"));
    sub.enter_card(&other, "5555555555554444")
        .leads_to(&format!("{other}/complete"));
    let page = main.send(&form, &format!("{run}/card"), &card("9410000000000005"));
    assert_eq!(page.status, 409);
    assert!(
        page.body
            .contains("Sage Alvarez registered another payment method at 14:02 KST"),
        "{}",
        page.body
    );
    assert_eq!(
        last_four(&mut app.connection(), "acme-lab").as_deref(),
        Some("4444")
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
fn five_wrong_codes_pause_for_ten_minutes() {
    let app = TestApp::start();
    let person = app.sign_in("main-admin@acme.test");
    let run = person.start_registration("acme-lab");
    person.choose(&run, "named_card");
    person.ask_for_a_code(&run);
    let code = format!("{run}/phone-code");
    for left in ["4 tries left", "3 tries left", "2 tries left", "1 try left"] {
        let page = person.fill(&code, &[("code", "000000")]);
        assert_eq!(page.status, 422);
        assert!(page.texts(".error").join("").contains(left), "{left}");
    }
    let page = person.fill(&code, &[("code", "000000")]);
    assert_eq!(page.status, 429);
    assert!(
        page.body
            .contains("You have used all 5 tries. You can ask for a new code at 14:12 KST"),
        "{}",
        page.body
    );
    assert_eq!(
        person.fill(&code, &[("code", "123456")]).status,
        429,
        "the right code is dead, too"
    );
    assert_eq!(person.fill(&code, &[]).status, 422);
    let form = person.open(&code);
    assert_eq!(
        person.send(&form, &format!("{code}/resend"), &[]).status,
        429
    );
    app.clock.advance(chrono::TimeDelta::minutes(10));
    person
        .send(&form, &format!("{code}/resend"), &[])
        .leads_to(&code);
    person
        .fill(&code, &[("code", "123456")])
        .leads_to(&format!("{run}/card"));
}

#[test]
fn a_hundred_guesses_at_once_count_exactly_five() {
    let app = TestApp::start();
    let person = app.sign_in("main-admin@acme.test");
    let run = person.start_registration("acme-lab");
    person.choose(&run, "named_card");
    person.ask_for_a_code(&run);
    let code = format!("{run}/phone-code");
    let form = person.open(&code);
    std::thread::scope(|scope| {
        for _ in 0..100 {
            scope.spawn(|| person.clone().send(&form, &code, &[("code", "000000")]));
        }
    });
    let tries: i32 = s::verifications::table
        .select(s::verifications::tries)
        .first(&mut *app.connection())
        .unwrap();
    assert_eq!(tries, 5);
}

#[test]
fn codes_are_sent_at_most_five_times_a_registration_and_not_at_once() {
    let app = TestApp::start();
    let person = app.sign_in("main-admin@acme.test");
    let run = person.start_registration("acme-lab");
    person.choose(&run, "named_card");
    person.ask_for_a_code(&run);
    let code = format!("{run}/phone-code");
    let form = person.open(&code);
    let resend = || person.send(&form, &format!("{code}/resend"), &[]);
    let page = resend();
    assert_eq!(page.status, 429);
    assert!(
        page.body
            .contains("You can ask for a new code at 14:02 KST"),
        "{}",
        page.body
    );
    for _ in 0..4 {
        app.clock.advance(chrono::TimeDelta::seconds(31));
        resend().leads_to(&code);
    }
    app.clock.advance(chrono::TimeDelta::seconds(31));
    assert!(
        resend()
            .body
            .contains("All 5 codes of this registration are used")
    );
    app.clock.advance(chrono::TimeDelta::minutes(4));
    assert!(
        person
            .fill(&code, &[("code", "123456")])
            .body
            .contains("The code has expired")
    );
}

#[test]
fn rule_8_closed_and_dormant_businesses_have_their_own_words() {
    let app = TestApp::start();
    let person = app.sign_in("main-admin@acme.test");
    let run = person.start_registration("acme-lab");
    person.choose(&run, "anonymous_corporate_card");
    for (number, words) in [
        ("999-81-00029", "This business is closed"),
        ("999-86-00010", "This business is dormant"),
        ("123-45-67890", "Check the business registration number"),
    ] {
        let page = person.fill(
            &format!("{run}/business-number"),
            &[("business_number", number)],
        );
        assert_eq!(page.status, 422);
        assert!(page.texts(".error").join("").contains(words), "{number}");
        assert_eq!(
            page.attributes("#business_number", "value"),
            [number],
            "what was typed is kept"
        );
    }
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

#[test]
fn the_audit_trail_shows_what_was_changed_removed_or_reordered() {
    use s::audit_rows as rows;
    let app = TestApp::start();
    let person = app.sign_in("main-admin@acme.test");
    let run = person.reach_the_anonymous_card_page("acme-lab");
    person.enter_card(&run, "4000000000000002");
    person.enter_card(&run, "5555555555554444");
    let mut db = app.connection();
    let fault = |db: &mut AnyConnection| {
        audit::verify(db)
            .unwrap()
            .into_iter()
            .find(|chain| chain.organization_id == "acme")
            .unwrap()
            .fault
    };
    assert_eq!(fault(&mut db), None);
    let row = |seq: i64| rows::table.find(("acme".to_owned(), seq));
    let actor: String = row(2).select(rows::actor).first(&mut *db).unwrap();
    diesel::update(row(2))
        .set(rows::actor.eq("nobody"))
        .execute(&mut *db)
        .unwrap();
    assert_eq!(fault(&mut db).unwrap(), "row 2 was changed");
    diesel::update(row(2))
        .set(rows::actor.eq(actor))
        .execute(&mut *db)
        .unwrap();
    assert_eq!(fault(&mut db), None);
    for (from, to) in [(1, 9), (2, 1), (9, 2)] {
        diesel::update(row(from))
            .set(rows::seq.eq(to))
            .execute(&mut *db)
            .unwrap();
    }
    assert!(fault(&mut db).unwrap().contains("reordered"));
    diesel::delete(row(2)).execute(&mut *db).unwrap();
    diesel::delete(row(1)).execute(&mut *db).unwrap();
    assert_eq!(fault(&mut db).unwrap(), "row 1 is missing");
    diesel::delete(rows::table.filter(rows::organization_id.eq("acme")))
        .execute(&mut *db)
        .unwrap();
    assert!(fault(&mut db).unwrap().contains("the chain ends at row 0"));
}
