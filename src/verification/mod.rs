//! Who stands behind a card: a person by their mobile phone, a company by its business registration number (rule 8).

mod business;
mod holder;
pub mod nts;
mod phone;
pub mod sandbox;

pub use business::{BusinessNumber, BusinessRegistry, BusinessStatus};
pub use holder::{Carrier, Entered, HolderIdentity, PhoneNumber};
pub use phone::{
    CODE_DIGITS, CODE_TRIES, CODE_VALID, Confirmation, LOCK, NotDelivered, PhoneVerification,
    RESEND_AFTER, SENDS_PER_NUMBER, SENDS_PER_REGISTRATION, code_of,
};

/// The provider could not be reached; nothing happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unreachable;
