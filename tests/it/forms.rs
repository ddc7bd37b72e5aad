//! Bad input: every field of every form with nothing, too long, the wrong kind, another script and
//! control characters. One table over all forms: the same words beside the field and in the summary.

use crate::{
    app::{Page, Person, TestApp, card},
    database::all_rows,
};

/// A form: its page, the answers that are right, and for each field what is wrong with what.
struct Form {
    name: &'static str,
    page: String,
    good: Vec<(&'static str, &'static str)>,
    wrong: Vec<(&'static str, &'static str, &'static str)>,
}

const LONG: &str = "1111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111";

fn forms(person: &Person) -> Vec<Form> {
    let named = person.start_registration("acme-lab");
    let choose = Form {
        name: "payment method",
        page: format!("{named}/payment-method"),
        good: vec![
            ("payment_method", "named_card"),
            ("agree_auto_payment", "yes"),
            ("agree_privacy", "yes"),
            ("agree_third_party", "yes"),
        ],
        wrong: vec![
            ("payment_method", "", "Select a payment method"),
            ("payment_method", "debit_card", "Select a payment method"),
            ("payment_method", "결제", "Select a payment method"),
            (
                "payment_method",
                "named_card\u{0}",
                "Select a payment method",
            ),
            ("payment_method", LONG, "Select a payment method"),
        ],
    };
    person.choose(&named, "named_card");
    let phone = Form {
        name: "phone",
        page: format!("{named}/phone"),
        good: vec![
            ("holder_name", "김하나"),
            ("birth_date", "900101"),
            ("birth_digit", "2"),
            ("carrier", "kt_mvno"),
            ("phone_number", "+82 10-1234-5678"),
        ],
        wrong: vec![
            ("holder_name", "", "Enter the name on the phone account"),
            (
                "holder_name",
                "김\u{7}하나",
                "Remove the control characters",
            ),
            ("holder_name", LONG, "Name must be 50 characters or fewer"),
            ("birth_date", "", "Enter a date of birth"),
            ("birth_date", "9001", "Date of birth must be 6 digits"),
            ("birth_date", "구공일일", "Date of birth must be 6 digits"),
            ("birth_date", "901301", "Check the date of birth"),
            (
                "birth_digit",
                "",
                "Enter the first digit after the date of birth",
            ),
            (
                "birth_digit",
                "9",
                "Enter the first digit after the date of birth",
            ),
            ("carrier", "", "Select a mobile carrier"),
            ("carrier", "verizon", "Select a mobile carrier"),
            ("phone_number", "", "Enter a mobile phone number"),
            (
                "phone_number",
                "02-123-4567",
                "Enter a mobile phone number, like 010-1234-5678",
            ),
            (
                "phone_number",
                LONG,
                "Enter a mobile phone number, like 010-1234-5678",
            ),
            (
                "phone_number",
                "010\u{1b}1234",
                "Remove the control characters",
            ),
        ],
    };
    vec![choose, phone]
}

fn later_forms(person: &Person) -> Vec<Form> {
    let named = person.start_registration("acme-main");
    person.choose(&named, "named_card");
    person
        .ask_for_a_code(&named)
        .leads_to(&format!("{named}/phone-code"));
    let code = Form {
        name: "phone code",
        page: format!("{named}/phone-code"),
        good: vec![("code", "１２３ ４５６")],
        wrong: vec![
            ("code", "", "Enter the verification code"),
            ("code", "12345", "Verification code must be 6 digits"),
            ("code", "abcdef", "Verification code must be 6 digits"),
            ("code", "일이삼사오육", "Verification code must be 6 digits"),
            ("code", LONG, "Verification code must be 6 digits"),
            ("code", "123\u{0}456", "Remove the control characters"),
        ],
    };
    let anonymous = person.start_registration("acme-ml");
    person.choose(&anonymous, "anonymous_corporate_card");
    let business = Form {
        name: "business number",
        page: format!("{anonymous}/business-number"),
        good: vec![("business_number", "９９９-81 00015")],
        wrong: vec![
            (
                "business_number",
                "",
                "Enter a business registration number",
            ),
            (
                "business_number",
                "999-81-0001",
                "Business registration number must be 10 digits",
            ),
            (
                "business_number",
                LONG,
                "Business registration number must be 10 digits",
            ),
            (
                "business_number",
                "구구구",
                "Business registration number must be 10 digits",
            ),
            (
                "business_number",
                "000-00-00000",
                "Check the business registration number",
            ),
            (
                "business_number",
                "999-81\r\n00015",
                "Remove the control characters",
            ),
        ],
    };
    let run = person.reach_the_anonymous_card_page("acme-web");
    let card = Form {
        name: "card",
        page: format!("{run}/card"),
        good: vec![
            ("card_number", "５５５５ 5555-5555 4444"),
            ("expiry_month", "1"),
            ("expiry_year", "2030"),
            ("card_password_2", "00"),
        ],
        wrong: vec![
            ("card_number", "", "Enter a card number"),
            (
                "card_number",
                "4242 4242 4242 424x",
                "Card number must only include numbers, spaces and hyphens",
            ),
            (
                "card_number",
                "사이사이",
                "Card number must only include numbers, spaces and hyphens",
            ),
            ("card_number", LONG, "Card number is not the correct length"),
            ("card_number", "4242424242424241", "Check the card number"),
            ("card_number", "4242\u{0}", "Remove the control characters"),
            ("expiry_month", "", "Enter a month"),
            ("expiry_month", "13", "Month must be between 1 and 12"),
            ("expiry_month", LONG, "Month must be between 1 and 12"),
            ("expiry_year", "", "Enter a year"),
            ("expiry_year", "203", "Year must be 2 or 4 digits"),
            (
                "expiry_year",
                "2020",
                "Expiry date must be this month or later",
            ),
            ("expiry_year", "2099", "Check the year of the expiry date"),
            (
                "card_password_2",
                "",
                "Enter the first 2 digits of the card password",
            ),
            ("card_password_2", "1", "Card password must be 2 digits"),
            ("card_password_2", "xx", "Card password must be 2 digits"),
            ("card_password_2", LONG, "Card password must be 2 digits"),
        ],
    };
    vec![code, business, card]
}

fn is_told(form: &Form, field: &str, words: &str, page: &Page) {
    let at = format!("{} {field}: {words}", form.name);
    assert_eq!(page.status, 422, "{at}");
    let (summary, beside) = (
        page.texts("[role=alert] a").join("; "),
        page.texts(".error").join("; "),
    );
    assert!(summary.contains(words), "{at} in the summary: {summary}");
    assert!(beside.contains(words), "{at} beside the field: {beside}");
    assert!(
        !page.attributes("[aria-invalid=true]", "name").is_empty(),
        "{at}"
    );
    assert!(page.texts("title")[0].starts_with("Error: "), "{at}");
}

#[test]
fn every_field_of_every_form_says_what_is_wrong_and_keeps_the_rest() {
    let app = TestApp::start();
    let person = app.sign_in("main-admin@acme.test");
    for forms in [forms, later_forms] {
        app.clock.advance(chrono::TimeDelta::seconds(31)); // the phone may get another code
        for form in forms(&person) {
            let before = all_rows(&mut app.connection());
            for (field, value, words) in &form.wrong {
                let mut fields = form.good.clone();
                for (name, good) in &mut fields {
                    if name == field {
                        *good = value;
                    }
                }
                let page = person.fill(&form.page, &fields);
                is_told(&form, field, words, &page);
                keeps_the_rest(&form, field, &page);
                for secret in ["card_number", "card_password_2", "birth_digit", "code"] {
                    let filled = page
                        .attributes(&format!("input[name={secret}]"), "value")
                        .concat();
                    assert!(filled.is_empty(), "{} is filled in again", secret);
                }
            }
            let all: Vec<(&str, &str)> = Vec::new();
            assert_eq!(
                person.fill(&form.page, &all).status,
                422,
                "{}: nothing at all",
                form.name
            );
            let after = all_rows(&mut app.connection());
            assert_eq!(before, after, "{}: nothing half done", form.name);
            let page = person.fill(&form.page, &form.good);
            assert_eq!(page.status, 303, "{}: {}", form.name, page.body);
        }
    }
}

/// Every good answer is shown again, but for what is never filled in twice.
fn keeps_the_rest(form: &Form, wrong: &str, page: &Page) {
    for (name, value) in &form.good {
        if *name == wrong || NEVER_FILLED.contains(name) {
            continue;
        }
        let by_value = |css: &str| {
            page.attributes(&format!("{css}[name={name}]"), "value")
                .iter()
                .any(|shown| shown == value)
        };
        let is_kept = by_value("input:not([type=radio], [type=checkbox])")
            || by_value("input[checked]")
            || page
                .attributes(&format!("select[name={name}] option[selected]"), "value")
                .iter()
                .any(|shown| shown == value);
        assert!(is_kept, "{}: {name} was lost over {wrong}", form.name);
    }
}

const NEVER_FILLED: [&str; 6] = [
    "card_number",
    "expiry_month",
    "expiry_year",
    "card_password_2",
    "birth_digit",
    "code",
];

/// Every form that posts, with what it needs to be taken.
fn all_forms(person: &Person) -> Vec<(String, Vec<(&'static str, &'static str)>)> {
    let named = person.start_registration("acme-main");
    person.choose(&named, "named_card");
    person.ask_for_a_code(&named);
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
    let before = all_rows(&mut app.connection());
    for (path, fields) in &forms {
        let page = stranger.send(&tab, path, fields);
        assert_eq!(page.status, 404, "{path}");
        assert_eq!(page.body, absent, "{path}");
    }
    let rows = |rows: &str| -> Vec<String> {
        rows.lines()
            .filter(|line| !line.contains("refused"))
            .map(str::to_owned)
            .collect()
    };
    assert_eq!(rows(&before), rows(&all_rows(&mut app.connection())));
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
