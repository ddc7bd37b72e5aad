//! Every form as a whole: another's, stale, out of order, sent twice, signed in with, and odd bodies.

use crate::{
    app::TestApp,
    attacks::people::every_row,
    person::{Person, card},
};

/// Every form that posts, with what it needs to be taken.
fn all_forms(person: &Person) -> Vec<(String, Vec<(&'static str, &'static str)>)> {
    let named = person.reach_the_phone_code_page("acme-main");
    let anonymous = person.start_registration("acme-ml");
    person.choose(&anonymous, "anonymous_corporate_card");
    let run = person.reach_the_anonymous_card_page("acme-web");
    let agreed = vec![
        ("payment_method", "named_card"),
        ("agree_auto_payment", "yes"),
        ("agree_privacy", "yes"),
        ("agree_third_party", "yes"),
    ];
    let phone = vec![
        ("holder_name", "김하나"),
        ("birth_date", "900101"),
        ("birth_digit", "2"),
        ("carrier", "skt"),
        ("phone_number", "010-9999-0000"),
    ];
    let mut card_fields = card("5555555555554444").to_vec();
    card_fields.push(("idempotency_key", "0123456789abcdef0123456789abcdef"));
    vec![
        (format!("{named}/payment-method"), agreed),
        (format!("{named}/phone"), phone),
        (format!("{named}/phone-code"), vec![("code", "123456")]),
        (format!("{named}/phone-code/resend"), vec![]),
        (
            format!("{anonymous}/business-number"),
            vec![("business_number", "999-81-00015")],
        ),
        (format!("{run}/card"), card_fields),
        (format!("{run}/cancel"), vec![]),
        ("/billing/groups/acme-lab/registrations".into(), vec![]),
    ]
}

#[test]
fn no_form_takes_another_users_id_or_tells_that_it_is_there() {
    let app = TestApp::start();
    let person = app.sign_in("main-admin@acme.test");
    let forms = all_forms(&person);
    let stranger = app.sign_in("admin@blueharbor.test");
    let tab = stranger.open("/billing/payment-methods");
    let absent = stranger.open("/billing/registrations/none/card").body;
    let before = every_row(&mut app.connection());
    for (path, fields) in &forms {
        let page = stranger.send(&tab, path, fields);
        assert_eq!(page.status, 404, "{path}");
        assert_eq!(page.body, absent, "{path}");
    }
    assert_eq!(before, every_row(&mut app.connection()));
}

#[test]
fn every_form_of_a_stale_tab_says_who_changed_the_group() {
    let app = TestApp::start();
    let person = app.sign_in("main-admin@acme.test");
    let forms = all_forms(&person);
    let tab = person.open("/billing/payment-methods");
    for group in ["acme-main", "acme-ml", "acme-web"] {
        assert!(
            billing_console::payment_methods::store::claim_version(&mut app.connection(), group, 0)
                .unwrap()
        );
    }
    for (path, fields) in forms {
        let expected = if path.ends_with("/cancel") || path.ends_with("/registrations") {
            303
        } else {
            409
        };
        assert_eq!(person.send(&tab, &path, &fields).status, expected, "{path}");
    }
}

#[test]
fn every_form_out_of_order_leads_to_the_first_open_step() {
    let app = TestApp::start();
    let person = app.sign_in("main-admin@acme.test");
    let tab = person.open("/billing/payment-methods");
    let run = person.start_registration("acme-lab");
    for (step, fields) in [
        ("phone", vec![("holder_name", "x")]),
        ("phone-code", vec![("code", "123456")]),
        ("phone-code/resend", vec![]),
        ("business-number", vec![("business_number", "9998100015")]),
        (
            "card",
            vec![
                ("idempotency_key", "0123456789abcdef0123456789abcdef"),
                ("card_number", "5555555555554444"),
            ],
        ),
    ] {
        person
            .send(&tab, &format!("{run}/{step}"), &fields)
            .leads_to(&format!("{run}/payment-method"));
    }
}

#[test]
fn a_repeated_post_of_any_form_is_taken_or_leads_on_and_is_never_a_fault() {
    let app = TestApp::start();
    let person = app.sign_in("main-admin@acme.test");
    let tab = person.open("/billing/payment-methods");
    for (path, fields) in all_forms(&person) {
        let first = person.send(&tab, &path, &fields);
        let second = person.send(&tab, &path, &fields);
        for page in [first, second] {
            assert!(matches!(page.status, 303 | 429), "{path}: {}", page.status);
        }
    }
    crate::cards::drain(&app);
    crate::cards::assert_keys_match(&mut app.connection());
}

#[test]
fn sign_in_keeps_the_address_and_never_says_which_was_wrong() {
    let app = TestApp::start();
    let person = app.visitor();
    for (email, password, words) in [
        ("", "x", "Enter your email address"),
        ("kim@acme.test", "", "Enter your password"),
        ("nobody@acme.test", "x", "E-mail or password is not correct"),
        (
            "main-admin@acme.test",
            "x",
            "E-mail or password is not correct",
        ),
        ("kim\u{0}@acme.test", "x", "Remove the control characters"),
    ] {
        let page = person.post("/sign-in", &[("email", email), ("password", password)]);
        assert_eq!(page.status, 422, "{email}");
        assert!(
            page.texts("[role=alert]").join("").contains(words),
            "{words}"
        );
        assert!(page.texts(".error").join("").contains(words), "{words}");
        assert!(
            page.attributes("input[type=password]:not([hidden])", "value")
                .concat()
                .is_empty()
        );
    }
}

#[test]
fn ten_failed_sign_ins_pause_the_account_even_for_the_right_password() {
    let app = TestApp::start();
    let person = app.visitor();
    let try_with = |password| {
        person.post(
            "/sign-in",
            &[("email", "main-admin@acme.test"), ("password", password)],
        )
    };
    for _ in 0..10 {
        assert_eq!(try_with("wrong").status, 422);
    }
    let page = try_with("open-sesame-demo");
    assert_eq!(page.status, 429);
    assert!(page.body.contains("14:17 KST"), "{}", page.body);
    app.clock.advance(chrono::TimeDelta::minutes(15));
    assert_eq!(try_with("open-sesame-demo").status, 303);
}

#[test]
fn odd_bodies_are_a_clear_4xx_and_change_nothing() {
    let app = TestApp::start();
    let person = app.sign_in("main-admin@acme.test");
    let run = person.reach_the_anonymous_card_page("acme-lab");
    let path = format!("{run}/card");
    let form = person.open(&path);
    let token = form.hidden("csrf_token").unwrap();
    let base = format!("http://{}", app.address);
    let ours = [("Origin", base.as_str())];
    let big = format!("csrf_token={token}&card_number={}", "1".repeat(1000));
    let twice = format!(
        "csrf_token={token}&idempotency_key={}&card_number=1&card_number=2",
        "a".repeat(32)
    );
    let broken = format!("csrf_token={token}&card_number=%zz");
    for (body, status) in [
        (big, 413),
        (twice, 400),
        (broken, 400),
        (format!("csrf_token={token}"), 400),
    ] {
        let page = person.post_body(&path, &body, &ours);
        assert_eq!(page.status, status, "{}", page.body);
        assert_eq!(page.texts("h1").len(), 1, "a page of ours");
    }
    assert_eq!(person.open(&path).status, 200, "the run goes on");
    assert_eq!(person.post("/billing/payment-methods", &[]).status, 405);
}
