//! The phone form, its fields each on a line: who holds the phone, and its number. And the code that comes to it.
#![no_main]

use billing_console::{
    verification::{Carrier, Entered, HolderIdentity, PhoneNumber, code_of},
    web::fields::has_control,
};
use chrono::{Datelike, NaiveDate};
use libfuzzer_sys::fuzz_target;

const FIELDS: [&str; 5] = [
    "holder_name",
    "birth_date",
    "birth_digit",
    "carrier",
    "phone_number",
];

fuzz_target!(|typed: &str| {
    let mut lines = typed.split('\n');
    let [name, birth_date, birth_digit, carrier, phone] =
        FIELDS.map(|_| lines.next().unwrap_or_default());
    is_a_phone_or_refused(phone);
    is_a_code_or_refused(birth_date);
    let today = NaiveDate::from_ymd_opt(2026, 11, 24).expect("a day");
    match HolderIdentity::parse(name, birth_date, birth_digit, carrier, phone, today) {
        Ok(holder) => is_a_holder(&holder, today),
        Err(problems) => {
            let places: Vec<usize> = problems
                .iter()
                .map(|(field, _)| {
                    let place = FIELDS.iter().position(|known| known == field);
                    place.expect("a field of the form")
                })
                .collect();
            assert!(!places.is_empty() && places.is_sorted());
        }
    }
});

fn is_a_phone_or_refused(typed: &str) {
    let Ok(phone) = PhoneNumber::parse(typed) else {
        return;
    };
    let digits = phone.digits();
    assert!(matches!(digits.len(), 10 | 11) && is_all_digits(digits));
    assert!(digits.starts_with("01"));
    assert!(digits.len() == 11 || !digits.starts_with("010"));
    for printed in [digits.to_owned(), format!("+82{}", &digits[1..])] {
        assert!(PhoneNumber::parse(&printed).as_ref() == Ok(&phone));
    }
    let shown = format!("{}-****-{}", &digits[..3], &digits[digits.len() - 4..]);
    assert_eq!(phone.masked(), shown);
    assert_eq!(format!("{phone:?}"), shown);
}

fn is_a_code_or_refused(typed: &str) {
    if let Ok(code) = code_of(typed) {
        assert!(code.len() == 6 && is_all_digits(&code));
        assert_eq!(code_of(&code), Ok(code));
    }
}

fn is_a_holder(holder: &HolderIdentity, today: NaiveDate) {
    assert!((1..=50).contains(&holder.name.chars().count()));
    assert!(holder.name.trim() == holder.name.as_str() && !has_control(&holder.name));
    assert_eq!(
        Carrier::parse(holder.carrier.as_str()),
        Some(holder.carrier)
    );

    let number = |text: &str| text.parse::<u32>().expect("digits");
    let date = holder.birth_date.as_str();
    assert!(date.len() == 6 && is_all_digits(date));
    let century = match number(&holder.birth_digit) {
        1 | 2 | 5 | 6 => 1900,
        3 | 4 | 7 | 8 => 2000,
        other => panic!("{other} is no digit after a birth date"),
    };
    let year = century + number(&date[..2]).cast_signed();
    let born = NaiveDate::from_ymd_opt(year, number(&date[2..4]), number(&date[4..]));
    assert!(born.is_some_and(|born| born <= today && born.year() == year));

    let again = HolderIdentity::parse(
        &holder.name,
        date,
        &holder.birth_digit,
        holder.carrier.as_str(),
        holder.phone.digits(),
        today,
    );
    let again = again.ok().expect("a holder as we write it is a holder");
    let entered = Entered {
        name: &holder.name,
        birth_date: date,
        phone: holder.phone.digits(),
    };
    let told = format!("{year}-{}-{}", &date[2..4], &date[4..]);
    assert!(entered.is(&again.name, &told, again.phone.digits()));
    assert_eq!(again.birth_date, holder.birth_date);
}

fn is_all_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}
