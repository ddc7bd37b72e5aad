//! Sessions against the clock: what ends one ends it for whatever is under way.

use billing_console::db::schema as s;
use diesel::prelude::*;

use super::people::disable;
use crate::{
    app::TestApp,
    person::{Person, card},
};

/// A browser that sends this cookie and keeps none.
fn with_cookie(app: &TestApp, cookie: &str) -> u16 {
    let head = format!(
        "GET /billing/payment-methods HTTP/1.1\r\nHost: {}\r\nCookie: {cookie}\r\n\r\n",
        app.address
    );
    super::wire::ask(app, &head).status
}

#[test]
fn a_session_is_dead_after_sign_out_while_a_card_is_under_way() {
    let app = TestApp::start();
    let person = app.sign_in("main-admin@acme.test");
    let cookie = person.cookie();
    let run = person.reach_the_anonymous_card_page("acme-lab");
    let path = format!("{run}/card");
    let form = person.open(&path);
    let scenario = fail::FailScenario::setup();
    fail::cfg("gateway-call", "sleep(1500)").unwrap();
    let in_flight = std::thread::scope(|scope| {
        let other = person.clone();
        let post = scope.spawn(|| person.send(&form, &path, &card("5555555555554444")));
        app.until("the intent", |db| {
            let intents = s::card_attempts::table.count().get_result::<i64>(db);
            (intents.unwrap() == 1).then_some(())
        });
        other.send(&form, "/sign-out", &[]).leads_to("/sign-in");
        assert_eq!(with_cookie(&app, &cookie), 303, "dead at once");
        post.join().unwrap()
    });
    scenario.teardown();
    in_flight.leads_to(&format!("{run}/complete"));
    assert_eq!(
        with_cookie(&app, &cookie),
        303,
        "the late answer revived nothing"
    );
    assert_eq!(with_cookie(&app, &person.cookie()), 303);
    let sessions: i64 = s::sessions::table
        .count()
        .get_result(&mut *app.connection())
        .unwrap();
    assert_eq!(sessions, 0);
}

#[test]
fn a_role_that_changes_and_a_user_who_is_disabled_are_seen_by_the_next_request() {
    let app = TestApp::start();
    let person = app.sign_in("main-admin@acme.test");
    let run = person.reach_the_anonymous_card_page("acme-lab");
    let form = person.open(&format!("{run}/card"));
    let set_role = |role: &str| {
        diesel::update(s::users::table.filter(s::users::email.eq("main-admin@acme.test")))
            .set(s::users::role.eq(role))
            .execute(&mut *app.connection())
            .unwrap();
    };
    for role in ["billing_manager", "billing_viewer", "none"] {
        set_role(role);
        assert_eq!(person.open(&format!("{run}/card")).status, 403, "{role}");
        let posted = person.send(&form, &format!("{run}/card"), &card("5555555555554444"));
        assert_eq!(posted.status, 403, "{role}");
    }
    set_role("billing_administrator");
    assert_eq!(person.open(&format!("{run}/card")).status, 200);
    disable(&app, "main-admin@acme.test");
    let next = format!("/sign-in?next={run}/card");
    person.open(&format!("{run}/card")).leads_to(&next);
    person
        .send(&form, &format!("{run}/card"), &card("5555555555554444"))
        .leads_to(&next);
    let fields = [
        ("email", "main-admin@acme.test"),
        ("password", "open-sesame-demo"),
    ];
    assert_eq!(person.post("/sign-in", &fields).status, 422);
    assert_eq!(
        crate::cards::last_four(&mut app.connection(), "acme-lab"),
        None
    );
}

#[test]
fn each_sign_in_is_a_session_of_its_own_and_a_planted_one_is_never_taken_over() {
    let app = TestApp::start();
    let (desk, phone) = (
        app.sign_in("main-admin@acme.test"),
        app.sign_in("main-admin@acme.test"),
    );
    assert_ne!(desk.cookie(), phone.cookie());
    let tab = desk.open("/billing/payment-methods");
    desk.send(&tab, "/sign-out", &[]).leads_to("/sign-in");
    assert_eq!(phone.open("/billing/payment-methods").status, 200);

    // An attacker's own session, planted in the victim's browser, is not what the victim signs in to.
    let attacker = app.sign_in("viewer@acme.test");
    let planted = attacker.cookie();
    let signed_in = sign_in_with(&app, &planted);
    assert_ne!(signed_in, planted);
    assert_eq!(with_cookie(&app, &signed_in), 200);
    assert_ne!(
        with_cookie(&app, &planted),
        200,
        "it does not become the victim's"
    );

    // A key that was never given out, without its signature and with another's.
    let (name, value) = planted.split_once('=').unwrap();
    for made_up in ["0", &"a".repeat(200), &value.replace('=', "A"), &value[1..]] {
        let made_up = format!("{name}={made_up}");
        assert_eq!(with_cookie(&app, &made_up), 303, "{made_up}");
        assert_ne!(sign_in_with(&app, &made_up), made_up);
    }
}

/// Signs the victim in with a browser that already has this cookie; gives the one that it has then.
fn sign_in_with(app: &TestApp, cookie: &str) -> String {
    let fields = [
        ("email", "main-admin@acme.test"),
        ("password", "open-sesame-demo"),
    ];
    let base = format!("http://{}", app.address);
    let victim = Person::new(base.clone());
    let page = victim.post_with(
        "/sign-in",
        &fields,
        &[("Origin", &base), ("Cookie", cookie)],
    );
    page.leads_to("/");
    victim.cookie()
}

#[test]
fn signing_in_again_ends_the_session_before() {
    let app = TestApp::start();
    let person = app.sign_in("main-admin@acme.test");
    let before = person.cookie();
    let fields = [
        ("email", "main-admin@acme.test"),
        ("password", "open-sesame-demo"),
    ];
    person.post("/sign-in", &fields).leads_to("/");
    assert_ne!(person.cookie(), before);
    assert_eq!(with_cookie(&app, &person.cookie()), 200);
    assert_eq!(with_cookie(&app, &before), 303);
}
