//! Who may work now: what waits for a place waits as a future and holds no thread; what finds the line full is soon
//! turned away.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use crate::error::Error;

/// How long one waits for a place: as long as a write does for another process's lock.
const WAIT: Duration = Duration::from_secs(4);

/// How long one waits where even the line is full. Not at all would be worse: whoever is turned away and asks again at
/// once takes more of the processor than the pages do.
const FULL_WAIT: Duration = Duration::from_millis(80);

/// How many pages may be read or wait for one of the few threads that read.
const READS: usize = 260;

/// What a request wants to do. Each kind has a line of its own: a kind that is held up keeps no other waiting.
#[derive(Debug, Clone, Copy)]
pub enum Work {
    /// Read a page's rows.
    Read,
    /// Write, in one transaction.
    Write,
    /// Ask a provider and settle its answer, after a write.
    Call,
    /// Check a password, which takes a core and 19 MiB for some 20 ms.
    Password,
}

/// The lines of the four kinds of work.
pub struct Admission {
    reads: Gate,
    writes: Gate,
    calls: Gate,
    passwords: Gate,
    turned_away: AtomicU64,
}

/// The right to work, until it is dropped.
pub struct Pass {
    _place: OwnedSemaphorePermit,
    _in_line: OwnedSemaphorePermit,
}

impl Admission {
    /// Lines for a database that takes so many writers at once.
    pub fn new(writers: usize) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            reads: Gate::new(READS, 0),
            writes: Gate::new(writers, 256),
            // A few more than a provider is asked at once: its own short wait tells those.
            calls: Gate::new(40, 64),
            passwords: Gate::new((cores / 2).clamp(1, 4), 64),
            turned_away: AtomicU64::new(0),
        }
    }

    /// Waits for a place.
    ///
    /// # Errors
    /// [`Error::Busy`] after 80 ms when too many wait already; [`Error::Unavailable`] when 4 s have brought no place:
    /// those who have one get no answer themselves.
    pub async fn enter(&self, work: Work) -> Result<Pass, Error> {
        let gate = match work {
            Work::Read => &self.reads,
            Work::Write => &self.writes,
            Work::Call => &self.calls,
            Work::Password => &self.passwords,
        };
        let entered = gate.enter().await;
        if matches!(entered, Err(Error::Busy)) {
            self.turned_away.fetch_add(1, Ordering::Relaxed);
        }
        entered
    }

    /// How many were turned away since the last call.
    pub fn take_turned_away(&self) -> u64 {
        self.turned_away.swap(0, Ordering::Relaxed)
    }
}

/// One line before so many places. First come, first served.
struct Gate {
    places: Arc<Semaphore>,
    /// Those who have a place and those who wait for one.
    line: Arc<Semaphore>,
}

impl Gate {
    fn new(places: usize, waiting: usize) -> Self {
        Self {
            places: Arc::new(Semaphore::new(places)),
            line: Arc::new(Semaphore::new(places + waiting)),
        }
    }

    async fn enter(&self) -> Result<Pass, Error> {
        let in_line = within(FULL_WAIT, &self.line).await.ok_or(Error::Busy)?;
        let place = within(WAIT, &self.places).await;
        Ok(Pass {
            _place: place.ok_or_else(|| Error::Unavailable("no place came free".into()))?,
            _in_line: in_line,
        })
    }
}

async fn within(limit: Duration, places: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
    timeout(limit, places.clone().acquire_owned())
        .await
        .ok()?
        .ok()
}

#[cfg(test)]
mod tests {
    use std::future::Future;

    use futures_util::{FutureExt, task::noop_waker};

    use super::*;

    #[actix_web::test]
    async fn who_finds_the_line_full_is_turned_away_and_who_leaves_it_makes_room() {
        let gate = Gate::new(1, 1);
        let first = gate.enter().now_or_never().unwrap().ok();
        let mut second = Box::pin(gate.enter());
        let waker = noop_waker();
        let mut context = std::task::Context::from_waker(&waker);
        assert!(second.as_mut().poll(&mut context).is_pending());
        assert!(matches!(gate.enter().await, Err(Error::Busy)));

        drop(second);
        let mut third = Box::pin(gate.enter());
        assert!(third.as_mut().poll(&mut context).is_pending());
        drop(first);
        assert!(third.as_mut().poll(&mut context).is_ready());
    }

    #[actix_web::test]
    async fn one_kind_of_work_keeps_no_other_waiting() {
        let admission = Admission::new(1);
        let _writer = admission.enter(Work::Write).now_or_never().unwrap().ok();
        assert!(admission.enter(Work::Write).now_or_never().is_none());
        assert!(admission.enter(Work::Read).now_or_never().is_some());
        assert_eq!(admission.take_turned_away(), 0);
    }
}
