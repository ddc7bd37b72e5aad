//! The digits of a card's password and of a birth: too short to be looked for, so that two rows are compared instead.

use std::collections::BTreeMap;

use billing_console::{
    db::{look, schema as s},
    secrets::SecretKey,
};
use diesel::prelude::*;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::people::rows_of;
use crate::app::{KEY, TestApp};

/// The columns whose values are random, or follow from random ones, where they are no UUIDs.
const RANDOM: [(&str, &[&str]); 11] = [
    ("__diesel_schema_migrations", &["run_on"]),
    ("audit_heads", &["hash"]),
    ("audit_rows", &["reference", "previous_hash", "hash"]),
    ("card_attempts", &["reference", "idempotency_key"]),
    ("payment_methods", &["billing_key"]),
    ("registrations", &["reference", "sealed"]),
    ("sandbox_cards", &["billing_key", "gateway_reference"]),
    ("sandbox_codes", &["code_hash"]),
    ("sessions", &["key_hash"]),
    ("users", &["password_hash"]),
    ("verifications", &["subject_hash"]),
];

type Tables = BTreeMap<String, Vec<String>>;

/// Every row of every table without what is random.
fn rows(app: &TestApp) -> Tables {
    let mut db = app.connection();
    let random = BTreeMap::from(RANDOM);
    let tables = look::tables(&mut db).unwrap().into_iter();
    tables
        .map(|table| {
            let columns = random.get(table.as_str()).copied().unwrap_or_default();
            let rows = rows_of(&mut db, &table);
            let rows = rows.iter().map(|row| {
                let mut row: Map<String, Value> = serde_json::from_str(row).unwrap();
                for column in columns {
                    row.remove(*column).unwrap();
                }
                without_ids(&Value::from(row).to_string())
            });
            let mut rows: Vec<String> = rows.collect();
            rows.sort();
            (table, rows)
        })
        .collect()
}

fn without_ids(text: &str) -> String {
    let (mut told, mut rest) = (String::new(), text);
    while let Some(letter) = rest.chars().next() {
        let is_id = rest.get(..36).is_some_and(|id| Uuid::try_parse(id).is_ok());
        if is_id {
            told += "[id]";
            rest = &rest[36..];
        } else {
            told.push(letter);
            rest = &rest[letter.len_utf8()..];
        }
    }
    told
}

/// What the only run that keeps answers keeps.
fn kept(app: &TestApp, run: &str) -> Value {
    let sealed: Vec<(String, Option<Vec<u8>>)> = s::registrations::table
        .filter(s::registrations::sealed.is_not_null())
        .select((s::registrations::id, s::registrations::sealed))
        .load(&mut *app.connection())
        .unwrap();
    let [(id, Some(sealed))] = &sealed[..] else {
        panic!("{} runs keep answers", sealed.len());
    };
    assert_eq!(id, run);
    let key = SecretKey::from_hex(KEY).unwrap();
    serde_json::from_slice(&key.open(run, sealed).unwrap()).unwrap()
}

/// Registers a card by these digits: what is kept and every row while its run is open, and every row in the end.
fn walk(birth_digit: &str, password: &str) -> (Value, Tables, Tables) {
    let app = TestApp::start();
    let person = app.sign_in("main-admin@acme.test");
    let run = person.start_registration("acme-lab");
    let id = run.rsplit_once('/').unwrap().1;
    person.choose(&run, "named_card");
    let holder = [
        ("holder_name", "김하나"),
        ("birth_date", "900101"),
        ("birth_digit", birth_digit),
        ("carrier", "skt"),
        ("phone_number", "010-1234-5678"),
    ];
    person
        .fill(&format!("{run}/phone"), &holder)
        .leads_to(&format!("{run}/phone-code"));
    let code = |digits| person.fill(&format!("{run}/phone-code"), &[("code", digits)]);
    assert_eq!(code("000000").status, 422);
    code("123456").leads_to(&format!("{run}/card"));
    let card = |number| {
        let fields = [
            ("card_number", number),
            ("expiry_month", "12"),
            ("expiry_year", "29"),
            ("card_password_2", password),
        ];
        person.fill(&format!("{run}/card"), &fields)
    };
    assert_eq!(card("4242424242424241").status, 422);
    assert_eq!(card("4000000000000127").status, 422, "the wrong password");
    let (kept, open) = (kept(&app, id), rows(&app));
    card("4242424242424242").leads_to(&format!("{run}/complete"));
    crate::cards::drain(&app);
    (kept, open, rows(&app))
}

#[test]
fn i10_neither_a_card_password_nor_a_birth_digit_leaves_a_trace_in_any_row() {
    let (kept, open, done) = walk("2", "12");
    assert_eq!(open["card_attempts"].len(), 1, "the refused one");
    assert_eq!(done["card_attempts"].len(), 2);
    for (birth_digit, password) in [("1", "12"), ("2", "73")] {
        let (also_kept, also_open, also_done) = walk(birth_digit, password);
        assert_eq!(open, also_open, "{birth_digit} {password}");
        assert_eq!(done, also_done, "{birth_digit} {password}");
        assert_eq!(kept, also_kept, "{birth_digit} {password}");
    }
    // All that is sealed: what is kept besides is to be seen here.
    let expected = json!({
        "holder_name": "김하나",
        "birth_date": "900101",
        "carrier": "skt",
        "phone": "01012345678",
        "business_number": "",
    });
    assert_eq!(kept, expected);
}
