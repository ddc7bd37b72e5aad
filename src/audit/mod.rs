//! The audit trail: append-only, one hash chain for each organization, so that a changed, removed or
//! reordered row is found. The removal of the newest rows shows only against a head noted earlier.

mod verify;

use std::collections::BTreeMap;

use chrono::{NaiveDateTime, Timelike};
use diesel::prelude::*;

pub use verify::{Finding, verify};

use crate::{
    access::Viewer,
    db::{
        AnyConnection,
        schema::{audit_heads, audit_rows, refusal_counts},
    },
    error::{Error, is_taken},
    secrets::sha256_hex,
};

/// The chain of what belongs to no organization.
pub const CONSOLE: &str = "";

/// What happened, before it has its place in the chain.
#[derive(Debug, Clone)]
pub struct Entry<'a> {
    organization_id: &'a str,
    actor: &'a str,
    action: &'a str,
    subject: &'a str,
    reference: Option<&'a str>,
    details: BTreeMap<&'a str, String>,
}

impl<'a> Entry<'a> {
    /// `actor` (a user's id, or `console`) did `action` to `subject` (an id).
    pub fn new(
        organization_id: &'a str,
        actor: &'a str,
        action: &'a str,
        subject: &'a str,
    ) -> Self {
        Self {
            organization_id,
            actor,
            action,
            subject,
            reference: None,
            details: BTreeMap::new(),
        }
    }

    /// What a person quotes to support.
    #[must_use]
    pub fn reference(mut self, reference: &'a str) -> Self {
        self.reference = Some(reference);
        self
    }

    /// A detail that is neither secret nor personal.
    #[must_use]
    pub fn detail(mut self, name: &'a str, value: impl ToString) -> Self {
        self.details.insert(name, value.to_string());
        self
    }
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = audit_rows)]
pub(crate) struct Row {
    organization_id: String,
    seq: i64,
    at: NaiveDateTime,
    actor: String,
    action: String,
    subject: String,
    reference: Option<String>,
    details: String,
    previous_hash: String,
    hash: String,
}

impl Row {
    /// SHA-256 over every field, each with its length before it, and the hash of the row before.
    fn expected_hash(&self) -> String {
        let mut text = String::new();
        let at = self.at.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string();
        let seq = self.seq.to_string();
        for field in [
            self.previous_hash.as_str(),
            &self.organization_id,
            &seq,
            &at,
            &self.actor,
            &self.action,
            &self.subject,
            self.reference.as_deref().unwrap_or("-"),
            &self.details,
        ] {
            text.push_str(&field.len().to_string());
            text.push(':');
            text.push_str(field);
        }
        sha256_hex(text.as_bytes())
    }
}

/// Appends a row to its chain, inside the caller's transaction. The head's row is locked by the
/// update, so that two writers take turns.
///
/// # Errors
/// What the database says.
pub fn append(db: &mut AnyConnection, now: NaiveDateTime, entry: &Entry) -> Result<(), Error> {
    let head = audit_heads::table.find(entry.organization_id);
    move_head(db, entry.organization_id)?;
    let (seq, previous_hash): (i64, String) = head
        .select((audit_heads::seq, audit_heads::hash))
        .first(db)?;
    let mut row = Row {
        organization_id: entry.organization_id.to_owned(),
        seq,
        at: now,
        actor: entry.actor.to_owned(),
        action: entry.action.to_owned(),
        subject: entry.subject.to_owned(),
        reference: entry.reference.map(str::to_owned),
        details: serde_json::to_string(&entry.details)
            .map_err(|e| Error::Internal(e.to_string()))?,
        previous_hash,
        hash: String::new(),
    };
    row.hash = row.expected_hash();
    diesel::insert_into(audit_rows::table)
        .values(&row)
        .execute(db)?;
    diesel::update(head)
        .set(audit_heads::hash.eq(&row.hash))
        .execute(db)?;
    Ok(())
}

/// Counts the chain one on, or begins it: of two that begin one, the second counts on the first.
fn move_head(db: &mut AnyConnection, organization_id: &str) -> Result<(), Error> {
    let count_on = |db: &mut AnyConnection| {
        diesel::update(audit_heads::table.find(organization_id))
            .set(audit_heads::seq.eq(audit_heads::seq + 1))
            .execute(db)
    };
    if count_on(db)? == 1 {
        return Ok(());
    }
    let begun = db.transaction(|db| {
        diesel::insert_into(audit_heads::table)
            .values((
                audit_heads::organization_id.eq(organization_id),
                audit_heads::seq.eq(1),
                audit_heads::hash.eq(""),
            ))
            .execute(db)
    });
    match begun {
        Err(error) if is_taken(&error) => count_on(db).map(drop).map_err(Into::into),
        other => other.map(drop).map_err(Into::into),
    }
}

/// Counts a refusal of a signed-in user.
///
/// # Errors
/// What the database says.
pub fn count_refusal(
    db: &mut AnyConnection,
    viewer: &Viewer,
    route: &str,
    status: i32,
    now: NaiveDateTime,
) -> Result<(), Error> {
    let organization = viewer
        .organization
        .as_ref()
        .map_or(CONSOLE, |organization| organization.id.as_str());
    count(db, organization, &viewer.id, route, status, now)
}

/// Counts a refusal. Many of one person, route and hour become one audit row when the hour is over.
///
/// # Errors
/// What the database says.
pub fn count(
    db: &mut AnyConnection,
    organization_id: &str,
    actor: &str,
    route: &str,
    status: i32,
    now: NaiveDateTime,
) -> Result<(), Error> {
    let hour = now
        .with_minute(0)
        .and_then(|at| at.with_second(0))
        .and_then(|at| at.with_nanosecond(0))
        .unwrap_or(now);
    let row = refusal_counts::table.find((actor, route, hour, status));
    let bump = |db: &mut AnyConnection| {
        diesel::update(row)
            .set(refusal_counts::count.eq(refusal_counts::count + 1))
            .execute(db)
    };
    if bump(db)? == 1 {
        return Ok(());
    }
    let begun = db.transaction(|db| {
        diesel::insert_into(refusal_counts::table)
            .values((
                refusal_counts::actor.eq(actor),
                refusal_counts::route.eq(route),
                refusal_counts::hour.eq(hour),
                refusal_counts::organization_id.eq(organization_id),
                refusal_counts::status.eq(status),
                refusal_counts::count.eq(1),
            ))
            .execute(db)
    });
    match begun {
        Err(error) if is_taken(&error) => bump(db).map(drop).map_err(Into::into),
        other => other.map(drop).map_err(Into::into),
    }
}

/// Writes the refusals of past hours as audit rows, in a transaction of its own; how many.
///
/// # Errors
/// What the database says.
pub fn write_refusals(db: &mut AnyConnection, now: NaiveDateTime) -> Result<usize, Error> {
    let over = now - chrono::TimeDelta::hours(1);
    // Rows are taken before they are read: of two nodes one finds nothing left.
    let past: Vec<(String, String, NaiveDateTime, String, i32, i32)> = {
        let past = refusal_counts::table.filter(refusal_counts::hour.le(over));
        diesel::update(past)
            .set(refusal_counts::count.eq(refusal_counts::count))
            .execute(db)?;
        // As every writer of several trails.
        past.order((
            refusal_counts::organization_id,
            refusal_counts::hour,
            refusal_counts::actor,
            refusal_counts::route,
        ))
        .load(db)?
    };
    for (actor, route, hour, organization_id, status, count) in &past {
        let entry = Entry::new(organization_id, actor, "refused", route)
            .detail("status", status)
            .detail("count", count)
            .detail("hour", hour.format("%Y-%m-%dT%H:00Z"));
        append(db, now, &entry)?;
        diesel::delete(refusal_counts::table.find((actor, route, hour, status))).execute(db)?;
    }
    Ok(past.len())
}
