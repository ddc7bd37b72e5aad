//! Mobile phone verification: its codes, their limits, and who sends and checks them.

use std::net::IpAddr;

use chrono::TimeDelta;
use zeroize::Zeroizing;

use super::{Entered, HolderIdentity, PhoneNumber, Unreachable};
use crate::{access::throttle::Limit, web::fields::typed_number};

/// Digits of a code.
pub const CODE_DIGITS: usize = 6;
/// How long a code is good.
pub const CODE_VALID: TimeDelta = TimeDelta::minutes(3);
/// Wrong tries that kill a code.
pub const CODE_TRIES: i32 = 5;
/// The pause after them.
pub const LOCK: TimeDelta = TimeDelta::minutes(10);
/// The wait before another code.
pub const RESEND_AFTER: TimeDelta = TimeDelta::seconds(30);
/// Codes that one registration may ask for.
pub const SENDS_PER_REGISTRATION: i32 = 5;
/// Codes that one phone number may get.
pub const SENDS_PER_NUMBER: Limit = Limit {
    count: 10,
    window: TimeDelta::days(1),
};

/// Reads a typed code.
///
/// # Errors
/// The key of the message.
pub fn code_of(text: &str) -> Result<Zeroizing<String>, &'static str> {
    let code = typed_number(text)?;
    match code.len() {
        0 => Err("err-code-empty"),
        CODE_DIGITS if code.bytes().all(|byte| byte.is_ascii_digit()) => Ok(code),
        _ => Err("err-code-short"),
    }
}

/// What the provider says of a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confirmation {
    /// It is the one that was sent, and the person is the one that was entered.
    Verified,
    /// It is not.
    WrongCode,
    /// Its time is over, or there is none.
    Expired,
    /// It is the one that was sent, but the person is another: the code is dead.
    Mismatch,
    /// There was no definite answer: it may have been looked at, so its try counts.
    Unknown,
}

/// Why no code is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotDelivered {
    /// The provider was not reached, or takes no request of ours: no code was sent.
    NotSent,
    /// There was no definite answer: a code may have been sent.
    Unknown,
    /// The carrier knows nobody like this, or sends no more under this id.
    Refused,
    /// The provider takes no more tries for this person for a while.
    TooMany,
}

/// Sends codes to phones and checks them. The limits are the console's, not the provider's. Nothing is asked twice:
/// each call blocks for at most 12 s.
pub trait PhoneVerification: Send + Sync {
    /// Sends a code to the holder's phone, under our id; `from` is the visitor's address.
    ///
    /// # Errors
    /// [`NotDelivered`]
    fn send(
        &self,
        verification_id: &str,
        holder: &HolderIdentity,
        from: IpAddr,
    ) -> Result<(), NotDelivered>;

    /// Sends another; the one before is dead.
    ///
    /// # Errors
    /// [`NotDelivered`]
    fn resend(&self, verification_id: &str, phone: &PhoneNumber) -> Result<(), NotDelivered>;

    /// Checks a code, and that its person is the one that was entered.
    ///
    /// # Errors
    /// [`Unreachable`]
    fn confirm(
        &self,
        verification_id: &str,
        code: &str,
        entered: Entered<'_>,
    ) -> Result<Confirmation, Unreachable>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_six_digits() {
        assert_eq!(code_of(" 123-456 ").unwrap().as_str(), "123456");
        assert_eq!(code_of("１２３４５６").unwrap().as_str(), "123456");
        assert_eq!(code_of("").err(), Some("err-code-empty"));
        assert_eq!(code_of("12345").err(), Some("err-code-short"));
        assert_eq!(code_of("12345a").err(), Some("err-code-short"));
    }
}
