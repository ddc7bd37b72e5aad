//! What the gateway tells by itself: kept once for each of its ids, answered at once, read by the worker.

use chrono::{NaiveDateTime, TimeDelta};
use diesel::prelude::*;

use crate::{
    app::Services,
    audit,
    db::{
        AnyConnection,
        schema::{billing_groups, gateway_events, payment_methods},
    },
    error::{Error, is_taken},
    gateway::BillingKey,
    groups::Failure,
    jobs,
};

/// How long an event is known again: far longer than a gateway repeats it.
const KEPT_FOR: TimeDelta = TimeDelta::days(90);
/// How long a commit that does not see an event yet may still run. SQLite has one writer; PostgreSQL ends a transaction
/// that lies idle for 30 s, as that of a process that sleeps does.
const COMMIT_MAY_TAKE: TimeDelta = TimeDelta::minutes(1);

crate::gateway::words! {
    /// What happened at the gateway.
    EventKind {
        /// A billing key was deleted there: the card cannot be charged any more.
        KeyDeleted = "key_deleted",
        /// Nothing that concerns the console.
        Other = "other",
    }
}

/// An event whose signature held. No Debug: it names a billing key.
pub struct Event {
    /// The gateway's id for it, the same whenever it is sent again.
    pub id: String,
    /// What happened.
    pub kind: EventKind,
    /// The key that it is about.
    pub key: Option<BillingKey>,
    /// When this sending was signed (Unix seconds).
    pub sent_at: i64,
}

/// What an event is to the console.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    /// New: kept, and to be read.
    New,
    /// Known: the gateway sends it again, signed anew.
    Again,
    /// The very same sending once more: somebody replays it.
    Replayed,
}

/// Keeps a new event, with the job that reads it.
///
/// # Errors
/// What the database says.
pub fn receive(
    db: &mut AnyConnection,
    event: &Event,
    now: NaiveDateTime,
) -> Result<Received, Error> {
    let sent_again = diesel::update(gateway_events::table.find(&event.id))
        .filter(gateway_events::sent_at.lt(event.sent_at))
        .set(gateway_events::sent_at.eq(event.sent_at))
        .execute(db)?;
    if sent_again == 1 {
        return Ok(Received::Again);
    }
    let kept = db.transaction(|db| {
        diesel::insert_into(gateway_events::table)
            .values((
                gateway_events::id.eq(&event.id),
                gateway_events::kind.eq(event.kind.as_str()),
                gateway_events::billing_key.eq(event.key.as_ref().map(BillingKey::as_str)),
                gateway_events::sent_at.eq(event.sent_at),
                gateway_events::received_at.eq(now),
            ))
            .execute(db)
    });
    match kept {
        Err(error) if is_taken(&error) => return Ok(Received::Replayed),
        other => other?,
    };
    jobs::add(db, jobs::Kind::ReadEvent, &event.id, now, now)?;
    Ok(Received::New)
}

/// Reads an event: a group whose card's key was deleted is marked, and its group keeps its version, so that whoever
/// changes the card meanwhile may go on. Whether the event needs no other look: a commit that began before the event
/// came may not be seen yet, and one that begins later asks [`is_deleted`].
///
/// # Errors
/// [`Error::Unavailable`]
pub fn read(services: &Services, id: &str) -> Result<bool, Error> {
    let now = services.clock.now();
    let event: Option<(String, Option<String>, NaiveDateTime)> = gateway_events::table
        .find(id)
        .select((
            gateway_events::kind,
            gateway_events::billing_key,
            gateway_events::received_at,
        ))
        .first(&mut *services.db.connection()?)
        .optional()?;
    let Some((kind, Some(key), received_at)) = event else {
        return Ok(true);
    };
    if EventKind::parse(&kind) != Some(EventKind::KeyDeleted) {
        return Ok(true);
    }
    let group: Option<String> = payment_methods::table
        .filter(payment_methods::billing_key.eq(&key))
        .select(payment_methods::group_id)
        .first(&mut *services.db.connection()?)
        .optional()?;
    let is_marked = match group {
        Some(group) => services
            .db
            .write(|db| mark_deleted(db, &group, &key, now))?,
        None => false,
    };
    Ok(is_marked || now - received_at >= COMMIT_MAY_TAKE)
}

/// Marks the group that pays by this key, once; whether it does. It takes the group's row first, as a commit does, so
/// that it sees by which key the group pays then.
fn mark_deleted(
    db: &mut AnyConnection,
    group: &str,
    key: &str,
    now: NaiveDateTime,
) -> Result<bool, Error> {
    diesel::update(billing_groups::table.find(group))
        .set(billing_groups::version.eq(billing_groups::version))
        .execute(db)?;
    let organization: Option<String> = payment_methods::table
        .find(group)
        .filter(payment_methods::billing_key.eq(key))
        .inner_join(billing_groups::table)
        .select(billing_groups::organization_id)
        .first(db)
        .optional()?;
    let Some(organization) = organization else {
        return Ok(false);
    };
    let deleted = Failure::KeyDeleted.as_str();
    let marked = diesel::update(billing_groups::table.find(group))
        .filter(
            billing_groups::failure
                .is_null()
                .or(billing_groups::failure.ne(deleted)),
        )
        .set(billing_groups::failure.eq(deleted))
        .execute(db)?;
    if marked == 1 {
        let entry = audit::Entry::new(&organization, "gateway", "payment_method.failed", group)
            .detail("reason", EventKind::KeyDeleted.as_str());
        audit::append(db, now, &entry)?;
    }
    Ok(true)
}

/// Whether the gateway has told that this key is deleted.
///
/// # Errors
/// What the database says.
pub fn is_deleted(db: &mut AnyConnection, key: &BillingKey) -> Result<bool, Error> {
    let told = gateway_events::table
        .filter(gateway_events::billing_key.eq(key.as_str()))
        .filter(gateway_events::kind.eq(EventKind::KeyDeleted.as_str()));
    Ok(diesel::select(diesel::dsl::exists(told)).get_result(db)?)
}

/// Forgets events that nobody sends again.
///
/// # Errors
/// What the database says.
pub fn remove_old(db: &mut AnyConnection, now: NaiveDateTime) -> Result<usize, Error> {
    let old = gateway_events::table.filter(gateway_events::received_at.lt(now - KEPT_FOR));
    Ok(diesel::delete(old).execute(db)?)
}
