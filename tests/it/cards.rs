//! What becomes of a card: refused, lost, sent a hundred times, overtaken.

use billing_console::{
    db::{AnyConnection, schema as s},
    gateway::sandbox,
};
use diesel::prelude::*;

use crate::{app::TestApp, person::card};

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

/// Waits until no job is left but those that look once more after ten minutes.
pub fn drain(app: &TestApp) {
    let open = s::jobs::table.filter(s::jobs::kind.ne("sweep_attempt"));
    app.until("the end of all jobs", |db| {
        (open.count().get_result::<i64>(db).unwrap() == 0).then_some(())
    });
}

pub fn last_four(db: &mut AnyConnection, group: &str) -> Option<String> {
    s::payment_methods::table
        .find(group)
        .select(s::payment_methods::card_last_four)
        .first(db)
        .optional()
        .unwrap()
        .flatten()
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
fn rule_9_a_card_that_is_registered_is_no_refusal() {
    let app = TestApp::start();
    let person = app.sign_in("main-admin@acme.test");
    let run = person.reach_the_anonymous_card_page("acme-lab");
    for _ in 0..9 {
        assert_eq!(person.enter_card(&run, "4000000000000002").status, 422);
    }
    assert_eq!(person.enter_card(&run, "5555555555554444").status, 303);
    let run = person.reach_the_anonymous_card_page("acme-lab");
    assert_eq!(person.enter_card(&run, "4000000000000002").status, 422);
    assert_eq!(person.enter_card(&run, "4000000000000002").status, 429);
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
    assert!(answers.iter().any(|(status, _)| *status == 303));
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
fn a_refusal_found_by_looking_up_is_told_with_its_reason() {
    let app = TestApp::start();
    let person = app.sign_in("main-admin@acme.test");
    let run = person.reach_the_anonymous_card_page("acme-lab");
    person.enter_card(&run, "4000056655665556");
    let page = person.open(&format!("{run}/confirming"));
    assert_eq!(
        (page.status, page.texts("h1")),
        (200, vec!["Nothing was registered".into()])
    );
    let told = page.texts("main").join(" ");
    assert!(
        told.contains("This is a debit card") && told.contains("Reference PM-"),
        "{told}"
    );
    assert!(
        page.attributes("meta[http-equiv=refresh]", "content")
            .is_empty()
    );
}

#[test]
fn a_run_that_a_second_window_began_meanwhile_ends_when_the_first_can_be_gone_on_with() {
    let app = TestApp::start();
    let person = app.sign_in("main-admin@acme.test");
    let run = person.reach_the_anonymous_card_page("acme-lab");
    app.faults.fail_look_ups(1);
    app.faults.take_effect_late(1);
    person
        .enter_card(&run, "4000000000000259")
        .leads_to(&format!("{run}/confirming"));
    // As when its start came between the first one's check and its intent, which only PostgreSQL lets happen.
    let id = run.rsplit('/').next().unwrap();
    let of_first = s::registrations::table.find(id).select((
        s::registrations::organization_id,
        s::registrations::user_id,
        s::registrations::created_at,
    ));
    let (organization, user, now): (String, String, chrono::NaiveDateTime) =
        of_first.first(&mut *app.connection()).unwrap();
    diesel::insert_into(s::registrations::table)
        .values((
            s::registrations::id.eq("second"),
            s::registrations::reference.eq("PM-2222-2222"),
            s::registrations::organization_id.eq(organization),
            s::registrations::group_id.eq("acme-lab"),
            s::registrations::user_id.eq(user),
            s::registrations::kind.eq("register"),
            s::registrations::state.eq("open"),
            s::registrations::group_version.eq(1),
            s::registrations::created_at.eq(now),
            s::registrations::updated_at.eq(now),
        ))
        .execute(&mut *app.connection())
        .unwrap();
    let state = |id: &str| {
        let state = s::registrations::table
            .find(id)
            .select(s::registrations::state);
        state.first::<String>(&mut *app.connection()).unwrap()
    };
    app.until("the first run's end of waiting", |_| {
        app.clock.advance(chrono::TimeDelta::seconds(1));
        (state(id) == "open").then_some(())
    });
    assert_eq!(state("second"), "expired");
}

#[test]
fn an_outcome_that_stays_open_becomes_a_case_for_staff() {
    let app = TestApp::start();
    let person = app.sign_in("main-admin@acme.test");
    let run = person.reach_the_anonymous_card_page("acme-lab");
    app.faults.fail_look_ups(usize::MAX);
    person.enter_card(&run, "4000000000000259");
    app.clock.advance(chrono::TimeDelta::minutes(11));
    let page = person.open(&format!("{run}/confirming"));
    assert!(
        page.texts("main")
            .join(" ")
            .contains("It takes longer than usual")
    );
    let staff = app
        .sign_in("support@console.test")
        .open("/support/groups/acme-lab");
    let told = staff.texts("main").join(" ");
    for words in [
        "No answer from the card company for over 10 minutes",
        "The card company has not answered yet",
    ] {
        assert!(told.contains(words), "{words}: {told}");
    }
}
