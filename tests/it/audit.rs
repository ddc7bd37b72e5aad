//! The audit trail.

use billing_console::{
    audit,
    db::{AnyConnection, schema as s},
};
use diesel::prelude::*;

use crate::app::TestApp;

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
