//! Billing groups: what is invoiced and pays.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use crate::db::schema::billing_groups;

/// A group's class (rule 5: one main group an organization).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// The organization's own; cannot be deleted.
    Main,
    /// Below the main group.
    Sub,
}

impl Class {
    /// As stored and imported.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Main => "main",
            Self::Sub => "sub",
        }
    }

    /// Reads what [`Self::as_str`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Main, Self::Sub]
            .into_iter()
            .find(|class| class.as_str() == text)
    }

    /// The key of the class's name.
    pub fn key(self) -> &'static str {
        match self {
            Self::Main => "class-main",
            Self::Sub => "class-sub",
        }
    }
}

/// How a group stands: what it pays by, if anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Registration required.
    Required,
    /// Pays by credit card.
    Card,
    /// Pays by dedicated account.
    Account,
}

impl Status {
    /// As stored and as in `data-status`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::Card => "card",
            Self::Account => "account",
        }
    }

    /// Reads what [`Self::as_str`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Required, Self::Card, Self::Account]
            .into_iter()
            .find(|status| status.as_str() == text)
    }
}

/// Why a group's payment method does not pay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// The last automatic payment failed.
    ChargeFailed,
    /// The gateway has deleted the card's billing key.
    KeyDeleted,
}

impl Failure {
    /// As stored; in the order of words the graver one comes last.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ChargeFailed => "charge_failed",
            Self::KeyDeleted => "key_deleted",
        }
    }

    /// Reads what [`Self::as_str`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::ChargeFailed, Self::KeyDeleted]
            .into_iter()
            .find(|failure| failure.as_str() == text)
    }
}

/// A billing group.
#[derive(Debug, Clone)]
pub struct BillingGroup {
    /// The operator's id.
    pub id: String,
    /// The organization it belongs to.
    pub organization_id: String,
    /// The name that people know.
    pub name: String,
    /// Main or sub.
    pub class: Class,
    /// What it pays by.
    pub status: Status,
    /// Why that does not pay, if so.
    pub failure: Option<Failure>,
    /// Since when an application for a dedicated account is in review (UTC).
    pub account_applied_at: Option<NaiveDateTime>,
    /// Goes up with every change of the payment method; what a commit compares and sets.
    pub version: i64,
}

/// A group's row.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = billing_groups)]
pub struct GroupRow {
    id: String,
    organization_id: String,
    name: String,
    class: String,
    status: String,
    failure: Option<String>,
    account_applied_at: Option<NaiveDateTime>,
    version: i64,
}

impl From<GroupRow> for BillingGroup {
    fn from(row: GroupRow) -> Self {
        Self {
            // The table's checks let no other word in.
            class: Class::parse(&row.class).unwrap_or(Class::Sub),
            status: Status::parse(&row.status).unwrap_or(Status::Required),
            failure: row.failure.as_deref().and_then(Failure::parse),
            id: row.id,
            organization_id: row.organization_id,
            name: row.name,
            account_applied_at: row.account_applied_at,
            version: row.version,
        }
    }
}

/// What the search compares: lower case, so that both databases find the same.
pub fn search_name(name: &str) -> String {
    name.to_lowercase()
}
