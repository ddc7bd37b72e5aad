//! Automatic payment registration: the wizard, its one commit, and what finishes it after a fault.

pub mod attempt;
pub mod checks;
pub mod codes;
pub mod commit;
pub mod kept;
pub mod pages;
pub mod rules;
pub mod settle;
pub mod store;
pub mod terms;

use chrono::NaiveDateTime;

pub use kept::Kept;
pub use rules::{Choice, Step};

/// One run of the wizard, for one group.
pub struct Run {
    /// Its id, in each of its addresses.
    pub id: String,
    /// What a person quotes to support.
    pub reference: String,
    /// The group that it is for.
    pub group_id: String,
    /// Who runs it.
    pub user_id: String,
    /// Whether the group had a payment method when it began.
    pub is_change: bool,
    /// Where it stands.
    pub state: State,
    /// The group's version when it began.
    pub group_version: i64,
    /// The answer to step 1.
    pub choice: Option<Choice>,
    /// The versions of the terms that were agreed to, as JSON.
    pub accepted_terms: Option<String>,
    /// What later steps need of earlier ones; sealed in the database, gone at the end.
    pub kept: Kept,
    /// How the phone's verification stands.
    pub phone: Option<PhoneCheck>,
    /// Whether the business registration number is verified.
    pub is_business_verified: bool,
    /// What was registered, once it is.
    pub outcome: Option<Outcome>,
    /// UTC.
    pub created_at: NaiveDateTime,
}

crate::gateway::words! {
    /// Where a run stands.
    State {
        /// Its steps can be answered.
        Open = "open",
        /// A card is with the gateway.
        Confirming = "confirming",
        /// Registered.
        Complete = "complete",
        /// Ended by its person.
        Cancelled = "cancelled",
        /// Left alone for too long.
        Expired = "expired",
    }
}

/// How a phone's verification stands.
#[derive(Debug, Clone)]
pub struct PhoneCheck {
    /// Our id of it at the provider.
    pub provider_id: String,
    /// Codes asked for in this run.
    pub sends: i32,
    /// Wrong tries of the current code.
    pub tries: i32,
    /// UTC; when the last code went out.
    pub sent_at: Option<NaiveDateTime>,
    /// UTC; the end of the current code.
    pub expires_at: Option<NaiveDateTime>,
    /// UTC; the end of the pause after too many tries.
    pub locked_until: Option<NaiveDateTime>,
    /// Whether the right code was entered.
    pub is_verified: bool,
}

/// What a run registered.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct Outcome {
    /// The card company's code.
    pub issuer: String,
    /// `personal` or `corporate`.
    pub owner: String,
    /// The last four digits.
    pub last_four: String,
    /// The first automatic payment (Seoul).
    pub first_charge: chrono::NaiveDate,
}
