//! The audit trail.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicUsize, Ordering},
};

use billing_console::{
    audit,
    clock::Clock,
    db::{AnyConnection, schema as s},
};
use chrono::TimeDelta;
use diesel::prelude::*;

use crate::{
    app::TestApp,
    process::{example, run_with, told},
};

#[test]
fn the_audit_trail_shows_what_was_changed_removed_or_reordered() {
    use s::audit_rows as rows;
    let app = TestApp::start();
    let person = app.sign_in("main-admin@acme.test");
    let run = person.reach_the_anonymous_card_page("acme-lab");
    person.enter_card(&run, "4000000000000002");
    person.enter_card(&run, "5555555555554444");
    let mut db = app.connection();
    let fault = |db: &mut AnyConnection| {
        audit::verify(db)
            .unwrap()
            .into_iter()
            .find(|chain| chain.organization_id == "acme")
            .unwrap()
            .fault
    };
    assert_eq!(fault(&mut db), None);
    let row = |seq: i64| rows::table.find(("acme".to_owned(), seq));
    let actor: String = row(2).select(rows::actor).first(&mut *db).unwrap();
    diesel::update(row(2))
        .set(rows::actor.eq("nobody"))
        .execute(&mut *db)
        .unwrap();
    assert_eq!(fault(&mut db).unwrap(), "row 2 was changed");
    diesel::update(row(2))
        .set(rows::actor.eq(actor))
        .execute(&mut *db)
        .unwrap();
    assert_eq!(fault(&mut db), None);
    for (from, to) in [(1, 9), (2, 1), (9, 2)] {
        diesel::update(row(from))
            .set(rows::seq.eq(to))
            .execute(&mut *db)
            .unwrap();
    }
    assert!(fault(&mut db).unwrap().contains("reordered"));
    diesel::delete(row(2)).execute(&mut *db).unwrap();
    diesel::delete(row(1)).execute(&mut *db).unwrap();
    assert_eq!(fault(&mut db).unwrap(), "row 1 is missing");
    diesel::delete(rows::table.filter(rows::organization_id.eq("acme")))
        .execute(&mut *db)
        .unwrap();
    assert!(fault(&mut db).unwrap().contains("the chain ends at row 0"));
}

#[test]
fn repeated_refusals_of_an_hour_become_one_row_with_their_count() {
    let app = TestApp::start();
    let viewer = app.sign_in("viewer@acme.test");
    for _ in 0..3 {
        assert_eq!(viewer.open("/billing/payment-methods").status, 403);
    }
    let refused = |db: &mut AnyConnection| -> Vec<(String, String)> {
        s::audit_rows::table
            .filter(s::audit_rows::action.eq("refused"))
            .select((s::audit_rows::subject, s::audit_rows::details))
            .load(db)
            .unwrap()
    };
    let mut db = app.connection();
    let write = |db: &mut AnyConnection, now| {
        audit::write_refusals(db, now).unwrap();
    };
    let now = billing_console::clock::Clock::now(&*app.clock);
    write(&mut db, now);
    assert_eq!(refused(&mut db), [], "the hour is not over");
    write(&mut db, now + chrono::TimeDelta::hours(1));
    let rows = refused(&mut db);
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!(rows[0].0, "GET /billing/payment-methods");
    assert!(rows[0].1.contains(r#""count":"3""#), "{}", rows[0].1);
    write(&mut db, now + chrono::TimeDelta::hours(2));
    assert_eq!(refused(&mut db).len(), 1, "written once");
}

/// What the trail got, in whatever chain.
struct Trail<'a> {
    app: &'a TestApp,
    rows: BTreeSet<(String, i64)>,
}

impl Trail<'_> {
    /// Does something, of which the trail must tell in just these rows.
    #[track_caller]
    fn tells<T>(&mut self, expected: &[&str], deed: impl FnOnce(&TestApp) -> T) -> T {
        let done = deed(self.app);
        let rows: Vec<(String, i64, String)> = s::audit_rows::table
            .order((s::audit_rows::at, s::audit_rows::seq))
            .select((
                s::audit_rows::organization_id,
                s::audit_rows::seq,
                s::audit_rows::action,
            ))
            .load(&mut *self.app.connection())
            .unwrap();
        let mut new = Vec::new();
        for (chain, seq, action) in rows {
            if self.rows.insert((chain, seq)) {
                new.push(action);
            }
        }
        new.sort();
        assert_eq!(new, expected);
        done
    }
}

/// A command on the console's database.
fn command<'a>(args: &'a [&'a str]) -> impl FnOnce(&TestApp) + 'a {
    move |app| {
        let done = run_with(&app.database, args, &[], "a-long-enough-password\n");
        assert!(done.status.success(), "{args:?}: {}", told(&done));
    }
}

/// `payment_method.failed` is what a provider tells, and counted in `portone::event_edges`.
#[test]
fn each_action_each_view_of_staff_and_each_hours_refusals_are_one_row() {
    let app = TestApp::start();
    let mut trail = Trail {
        app: &app,
        rows: BTreeSet::new(),
    };
    let nothing: &[&str] = &[];

    let person = trail.tells(&["sign_in"], |app| app.sign_in("main-admin@acme.test"));
    let tab = trail.tells(nothing, |_| person.open("/billing/payment-methods"));
    let start = || person.start_registration("acme-lab");
    let run = trail.tells(&["registration.started"], |_| start());
    trail.tells(nothing, |_| {
        assert_eq!(start(), run, "gone on with");
        person.choose(&run, "named_card");
        person.ask_for_a_code(&run)
    });
    trail.tells(&["verified"], |_| {
        person.fill(&format!("{run}/phone-code"), &[("code", "123456")])
    });
    for (action, number, status) in [
        ("card.refused", "4000000000000002", 422),
        ("card.not_sent", "4000000000000119", 503),
        ("payment_method.registered", "5555555555554444", 303),
    ] {
        trail.tells(&[action], |_| {
            assert_eq!(person.enter_card(&run, number).status, status);
        });
    }

    let run = trail.tells(&["registration.started"], |_| start());
    person.choose(&run, "anonymous_corporate_card");
    let number = [("business_number", "999-81-00015")];
    trail.tells(&["verified"], |_| {
        person.fill(&format!("{run}/business-number"), &number)
    });
    trail.tells(&["card.undone"], |app| {
        app.faults.take_effect_late(1);
        person.enter_card(&run, "4000000000000259");
        app.until("the end of the look-ups", |_| {
            app.clock.advance(TimeDelta::seconds(1));
            let page = person.open(&format!("{run}/confirming"));
            (page.texts("h1") == ["Nothing was registered"]).then_some(())
        });
    });
    trail.tells(&["payment_method.changed"], |_| {
        person
            .enter_card(&run, "5555555555554444")
            .leads_to(&format!("{run}/complete"));
    });
    let run = trail.tells(&["registration.started"], |_| start());
    trail.tells(&["registration.cancelled"], |_| {
        person.send(&tab, &format!("{run}/cancel"), &[])
    });
    trail.tells(&["sign_out"], |_| person.send(&tab, "/sign-out", &[]));

    let staff = trail.tells(&["sign_in"], |app| app.sign_in("support@console.test"));
    trail.tells(nothing, |_| staff.open("/support/groups"));
    trail.tells(&["support.searched"], |_| {
        staff.open("/support/groups?q=acme")
    });
    trail.tells(&["support.viewed"], |_| {
        staff.open("/support/groups/acme-lab")
    });
    trail.tells(nothing, |_| {
        for _ in 0..2 {
            assert_eq!(staff.open("/billing/payment-methods").status, 403);
        }
    });
    trail.tells(&["refused"], |app| {
        let hour_later = app.clock.now() + TimeDelta::hours(1);
        audit::write_refusals(&mut app.connection(), hour_later).unwrap();
    });

    let add = "user add new@acme.test --name New --role billing_viewer --organization acme";
    let add: Vec<&str> = add.split(' ').collect();
    trail.tells(&["user.added"], command(&add));
    let email = "new@acme.test";
    trail.tells(
        &["user.role_set"],
        command(&["user", "set-role", email, "billing_manager"]),
    );
    trail.tells(
        &["user.password_set"],
        command(&["user", "set-password", email]),
    );
    trail.tells(&["user.disabled"], command(&["user", "disable", email]));
    trail.tells(nothing, command(&["user", "list"]));
    let example = example("organizations.json");
    trail.tells(&["import"], command(&["import", &example]));
    trail.tells(nothing, command(&["import", &example]));
    let moved = app.database.folder.path().join("moved.json");
    let text = std::fs::read_to_string(&example).unwrap();
    std::fs::write(&moved, text.replace("billing_viewer", "billing_manager")).unwrap();
    let import = ["import", moved.to_str().unwrap()];
    trail.tells(&["import", "user.role_set"], command(&import));
}

#[test]
fn a_trail_that_is_verified_while_it_grows_is_whole() {
    let app = TestApp::start();
    let rows = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let db = app.database.open();
            while rows.fetch_add(1, Ordering::Relaxed) < 200 {
                let entry = audit::Entry::new("acme", "operator", "group.renamed", "acme-lab");
                db.write(|db| audit::append(db, app.clock.now(), &entry))
                    .unwrap();
            }
        });
        let db = app.database.open();
        while !writer.is_finished() {
            let findings = db.snapshot(audit::verify).unwrap();
            let faults: Vec<_> = findings
                .iter()
                .filter_map(|found| found.fault.as_ref())
                .collect();
            assert!(faults.is_empty(), "{faults:?}");
        }
        writer.join().unwrap();
    });
}
