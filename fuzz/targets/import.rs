//! Files of the operator's own system.
#![no_main]

use std::cell::RefCell;

use billing_console::{
    db::{AnyConnection, look},
    error::Error,
    import::{Changes, apply, read},
};
use chrono::DateTime;
use diesel::Connection;
use libfuzzer_sys::fuzz_target;

thread_local! {
    static EMPTY: RefCell<AnyConnection> = RefCell::new(look::in_memory().expect("a database"));
}

fuzz_target!(|text: &str| {
    match read(text) {
        Ok(_) => is_the_same_twice(text),
        Err(faults) => are_lines(&faults),
    }
});

fn are_lines(faults: &[String]) {
    assert!(!faults.is_empty());
    for fault in faults {
        let place = fault.split(':').next().expect("a part");
        assert!(!place.is_empty(), "{fault:?} names no place");
        assert!(!fault.contains(char::is_control), "{fault:?} is no line");
    }
}

/// What the rules let pass the database takes, and the same file changes nothing the second time.
fn is_the_same_twice(text: &str) {
    let now = DateTime::UNIX_EPOCH.naive_utc();
    EMPTY.with_borrow_mut(|db| {
        let rolled_back: Result<(), Error> = db.transaction(|db| {
            let document = read(text).expect("read before");
            match apply(db, &document, now)? {
                Ok(_) => assert_eq!(apply(db, &document, now)?, Ok(Changes::default())),
                Err(faults) => are_lines(&faults),
            }
            Err(Error::NotFound)
        });
        assert!(
            matches!(rolled_back, Err(Error::NotFound)),
            "the database refused a row"
        );
    });
}
