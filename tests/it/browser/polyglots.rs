//! What would run as HTML, script, SQL, template, Fluent or a spreadsheet's formula is shown as it was written.

use billing_console::db::schema as s;
use diesel::prelude::*;
use serde_json::json;

use super::{Browser, Setup, visit};
use crate::{app::TestApp, process};

const POLYGLOTS: [&str; 11] = [
    "<script>window.ran=1</script>",
    "\"'><img src=x onerror=window.ran=1>",
    "</title></textarea><svg onload=window.ran=1>",
    "javascript:window.ran=1//&quot;&lt;",
    "'; DROP TABLE users; -- \" OR 1=1",
    "{{ 7*7 }}{% raw %}${7*7}<%= 7*7 %>",
    "{ $name } { -term } {\"x\"} \\u0041",
    "=HYPERLINK(\"http://evil.test\",1)",
    "+1+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(1,2)",
];

/// An organization whose every name is one of them, imported as an operator does, and its administrator.
fn import_names(app: &TestApp) {
    let groups: Vec<_> = POLYGLOTS
        .iter()
        .enumerate()
        .map(|(n, name)| {
            let class = if n == 0 { "main" } else { "sub" };
            json!({"id": format!("evil-{n}"), "name": name, "class": class})
        })
        .collect();
    let document = json!({"organizations": [{
        "id": "evil", "name": POLYGLOTS[1], "member_type": "business", "groups": groups,
        "members": [{"email": "evil@evil.test", "name": POLYGLOTS[2], "role": "billing_administrator",
            "groups": ["evil-0"]}],
    }]});
    let path = app.database.folder.path().join("evil.json");
    std::fs::write(&path, document.to_string()).unwrap();
    let done = process::run(&app.database, &["import", &path.display().to_string()]);
    assert!(done.status.success(), "{}", process::told(&done));
    let db = &mut *app.connection();
    let hash: Option<String> = s::users::table
        .filter(s::users::email.eq("main-admin@acme.test"))
        .select(s::users::password_hash)
        .first(db)
        .unwrap();
    diesel::update(s::users::table.filter(s::users::email.eq("evil@evil.test")))
        .set(s::users::password_hash.eq(hash))
        .execute(db)
        .unwrap();
}

#[track_caller]
fn is_inert(browser: &Browser, at: &str) {
    browser.until(at, || browser.is_whole().then_some(()));
    let (ran, foreign): (bool, u32) = browser.ask(
        "return ['ran' in window,
            document.querySelectorAll('script:not([src^=\"/static/\"]), img, iframe, [onload], [onerror]').length]",
        [],
    );
    assert_eq!((ran, foreign), (false, 0), "{at}: {}", browser.text("body"));
}

/// Types past the fields' limits, as a request by hand would, and sends the form.
fn send(browser: &Browser, fields: &[&str], words: &str) {
    browser.ask::<()>(
        "for (const id of arguments[0]) {
            const field = document.getElementById(id);
            field.removeAttribute('maxlength');
            field.value = arguments[1];
        }
        document.documentElement.dataset.sent = '';
        HTMLFormElement.prototype.submit.call(document.getElementById(arguments[0][0]).form)",
        [json!(fields), json!(words)],
    );
    browser.until("answer", || {
        (browser.is_whole() && browser.count("html[data-sent]") == 0).then_some(())
    });
}

#[test]
fn polyglots_in_every_field_and_name_are_inert() {
    let app = TestApp::start();
    import_names(&app);
    let run = app.sign_in("evil@evil.test").start_registration("evil-3");
    visit(&app, Setup::DESK, &[422], |browser| {
        browser.go("/sign-in");
        send(browser, &["email", "password"], POLYGLOTS[1]);
        is_inert(browser, "sign-in");
        browser.sign_in("evil@evil.test");
        is_inert(browser, "the tab");
        let names: Vec<String> = browser.ask(
            "return [...document.querySelectorAll('tr[data-group] th, tr[data-group] td')].map((cell) => cell.innerText)",
            [],
        );
        for polyglot in POLYGLOTS {
            assert!(
                names.iter().any(|cell| cell.contains(polyglot)),
                "{polyglot}: {names:?}"
            );
            browser.go("/billing/payment-methods");
            send(browser, &["q"], polyglot);
            is_inert(browser, "the search");
            assert_eq!(browser.value("q"), polyglot);
            assert_eq!(
                browser.count("tr[data-group]"),
                1,
                "{polyglot} is found by its name"
            );
        }
        for n in 0..POLYGLOTS.len() {
            browser.go(&format!("/billing/groups/evil-{n}/dedicated-account"));
            is_inert(browser, "the dedicated account");
        }
        browser.go(&format!("{run}/payment-method"));
        is_inert(browser, "the first step");
        walk_the_forms(browser, &app, &run);
        browser.go(&format!(
            "/sign-in?next={}",
            billing_console::web::encoded("javascript:window.ran=1//")
        ));
        is_inert(browser, "a way on that is a script");
    });
    visit(&app, Setup::DESK, &[404], |browser| {
        browser.sign_in("support@console.test");
        for polyglot in POLYGLOTS {
            browser.go("/support/groups");
            send(browser, &["q"], polyglot);
            is_inert(browser, "staff's search");
        }
        for n in 0..POLYGLOTS.len() {
            browser.go(&format!("/support/groups/evil-{n}"));
            is_inert(browser, "the preview");
        }
        for address in [
            "/<script>window.ran=1</script>",
            "/support/groups/%3Cimg%20src=x%20onerror=window.ran=1%3E",
        ] {
            browser.go(address);
            is_inert(browser, address);
        }
    });
    is_defused_for_spreadsheets(&app);
}

/// The forms of both ways; what they say again is what was typed.
fn walk_the_forms(browser: &Browser, app: &TestApp, run: &str) {
    let person = app.sign_in("evil@evil.test");
    person.choose(run, "named_card");
    for polyglot in POLYGLOTS {
        browser.go(&format!("{run}/phone"));
        let fields = ["holder_name", "birth_date", "birth_digit", "phone_number"];
        send(browser, &fields, polyglot);
        is_inert(browser, "the phone's form");
        assert_eq!(browser.value("holder_name"), polyglot);
    }
    person.choose(run, "anonymous_corporate_card");
    for polyglot in POLYGLOTS {
        browser.go(&format!("{run}/business-number"));
        send(browser, &["business_number"], polyglot);
        is_inert(browser, "the business number's form");
    }
    let path = format!("{run}/business-number");
    person.fill(&path, &[("business_number", "999-81-00015")]);
    for polyglot in POLYGLOTS {
        browser.go(&format!("{run}/card"));
        let fields = [
            "card_number",
            "expiry_month",
            "expiry_year",
            "card_password_2",
        ];
        send(browser, &fields, polyglot);
        is_inert(browser, "the card's form");
        assert_eq!(browser.value("card_number"), "");
    }
}

fn is_defused_for_spreadsheets(app: &TestApp) {
    let table = app
        .sign_in("evil@evil.test")
        .open("/billing/payment-methods.csv")
        .body;
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    let names: Vec<String> = reader
        .records()
        .map(|row| row.unwrap()[1].to_owned())
        .collect();
    assert_eq!(names.len(), POLYGLOTS.len());
    for polyglot in POLYGLOTS {
        let is_formula = polyglot.starts_with(['=', '+', '-', '@']);
        let cell = format!("{}{polyglot}", if is_formula { "'" } else { "" });
        assert!(names.contains(&cell), "{cell}: {names:?}");
    }
}
