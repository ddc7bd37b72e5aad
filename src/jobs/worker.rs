//! The worker: does due jobs, a few at a time, and keeps the house.

use std::{
    panic::{self, AssertUnwindSafe},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use chrono::NaiveDateTime;

use super::{Held, Kind, STAFF_AFTER, claim, finish, retry};
use crate::{
    access,
    app::Services,
    audit,
    db::AnyConnection,
    error::Error,
    gateway::{BillingKey, Revocation},
    memory,
    payment_methods::events,
    registration,
};

/// The pause when nothing is due.
const PAUSE: Duration = Duration::from_millis(250);
/// Jobs at once: a provider that hangs for one of them keeps the others waiting no longer than that.
const AT_ONCE: usize = 4;
/// How often the house is kept.
const HOUSEKEEPING: Duration = Duration::from_secs(30);

/// Threads that do jobs until they are stopped.
pub struct Worker {
    threads: Vec<JoinHandle<()>>,
    is_stopped: Arc<AtomicBool>,
}

impl Worker {
    /// Starts the threads.
    pub fn start(services: &Arc<Services>) -> Self {
        let is_stopped = Arc::new(AtomicBool::new(false));
        let threads = (0..AT_ONCE).filter_map(|number| {
            let (services, is_stopped) = (services.clone(), is_stopped.clone());
            let thread = thread::Builder::new()
                .name(format!("worker-{number}"))
                .spawn(move || work(&services, &is_stopped, number == 0));
            thread
                .map_err(|error| log::error!("a worker did not start: {error}"))
                .ok()
        });
        Self {
            threads: threads.collect(),
            is_stopped,
        }
    }

    /// Lets the threads end their jobs and waits so long for them: a provider that hangs holds nobody up.
    pub fn stop(self, within: Duration) {
        self.is_stopped.store(true, Ordering::Relaxed);
        let began = Instant::now();
        while began.elapsed() < within && !self.threads.iter().all(JoinHandle::is_finished) {
            thread::sleep(Duration::from_millis(10));
        }
    }
}

/// Does jobs one after another; one of the threads keeps the house.
fn work(services: &Services, is_stopped: &AtomicBool, keeps_house: bool) {
    let mut kept_house: Option<Instant> = None;
    while !is_stopped.load(Ordering::Relaxed) {
        if keeps_house && kept_house.is_none_or(|at| at.elapsed() >= HOUSEKEEPING) {
            log_error("housekeeping", keep_house(services));
            kept_house = Some(Instant::now());
        }
        // One job that panics must not end the others: its lease ends, and it is tried again.
        let next = panic::catch_unwind(AssertUnwindSafe(|| do_next(services)));
        match next.unwrap_or_else(|_| Err(Error::Internal("a job panicked".into()))) {
            Ok(true) => {}
            Ok(false) => thread::sleep(PAUSE),
            Err(error) => {
                log_error("job", Err(error));
                thread::sleep(Duration::from_secs(1));
            }
        }
    }
}

fn log_error(what: &str, done: Result<(), Error>) {
    if let Err(error) = done {
        log::error!("{what}: {error}");
    }
}

/// Does one due job, if there is one.
///
/// # Errors
/// [`Error::Unavailable`]
pub fn do_next(services: &Services) -> Result<bool, Error> {
    let now = services.clock.now();
    let Some(held) = claim(&mut *services.db.connection()?, now)? else {
        return Ok(false);
    };
    fail::fail_point!("job-claimed");
    let is_done = do_job(services, &held).unwrap_or_else(|error| {
        log::error!("{} job {}: {error}", held.kind.as_str(), held.id);
        false
    });
    fail::fail_point!("job-done");
    if !is_done {
        warn_staff(&held, now);
    }
    let mut db = services.db.connection()?;
    if is_done {
        finish(&mut db, &held)?;
        fail::fail_point!("job-finished");
    } else {
        retry(&mut db, &held, services.clock.now())?;
    }
    Ok(true)
}

/// Whether it is done; else it is tried again.
fn do_job(services: &Services, held: &Held) -> Result<bool, Error> {
    match held.kind {
        Kind::SettleAttempt => {
            Ok(registration::settle::look_up(services, &held.subject)?.is_some())
        }
        Kind::SweepAttempt => registration::settle::sweep(services, &held.subject),
        Kind::ReadEvent => events::read(services, &held.subject),
        Kind::RevokeKey => {
            let key = BillingKey::new(held.subject.clone());
            Ok(services.gateway.revoke(&key) == Revocation::Done)
        }
    }
}

/// One line for each try past ten minutes. A key is never named: the job's id is.
fn warn_staff(held: &Held, now: chrono::NaiveDateTime) {
    if now - held.created_at >= STAFF_AFTER {
        log::warn!(
            "{} is not done after {} tries: look at job {}",
            held.kind.as_str(),
            held.attempts,
            held.id
        );
    }
}

/// What house-keeping does in one transaction: how many rows it changed.
type Chore = fn(&mut AnyConnection, NaiveDateTime) -> Result<usize, Error>;

/// Sets the clock right, expires old runs, writes refusals of past hours into the trail, removes what ended, memory that
/// is free among it.
///
/// # Errors
/// [`Error::Unavailable`]
pub fn keep_house(services: &Services) -> Result<(), Error> {
    let turned_away = services.admission.take_turned_away();
    if turned_away > 0 {
        log::warn!("{turned_away} requests were turned away: too many came at once");
    }
    services.follow_clock()?;
    let now = services.clock.now();
    // Each by itself: who holds rows of one kind waits for none of another.
    let chores: [Chore; 5] = [
        registration::store::expire_old,
        access::store::remove_ended_sessions,
        access::throttle::remove_ended,
        events::remove_old,
        audit::write_refusals,
    ];
    for chore in chores {
        services.db.write(|db| chore(db, now))?;
    }
    memory::give_back();
    Ok(())
}
