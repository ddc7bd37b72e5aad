//! Both databases: the same migrations, the same schema.

use std::{sync::mpsc, time::Duration};

use billing_console::{
    db::{AnyConnection, schema as s},
    error::Error,
};
use diesel::prelude::*;

use crate::app::TestDatabase;

#[test]
fn every_migration_is_applied_reverted_and_applied_again() {
    let database = TestDatabase::new();
    let db = database.open();
    let mut connection = db.connection().unwrap();
    let applied = connection.migrate().unwrap();
    assert!(applied >= 5);
    assert_eq!(connection.migrate().unwrap(), 0, "twice changes nothing");
    assert_eq!(connection.revert_all().unwrap(), applied);
    assert_eq!(connection.migrate().unwrap(), applied);
    drop(connection);
    assert!(db.is_ready());
}

#[test]
fn both_folders_hold_the_same_names_and_the_same_columns() {
    let read = |backend: &str| -> Vec<(String, String)> {
        let folder = format!("{}/migrations/{backend}", env!("CARGO_MANIFEST_DIR"));
        let mut files: Vec<(String, String)> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap())
            .map(|entry| {
                let up = std::fs::read_to_string(entry.path().join("up.sql")).unwrap();
                (entry.file_name().into_string().unwrap(), up)
            })
            .collect();
        files.sort();
        files
    };
    // What differs is how the same thing is said in each database, and nothing else.
    let common = |sql: &str| {
        sql.replace(" COLLATE \"C\"", "")
            .replace("BYTEA", "BLOB")
            .replace(" WITHOUT ROWID", "")
    };
    for ((sqlite_name, sqlite), (postgres_name, postgres)) in
        read("sqlite").into_iter().zip(read("postgres"))
    {
        assert_eq!(sqlite_name, postgres_name);
        assert_eq!(common(&sqlite), common(&postgres), "{sqlite_name}");
    }
    assert_eq!(read("sqlite").len(), read("postgres").len());
}

#[test]
fn schema_rs_is_what_the_migrations_give() {
    let database = TestDatabase::new();
    let db = database.open();
    db.migrate().unwrap();
    // Each table is read with every column that the schema names.
    macro_rules! readable {
        ($($table:ident)*) => {$(
            let query = s::$table::table.count();
            query.get_result::<i64>(&mut *db.connection().unwrap()).unwrap();
            let all = diesel::debug_query::<diesel::sqlite::Sqlite, _>(&s::$table::table.limit(0)).to_string();
            let sql = all.split(" -- binds").next().unwrap().replace('`', "\"").replace("LIMIT ?", "LIMIT 0");
            diesel::sql_query(sql).execute(&mut *db.connection().unwrap()).unwrap();
        )*};
    }
    readable! {
        organizations billing_groups payment_methods users group_members sessions throttles console_facts registrations
        verifications card_attempts audit_heads audit_rows refusal_counts jobs gateway_events sandbox_cards sandbox_codes
    }
}

#[derive(QueryableByName)]
struct Setting {
    #[diesel(sql_type = diesel::sql_types::Text)]
    setting: String,
}

fn settings(db: &mut AnyConnection) -> Vec<String> {
    let asked: &[&str] = match db {
        AnyConnection::Sqlite(_) => &[
            "SELECT CAST(synchronous AS TEXT) AS setting FROM pragma_synchronous",
            "SELECT journal_mode AS setting FROM pragma_journal_mode",
        ],
        #[cfg(feature = "postgres")]
        AnyConnection::Postgres(_) => &["SELECT current_setting('synchronous_commit') AS setting"],
    };
    asked
        .iter()
        .map(|question| {
            let found: Setting = diesel::sql_query(*question).get_result(db).unwrap();
            found.setting
        })
        .collect()
}

#[test]
fn i12_every_connection_of_the_console_waits_until_the_disk_has_what_it_commits() {
    let database = TestDatabase::new();
    let db = database.open();
    let durable: &[&str] = if database.url.starts_with("sqlite:") {
        &["2", "wal"] // 2 is FULL
    } else {
        &["on"]
    };
    let mut pool: Vec<_> = (0..3).map(|_| db.connection().unwrap()).collect();
    for connection in &mut pool {
        assert_eq!(settings(connection), durable);
    }
    drop(pool);
    // Also after what waits for less than the others.
    db.soon(|_| Ok(())).unwrap();
    assert_eq!(settings(&mut db.connection().unwrap()), durable);
}

/// On SQLite that would fail at once if the lock were not taken first.
#[test]
fn a_change_that_begins_with_a_read_waits_for_another_one() {
    let database = TestDatabase::new();
    let db = database.open();
    db.migrate().unwrap();
    let count_on = |db: &mut AnyConnection, pause: Duration| -> Result<(), Error> {
        let fact = s::console_facts::table.find("import");
        let seen: String = fact.select(s::console_facts::value).first(db)?;
        std::thread::sleep(pause);
        diesel::update(fact)
            .set(s::console_facts::value.eq(seen + "x"))
            .execute(db)?;
        Ok(())
    };
    let (begun, is_begun) = mpsc::channel();
    std::thread::scope(|scope| {
        let (first, second) = (database.open(), database.open());
        let (slow, count_slowly) = (Duration::from_millis(500), &count_on);
        let slowly = scope.spawn(move || {
            first.write(|db| {
                diesel::update(s::console_facts::table)
                    .set(s::console_facts::name.eq(s::console_facts::name))
                    .execute(db)?;
                begun.send(()).unwrap();
                count_slowly(db, slow)
            })
        });
        is_begun.recv().unwrap();
        second.write(|db| count_on(db, Duration::ZERO)).unwrap();
        slowly.join().unwrap().unwrap();
    });
}

#[test]
fn a_snapshot_is_of_one_moment_and_changes_nothing() {
    let database = TestDatabase::new();
    let db = database.open();
    db.migrate().unwrap();
    let facts = |db: &mut AnyConnection| -> Result<i64, Error> {
        Ok(s::console_facts::table.count().get_result(db)?)
    };
    let fact = |name: &'static str| {
        diesel::insert_into(s::console_facts::table).values((
            s::console_facts::name.eq(name),
            s::console_facts::value.eq(""),
        ))
    };
    let (before, meanwhile) = db
        .snapshot(|reader| {
            let before = facts(reader)?;
            db.write(|db| Ok(fact("new").execute(db)?))?;
            Ok((before, facts(reader)?))
        })
        .unwrap();
    assert_eq!(before, meanwhile);
    assert_eq!(db.snapshot(facts).unwrap(), before + 1);
}
