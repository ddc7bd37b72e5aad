//! Who is signed in, reaches which group and may change it, row by row.

use super::*;

fn noon() -> NaiveDateTime {
    "2026-11-24T12:00:00".parse().unwrap()
}

/// Two organizations with a main and a sub-group each, and users of `acme`: `ann` in the main group, `bob` in the
/// sub-group, `cat` in none.
fn filled() -> AnyConnection {
    let mut db = AnyConnection::in_memory();
    for organization in ["acme", "mir"] {
        add_organization(&mut db, organization).unwrap();
    }
    for (user, group) in [
        ("ann", Some("acme-main")),
        ("bob", Some("acme-lab")),
        ("cat", None),
    ] {
        add_user(&mut db, user, group).unwrap();
    }
    db
}

fn add_organization(db: &mut AnyConnection, id: &str) -> QueryResult<()> {
    diesel::insert_into(organizations::table)
        .values((
            organizations::id.eq(id),
            organizations::name.eq(id),
            organizations::member_type.eq("business"),
            organizations::created_at.eq(noon()),
        ))
        .execute(db)?;
    for (name, class) in [("main", Class::Main), ("lab", Class::Sub)] {
        diesel::insert_into(billing_groups::table)
            .values((
                billing_groups::id.eq(format!("{id}-{name}")),
                billing_groups::organization_id.eq(id),
                billing_groups::name.eq(name),
                billing_groups::search_name.eq(name),
                billing_groups::class.eq(class.as_str()),
                billing_groups::created_at.eq(noon()),
            ))
            .execute(db)?;
    }
    Ok(())
}

fn add_user(db: &mut AnyConnection, id: &str, group: Option<&str>) -> QueryResult<()> {
    diesel::insert_into(users::table)
        .values((
            users::id.eq(id),
            users::organization_id.eq("acme"),
            users::email.eq(format!("{id}@acme.test")),
            users::name.eq(id.to_uppercase()),
            users::role.eq(Role::BillingAdministrator.as_str()),
            users::password_hash.eq(format!("hash of {id}")),
            users::created_at.eq(noon()),
        ))
        .execute(db)?;
    if let Some(group) = group {
        diesel::insert_into(group_members::table)
            .values((
                group_members::user_id.eq(id),
                group_members::group_id.eq(group),
            ))
            .execute(db)?;
    }
    Ok(())
}

/// A session, by its minutes since it began and since it was last used.
fn add_session(db: &mut AnyConnection, user: &str, key_hash: &str, began: i64, used: i64) {
    diesel::insert_into(sessions::table)
        .values((
            sessions::key_hash.eq(key_hash),
            sessions::user_id.eq(user),
            sessions::created_at.eq(noon() - TimeDelta::minutes(began)),
            sessions::last_seen.eq(noon() - TimeDelta::minutes(used)),
        ))
        .execute(db)
        .unwrap();
}

fn set_role(db: &mut AnyConnection, user: &str, role: Role) {
    diesel::update(users::table.find(user))
        .set(users::role.eq(role.as_str()))
        .execute(db)
        .unwrap();
}

fn disable(db: &mut AnyConnection, user: &str) {
    diesel::update(users::table.find(user))
        .set(users::disabled_at.eq(noon()))
        .execute(db)
        .unwrap();
}

#[test]
fn a_session_lives_15_idle_minutes_and_8_hours() {
    let mut db = filled();
    for (key_hash, began, used, is_alive) in [
        ("new", 0, 0, true),
        ("idle-14", 14, 14, true),
        ("idle-15", 15, 15, false),
        ("hours-7", 479, 1, true),
        ("hours-8", 480, 1, false),
    ] {
        add_session(&mut db, "ann", key_hash, began, used);
        let seen = viewer(&mut db, key_hash, noon());
        assert_eq!(seen.is_ok_and(|viewer| viewer.id == "ann"), is_alive);
        assert_eq!(touch(&mut db, key_hash, noon()).is_ok(), is_alive);
    }
    assert_eq!(remove_ended_sessions(&mut db, noon()).unwrap(), 2);
    assert_eq!(remove_ended_sessions(&mut db, noon()).unwrap(), 0);
}

#[test]
fn a_session_that_is_used_lives_on() {
    let mut db = filled();
    add_session(&mut db, "ann", "used", 20, 14);
    touch(&mut db, "used", noon()).unwrap();
    let later = noon() + TimeDelta::minutes(14);
    assert_eq!(viewer(&mut db, "used", later).unwrap().last_seen, noon());
    end_session(&mut db, "used").unwrap();
    assert!(matches!(
        touch(&mut db, "used", later),
        Err(Error::SignedOut)
    ));
}

#[test]
fn rule_1_whoever_lacks_the_role_is_told_whom_to_ask() {
    let mut db = filled();
    add_session(&mut db, "ann", "ann", 0, 0);
    let seen = viewer(&mut db, "ann", noon()).unwrap();
    assert!(seen.in_main_group && seen.whom_to_ask.is_empty());

    set_role(&mut db, "ann", Role::BillingViewer);
    let seen = viewer(&mut db, "ann", noon()).unwrap();
    assert_eq!(seen.whom_to_ask, ["b***@acme.test", "c***@acme.test"]);
}

#[test]
fn rule_3_a_member_of_the_main_group_reaches_every_group_of_the_organization() {
    let mut db = filled();
    for (user, expected) in [
        ("ann", vec!["acme-main", "acme-lab"]),
        ("bob", vec!["acme-lab"]),
        ("cat", vec![]),
    ] {
        add_session(&mut db, user, user, 0, 0);
        let viewer = viewer(&mut db, user, noon()).unwrap();
        let admin = viewer.administrator().unwrap();
        let all = ["acme-main", "acme-lab", "mir-main", "mir-lab", "none"];
        let shown = all.into_iter().filter(|group| {
            reachable_group(&mut db, admin, group).is_ok_and(|found| found.id == *group)
        });
        assert_eq!(shown.collect::<Vec<_>>(), expected, "{user}");
        let changed = all
            .into_iter()
            .filter(|group| may_change(&mut db, user, group).unwrap());
        assert_eq!(changed.collect::<Vec<_>>(), expected, "{user}");
    }
    assert!(!may_change(&mut db, "nobody", "acme-main").unwrap());
}

#[test]
fn rule_4_a_role_a_membership_or_a_user_that_is_gone_counts_at_once() {
    let mut db = filled();
    diesel::delete(group_members::table.find(("bob", "acme-lab")))
        .execute(&mut db)
        .unwrap();
    assert!(!may_change(&mut db, "bob", "acme-lab").unwrap());

    for role in Role::ALL {
        set_role(&mut db, "ann", role);
        assert_eq!(
            may_change(&mut db, "ann", "acme-main").unwrap(),
            role == Role::BillingAdministrator,
            "{role:?}"
        );
    }
    set_role(&mut db, "ann", Role::BillingAdministrator);
    disable(&mut db, "ann");
    assert!(!may_change(&mut db, "ann", "acme-main").unwrap());
}

#[test]
fn a_disabled_user_has_no_password_to_sign_in_with() {
    let mut db = filled();
    assert_eq!(
        credentials(&mut db, "ann@acme.test").unwrap(),
        Some(("ann".into(), "hash of ann".into()))
    );
    assert_eq!(credentials(&mut db, "eve@acme.test").unwrap(), None);
    disable(&mut db, "ann");
    assert_eq!(credentials(&mut db, "ann@acme.test").unwrap(), None);
}

#[test]
fn a_user_is_known_by_name_and_organization() {
    let mut db = filled();
    assert_eq!(name_of(&mut db, "ann").unwrap(), Some("ANN".into()));
    assert_eq!(name_of(&mut db, "eve").unwrap(), None);
    assert_eq!(
        organization_of(&mut db, "ann").unwrap(),
        Some("acme".into())
    );
    assert_eq!(organization_of(&mut db, "eve").unwrap(), None);
}
