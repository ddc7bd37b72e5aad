//! `user …`: local accounts and their roles.

use billing_console::db::schema as s;
use diesel::prelude::*;

use crate::{
    app::TestDatabase,
    process::{example, out, refused, run, run_with, told},
};

#[test]
fn local_accounts_are_kept_by_commands_and_a_password_comes_from_standard_input() {
    let database = TestDatabase::new();
    run(&database, &["import", &example("organizations.json")]);
    let add = [
        "user",
        "add",
        "new@northstar.example",
        "--name",
        "New",
        "--role",
        "billing_administrator",
        "--organization",
        "northstar",
    ];
    assert_eq!(
        run_with(&database, &add, &[], "short\n").status.code(),
        Some(2)
    );
    assert_eq!(
        run_with(&database, &add, &[], "a-long-enough-password\n")
            .status
            .code(),
        Some(0)
    );
    assert_eq!(
        run_with(&database, &add, &[], "a-long-enough-password\n")
            .status
            .code(),
        Some(1),
        "taken"
    );
    let set = run_with(
        &database,
        &["user", "set-password", "owner@northstar.example"],
        &[],
        "another-long-password\n",
    );
    assert_eq!(set.status.code(), Some(0), "{}", told(&set));
    assert_eq!(
        run(
            &database,
            &[
                "user",
                "set-role",
                "new@northstar.example",
                "billing_viewer"
            ]
        )
        .status
        .code(),
        Some(0)
    );
    assert_eq!(
        run(
            &database,
            &["user", "set-role", "new@northstar.example", "king"]
        )
        .status
        .code(),
        Some(2)
    );
    assert_eq!(
        run(&database, &["user", "disable", "new@northstar.example"])
            .status
            .code(),
        Some(0)
    );
    assert_eq!(
        run(&database, &["user", "disable", "nobody@northstar.example"])
            .status
            .code(),
        Some(1)
    );
    let list = out(&run(&database, &["user", "list"]));
    assert!(
        list.contains("new@northstar.example\tbilling_viewer\tnorthstar\tdisabled"),
        "{list}"
    );
    assert_eq!(run(&database, &["audit", "verify"]).status.code(), Some(0));
}

/// A database with the example's organization and one of the staff.
fn with_staff() -> TestDatabase {
    let database = TestDatabase::new();
    run(&database, &["import", &example("organizations.json")]);
    let add = [
        "user",
        "add",
        "staff@console.example",
        "--name",
        "S",
        "--role",
        "support",
    ];
    let done = run_with(&database, &add, &[], "a-long-enough-password\n");
    assert_eq!(done.status.code(), Some(0), "{}", told(&done));
    database
}

#[test]
fn rule_1_staff_have_no_organization_and_nobody_becomes_both() {
    let database = with_staff();
    let set = |email: &str, role: &str| run(&database, &["user", "set-role", email, role]);
    refused(
        &set("owner@northstar.example", "support"),
        1,
        "user add --role support",
    );
    for role in ["billing_administrator", "billing_manager", "billing_viewer"] {
        refused(
            &set("staff@console.example", role),
            1,
            "user add --organization",
        );
    }
    assert_eq!(set("staff@console.example", "none").status.code(), Some(0));
    assert_eq!(
        set("staff@console.example", "support").status.code(),
        Some(0)
    );
    let list = out(&run(&database, &["user", "list"]));
    assert!(
        list.contains("owner@northstar.example\tbilling_administrator"),
        "{list}"
    );
}

#[test]
fn a_name_is_not_empty() {
    let database = with_staff();
    for name in ["", " ", "a\nb"] {
        let add = [
            "user",
            "add",
            "n@console.example",
            "--name",
            name,
            "--role",
            "support",
        ];
        refused(&run(&database, &add), 2, "--name");
    }
}

#[test]
fn a_change_of_role_is_in_the_trail_with_the_old_and_the_new_one() {
    let database = with_staff();
    let set = run(
        &database,
        &[
            "user",
            "set-role",
            "owner@northstar.example",
            "billing_viewer",
        ],
    );
    assert_eq!(set.status.code(), Some(0), "{}", told(&set));
    run(&database, &["import", &example("organizations.json")]);
    let noted: Vec<(String, String)> = s::audit_rows::table
        .filter(s::audit_rows::action.eq("user.role_set"))
        .order(s::audit_rows::seq)
        .select((s::audit_rows::organization_id, s::audit_rows::details))
        .load(&mut *database.open().connection().unwrap())
        .unwrap();
    let of = |old, new| {
        (
            "northstar".to_owned(),
            format!(r#"{{"new":"{new}","old":"{old}"}}"#),
        )
    };
    assert_eq!(
        noted,
        [
            of("billing_administrator", "billing_viewer"),
            of("billing_viewer", "billing_administrator"),
        ]
    );
    assert_eq!(run(&database, &["audit", "verify"]).status.code(), Some(0));
}
