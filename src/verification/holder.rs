//! Who holds a mobile phone, as it is typed and as a provider verifies it.

use std::fmt;

use chrono::NaiveDate;
use zeroize::Zeroizing;

use crate::web::fields::{has_control, typed_number};

/// The longest name, in characters.
const LONGEST_NAME: usize = 50;

/// A Korean mobile phone number.
#[derive(Clone, PartialEq, Eq)]
pub struct PhoneNumber(Zeroizing<String>);

impl PhoneNumber {
    /// Reads a number as people type it: spaces, hyphens, +82 and full-width digits.
    ///
    /// # Errors
    /// The key of the message.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let text = typed_number(text)?;
        if text.is_empty() {
            return Err("err-phone-empty");
        }
        let digits = match text.strip_prefix("+82") {
            Some(rest) => Zeroizing::new(format!("0{}", rest.trim_start_matches('0'))),
            None => text,
        };
        let is_mobile = digits.bytes().all(|byte| byte.is_ascii_digit())
            && match digits.get(..3) {
                Some("010") => digits.len() == 11,
                Some("011" | "016" | "017" | "018" | "019") => matches!(digits.len(), 10 | 11),
                _ => false,
            };
        if is_mobile {
            Ok(Self(digits))
        } else {
            Err("err-phone-format")
        }
    }

    /// The digits.
    pub fn digits(&self) -> &str {
        &self.0
    }

    /// The one mask for phones: 010-****-5678.
    pub fn masked(&self) -> String {
        format!("{}-****-{}", &self.0[..3], &self.0[self.0.len() - 4..])
    }
}

impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

/// A mobile carrier; `Mvno` are the budget phones on its network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carrier {
    /// SKT
    Skt,
    /// KT
    Kt,
    /// LG U+
    Lgu,
    /// Budget phone on SKT's network
    SktMvno,
    /// Budget phone on KT's network
    KtMvno,
    /// Budget phone on LG U+'s network
    LguMvno,
}

impl Carrier {
    /// In the form's order.
    pub const ALL: [Self; 6] = [
        Self::Skt,
        Self::Kt,
        Self::Lgu,
        Self::SktMvno,
        Self::KtMvno,
        Self::LguMvno,
    ];

    /// The form's value.
    pub fn as_str(self) -> &'static str {
        &self.key()["carrier-".len()..]
    }

    /// Reads the form's value.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|carrier| carrier.as_str() == text)
    }

    /// The key of its name.
    pub fn key(self) -> &'static str {
        match self {
            Self::Skt => "carrier-skt",
            Self::Kt => "carrier-kt",
            Self::Lgu => "carrier-lgu",
            Self::SktMvno => "carrier-skt_mvno",
            Self::KtMvno => "carrier-kt_mvno",
            Self::LguMvno => "carrier-lgu_mvno",
        }
    }
}

/// Who holds the phone, wiped when dropped. No Debug; the birth digit goes to the provider and is kept nowhere.
pub struct HolderIdentity {
    /// The name on the phone account.
    pub name: Zeroizing<String>,
    /// YYMMDD.
    pub birth_date: Zeroizing<String>,
    /// The first digit after it: century and sex.
    pub birth_digit: Zeroizing<String>,
    /// The carrier.
    pub carrier: Carrier,
    /// The number.
    pub phone: PhoneNumber,
}

impl HolderIdentity {
    /// Reads the phone form on `today` (Seoul).
    ///
    /// # Errors
    /// Field and message key of each problem, in the form's order.
    pub fn parse(
        name: &str,
        birth_date: &str,
        birth_digit: &str,
        carrier: &str,
        phone: &str,
        today: NaiveDate,
    ) -> Result<Self, Vec<(&'static str, &'static str)>> {
        let name = parse_name(name);
        let digit = parse_birth_digit(birth_digit);
        let birth = parse_birth_date(
            birth_date,
            digit.as_ref().ok().map(|digit| digit.as_str()),
            today,
        );
        let carrier = match carrier {
            _ if has_control(carrier) => Err("err-control"),
            _ => Carrier::parse(carrier).ok_or("err-carrier-empty"),
        };
        let phone = PhoneNumber::parse(phone);
        match (name, birth, digit, carrier, phone) {
            (Ok(name), Ok(birth_date), Ok(birth_digit), Ok(carrier), Ok(phone)) => Ok(Self {
                name,
                birth_date,
                birth_digit,
                carrier,
                phone,
            }),
            (name, birth, digit, carrier, phone) => Err([
                ("holder_name", name.err()),
                ("birth_date", birth.err()),
                ("birth_digit", digit.err()),
                ("carrier", carrier.err()),
                ("phone_number", phone.err()),
            ]
            .into_iter()
            .filter_map(|(field, key)| Some((field, key?)))
            .collect()),
        }
    }
}

fn parse_name(text: &str) -> Result<Zeroizing<String>, &'static str> {
    let text = text.trim();
    match text.chars().count() {
        _ if has_control(text) => Err("err-control"),
        0 => Err("err-name-empty"),
        length if length > LONGEST_NAME => Err("err-name-long"),
        _ => Ok(Zeroizing::new(text.to_owned())),
    }
}

fn parse_birth_digit(text: &str) -> Result<Zeroizing<String>, &'static str> {
    let digit = typed_number(text)?;
    match digit.as_str() {
        "1" | "2" | "3" | "4" | "5" | "6" | "7" | "8" => Ok(digit),
        _ => Err("err-birth-digit"),
    }
}

/// The digit after the date fixes the century: 1, 2, 5, 6 the twentieth, 3, 4, 7, 8 the twenty-first.
fn parse_birth_date(
    text: &str,
    digit: Option<&str>,
    today: NaiveDate,
) -> Result<Zeroizing<String>, &'static str> {
    let date = typed_number(text)?;
    if date.is_empty() {
        return Err("err-birth-empty");
    }
    if date.len() != 6 || !date.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("err-birth-format");
    }
    let centuries: &[&str] = match digit {
        Some("1" | "2" | "5" | "6") => &["19"],
        Some("3" | "4" | "7" | "8") => &["20"],
        _ => &["19", "20"],
    };
    let is_a_day = centuries.iter().any(|century| {
        let day = NaiveDate::parse_from_str(&format!("{century}{}", date.as_str()), "%Y%m%d");
        day.is_ok_and(|day| day <= today)
    });
    if is_a_day {
        Ok(date)
    } else {
        Err("err-birth-date")
    }
}

/// Who was entered, as far as it is kept until the code comes. No Debug.
#[derive(Clone, Copy)]
pub struct Entered<'a> {
    /// The name on the phone account.
    pub name: &'a str,
    /// YYMMDD.
    pub birth_date: &'a str,
    /// Digits.
    pub phone: &'a str,
}

impl Entered<'_> {
    /// Whether the person that the provider verified is the one that was entered: the name but for white space and
    /// letter case, the birth date (yyyy-MM-dd) and the number.
    pub fn is(&self, name: &str, birth_date: &str, phone: &str) -> bool {
        let plain = |name: &str| -> String {
            name.chars()
                .filter(|letter| !letter.is_whitespace())
                .flat_map(char::to_lowercase)
                .collect()
        };
        let digits = |text: &str| -> String {
            text.chars()
                .filter(|letter| letter.is_ascii_digit())
                .collect()
        };
        let (day, number) = (digits(birth_date), digits(phone));
        !plain(self.name).is_empty()
            && plain(self.name) == plain(name)
            && day.len() == 8
            && day[2..] == *self.birth_date
            && number == self.phone
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mobile_number_is_read_as_people_type_it() {
        for number in [
            "010-1234-5678",
            "01012345678",
            "+82 10 1234 5678",
            "+82 010-1234-5678",
            "０１０１２３４５６７８",
        ] {
            assert_eq!(
                PhoneNumber::parse(number).unwrap().digits(),
                "01012345678",
                "{number}"
            );
        }
        assert_eq!(
            PhoneNumber::parse("011-234-5678").unwrap().masked(),
            "011-****-5678"
        );
        for (number, key) in [
            ("", "err-phone-empty"),
            ("02-123-4567", "err-phone-format"),
            ("010-123-4567", "err-phone-format"),
            ("010-1234-567a", "err-phone-format"),
            ("010\u{0}", "err-control"),
        ] {
            assert_eq!(PhoneNumber::parse(number).err(), Some(key), "{number}");
        }
    }

    fn problems(
        name: &str,
        date: &str,
        digit: &str,
        carrier: &str,
        phone: &str,
    ) -> Vec<(&'static str, &'static str)> {
        let today = "2026-11-24".parse().unwrap();
        HolderIdentity::parse(name, date, digit, carrier, phone, today)
            .err()
            .unwrap_or_default()
    }

    #[test]
    fn a_birth_date_is_a_day_of_the_century_that_its_digit_names() {
        let date = |date: &str, digit: &str| problems("김하나", date, digit, "skt", "01012345678");
        assert_eq!(date("900101", "2"), []);
        assert_eq!(date("90-01-01", "2"), []);
        assert_eq!(date("000229", "3"), []);
        assert_eq!(
            date("000229", "1"),
            [("birth_date", "err-birth-date")],
            "1900 was no leap year"
        );
        assert_eq!(
            date("300101", "4"),
            [("birth_date", "err-birth-date")],
            "2030 is not there yet"
        );
        assert_eq!(date("900231", "1"), [("birth_date", "err-birth-date")]);
        assert_eq!(date("90-01", "1"), [("birth_date", "err-birth-format")]);
        assert_eq!(date("900101", "9"), [("birth_digit", "err-birth-digit")]);
    }

    #[test]
    fn every_empty_field_of_the_phone_form_is_told() {
        let fields = [
            ("holder_name", "err-name-empty"),
            ("birth_date", "err-birth-empty"),
            ("birth_digit", "err-birth-digit"),
            ("carrier", "err-carrier-empty"),
            ("phone_number", "err-phone-empty"),
        ];
        assert_eq!(problems("", "", "", "", ""), fields);
    }

    #[test]
    fn a_verified_person_is_the_entered_one_in_name_birth_date_and_number() {
        let entered = Entered {
            name: "Hong Gil Dong",
            birth_date: "900101",
            phone: "01012345678",
        };
        assert!(entered.is("HONG GILDONG", "1990-01-01", "010-1234-5678"));
        assert!(entered.is("honggildong", "19900101", "01012345678"));
        for (name, birth_date, phone) in [
            ("HONG GILSUN", "1990-01-01", "01012345678"),
            ("", "1990-01-01", "01012345678"),
            ("HONG GILDONG", "1990-01-02", "01012345678"),
            ("HONG GILDONG", "900101", "01012345678"),
            ("HONG GILDONG", "", "01012345678"),
            ("HONG GILDONG", "1990-01-01", "01012345679"),
            ("HONG GILDONG", "1990-01-01", ""),
        ] {
            assert!(
                !entered.is(name, birth_date, phone),
                "{name} {birth_date} {phone}"
            );
        }
        let nobody = Entered {
            name: " ",
            ..entered
        };
        assert!(!nobody.is("", "1990-01-01", "01012345678"));
    }

    #[test]
    fn carriers_have_the_forms_values() {
        let values = Carrier::ALL.map(Carrier::as_str);
        assert_eq!(
            values,
            ["skt", "kt", "lgu", "skt_mvno", "kt_mvno", "lgu_mvno"]
        );
    }
}
