//! The rows of runs and their verifications.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::{Choice, Kept, PhoneCheck, Run, State, attempt::AttemptState, rules};
use crate::{
    access::{Administrator, store::reachable_group},
    db::{
        AnyConnection,
        schema::{billing_groups, card_attempts, registrations, verifications},
    },
    error::{Error, Stale, is_taken},
    groups::{BillingGroup, GroupRow, Status},
    payment_methods,
    secrets::{SecretKey, new_reference},
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = registrations)]
struct RunRow {
    id: String,
    reference: String,
    group_id: String,
    user_id: String,
    kind: String,
    state: String,
    group_version: i64,
    payment_method: Option<String>,
    accepted_terms: Option<String>,
    sealed: Option<Vec<u8>>,
    outcome: Option<String>,
    created_at: NaiveDateTime,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = verifications)]
struct VerificationRow {
    kind: String,
    provider_id: String,
    sends: i32,
    tries: i32,
    sent_at: Option<NaiveDateTime>,
    expires_at: Option<NaiveDateTime>,
    locked_until: Option<NaiveDateTime>,
    verified_at: Option<NaiveDateTime>,
}

/// A run by its id, with its verifications.
///
/// # Errors
/// [`Error::NotFound`]
pub fn run(db: &mut AnyConnection, key: &SecretKey, id: &str) -> Result<Run, Error> {
    let row: RunRow = registrations::table
        .find(id)
        .select(RunRow::as_select())
        .first(db)
        .optional()?
        .ok_or(Error::NotFound)?;
    let checks: Vec<VerificationRow> = verifications::table
        .filter(verifications::registration_id.eq(id))
        .select(VerificationRow::as_select())
        .load(db)?;
    // Answers that this key does not open are asked for again: no verification stands without them.
    let kept = Kept::open(key, &row.id, row.sealed.as_deref());
    let checks = if kept.is_some() { checks } else { Vec::new() };
    let is_business_verified = checks
        .iter()
        .any(|check| check.kind == "business" && check.verified_at.is_some());
    let phone = checks
        .into_iter()
        .find(|check| check.kind == "phone")
        .map(|check| PhoneCheck {
            provider_id: check.provider_id,
            sends: check.sends,
            tries: check.tries,
            sent_at: check.sent_at,
            expires_at: check.expires_at,
            locked_until: check.locked_until,
            is_verified: check.verified_at.is_some(),
        });
    Ok(Run {
        kept: kept.unwrap_or_default(),
        is_change: row.kind == "change",
        // The table's checks let no other word in.
        state: State::parse(&row.state).unwrap_or(State::Expired),
        choice: row.payment_method.as_deref().and_then(Choice::parse),
        outcome: row
            .outcome
            .and_then(|json| serde_json::from_str(&json).ok()),
        id: row.id,
        reference: row.reference,
        group_id: row.group_id,
        user_id: row.user_id,
        group_version: row.group_version,
        accepted_terms: row.accepted_terms,
        phone,
        is_business_verified,
        created_at: row.created_at,
    })
}

/// A run to go on with.
pub enum Going {
    /// The caller's own, open already.
    Resumed(String),
    /// A new one.
    Started(String),
}

/// Resumes the caller's open run for a group, or starts one.
///
/// # Errors
/// What the database says.
pub fn resume_or_start(
    db: &mut AnyConnection,
    admin: Administrator,
    group: &BillingGroup,
    now: NaiveDateTime,
) -> Result<Going, Error> {
    let open = || {
        registrations::table
            .filter(registrations::group_id.eq(&group.id))
            .filter(registrations::user_id.eq(&admin.viewer.id))
            .filter(registrations::state.eq(State::Open.as_str()))
    };
    let found: Option<(String, NaiveDateTime, i64)> = open()
        .select((
            registrations::id,
            registrations::created_at,
            registrations::group_version,
        ))
        .first(db)
        .optional()?;
    if let Some((id, created_at, version)) = found {
        if version == group.version && !rules::is_over(created_at, now) {
            return Ok(Going::Resumed(id));
        }
        end_open(db, &id, State::Expired, now)?;
    }
    let id = uuid::Uuid::now_v7().to_string();
    let kind = if group.status == Status::Required {
        "register"
    } else {
        "change"
    };
    let reference = new_reference()?;
    let started = db.transaction(|db| {
        diesel::insert_into(registrations::table)
            .values((
                registrations::id.eq(&id),
                registrations::reference.eq(reference),
                registrations::organization_id.eq(&group.organization_id),
                registrations::group_id.eq(&group.id),
                registrations::user_id.eq(&admin.viewer.id),
                registrations::kind.eq(kind),
                registrations::state.eq(State::Open.as_str()),
                registrations::group_version.eq(group.version),
                registrations::created_at.eq(now),
                registrations::updated_at.eq(now),
            ))
            .execute(db)
    });
    match started {
        Ok(_) => Ok(Going::Started(id)),
        // A second click started it a moment ago.
        Err(error) if is_taken(&error) => {
            Ok(Going::Resumed(open().select(registrations::id).first(db)?))
        }
        Err(error) => Err(error.into()),
    }
}

/// The run whose card is with the gateway, if the group has one.
///
/// # Errors
/// What the database says.
pub fn in_flight(db: &mut AnyConnection, group_id: &str) -> Result<Option<String>, Error> {
    Ok(card_attempts::table
        .filter(card_attempts::group_id.eq(group_id))
        .filter(card_attempts::state.eq_any([
            AttemptState::Calling.as_str(),
            AttemptState::Unknown.as_str(),
        ]))
        .select(card_attempts::registration_id)
        .first(db)
        .optional()?)
}

/// Ends a run; what it kept is erased.
///
/// # Errors
/// What the database says.
pub fn end(
    db: &mut AnyConnection,
    id: &str,
    state: State,
    now: NaiveDateTime,
) -> Result<(), Error> {
    diesel::update(registrations::table.find(id))
        .set((
            registrations::state.eq(state.as_str()),
            registrations::sealed.eq(None::<Vec<u8>>),
            registrations::updated_at.eq(now),
            registrations::ended_at.eq(now),
        ))
        .execute(db)?;
    Ok(())
}

/// [`end`] for a run that is open still; whether it was.
///
/// # Errors
/// What the database says.
pub fn end_open(
    db: &mut AnyConnection,
    id: &str,
    state: State,
    now: NaiveDateTime,
) -> Result<bool, Error> {
    match go_on(db, id, now) {
        Ok(()) => end(db, id, state, now).map(|()| true),
        Err(Error::SeeOther(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Expires the runs that were left alone; how many.
///
/// # Errors
/// What the database says.
pub fn expire_old(db: &mut AnyConnection, now: NaiveDateTime) -> Result<usize, Error> {
    let old = registrations::table
        .filter(registrations::state.eq(State::Open.as_str()))
        .filter(registrations::created_at.le(now - rules::OPEN_FOR));
    Ok(diesel::update(old)
        .set((
            registrations::state.eq(State::Expired.as_str()),
            registrations::sealed.eq(None::<Vec<u8>>),
            registrations::updated_at.eq(now),
            registrations::ended_at.eq(now),
        ))
        .execute(db)?)
}

/// Keeps the answer to step 1.
///
/// # Errors
/// What the database says.
pub fn keep_choice(
    db: &mut AnyConnection,
    id: &str,
    choice: Choice,
    accepted_terms: Option<&str>,
    now: NaiveDateTime,
) -> Result<(), Error> {
    diesel::update(registrations::table.find(id))
        .set((
            registrations::payment_method.eq(choice.as_str()),
            registrations::accepted_terms.eq(accepted_terms),
            registrations::accepted_at.eq(accepted_terms.map(|_| now)),
            registrations::updated_at.eq(now),
        ))
        .execute(db)?;
    Ok(())
}

/// Keeps what later steps need, while the run is open.
///
/// # Errors
/// [`Error::SeeOther`] when the run ended meanwhile: nothing is kept.
pub fn keep(
    db: &mut AnyConnection,
    key: &SecretKey,
    id: &str,
    kept: &Kept,
    now: NaiveDateTime,
) -> Result<(), Error> {
    let open = registrations::table
        .find(id)
        .filter(registrations::state.eq(State::Open.as_str()));
    let changed = diesel::update(open)
        .set((
            registrations::sealed.eq(kept.seal(key, id)?),
            registrations::updated_at.eq(now),
        ))
        .execute(db)?;
    if changed == 1 { Ok(()) } else { Err(gone(id)) }
}

/// Takes a run's row before it is read: what is read then is what the last writer left, until the transaction ends.
///
/// # Errors
/// What the database says.
pub fn hold(db: &mut AnyConnection, id: &str) -> Result<(), Error> {
    diesel::update(registrations::table.find(id))
        .set(registrations::updated_at.eq(registrations::updated_at))
        .execute(db)?;
    Ok(())
}

/// Marks an open run as used; of two writers of one run the second waits for the first.
///
/// # Errors
/// [`Error::SeeOther`] when the run ended meanwhile.
pub fn go_on(db: &mut AnyConnection, id: &str, now: NaiveDateTime) -> Result<(), Error> {
    let open = registrations::table
        .find(id)
        .filter(registrations::state.eq(State::Open.as_str()));
    let changed = diesel::update(open)
        .set(registrations::updated_at.eq(now))
        .execute(db)?;
    if changed == 1 { Ok(()) } else { Err(gone(id)) }
}

/// Where a run that ended a moment ago shows what became of it.
pub fn gone(id: &str) -> Error {
    Error::SeeOther(super::pages::path(id, "complete"))
}

/// The caller's own run and its group, if the caller still reaches it (rules 3 and 4).
///
/// # Errors
/// [`Error::NotFound`]
pub fn own_run(
    db: &mut AnyConnection,
    admin: Administrator,
    key: &SecretKey,
    id: &str,
) -> Result<(Run, BillingGroup), Error> {
    let (run, group) = reachable_run(db, admin, key, id)?;
    if run.user_id == admin.viewer.id {
        Ok((run, group))
    } else {
        Err(Error::NotFound)
    }
}

/// A run of a group that the caller reaches.
///
/// # Errors
/// [`Error::NotFound`]
pub fn reachable_run(
    db: &mut AnyConnection,
    admin: Administrator,
    key: &SecretKey,
    id: &str,
) -> Result<(Run, BillingGroup), Error> {
    let run = run(db, key, id)?;
    let group = reachable_group(db, admin, &run.group_id)?;
    Ok((run, group))
}

/// Refuses when the group changed since `version` was read.
///
/// # Errors
/// [`Error::Stale`]
pub fn refuse_stale(db: &mut AnyConnection, group_id: &str, version: i64) -> Result<(), Error> {
    let group: BillingGroup = billing_groups::table
        .find(group_id)
        .select(GroupRow::as_select())
        .first(db)
        .optional()?
        .ok_or(Error::NotFound)?
        .into();
    if group.version == version {
        Ok(())
    } else {
        Err(stale(db, &group)?)
    }
}

/// Who changed the group's payment method meanwhile.
///
/// # Errors
/// What the database says.
pub fn stale(db: &mut AnyConnection, group: &BillingGroup) -> Result<Error, Error> {
    let current = payment_methods::store::registered(db, &group.id)?;
    let by = current
        .as_ref()
        .and_then(|current| current.modified_by.as_deref());
    let who = by
        .map(|id| crate::access::store::name_of(db, id))
        .transpose()?
        .flatten();
    Ok(Error::Stale(Box::new(Stale {
        group: group.name.clone(),
        who,
        at: current.map(|current| current.modified_at),
    })))
}
