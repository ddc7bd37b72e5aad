//! The Payment method tab: the group table, its banner, summary strip and CSV.

pub mod banner;
pub mod csv;
pub mod events;
pub mod pages;
pub mod row;
pub mod rules;
pub mod store;

use chrono::NaiveDateTime;

use crate::gateway::{BillingKey, Brand, Expiry, Issuer, LastFour, Owner};

/// How a group pays (rule 7: one a group).
#[derive(Debug, Clone)]
pub enum PaymentMethod {
    /// Charged automatically on the 10th of each month.
    Card(Card),
    /// Deposited into by the invoice deadline.
    Account(Account),
}

/// What is kept of a credit card.
#[derive(Debug, Clone)]
pub struct Card {
    /// The card company.
    pub issuer: Issuer,
    /// Personal or corporate.
    pub owner: Owner,
    /// The network; none for a domestic-only card.
    pub brand: Option<Brand>,
    /// The last four digits.
    pub last_four: LastFour,
    /// Valid to the end of this month.
    pub expiry: Expiry,
    /// The gateway's token.
    pub key: BillingKey,
}

/// What is kept of a dedicated account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The bank's code, such as `woori`.
    pub bank: String,
    /// The last four digits of its number.
    pub last_four: LastFour,
}

/// A group's payment method as it stands.
#[derive(Debug, Clone)]
pub struct Registered {
    /// The method.
    pub method: PaymentMethod,
    /// UTC.
    pub modified_at: NaiveDateTime,
    /// The user who registered it; none when the operator did.
    pub modified_by: Option<String>,
}

impl Registered {
    /// The card, if the group pays by one.
    pub fn card(&self) -> Option<&Card> {
        match &self.method {
            PaymentMethod::Card(card) => Some(card),
            PaymentMethod::Account(_) => None,
        }
    }

    /// The account, if the group pays by one.
    pub fn account(&self) -> Option<&Account> {
        match &self.method {
            PaymentMethod::Account(account) => Some(account),
            PaymentMethod::Card(_) => None,
        }
    }
}
