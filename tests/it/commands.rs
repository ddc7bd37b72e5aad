//! The command line: each refusal is one line and an exit code.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use billing_console::db::{look, schema as s};
use diesel::prelude::*;

use crate::{
    app::{KEY, TestDatabase},
    person::Person,
    process::{Served, example, out, refused, run, run_with, served, told},
};

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
    demo_is_refused(&database);

    let foreign = TestDatabase::new();
    // Stays open to the end: a pool that closes writes its log back into the file at a moment of its own.
    let theirs = foreign.open();
    diesel::sql_query("CREATE TABLE theirs (id INTEGER)")
        .execute(&mut *theirs.connection().unwrap())
        .unwrap();
    demo_is_refused(&foreign);

    let with_staff = TestDatabase::new();
    run(&with_staff, &["migrate"]);
    let add = [
        "user",
        "add",
        "s@c.example",
        "--name",
        "S",
        "--role",
        "support",
    ];
    run_with(&with_staff, &add, &[], "a-long-enough-password\n");
    demo_is_refused(&with_staff);

    let migrated = TestDatabase::new();
    run(&migrated, &["migrate"]);
    let (first, _) = served(&migrated, &["demo"], &[]);
    assert!(
        first.starts_with("Billing console, demo: "),
        "nobody's yet: {first}"
    );
}

/// No table is added, no row, no key beside it.
fn demo_is_refused(database: &TestDatabase) {
    let look = || {
        let mut db = look::open_untouched(&database.url.parse().unwrap())
            .unwrap()
            .unwrap();
        look::tables(&mut db).unwrap()
    };
    let before = (look(), file(database));
    let done = run(database, &["demo", "--listen", "127.0.0.1:0"]);
    refused(&done, 2, "demo did not make it");
    assert!((look(), file(database)) == before);
    assert!(!database.folder.path().join("demo.key").exists());
}

/// What lies in the database's file, where it is one.
fn file(database: &TestDatabase) -> Option<Vec<u8>> {
    let path = database.url.strip_prefix("sqlite:")?;
    Some(std::fs::read(path).unwrap())
}

#[test]
fn the_demo_writes_no_key_and_no_database_before_its_address_is_known_to_be_good() {
    let database = TestDatabase::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    refused(
        &run(&database, &["demo", "--listen", &address]),
        1,
        "--listen",
    );
    refused(
        &run(&database, &["demo", "--listen", "0.0.0.0:0"]),
        2,
        "loopback",
    );
    assert_eq!(
        std::fs::read_dir(database.folder.path()).unwrap().count(),
        0
    );
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

#[test]
fn serve_on_a_database_of_the_demo_warns_in_one_line() {
    let database = TestDatabase::new();
    let (first, warned) = served(&database, &["demo"], &[]);
    assert!(
        first.starts_with("Billing console, demo: http://127.0.0.1:") && !first.ends_with(":0\n"),
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

#[test]
fn a_usage_error_is_one_line_and_help_is_not() {
    let database = TestDatabase::new();
    let cases: [(&[&str], &str); 7] = [
        (&[], "--help"),
        (&["user"], "--help"),
        (&["serv"], "'serve'"),
        (&["serve", "--lisen", "x"], "--listen"),
        (&["serve", "--listen", "here"], "--listen"),
        (&["import"], "<FILE>"),
        (
            &["user", "add", "a@b.example"],
            "--name <NAME> --role <ROLE>",
        ),
    ];
    for (args, words) in cases {
        refused(&run(&database, args), 2, words);
    }
    for (args, words) in [
        (&["--help"][..], "BILLING_SECRET_KEY_FILE"),
        (&["serve", "--help"], "BILLING_TRUSTED_PROXIES"),
        (&["--version"], "billing-console "),
    ] {
        let done = run(&database, args);
        assert_eq!(done.status.code(), Some(0));
        assert!(out(&done).contains(words), "{}", out(&done));
    }
}

#[test]
fn an_empty_environment_variable_is_not_set() {
    let database = TestDatabase::new();
    let key = database.folder.path().join("key");
    std::fs::write(&key, KEY).unwrap();
    let mut env: Vec<(&str, &str)> = [
        "DATABASE_URL",
        "LISTEN",
        "BASE_URL",
        "TRUSTED_PROXIES",
        "PROVIDER_NAME",
        "HELPDESK_URL",
        "HELPDESK_EMAIL",
        "TERMS_DIR",
        "SANDBOX_PHONE_CODE",
        "LOG",
        "LOG_FORMAT",
        "SECRET_KEY",
    ]
    .map(|name| (&*["BILLING_", name].concat().leak(), ""))
    .into();
    env.push(("BILLING_SECRET_KEY_FILE", key.to_str().unwrap()));
    env.push(("BILLING_GATEWAY", "sandbox"));
    let done = run_with(&database, &["check-config"], &env, "");
    assert_eq!(done.status.code(), Some(0), "{}", told(&done));
    for empty in ["BILLING_SECRET_KEY_FILE", "BILLING_GATEWAY"] {
        let mut env = env.clone();
        env.push((empty, ""));
        refused(&run_with(&database, &["check-config"], &env, ""), 2, empty);
    }
}

#[test]
fn check_config_makes_no_database() {
    let database = TestDatabase::new();
    let env = [("BILLING_SECRET_KEY", KEY), ("BILLING_GATEWAY", "sandbox")];
    let check = || run_with(&database, &["check-config", "--online"], &env, "");
    refused(&check(), 1, "billing-console migrate");
    let files = std::fs::read_dir(database.folder.path()).unwrap().count();
    assert_eq!(files, 0);
    run(&database, &["migrate"]);
    assert_eq!(check().status.code(), Some(0), "{}", told(&check()));
}

#[test]
fn port_0_is_told_and_redirected_to_as_the_real_one() {
    let database = TestDatabase::new();
    let console = Served::start(&database, &["serve"], &[("BILLING_GATEWAY", "sandbox")]);
    let port: u16 = console
        .authority()
        .rsplit_once(':')
        .unwrap()
        .1
        .parse()
        .unwrap();
    assert_ne!(port, 0);
    let elsewhere = Person::new(format!("http://localhost:{port}")).open("/sign-in");
    assert_eq!(elsewhere.status, 307);
    assert_eq!(
        elsewhere.location.as_deref(),
        Some(&*format!("http://127.0.0.1:{port}/sign-in"))
    );
    let there = Person::new(format!("http://127.0.0.1:{port}")).open("/sign-in");
    assert_eq!(there.status, 200);
    console.terminate();
    console.ended();
}

#[test]
fn a_base_url_is_taken_however_it_is_written() {
    let database = TestDatabase::new();
    for (written, told) in [
        ("http://LocalHost:80", "http://localhost\n"),
        ("https://localhost:443/", "https://localhost\n"),
    ] {
        let env = [
            ("BILLING_GATEWAY", "sandbox"),
            ("BILLING_BASE_URL", written),
        ];
        let (first, _) = served(&database, &["serve"], &env);
        assert!(first.ends_with(told), "{first}");
    }
}

#[test]
fn healthcheck_tells_whether_a_console_is_ready() {
    let database = TestDatabase::new();
    let console = Served::start(&database, &["serve"], &[("BILLING_GATEWAY", "sandbox")]);
    let address = console.authority().to_owned();
    let check = || run(&database, &["healthcheck", "--listen", &address]);
    assert_eq!(check().status.code(), Some(0), "{}", told(&check()));
    console.terminate();
    console.ended();
    refused(&check(), 1, "no console answers");
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap().to_string();
    let answer = std::thread::spawn(move || {
        let (mut stream, _) = other.accept().unwrap();
        let _ = stream.read(&mut [0; 1024]);
        stream
            .write_all(b"HTTP/1.1 503 Service Unavailable\r\n\r\n")
            .unwrap();
    });
    refused(
        &run(&database, &["healthcheck", "--listen", &address]),
        1,
        "is not ready",
    );
    answer.join().unwrap();
}

#[test]
fn sigterm_answers_what_was_taken_and_ends_in_time() {
    let database = TestDatabase::new();
    let console = Served::start(&database, &["serve"], &[("BILLING_GATEWAY", "sandbox")]);
    let authority = console.authority().to_owned();
    let body = "email=nobody%40acme.test&password=wrong";
    let (begun, rest) = body.split_at(10);
    let mut taken = TcpStream::connect(&authority).unwrap();
    write!(
        taken,
        "POST /sign-in HTTP/1.1\r\nHost: {authority}\r\nOrigin: http://{authority}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {}\r\nExpect: 100-continue\r\n\r\n",
        body.len()
    )
    .unwrap();
    // The console says that it has taken the request.
    let mut answer = [0; 25];
    taken.read_exact(&mut answer).unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 100 Continue"));
    taken.write_all(begun.as_bytes()).unwrap();

    console.terminate();
    let terminated = Instant::now();
    while TcpStream::connect(&authority).is_ok() {
        assert!(
            terminated.elapsed() < Duration::from_secs(5),
            "it still takes new ones"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    taken.write_all(rest.as_bytes()).unwrap();
    let mut answer = String::new();
    taken.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 422"), "{answer}");
    console.ended();
    assert!(terminated.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_server_that_takes_connections_and_says_nothing_is_told_in_a_line() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("postgres://{}/billing", silent.local_addr().unwrap());
    let began = Instant::now();
    let done = run(
        &TestDatabase::new(),
        &["user", "list", "--database-url", &url],
    );
    refused(&done, 1, "cannot open the database");
    assert!(
        began.elapsed() < Duration::from_secs(60),
        "libpq's own wait has no end"
    );
}
