//! One row of the table, and what it shows of a payment method.

use chrono::{NaiveDate, NaiveDateTime};

use super::{
    PaymentMethod, Registered,
    rules::{self, Tag},
    store::GroupAndMethod,
};
use crate::{
    clock,
    gateway::Owner,
    groups::BillingGroup,
    web::{Lang, Texts},
};

/// One row of the table, as the customer sees it and support's preview does.
pub struct Row {
    /// The group.
    pub group: BillingGroup,
    /// How it pays.
    pub registered: Option<Registered>,
    /// What the row points out.
    pub tags: Vec<Tag>,
    /// Whether this administrator registered it a moment ago.
    pub just_now: bool,
    /// The last day to deposit, for an account.
    pub pay_by: NaiveDate,
}

impl Row {
    /// The row of a group.
    pub fn new((group, registered): GroupAndMethod, viewer_id: &str, now: NaiveDateTime) -> Self {
        let today = clock::seoul_date(now);
        Self {
            tags: rules::tags(&group, registered.as_ref(), today),
            just_now: registered
                .as_ref()
                .is_some_and(|method| rules::is_just_registered(method, viewer_id, now)),
            pay_by: clock::invoice_deadline(today),
            group,
            registered,
        }
    }

    /// `data-tags`.
    pub fn tag_names(&self) -> String {
        self.tags
            .iter()
            .map(|tag| tag.as_str())
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// The payment information's first line: `Shinhan personal ···· 4242`, `Woori Bank ···· 4821`.
    pub fn information(&self, t: &Texts) -> Option<String> {
        self.registered
            .as_ref()
            .map(|registered| information(t, registered))
    }
}

/// What may be shown of a payment method: issuer, owner type and last four digits, or bank and masked account.
pub fn information(t: &Texts, registered: &Registered) -> String {
    match &registered.method {
        PaymentMethod::Card(card) => t
            .fill("info-card")
            .arg("issuer", card.issuer.name(t.lang == Lang::Ko))
            .arg("owner", t.text(owner_key(card.owner)))
            .arg("digits", card.last_four.as_str())
            .to_string(),
        PaymentMethod::Account(account) => t
            .fill("info-account")
            .arg("bank", t.text(&format!("bank-{}", account.bank)))
            .arg("digits", account.last_four.as_str())
            .to_string(),
    }
}

/// The key of an owner type's name.
pub fn owner_key(owner: Owner) -> &'static str {
    match owner {
        Owner::Personal => "owner-personal",
        Owner::Corporate => "owner-corporate",
    }
}
