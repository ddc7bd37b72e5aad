//! `import`: all or nothing, idempotent, every fault with its place.

use std::path::PathBuf;

use billing_console::db::{look, schema as s};
use diesel::prelude::*;

use crate::{
    app::TestDatabase,
    process::{example, out, refused, run, told},
};

fn counts(database: &TestDatabase) -> (i64, i64, i64, i64) {
    let db = database.open();
    db.migrate().unwrap();
    let mut db = db.connection().unwrap();
    (
        s::organizations::table
            .count()
            .get_result(&mut *db)
            .unwrap(),
        s::billing_groups::table
            .count()
            .get_result(&mut *db)
            .unwrap(),
        s::users::table.count().get_result(&mut *db).unwrap(),
        s::group_members::table
            .count()
            .get_result(&mut *db)
            .unwrap(),
    )
}

#[test]
fn both_examples_are_imported_and_twice_changes_nothing() {
    let database = TestDatabase::new();
    let dry = run(
        &database,
        &["import", &example("organizations.json"), "--dry-run"],
    );
    assert!(
        out(&dry).contains("7 made, 0 changed (dry run"),
        "{} {}",
        out(&dry),
        told(&dry)
    );
    assert_eq!(tables(&database), 0, "a dry run makes no database");
    for (file, said) in [
        ("organizations.json", "7 made, 0 changed"),
        ("organizations.json", "0 made, 0 changed"),
        ("organizations.csv", "1 made, 0 changed"),
        ("organizations.csv", "0 made, 0 changed"),
    ] {
        let done = run(&database, &["import", &example(file)]);
        assert!(
            out(&done).starts_with(said),
            "{file}: {} {}",
            out(&done),
            told(&done)
        );
    }
    assert_eq!(counts(&database), (1, 3, 2, 2));
}

#[test]
fn a_thousand_lines_with_one_bad_line_change_nothing_and_name_the_line() {
    let database = TestDatabase::new();
    let folder = tempfile::tempdir().unwrap();
    let path: PathBuf = folder.path().join("groups.csv");
    let head = "organization,organization_name,group,group_name,class,email,name,role,language";
    let lines: Vec<String> = (2..=1000)
        .map(|line| {
            let class = if line == 777 { "mian" } else { "main" };
            format!("org-{line},Org {line},group-{line},Group {line},{class},p{line}@org.example,P,none,")
        })
        .collect();
    let text = format!("{head}\n{}\n", lines.join("\n"));
    std::fs::write(&path, &text).unwrap();
    let done = run(&database, &["import", path.to_str().unwrap()]);
    assert_eq!(done.status.code(), Some(1));
    assert!(
        told(&done).starts_with("line 777: class must be main or sub\n"),
        "{}",
        told(&done)
    );
    assert_eq!(counts(&database), (0, 0, 0, 0));
    std::fs::write(&path, text.replace("mian", "main")).unwrap();
    assert_eq!(
        run(&database, &["import", path.to_str().unwrap()])
            .status
            .code(),
        Some(0)
    );
}

#[test]
fn every_fault_of_an_import_is_listed_with_its_path() {
    let database = TestDatabase::new();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.json");
    let file = |json: &str| {
        std::fs::write(&path, json).unwrap();
        let done = run(&database, &["import", path.to_str().unwrap()]);
        assert_eq!(done.status.code(), Some(1));
        told(&done)
    };
    let told = file(
        r#"{"organizations":[{"id":"a b","name":"A","member_type":"business","groups":[{"id":"g","name":"","class":"main"}],
            "members":[{"email":"nobody","name":"N","role":"support","groups":[]}]}]}"#,
    );
    for fault in [
        "organizations[0]: organization must be",
        "organizations[0].groups[0]: group name must be",
        "organizations[0].members[0]: email is not",
        "organizations[0].members[0]: role must be",
    ] {
        assert!(told.contains(fault), "{fault}: {told}");
    }
    let two = r#"{"organizations":[{"id":"a","name":"A","member_type":"business","groups":[{"id":"g","name":"G","class":"main"},{"id":"h","name":"H","class":"main"}]}]}"#;
    assert!(
        file(two).contains("organizations[0].groups[1]: the organization has a main group already")
    );
    let absent = r#"{"organizations":[{"id":"a","name":"A","member_type":"business","groups":[{"id":"g","name":"G","class":"main"}],"members":[{"email":"k@a.example","name":"K","role":"none","groups":["zz"]}]}]}"#;
    assert!(
        file(absent).contains("organizations[0].members[0]: the organization has no group \"zz\"")
    );
    assert!(file("{").contains("line 1: "));
    assert_eq!(counts(&database), (0, 0, 0, 0));
}

/// How many tables there are; a look makes no database.
fn tables(database: &TestDatabase) -> usize {
    look::open_untouched(&database.url.parse().unwrap())
        .unwrap()
        .map_or(0, |mut db| look::tables(&mut db).unwrap().len())
}

#[test]
fn a_dry_run_says_what_would_change_and_changes_nothing() {
    let database = TestDatabase::new();
    let dry = || {
        run(
            &database,
            &["import", &example("organizations.json"), "--dry-run"],
        )
    };
    assert_eq!(run(&database, &["migrate"]).status.code(), Some(0));
    assert!(out(&dry()).starts_with("7 made"), "{}", told(&dry()));
    assert_eq!(counts(&database), (0, 0, 0, 0));
    diesel::sql_query(
        "DELETE FROM __diesel_schema_migrations WHERE version = (SELECT max(version) FROM __diesel_schema_migrations)",
    )
    .execute(&mut *database.open().connection().unwrap())
    .unwrap();
    refused(&dry(), 1, "billing-console migrate");
}

#[test]
fn a_csv_file_keeps_the_member_type_that_is_known() {
    let database = TestDatabase::new();
    let path = database.folder.path().join("a.json");
    let json = r#"{"organizations":[{"id":"a","name":"A","member_type":"individual","groups":[{"id":"g","name":"G","class":"main"}]}]}"#;
    std::fs::write(&path, json).unwrap();
    run(&database, &["import", path.to_str().unwrap()]);
    let path = database.folder.path().join("a.csv");
    let head = "organization,organization_name,group,group_name,class,email,name,role,language";
    std::fs::write(
        &path,
        format!("{head}\r\na,A,g,G,main,,,,\r\nb,B,h,H,main,,,,\r\n"),
    )
    .unwrap();
    let done = run(&database, &["import", path.to_str().unwrap()]);
    assert_eq!(out(&done), "2 made, 0 changed\n", "{}", told(&done));
    let types: Vec<String> = s::organizations::table
        .order(s::organizations::id)
        .select(s::organizations::member_type)
        .load(&mut *database.open().connection().unwrap())
        .unwrap();
    assert_eq!(types, ["individual", "business"]);
}

#[test]
fn one_fault_is_counted_as_one() {
    let database = TestDatabase::new();
    let path = database.folder.path().join("x.json");
    std::fs::write(&path, r#"{"organizations":[3,4]}"#).unwrap();
    let two = run(&database, &["import", path.to_str().unwrap()]);
    assert!(told(&two).contains("imported: 2 faults, listed above"));
    std::fs::write(&path, r#"{"organizations":[3]}"#).unwrap();
    let one = run(&database, &["import", path.to_str().unwrap()]);
    assert!(
        told(&one).ends_with("imported: 1 fault, listed above\n"),
        "{}",
        told(&one)
    );
}
