//! The command line: each refusal is one line and an exit code.

use std::{
    io::Write,
    path::PathBuf,
    process::{Command, Output, Stdio},
};

use billing_console::db::schema as s;
use diesel::prelude::*;

use crate::app::{KEY, TestDatabase};

fn run_with(database: &TestDatabase, args: &[&str], env: &[(&str, &str)], stdin: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_billing-console"))
        .args(args)
        .env("BILLING_DATABASE_URL", &database.url)
        .env("BILLING_LOG", "warn")
        .env_remove("BILLING_SECRET_KEY")
        .envs(env.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that refuses its arguments does not read what comes.
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    child.wait_with_output().unwrap()
}

fn run(database: &TestDatabase, args: &[&str]) -> Output {
    run_with(database, args, &[], "")
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn example(name: &str) -> String {
    format!("{}/docs/examples/{name}", env!("CARGO_MANIFEST_DIR"))
}

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
    assert_eq!(counts(&database), (0, 0, 0, 0));
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

#[test]
fn serve_says_in_one_line_what_is_missing_or_wrong() {
    let database = TestDatabase::new();
    let key = ("BILLING_SECRET_KEY", KEY);
    let sandbox = ("BILLING_GATEWAY", "sandbox");
    let cases: [(&[(&str, &str)], &str); 8] = [
        (&[sandbox], "openssl rand -hex 64"),
        (
            &[("BILLING_SECRET_KEY", "abc"), sandbox],
            "openssl rand -hex 64",
        ),
        (
            &[("BILLING_SECRET_KEY_FILE", "none/there"), sandbox],
            "BILLING_SECRET_KEY_FILE",
        ),
        (&[key], "BILLING_GATEWAY"),
        (&[key, ("BILLING_GATEWAY", "stripe")], "BILLING_GATEWAY"),
        (&[key, sandbox, ("BILLING_LISTEN", "0.0.0.0:0")], "loopback"),
        (
            &[
                key,
                sandbox,
                ("BILLING_BASE_URL", "https://billing.example.com"),
            ],
            "loopback",
        ),
        (
            &[key, sandbox, ("BILLING_DATABASE_URL", "mysql://x")],
            "sqlite:",
        ),
    ];
    for (env, words) in cases {
        let done = run_with(&database, &["serve"], env, "");
        assert_eq!(done.status.code(), Some(2), "{env:?}");
        assert!(
            told(&done).contains(words) && told(&done).lines().count() == 1,
            "{}",
            told(&done)
        );
    }
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let done = run_with(
        &database,
        &["serve", "--listen", &address],
        &[key, sandbox],
        "",
    );
    assert_eq!(done.status.code(), Some(1));
    assert!(
        told(&done).contains("--listen") && told(&done).lines().count() == 1,
        "{}",
        told(&done)
    );
    let done = run_with(&database, &["check-config"], &[key, sandbox], "");
    assert_eq!(done.status.code(), Some(0), "{}", told(&done));
}

#[test]
fn demo_refuses_a_database_that_it_did_not_make() {
    let database = TestDatabase::new();
    run(&database, &["import", &example("organizations.json")]);
    let done = run_with(
        &database,
        &["demo", "--listen", "127.0.0.1:0"],
        &[("BILLING_SECRET_KEY", KEY)],
        "",
    );
    assert_eq!(done.status.code(), Some(2));
    assert!(
        told(&done).contains("demo did not make it"),
        "{}",
        told(&done)
    );
    assert_eq!(counts(&database).0, 1);
}

#[test]
fn a_backup_is_a_database_like_the_one_it_saves() {
    let database = TestDatabase::new();
    run(&database, &["import", &example("organizations.json")]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("backup.db");
    let done = run(&database, &["backup", file.to_str().unwrap()]);
    if database.url.starts_with("postgres") {
        assert_eq!(done.status.code(), Some(2));
        assert!(told(&done).contains("pg_dump"));
        return;
    }
    assert_eq!(done.status.code(), Some(0), "{}", told(&done));
    let saved = format!("sqlite:{}", file.display());
    assert!(
        out(&run(&database, &["user", "list", "--database-url", &saved]))
            .contains("owner@northstar.example")
    );
    assert_eq!(
        run(&database, &["backup", file.to_str().unwrap()])
            .status
            .code(),
        Some(1),
        "never over a file"
    );
}

/// Starts a serving command, reads its first line, ends it by SIGTERM; its standard error.
fn served(database: &TestDatabase, args: &[&str], env: &[(&str, &str)]) -> (String, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_billing-console"))
        .args(args)
        .args(["--listen", "127.0.0.1:0"])
        .env("BILLING_DATABASE_URL", &database.url)
        .env("BILLING_SECRET_KEY", KEY)
        .env("BILLING_LOG", "warn")
        .envs(env.iter().copied())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    std::io::BufRead::read_line(
        &mut std::io::BufReader::new(child.stdout.as_mut().unwrap()),
        &mut first,
    )
    .unwrap();
    // SIGTERM, as an operator's supervisor sends it.
    let sent = Command::new("kill").arg(child.id().to_string()).status();
    assert!(sent.unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    (first, told(&output))
}

#[test]
fn serve_on_a_database_of_the_demo_warns_in_one_line() {
    let database = TestDatabase::new();
    let (first, warned) = served(&database, &["demo"], &[]);
    assert!(
        first.starts_with("Billing console, demo: http://"),
        "{first}"
    );
    assert_eq!(warned, "");
    let (_, warned) = served(&database, &["serve"], &[("BILLING_GATEWAY", "sandbox")]);
    assert_eq!(warned.lines().count(), 1, "{warned}");
    assert!(
        warned.contains("this database was made by demo"),
        "{warned}"
    );
}

#[test]
fn demo_keeps_what_was_done_and_starts_over_when_asked() {
    let database = TestDatabase::new();
    served(&database, &["demo"], &[]);
    let names = || -> Vec<String> {
        let db = database.open();
        s::users::table
            .filter(s::users::email.eq("viewer@acme.test"))
            .select(s::users::name)
            .load(&mut *db.connection().unwrap())
            .unwrap()
    };
    let made = names();
    diesel::update(s::users::table.filter(s::users::email.eq("viewer@acme.test")))
        .set(s::users::name.eq("Renamed"))
        .execute(&mut *database.open().connection().unwrap())
        .unwrap();
    served(&database, &["demo"], &[]);
    assert_eq!(names(), ["Renamed"]);
    served(&database, &["demo", "--fresh"], &[]);
    assert_eq!(names(), made);
}
