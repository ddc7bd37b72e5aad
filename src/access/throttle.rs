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

/// Gives a place back.
///
/// # Errors
/// What the database says.
pub fn give_back(db: &mut AnyConnection, key: &str) -> Result<(), Error> {
    diesel::update(throttles::table.find(key))
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

/// Removes counters whose window is over.
///
/// # Errors
/// What the database says.
pub fn remove_ended(db: &mut AnyConnection, now: NaiveDateTime) -> Result<usize, Error> {
    Ok(diesel::delete(throttles::table.filter(throttles::ends_at.le(now))).execute(db)?)
}
