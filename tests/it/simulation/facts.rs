//! What the database holds at one moment, read by queries of the simulation's own.

use std::collections::{BTreeMap, BTreeSet};

use billing_console::db::{AnyConnection, schema as s};
use chrono::NaiveDateTime;
use diesel::prelude::*;

#[derive(Debug, Clone, Default)]
pub struct Facts {
    pub groups: BTreeMap<String, GroupFacts>,
    pub attempts: Vec<AttemptFacts>,
    pub runs: Vec<RunFacts>,
    pub jobs: Vec<JobFacts>,
    pub commits: Vec<CommitFacts>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupFacts {
    pub version: i64,
    pub status: String,
    pub method: Option<Method>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Method {
    Card { key: String },
    Account,
}

#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct AttemptFacts {
    pub id: String,
    pub reference: String,
    pub run: String,
    pub group: String,
    pub user: String,
    pub group_version: i64,
    pub gateway_reference: String,
    pub state: String,
    pub created_at: NaiveDateTime,
}

impl AttemptFacts {
    pub fn is_in_flight(&self) -> bool {
        matches!(self.state.as_str(), "calling" | "unknown")
    }
}

#[derive(Debug, Clone, Queryable)]
pub struct RunFacts {
    pub id: String,
    pub state: String,
    pub choice: Option<String>,
    pub keeps_answers: bool,
    pub created_at: NaiveDateTime,
}

#[derive(Debug, Clone, Queryable)]
pub struct JobFacts {
    pub kind: String,
    pub subject: String,
    pub due_at: NaiveDateTime,
}

/// An audit row that says that a payment method was registered or changed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Queryable)]
pub struct CommitFacts {
    pub reference: Option<String>,
    pub actor: String,
    pub group: String,
}

impl Facts {
    pub fn read(db: &mut AnyConnection) -> Self {
        Self {
            groups: groups(db),
            attempts: attempts(db),
            runs: s::registrations::table
                .order(s::registrations::id)
                .select((
                    s::registrations::id,
                    s::registrations::state,
                    s::registrations::payment_method,
                    s::registrations::sealed.is_not_null(),
                    s::registrations::created_at,
                ))
                .load(db)
                .unwrap(),
            jobs: s::jobs::table
                .order(s::jobs::id)
                .select((s::jobs::kind, s::jobs::subject, s::jobs::due_at))
                .load(db)
                .unwrap(),
            commits: s::audit_rows::table
                .filter(
                    s::audit_rows::action
                        .eq_any(["payment_method.registered", "payment_method.changed"]),
                )
                .select((
                    s::audit_rows::reference,
                    s::audit_rows::actor,
                    s::audit_rows::subject,
                ))
                .load(db)
                .unwrap(),
        }
    }

    pub fn has_job(&self, kind: &str, subject: &str) -> bool {
        self.job(kind, subject).is_some()
    }

    pub fn job(&self, kind: &str, subject: &str) -> Option<&JobFacts> {
        let mut jobs = self.jobs.iter();
        jobs.find(|job| job.kind == kind && job.subject == subject)
    }

    pub fn run(&self, id: &str) -> Option<&RunFacts> {
        self.runs.iter().find(|run| run.id == id)
    }

    /// The keys that groups pay by.
    pub fn active_keys(&self) -> BTreeSet<&str> {
        let methods = self
            .groups
            .values()
            .filter_map(|group| group.method.as_ref());
        methods
            .filter_map(|method| match method {
                Method::Card { key } => Some(key.as_str()),
                Method::Account => None,
            })
            .collect()
    }
}

pub fn attempts(db: &mut AnyConnection) -> Vec<AttemptFacts> {
    s::card_attempts::table
        .order(s::card_attempts::id)
        .select((
            s::card_attempts::id,
            s::card_attempts::reference,
            s::card_attempts::registration_id,
            s::card_attempts::group_id,
            s::card_attempts::user_id,
            s::card_attempts::group_version,
            s::card_attempts::gateway_reference,
            s::card_attempts::state,
            s::card_attempts::created_at,
        ))
        .load(db)
        .unwrap()
}

fn groups(db: &mut AnyConnection) -> BTreeMap<String, GroupFacts> {
    type Row = (String, i64, String, Option<(String, Option<String>)>);
    let rows: Vec<Row> = s::billing_groups::table
        .left_join(s::payment_methods::table)
        .select((
            s::billing_groups::id,
            s::billing_groups::version,
            s::billing_groups::status,
            (s::payment_methods::kind, s::payment_methods::billing_key).nullable(),
        ))
        .load(db)
        .unwrap();
    rows.into_iter()
        .map(|(id, version, status, method)| {
            let method = method.map(|(_, key)| match key {
                Some(key) => Method::Card { key },
                None => Method::Account,
            });
            let facts = GroupFacts {
                version,
                status,
                method,
            };
            (id, facts)
        })
        .collect()
}
