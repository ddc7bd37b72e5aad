//! A revocation that the gateway does not take.

use std::sync::Arc;

use billing_console::{
    app::Services,
    clock::StillClock,
    db::{AnyConnection, schema as s},
    gateway::sandbox::SandboxGateway,
    jobs::worker,
};
use chrono::{NaiveDateTime, TimeDelta};
use diesel::prelude::*;

use crate::{
    app::{TestApp, settings},
    cards::assert_keys_match,
};

/// A process that is started on the console's database at this moment, and whether it finds something to do.
fn does_something(app: &TestApp, now: NaiveDateTime) -> bool {
    let db = app.database.open();
    let clock = Arc::new(StillClock::new(now));
    let mut services = Services::new(settings(app.address), db.clone(), clock.clone()).unwrap();
    services.gateway = Arc::new(SandboxGateway::with_faults(db, clock, app.faults.clone()));
    worker::do_next(&services).unwrap()
}

/// How often the only job was tried, and when it is tried next.
fn job(db: &mut AnyConnection) -> Option<(i32, NaiveDateTime)> {
    s::jobs::table
        .filter(s::jobs::lease_until.is_null())
        .select((s::jobs::attempts, s::jobs::due_at))
        .first(db)
        .optional()
        .unwrap()
}

fn key_of(db: &mut AnyConnection, group: &str) -> String {
    let key: Option<String> = s::payment_methods::table
        .find(group)
        .select(s::payment_methods::billing_key)
        .first(db)
        .unwrap();
    key.unwrap()
}

fn is_live(db: &mut AnyConnection, key: &str) -> bool {
    s::sandbox_cards::table
        .find(key)
        .select(s::sandbox_cards::live)
        .first(db)
        .unwrap()
}

#[test]
fn a_key_whose_revocation_fails_eight_times_is_revoked_at_last_by_whatever_process_lives() {
    let app = TestApp::start();
    let mut db = app.connection();
    let old = key_of(&mut db, "acme-ml");
    app.faults.fail_revocations(8);
    let person = app.sign_in("main-admin@acme.test");
    let run = person.reach_the_anonymous_card_page("acme-ml");
    person
        .enter_card(&run, "5555555555554444")
        .leads_to(&format!("{run}/complete"));
    let new = key_of(&mut db, "acme-ml");
    assert_ne!(new, old);

    // The console's own clock stands still: it tries once, and every later try is another process's.
    let mut tried_at = "2026-11-24T05:02:11".parse().unwrap();
    app.until("the first try", |db| {
        job(db).filter(|(tries, _)| *tries == 1)
    });
    for (tries, wait) in (1..).zip([1, 2, 4, 8, 16, 32, 60, 60]) {
        let due = tried_at + TimeDelta::seconds(wait);
        assert_eq!(job(&mut db), Some((tries, due)));
        assert!(is_live(&mut db, &old), "after {tries} tries");
        assert_eq!(key_of(&mut db, "acme-ml"), new, "after {tries} tries");
        assert!(!does_something(&app, due - TimeDelta::milliseconds(1)));
        assert!(does_something(&app, due));
        tried_at = due;
    }
    assert_eq!(job(&mut db), None);
    assert!(!is_live(&mut db, &old));
    assert_eq!(key_of(&mut db, "acme-ml"), new);
    assert_keys_match(&mut db);
}
