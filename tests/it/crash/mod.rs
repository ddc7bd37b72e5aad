//! Faults at the worst moment: the process killed between the gateway's answer and the commit, and a
//! client that goes away.

mod clients;
mod console;
mod disk;
mod invariants;
mod kills;
mod naive;
mod nodes;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "postgres")]
mod proxy;
mod rights;
mod site;

use std::{io::Write, net::TcpStream, time::Duration};

use billing_console::db::{AnyConnection, schema as s};
use diesel::prelude::*;

use self::console::wait_for;
pub use self::console::{Process, ask, free_port};
#[cfg(feature = "postgres")]
pub use self::postgres::Server;
use crate::{
    app::{TestApp, TestDatabase},
    cards::assert_keys_match,
    person::{Person, card},
};

fn issued(db: &mut AnyConnection, last_four: &str) -> bool {
    let cards = s::sandbox_cards::table
        .filter(s::sandbox_cards::last_four.eq(last_four))
        .filter(s::sandbox_cards::billing_key.ne(s::sandbox_cards::gateway_reference));
    cards.count().get_result::<i64>(db).unwrap() > 0
}

/// Kills the process at `failpoint`, restarts it, and finds the group's row settled with one live key.
fn is_settled_after_a_kill(failpoint: &str, number: &str) {
    let database = TestDatabase::new();
    let port = free_port();
    let process = Process::start(&database, port, &format!("{failpoint}=sleep(60000)"));
    let db = database.open();
    let person = Person::new(process.base.clone());
    let fields = [
        ("email", "main-admin@acme.test"),
        ("password", "open-sesame-demo"),
    ];
    assert_eq!(person.post("/sign-in", &fields).status, 303);
    let run = person.reach_the_anonymous_card_page("acme-lab");
    let form = person.open(&format!("{run}/card"));
    let poster = person.clone();
    let path = format!("{run}/card");
    let number_sent = number.to_owned();
    let post = std::thread::spawn(move || {
        let page = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            poster.send(&form, &path, &card(&number_sent))
        }));
        assert!(page.is_err(), "the process was killed before it answered");
    });
    wait_for("the gateway's answer", || {
        issued(&mut db.connection().unwrap(), &number[12..])
    });
    process.kill();
    post.join().unwrap();
    assert_eq!(
        s::payment_methods::table
            .find("acme-lab")
            .count()
            .get_result::<i64>(&mut *db.connection().unwrap())
            .unwrap(),
        0,
        "nothing was committed"
    );

    let process = Process::start(&database, port, "");
    let person = Person::new(process.base.clone());
    assert_eq!(person.post("/sign-in", &fields).status, 303);
    wait_for("the settled row", || {
        let page = person.open("/billing/payment-methods");
        page.attributes("tr[data-group=acme-lab]", "data-status") == ["card"]
    });
    let mut connection = db.connection().unwrap();
    wait_for("the end of all jobs", || {
        s::jobs::table
            .count()
            .get_result::<i64>(&mut *db.connection().unwrap())
            .unwrap()
            == 0
    });
    assert_keys_match(&mut connection);
    let states: Vec<String> = s::card_attempts::table
        .select(s::card_attempts::state)
        .load(&mut *connection)
        .unwrap();
    assert_eq!(states, ["committed"]);
    let commits =
        s::audit_rows::table.filter(s::audit_rows::action.eq("payment_method.registered"));
    assert_eq!(
        commits.count().get_result::<i64>(&mut *connection).unwrap(),
        1
    );
}

#[test]
fn killed_after_the_gateway_answered_and_before_the_commit() {
    is_settled_after_a_kill("gateway-answered", "5555555555554444");
}

#[test]
fn killed_inside_the_gateway_call_after_its_effect() {
    is_settled_after_a_kill("sandbox-issued", "9410000000000005");
}

#[test]
fn killed_after_an_answer_that_was_lost_besides() {
    is_settled_after_a_kill("gateway-answered", "4000000000000259");
}

#[test]
fn killed_before_the_gateway_was_reached_nothing_is_registered_and_the_run_goes_on() {
    let database = TestDatabase::new();
    let port = free_port();
    let process = Process::start(&database, port, "gateway-call=sleep(60000)");
    let db = database.open();
    let person = Person::new(process.base.clone());
    let fields = [
        ("email", "main-admin@acme.test"),
        ("password", "open-sesame-demo"),
    ];
    person.post("/sign-in", &fields);
    let run = person.reach_the_anonymous_card_page("acme-lab");
    let form = person.open(&format!("{run}/card"));
    let (poster, path) = (person.clone(), format!("{run}/card"));
    let post = std::thread::spawn(move || {
        let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            poster.send(&form, &path, &card("5555555555554444"))
        }));
    });
    wait_for("the intent", || {
        s::card_attempts::table
            .count()
            .get_result::<i64>(&mut *db.connection().unwrap())
            .unwrap()
            == 1
    });
    process.kill();
    post.join().unwrap();

    let process = Process::start(&database, port, "");
    let person = Person::new(process.base.clone());
    person.post("/sign-in", &fields);
    wait_for("the word that nothing was registered", || {
        person.open(&format!("{run}/confirming")).texts("h1") == ["Nothing was registered"]
    });
    assert_keys_match(&mut db.connection().unwrap());
    person
        .enter_card(&run, "5555555555554444")
        .leads_to(&format!("{run}/complete"));
}

#[test]
fn a_client_that_resets_its_connection_does_not_stop_the_commit() {
    let app = TestApp::start();
    let person = app.sign_in("main-admin@acme.test");
    let run = person.reach_the_anonymous_card_page("acme-lab");
    let path = format!("{run}/card");
    let form = person.open(&path);
    let scenario = fail::FailScenario::setup();
    fail::cfg("gateway-answered", "sleep(1000)").unwrap();

    let cookie = person.cookie();
    let body = format!(
        "csrf_token={}&idempotency_key={}&card_number=5555555555554444&expiry_month=12&expiry_year=29&card_password_2=12",
        form.hidden("csrf_token").unwrap(),
        form.hidden("idempotency_key").unwrap(),
    );
    let mut stream = TcpStream::connect(app.address).unwrap();
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nHost: {0}\r\nOrigin: http://{0}\r\nCookie: {cookie}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {1}\r\n\r\n{body}",
        app.address,
        body.len(),
    )
    .unwrap();
    app.until("the intent", |db| {
        (s::card_attempts::table
            .count()
            .get_result::<i64>(db)
            .unwrap()
            == 1)
            .then_some(())
    });
    socket2::SockRef::from(&stream)
        .set_linger(Some(Duration::ZERO))
        .unwrap();
    drop(stream);

    app.until("the row", |db| {
        s::payment_methods::table
            .find("acme-lab")
            .select(s::payment_methods::card_last_four)
            .first::<Option<String>>(db)
            .optional()
            .unwrap()
    });
    scenario.teardown();
    crate::cards::drain(&app);
    assert_keys_match(&mut app.connection());
}

/// Does something between the gateway's answer and the commit; the card must then not be registered,
/// and its key is revoked.
fn is_overtaken_by(meanwhile: impl Fn(&mut AnyConnection) + Send + Sync + 'static) {
    let app = TestApp::start();
    let person = app.sign_in("sub-admin@acme.test");
    let run = person.reach_the_anonymous_card_page("acme-lab");
    let form = person.open(&format!("{run}/card"));
    let scenario = fail::FailScenario::setup();
    let db = app.db.clone();
    fail::cfg_callback("gateway-answered", move || {
        meanwhile(&mut db.connection().unwrap());
    })
    .unwrap();
    let page = person.send(&form, &format!("{run}/card"), &card("5555555555554444"));
    scenario.teardown();
    page.leads_to(&format!("{run}/confirming"));
    crate::cards::drain(&app);
    let mut db = app.connection();
    assert_eq!(crate::cards::last_four(&mut db, "acme-lab"), None);
    assert_keys_match(&mut db);
}

#[test]
fn i8_no_commit_without_its_verification() {
    is_overtaken_by(|db| {
        diesel::delete(s::verifications::table).execute(db).unwrap();
    });
    is_overtaken_by(|db| {
        diesel::update(s::verifications::table)
            .set(s::verifications::used_at.eq(chrono::Utc::now().naive_utc()))
            .execute(db)
            .unwrap();
    });
}

#[test]
fn i9_no_commit_by_an_actor_who_lost_the_role_or_the_group() {
    is_overtaken_by(|db| {
        diesel::update(s::users::table.filter(s::users::email.eq("sub-admin@acme.test")))
            .set(s::users::role.eq("billing_manager"))
            .execute(db)
            .unwrap();
    });
    is_overtaken_by(|db| {
        diesel::delete(s::group_members::table.filter(s::group_members::group_id.eq("acme-lab")))
            .execute(db)
            .unwrap();
    });
    is_overtaken_by(|db| {
        diesel::update(s::users::table.filter(s::users::email.eq("sub-admin@acme.test")))
            .set(s::users::disabled_at.eq(chrono::Utc::now().naive_utc()))
            .execute(db)
            .unwrap();
    });
    is_overtaken_by(|db| {
        diesel::update(s::billing_groups::table.find("acme-lab"))
            .set(s::billing_groups::organization_id.eq("blueharbor"))
            .execute(db)
            .unwrap();
    });
}

#[test]
fn a_key_that_comes_after_its_attempt_was_undone_is_revoked() {
    let app = TestApp::start();
    let person = app.sign_in("main-admin@acme.test");
    let run = person.reach_the_anonymous_card_page("acme-lab");
    let form = person.open(&format!("{run}/card"));
    let scenario = fail::FailScenario::setup();
    let (db, clock) = (app.db.clone(), app.clock.clone());
    // The lease ends while the call is under way; the worker finds nothing and undoes the attempt.
    fail::cfg_callback("gateway-call", move || {
        clock.advance(chrono::TimeDelta::seconds(20));
        wait_for("the worker's look-up", || {
            let mut db = db.connection().unwrap();
            let state: String = s::card_attempts::table
                .select(s::card_attempts::state)
                .first(&mut *db)
                .unwrap();
            state == "compensated"
        });
    })
    .unwrap();
    let page = person.send(&form, &format!("{run}/card"), &card("5555555555554444"));
    scenario.teardown();
    page.leads_to(&format!("{run}/confirming"));
    let told = person.open(&format!("{run}/confirming"));
    assert_eq!(told.texts("h1"), ["Nothing was registered"]);
    crate::cards::drain(&app);
    let mut db = app.connection();
    assert_eq!(crate::cards::last_four(&mut db, "acme-lab"), None);
    assert_keys_match(&mut db);
}

#[test]
fn a_request_that_takes_effect_after_it_was_given_up_leaves_no_key() {
    let app = TestApp::start();
    let person = app.sign_in("main-admin@acme.test");
    let run = person.reach_the_anonymous_card_page("acme-lab");
    let form = person.open(&format!("{run}/card"));
    app.faults.take_effect_late(1);
    person
        .send(&form, &format!("{run}/card"), &card("4000000000000259"))
        .leads_to(&format!("{run}/confirming"));
    app.until("the end of the look-ups", |_| {
        app.clock.advance(chrono::TimeDelta::seconds(1));
        let page = person.open(&format!("{run}/confirming"));
        (page.texts("h1") == ["Nothing was registered"]).then_some(())
    });
    app.clock.advance(chrono::TimeDelta::minutes(11));
    app.until("the last look and the revocation", |db| {
        (s::jobs::table.count().get_result::<i64>(db).unwrap() == 0).then_some(())
    });
    assert_eq!(
        crate::cards::last_four(&mut app.connection(), "acme-lab"),
        None
    );
    assert_keys_match(&mut app.connection());
}

#[test]
fn an_outage_of_the_phone_service_costs_no_try_of_the_code() {
    let app = TestApp::start();
    let person = app.sign_in("main-admin@acme.test");
    let run = person.reach_the_phone_code_page("acme-lab");
    let code = format!("{run}/phone-code");
    let scenario = fail::FailScenario::setup();
    fail::cfg("phone-unreachable", "return").unwrap();
    for _ in 0..6 {
        let page = person.fill(&code, &[("code", "123456")]);
        assert_eq!((page.status, page.header("retry-after")), (503, "30"));
    }
    scenario.teardown();
    person
        .fill(&code, &[("code", "123456")])
        .leads_to(&format!("{run}/card"));
}

#[test]
fn a_code_that_could_not_be_sent_again_leaves_the_one_before_in_force() {
    let app = TestApp::start();
    let person = app.sign_in("main-admin@acme.test");
    let run = person.reach_the_phone_code_page("acme-lab");
    let code = format!("{run}/phone-code");
    app.clock.advance(chrono::TimeDelta::seconds(31));
    fail::cfg("phone-not-sent", "return").unwrap();
    let form = person.open(&code);
    let page = person.send(&form, &format!("{code}/resend"), &[]);
    assert_eq!(page.status, 503, "{}", page.body);
    fail::remove("phone-not-sent");
    person
        .fill(&code, &[("code", "123456")])
        .leads_to(&format!("{run}/card"));
}
