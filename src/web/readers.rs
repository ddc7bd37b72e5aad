//! The threads that read for pages.

use std::time::Duration;

use tokio::{runtime::Runtime, task::JoinSet, time::timeout};

use crate::error::Error;

/// A few threads for all reads. Whoever finds them busy waits without one, and a thread that has read takes the next
/// at once, without falling asleep between: that is faster than as many threads as there are requests.
pub struct Readers(Option<Runtime>);

impl Readers {
    /// So many threads, each begun when it is first needed.
    ///
    /// # Errors
    /// One line for the operator.
    pub fn new(threads: usize) -> Result<Self, String> {
        tokio::runtime::Builder::new_current_thread()
            .max_blocking_threads(threads)
            .thread_name("reader")
            .build()
            .map(|runtime| Self(Some(runtime)))
            .map_err(|e| format!("cannot begin the readers' threads: {e}"))
    }

    /// What `read` gives, after `limit` at most. It is not begun for whoever has gone before a thread came free.
    ///
    /// # Errors
    /// Those of `read`; [`Error::Unavailable`] when it takes too long; [`Error::Internal`] when it panicked.
    pub async fn read<T: Send + 'static>(
        &self,
        limit: Duration,
        read: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        // Ends what waits in it when it is dropped.
        let mut reading = JoinSet::new();
        if let Some(runtime) = &self.0 {
            reading.spawn_blocking_on(read, runtime.handle());
        }
        match timeout(limit, reading.join_next()).await {
            Ok(Some(Ok(done))) => done,
            Ok(_) => Err(Error::Internal("a page's read panicked".into())),
            Err(_) => Err(Error::Unavailable("no answer in time".into())),
        }
    }
}

/// In the background, since a runtime must not be waited for where requests are answered.
impl Drop for Readers {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use futures_util::FutureExt;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[actix_web::test]
    async fn a_read_waits_for_a_thread_and_is_not_begun_for_who_has_gone() {
        let readers = Readers::new(1).unwrap();
        let (open, gate) = mpsc::channel::<()>();
        let mut first = Box::pin(readers.read(LONG, move || {
            gate.recv().ok();
            Ok(1)
        }));
        assert!(first.as_mut().now_or_never().is_none());

        let (tell, told) = mpsc::channel();
        let gone = tell.clone();
        let second = readers.read(LONG, move || {
            gone.send("gone").unwrap();
            Ok(())
        });
        assert!(second.now_or_never().is_none());
        let mut third = Box::pin(readers.read(LONG, move || {
            tell.send("here").unwrap();
            Ok(())
        }));
        assert!(third.as_mut().now_or_never().is_none());

        open.send(()).unwrap();
        assert!(matches!(first.await, Ok(1)));
        third.await.ok().unwrap();
        assert_eq!(told.iter().collect::<Vec<_>>(), ["here"]);
    }

    #[actix_web::test]
    async fn a_panic_and_a_read_that_takes_too_long_are_errors_and_the_next_is_read() {
        let readers = Readers::new(1).unwrap();
        let panicked = readers.read::<()>(LONG, || panic!("on purpose")).await;
        assert!(matches!(panicked, Err(Error::Internal(_))));
        let (_open, gate) = mpsc::channel::<()>();
        let brief = Duration::from_millis(10);
        let late = readers.read(brief, move || Ok(gate.recv_timeout(brief * 5).is_ok()));
        assert!(matches!(late.await, Err(Error::Unavailable(_))));
        assert!(matches!(readers.read(LONG, || Ok(3)).await, Ok(3)));
    }
}
