//! Counters that survive a restart and count exactly under parallel requests: each is one row,
//! changed by one conditional update.

use chrono::{NaiveDateTime, TimeDelta};
use diesel::prelude::*;

use crate::{
    db::{AnyConnection, schema::throttles},
    error::{Error, is_taken},
};

/// So many within so long.
#[derive(Debug, Clone, Copy)]
pub struct Limit {
    /// How many are let through.
    pub count: i32,
    /// From the first of them on.
    pub window: TimeDelta,
}

/// Takes one of the limit's places.
///
/// # Errors
/// [`Error::TooMany`] with the time at which the window ends.
pub fn take(
    db: &mut AnyConnection,
    key: &str,
    limit: Limit,
    now: NaiveDateTime,
) -> Result<(), Error> {
    loop {
        let restarted = diesel::update(throttles::table.find(key))
            .filter(throttles::ends_at.le(now))
            .set((
                throttles::count.eq(1),
                throttles::ends_at.eq(now + limit.window),
            ))
            .execute(db)?;
        if restarted == 1 {
            return Ok(());
        }
        let taken = diesel::update(throttles::table.find(key))
            .filter(throttles::ends_at.gt(now))
            .filter(throttles::count.lt(limit.count))
            .set(throttles::count.eq(throttles::count + 1))
            .execute(db)?;
        if taken == 1 {
            return Ok(());
        }
        if let Some(until) = ends_at(db, key)? {
            return Err(Error::TooMany(until));
        }
        let begun = db.transaction(|db| {
            diesel::insert_into(throttles::table)
                .values((
                    throttles::key.eq(key),
                    throttles::count.eq(1),
                    throttles::ends_at.eq(now + limit.window),
                ))
                .execute(db)
        });
        match begun {
            Ok(_) => return Ok(()),
            // Another request began the row meanwhile: count on it.
            Err(error) if is_taken(&error) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Gives back a place that was taken at `taken_at`, unless its window is over: the next one's count is its own.
///
/// # Errors
/// What the database says.
pub fn give_back(
    db: &mut AnyConnection,
    key: &str,
    limit: Limit,
    taken_at: NaiveDateTime,
) -> Result<(), Error> {
    diesel::update(throttles::table.find(key))
        .filter(throttles::ends_at.le(taken_at + limit.window))
        .filter(throttles::count.gt(0))
        .set(throttles::count.eq(throttles::count - 1))
        .execute(db)?;
    Ok(())
}

/// Refuses while every place is taken, without taking one.
///
/// # Errors
/// [`Error::TooMany`]
pub fn check(
    db: &mut AnyConnection,
    key: &str,
    limit: Limit,
    now: NaiveDateTime,
) -> Result<(), Error> {
    let full: Option<NaiveDateTime> = throttles::table
        .find(key)
        .filter(throttles::ends_at.gt(now))
        .filter(throttles::count.ge(limit.count))
        .select(throttles::ends_at)
        .first(db)
        .optional()?;
    full.map_or(Ok(()), |until| Err(Error::TooMany(until)))
}

/// Empties a counter.
///
/// # Errors
/// What the database says.
pub fn clear(db: &mut AnyConnection, key: &str) -> Result<(), Error> {
    diesel::delete(throttles::table.find(key)).execute(db)?;
    Ok(())
}

/// Moves the end of a full counter's window, so that a pause counts from its last try.
///
/// # Errors
/// What the database says.
pub fn pause_if_full(
    db: &mut AnyConnection,
    key: &str,
    limit: Limit,
    until: NaiveDateTime,
) -> Result<(), Error> {
    diesel::update(throttles::table.find(key))
        .filter(throttles::count.ge(limit.count))
        .set(throttles::ends_at.eq(until))
        .execute(db)?;
    Ok(())
}

fn ends_at(db: &mut AnyConnection, key: &str) -> Result<Option<NaiveDateTime>, Error> {
    Ok(throttles::table
        .find(key)
        .select(throttles::ends_at)
        .first(db)
        .optional()?)
}

/// Removes counters whose window is over, but leaves those that somebody begins anew at this moment: who takes two of
/// them waits for none here, and none here for theirs.
///
/// # Errors
/// What the database says.
pub fn remove_ended(db: &mut AnyConnection, now: NaiveDateTime) -> Result<usize, Error> {
    Ok(match db {
        AnyConnection::Sqlite(db) => {
            diesel::delete(throttles::table.filter(throttles::ends_at.le(now))).execute(db)?
        }
        #[cfg(feature = "postgres")]
        AnyConnection::Postgres(db) => diesel::sql_query(
            "DELETE FROM throttles WHERE key IN
             (SELECT key FROM throttles WHERE ends_at <= $1 FOR UPDATE SKIP LOCKED)",
        )
        .bind::<diesel::sql_types::Timestamp, _>(now)
        .execute(db)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const THREE_AN_HOUR: Limit = Limit {
        count: 3,
        window: TimeDelta::hours(1),
    };

    /// So many minutes after the first try.
    fn minute(minutes: i64) -> NaiveDateTime {
        let first: NaiveDateTime = "2026-11-24T05:02:11".parse().unwrap();
        first + TimeDelta::minutes(minutes)
    }

    /// Nothing where a place was free, else when the next one is.
    fn full_until(tried: Result<(), Error>) -> Option<NaiveDateTime> {
        match tried {
            Ok(()) => None,
            Err(Error::TooMany(until)) => Some(until),
            Err(error) => panic!("{error}"),
        }
    }

    fn take_at(db: &mut AnyConnection, minutes: i64) -> Option<NaiveDateTime> {
        full_until(take(db, "x", THREE_AN_HOUR, minute(minutes)))
    }

    fn look_at(db: &mut AnyConnection, minutes: i64) -> Option<NaiveDateTime> {
        full_until(check(db, "x", THREE_AN_HOUR, minute(minutes)))
    }

    #[test]
    fn so_many_are_let_through_until_the_window_ends_and_then_as_many_again() {
        let mut db = AnyConnection::in_memory();
        for minutes in [0, 10, 20] {
            assert_eq!(take_at(&mut db, minutes), None);
        }
        for minutes in [20, 59] {
            assert_eq!(take_at(&mut db, minutes), Some(minute(60)));
        }
        for minutes in [60, 70, 80] {
            assert_eq!(take_at(&mut db, minutes), None);
        }
        assert_eq!(take_at(&mut db, 119), Some(minute(120)));
        assert!(take(&mut db, "y", THREE_AN_HOUR, minute(119)).is_ok());
    }

    #[test]
    fn a_database_that_takes_no_counter_is_an_error_and_not_tried_for_ever() {
        let mut db = AnyConnection::in_memory();
        diesel::sql_query(
            "CREATE TRIGGER full BEFORE INSERT ON throttles BEGIN SELECT RAISE(ABORT, 'full'); END",
        )
        .execute(&mut db)
        .unwrap();
        assert!(matches!(
            take(&mut db, "x", THREE_AN_HOUR, minute(0)),
            Err(Error::Unavailable(_))
        ));
    }

    #[test]
    fn a_place_that_is_given_back_is_free_and_there_are_never_more_than_all() {
        let mut db = AnyConnection::in_memory();
        for _ in 0..3 {
            assert_eq!(take_at(&mut db, 0), None);
        }
        give_back(&mut db, "x", THREE_AN_HOUR, minute(0)).unwrap();
        assert_eq!(take_at(&mut db, 1), None);
        assert_eq!(take_at(&mut db, 1), Some(minute(60)));

        for _ in 0..5 {
            give_back(&mut db, "x", THREE_AN_HOUR, minute(1)).unwrap();
        }
        for _ in 0..3 {
            assert_eq!(take_at(&mut db, 2), None);
        }
        assert_eq!(take_at(&mut db, 2), Some(minute(60)));
    }

    #[test]
    fn a_place_of_a_window_that_is_over_is_not_given_back_to_the_next_one() {
        let mut db = AnyConnection::in_memory();
        assert_eq!(take_at(&mut db, 59), None);
        for _ in 0..3 {
            assert_eq!(take_at(&mut db, 120), None);
        }
        give_back(&mut db, "x", THREE_AN_HOUR, minute(59)).unwrap();
        assert_eq!(take_at(&mut db, 121), Some(minute(180)));
    }

    #[test]
    fn looking_takes_no_place() {
        let mut db = AnyConnection::in_memory();
        assert_eq!(look_at(&mut db, 0), None);
        for _ in 0..3 {
            assert_eq!(take_at(&mut db, 0), None);
            look_at(&mut db, 0);
        }
        assert_eq!(look_at(&mut db, 59), Some(minute(60)));
        assert_eq!(look_at(&mut db, 60), None);
        clear(&mut db, "x").unwrap();
        assert_eq!(look_at(&mut db, 0), None);
    }

    #[test]
    fn a_pause_counts_from_the_last_try_and_only_where_every_place_is_taken() {
        let mut db = AnyConnection::in_memory();
        for _ in 0..3 {
            pause_if_full(&mut db, "x", THREE_AN_HOUR, minute(200)).unwrap();
            assert_eq!(take_at(&mut db, 30), None);
        }
        assert_eq!(look_at(&mut db, 30), Some(minute(90)));
        pause_if_full(&mut db, "x", THREE_AN_HOUR, minute(95)).unwrap();
        assert_eq!(look_at(&mut db, 30), Some(minute(95)));
    }

    #[test]
    fn a_counter_whose_window_is_over_is_removed() {
        let mut db = AnyConnection::in_memory();
        for (key, minutes) in [("x", 0), ("y", 0), ("z", 1)] {
            take(&mut db, key, THREE_AN_HOUR, minute(minutes)).unwrap();
        }
        assert_eq!(remove_ended(&mut db, minute(59)).unwrap(), 0);
        assert_eq!(remove_ended(&mut db, minute(60)).unwrap(), 2);
        assert_eq!(remove_ended(&mut db, minute(60)).unwrap(), 0);
        assert_eq!(remove_ended(&mut db, minute(61)).unwrap(), 1);
    }
}
