//! The intent of one gateway call: committed before the call, so that a call that was cut off is found.

use chrono::{NaiveDateTime, TimeDelta};
use diesel::prelude::*;

use super::{Choice, Run, State, rules::REFUSALS};
use crate::{
    access::throttle,
    db::{
        AnyConnection,
        schema::{card_attempts, registrations},
    },
    error::{Error, is_taken},
    gateway::{AttemptQuery, Refusal},
    jobs,
    secrets::new_reference,
};

/// How long the request that made an attempt may settle it alone: longer than the gateway's 10 s.
pub const LEASE: TimeDelta = TimeDelta::seconds(15);

crate::gateway::words! {
    /// Where an attempt stands.
    AttemptState {
        /// The call may be on its way.
        Calling = "calling",
        /// The gateway or the console refused the card.
        Refused = "refused",
        /// No byte of the request left.
        NotSent = "not_sent",
        /// Sent, without a definite answer: looked up.
        Unknown = "unknown",
        /// The card is the group's payment method.
        Committed = "committed",
        /// There is no key, or it is being revoked.
        Compensated = "compensated",
    }
}

impl AttemptState {
    /// Whether its outcome is still open.
    pub fn is_in_flight(self) -> bool {
        matches!(self, Self::Calling | Self::Unknown)
    }
}

/// One attempt to register a card.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// Its id.
    pub id: String,
    /// What a person quotes to support.
    pub reference: String,
    /// Its run.
    pub registration_id: String,
    /// The group.
    pub group_id: String,
    /// Who.
    pub user_id: String,
    /// The group's version that the commit compares.
    pub group_version: i64,
    /// What the gateway knows it by.
    pub gateway_reference: String,
    /// Where it stands.
    pub state: AttemptState,
    /// Why it was refused.
    pub refusal: Option<Refusal>,
    /// UTC.
    pub created_at: NaiveDateTime,
}

impl Attempt {
    /// Whether its outcome is open for so long that staff should look at it.
    pub fn is_case_for_staff(&self, now: NaiveDateTime) -> bool {
        self.state.is_in_flight() && now - self.created_at >= jobs::STAFF_AFTER
    }

    /// What the gateway knows it by.
    pub fn query(&self) -> AttemptQuery {
        AttemptQuery {
            reference: self.gateway_reference.clone(),
            customer: self.group_id.clone(),
            asked_at: self.created_at,
        }
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = card_attempts)]
struct Row {
    id: String,
    reference: String,
    registration_id: String,
    group_id: String,
    user_id: String,
    group_version: i64,
    gateway_reference: String,
    state: String,
    refusal: Option<String>,
    created_at: NaiveDateTime,
}

impl From<Row> for Attempt {
    fn from(row: Row) -> Self {
        Self {
            state: AttemptState::parse(&row.state).unwrap_or(AttemptState::Unknown),
            refusal: row.refusal.as_deref().and_then(Refusal::parse),
            id: row.id,
            reference: row.reference,
            registration_id: row.registration_id,
            group_id: row.group_id,
            user_id: row.user_id,
            group_version: row.group_version,
            gateway_reference: row.gateway_reference,
            created_at: row.created_at,
        }
    }
}

/// The attempt that a key names, if it was made: its answer is the key's answer, whatever the body.
///
/// # Errors
/// What the database says.
pub fn by_key(
    db: &mut AnyConnection,
    registration_id: &str,
    key: &str,
) -> Result<Option<Attempt>, Error> {
    Ok(card_attempts::table
        .filter(card_attempts::registration_id.eq(registration_id))
        .filter(card_attempts::idempotency_key.eq(key))
        .select(Row::as_select())
        .first(db)
        .optional()?
        .map(Attempt::from))
}

/// An attempt by its id.
///
/// # Errors
/// [`Error::NotFound`]
pub fn by_id(db: &mut AnyConnection, id: &str) -> Result<Attempt, Error> {
    let row = card_attempts::table
        .find(id)
        .select(Row::as_select())
        .first(db)
        .optional()?;
    row.map(Attempt::from).ok_or(Error::NotFound)
}

/// The newest attempt of a run.
///
/// # Errors
/// What the database says.
pub fn newest(db: &mut AnyConnection, registration_id: &str) -> Result<Option<Attempt>, Error> {
    Ok(card_attempts::table
        .filter(card_attempts::registration_id.eq(registration_id))
        .order((card_attempts::created_at.desc(), card_attempts::id.desc()))
        .select(Row::as_select())
        .first(db)
        .optional()?
        .map(Attempt::from))
}

/// Commits the intent: one at a time for a group, and one for a key. Takes a place of both refusal
/// limits, so that parallel refusals count exactly; what is not refused gives it back.
///
/// # Errors
/// [`Error::TooMany`]; [`Error::SeeOther`] to the run that is being confirmed, or where this one shows how it ended.
pub fn intend(
    db: &mut AnyConnection,
    run: &Run,
    key: &str,
    now: NaiveDateTime,
) -> Result<Attempt, Error> {
    let id = uuid::Uuid::now_v7().to_string();
    let made = db.transaction(|db| {
        diesel::insert_into(card_attempts::table)
            .values((
                card_attempts::id.eq(&id),
                card_attempts::reference
                    .eq(new_reference().map_err(|_| diesel::result::Error::RollbackTransaction)?),
                card_attempts::registration_id.eq(&run.id),
                card_attempts::group_id.eq(&run.group_id),
                card_attempts::user_id.eq(&run.user_id),
                card_attempts::group_version.eq(run.group_version),
                card_attempts::idempotency_key.eq(key),
                card_attempts::gateway_reference.eq(uuid::Uuid::now_v7().to_string()),
                card_attempts::state.eq(AttemptState::Calling.as_str()),
                card_attempts::created_at.eq(now),
            ))
            .execute(db)
    });
    match made {
        Err(error) if is_taken(&error) => {
            let run_id =
                super::store::in_flight(db, &run.group_id)?.unwrap_or_else(|| run.id.clone());
            return Err(Error::SeeOther(super::pages::path(&run_id, "confirming")));
        }
        other => other?,
    };
    // After the attempt: what settles the group's other one holds that and waits for the counters.
    for limit in limit_keys(&run.user_id, &run.group_id) {
        throttle::take(db, &limit, REFUSALS, now)?;
    }
    jobs::add(db, jobs::Kind::SettleAttempt, &id, now + LEASE, now)?;
    if !move_run(db, &run.id, State::Open, State::Confirming, now)? {
        return Err(super::store::gone(&run.id));
    }
    let attempt = by_id(db, &id)?;
    fail::fail_point!("intent-made");
    Ok(attempt)
}

/// The counters of refused cards.
fn limit_keys(user_id: &str, group_id: &str) -> [String; 2] {
    [
        format!("card:user:{user_id}"),
        format!("card:group:{group_id}"),
    ]
}

/// Moves an attempt on from one of the open states; whether it was still open. Of two that settle it,
/// only one finds it so.
///
/// # Errors
/// What the database says.
pub fn settle(
    db: &mut AnyConnection,
    attempt: &Attempt,
    state: AttemptState,
    refusal: Option<Refusal>,
) -> Result<bool, Error> {
    let moved = diesel::update(card_attempts::table.find(&attempt.id))
        .filter(card_attempts::state.eq_any([
            AttemptState::Calling.as_str(),
            AttemptState::Unknown.as_str(),
        ]))
        .set((
            card_attempts::state.eq(state.as_str()),
            card_attempts::refusal.eq(refusal.map(Refusal::as_str)),
        ))
        .execute(db)?;
    fail::fail_point!("attempt-settled");
    Ok(moved == 1)
}

/// Ends an attempt without a payment method: its run can be gone on with.
///
/// # Errors
/// What the database says.
pub fn reopen_run(
    db: &mut AnyConnection,
    attempt: &Attempt,
    now: NaiveDateTime,
) -> Result<(), Error> {
    jobs::remove(db, jobs::Kind::SettleAttempt, &attempt.id)?;
    end_other_runs(db, attempt, now)?;
    move_run(
        db,
        &attempt.registration_id,
        State::Confirming,
        State::Open,
        now,
    )?;
    Ok(())
}

/// A second window can start a run in the moment before the first one's card is sent. A person has one open run for
/// a group: the one whose card was sent goes on.
fn end_other_runs(
    db: &mut AnyConnection,
    attempt: &Attempt,
    now: NaiveDateTime,
) -> Result<(), Error> {
    let others: Vec<String> = registrations::table
        .filter(registrations::group_id.eq(&attempt.group_id))
        .filter(registrations::user_id.eq(&attempt.user_id))
        .filter(registrations::state.eq(State::Open.as_str()))
        .filter(registrations::id.ne(&attempt.registration_id))
        .select(registrations::id)
        .load(db)?;
    others
        .iter()
        .try_for_each(|id| super::store::end_open(db, id, State::Expired, now).map(|_| ()))
}

/// Gives back the places of the refusal limits.
///
/// # Errors
/// What the database says.
pub fn forgive(db: &mut AnyConnection, attempt: &Attempt) -> Result<(), Error> {
    limit_keys(&attempt.user_id, &attempt.group_id)
        .iter()
        .try_for_each(|key| throttle::give_back(db, key, REFUSALS, attempt.created_at))
}

/// Whether the run still stood where it is moved from.
fn move_run(
    db: &mut AnyConnection,
    id: &str,
    from: State,
    to: State,
    now: NaiveDateTime,
) -> Result<bool, Error> {
    let moved = diesel::update(registrations::table.find(id))
        .filter(registrations::state.eq(from.as_str()))
        .set((
            registrations::state.eq(to.as_str()),
            registrations::updated_at.eq(now),
        ))
        .execute(db)?;
    Ok(moved == 1)
}

/// Which verification a choice needs (rule 8).
pub fn verification_kind(choice: Option<Choice>) -> &'static str {
    match choice {
        Some(Choice::AnonymousCorporateCard) => "business",
        _ => "phone",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registration::Kept;

    fn attempt(state: AttemptState) -> Attempt {
        Attempt {
            id: "attempt".into(),
            reference: "PM-01J9-8C2K".into(),
            registration_id: "run".into(),
            group_id: "acme-lab".into(),
            user_id: "ann".into(),
            group_version: 1,
            gateway_reference: "ours".into(),
            state,
            refusal: None,
            created_at: "2026-11-24T05:02:11".parse().unwrap(),
        }
    }

    #[test]
    fn an_outcome_that_is_open_for_ten_minutes_is_a_case_for_staff() {
        for state in AttemptState::ALL {
            let attempt = attempt(state);
            let after = |seconds| attempt.created_at + TimeDelta::seconds(seconds);
            assert!(!attempt.is_case_for_staff(after(599)), "{state:?}");
            assert_eq!(
                attempt.is_case_for_staff(after(600)),
                [AttemptState::Calling, AttemptState::Unknown].contains(&state),
                "{state:?}"
            );
        }
    }

    #[test]
    fn a_database_that_takes_no_attempt_is_an_error_and_no_other_card_under_way() {
        let mut db = AnyConnection::in_memory();
        diesel::sql_query(
            "CREATE TRIGGER full BEFORE INSERT ON card_attempts BEGIN SELECT RAISE(ABORT, 'full'); END",
        )
        .execute(&mut db)
        .unwrap();
        let attempt = attempt(AttemptState::Calling);
        let run = Run {
            id: attempt.registration_id,
            reference: attempt.reference,
            group_id: attempt.group_id,
            user_id: attempt.user_id,
            is_change: false,
            state: State::Open,
            group_version: attempt.group_version,
            choice: Some(Choice::NamedCard),
            accepted_terms: None,
            kept: Kept::default(),
            phone: None,
            is_business_verified: false,
            outcome: None,
            created_at: attempt.created_at,
        };
        assert!(matches!(
            intend(&mut db, &run, "key", attempt.created_at),
            Err(Error::Unavailable(_))
        ));
    }

    #[test]
    fn rule_8_only_an_anonymous_corporate_card_is_verified_by_its_business_number() {
        for (choice, kind) in [
            (Some(Choice::NamedCard), "phone"),
            (Some(Choice::AnonymousCorporateCard), "business"),
            (None, "phone"),
        ] {
            assert_eq!(verification_kind(choice), kind);
        }
    }
}
