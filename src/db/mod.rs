//! The database: one connection type for SQLite and PostgreSQL, one pool, the migrations inside the binary.

mod connect;
pub mod look;
pub mod schema;

use std::{path::PathBuf, time::Duration};

use chrono::NaiveDateTime;
#[cfg(feature = "postgres")]
use diesel::sql_types::Timestamp;
use diesel::{
    connection::{AnsiTransactionManager, SimpleConnection, TransactionManager},
    prelude::*,
    r2d2,
    result::Error as DieselError,
    sqlite::SqliteConnection,
};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

pub use connect::Connector;
use connect::LogPoolError;

use crate::error::Error;

const SQLITE_MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
#[cfg(feature = "postgres")]
const POSTGRES_MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/postgres");

/// A connection to whichever database the operator chose; every query is written once for both.
#[derive(diesel::MultiConnection)]
pub enum AnyConnection {
    /// The bundled SQLite.
    Sqlite(SqliteConnection),
    /// PostgreSQL through libpq.
    #[cfg(feature = "postgres")]
    Postgres(diesel::pg::PgConnection),
}

/// Runs a query on the connection inside an [`AnyConnection`]. There diesel finds the prepared statement by
/// the query's type; through the enum it writes the statement's text three times first, which costs more
/// than SQLite takes to answer. For the two queries behind every page.
macro_rules! planned_once {
    ($db:expr, $query:expr, $load:ident) => {
        match $db {
            $crate::db::AnyConnection::Sqlite(inner) => $query.$load(inner),
            #[cfg(feature = "postgres")]
            $crate::db::AnyConnection::Postgres(inner) => $query.$load(inner),
        }
    };
}
pub(crate) use planned_once;

/// Where the database is, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// A file; its folder is made on first use.
    Sqlite(PathBuf),
    /// A `postgres://` address.
    #[cfg(feature = "postgres")]
    Postgres(String),
}

impl std::str::FromStr for DatabaseUrl {
    type Err = String;

    fn from_str(url: &str) -> Result<Self, String> {
        if let Some(path) = url.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            if path.is_empty() || path == ":memory:" {
                return Err("the database URL names no file: use sqlite:var/billing.db".into());
            }
            return Ok(Self::Sqlite(path.into()));
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            #[cfg(feature = "postgres")]
            return Ok(Self::Postgres(url.into()));
            #[cfg(not(feature = "postgres"))]
            return Err("this build has no PostgreSQL: build it with --features postgres, or use sqlite:PATH".into());
        }
        Err("the database URL must begin with sqlite: or postgres://".into())
    }
}

/// The pool of connections. Cheap to clone.
#[derive(Clone)]
pub struct Database {
    pool: r2d2::Pool<Connector>,
    readers: usize,
    writers: usize,
}

/// A connection on loan from the pool.
pub type Loan = r2d2::PooledConnection<Connector>;

impl Database {
    /// Opens the pool. Connects once, so that a wrong address is told here.
    ///
    /// # Errors
    /// One line for the operator.
    pub fn open(url: &DatabaseUrl) -> Result<Self, String> {
        let connector = Connector::new(url.clone());
        r2d2::ManageConnection::connect(&connector)
            .map_err(|e| format!("cannot open the database: {e}"))?;
        let (readers, writers) = (connector.readers(), connector.writers());
        // Those who read, those who write, the worker's threads, and some for whoever a provider just answered.
        let pool = r2d2::Pool::builder()
            .max_size(16)
            .min_idle(Some(1))
            .connection_timeout(Duration::from_secs(2))
            .test_on_check_out(connector.needs_check())
            .error_handler(Box::new(LogPoolError))
            .build_unchecked(connector);
        Ok(Self {
            pool,
            readers,
            writers,
        })
    }

    /// How many threads it is worth to read with.
    pub fn readers(&self) -> usize {
        self.readers
    }

    /// How many writers it is worth letting in at once: SQLite has one lock for all.
    pub fn writers(&self) -> usize {
        self.writers
    }

    /// A connection, after at most 2 s.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when none came free.
    pub fn connection(&self) -> Result<Loan, Error> {
        self.pool
            .get()
            .map_err(|e| Error::Unavailable(e.to_string()))
    }

    /// [`AnyConnection::write`] on a connection of the pool.
    ///
    /// # Errors
    /// What `work` gives, or [`Error::Unavailable`]; [`Error::Unanswered`] when the connection was lost while it
    /// committed.
    pub fn write<T>(
        &self,
        work: impl FnOnce(&mut AnyConnection) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut loan = self.connection()?;
        let connection: &mut AnyConnection = &mut loan;
        let mut is_committing = false;
        let done = connection.write(|db| {
            let done = work(db)?;
            is_committing = true;
            Ok(done)
        });
        if is_committing && r2d2::R2D2Connection::is_broken(connection) {
            return done.map_err(Error::after_a_change);
        }
        done
    }

    /// [`AnyConnection::snapshot`] on a connection of the pool.
    ///
    /// # Errors
    /// What `work` gives, or [`Error::Unavailable`].
    pub fn snapshot<T>(
        &self,
        work: impl FnOnce(&mut AnyConnection) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut loan = self.connection()?;
        let connection: &mut AnyConnection = &mut loan;
        connection.snapshot(work)
    }

    /// [`Self::write`] for what is better left out than waited for: it gives up after 100 ms where
    /// another process holds the lock.
    ///
    /// # Errors
    /// What `work` gives, or [`Error::Unavailable`].
    pub fn soon(
        &self,
        work: impl FnOnce(&mut AnyConnection) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut loan = self.connection()?;
        let connection: &mut AnyConnection = &mut loan;
        connection.wait_at_most(SHORT_WAIT)?;
        let done = connection.write(work);
        connection.wait_at_most(LOCK_WAIT)?;
        done
    }

    /// Brings the schema up to date; how many migrations were applied.
    ///
    /// # Errors
    /// One line for the operator.
    pub fn migrate(&self) -> Result<usize, String> {
        let mut connection = self.pool.get().map_err(|e| e.to_string())?;
        connection.migrate()
    }

    /// The time of the server's clock (UTC); none for a file, which has its machine's.
    ///
    /// # Errors
    /// [`Error::Unavailable`]
    pub fn now(&self) -> Result<Option<NaiveDateTime>, Error> {
        let mut loan = self.connection()?;
        let connection: &mut AnyConnection = &mut loan;
        match connection {
            AnyConnection::Sqlite(_) => Ok(None),
            #[cfg(feature = "postgres")]
            AnyConnection::Postgres(server) => Ok(Some(
                diesel::select(diesel::dsl::sql::<Timestamp>(
                    "clock_timestamp() AT TIME ZONE 'UTC'",
                ))
                .get_result(server)?,
            )),
        }
    }

    /// Whether the database answers and its schema is up to date.
    pub fn is_ready(&self) -> bool {
        fail::fail_point!("ready-asked");
        self.pool
            .get()
            .is_ok_and(|mut connection| connection.is_migrated())
    }
}

/// How long a write waits for another one's lock, in milliseconds.
const LOCK_WAIT: u16 = 4000;
/// The same for a write that a page does not depend on.
const SHORT_WAIT: u16 = 100;

impl AnyConnection {
    /// Runs `work` in one transaction that may write; of two on SQLite the second waits for the first. SQLite's lock is
    /// taken before anything is read: who reads first and then writes is not let wait, but fails at once.
    ///
    /// # Errors
    /// What `work` gives, or [`Error::Unavailable`]; nothing is changed then.
    pub fn write<T, E: From<DieselError>>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<T, E> {
        self.within("BEGIN IMMEDIATE", "BEGIN", work)
    }

    /// Runs `work` on the database as it is at one moment, whatever others commit meanwhile.
    ///
    /// # Errors
    /// What `work` gives, or [`Error::Unavailable`].
    pub fn snapshot<T, E: From<DieselError>>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<T, E> {
        let on_postgres = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY";
        self.within("BEGIN", on_postgres, work)
    }

    fn within<T, E: From<DieselError>>(
        &mut self,
        on_sqlite: &str,
        #[cfg_attr(
            not(feature = "postgres"),
            allow(unused_variables, reason = "SQLite alone")
        )]
        on_postgres: &str,
        work: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<T, E> {
        type Manager = <AnyConnection as Connection>::TransactionManager;
        match self {
            Self::Sqlite(db) => AnsiTransactionManager::begin_transaction_sql(db, on_sqlite),
            #[cfg(feature = "postgres")]
            Self::Postgres(db) => AnsiTransactionManager::begin_transaction_sql(db, on_postgres),
        }?;
        match work(self) {
            Ok(done) => {
                Manager::commit_transaction(self)?;
                Ok(done)
            }
            Err(error) => match Manager::rollback_transaction(self) {
                // What was lost with its connection is rolled back, too.
                Ok(()) | Err(DieselError::BrokenTransactionManager) => Err(error),
                Err(not_rolled_back) => Err(not_rolled_back.into()),
            },
        }
    }

    fn wait_at_most(&mut self, milliseconds: u16) -> Result<(), Error> {
        let statement = match self {
            Self::Sqlite(_) => format!("PRAGMA busy_timeout = {milliseconds}"),
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => format!("SET lock_timeout = '{milliseconds}ms'"),
        };
        self.batch_execute(&statement)?;
        Ok(())
    }

    /// Whether every migration is applied.
    pub fn is_migrated(&mut self) -> bool {
        let pending = match self {
            Self::Sqlite(c) => c.has_pending_migration(SQLITE_MIGRATIONS),
            #[cfg(feature = "postgres")]
            Self::Postgres(c) => c.has_pending_migration(POSTGRES_MIGRATIONS),
        };
        matches!(pending, Ok(false))
    }

    /// Applies every migration that is not applied yet.
    ///
    /// # Errors
    /// One line for the operator.
    pub fn migrate(&mut self) -> Result<usize, String> {
        match self {
            Self::Sqlite(c) => c
                .run_pending_migrations(SQLITE_MIGRATIONS)
                .map(|done| done.len()),
            #[cfg(feature = "postgres")]
            Self::Postgres(c) => {
                // Two nodes that start together take turns, however long the first one takes.
                c.batch_execute("SET lock_timeout = 0; SELECT pg_advisory_lock(8675420)")
                    .map_err(|e| e.to_string())?;
                let applied = c
                    .run_pending_migrations(POSTGRES_MIGRATIONS)
                    .map(|done| done.len());
                c.batch_execute("SELECT pg_advisory_unlock(8675420); SET lock_timeout = '4s'")
                    .map_err(|e| e.to_string())?;
                applied
            }
        }
        .map_err(|e| format!("cannot migrate the database: {e}"))
    }

    /// Reverts every migration, the newest first. For tests of the migrations.
    ///
    /// # Errors
    /// What the database says.
    pub fn revert_all(&mut self) -> Result<usize, String> {
        match self {
            Self::Sqlite(c) => c
                .revert_all_migrations(SQLITE_MIGRATIONS)
                .map(|undone| undone.len()),
            #[cfg(feature = "postgres")]
            Self::Postgres(c) => c
                .revert_all_migrations(POSTGRES_MIGRATIONS)
                .map(|undone| undone.len()),
        }
        .map_err(|e| e.to_string())
    }
}

#[cfg(test)]
impl AnyConnection {
    /// An empty database of a unit test's own.
    pub fn in_memory() -> Self {
        let mut db = Self::Sqlite(SqliteConnection::establish(":memory:").unwrap());
        db.migrate().unwrap();
        db
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_url_names_a_file_or_a_server() {
        assert_eq!(
            "sqlite:var/x.db".parse(),
            Ok(DatabaseUrl::Sqlite("var/x.db".into()))
        );
        assert!("mysql://x".parse::<DatabaseUrl>().is_err());
        assert!("sqlite:".parse::<DatabaseUrl>().is_err());
    }

    #[cfg(not(feature = "postgres"))]
    #[test]
    fn a_build_without_postgres_says_so_in_one_line() {
        let told = "postgres://localhost/x".parse::<DatabaseUrl>().unwrap_err();
        assert!(told.contains("--features postgres") && !told.contains('\n'));
    }
}
