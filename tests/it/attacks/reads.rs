//! A page that is read changes nothing.

use billing_console::db::schema as s;
use diesel::prelude::*;

use super::{
    people::{Kind, every_row},
    routes::ROUTES,
};
use crate::app::TestApp;

#[test]
fn no_get_and_no_head_of_any_route_changes_a_row() {
    let app = TestApp::start();
    let person = app.sign_in("main-admin@acme.test");
    let named = person.reach_the_phone_code_page("acme-main");
    let done = person.reach_the_anonymous_card_page("acme-ml");
    person
        .enter_card(&done, "5555555555554444")
        .leads_to(&format!("{done}/complete"));
    let cancelled = person.start_registration("acme-web");
    let first = person.open(&format!("{cancelled}/payment-method"));
    person.send(&first, &format!("{cancelled}/cancel"), &[]);
    let confirming = person.reach_the_anonymous_card_page("acme-web");
    app.faults.fail_look_ups(1000);
    person
        .enter_card(&confirming, "4000000000000259")
        .leads_to(&format!("{confirming}/confirming"));
    let at_card = person.reach_the_anonymous_card_page("acme-lab");
    let now = billing_console::clock::Clock::now(&*app.clock);
    app.until("a moment in which no job is due", |db| {
        let due = s::jobs::table.filter(
            s::jobs::due_at
                .le(now)
                .or(s::jobs::lease_until.is_not_null()),
        );
        (due.count().get_result::<i64>(db).unwrap() == 0).then_some(())
    });

    let people = [Kind::Main, Kind::Viewer, Kind::Support, Kind::SignedOut]
        .map(|kind| (kind, kind.person(&app)));
    let staff_rows = |db: &mut billing_console::db::AnyConnection| -> i64 {
        let of_staff = s::audit_rows::table.filter(s::audit_rows::action.like("support.%"));
        of_staff.count().get_result(db).unwrap()
    };
    for (kind, person) in &people {
        let before = every_row(&mut app.connection());
        let seen_before = staff_rows(&mut app.connection());
        let mut views = 0;
        for route in ROUTES.iter().filter(|route| !route.is_post()) {
            for run in [&named, &done, &cancelled, &confirming, &at_card] {
                let run = run.rsplit_once('/').unwrap().1;
                let path = route.path("acme-web", run);
                for query in [
                    "",
                    "?q=acme&status=required&page=2&lang=ko&csrf_token=1&code=123456",
                ] {
                    let address = format!("{path}{query}");
                    // The list that was not searched shows nobody's data.
                    let is_view = route.pattern == "/support/groups/{group}"
                        || route.pattern == "/support/groups" && !query.is_empty();
                    for page in [person.open(&address), person.head(&address)] {
                        views += i64::from(is_view && page.status == 200);
                    }
                }
                if !route.pattern.contains("{id}") {
                    break;
                }
            }
        }
        let mut after = every_row(&mut app.connection());
        let mut before = before;
        if *kind == Kind::Support {
            let rows = after["audit_rows"].len() - before["audit_rows"].len();
            let of_staff = staff_rows(&mut app.connection()) - seen_before;
            assert_eq!(
                i64::try_from(rows).unwrap(),
                of_staff,
                "each is a view of staff"
            );
            assert_eq!((views, of_staff), (6, 6), "one row a view");
            for rows in [&mut before, &mut after] {
                rows.retain(|table, _| !table.starts_with("audit_"));
            }
        }
        assert_eq!(before, after, "{kind:?}");
    }
}
