//! Two who change one thing at the same moment. The other writer is a transaction of the test's own, which holds a row:
//! on PostgreSQL a request comes as far as that row and waits there; SQLite lets in one writer at a time.

use std::{thread, time::Duration};

use billing_console::{
    access::throttle::{self, Limit},
    clock::Clock,
    db::{AnyConnection, schema as s},
    outside::{ServiceKey, ServiceUrl},
    settings::TaxService,
};
use chrono::TimeDelta;
use diesel::{connection::SimpleConnection, prelude::*};

use crate::{
    app::TestApp,
    peer::{Peer, Reply},
    process::{run_with, told},
};

/// Changes something, lets the request come as far as it gets, and commits; gives the request's answer.
fn beside<T: Send>(app: &TestApp, change: &str, request: impl FnOnce() -> T + Send) -> T {
    beside_then(app, change, "", request)
}

/// [`beside`], with `more` to be changed before it commits: whom the request waits for, waits for nobody.
fn beside_then<T: Send>(
    app: &TestApp,
    change: &str,
    more: &str,
    request: impl FnOnce() -> T + Send,
) -> T {
    let begin = match app.database_file() {
        Some(_) => "BEGIN IMMEDIATE",
        None => "BEGIN",
    };
    let mut other = app.connection();
    other.batch_execute(&format!("{begin}; {change}")).unwrap();
    thread::scope(|scope| {
        let asked = scope.spawn(request);
        if app.database_file().is_none() {
            app.until("the request waits for the row", |db| {
                let waits = "SELECT 1 FROM pg_stat_activity
                             WHERE datname = current_database() AND wait_event_type = 'Lock'";
                (diesel::sql_query(waits).execute(db).unwrap() > 0).then_some(())
            });
        } else {
            thread::sleep(Duration::from_millis(300));
        }
        other.batch_execute(&format!("{more}; COMMIT")).unwrap();
        asked.join().unwrap()
    })
}

fn id_of(run: &str) -> &str {
    run.rsplit_once('/').unwrap().1
}

fn state_of(db: &mut AnyConnection, run: &str) -> String {
    s::registrations::table
        .find(id_of(run))
        .select(s::registrations::state)
        .first(db)
        .unwrap()
}

/// How many keys the gateway would charge.
fn live(db: &mut AnyConnection) -> i64 {
    s::sandbox_cards::table
        .filter(s::sandbox_cards::live.eq(true))
        .count()
        .get_result(db)
        .unwrap()
}

#[test]
fn a_run_whose_card_was_sent_a_moment_ago_is_not_cancelled_and_keeps_its_choice() {
    let app = TestApp::start();
    let person = app.sign_in("main-admin@acme.test");
    for form in ["cancel", "payment-method"] {
        let run = person.start_registration("acme-lab");
        person.choose(&run, "named_card");
        let page = person.open(&format!("{run}/payment-method"));
        let sent = format!(
            "UPDATE registrations SET state = 'confirming' WHERE id = '{}'",
            id_of(&run)
        );
        let fields: &[(&str, &str)] = &[
            ("payment_method", "anonymous_corporate_card"),
            ("agree_auto_payment", "yes"),
            ("agree_privacy", "yes"),
            ("agree_third_party", "yes"),
        ];
        beside(&app, &sent, || {
            person.send(&page, &format!("{run}/{form}"), fields)
        })
        .leads_to(&format!("{run}/confirming"));
        let mut db = app.connection();
        assert_eq!(state_of(&mut db, &run), "confirming", "{form}");
        let choice: Option<String> = s::registrations::table
            .find(id_of(&run))
            .select(s::registrations::payment_method)
            .first(&mut *db)
            .unwrap();
        assert_eq!(choice.as_deref(), Some("named_card"), "{form}");
    }
}

#[test]
fn a_card_of_a_run_that_is_cancelled_at_the_same_moment_is_not_sent() {
    let app = TestApp::start();
    let person = app.sign_in("main-admin@acme.test");
    let run = person.reach_the_anonymous_card_page("acme-lab");
    let cancelled = format!(
        "UPDATE registrations SET state = 'cancelled', sealed = NULL WHERE id = '{}'",
        id_of(&run)
    );
    let page = person.open(&format!("{run}/card"));
    let answer = beside(&app, &cancelled, || {
        let fields = crate::person::card("5555555555554444");
        person.send(&page, &format!("{run}/card"), &fields)
    });
    assert_eq!(answer.status, 303);
    let mut db = app.connection();
    assert_eq!(state_of(&mut db, &run), "cancelled");
    let attempts: i64 = s::card_attempts::table
        .count()
        .get_result(&mut *db)
        .unwrap();
    assert_eq!(attempts, 0);
}

/// The right is taken away after the card's page was answered for and before the commit.
#[test]
fn i9_whoever_loses_the_right_at_the_moment_of_the_commit_commits_nothing() {
    let takes_away = [
        "UPDATE users SET role = 'billing_viewer' WHERE email = 'main-admin@acme.test'",
        "UPDATE users SET disabled_at = created_at WHERE email = 'main-admin@acme.test'",
        "DELETE FROM group_members WHERE user_id =
            (SELECT id FROM users WHERE email = 'main-admin@acme.test')",
    ];
    for taken in takes_away {
        let app = TestApp::start();
        let person = app.sign_in("main-admin@acme.test");
        let run = person.reach_the_anonymous_card_page("acme-lab");
        let page = person.open(&format!("{run}/card"));
        let before = live(&mut app.connection());
        let answer = beside(&app, taken, || {
            person.send(
                &page,
                &format!("{run}/card"),
                &crate::person::card("5555555555554444"),
            )
        });
        assert!([303, 403, 404].contains(&answer.status), "{taken}");
        crate::cards::drain(&app);
        let mut db = app.connection();
        assert_ne!(state_of(&mut db, &run), "complete", "{taken}");
        let paid: i64 = s::payment_methods::table
            .filter(s::payment_methods::group_id.eq("acme-lab"))
            .filter(s::payment_methods::card_last_four.eq("4444"))
            .count()
            .get_result(&mut *db)
            .unwrap();
        assert_eq!((live(&mut db), paid), (before, 0), "{taken}");
    }
}

#[test]
fn i8_what_another_page_keeps_while_the_registry_is_asked_is_not_written_over() {
    let active = r#"{"request_cnt":1,"match_cnt":1,"status_code":"OK","data":[{"b_no":"9998100015","b_stt":"",
        "b_stt_cd":"01","tax_type":"부가가치세 일반과세자","tax_type_cd":"01","end_dt":"","utcc_yn":"N",
        "tax_type_change_dt":""}]}"#;
    let peer = Peer::start(Reply::Held(200, active.into()));
    let service = TaxService {
        url: ServiceUrl::parse(&peer.url()).unwrap(),
        key: ServiceKey::parse("key").unwrap(),
    };
    let app = TestApp::start_with(|settings| settings.tax_service = Some(service));
    let person = app.sign_in("main-admin@acme.test");
    let run = person.start_registration("acme-lab");
    person.choose(&run, "named_card");
    person
        .ask_for_a_code(&run)
        .leads_to(&format!("{run}/phone-code"));
    app.clock.advance(TimeDelta::seconds(31));
    person.choose(&run, "anonymous_corporate_card");
    thread::scope(|scope| {
        let business = scope.spawn(|| {
            let fields = [("business_number", "999-81-00015")];
            person.fill(&format!("{run}/business-number"), &fields)
        });
        peer.until_asked(1);
        let again = app.sign_in("main-admin@acme.test");
        again.choose(&run, "named_card");
        let holder = [
            ("holder_name", "이두리"),
            ("birth_date", "851231"),
            ("birth_digit", "1"),
            ("carrier", "kt"),
            ("phone_number", "010-8765-4321"),
        ];
        again
            .fill(&format!("{run}/phone"), &holder)
            .leads_to(&format!("{run}/phone-code"));
        again
            .fill(&format!("{run}/phone-code"), &[("code", "123456")])
            .leads_to(&format!("{run}/card"));
        peer.release();
        business.join().unwrap().leads_to(&format!("{run}/card"));
    });
    let phone = person.open(&format!("{run}/phone"));
    let value = |field: &str| phone.attributes(field, "value").concat();
    assert_eq!(value("#birth_date"), "851231");
    assert_eq!(
        value("#phone_number").replace('-', ""),
        "01087654321",
        "the number that was verified"
    );
    person
        .enter_card(&run, "4242424242424242")
        .leads_to(&format!("{run}/complete"));
}

/// A verification that is another number's does not stand for the one that goes with the card.
#[test]
fn i8_a_verification_of_something_else_commits_nothing() {
    let app = TestApp::start();
    let person = app.sign_in("main-admin@acme.test");
    let run = person.reach_the_anonymous_card_page("acme-lab");
    diesel::update(s::verifications::table)
        .set(s::verifications::subject_hash.eq("another's"))
        .execute(&mut *app.connection())
        .unwrap();
    person
        .enter_card(&run, "5555555555554444")
        .leads_to(&format!("{run}/confirming"));
    crate::cards::drain(&app);
    assert_ne!(state_of(&mut app.connection(), &run), "complete");
}

/// Every transaction writes the trail last. One that held it and waited for a row would deadlock with whoever has the
/// row and comes to the trail.
#[test]
fn an_operator_who_changes_a_user_waits_without_the_trail() {
    let app = TestApp::start();
    for email in ["main-admin@acme.test", "viewer@acme.test"] {
        app.sign_in(email);
    }
    let (session, trail) = (
        "UPDATE sessions SET last_seen = last_seen",
        "UPDATE audit_heads SET seq = seq",
    );
    let commands: [&[&str]; 3] = [
        &["user", "set-password", "main-admin@acme.test"],
        &["user", "set-role", "viewer@acme.test", "none"],
        &["user", "disable", "viewer@acme.test"],
    ];
    for command in commands {
        let session = if command[1] == "set-role" {
            "UPDATE users SET name = name"
        } else {
            session
        };
        let output = beside_then(&app, session, trail, || {
            run_with(&app.database, command, &[], "a-long-enough-password\n")
        });
        assert!(output.status.success(), "{command:?}: {output:?}");
    }
}

/// Each alone would keep to rule 5.
#[test]
fn of_two_imports_the_second_counts_what_the_first_made() {
    let app = TestApp::start();
    let groups = |who: &str| -> Vec<String> {
        (0..20)
            .map(|number| format!("acme-{who}-{number}"))
            .collect()
    };
    let first: String = groups("first")
        .iter()
        .map(|id| {
            format!(
                "INSERT INTO billing_groups (id, organization_id, name, search_name, class, created_at)
                 SELECT '{id}', organization_id, '{id}', '{id}', 'sub', created_at
                 FROM billing_groups WHERE id = 'acme-lab';"
            )
        })
        .collect();
    let lines: String = groups("second")
        .iter()
        .map(|id| format!("acme,Acme Corp,{id},{id},sub,main-admin@acme.test,Morgan Adler,billing_administrator,\n"))
        .collect();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("groups.csv");
    let head = "organization,organization_name,group,group_name,class,email,name,role,language\n";
    std::fs::write(&path, format!("{head}{lines}")).unwrap();
    let holds = "UPDATE console_facts SET value = '' WHERE name = 'import'";
    let output = beside_then(&app, holds, &first, || {
        run_with(&app.database, &["import", path.to_str().unwrap()], &[], "")
    });
    assert!(told(&output).contains("43 sub-groups"), "{}", told(&output));
    let made: i64 = s::billing_groups::table
        .filter(s::billing_groups::id.like("acme-second-%"))
        .count()
        .get_result(&mut *app.connection())
        .unwrap();
    assert_eq!(made, 0);
}

/// On PostgreSQL, where it would wait for the row and its holder for another one of those that it has.
#[test]
fn house_keeping_leaves_a_counter_that_somebody_begins_anew() {
    let app = TestApp::start();
    let mut db = app.connection();
    let now = app.clock.now();
    let hour = Limit {
        count: 1,
        window: TimeDelta::hours(1),
    };
    for key in ["card:user:x", "card:group:x"] {
        throttle::take(&mut db, key, hour, now - hour.window).unwrap();
    }
    if app.database_file().is_none() {
        let mut other = app.connection();
        other.batch_execute("BEGIN").unwrap();
        throttle::take(&mut other, "card:user:x", hour, now).unwrap();
        assert_eq!(throttle::remove_ended(&mut db, now).unwrap(), 1);
        throttle::take(&mut other, "card:group:x", hour, now).unwrap();
        other.batch_execute("COMMIT").unwrap();
    }
    let later = now + hour.window;
    assert_eq!(throttle::remove_ended(&mut db, later).unwrap(), 2);
}
