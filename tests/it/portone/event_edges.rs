//! What PortOne tells at an awkward moment, and where our verdict and its SDK's differ.

use std::{
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

use billing_console::{
    db::{AnyConnection, schema as s},
    error::Error,
    portone::{
        WebhookSecret,
        webhook::{Headers, verify},
    },
};
use chrono::TimeDelta;
use diesel::{connection::SimpleConnection, prelude::*};
use serde_json::{Value, json};

use super::{
    cards::start,
    events::{ADDRESS, deleted, events, registered, send, signature, tags},
    fake::WEBHOOK_SECRET,
};
use crate::app::TestApp;

fn failures_in_the_trail(app: &TestApp) -> i64 {
    s::audit_rows::table
        .filter(s::audit_rows::action.eq("payment_method.failed"))
        .count()
        .get_result(&mut *app.connection())
        .unwrap()
}

fn drain(app: &TestApp) {
    app.until("the end of all jobs", |db| {
        app.clock.advance(TimeDelta::seconds(30));
        let left: i64 = s::jobs::table.count().get_result(db).unwrap();
        (left == 0).then_some(())
    });
}

#[test]
fn what_is_read_twice_is_marked_once_and_a_key_that_was_replaced_marks_nothing() {
    let (fake, app, person) = start();
    let key = registered(&fake, &person, "acme-ml");
    for id in ["e-1", "e-2"] {
        assert_eq!(
            send(&app, WEBHOOK_SECRET, id, 0, &deleted(&key)).status,
            200
        );
    }
    drain(&app);
    assert_eq!(tags(&person, "acme-ml"), "failed");
    assert_eq!(failures_in_the_trail(&app), 1);

    registered(&fake, &person, "acme-ml");
    // As after our own revocation, which PortOne tells, too.
    assert_eq!(
        send(&app, WEBHOOK_SECRET, "e-3", 0, &deleted(&key)).status,
        200
    );
    drain(&app);
    assert_eq!(tags(&person, "acme-ml"), "");
    assert_eq!(failures_in_the_trail(&app), 1);
}

#[test]
fn neither_get_nor_head_is_an_event() {
    let (_fake, app, _person) = start();
    assert_eq!(app.visitor().open(ADDRESS).status, 405);
    assert_eq!(app.visitor().head(ADDRESS).status, 405);
}

#[test]
fn while_the_database_is_held_up_the_provider_is_told_to_try_again() {
    let (_fake, app, _person) = start();
    let hold = match app.database_file() {
        Some(_) => "BEGIN IMMEDIATE",
        None => "BEGIN; LOCK TABLE gateway_events IN ACCESS EXCLUSIVE MODE",
    };
    let mut holder = app.connection();
    holder.batch_execute(hold).unwrap();
    let body = deleted("billing-key-of-nobody");
    assert_eq!(send(&app, WEBHOOK_SECRET, "e-1", 0, &body).status, 503);
    holder.batch_execute("ROLLBACK").unwrap();
    assert_eq!(events(&app), 0);
    assert_eq!(
        send(&app, WEBHOOK_SECRET, "e-1", 0, &body).status,
        200,
        "the very same sending"
    );
    assert_eq!(events(&app), 1);
}

/// SQLite has one writer: there the event waits for the commit.
#[test]
fn an_event_that_comes_while_a_commit_runs_finds_its_card_afterwards() {
    if std::env::var_os("BILLING_TEST_DATABASE").is_none() {
        return;
    }
    let (fake, app, person) = start();
    registered(&fake, &person, "acme-ml");
    let mut commit = app.connection();
    commit
        .batch_execute(
            "BEGIN; UPDATE payment_methods SET billing_key = 'late' WHERE group_id = 'acme-ml'",
        )
        .unwrap();
    assert_eq!(
        send(&app, WEBHOOK_SECRET, "e-1", 0, &deleted("late")).status,
        200
    );
    let read = |db: &mut AnyConnection| {
        let tries: Option<i32> = s::jobs::table
            .filter(s::jobs::kind.eq("read_event"))
            .filter(s::jobs::lease_until.is_null())
            .select(s::jobs::attempts)
            .first(db)
            .optional()
            .unwrap();
        tries.is_none_or(|tries| tries > 0).then_some(())
    };
    app.until("a first look", read);
    commit.batch_execute("COMMIT").unwrap();
    drain(&app);
    assert_eq!(tags(&person, "acme-ml"), "failed");
}

/// SQLite has one writer: there the event is read before the commit or after it.
#[test]
fn an_event_that_is_read_while_its_card_is_replaced_marks_nothing() {
    if std::env::var_os("BILLING_TEST_DATABASE").is_none() {
        return;
    }
    let (fake, app, person) = start();
    let key = registered(&fake, &person, "acme-ml");
    let mut commit = app.connection();
    commit
        .batch_execute(
            "BEGIN; UPDATE billing_groups SET version = version + 1 WHERE id = 'acme-ml';
             UPDATE payment_methods SET billing_key = 'new' WHERE group_id = 'acme-ml'",
        )
        .unwrap();
    assert_eq!(
        send(&app, WEBHOOK_SECRET, "e-1", 0, &deleted(&key)).status,
        200
    );
    app.until("whoever reads it waits for the group", |db| {
        let waits = "SELECT 1 FROM pg_stat_activity
                     WHERE datname = current_database() AND wait_event_type = 'Lock'";
        (diesel::sql_query(waits).execute(db).unwrap() > 0).then_some(())
    });
    commit.batch_execute("COMMIT").unwrap();
    drain(&app);
    assert_eq!(tags(&person, "acme-ml"), "");
    assert_eq!(failures_in_the_trail(&app), 0);
}

/// A process that sleeps within its commit for longer than an event is looked after must not commit when it wakes.
#[cfg(feature = "postgres")]
#[test]
fn postgresql_ends_a_transaction_that_lies_idle() {
    #[derive(diesel::QueryableByName)]
    struct Limit {
        #[diesel(sql_type = diesel::sql_types::Text)]
        limit: String,
    }
    if std::env::var_os("BILLING_TEST_DATABASE").is_none() {
        return;
    }
    let app = TestApp::start();
    let mut commit = app.connection();
    let limit = "SELECT current_setting('idle_in_transaction_session_timeout') AS \"limit\"";
    let AnyConnection::Postgres(postgres) = &mut *commit else {
        panic!("no PostgreSQL");
    };
    let limit: Limit = diesel::sql_query(limit).get_result(postgres).unwrap();
    assert_eq!(limit.limit, "30s");
    commit
        .batch_execute(
            "SET idle_in_transaction_session_timeout = '100ms'; BEGIN; DELETE FROM sessions",
        )
        .unwrap();
    std::thread::sleep(std::time::Duration::from_millis(600));
    let ended = commit.batch_execute("COMMIT").unwrap_err();
    assert!(matches!(Error::from(ended), Error::Unavailable(_)));
    drop(commit);
    app.sign_in("main-admin@acme.test");
}

/// What PortOne's SDK says of sendings.
pub fn verdicts_of_the_sdk(sendings: &[Value]) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = root.join("target/portone/venv/bin/python");
    assert!(
        python.exists(),
        "PortOne's SDK is missing: bin/test installs it under target/portone"
    );
    let mut sdk = Command::new(python)
        .arg(root.join("tests/it/portone/verify.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let asked = json!(sendings).to_string();
    let mut stdin = sdk.stdin.take().unwrap();
    stdin.write_all(asked.as_bytes()).unwrap();
    drop(stdin);
    let answer = sdk.wait_with_output().unwrap();
    serde_json::from_slice(&answer.stdout).unwrap()
}

/// The SDK takes these, signed as they are; the console is stricter, and PortOne sends none of them.
#[test]
fn where_the_console_is_stricter_than_portones_sdk() {
    let now = chrono::Utc::now().timestamp();
    let body = deleted("billing-key");
    let sign = |id: &str, at: &str| signature(WEBHOOK_SECRET, id, at, &body);
    let plain = now.to_string();
    let (first, rest) = plain.split_at(1);
    let good = sign("e", &plain);
    let mut spaced = good.clone();
    spaced.insert(10, '*');
    let at = [
        format!("+{now}"),
        format!(" {now} "),
        format!("{first}_{rest}"),
    ];
    let long = "i".repeat(201);
    let mut cases: Vec<(&str, &str, String)> = at
        .iter()
        .map(|at| ("e", at.as_str(), sign("e", at)))
        .collect();
    cases.push(("", &plain, sign("", &plain)));
    cases.push((&long, &plain, sign(&long, &plain)));
    cases.push(("e", &plain, format!("{good},more")));
    cases.push(("e", &plain, spaced));
    let sendings: Vec<Value> = cases
        .iter()
        .map(|(id, at, signature)| {
            json!({ "secret": WEBHOOK_SECRET, "body": body, "headers": {
                "webhook-id": id, "webhook-timestamp": at, "webhook-signature": signature,
            }})
        })
        .collect();
    let secrets = [WebhookSecret::parse(WEBHOOK_SECRET).ok().unwrap()];
    for ((id, timestamp, signature), verdict) in cases.iter().zip(verdicts_of_the_sdk(&sendings)) {
        let headers = Headers {
            id,
            timestamp,
            signature,
        };
        assert_eq!(verdict, "GOOD", "{timestamp} {signature}");
        assert!(
            verify(&secrets, headers, body.as_bytes(), now).is_err(),
            "{timestamp} {signature}"
        );
    }
    let headers = json!({
        "webhook-id": "e", "webhook-timestamp": plain, "webhook-signature": good,
    });
    for missing in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        let mut some = headers.clone();
        some.as_object_mut().unwrap().remove(missing);
        let sending = json!({ "secret": WEBHOOK_SECRET, "body": body, "headers": some });
        assert_eq!(
            verdicts_of_the_sdk(&[sending]),
            ["MISSING_REQUIRED_HEADERS"]
        );
    }
}
