//! Time: one clock behind one trait, and the billing calendar of Asia/Seoul (rule 7).
//!
//! Every stored time is UTC with microseconds; every month and day that a person reads is Seoul's.

use std::sync::{
    Mutex,
    atomic::{AtomicI64, Ordering},
};

use chrono::{
    DateTime, Datelike, Days, FixedOffset, Months, NaiveDate, NaiveDateTime, TimeDelta, Timelike,
    Utc,
};

/// What gives the present time; a test sets its own.
pub trait Clock: Send + Sync {
    /// The present time in UTC, in whole microseconds (what both databases keep).
    fn now(&self) -> NaiveDateTime;

    /// Heeds the time of the database's server, so that the processes that share it agree.
    fn follow(&self, _database: NaiveDateTime) {}
}

/// How far a machine's clock may be apart from the database's server: far less than any lease lasts, and more than it
/// takes to ask for the time.
const APART: TimeDelta = TimeDelta::seconds(1);

/// The machine's clock, and where that is wrong the one that it follows.
#[derive(Debug, Default)]
pub struct SystemClock {
    /// Microseconds that the one it follows is ahead of the machine's.
    ahead: AtomicI64,
}

impl Clock for SystemClock {
    fn now(&self) -> NaiveDateTime {
        let ahead = TimeDelta::microseconds(self.ahead.load(Ordering::Relaxed));
        to_microseconds(Utc::now().naive_utc() + ahead)
    }

    fn follow(&self, database: NaiveDateTime) {
        let apart = database - self.now();
        let Some(microseconds) = apart.num_microseconds().filter(|_| apart.abs() > APART) else {
            return;
        };
        self.ahead.fetch_add(microseconds, Ordering::Relaxed);
        log::warn!(
            "this clock was {} s apart from the database's, which counts",
            apart.num_seconds()
        );
    }
}

/// A clock that stands still until it is moved, for tests of everything that depends on a date.
#[derive(Debug)]
pub struct StillClock(Mutex<NaiveDateTime>);

impl StillClock {
    /// A clock that shows `at` (UTC).
    pub fn new(at: NaiveDateTime) -> Self {
        Self(Mutex::new(to_microseconds(at)))
    }

    /// Moves the clock by `by`, which may be negative.
    pub fn advance(&self, by: chrono::TimeDelta) {
        let mut at = self.lock();
        *at += by;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, NaiveDateTime> {
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Clock for StillClock {
    fn now(&self) -> NaiveDateTime {
        *self.lock()
    }
}

fn to_microseconds(at: NaiveDateTime) -> NaiveDateTime {
    at.with_nanosecond(at.nanosecond() / 1_000 * 1_000)
        .unwrap_or(at)
}

/// The Asia/Seoul time of a UTC time. Korea has kept UTC+9 without summer time since 1988.
pub fn in_seoul(at: NaiveDateTime) -> DateTime<FixedOffset> {
    #[allow(clippy::expect_used, reason = "nine hours are within a day")]
    let seoul = FixedOffset::east_opt(9 * 3600).expect("UTC+9 exists");
    at.and_utc().with_timezone(&seoul)
}

/// Today's date in Seoul.
pub fn seoul_date(at: NaiveDateTime) -> NaiveDate {
    in_seoul(at).date_naive()
}

/// The day of a new card's first automatic payment: the first 10th strictly after `today` (rule 7).
pub fn first_charge(today: NaiveDate) -> NaiveDate {
    next_day_of_month(10, today)
}

/// The day on which the next tax invoice is issued: the first 15th strictly after `today` (rule 7).
pub fn next_tax_invoice(today: NaiveDate) -> NaiveDate {
    next_day_of_month(15, today)
}

/// The invoice deadline of this month: its last day (rule 7).
pub fn invoice_deadline(today: NaiveDate) -> NaiveDate {
    let first = today - Days::new(u64::from(today.day0()));
    first + Months::new(1) - Days::new(1)
}

fn next_day_of_month(day: u32, today: NaiveDate) -> NaiveDate {
    let this_month = today - Days::new(u64::from(today.day0())) + Days::new(u64::from(day - 1));
    if this_month > today {
        this_month
    } else {
        this_month + Months::new(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn rule_7_first_charge_is_the_first_10th_strictly_after_today() {
        for (today, charged) in [
            ("2026-11-09", "2026-11-10"),
            ("2026-11-10", "2026-12-10"),
            ("2026-12-31", "2027-01-10"),
            ("2028-02-29", "2028-03-10"),
        ] {
            assert_eq!(first_charge(day(today)), day(charged), "{today}");
        }
    }

    #[test]
    fn rule_7_tax_invoice_is_issued_on_the_15th() {
        assert_eq!(next_tax_invoice(day("2026-11-15")), day("2026-12-15"));
        assert_eq!(next_tax_invoice(day("2026-11-14")), day("2026-11-15"));
    }

    #[test]
    fn rule_7_deadline_is_the_last_day_of_the_month() {
        for (today, deadline) in [
            ("2026-11-24", "2026-11-30"),
            ("2026-12-31", "2026-12-31"),
            ("2028-02-01", "2028-02-29"),
            ("2027-02-28", "2027-02-28"),
        ] {
            assert_eq!(invoice_deadline(day(today)), day(deadline), "{today}");
        }
    }

    #[test]
    fn rule_7_months_and_days_are_those_of_seoul() {
        let late_evening_utc = day("2026-11-09").and_hms_opt(15, 0, 0).unwrap();
        assert_eq!(seoul_date(late_evening_utc), day("2026-11-10"));
        assert_eq!(
            first_charge(seoul_date(late_evening_utc)),
            day("2026-12-10")
        );
    }
}
