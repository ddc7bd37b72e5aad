//! How many calls run at once.

use std::{
    sync::{Condvar, Mutex, PoisonError},
    time::Duration,
};

/// A number of places; who takes one gives it back by dropping it.
pub(super) struct Places {
    free: Mutex<usize>,
    freed: Condvar,
}

/// One of them.
pub(super) struct Place<'a>(&'a Places);

impl Places {
    pub(super) fn new(count: usize) -> Self {
        Self {
            free: Mutex::new(count),
            freed: Condvar::new(),
        }
    }

    /// A place, or none when all stay taken for so long.
    pub(super) fn take(&self, wait: Duration) -> Option<Place<'_>> {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut free, _) = self
            .freed
            .wait_timeout_while(free, wait, |free| *free == 0)
            .unwrap_or_else(PoisonError::into_inner);
        *free = free.checked_sub(1)?;
        Some(Place(self))
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        *self.0.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.0.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_that_is_given_back_is_the_next_ones() {
        let places = Places::new(1);
        let first = places.take(Duration::ZERO);
        assert!(first.is_some() && places.take(Duration::ZERO).is_none());
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| places.take(Duration::from_secs(30)).is_some());
            drop(first);
            assert!(waiting.join().unwrap());
        });
        assert!(places.take(Duration::ZERO).is_some());
    }
}
