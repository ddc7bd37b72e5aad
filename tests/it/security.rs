//! The cookie, other hosts, slow bodies, proxies, panics, a database that is locked.

use diesel::prelude::*;

use crate::{app::TestApp, person::card};

#[test]
fn over_https_the_cookie_is_secure_and_host_bound() {
    let app =
        TestApp::start_with(|settings| settings.base_url = "https://billing.example.test".into());
    let base = "https://billing.example.test";
    let page = app.visitor().post_with(
        "/sign-in",
        &[
            ("email", "main-admin@acme.test"),
            ("password", "open-sesame-demo"),
        ],
        &[("Origin", base), ("Host", "billing.example.test")],
    );
    let cookie = page.header("set-cookie");
    for part in [
        "__Host-billing_session=",
        "HttpOnly",
        "Secure",
        "SameSite=Lax",
        "Path=/",
    ] {
        assert!(cookie.contains(part), "{part}: {cookie}");
    }
    assert!(page.header("strict-transport-security").contains("max-age"));
}

#[test]
fn another_host_is_sent_to_ours_and_its_posts_are_not_taken() {
    let app = TestApp::start_with(|settings| settings.base_url = "http://127.0.0.1:1".into());
    let page = app.visitor().open("/sign-in?next=/x");
    assert_eq!(
        (page.status, page.location.as_deref()),
        (307, Some("http://127.0.0.1:1/sign-in?next=/x"))
    );
    let page = app.visitor().post("/sign-in", &[]);
    assert_eq!(page.status, 421);
}

#[test]
fn a_body_that_does_not_come_within_10_seconds_is_answered_408() {
    use std::io::{Read, Write};
    let app = TestApp::start();
    let mut stream = std::net::TcpStream::connect(app.address).unwrap();
    write!(
        stream,
        "POST /sign-in HTTP/1.1\r\nHost: {0}\r\nOrigin: http://{0}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\nConnection: close\r\n\r\nemail=",
        app.address
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains("The form arrived too slowly"), "{answer}");
}

#[test]
fn behind_a_trusted_proxy_the_pause_is_the_clients_own() {
    let app = TestApp::start_with(|settings| {
        settings.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()]
    });
    let base = format!("http://{}", app.address);
    let person = app.visitor();
    let try_from = |client: &str, email: &str, password: &str| {
        let headers = [("Origin", base.as_str()), ("X-Forwarded-For", client)];
        person
            .post_with(
                "/sign-in",
                &[("email", email), ("password", password)],
                &headers,
            )
            .status
    };
    for n in 0..10 {
        assert_eq!(
            try_from("198.51.100.7", &format!("nobody{n}@acme.test"), "wrong"),
            422
        );
    }
    assert_eq!(
        try_from("198.51.100.7", "main-admin@acme.test", "open-sesame-demo"),
        429
    );
    assert_eq!(
        try_from("198.51.100.8", "main-admin@acme.test", "open-sesame-demo"),
        303
    );
}

#[test]
fn a_panic_is_a_page_with_a_reference_and_the_next_request_is_served() {
    let app = TestApp::start();
    let person = app.sign_in("main-admin@acme.test");
    let run = person.reach_the_anonymous_card_page("acme-lab");
    let form = person.open(&format!("{run}/card"));
    let scenario = fail::FailScenario::setup();
    fail::cfg("gateway-call", "panic(canary)").unwrap();
    let page = person.send(&form, &format!("{run}/card"), &card("5555555555554444"));
    scenario.teardown();
    assert_eq!(page.status, 500);
    assert!(
        page.body
            .contains(&format!("Reference {}", page.header("x-request-id"))),
        "{}",
        page.body
    );
    assert!(!page.body.contains("canary"));
    assert_eq!(person.open("/billing/payment-methods").status, 200);
}

#[test]
fn control_characters_in_an_address_are_left_out_or_not_found() {
    let app = TestApp::start();
    let person = app.sign_in("main-admin@acme.test");
    let rows = |query: &str| {
        person
            .open(&format!("/billing/payment-methods{query}"))
            .texts("tr[data-group]")
            .len()
    };
    assert_eq!(rows("?q=ml%00"), 1);
    assert_eq!(
        person.open("/billing/payment-methods.csv?q=%00").status,
        200
    );
    for path in [
        "/billing/groups/acme%00/dedicated-account",
        "/billing/registrations/%00/card",
        "/terms/privacy/%1f",
    ] {
        assert_eq!(person.open(path).status, 404, "{path}");
    }
}

#[test]
fn first_audit_rows_of_one_organization_at_once_begin_one_chain() {
    let app = TestApp::start();
    let people: Vec<_> = (0..8)
        .map(|_| (app.sign_in("admin@mirlabs.test"), ()))
        .collect();
    diesel::delete(billing_console::db::schema::audit_rows::table)
        .execute(&mut *app.connection())
        .unwrap();
    diesel::delete(billing_console::db::schema::audit_heads::table)
        .execute(&mut *app.connection())
        .unwrap();
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let posts: Vec<_> = people
            .iter()
            .map(|(person, ())| {
                scope.spawn(|| {
                    let tab = person.open("/billing/payment-methods");
                    person.send(&tab, "/sign-out", &[]).status
                })
            })
            .collect();
        posts.into_iter().map(|post| post.join().unwrap()).collect()
    });
    assert_eq!(statuses, [303; 8]);
    let chains = billing_console::audit::verify(&mut app.connection()).unwrap();
    assert!(chains.iter().all(|chain| chain.fault.is_none()));
}

#[test]
fn reads_stay_up_while_another_process_holds_the_lock() {
    let app = TestApp::start();
    let Some(file) = app.database_file() else {
        return; // PostgreSQL's readers wait for nobody.
    };
    let person = app.sign_in("main-admin@acme.test");
    let viewer = app.sign_in("viewer@acme.test");
    app.clock.advance(chrono::TimeDelta::minutes(2));
    let mut other = diesel::SqliteConnection::establish(file).unwrap();
    diesel::connection::SimpleConnection::batch_execute(&mut other, "BEGIN IMMEDIATE").unwrap();
    assert_eq!(person.open("/billing/payment-methods").status, 200);
    assert_eq!(
        person.open("/billing/groups/none/dedicated-account").status,
        404
    );
    assert_eq!(viewer.open("/billing/payment-methods").status, 403);
    diesel::connection::SimpleConnection::batch_execute(&mut other, "ROLLBACK").unwrap();
    assert_eq!(person.open("/billing/payment-methods").status, 200);
}

#[test]
fn a_post_after_the_session_ended_leads_back_to_a_page() {
    let app = TestApp::start();
    for path in ["/cancel", "/phone-code/resend"] {
        let person = app.sign_in("main-admin@acme.test");
        let run = person.start_registration("acme-lab");
        person.choose(&run, "named_card");
        person.ask_for_a_code(&run);
        app.clock.advance(chrono::TimeDelta::minutes(16));
        let sent = person.post(&format!("{run}{path}"), &[]);
        let sign_in = sent.location.unwrap();
        assert!(sign_in.starts_with("/sign-in?next="), "{sign_in}");
        let next = &sign_in["/sign-in?next=".len()..];
        let back = app.sign_in("main-admin@acme.test").open(next);
        assert_eq!(back.status, 303, "{next}");
        assert!(!back.location.unwrap().contains("sign-in"));
    }
}

#[test]
fn head_is_get_without_a_body() {
    let app = TestApp::start();
    for path in ["/sign-in", "/healthz"] {
        let answer = app.visitor().head(path);
        assert_eq!((answer.status, answer.body.as_str()), (200, ""), "{path}");
    }
}

#[test]
fn who_lacks_the_role_can_sign_out() {
    let app = TestApp::start();
    let viewer = app.sign_in("viewer@acme.test");
    let page = viewer.open("/billing/payment-methods");
    assert_eq!(page.status, 403);
    viewer.send(&page, "/sign-out", &[]).leads_to("/sign-in");
    assert_eq!(viewer.open("/billing/payment-methods").status, 303);
}
