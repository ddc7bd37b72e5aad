//! Cards: what is typed, what the gateway tells, and what may be kept of it.

use std::fmt;

use chrono::{Datelike, NaiveDate};
use zeroize::Zeroizing;

use crate::web::fields::{has_control, narrow_digits};

/// The shortest and the longest card number, in digits (ISO/IEC 7812; some domestic cards have 12).
const NUMBER_LENGTHS: std::ops::RangeInclusive<usize> = 12..=19;
/// Years ahead that an expiry date may lie.
const FARTHEST_EXPIRY: i32 = 20;

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $($(#[$variant_doc])* $variant),* }

        impl $name {
            /// As stored.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }

            /// Reads what [`Self::as_str`] wrote.
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($word => Some(Self::$variant),)* _ => None }
            }
        }
    };
}
pub(crate) use words;

words! {
    /// A card network.
    Brand { Visa = "visa", Mastercard = "mastercard", Amex = "amex", Jcb = "jcb", UnionPay = "unionpay", Diners = "diners" }
}

impl Brand {
    /// Short, for the chip beside a card.
    pub fn label(self) -> &'static str {
        match self {
            Self::Visa => "VISA",
            Self::Mastercard => "MC",
            Self::Amex => "AMEX",
            Self::Jcb => "JCB",
            Self::UnionPay => "UPAY",
            Self::Diners => "DC",
        }
    }
}

/// The network that a card number's first digits name (ISO/IEC 7812 ranges); none for domestic cards.
pub fn brand_of(number: &str) -> Option<Brand> {
    let first = |digits: usize| {
        number
            .get(..digits)
            .and_then(|prefix| prefix.parse::<u32>().ok())
            .unwrap_or(0)
    };
    match (first(1), first(2), first(4)) {
        (4, ..) => Some(Brand::Visa),
        (_, 51..=55, _) | (.., 2221..=2720) => Some(Brand::Mastercard),
        (_, 34 | 37, _) => Some(Brand::Amex),
        (.., 3528..=3589) => Some(Brand::Jcb),
        (_, 62, _) => Some(Brand::UnionPay),
        (_, 30 | 36 | 38 | 39, _) => Some(Brand::Diners),
        _ => None,
    }
}

words! {
    /// How a card is paid for; only credit cards are registered (rule 9).
    Funding { Credit = "credit", Debit = "debit", Gift = "gift", Prepaid = "prepaid" }
}

words! {
    /// Whose card it is.
    Owner { Personal = "personal", Corporate = "corporate" }
}

/// The last month in which a card is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Expiry {
    /// Four digits.
    pub year: i32,
    /// 1 to 12.
    pub month: u32,
}

impl fmt::Display for Expiry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}/{}", self.month, self.year)
    }
}

/// The last four digits of a card or an account: all that is kept of its number (PCI DSS 3.4.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastFour(String);

impl LastFour {
    /// Exactly four digits.
    pub fn parse(text: &str) -> Option<Self> {
        (text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit()))
            .then(|| Self(text.to_owned()))
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A card company by its stable code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issuer(String);

impl Issuer {
    /// The company with this code.
    pub fn new(code: &str) -> Self {
        Self(code.to_owned())
    }

    /// The code.
    pub fn code(&self) -> &str {
        &self.0
    }

    /// The name that people know; an unknown code shows itself.
    pub fn name(&self, korean: bool) -> &str {
        let (english, hangul) = match self.0.as_str() {
            "shinhan" => ("Shinhan", "신한"),
            "hyundai" => ("Hyundai", "현대"),
            "bc" => ("BC", "비씨"),
            "kb" => ("KB Kookmin", "KB국민"),
            "samsung" => ("Samsung", "삼성"),
            "lotte" => ("Lotte", "롯데"),
            "hana" => ("Hana", "하나"),
            "woori" => ("Woori", "우리"),
            "nh" => ("NH NongHyup", "NH농협"),
            "ibk" => ("IBK", "IBK기업"),
            "citi" => ("Citi", "씨티"),
            "suhyup" => ("Suhyup", "수협"),
            "gwangju" => ("Gwangju", "광주"),
            "jeonbuk" => ("Jeonbuk", "전북"),
            "jeju" => ("Jeju", "제주"),
            "post" => ("Korea Post", "우체국"),
            "kakaobank" => ("KakaoBank", "카카오뱅크"),
            "kbank" => ("K bank", "케이뱅크"),
            "tossbank" => ("Toss Bank", "토스뱅크"),
            other => (other, other),
        };
        if korean { hangul } else { english }
    }
}

/// The gateway's token for a card; the only thing that a charge needs.
#[derive(Clone, PartialEq, Eq)]
pub struct BillingKey(String);

impl BillingKey {
    /// A key as the gateway gave it.
    pub fn new(key: String) -> Self {
        Self(key)
    }

    /// The key itself, for the gateway and the database only.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for BillingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BillingKey(…)")
    }
}

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
    if has_control(text) {
        return Err("err-control");
    }
    let mut digits = Zeroizing::new(String::with_capacity(64));
    for letter in Zeroizing::new(narrow_digits(text).into_owned()).chars() {
        match letter {
            '0'..='9' => digits.push(letter),
            '-' => {}
            other if other.is_whitespace() => {}
            _ => return Err("err-number-format"),
        }
    }
    match digits.len() {
        0 => Err("err-number-empty"),
        length if !NUMBER_LENGTHS.contains(&length) => Err("err-number-length"),
        // Korean domestic cards (9…) do not all carry a Luhn digit: the gateway tells.
        _ if !digits.starts_with('9') && !passes_luhn(&digits) => Err("err-number-check"),
        _ => Ok(digits),
    }
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
    if has_control(month) {
        return Err(at_month("err-control"));
    }
    if has_control(year) {
        return Err(at_year("err-control"));
    }
    let (month, year) = (narrow_digits(month.trim()), narrow_digits(year.trim()));
    match (month.is_empty(), year.is_empty()) {
        (true, true) => return Err(at_month("err-expiry-empty")),
        (true, false) => return Err(at_month("err-month-empty")),
        (false, true) => return Err(at_year("err-year-empty")),
        (false, false) => {}
    }
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let month = Some(&month)
        .filter(|text| text.len() <= 2 && digits(text))
        .and_then(|text| text.parse().ok());
    let month: u32 = month
        .filter(|month| (1..=12).contains(month))
        .ok_or(at_month("err-month"))?;
    let year: i32 = match year.len() {
        2 | 4 if digits(&year) => year.parse().map_err(|_| at_year("err-year"))?,
        _ => return Err(at_year("err-year")),
    };
    let expiry = Expiry {
        year: if year < 100 { 2000 + year } else { year },
        month,
    };
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
    if has_control(text) {
        return Err("err-control");
    }
    let digits = Zeroizing::new(narrow_digits(text.trim()).into_owned());
    match digits.len() {
        0 => Err("err-pw2"),
        2 if digits.bytes().all(|byte| byte.is_ascii_digit()) => Ok(digits),
        _ => Err("err-pw2-format"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            ("10", "2047", ("expiry_year", "err-expiry-far")),
        ] {
            assert_eq!(
                problems("4242424242424242", month, year, "12"),
                [expected],
                "{month}/{year}"
            );
        }
        assert_eq!(problems("4242424242424242", "１１", "2026", "12"), []);
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

    #[test]
    fn a_billing_key_does_not_show_itself() {
        assert_eq!(
            format!("{:?}", BillingKey::new("secret".into())),
            "BillingKey(…)"
        );
    }
}
