//! The Payment method tab and who sees it.

use crate::app::TestApp;
use diesel::prelude::*;

const TAB: &str = "/billing/payment-methods";

#[test]
fn rule_1_others_than_billing_administrators_are_told_which_role_is_needed() {
    let app = TestApp::start();
    for (email, role) in [
        ("manager@acme.test", "Billing Manager"),
        ("viewer@acme.test", "Billing Viewer"),
    ] {
        let page = app.sign_in(email).open(TAB);
        assert_eq!(page.status, 403);
        assert_eq!(
            page.texts("h1"),
            ["You need the Billing Administrator role"]
        );
        assert!(
            page.body.contains(role) && page.body.contains("m***@acme.test"),
            "{}",
            page.body
        );
    }
}

#[test]
fn rule_2_the_role_without_a_group_is_told_how_to_get_in() {
    let page = TestApp::start().sign_in("ungrouped@acme.test").open(TAB);
    assert_eq!(page.status, 200);
    assert_eq!(page.texts("h1"), ["You are not in a billing group yet"]);
    assert!(page.texts("table").is_empty());
}

#[test]
fn rule_3_a_member_of_the_main_group_reaches_every_group_another_only_their_own() {
    let app = TestApp::start();
    let groups = |email| {
        app.sign_in(email)
            .open(TAB)
            .attributes("tr[data-group]", "data-group")
    };
    assert_eq!(
        groups("main-admin@acme.test"),
        ["acme-main", "acme-lab", "acme-ml", "acme-web"]
    );
    assert_eq!(groups("sub-admin@acme.test"), ["acme-lab"]);
}

#[test]
fn rule_3_a_group_of_someone_else_is_byte_for_byte_one_that_is_not_there() {
    let app = TestApp::start();
    let person = app.sign_in("sub-admin@acme.test");
    let page = |group: &str| person.open(&format!("/billing/groups/{group}/dedicated-account"));
    let (foreign, absent) = (page("blueharbor-main"), page("nobody-has-it"));
    assert_eq!((foreign.status, absent.status), (404, 404));
    assert_eq!(foreign.body, absent.body);
    assert_eq!(
        page("acme-main").body,
        absent.body,
        "a group of the same organization, but not theirs"
    );
}

#[test]
fn rule_4_a_role_that_is_taken_away_acts_on_the_next_request() {
    use billing_console::db::schema::users;
    let app = TestApp::start();
    let person = app.sign_in("main-admin@acme.test");
    assert_eq!(person.open(TAB).status, 200);
    let user = users::table.filter(users::email.eq("main-admin@acme.test"));
    diesel::update(user)
        .set(users::role.eq("billing_viewer"))
        .execute(&mut *app.connection())
        .unwrap();
    assert_eq!(person.open(TAB).status, 403);
    diesel::update(user)
        .set(users::disabled_at.eq(chrono::NaiveDateTime::default()))
        .execute(&mut *app.connection())
        .unwrap();
    assert_eq!(person.open(TAB).status, 303);
}

#[test]
fn rule_6_one_banner_the_gravest_first() {
    let app = TestApp::start();
    let banner = |email| {
        let page = app.sign_in(email).open(TAB);
        (
            page.attributes("[data-banner]", "data-banner"),
            page.texts("[data-banner] h2, [data-banner] p"),
        )
    };
    let (kinds, words) = banner("admin@blueharbor.test");
    assert_eq!(kinds, ["restricted"]);
    assert!(words[1].contains("blueharbor-main"), "{words:?}");
    let (kinds, words) = banner("main-admin@acme.test");
    assert_eq!(kinds, ["late-fee"]);
    assert!(
        words[0].contains("acme-lab") && words[1].contains("10 December 2026"),
        "{words:?}"
    );
}

#[test]
fn rule_11_the_tables_heads_and_rows() {
    let page = TestApp::start().sign_in("main-admin@acme.test").open(TAB);
    let heads = [
        "Billing group classification",
        "Billing group name",
        "Payment method",
        "Payment information",
        "Last modified date",
        "Payment method settings",
    ];
    assert_eq!(page.texts("table[role=table] th[scope=col]"), heads);
    assert_eq!(
        page.attributes("tr[data-group]", "data-status"),
        ["card", "required", "card", "account"]
    );
    assert_eq!(
        page.attributes("tr[data-group]", "data-tags"),
        ["", "", "expiring", ""]
    );
    assert_eq!(
        page.texts("tr[data-status=required] .tag.bad"),
        ["Registration required"]
    );
    let row = page
        .texts("tr[data-group=acme-main] td, tr[data-group=acme-main] th")
        .join(" | ");
    assert!(
        row.contains("Shinhan personal ···· 4242 Expires 11/2029"),
        "{row}"
    );
    assert!(row.contains("Change payment method for acme-main"), "{row}");
    assert_eq!(page.texts(".btn.main").len(), 1, "one filled button a page");
}

#[test]
fn every_state_that_the_table_can_show_is_in_the_demo() {
    let page = TestApp::start().sign_in("admin@mirlabs.test").open(TAB);
    let tags = page.attributes("tr[data-group]", "data-tags").join(" ");
    for tag in ["review", "expiring", "expired", "failed"] {
        assert!(tags.contains(tag), "{tag}: {tags}");
    }
    assert_eq!(page.texts("tr[data-group]").len(), 12);
}

#[test]
fn rule_12_the_tab_says_how_each_payment_method_is_paid() {
    let page = TestApp::start().sign_in("main-admin@acme.test").open(TAB);
    let told = page.texts("details.how").join(" ");
    for words in [
        "10th of each month",
        "Sales slip",
        "end of the month",
        "15th",
        "mobile phone",
        "Helpdesk",
    ] {
        assert!(told.contains(words), "{words}: {told}");
    }
}

#[test]
fn the_table_is_filtered_by_name_and_by_what_is_required() {
    let person = TestApp::start().sign_in("admin@mirlabs.test");
    let groups = |query: &str| {
        person
            .open(&format!("{TAB}?{query}"))
            .attributes("tr[data-group]", "data-group")
    };
    assert_eq!(groups("q=%EC%97%B0%EA%B5%AC"), ["mir-lab"]);
    assert_eq!(groups("status=required"), ["mir-lab", "mir-qa"]);
    assert!(
        groups("q=%25").is_empty(),
        "a wildcard is a letter like any other"
    );
    assert!(groups("q=_").is_empty());
}

#[test]
fn ten_thousand_groups_are_paged_and_an_impossible_page_is_the_nearest() {
    use billing_console::db::schema::billing_groups as g;
    let app = TestApp::start();
    app.db
        .write(|db| {
            for n in 0..10_000 {
                let name = format!("sub-{n:05}");
                diesel::insert_into(g::table)
                    .values((
                        g::id.eq(&name),
                        g::organization_id.eq("acme"),
                        g::name.eq(&name),
                        g::search_name.eq(&name),
                        g::class.eq("sub"),
                        g::created_at.eq(chrono::NaiveDateTime::default()),
                    ))
                    .execute(db)?;
            }
            Ok(())
        })
        .unwrap();
    let person = app.sign_in("main-admin@acme.test");
    let page = person.open(TAB);
    assert_eq!(page.texts("tr[data-group]").len(), 50);
    assert_eq!(
        page.texts("#groups-title"),
        ["Billing groups you can manage (10,004)"]
    );
    assert_eq!(page.texts(".paging span"), ["Page 1 of 201"]);
    for (asked, shown) in [
        ("0", "Page 1"),
        ("-7", "Page 1"),
        ("x", "Page 1"),
        ("201", "Page 201"),
        ("999999", "Page 201"),
    ] {
        let page = person.open(&format!("{TAB}?page={asked}"));
        assert!(page.texts(".paging span")[0].starts_with(shown), "{asked}");
    }
    assert_eq!(
        person
            .open(&format!("{TAB}?page=201"))
            .texts("tr[data-group]")
            .len(),
        4
    );
    assert_eq!(
        person.open(&format!("{TAB}.csv")).body.lines().count(),
        10_005
    );
}

#[test]
fn the_csv_holds_the_same_table() {
    let page = TestApp::start()
        .sign_in("main-admin@acme.test")
        .open(&format!("{TAB}.csv"));
    assert_eq!(page.header("content-type"), "text/csv; charset=utf-8");
    assert_eq!(page.body.lines().count(), 5);
    assert!(
        page.body
            .contains("Sub,acme-web,Dedicated account,Woori Bank ···· 4821"),
        "{}",
        page.body
    );
}

#[test]
fn the_language_is_kept_and_the_table_is_korean() {
    let person = TestApp::start().sign_in("main-admin@acme.test");
    let page = person.open(&format!("{TAB}?lang=ko"));
    assert_eq!(page.texts("h1"), ["결제 수단"]);
    assert_eq!(
        page.texts("tr[data-status=required] .tag.bad"),
        ["등록 필요"]
    );
    assert!(page.body.contains("2026. 12. 10."));
    assert_eq!(
        person.open(TAB).texts("h1"),
        ["결제 수단"],
        "kept in a cookie"
    );
    assert_eq!(
        person.open(&format!("{TAB}?lang=en")).texts("h1"),
        ["Payment methods"]
    );
}

#[test]
fn sign_out_ends_the_session_for_good() {
    let app = TestApp::start();
    let person = app.sign_in("main-admin@acme.test");
    let page = person.send(&person.open(TAB), "/sign-out", &[]);
    page.leads_to("/sign-in");
    assert!(page.header("clear-site-data").contains("cache"));
    person
        .open(TAB)
        .leads_to("/sign-in?next=/billing/payment-methods");
}

#[test]
fn a_session_ends_after_15_idle_minutes_and_after_8_hours() {
    let app = TestApp::start();
    let person = app.sign_in("main-admin@acme.test");
    for _ in 0..34 {
        app.clock.advance(chrono::TimeDelta::minutes(14));
        assert_eq!(person.open(TAB).status, 200);
    }
    app.clock.advance(chrono::TimeDelta::minutes(5));
    assert_eq!(person.open(TAB).status, 303, "8 hours are over");
    let person = app.sign_in("main-admin@acme.test");
    app.clock.advance(chrono::TimeDelta::minutes(15));
    assert_eq!(person.open(TAB).status, 303);
}
