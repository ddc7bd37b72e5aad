//! The support preview: read-only, masked, recorded.

use billing_console::db::schema as s;
use diesel::prelude::*;

use crate::app::TestApp;

#[test]
fn staff_find_groups_by_group_organization_and_id() {
    let app = TestApp::start();
    let staff = app.sign_in("support@console.test");
    staff.open("/").leads_to("/support/groups");
    let found = |q: &str| {
        staff
            .open(&format!("/support/groups?q={q}"))
            .attributes("tr[data-group]", "data-group")
    };
    assert_eq!(found("acme-lab"), ["acme-lab"]);
    assert_eq!(found("ACME-L"), ["acme-lab"]);
    assert_eq!(found("Blue"), ["blueharbor-main"]);
    assert_eq!(found("blueharbor"), ["blueharbor-main"]);
    assert_eq!(found("%EC%97%B0%EA%B5%AC"), ["mir-lab"]);
    assert_eq!(found("acme%20ROBOTICS").len(), 4);
    assert_eq!(found("HARBOR-m"), ["blueharbor-main"], "a part of an id");
    assert!(found("%25").is_empty());
    assert_eq!(
        found("acme-l%00ab"),
        ["acme-lab"],
        "control characters are left out"
    );
    assert_eq!(staff.open("/support/groups?q=%00").status, 200);
    assert_eq!(staff.open("/support/groups/acme%00").status, 404);
    assert!(
        staff
            .open("/support/groups?q=zzz")
            .body
            .contains("Nothing matches")
    );
}

#[test]
fn the_preview_shows_what_it_means_who_can_fix_it_and_what_to_say() {
    let app = TestApp::start();
    let person = app.sign_in("sub-admin@acme.test");
    let run = person.reach_the_anonymous_card_page("acme-lab");
    let refused = person.enter_card(&run, "4000056655665556");
    let reference = refused.texts(".problem .quote .num")[0]
        .split("Reference ")
        .nth(1)
        .unwrap()
        .to_owned();

    let staff = app.sign_in("support@console.test");
    let page = staff.open("/support/groups/acme-lab");
    assert_eq!(page.status, 200);
    let told = page.texts("main").join(" ");
    for words in [
        "Late fees may apply from 10 December 2026",
        "2 billing administrators: m***@acme.test, s***@acme.test",
        "Card refused: debit card",
        reference.as_str(),
        "The card you tried is a debit card. Only credit cards can be registered.",
        "Acme Robotics, business member, 4 billing groups",
    ] {
        assert!(told.contains(words), "{words}: {told}");
    }
    assert_eq!(
        page.attributes("[data-group]", "data-status"),
        ["required"],
        "as the customer sees it"
    );
    for hidden in ["sub-admin@", "999-81", "sandbox-", "alvarez"] {
        assert!(
            !page.body.to_lowercase().contains(hidden),
            "{hidden} is shown to support"
        );
    }
    assert!(
        page.texts("main form, main button, main a").is_empty(),
        "nothing can be changed"
    );

    let views = s::audit_rows::table.filter(s::audit_rows::action.eq("support.viewed"));
    let recorded: Vec<(String, String)> = views
        .select((s::audit_rows::organization_id, s::audit_rows::subject))
        .load(&mut *app.connection())
        .unwrap();
    assert_eq!(recorded, [("acme".to_owned(), "acme-lab".to_owned())]);
}

#[test]
fn no_route_lets_staff_change_anything_and_nobody_else_sees_the_preview() {
    let app = TestApp::start();
    let staff = app.sign_in("support@console.test");
    let search = staff.open("/support/groups");
    let person = app.sign_in("main-admin@acme.test");
    let run = person.reach_the_anonymous_card_page("acme-lab");
    for path in [
        "/billing/groups/acme-lab/registrations".to_owned(),
        format!("{run}/card"),
        format!("{run}/cancel"),
    ] {
        assert_eq!(staff.send(&search, &path, &[]).status, 403, "{path}");
    }
    assert_eq!(staff.open("/billing/payment-methods").status, 403);
    for email in [
        "main-admin@acme.test",
        "viewer@acme.test",
        "ungrouped@acme.test",
    ] {
        assert_eq!(
            app.sign_in(email).open("/support/groups").status,
            404,
            "{email}"
        );
        assert_eq!(
            app.sign_in(email).open("/support/groups/acme-lab").status,
            404,
            "{email}"
        );
    }
    assert_eq!(staff.open("/support/groups/none").status, 404);
}
