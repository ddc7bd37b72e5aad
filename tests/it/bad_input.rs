//! Bad input: every field of every form with nothing, too long, the wrong kind, another script and
//! control characters. One table over all forms: the same words beside the field and in the summary.

use crate::{
    app::TestApp,
    attacks::people::every_row,
    person::{Page, Person},
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
    let named = person.reach_the_phone_code_page("acme-main");
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
            let before = every_row(&mut app.connection());
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
            let after = every_row(&mut app.connection());
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
