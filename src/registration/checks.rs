//! The verifications of a run: their rows and the limits on phone codes. Each counter changes by one
//! conditional update, so that parallel requests count exactly.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::{PhoneCheck, Run};
use crate::{
    access::throttle,
    app::Services,
    db::{AnyConnection, schema::verifications},
    error::Error,
    secrets::{Purpose, SecretKey},
    verification::{
        CODE_TRIES, CODE_VALID, LOCK, PhoneNumber, RESEND_AFTER, SENDS_PER_NUMBER,
        SENDS_PER_REGISTRATION,
    },
    web::Message,
};

/// Binds a verification to what was verified, without keeping it.
fn subject_hash(key: &SecretKey, run: &Run, subject: &str) -> String {
    key.digest(
        Purpose::Subject,
        &[
            run.id.as_bytes(),
            run.group_id.as_bytes(),
            run.user_id.as_bytes(),
            subject.as_bytes(),
        ],
    )
}

/// Takes the right to send a code to `phone`: gives our id for it at the provider, or why not.
///
/// # Errors
/// What the database says.
pub fn take_send(
    db: &mut AnyConnection,
    services: &Services,
    run: &Run,
    phone: &PhoneNumber,
) -> Result<Result<String, Message>, Error> {
    let now = services.clock.now();
    if let Some(why_not) = run.phone.as_ref().and_then(|check| why_no_send(check, now)) {
        return Ok(Err(why_not));
    }
    let key = &services.settings.secret_key;
    let number = format!(
        "phone:{}",
        key.digest(Purpose::Subject, &[b"number", phone.digits().as_bytes()])
    );
    match throttle::take(db, &number, SENDS_PER_NUMBER, now) {
        Err(Error::TooMany(until)) => {
            return Ok(Err(Message::new("err-code-sends-day").arg("time", until)));
        }
        other => other?,
    }
    let subject = subject_hash(key, run, phone.digits());
    let provider_id = uuid::Uuid::now_v7().to_string();
    // A code for the same number goes on under the same id; another number begins anew. The count of sends stays.
    let same = verifications::table
        .find((&run.id, "phone"))
        .filter(verifications::subject_hash.eq(&subject))
        .filter(verifications::verified_at.is_null());
    if let Some(id) = same
        .select(verifications::provider_id)
        .first::<String>(db)
        .optional()?
    {
        diesel::update(verifications::table.find((&run.id, "phone")))
            .set((
                verifications::sends.eq(verifications::sends + 1),
                verifications::tries.eq(0),
                verifications::sent_at.eq(now),
                verifications::expires_at.eq(now + CODE_VALID),
                verifications::locked_until.eq(None::<NaiveDateTime>),
            ))
            .execute(db)?;
        return Ok(Ok(id));
    }
    let sends = run.phone.as_ref().map_or(0, |check| check.sends);
    diesel::delete(verifications::table.find((&run.id, "phone"))).execute(db)?;
    diesel::insert_into(verifications::table)
        .values((
            verifications::registration_id.eq(&run.id),
            verifications::kind.eq("phone"),
            verifications::provider_id.eq(&provider_id),
            verifications::group_id.eq(&run.group_id),
            verifications::user_id.eq(&run.user_id),
            verifications::subject_hash.eq(subject),
            verifications::sends.eq(sends + 1),
            verifications::tries.eq(0),
            verifications::sent_at.eq(now),
            verifications::expires_at.eq(now + CODE_VALID),
        ))
        .execute(db)?;
    Ok(Ok(provider_id))
}

fn why_no_send(check: &PhoneCheck, now: NaiveDateTime) -> Option<Message> {
    if let Some(until) = check.locked_until.filter(|until| *until > now) {
        return Some(
            Message::new("err-code-locked")
                .arg("n", CODE_TRIES)
                .arg("time", until),
        );
    }
    if let Some(next) = check
        .sent_at
        .map(|at| at + RESEND_AFTER)
        .filter(|next| *next > now)
    {
        return Some(Message::new("err-code-wait").arg("time", next));
    }
    (check.sends >= SENDS_PER_REGISTRATION)
        .then(|| Message::new("err-code-sends").arg("n", SENDS_PER_REGISTRATION))
}

/// The code did not go out: it cannot be entered, and another may be asked for at once.
///
/// # Errors
/// What the database says.
pub fn undo_send(db: &mut AnyConnection, run_id: &str) -> Result<(), Error> {
    diesel::update(verifications::table.find((run_id, "phone")))
        .set((
            verifications::sent_at.eq(None::<NaiveDateTime>),
            verifications::expires_at.eq(None::<NaiveDateTime>),
            verifications::sends.eq(verifications::sends - 1),
        ))
        .execute(db)?;
    Ok(())
}

/// Takes one of the code's tries: how many are left after it, or why there is none.
///
/// # Errors
/// What the database says.
pub fn take_try(
    db: &mut AnyConnection,
    run: &Run,
    now: NaiveDateTime,
) -> Result<Result<i32, Message>, Error> {
    let taken = diesel::update(verifications::table.find((&run.id, "phone")))
        .filter(verifications::tries.lt(CODE_TRIES))
        .filter(verifications::expires_at.gt(now))
        .filter(verifications::verified_at.is_null())
        .set(verifications::tries.eq(verifications::tries + 1))
        .execute(db)?;
    let (tries, locked_until): (i32, Option<NaiveDateTime>) = verifications::table
        .find((&run.id, "phone"))
        .select((verifications::tries, verifications::locked_until))
        .first(db)?;
    if taken == 0 {
        let is_locked = locked_until.filter(|until| *until > now);
        return Ok(Err(match is_locked {
            Some(until) => locked(until),
            None => Message::new("err-code-expired"),
        }));
    }
    if tries >= CODE_TRIES {
        diesel::update(verifications::table.find((&run.id, "phone")))
            .set(verifications::locked_until.eq(now + LOCK))
            .execute(db)?;
    }
    Ok(Ok(CODE_TRIES - tries))
}

/// The words when all tries are used.
pub fn locked(until: NaiveDateTime) -> Message {
    Message::new("err-code-locked")
        .arg("n", CODE_TRIES)
        .arg("time", until)
}

/// The right code was entered.
///
/// # Errors
/// What the database says.
pub fn verify_phone(
    db: &mut AnyConnection,
    run_id: &str,
    provider_id: &str,
    now: NaiveDateTime,
) -> Result<(), Error> {
    diesel::update(verifications::table.find((run_id, "phone")))
        .filter(verifications::provider_id.eq(provider_id))
        .set((
            verifications::verified_at.eq(now),
            verifications::locked_until.eq(None::<NaiveDateTime>),
        ))
        .execute(db)?;
    Ok(())
}

/// The registry says that the business is active.
///
/// # Errors
/// What the database says.
pub fn verify_business(
    db: &mut AnyConnection,
    services: &Services,
    run: &Run,
    number: &str,
) -> Result<(), Error> {
    let now = services.clock.now();
    diesel::delete(verifications::table.find((&run.id, "business"))).execute(db)?;
    diesel::insert_into(verifications::table)
        .values((
            verifications::registration_id.eq(&run.id),
            verifications::kind.eq("business"),
            verifications::provider_id.eq(uuid::Uuid::now_v7().to_string()),
            verifications::group_id.eq(&run.group_id),
            verifications::user_id.eq(&run.user_id),
            verifications::subject_hash.eq(subject_hash(
                &services.settings.secret_key,
                run,
                number,
            )),
            verifications::verified_at.eq(now),
        ))
        .execute(db)?;
    Ok(())
}
