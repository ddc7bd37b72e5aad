//! The card form: its fields, each on a line.
#![no_main]

use billing_console::gateway::{CardDetails, Expiry, LastFour, brand_of};
use chrono::NaiveDate;
use libfuzzer_sys::fuzz_target;

const FIELDS: [&str; 4] = [
    "card_number",
    "expiry_month",
    "expiry_year",
    "card_password_2",
];

fuzz_target!(|typed: &str| {
    let mut lines = typed.split('\n');
    let [number, month, year, password] = FIELDS.map(|_| lines.next().unwrap_or_default());
    let today = NaiveDate::from_ymd_opt(2026, 11, 24).expect("a day");
    let card = match CardDetails::parse(number, month, year, password, today) {
        Ok(card) => card,
        Err(problems) => {
            let places: Vec<usize> = problems
                .iter()
                .map(|problem| {
                    let place = FIELDS.iter().position(|field| *field == problem.field);
                    place.expect("a field of the form")
                })
                .collect();
            assert!(!places.is_empty() && places.is_sorted());
            return;
        }
    };
    is_a_number(card.number());
    let Expiry { year, month } = card.expiry();
    assert!((1..=12).contains(&month));
    assert!((2026, 11) <= (year, month) && year <= 2046);
    assert!(card.password_2().len() == 2 && is_all_digits(card.password_2()));

    let again = CardDetails::parse(
        card.number(),
        &month.to_string(),
        &year.to_string(),
        card.password_2(),
        today,
    );
    let again = again.ok().expect("a card as we write it is a card");
    assert_eq!(again.number(), card.number());
    assert_eq!(again.expiry(), card.expiry());
    assert_eq!(again.password_2(), card.password_2());
});

/// 12 to 19 digits with their check digit, which domestic cards need not have.
fn is_a_number(number: &str) {
    assert!((12..=19).contains(&number.len()) && is_all_digits(number));
    let doubled_every_second = number.bytes().rev().zip([1, 2].into_iter().cycle());
    let sum: u32 = doubled_every_second
        .map(|(digit, times)| u32::from(digit - b'0') * times)
        .map(|product| product / 10 + product % 10)
        .sum();
    assert!(sum % 10 == 0 || number.starts_with('9'));
    assert!(LastFour::parse(&number[number.len() - 4..]).is_some());
    assert!(!number.starts_with('9') || brand_of(number).is_none());
}

fn is_all_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}
