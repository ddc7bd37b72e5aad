//! The codes that are sent to a phone: the limits on sends and tries, and the pause after the last one. Each counter changes
//! by one conditional update, so that parallel requests count exactly.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::{PhoneCheck, Run, checks::subject_hash, store};
use crate::{
    access::throttle::{self, Limit},
    app::Services,
    clock,
    db::{AnyConnection, schema::verifications},
    error::Error,
    secrets::Purpose,
    verification::{
        CODE_TRIES, CODE_VALID, LOCK, NotDelivered, PhoneNumber, RESEND_AFTER, SENDS_PER_NUMBER,
        SENDS_PER_REGISTRATION,
    },
    web::Message,
};

/// Why nothing is sent or looked at now.
pub struct NotNow {
    /// For the person.
    pub words: Message,
    /// When it can be tried again (UTC); none when only a new run helps.
    pub until: Option<NaiveDateTime>,
}

impl NotNow {
    fn until(until: NaiveDateTime, words: Message) -> Self {
        Self {
            words: words.arg("time", until),
            until: Some(until),
        }
    }

    /// All tries of a code are used.
    pub fn locked(until: NaiveDateTime) -> Self {
        Self::until(until, Message::new("err-code-locked").arg("n", CODE_TRIES))
    }
}

/// The pause after a code's last try, for the person and for the number: another run does not shorten it.
const PAUSE: Limit = Limit {
    count: 1,
    window: LOCK,
};
/// The wait between two codes for one number, whatever run asks for them.
const ONE_AT_A_TIME: Limit = Limit {
    count: 1,
    window: RESEND_AFTER,
};

/// The counter of a phone number, which is not kept itself.
fn number_key(services: &Services, what: &str, phone: &str) -> String {
    let digest = services
        .settings
        .secret_key
        .digest(Purpose::Subject, &[b"number", phone.as_bytes()]);
    format!("{what}:{digest}")
}

fn pause_keys(services: &Services, run: &Run, phone: &str) -> [String; 2] {
    [
        format!("code-pause:user:{}", run.user_id),
        number_key(services, "code-pause:number", phone),
    ]
}

/// Takes the right to send a code to `phone`: gives our id for it at the provider, or why not. The
/// provider knows another id for each form that was sent (`anew`); a code sent again goes on under it.
///
/// # Errors
/// What the database says.
pub fn take_send(
    db: &mut AnyConnection,
    services: &Services,
    run: &Run,
    phone: &PhoneNumber,
    anew: bool,
) -> Result<Result<String, NotNow>, Error> {
    let now = services.clock.now();
    if let Some(why_not) = run.phone.as_ref().and_then(|check| why_no_send(check, now)) {
        return Ok(Err(why_not));
    }
    if let Some(paused) = why_paused(db, services, run, phone.digits(), now)? {
        return Ok(Err(paused));
    }
    let limits = [
        ("code-wait", ONE_AT_A_TIME, "err-code-wait"),
        ("phone", SENDS_PER_NUMBER, "err-code-sends-day"),
    ];
    for (what, limit, words) in limits {
        match throttle::take(db, &number_key(services, what, phone.digits()), limit, now) {
            Err(Error::TooMany(until)) => {
                let words = Message::new(words).arg("day", clock::seoul_date(until));
                return Ok(Err(NotNow::until(until, words)));
            }
            other => other?,
        }
    }
    let subject = subject_hash(&services.settings.secret_key, run, phone.digits());
    let provider_id = uuid::Uuid::now_v7().to_string();
    // Another number begins anew; the count of sends stays.
    let same = verifications::table
        .find((&run.id, "phone"))
        .filter(verifications::subject_hash.eq(&subject))
        .filter(verifications::verified_at.is_null());
    if let Some(id) = same
        .select(verifications::provider_id)
        .first::<String>(db)
        .optional()?
    {
        // A code sent again leaves the one before good until it is on its way: what is tried meanwhile counts for both.
        let (id, tries) = match &run.phone {
            Some(before) if !anew => (id, before.tries),
            _ => (provider_id, 0),
        };
        diesel::update(verifications::table.find((&run.id, "phone")))
            .set((
                verifications::provider_id.eq(&id),
                verifications::sends.eq(verifications::sends + 1),
                verifications::tries.eq(tries),
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

/// The person or the number is paused, by whatever run.
fn why_paused(
    db: &mut AnyConnection,
    services: &Services,
    run: &Run,
    phone: &str,
    now: NaiveDateTime,
) -> Result<Option<NotNow>, Error> {
    for key in pause_keys(services, run, phone) {
        match throttle::check(db, &key, PAUSE, now) {
            Err(Error::TooMany(until)) => return Ok(Some(NotNow::locked(until))),
            other => other?,
        }
    }
    Ok(None)
}

fn why_no_send(check: &PhoneCheck, now: NaiveDateTime) -> Option<NotNow> {
    if let Some(until) = check.locked_until.filter(|until| *until > now) {
        return Some(NotNow::locked(until));
    }
    if let Some(next) = check
        .sent_at
        .map(|at| at + RESEND_AFTER)
        .filter(|next| *next > now)
    {
        return Some(NotNow::until(next, Message::new("err-code-wait")));
    }
    (check.sends >= SENDS_PER_REGISTRATION).then(|| NotNow {
        words: Message::new("err-code-sends").arg("n", SENDS_PER_REGISTRATION),
        until: None,
    })
}

/// No code is on its way for certain: none can be entered, but the one before where nothing was sent again. What was not
/// sent counts nowhere, and another may be asked for at once. What the carrier refused counts, else anybody could try out
/// who holds a number; what may have been sent counts, too, and another must wait.
///
/// # Errors
/// What the database says.
pub fn undo_send(
    db: &mut AnyConnection,
    services: &Services,
    run: &Run,
    phone: &str,
    why: NotDelivered,
) -> Result<(), Error> {
    store::hold(db, &run.id)?;
    let row = verifications::table.find((&run.id, "phone"));
    let sent_at: Option<Option<NaiveDateTime>> =
        row.select(verifications::sent_at).first(db).optional()?;
    let taken_at = sent_at.flatten().unwrap_or_else(|| services.clock.now());
    let mut give_back =
        |what, limit| throttle::give_back(db, &number_key(services, what, phone), limit, taken_at);
    if why != NotDelivered::Unknown {
        give_back("code-wait", ONE_AT_A_TIME)?;
    }
    let uncounted = i32::from(why == NotDelivered::NotSent);
    if why == NotDelivered::NotSent {
        give_back("phone", SENDS_PER_NUMBER)?;
    }
    diesel::update(row)
        .set((
            verifications::sent_at.eq(None::<NaiveDateTime>),
            verifications::expires_at.eq(None::<NaiveDateTime>),
            verifications::sends.eq(verifications::sends - uncounted),
        ))
        .execute(db)?;
    if let (NotDelivered::NotSent, Some(before)) = (why, &run.phone) {
        diesel::update(row)
            .filter(verifications::provider_id.eq(&before.provider_id))
            .set((
                verifications::sent_at.eq(before.sent_at),
                verifications::expires_at.eq(before.expires_at),
            ))
            .execute(db)?;
    }
    Ok(())
}

/// A code sent again is on its way: the tries of the one before do not count for it.
///
/// # Errors
/// What the database says.
pub fn sent_again(db: &mut AnyConnection, run: &Run) -> Result<(), Error> {
    let before = run.phone.as_ref().map_or(0, |check| check.tries);
    diesel::update(verifications::table.find((&run.id, "phone")))
        .set(verifications::tries.eq(verifications::tries - before))
        .execute(db)?;
    Ok(())
}

/// The code verified somebody else: it cannot be entered again.
///
/// # Errors
/// What the database says.
pub fn end_code(db: &mut AnyConnection, run: &Run, provider_id: &str) -> Result<(), Error> {
    diesel::update(verifications::table.find((&run.id, "phone")))
        .filter(verifications::provider_id.eq(provider_id))
        .set(verifications::expires_at.eq(None::<NaiveDateTime>))
        .execute(db)?;
    Ok(())
}

/// Takes one of the code's tries: how many are left after it, or why there is none.
///
/// # Errors
/// What the database says.
pub fn take_try(
    db: &mut AnyConnection,
    services: &Services,
    run: &Run,
) -> Result<Result<i32, NotNow>, Error> {
    let now = services.clock.now();
    if let Some(paused) = why_paused(db, services, run, &run.kept.phone, now)? {
        return Ok(Err(paused));
    }
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
            Some(until) => NotNow::locked(until),
            None => NotNow {
                words: Message::new("err-code-expired"),
                until: None,
            },
        }));
    }
    if tries >= CODE_TRIES {
        diesel::update(verifications::table.find((&run.id, "phone")))
            .set(verifications::locked_until.eq(now + LOCK))
            .execute(db)?;
        for key in pause_keys(services, run, &run.kept.phone) {
            throttle::clear(db, &key)?;
            throttle::take(db, &key, PAUSE, now)?;
        }
    }
    Ok(Ok(CODE_TRIES - tries))
}

/// Nobody looked at the code: its try does not count.
///
/// # Errors
/// What the database says.
pub fn give_try_back(db: &mut AnyConnection, services: &Services, run: &Run) -> Result<(), Error> {
    let check = verifications::table.find((&run.id, "phone"));
    let began_the_pause = diesel::update(check.filter(verifications::locked_until.is_not_null()))
        .set(verifications::locked_until.eq(None::<NaiveDateTime>))
        .execute(db)?;
    diesel::update(check.filter(verifications::tries.gt(0)))
        .set(verifications::tries.eq(verifications::tries - 1))
        .execute(db)?;
    if began_the_pause == 1 {
        end_pause(db, services, run)?;
    }
    Ok(())
}

/// The pause of the person and of the number is over.
///
/// # Errors
/// What the database says.
pub(super) fn end_pause(
    db: &mut AnyConnection,
    services: &Services,
    run: &Run,
) -> Result<(), Error> {
    for key in pause_keys(services, run, &run.kept.phone) {
        throttle::clear(db, &key)?;
    }
    Ok(())
}
