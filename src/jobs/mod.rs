//! What is finished later: look-ups and revocations, each a row, retried until done.
//!
//! The worker runs inside `serve` and `demo`. Several processes share one table: a job belongs to
//! whoever holds its lease, and only they may end it.

pub mod worker;

use chrono::{NaiveDateTime, TimeDelta};
use diesel::prelude::*;

pub use worker::Worker;

use crate::{
    db::{AnyConnection, schema::jobs},
    error::{Error, is_taken},
    secrets::random_hex,
};

/// How long what is finished later may take before it is a case for staff.
pub const STAFF_AFTER: TimeDelta = TimeDelta::minutes(10);
/// How long a worker may take for one job before another may try: what a killed one held is done within 30 s.
const LEASE: TimeDelta = TimeDelta::seconds(20);
/// The longest wait between two tries, in seconds.
const LONGEST_WAIT: i64 = 60;

crate::gateway::words! {
    /// What a job does.
    Kind {
        /// Looks an attempt up and settles it; the subject is its id.
        SettleAttempt = "settle_attempt",
        /// Revokes a billing key at the gateway; the subject is the key.
        RevokeKey = "revoke_key",
        /// Looks once more after an attempt that the gateway knew nothing of; the subject is its id.
        SweepAttempt = "sweep_attempt",
        /// Reads what the gateway told by itself; the subject is the event's id.
        ReadEvent = "read_event",
    }
}

/// A job that this worker holds.
struct Held {
    id: String,
    kind: Kind,
    subject: String,
    attempts: i32,
    created_at: NaiveDateTime,
    token: String,
}

/// Adds a job, inside the caller's transaction. There is one for each kind and subject.
///
/// # Errors
/// What the database says.
pub fn add(
    db: &mut AnyConnection,
    kind: Kind,
    subject: &str,
    due_at: NaiveDateTime,
    now: NaiveDateTime,
) -> Result<(), Error> {
    if hasten(db, kind, subject, due_at)? {
        return Ok(());
    }
    let added = db.transaction(|db| {
        diesel::insert_into(jobs::table)
            .values((
                jobs::id.eq(uuid::Uuid::now_v7().to_string()),
                jobs::kind.eq(kind.as_str()),
                jobs::subject.eq(subject),
                jobs::due_at.eq(due_at),
                jobs::attempts.eq(0),
                jobs::created_at.eq(now),
            ))
            .execute(db)
    });
    match added {
        Err(error) if is_taken(&error) => hasten(db, kind, subject, due_at).map(drop),
        other => other.map(drop).map_err(Into::into),
    }
}

/// Makes a job due; whether there is one.
///
/// # Errors
/// What the database says.
pub fn hasten(
    db: &mut AnyConnection,
    kind: Kind,
    subject: &str,
    due_at: NaiveDateTime,
) -> Result<bool, Error> {
    let job = jobs::table
        .filter(jobs::kind.eq(kind.as_str()))
        .filter(jobs::subject.eq(subject));
    Ok(diesel::update(job)
        .set(jobs::due_at.eq(due_at))
        .execute(db)?
        == 1)
}

/// Removes a job that is done otherwise.
///
/// # Errors
/// What the database says.
pub fn remove(db: &mut AnyConnection, kind: Kind, subject: &str) -> Result<(), Error> {
    let job = jobs::table
        .filter(jobs::kind.eq(kind.as_str()))
        .filter(jobs::subject.eq(subject));
    diesel::delete(job).execute(db)?;
    Ok(())
}

/// Takes the next due job that nobody holds.
fn claim(db: &mut AnyConnection, now: NaiveDateTime) -> Result<Option<Held>, Error> {
    let is_free = jobs::lease_until.is_null().or(jobs::lease_until.le(now));
    let next: Option<(String, String, String, i32, NaiveDateTime)> = jobs::table
        .filter(jobs::due_at.le(now))
        .filter(is_free)
        .order(jobs::due_at)
        .select((
            jobs::id,
            jobs::kind,
            jobs::subject,
            jobs::attempts,
            jobs::created_at,
        ))
        .first(db)
        .optional()?;
    let Some((id, kind, subject, attempts, created_at)) = next else {
        return Ok(None);
    };
    let token = random_hex::<16>()?;
    let taken = diesel::update(jobs::table.find(&id))
        .filter(jobs::due_at.le(now))
        .filter(is_free)
        .set((
            jobs::lease_until.eq(now + LEASE),
            jobs::lease_token.eq(&token),
            jobs::attempts.eq(attempts + 1),
        ))
        .execute(db)?;
    let kind = Kind::parse(&kind).filter(|_| taken == 1);
    Ok(kind.map(|kind| Held {
        id,
        kind,
        subject,
        attempts: attempts + 1,
        created_at,
        token,
    }))
}

/// Ends a job, if this worker still holds it.
fn finish(db: &mut AnyConnection, held: &Held) -> Result<(), Error> {
    diesel::delete(jobs::table.find(&held.id))
        .filter(jobs::lease_token.eq(&held.token))
        .execute(db)?;
    Ok(())
}

/// Puts a job back, to be tried after 1, 2, 4 … 60 s.
fn retry(db: &mut AnyConnection, held: &Held, now: NaiveDateTime) -> Result<(), Error> {
    diesel::update(jobs::table.find(&held.id))
        .filter(jobs::lease_token.eq(&held.token))
        .set((
            jobs::due_at.eq(now + wait_after(held.attempts)),
            jobs::lease_until.eq(None::<NaiveDateTime>),
            jobs::lease_token.eq(None::<String>),
        ))
        .execute(db)?;
    Ok(())
}

fn wait_after(attempts: i32) -> TimeDelta {
    let doubled = 1_i64
        .checked_shl(u32::try_from(attempts - 1).unwrap_or(0).min(16))
        .unwrap_or(LONGEST_WAIT);
    TimeDelta::seconds(doubled.min(LONGEST_WAIT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_process_held_is_done_within_30_seconds_of_its_restart() {
        let longest = LEASE.max(crate::registration::attempt::LEASE);
        let waits = wait_after(1) + wait_after(2);
        assert!(longest + waits < TimeDelta::seconds(30));
    }

    #[test]
    fn tries_follow_after_1_2_4_to_60_seconds() {
        let waits: Vec<i64> = (1..=9)
            .map(|attempts| wait_after(attempts).num_seconds())
            .collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
    }
}
