//! The headers of every answer, in one snapshot.

use std::collections::BTreeSet;

use billing_console::{app::Services, db::schema as s, web::Work};
use diesel::prelude::*;

use super::{
    routes::{OF_PORTONE, ROUTES, WEBHOOK_SECRET, portone},
    wire,
};
use crate::{
    app::TestApp,
    person::{Page, Person, card},
    portone::events::{ADDRESS, deleted, send},
};

/// An answer's headers as lines, without what changes each time.
fn lines_of(page: &Page) -> BTreeSet<String> {
    page.headers
        .iter()
        .filter(|(name, _)| !["date", "content-length", "location"].contains(&name.as_str()))
        .map(|(name, value)| {
            let value = value.to_str().unwrap();
            let value = match name.as_str() {
                "x-request-id" if value.len() == 16 => "[16 hex digits]".to_owned(),
                "set-cookie" => without_value(value),
                _ => value.to_owned(),
            };
            format!("{name}: {value}")
        })
        .collect()
}

fn without_value(cookie: &str) -> String {
    let (pair, attributes) = cookie.split_once(';').unwrap();
    let (name, _) = pair.split_once('=').unwrap();
    let attributes: Vec<&str> = attributes
        .split(';')
        .map(|part| match part.trim() {
            expires if expires.starts_with("Expires=") => "Expires=[a year ago]",
            path if path.starts_with("Path=/billing/registrations/") => "Path=[the run]",
            other => other,
        })
        .collect();
    format!("{name}=[value]; {}", attributes.join("; "))
}

/// Every route as somebody signed in, as staff and as nobody, every kind of failure, then a card registered.
fn answers(app: &TestApp) -> Vec<(String, Page)> {
    let person = app.sign_in("main-admin@acme.test");
    let run = person.reach_the_anonymous_card_page("acme-lab");
    let staff = app.sign_in("support@console.test");
    let mut answers = Vec::new();
    let token_of_staff = staff.open("/support/groups").hidden("csrf_token").unwrap();
    for (who, somebody, token) in [
        ("signed in", &person, None),
        ("staff", &staff, Some(token_of_staff.as_str())),
        ("nobody", &app.visitor(), Some("")),
    ] {
        for route in ROUTES
            .iter()
            .filter(|route| token.is_some() || !route.is_post())
        {
            let page = route.ask(somebody, token.unwrap_or_default(), "acme-lab", id_of(&run));
            answers.push((format!("{route} ({who})"), page));
        }
    }
    answers.extend(failures(app, &person, &run));

    // The phone may get another code, and the card over which the console panicked is looked up.
    app.clock.advance(chrono::TimeDelta::seconds(31));
    crate::cards::drain(app);
    let person = app.sign_in("sub-admin@acme.test");
    let run = person.start_registration("acme-lab");
    let tab = person.open("/billing/payment-methods");
    let token = tab.hidden("csrf_token").unwrap();
    for route in ROUTES.iter().filter(|route| route.is_post()) {
        let page = route.ask(&person, &token, "acme-lab", id_of(&run));
        assert_eq!(page.status, route.answers, "{route}: {}", page.body);
        answers.push((format!("{route} (signed in)"), page));
    }
    answers
}

fn id_of(run: &str) -> &str {
    run.rsplit_once('/').unwrap().1
}

/// What needs a console of its own: PortOne's events, and a line of readers that is full.
fn answers_of_others() -> Vec<(String, Page)> {
    let app = TestApp::start_with_portone(portone());
    let mut answers: Vec<(String, Page)> = OF_PORTONE
        .iter()
        .map(|route| {
            let page = route.ask(&app.visitor(), "", "", "");
            (format!("{route} (without a signature)"), page)
        })
        .collect();
    let signed = send(&app, WEBHOOK_SECRET, "event", 0, &deleted("no-such-key"));
    answers.push(("an event with a signature".to_owned(), signed));
    let get = app.visitor().open(ADDRESS);
    answers.push(("an event that is asked for".to_owned(), get));

    let mut readers = Vec::new();
    let fill = |services: &mut Services| {
        actix_web::rt::System::new().block_on(async {
            while let Ok(reader) = services.admission.enter(Work::Read).await {
                readers.push(reader);
            }
        });
    };
    let app = TestApp::start_on(|_| {}, fill);
    let person = app.sign_in("main-admin@acme.test");
    let turned_away = person.open("/billing/payment-methods");
    assert_eq!(turned_away.header("retry-after"), "1", "the line is full");
    answers.push(("a line that is full".to_owned(), turned_away));
    answers
}

fn failures(app: &TestApp, person: &Person, run: &str) -> Vec<(String, Page)> {
    let path = format!("{run}/card");
    let form = person.open(&path);
    let base = format!("http://{}", app.address);
    let ours = [("Origin", base.as_str())];
    let token = form.hidden("csrf_token").unwrap();
    let with_token = |more: &str| format!("csrf_token={token}&{more}");
    let mut failures = vec![
        ("a language chosen", person.open("/sign-in?lang=ko")),
        ("another host, to look", {
            let another = format!("http://localhost:{}", app.address.port());
            Person::new(another).open("/sign-in")
        }),
        ("another host, to post", {
            let headers = [("Origin", base.as_str()), ("Host", "evil.test")];
            person.post_with("/sign-in", &[], &headers)
        }),
        ("a body that is no form", {
            let json = [
                ("Origin", base.as_str()),
                ("Content-Type", "application/json"),
            ];
            person.post_body(&path, "{}", &json)
        }),
        (
            "a field twice",
            person.post_body(&path, &with_token("card_number=1&card_number=2"), &ours),
        ),
        (
            "a body too long",
            person.post_body(&path, &"a".repeat(5000), &ours),
        ),
        ("no token", person.post_body(&path, "a=1", &ours)),
        ("no such page", person.open("/no-such-page")),
        (
            "a method that is not taken",
            person.post("/billing/payment-methods", &[]),
        ),
        (
            "a sign-in",
            app.visitor().post(
                "/sign-in",
                &[
                    ("email", "viewer@acme.test"),
                    ("password", "open-sesame-demo"),
                ],
            ),
        ),
        (
            "a wrong password",
            app.visitor()
                .post("/sign-in", &[("email", "x"), ("password", "y")]),
        ),
        (
            "a wrong card",
            person.send(&form, &path, &[("card_number", "1")]),
        ),
        ("a refused card", person.enter_card(run, "4000000000000002")),
        (
            "a card company that cannot be reached",
            person.enter_card(run, "4000000000000119"),
        ),
        (
            "no role",
            app.sign_in("manager@acme.test")
                .open("/billing/payment-methods"),
        ),
    ];
    let scenario = fail::FailScenario::setup();
    fail::cfg("gateway-call", "panic").unwrap();
    failures.push((
        "a panic",
        person.send(&person.open("/billing/payment-methods"), &path, &{
            let mut fields = card("5555555555554444").to_vec();
            fields.push(("idempotency_key", "0123456789abcdef0123456789abcdef"));
            fields
        }),
    ));
    scenario.teardown();
    let other = person.reach_the_anonymous_card_page("acme-web");
    let other_form = person.open(&format!("{other}/card"));
    billing_console::payment_methods::store::claim_version(&mut app.connection(), "acme-web", 0)
        .unwrap();
    failures.push((
        "someone was faster",
        person.send(
            &other_form,
            &format!("{other}/card"),
            &card("5555555555554444"),
        ),
    ));
    let last = person.reach_the_anonymous_card_page("acme-ml");
    while person.enter_card(&last, "4000000000000002").status != 429 {}
    failures.push((
        "too many refused cards",
        person.enter_card(&last, "4000000000000002"),
    ));
    failures.push(("a sign-out", person.send(&form, "/sign-out", &[])));
    failures
        .into_iter()
        .map(|(what, page)| (what.to_owned(), page))
        .collect()
}

#[test]
fn every_answer_of_every_route_has_the_headers_of_the_snapshot() {
    let app = TestApp::start();
    let mut answers = answers(&app);
    answers.extend(answers_of_others());
    let statuses: BTreeSet<u16> = answers.iter().map(|(_, page)| page.status).collect();
    let wanted = [
        200, 303, 307, 400, 401, 403, 404, 405, 409, 413, 415, 421, 422, 429, 500, 503,
    ];
    assert_eq!(statuses.into_iter().collect::<Vec<_>>(), wanted);

    let everywhere = answers
        .iter()
        .map(|(_, page)| lines_of(page))
        .reduce(|one, other| &one & &other)
        .unwrap();
    let mut told = vec!["every answer".to_owned()];
    told.extend(everywhere.iter().map(|line| format!("  {line}")));
    let mut sets: Vec<(BTreeSet<String>, Vec<String>)> = Vec::new();
    for (what, page) in &answers {
        let more = &lines_of(page) - &everywhere;
        let what = format!("{} {what}", page.status);
        match sets.iter_mut().find(|(lines, _)| *lines == more) {
            Some((_, whats)) => whats.push(what),
            None => sets.push((more, vec![what])),
        }
    }
    for (lines, whats) in sets {
        told.push(String::new());
        told.extend(whats);
        told.extend(lines.iter().map(|line| format!("  {line}")));
    }
    insta::assert_snapshot!("headers", told.join("\n"));
}

#[test]
fn over_https_every_answer_says_so_and_no_cookie_goes_elsewhere() {
    let app =
        TestApp::start_with(|settings| settings.base_url = "https://billing.example.test".into());
    for route in ROUTES.iter().filter(|route| !route.is_post()) {
        let path = route.path("acme-lab", "none");
        let head = "Host: billing.example.test\r\n\r\n";
        let answer = wire::ask(&app, &format!("GET {path}?lang=ko HTTP/1.1\r\n{head}"));
        assert_eq!(
            answer.header("strict-transport-security"),
            "max-age=31536000; includeSubDomains",
            "{path}"
        );
        assert!(
            answer.header("set-cookie").contains("; Secure"),
            "{path}: {}",
            answer.head
        );
    }
}

#[test]
fn every_answer_to_a_form_of_secrets_makes_the_browser_forget_what_was_typed() {
    let app = TestApp::start();
    let person = app.sign_in("main-admin@acme.test");
    let run = person.reach_the_named_card_page("acme-lab");
    let base = format!("http://{}", app.address);
    let ours = [("Origin", base.as_str())];
    let forgets = |page: &Page, status: u16| {
        assert_eq!(page.status, status, "{}", page.body);
        let cookies = page.headers.get_all("set-cookie").iter();
        let mut cookies = cookies.map(|cookie| cookie.to_str().unwrap());
        assert!(
            cookies.any(|cookie| cookie.starts_with("billing_posted=")),
            "{status}"
        );
    };
    for step in ["card", "phone"] {
        let path = format!("{run}/{step}");
        let form = person.open(&path);
        forgets(&person.send(&form, &path, &[("card_number", "1")]), 422);
        forgets(&person.post_body(&path, "a=%", &ours), 400);
        forgets(&person.post_body(&path, &"a".repeat(5000), &ours), 413);
        forgets(&person.post_body(&path, "a=1", &ours), 403);
        forgets(&app.visitor().post(&path, &[]), 303);
        billing_console::payment_methods::store::claim_version(
            &mut app.connection(),
            "acme-lab",
            0,
        )
        .unwrap();
        forgets(&person.send(&form, &path, &[("card_number", "4242")]), 409);
        diesel::update(s::billing_groups::table.find("acme-lab"))
            .set(s::billing_groups::version.eq(0))
            .execute(&mut *app.connection())
            .unwrap();
    }
    // What the request names is no attribute of a cookie.
    let answer = person.post_body(
        "/billing/registrations/x;Domain=example.com/card",
        "a=1",
        &ours,
    );
    let cookies: Vec<_> = answer.headers.get_all("set-cookie").iter().collect();
    assert!(cookies.is_empty(), "{} {cookies:?}", answer.status);
}
