//! What goes wrong inside: a panic, a job that fails again and again, an answer that does not come in time.

use billing_console::{
    clock::Clock,
    db::schema as s,
    demo,
    jobs::{self, Kind},
};
use chrono::{NaiveDateTime, TimeDelta};
use diesel::{connection::SimpleConnection, prelude::*};

use crate::{app::TestApp, person::Person};

const ADMIN: &str = "main-admin@acme.test";
const TAB: &str = "/billing/payment-methods";

/// A run whose card was sent and whose answer was lost.
struct Confirming(Person, String);

fn lose_an_answer(app: &TestApp) -> Confirming {
    let person = app.sign_in(ADMIN);
    let run = person.reach_the_anonymous_card_page("acme-web");
    app.faults.fail_look_ups(1);
    person
        .enter_card(&run, "4000000000000259")
        .leads_to(&format!("{run}/confirming"));
    Confirming(person, run)
}

impl Confirming {
    fn is_committed(&self, app: &TestApp) {
        app.until("the card", |_| {
            app.clock.advance(TimeDelta::seconds(1));
            (self.0.open(&format!("{}/complete", self.1)).status == 200).then_some(())
        });
    }
}

#[test]
fn a_page_that_panics_while_it_is_written_is_a_500_and_its_connection_serves_the_next() {
    let app = TestApp::start();
    let person = app.sign_in(ADMIN);
    let scenario = fail::FailScenario::setup();
    fail::cfg("page-write", "1*panic(canary)").unwrap();
    let page = person.open(TAB);
    assert_eq!(page.status, 500);
    let reference = format!("Reference {}", page.header("x-request-id"));
    assert!(page.body.contains(&reference), "{}", page.body);
    assert!(!page.body.contains("canary"));
    assert_eq!(person.open(TAB).status, 200);
    scenario.teardown();
}

#[test]
fn a_job_that_panics_is_done_when_its_lease_is_over() {
    let app = TestApp::start();
    let scenario = fail::FailScenario::setup();
    let confirming = lose_an_answer(&app);
    fail::cfg("job-claimed", "1*panic").unwrap();
    app.until("the lease of who panicked", |db| {
        app.clock.advance(TimeDelta::seconds(1));
        let leased = s::jobs::lease_until.is_not_null();
        s::jobs::table
            .filter(leased)
            .select(s::jobs::id)
            .first::<String>(db)
            .optional()
            .unwrap()
    });
    app.clock.advance(TimeDelta::seconds(21));
    confirming.is_committed(&app);
    scenario.teardown();
}

#[test]
fn a_job_that_fails_again_and_again_is_tried_ever_more_seldom_and_holds_up_no_other() {
    let app = TestApp::start();
    let now = app.clock.now();
    jobs::add(
        &mut app.connection(),
        Kind::SettleAttempt,
        "an attempt that is not there",
        now,
        now,
    )
    .unwrap();
    let tried = |times: i32| {
        app.until("the next try", |db| {
            let free = s::jobs::lease_until.is_null();
            s::jobs::table
                .filter(free.and(s::jobs::attempts.eq(times)))
                .select(s::jobs::due_at)
                .first::<NaiveDateTime>(db)
                .optional()
                .unwrap()
        })
    };
    for (times, wait) in [(1, 1), (2, 2), (3, 4), (4, 8)] {
        let due = tried(times);
        assert_eq!(due - app.clock.now(), TimeDelta::seconds(wait));
        app.clock.advance(TimeDelta::seconds(wait));
    }
    lose_an_answer(&app).is_committed(&app);
}

#[test]
fn a_form_whose_answer_is_lost_is_not_told_that_nothing_has_changed() {
    let app = TestApp::start();
    let person = app.sign_in(ADMIN);
    let run = person.start_registration("acme-lab");
    let form = person.open(&format!("{run}/payment-method"));
    let scenario = fail::FailScenario::setup();
    fail::cfg("write-done", "1*return").unwrap();
    let fields = [("payment_method", "dedicated_account")];
    let page = person.send(&form, &format!("{run}/payment-method"), &fields);
    scenario.teardown();
    assert_eq!((page.status, page.header("retry-after")), (503, "5"));
    assert!(page.body.contains("We do not know yet"), "{}", page.body);
    assert!(!page.body.contains("Nothing has changed"), "{}", page.body);
    let kept = person.open(&format!("{run}/payment-method"));
    assert!(kept.body.contains(r#"value="dedicated_account" checked"#));
}

#[test]
fn a_card_whose_gateway_takes_too_long_is_being_confirmed_and_then_committed() {
    let app = TestApp::start();
    let person = app.sign_in(ADMIN);
    let run = person.reach_the_anonymous_card_page("acme-lab");
    let scenario = fail::FailScenario::setup();
    fail::cfg("gateway-answered", "1*sleep(32000)").unwrap();
    person
        .enter_card(&run, "5555555555554444")
        .leads_to(&format!("{run}/confirming"));
    app.until("the card", |_| {
        (person.open(&format!("{run}/complete")).status == 200).then_some(())
    });
    scenario.teardown();
}

#[test]
fn a_session_that_cannot_be_kept_is_503_and_the_next_sign_in_works() {
    let app = TestApp::start();
    let visitor = app.visitor();
    let fields = [("email", ADMIN), ("password", demo::PASSWORD)];
    let rename = |from: &str, to: &str| {
        let statement = format!("ALTER TABLE {from} RENAME TO {to}");
        app.connection().batch_execute(&statement).unwrap();
    };
    rename("sessions", "away");
    let page = visitor.post("/sign-in", &fields);
    rename("away", "sessions");
    assert_eq!((page.status, page.header("retry-after")), (503, "5"));
    assert!(page.body.contains("We do not know"), "{}", page.body);
    visitor.post("/sign-in", &fields).leads_to("/");
}
