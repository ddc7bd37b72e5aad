//! The one transaction that makes a card a group's payment method (rule 10). It begins with a
//! compare-and-set on the group's version; everything in it happens or nothing does.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::{
    Outcome, Run, State,
    attempt::{self, Attempt, AttemptState, verification_kind},
    checks::subject_of_kept,
    store,
};
use crate::{
    access::store::may_change,
    audit, clock,
    db::{
        AnyConnection,
        schema::{billing_groups, registrations, verifications},
    },
    error::Error,
    gateway::AcceptedCard,
    jobs,
    payment_methods::{self, Card, PaymentMethod},
    secrets::SecretKey,
};

/// Why a card that the gateway took is not committed.
#[derive(Debug)]
pub enum NotCommitted {
    /// The group changed, or its person may no longer change it, or the verification is gone: revoke the key.
    Overtaken,
    /// The gateway has deleted the key meanwhile.
    KeyDeleted,
    /// Somebody else settled the attempt.
    Settled,
    /// The database failed: look the attempt up again later.
    Failed(Error),
}

impl From<Error> for NotCommitted {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<diesel::result::Error> for NotCommitted {
    fn from(error: diesel::result::Error) -> Self {
        Self::Failed(error.into())
    }
}

/// Commits a card that the console takes.
///
/// # Errors
/// [`NotCommitted`]; then nothing has changed.
pub fn commit(
    db: &mut AnyConnection,
    key: &SecretKey,
    attempt: &Attempt,
    run: &Run,
    card: &AcceptedCard,
    now: NaiveDateTime,
) -> Result<(), NotCommitted> {
    db.write(|db| {
        if !payment_methods::store::claim_version(db, &attempt.group_id, attempt.group_version)? {
            return Err(NotCommitted::Overtaken);
        }
        if !attempt::settle(db, attempt, AttemptState::Committed, None)? {
            return Err(NotCommitted::Settled);
        }
        if !may_change(db, &attempt.user_id, &attempt.group_id)?
            || !use_verification(db, key, run, now)?
        {
            return Err(NotCommitted::Overtaken);
        }
        if payment_methods::events::is_deleted(db, card.key())? {
            return Err(NotCommitted::KeyDeleted);
        }
        let old_key = replace_method(db, attempt, card, now)?;
        attempt::forgive(db, attempt)?;
        if let Some(old_key) = old_key {
            jobs::add(db, jobs::Kind::RevokeKey, &old_key, now, now)?;
        }
        jobs::remove(db, jobs::Kind::SettleAttempt, &attempt.id)?;
        complete(db, run, card, now)?;
        // Last, as in every transaction: who holds an organization's trail must wait for nothing more.
        let organization: String = billing_groups::table
            .find(&attempt.group_id)
            .select(billing_groups::organization_id)
            .first(db)?;
        let action = if run.is_change {
            "payment_method.changed"
        } else {
            "payment_method.registered"
        };
        let entry = audit::Entry::new(&organization, &attempt.user_id, action, &attempt.group_id)
            .reference(&attempt.reference)
            .detail("registration", &run.id)
            .detail("issuer", card.issuer.code())
            .detail("owner", card.owner.as_str())
            .detail("last_four", card.last_four.as_str())
            .detail("terms", run.accepted_terms.as_deref().unwrap_or("none"));
        audit::append(db, now, &entry)?;
        fail::fail_point!("commit-made");
        Ok(())
    })
}

/// The old method's information is deleted, the new one set. Registering the same card again gives a
/// new key, and the old one is revoked.
fn replace_method(
    db: &mut AnyConnection,
    attempt: &Attempt,
    card: &AcceptedCard,
    now: NaiveDateTime,
) -> Result<Option<String>, Error> {
    let method = PaymentMethod::Card(Card {
        issuer: card.issuer.clone(),
        owner: card.owner,
        brand: card.brand,
        last_four: card.last_four.clone(),
        expiry: card.expiry,
        key: card.key().clone(),
    });
    let old = payment_methods::store::replace(
        db,
        &attempt.group_id,
        &method,
        Some(&attempt.user_id),
        now,
    )?;
    Ok(old
        .filter(|old| old != card.key())
        .map(|old| old.as_str().to_owned()))
}

/// A verification is used once: a valid one of this run, group, user and what the run keeps, of the kind that its
/// choice needs.
fn use_verification(
    db: &mut AnyConnection,
    key: &SecretKey,
    run: &Run,
    now: NaiveDateTime,
) -> Result<bool, Error> {
    let used = diesel::update(verifications::table.find((&run.id, verification_kind(run.choice))))
        .filter(verifications::group_id.eq(&run.group_id))
        .filter(verifications::user_id.eq(&run.user_id))
        .filter(verifications::subject_hash.eq(subject_of_kept(key, run)))
        .filter(verifications::verified_at.is_not_null())
        .filter(verifications::used_at.is_null())
        .set(verifications::used_at.eq(now))
        .execute(db)?;
    Ok(used == 1)
}

fn complete(
    db: &mut AnyConnection,
    run: &Run,
    card: &AcceptedCard,
    now: NaiveDateTime,
) -> Result<(), Error> {
    let outcome = Outcome {
        issuer: card.issuer.code().to_owned(),
        owner: card.owner.as_str().to_owned(),
        last_four: card.last_four.as_str().to_owned(),
        first_charge: clock::first_charge(clock::seoul_date(now)),
    };
    let outcome = serde_json::to_string(&outcome).map_err(|e| Error::Internal(e.to_string()))?;
    store::end(db, &run.id, State::Complete, now)?;
    diesel::update(registrations::table.find(&run.id))
        .set(registrations::outcome.eq(outcome))
        .execute(db)?;
    Ok(())
}
