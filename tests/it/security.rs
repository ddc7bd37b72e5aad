//! Headers, posts from elsewhere, secrets at rest.

use billing_console::db::schema as s;
use diesel::prelude::*;

use crate::{
    app::TestApp,
    person::{Page, card},
};

fn has_headers(page: &Page, at: &str) {
    let policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; \
         form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
    assert_eq!(page.header("content-security-policy"), policy, "{at}");
    assert_eq!(page.header("x-content-type-options"), "nosniff", "{at}");
    assert_eq!(page.header("referrer-policy"), "same-origin", "{at}");
    assert_eq!(page.header("x-frame-options"), "DENY", "{at}");
    assert_eq!(page.header("x-request-id").len(), 16, "{at}");
    assert_eq!(
        page.header("strict-transport-security"),
        "",
        "{at}: not over http"
    );
    if !at.starts_with("/static/") {
        assert_eq!(page.header("cache-control"), "no-store", "{at}");
    }
}

#[test]
fn every_answer_carries_the_headers() {
    let app = TestApp::start();
    let person = app.sign_in("main-admin@acme.test");
    for path in [
        "/",
        "/sign-in",
        "/billing/payment-methods",
        "/billing/payment-methods.csv",
        "/billing/groups/acme-web/dedicated-account",
        "/billing/registrations/none/card",
        "/terms/privacy/2026-11-01",
        "/support/groups",
        billing_console::web::static_files::CONSOLE_CSS,
        "/healthz",
        "/readyz",
        "/nope",
        "/sign-out",
    ] {
        has_headers(&person.open(path), path);
    }
    assert_eq!(
        (
            app.visitor().open("/healthz").status,
            app.visitor().open("/readyz").status
        ),
        (200, 200)
    );
}

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
fn posts_without_their_token_or_from_elsewhere_change_nothing() {
    let app = TestApp::start();
    let person = app.sign_in("main-admin@acme.test");
    let other = app.sign_in("sub-admin@acme.test");
    let run = person.reach_the_anonymous_card_page("acme-lab");
    let base = format!("http://{}", app.address);
    let ours: &[(&str, &str)] = &[("Origin", &base)];
    let token = person
        .open("/billing/payment-methods")
        .hidden("csrf_token")
        .unwrap();
    let foreign = other
        .open("/billing/payment-methods")
        .hidden("csrf_token")
        .unwrap();
    let paths = [
        "/sign-out".to_owned(),
        "/billing/groups/acme-ml/registrations".to_owned(),
        format!("{run}/payment-method"),
        format!("{run}/business-number"),
        format!("{run}/card"),
        format!("{run}/cancel"),
        format!("{run}/phone"),
        format!("{run}/phone-code"),
        format!("{run}/phone-code/resend"),
    ];
    let rows = |app: &TestApp| -> (i64, i64, String) {
        let db = &mut *app.connection();
        (
            s::registrations::table.count().get_result(db).unwrap(),
            s::sessions::table.count().get_result(db).unwrap(),
            s::registrations::table
                .select(s::registrations::state)
                .first(db)
                .unwrap(),
        )
    };
    let before = rows(&app);
    for path in &paths {
        for (token, headers) in [
            ("", ours),
            (foreign.as_str(), ours),
            (token.as_str(), &[("Origin", "https://evil.test")] as &[_]),
            (
                token.as_str(),
                &[("Origin", base.as_str()), ("Sec-Fetch-Site", "cross-site")],
            ),
            (token.as_str(), &[("Origin", "null")]),
            (token.as_str(), &[]),
        ] {
            let page = person.post_with(
                path,
                &[("csrf_token", token), ("business_number", "999-81-00015")],
                headers,
            );
            assert_eq!(page.status, 403, "{path} {headers:?}");
        }
    }
    let page = person.post_with(
        "/sign-in",
        &[("email", "x"), ("password", "y")],
        &[("Origin", "https://evil.test")],
    );
    assert_eq!(page.status, 403);
    assert_eq!(rows(&app), before);
    assert_eq!(
        app.visitor().post_with(&paths[4], &[], &[]).status,
        303,
        "without a session: to sign-in, first of all"
    );
}

#[test]
fn i10_no_card_number_phone_number_birth_date_or_code_at_rest() {
    let app = TestApp::start();
    let person = app.sign_in("main-admin@acme.test");
    let run = person.reach_the_named_card_page("acme-lab");
    person.enter_card(&run, "4000 0000 0000 0002");
    person.fill(
        &format!("{run}/card"),
        &[
            ("card_number", "4242424242424241"),
            ("card_password_2", "12"),
        ],
    );
    person
        .enter_card(&run, "4242424242424242")
        .leads_to(&format!("{run}/complete"));
    crate::cards::drain(&app);
    let bytes = match app.database_file() {
        Some(path) => ["", "-wal", "-shm"]
            .iter()
            .filter_map(|end| std::fs::read(format!("{path}{end}")).ok())
            .flatten()
            .collect::<Vec<u8>>(),
        // The tables as text, where the database is no file of ours.
        None => crate::database::all_rows(&mut app.connection()).into_bytes(),
    };
    let holds = |canary: &str| {
        bytes
            .windows(canary.len())
            .any(|part| part == canary.as_bytes())
    };
    assert!(holds("acme-lab"), "the search works");
    for canary in [
        "4242424242424242",
        "4242 4242 4242 4242",
        "4000000000000002",
        "424242424242",
        "123456",
        "010-1234-5678",
        "01012345678",
        "900101",
    ] {
        assert!(!holds(canary), "{canary} is at rest");
    }
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
