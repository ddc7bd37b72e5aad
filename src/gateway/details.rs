//! A card as it is typed: it goes to the gateway once and nowhere else.

use chrono::{Datelike, NaiveDate};
use zeroize::Zeroizing;

use super::Expiry;
use crate::web::fields::typed_number;

/// The shortest and the longest card number, in digits (ISO/IEC 7812; some domestic cards have 12).
const NUMBER_LENGTHS: std::ops::RangeInclusive<usize> = 12..=19;
/// Years ahead that an expiry date may lie.
const FARTHEST_EXPIRY: i32 = 20;

/// A card as it was typed, wiped when dropped. No Debug, Clone or Serialize: it goes to the gateway
/// once and nowhere else.
pub struct CardDetails {
    number: Zeroizing<String>,
    expiry: Expiry,
    password_2: Zeroizing<String>,
}

/// What is wrong with one field of the card form. Holds no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CardProblem {
    /// The field's name.
    pub field: &'static str,
    /// The key of the message.
    pub key: &'static str,
}

impl CardDetails {
    /// Reads the card form on `today` (Seoul).
    ///
    /// # Errors
    /// At most one problem for each field, in the form's order.
    pub fn parse(
        number: &str,
        month: &str,
        year: &str,
        password_2: &str,
        today: NaiveDate,
    ) -> Result<Self, Vec<CardProblem>> {
        let number = parse_number(number);
        let expiry = parse_expiry(month, year, today);
        let password_2 = parse_password(password_2);
        match (number, expiry, password_2) {
            (Ok(number), Ok(expiry), Ok(password_2)) => Ok(Self {
                number,
                expiry,
                password_2,
            }),
            (number, expiry, password_2) => Err([
                number.err().map(|key| CardProblem {
                    field: "card_number",
                    key,
                }),
                expiry.err(),
                password_2.err().map(|key| CardProblem {
                    field: "card_password_2",
                    key,
                }),
            ]
            .into_iter()
            .flatten()
            .collect()),
        }
    }

    /// The digits of the number.
    pub fn number(&self) -> &str {
        &self.number
    }

    /// The expiry date.
    pub fn expiry(&self) -> Expiry {
        self.expiry
    }

    /// The first two digits of the card's password.
    pub fn password_2(&self) -> &str {
        &self.password_2
    }
}

fn parse_number(text: &str) -> Result<Zeroizing<String>, &'static str> {
    let digits = typed_number(text)?;
    match digits.len() {
        0 => Err("err-number-empty"),
        _ if !are_digits(&digits) => Err("err-number-format"),
        length if !NUMBER_LENGTHS.contains(&length) => Err("err-number-length"),
        // Korean domestic cards (9…) do not all carry a Luhn digit: the gateway tells.
        _ if !digits.starts_with('9') && !passes_luhn(&digits) => Err("err-number-check"),
        _ => Ok(digits),
    }
}

fn are_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// ISO/IEC 7812-1, annex B.
fn passes_luhn(digits: &str) -> bool {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(at, digit)| {
            let digit = u32::from(digit - b'0');
            match at % 2 {
                0 => digit,
                _ if digit > 4 => digit * 2 - 9,
                _ => digit * 2,
            }
        })
        .sum();
    sum.is_multiple_of(10)
}

fn parse_expiry(month: &str, year: &str, today: NaiveDate) -> Result<Expiry, CardProblem> {
    let at_month = |key| CardProblem {
        field: "expiry_month",
        key,
    };
    let at_year = |key| CardProblem {
        field: "expiry_year",
        key,
    };
    let month = typed_number(month).map_err(at_month)?;
    let year = typed_number(year).map_err(at_year)?;
    match (month.is_empty(), year.is_empty()) {
        (true, true) => return Err(at_month("err-expiry-empty")),
        (true, false) => return Err(at_month("err-month-empty")),
        (false, true) => return Err(at_year("err-year-empty")),
        (false, false) => {}
    }
    let month: u32 = Some(month.as_str())
        .filter(|text| text.len() <= 2 && are_digits(text))
        .and_then(|text| text.parse().ok())
        .filter(|month| (1..=12).contains(month))
        .ok_or(at_month("err-month"))?;
    let year: i32 = match year.len() {
        2 if are_digits(&year) => year.parse().map(|year: i32| 2000 + year),
        4 if are_digits(&year) => year.parse(),
        _ => return Err(at_year("err-year")),
    }
    .map_err(|_| at_year("err-year"))?;
    let expiry = Expiry { year, month };
    let this_month = Expiry {
        year: today.year(),
        month: today.month(),
    };
    if expiry < this_month {
        Err(at_month("err-expiry-past"))
    } else if expiry.year > this_month.year + FARTHEST_EXPIRY {
        Err(at_year("err-expiry-far"))
    } else {
        Ok(expiry)
    }
}

fn parse_password(text: &str) -> Result<Zeroizing<String>, &'static str> {
    let digits = typed_number(text)?;
    match digits.len() {
        0 => Err("err-pw2"),
        2 if are_digits(&digits) => Ok(digits),
        _ => Err("err-pw2-format"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What could show, copy or write a card: as soon as it is one of these, `lacks` below is of two traits and does
    /// not compile.
    const _: () = {
        trait Lacks<What> {
            fn lacks() {}
        }
        struct Debug;
        struct Display;
        struct Clone;
        struct Serialize;
        impl<T> Lacks<()> for T {}
        impl<T: std::fmt::Debug> Lacks<Debug> for T {}
        impl<T: std::fmt::Display> Lacks<Display> for T {}
        impl<T: std::clone::Clone> Lacks<Clone> for T {}
        impl<T: serde::Serialize> Lacks<Serialize> for T {}
        let _ = <CardDetails as Lacks<_>>::lacks;
    };

    fn problems(
        number: &str,
        month: &str,
        year: &str,
        password: &str,
    ) -> Vec<(&'static str, &'static str)> {
        let today = "2026-11-24".parse().unwrap();
        CardDetails::parse(number, month, year, password, today)
            .err()
            .unwrap_or_default()
            .iter()
            .map(|problem| (problem.field, problem.key))
            .collect()
    }

    #[test]
    fn a_card_number_is_read_as_people_type_it() {
        for number in [
            "4242 4242 4242 4242",
            "4242-4242-4242-4242",
            "４２４２４２４２４２４２４２４２",
            "9410 0000 0000 0005",
        ] {
            assert_eq!(problems(number, "11", "26", "12"), [], "{number}");
        }
        for (number, key) in [
            ("", "err-number-empty"),
            (" - ", "err-number-empty"),
            ("4242x", "err-number-format"),
            ("4242", "err-number-length"),
            ("42424242424242424242", "err-number-length"),
            ("4242424242424241", "err-number-check"),
            ("4242\u{0}", "err-control"),
        ] {
            assert_eq!(
                problems(number, "11", "26", "12"),
                [("card_number", key)],
                "{number}"
            );
        }
    }

    #[test]
    fn an_expiry_date_is_this_month_or_later() {
        for (month, year, expected) in [
            ("", "", ("expiry_month", "err-expiry-empty")),
            ("", "28", ("expiry_month", "err-month-empty")),
            ("1", "", ("expiry_year", "err-year-empty")),
            ("13", "28", ("expiry_month", "err-month")),
            ("0", "28", ("expiry_month", "err-month")),
            ("1", "2", ("expiry_year", "err-year")),
            ("10", "26", ("expiry_month", "err-expiry-past")),
            ("12", "0029", ("expiry_month", "err-expiry-past")),
            ("10", "2047", ("expiry_year", "err-expiry-far")),
        ] {
            assert_eq!(
                problems("4242424242424242", month, year, "12"),
                [expected],
                "{month}/{year}"
            );
        }
        assert_eq!(problems("4242424242424242", "１１", "2026", "12"), []);
        assert_eq!(problems("4242424242424242", "1 1", "20-26", "1 2"), []);
    }

    #[test]
    fn each_empty_field_has_its_own_message() {
        assert_eq!(
            problems("", "", "", ""),
            [
                ("card_number", "err-number-empty"),
                ("expiry_month", "err-expiry-empty"),
                ("card_password_2", "err-pw2")
            ]
        );
    }
}
