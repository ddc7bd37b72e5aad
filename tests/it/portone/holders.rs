//! Who stands behind a card, by PortOne: the holder of a phone, and a business.

use billing_console::db::schema as s;
use diesel::prelude::*;
use serde_json::{Value, json};

use super::{
    cards::start,
    fake::{Fake, IDENTITY_CHANNEL},
    faults::{Fault, Operation},
    state::active,
};
use crate::{
    app::TestApp,
    person::{Page, Person},
};

fn enter_holder(person: &Person, run: &str, phone: &str) -> Page {
    person.fill(
        &format!("{run}/phone"),
        &[
            ("holder_name", "김하나"),
            ("birth_date", "900101"),
            ("birth_digit", "2"),
            ("carrier", "kt_mvno"),
            ("phone_number", phone),
        ],
    )
}

fn at_the_phone() -> (Fake, TestApp, Person, String) {
    let (fake, app, person) = start();
    let run = person.start_registration("acme-lab");
    person
        .choose(&run, "named_card")
        .leads_to(&format!("{run}/phone"));
    (fake, app, person, run)
}

fn enter_code(person: &Person, run: &str, code: &str) -> Page {
    person.fill(&format!("{run}/phone-code"), &[("code", code)])
}

fn verified(app: &TestApp) -> i64 {
    s::verifications::table
        .filter(s::verifications::verified_at.is_not_null())
        .count()
        .get_result(&mut *app.connection())
        .unwrap()
}

#[test]
fn rule_8_the_holder_is_asked_about_once_and_the_code_that_came_verifies_them() {
    let (fake, app, person, run) = at_the_phone();
    enter_holder(&person, &run, "010-1234-5678").leads_to(&format!("{run}/phone-code"));
    let sent = &fake.asked(Operation::Send)[0];
    assert_eq!(sent["channelKey"], IDENTITY_CHANNEL);
    assert_eq!(sent["operator"], "KT_MVNO");
    assert_eq!(sent["method"], "SMS");
    let customer = &sent["customer"];
    assert_eq!(customer["name"], "김하나");
    assert_eq!(customer["phoneNumber"], "01012345678");
    assert_eq!(customer["identityNumber"], "9001012");
    assert_eq!(customer["ipAddress"], "127.0.0.1");

    let wrong = enter_code(&person, &run, "000000");
    assert_eq!(wrong.status, 422);
    assert!(
        wrong.texts(".error").concat().contains("4"),
        "four are left"
    );
    app.clock.advance(chrono::TimeDelta::seconds(31));
    let code = person.open(&format!("{run}/phone-code"));
    person
        .send(&code, &format!("{run}/phone-code/resend"), &[])
        .leads_to(&format!("{run}/phone-code"));
    assert_eq!(fake.asked(Operation::Resend).len(), 1);
    enter_code(&person, &run, "123456").leads_to(&format!("{run}/card"));
    assert_eq!(verified(&app), 1);
}

#[test]
fn another_name_birth_date_or_number_than_the_entered_one_verifies_nobody_and_is_not_told_apart() {
    let mut told = Vec::new();
    for (field, value) in [
        ("name", json!("김하늘")),
        ("birthDate", json!("1990-01-02")),
        ("phoneNumber", json!("01012345679")),
        ("birthDate", Value::Null),
        ("phoneNumber", Value::Null),
    ] {
        let (fake, app, person, run) = at_the_phone();
        fake.verifies_otherwise(field, value);
        enter_holder(&person, &run, "010-1234-5678").leads_to(&format!("{run}/phone-code"));
        let page = enter_code(&person, &run, "123456");
        assert_eq!(page.status, 422, "{field}");
        told.push(page.texts("[role=alert]").concat());
        assert_eq!(verified(&app), 0);
        let again = enter_code(&person, &run, "123456");
        assert_eq!(again.status, 422, "the code is dead");
        assert_eq!(verified(&app), 0);
    }
    assert!(told[0].contains("another person"), "{}", told[0]);
    assert!(told.iter().all(|words| *words == told[0]));
}

#[test]
fn a_holder_whom_the_carrier_does_not_know_is_told_so_and_counts() {
    let (fake, app, person, run) = at_the_phone();
    for _ in 0..5 {
        let page = enter_holder(&person, &run, "010-0000-0001");
        assert_eq!(page.status, 422);
        let words = page.texts("[role=alert]").concat();
        assert!(words.contains("does not confirm these details"), "{words}");
        assert!(page.attributes("[aria-invalid=true]", "id").is_empty());
    }
    // Nobody tries out who holds a number.
    let page = enter_holder(&person, &run, "010-0000-0001");
    assert_eq!(page.status, 429);
    assert_eq!(fake.asked(Operation::Send).len(), 5);
    let page = person.open(&format!("{run}/phone-code"));
    page.leads_to(&format!("{run}/phone"));
    assert_eq!(verified(&app), 0);
}

#[test]
fn the_providers_own_limit_is_429() {
    let (_fake, _app, person, run) = at_the_phone();
    let page = enter_holder(&person, &run, "010-0000-0003");
    assert_eq!(page.status, 429);
    assert!(!page.header("retry-after").is_empty());
    assert!(page.body.contains("takes no more tries"));
}

#[test]
fn a_code_that_may_have_been_sent_counts_and_one_that_was_not_does_not() {
    for (fault, is_counted) in [
        (Fault::DoneEnds, 1),
        (Fault::EndsUndone, 1),
        (Fault::Says(503, ""), 1),
        (Fault::Says(401, r#"{"type":"UNAUTHORIZED"}"#), 0),
        (Fault::Says(404, r#"{"type":"CHANNEL_NOT_FOUND"}"#), 0),
    ] {
        let (fake, app, person, run) = at_the_phone();
        fake.next(Operation::Send, fault.clone());
        let page = enter_holder(&person, &run, "010-1234-5678");
        assert_eq!((page.status, page.header("retry-after")), (503, "30"));
        let sends: i32 = s::verifications::table
            .select(s::verifications::sends)
            .first(&mut *app.connection())
            .unwrap();
        assert_eq!(sends, is_counted, "{fault:?}");
        app.clock.advance(chrono::TimeDelta::seconds(31));
        enter_holder(&person, &run, "010-1234-5678").leads_to(&format!("{run}/phone-code"));
        enter_code(&person, &run, "123456").leads_to(&format!("{run}/card"));
    }
}

#[test]
fn a_lost_answer_to_the_right_code_costs_no_try_and_the_same_code_goes_on() {
    for fault in [
        Fault::DoneEnds,
        Fault::DoneHalf,
        Fault::DoneSays(502, ""),
        Fault::DoneSays(200, "{}"),
    ] {
        let (fake, app, person, run) = at_the_phone();
        enter_holder(&person, &run, "010-1234-5678").leads_to(&format!("{run}/phone-code"));
        fake.next(Operation::Confirm, fault.clone());
        let page = enter_code(&person, &run, "123456");
        assert_eq!(page.status, 503, "{fault:?}");
        enter_code(&person, &run, "123456").leads_to(&format!("{run}/card"));
        assert_eq!(fake.asked(Operation::Verification).len(), 1);
        assert_eq!(verified(&app), 1);
    }
}

#[test]
fn a_code_that_may_have_been_looked_at_costs_its_try_and_one_that_was_not_costs_none() {
    let (fake, _app, person, run) = at_the_phone();
    enter_holder(&person, &run, "010-1234-5678").leads_to(&format!("{run}/phone-code"));
    for _ in 0..6 {
        let refused = Fault::Says(401, r#"{"type":"UNAUTHORIZED"}"#);
        fake.next(Operation::Confirm, refused);
        assert_eq!(enter_code(&person, &run, "123456").status, 503);
    }
    for _ in 0..4 {
        fake.next(Operation::Confirm, Fault::Says(503, ""));
        assert_eq!(enter_code(&person, &run, "000000").status, 503);
    }
    enter_code(&person, &run, "123456").leads_to(&format!("{run}/card"));
}

#[test]
fn rule_8_businesses_by_portone_each_status_has_its_words_and_none_is_guessed() {
    let (fake, _app, person) = start();
    let run = person.start_registration("acme-lab");
    person.choose(&run, "anonymous_corporate_card");
    let path = format!("{run}/business-number");
    let number = "9998100015";
    let with_status = |status: &str| {
        let mut business = active(number);
        business["businessStatus"] = status.into();
        business
    };
    for (told, status, words) in [
        (with_status("폐업자"), 422, "This business is closed"),
        (with_status("휴업자"), 422, "This business is dormant"),
        (
            json!("등록되지 않은 사업자등록번호입니다"),
            422,
            "No business has this number",
        ),
        (with_status("알 수 없음"), 503, "cannot reach"),
        (json!("조회 시간 초과"), 503, "cannot reach"),
    ] {
        fake.business(number, told);
        let page = person.fill(&path, &[("business_number", "999-81-00015")]);
        assert_eq!(page.status, status, "{words}");
        assert!(
            page.texts("[role=alert]").concat().contains(words),
            "{words}"
        );
    }
    fake.business(number, with_status("계속사업자"));
    for fault in [
        Fault::EndsUndone,
        Fault::Says(429, ""),
        Fault::Says(502, r#"{"type":"B2B_EXTERNAL_SERVICE"}"#),
        Fault::DoneSays(200, "{}"),
    ] {
        fake.next(Operation::Business, fault.clone());
        let page = person.fill(&path, &[("business_number", "999-81-00015")]);
        assert_eq!(page.status, 503, "{fault:?}");
    }
    person
        .fill(&path, &[("business_number", "999-81-00015")])
        .leads_to(&format!("{run}/card"));
}
