//! Business registration numbers.

use std::fmt;

use super::Unreachable;
use crate::web::fields::typed_number;

/// A business registration number whose check digit holds.
#[derive(Clone, PartialEq, Eq)]
pub struct BusinessNumber(String);

impl BusinessNumber {
    /// Reads a number as people type it: spaces and hyphens are ignored, full-width digits are digits.
    ///
    /// # Errors
    /// The key of the message.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let digits = typed_number(text)?;
        if digits.is_empty() {
            return Err("err-brn-empty");
        }
        if digits.len() != 10 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err("err-brn-length");
        }
        if has_check_digit(digits.as_bytes()) {
            Ok(Self(digits.to_string()))
        } else {
            Err("err-brn-check")
        }
    }

    /// 999-81-00015: right by its check digit, and no one's.
    pub fn of_no_one() -> Self {
        Self("9998100015".into())
    }

    /// Ten digits.
    pub fn digits(&self) -> &str {
        &self.0
    }

    /// 999-81-00015
    pub fn formatted(&self) -> String {
        format!("{}-{}-{}", &self.0[..3], &self.0[3..5], &self.0[5..])
    }

    /// 999-81-*****
    pub fn masked(&self) -> String {
        format!("{}-{}-*****", &self.0[..3], &self.0[3..5])
    }
}

impl fmt::Debug for BusinessNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

/// The National Tax Service's check digit; 000-00-00000 passes the sum and is nobody's (rule 8).
fn has_check_digit(digits: &[u8]) -> bool {
    let digit = |at: usize| u32::from(digits[at] - b'0');
    let weights = [1, 3, 7, 1, 3, 7, 1, 3, 5];
    let sum: u32 = weights
        .iter()
        .enumerate()
        .map(|(at, weight)| digit(at) * weight)
        .sum::<u32>()
        + digit(8) * 5 / 10;
    (10 - sum % 10) % 10 == digit(9) && digits.iter().any(|byte| *byte != b'0')
}

/// What the tax service knows of a business.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BusinessStatus {
    /// Carries on.
    Active,
    /// Suspended.
    Dormant,
    /// Closed.
    Closed,
    /// Nobody's number.
    NotRegistered,
}

impl BusinessStatus {
    /// The key of the message that refuses it; none for an active business.
    pub fn refusal(self) -> Option<&'static str> {
        match self {
            Self::Active => None,
            Self::Dormant => Some("err-brn-dormant"),
            Self::Closed => Some("err-brn-closed"),
            Self::NotRegistered => Some("err-brn-not-registered"),
        }
    }
}

/// Knows the status of businesses.
pub trait BusinessRegistry: Send + Sync {
    /// Looks a number up; blocks for at most 12 s.
    ///
    /// # Errors
    /// [`Unreachable`]
    fn status(&self, number: &BusinessNumber) -> Result<BusinessStatus, Unreachable>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_8_ten_digits_with_their_check_digit_and_not_all_zero() {
        for number in [
            "999-81-00015",
            "9998100029",
            "999 86 00010",
            "９９９８１０００１５",
        ] {
            assert!(BusinessNumber::parse(number).is_ok(), "{number}");
        }
        for (number, key) in [
            ("", "err-brn-empty"),
            ("--", "err-brn-empty"),
            ("999-81-0001", "err-brn-length"),
            ("999-81-0001x", "err-brn-length"),
            ("123-45-67890", "err-brn-check"),
            ("000-00-00000", "err-brn-check"),
            ("99981\u{7}00015", "err-control"),
        ] {
            assert_eq!(BusinessNumber::parse(number).err(), Some(key), "{number}");
        }
    }

    #[test]
    fn a_number_is_shown_masked() {
        let number = BusinessNumber::parse("9998100015").unwrap();
        assert_eq!(number.formatted(), "999-81-00015");
        assert_eq!(number.masked(), "999-81-*****");
        assert_eq!(format!("{number:?}"), "999-81-*****");
    }
}
