//! What follows an answer of the gateway, in the request that asked or, after a fault, in the worker.

use chrono::TimeDelta;

use super::{
    Choice, Run,
    attempt::{self, Attempt, AttemptState},
    commit::{NotCommitted, commit},
    store,
};
use crate::{
    access,
    app::Services,
    audit,
    db::AnyConnection,
    error::Error,
    gateway::{
        CardDetails, Identity, IssueOutcome, IssueRequest, IssuedKey, LookUp, Refusal, accept,
    },
    jobs,
};

/// When an attempt that the gateway knew nothing of is looked up once more.
const SWEEP_AFTER: TimeDelta = TimeDelta::minutes(10);

/// How an attempt ended, for its person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Registered.
    Committed,
    /// Refused for good.
    Refused(Refusal),
    /// Nothing was sent.
    NotSent,
    /// Nobody knows yet.
    Unknown,
    /// The gateway took the card, but the group had changed: the key is revoked.
    Overtaken,
}

impl Answer {
    /// The answer that an attempt made earlier has.
    pub fn of(attempt: &Attempt) -> Self {
        match (attempt.state, attempt.refusal) {
            (AttemptState::Committed, _) => Self::Committed,
            (AttemptState::Refused, refusal) => Self::Refused(refusal.unwrap_or(Refusal::Declined)),
            (AttemptState::NotSent, _) => Self::NotSent,
            (AttemptState::Calling | AttemptState::Unknown, _) => Self::Unknown,
            (AttemptState::Compensated, _) => Self::Overtaken,
        }
    }
}

/// Sends the card to the gateway and settles the attempt.
///
/// # Errors
/// [`Error::Unavailable`] when the database fails; the worker then settles it.
pub fn call_gateway(
    services: &Services,
    attempt: &Attempt,
    run: &Run,
    card: CardDetails,
) -> Result<Answer, Error> {
    let identity = match run.choice {
        Some(Choice::AnonymousCorporateCard) => Identity::Business {
            number: run.kept.business_number.clone().into(),
        },
        _ => Identity::Person {
            birth_date: run.kept.birth_date.clone().into(),
        },
    };
    // A process that slept past its lease: a worker may have given the attempt up, and a key would be nobody's.
    if services.clock.now() >= attempt.created_at + attempt::LEASE {
        return not_sent(services, attempt);
    }
    fail::fail_point!("gateway-call");
    let outcome = services.gateway.issue(IssueRequest {
        attempt: attempt.query(),
        card,
        identity,
    });
    fail::fail_point!("gateway-answered");
    let answer = settle(services, attempt, run, outcome);
    fail::fail_point!("answer-known");
    answer
}

fn settle(
    services: &Services,
    attempt: &Attempt,
    run: &Run,
    outcome: IssueOutcome,
) -> Result<Answer, Error> {
    match outcome {
        IssueOutcome::Issued(issued) => take_issued(services, attempt, run, &issued),
        IssueOutcome::Refused(refusal) => services
            .db
            .write(|db| refuse(services, db, attempt, refusal, None)),
        IssueOutcome::NotSent => not_sent(services, attempt),
        IssueOutcome::Unknown => services.db.write(|db| {
            let now = services.clock.now();
            attempt::settle(db, attempt, AttemptState::Unknown, None)?;
            jobs::hasten(db, jobs::Kind::SettleAttempt, &attempt.id, now)?;
            answer_now(db, attempt, None, now)
        }),
    }
}

/// No byte of the card left: there is no key.
fn not_sent(services: &Services, attempt: &Attempt) -> Result<Answer, Error> {
    services.db.write(|db| {
        let now = services.clock.now();
        if attempt::settle(db, attempt, AttemptState::NotSent, None)? {
            attempt::forgive(db, attempt)?;
            attempt::reopen_run(db, attempt, now)?;
            note(db, attempt, "card.not_sent", "unreachable", now)?;
        }
        answer_now(db, attempt, None, now)
    })
}

/// What the worker does with an attempt that is still open: it is looked up, then adopted or undone.
/// `None` when the gateway does not say: ask again.
///
/// # Errors
/// [`Error::Unavailable`]
pub fn look_up(services: &Services, attempt_id: &str) -> Result<Option<Answer>, Error> {
    let (attempt, run) = {
        let mut db = services.db.connection()?;
        let attempt = attempt::by_id(&mut db, attempt_id)?;
        let run = store::run(
            &mut db,
            &services.settings.secret_key,
            &attempt.registration_id,
        )?;
        (attempt, run)
    };
    if !attempt.state.is_in_flight() {
        return Ok(Some(Answer::of(&attempt)));
    }
    let found = services.gateway.look_up(&attempt.query());
    fail::fail_point!("look-up-answered");
    match found {
        LookUp::Found(issued) => take_issued(services, &attempt, &run, &issued).map(Some),
        LookUp::Absent => services
            .db
            .write(|db| undo(services, db, &attempt, None, "absent"))
            .map(Some),
        LookUp::Unknown => Ok(None),
    }
}

fn take_issued(
    services: &Services,
    attempt: &Attempt,
    run: &Run,
    issued: &IssuedKey,
) -> Result<Answer, Error> {
    let method = run
        .choice
        .and_then(Choice::card_method)
        .ok_or_else(|| Error::Internal("a run without a card".into()))?;
    let card = match accept(issued, method) {
        Ok(card) => card,
        Err(refusal) => {
            return services
                .db
                .write(|db| refuse(services, db, attempt, refusal, Some(issued)));
        }
    };
    let committed = commit(
        &mut *services.db.connection()?,
        &services.settings.secret_key,
        attempt,
        run,
        &card,
        services.clock.now(),
    );
    let why = match committed {
        Ok(()) => return Ok(Answer::Committed),
        Err(NotCommitted::Failed(error)) => return Err(error),
        Err(NotCommitted::KeyDeleted) => "key_deleted",
        Err(NotCommitted::Overtaken | NotCommitted::Settled) => "overtaken",
    };
    services
        .db
        .write(|db| undo(services, db, attempt, Some(issued), why))
}

/// A refused card: its key, if it got one, is revoked at once (rule 9).
fn refuse(
    services: &Services,
    db: &mut AnyConnection,
    attempt: &Attempt,
    refusal: Refusal,
    issued: Option<&IssuedKey>,
) -> Result<Answer, Error> {
    let now = services.clock.now();
    if attempt::settle(db, attempt, AttemptState::Refused, Some(refusal))? {
        if !refusal.is_about_the_card() {
            attempt::forgive(db, attempt)?;
        }
        attempt::reopen_run(db, attempt, now)?;
        note(db, attempt, "card.refused", refusal.as_str(), now)?;
    }
    answer_now(db, attempt, issued, now)
}

/// An attempt that ends without a payment method: a key that the gateway has is revoked.
fn undo(
    services: &Services,
    db: &mut AnyConnection,
    attempt: &Attempt,
    issued: Option<&IssuedKey>,
    why: &str,
) -> Result<Answer, Error> {
    let now = services.clock.now();
    if attempt::settle(db, attempt, AttemptState::Compensated, None)? {
        if issued.is_none() {
            jobs::add(
                db,
                jobs::Kind::SweepAttempt,
                &attempt.id,
                now + SWEEP_AFTER,
                now,
            )?;
        }
        attempt::forgive(db, attempt)?;
        attempt::reopen_run(db, attempt, now)?;
        note(db, attempt, "card.undone", why, now)?;
        fail::fail_point!("undo-made");
    }
    answer_now(db, attempt, issued, now)
}

/// The answer that the attempt has, whoever settled it. A key that did not become the group's payment
/// method is revoked, also one that came after its attempt was settled otherwise.
fn answer_now(
    db: &mut AnyConnection,
    attempt: &Attempt,
    issued: Option<&IssuedKey>,
    now: chrono::NaiveDateTime,
) -> Result<Answer, Error> {
    let settled = attempt::by_id(db, &attempt.id)?;
    if let Some(issued) = issued.filter(|_| settled.state != AttemptState::Committed) {
        jobs::add(db, jobs::Kind::RevokeKey, issued.key.as_str(), now, now)?;
    }
    Ok(Answer::of(&settled))
}

/// Looks once more after an attempt that the gateway knew nothing of: a request that took effect late
/// leaves a key that nobody uses, and it is revoked. Whether the gateway gave an answer.
///
/// # Errors
/// [`Error::Unavailable`]
pub fn sweep(services: &Services, attempt_id: &str) -> Result<bool, Error> {
    let attempt = attempt::by_id(&mut *services.db.connection()?, attempt_id)?;
    match services.gateway.look_up(&attempt.query()) {
        LookUp::Found(issued) => services
            .db
            .write(|db| undo(services, db, &attempt, Some(&issued), "overtaken"))
            .map(|_| true),
        LookUp::Absent => Ok(true),
        LookUp::Unknown => Ok(false),
    }
}

fn note(
    db: &mut AnyConnection,
    attempt: &Attempt,
    action: &str,
    reason: &str,
    now: chrono::NaiveDateTime,
) -> Result<(), Error> {
    let organization = access::store::organization_of(db, &attempt.user_id)?.unwrap_or_default();
    let entry = audit::Entry::new(&organization, &attempt.user_id, action, &attempt.group_id)
        .reference(&attempt.reference)
        .detail("reason", reason);
    audit::append(db, now, &entry)
}
