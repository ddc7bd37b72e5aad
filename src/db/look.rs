//! A look into a database before anything is done to it: no file is made, no table, no setting changed.

use std::{collections::BTreeSet, path::Path};

use diesel::{connection::SimpleConnection, prelude::*, sql_types::Text, sqlite::SqliteConnection};

#[cfg(feature = "postgres")]
use super::connect;
use super::{AnyConnection, DatabaseUrl};
use crate::error::Error;

/// Diesel's own table, which says what was migrated.
const MIGRATIONS_TABLE: &str = "__diesel_schema_migrations";

/// How far a database is ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schema {
    /// No such file, or no table in it.
    Absent,
    /// Somebody else's tables, or ours of an earlier version.
    Outdated,
    /// Every migration is applied.
    Current,
}

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

/// Which schema the database has.
///
/// # Errors
/// One line for the operator.
pub fn schema(url: &DatabaseUrl) -> Result<Schema, String> {
    let Some(mut db) = open_untouched(url)? else {
        return Ok(Schema::Absent);
    };
    let tables = tables(&mut db).map_err(|e| format!("cannot read the database: {e}"))?;
    // Asking diesel makes its table where that is missing.
    let is_current = tables.contains(MIGRATIONS_TABLE) && db.is_migrated();
    Ok(match (tables.is_empty(), is_current) {
        (true, _) => Schema::Absent,
        (_, true) => Schema::Current,
        _ => Schema::Outdated,
    })
}

/// A connection that changes no setting of the database; none when there is no such file.
///
/// # Errors
/// One line for the operator.
pub fn open_untouched(url: &DatabaseUrl) -> Result<Option<AnyConnection>, String> {
    let opened = match url {
        DatabaseUrl::Sqlite(path) if !path.exists() => return Ok(None),
        DatabaseUrl::Sqlite(path) => {
            SqliteConnection::establish(&existing(path)).and_then(|mut db| {
                db.batch_execute("PRAGMA busy_timeout = 4000; PRAGMA schema_version")
                    .map_err(ConnectionError::CouldntSetupConfiguration)?;
                Ok(AnyConnection::Sqlite(db))
            })
        }
        #[cfg(feature = "postgres")]
        DatabaseUrl::Postgres(url) => {
            let address = connect::within_limits(url);
            diesel::pg::PgConnection::establish(&address).map(AnyConnection::Postgres)
        }
    };
    opened
        .map(Some)
        .map_err(|e| format!("cannot open the database: {e}; name another with --database-url"))
}

/// SQLite's address of a file that it must not make.
fn existing(path: &Path) -> String {
    // What follows two slashes would be a host.
    let start = if path.is_absolute() {
        "file://"
    } else {
        "file:"
    };
    let mut address = String::from(start);
    for character in path.to_string_lossy().chars() {
        match character {
            '%' => address.push_str("%25"),
            '?' => address.push_str("%3f"),
            '#' => address.push_str("%23"),
            other => address.push(other),
        }
    }
    address + "?mode=rw"
}

/// The names of all tables and views but the database's own and its extensions'.
///
/// # Errors
/// What the database says.
pub fn tables(db: &mut AnyConnection) -> Result<BTreeSet<String>, Error> {
    let names: Vec<Name> = match db {
        AnyConnection::Sqlite(db) => diesel::sql_query(
            "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
        )
        .load(db)?,
        #[cfg(feature = "postgres")]
        AnyConnection::Postgres(db) => diesel::sql_query(
            "SELECT c.relname::text AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
             WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_' \
             AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')",
        )
        .load(db)?,
    };
    Ok(names.into_iter().map(|row| row.name).collect())
}

/// The names of the tables that the migrations make.
///
/// # Errors
/// One line for the operator.
pub fn own_tables() -> Result<BTreeSet<String>, String> {
    tables(&mut in_memory()?).map_err(|e| e.to_string())
}

/// An empty, migrated database that is gone with its connection.
///
/// # Errors
/// One line for the operator.
pub fn in_memory() -> Result<AnyConnection, String> {
    let cannot = |e: &dyn std::fmt::Display| format!("cannot make a database in memory: {e}");
    let mut db = SqliteConnection::establish(":memory:").map_err(|e| cannot(&e))?;
    db.batch_execute("PRAGMA foreign_keys = ON")
        .map_err(|e| cannot(&e))?;
    let mut db = AnyConnection::Sqlite(db);
    db.migrate()?;
    Ok(db)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_makes_no_file_and_no_table() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("of 100% #1?.db");
        let url = DatabaseUrl::Sqlite(path.clone());
        assert_eq!(schema(&url), Ok(Schema::Absent));
        assert!(!path.exists());
        std::fs::write(&path, "").unwrap();
        assert_eq!(schema(&url), Ok(Schema::Absent));
        assert_eq!(std::fs::read(&path).unwrap(), b"");
        let mut db = SqliteConnection::establish(&existing(&path)).unwrap();
        db.batch_execute("CREATE TABLE theirs (id INTEGER)")
            .unwrap();
        drop(db);
        let before = std::fs::read(&path).unwrap();
        assert_eq!(schema(&url), Ok(Schema::Outdated));
        assert_eq!(std::fs::read(&path).unwrap(), before);
        std::fs::write(&path, "no database, but a text").unwrap();
        let told = schema(&url).unwrap_err();
        assert!(
            told.contains("not a database") && told.contains("--database-url"),
            "{told}"
        );
    }

    #[test]
    fn the_tables_of_the_migrations_are_ours() {
        let ours = own_tables().unwrap();
        assert!(ours.contains("users") && ours.contains(MIGRATIONS_TABLE));
    }
}
