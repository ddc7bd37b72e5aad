//! How a connection is made and what is set on it.

use diesel::{
    connection::SimpleConnection,
    prelude::*,
    r2d2::{self, R2D2Connection},
    sqlite::SqliteConnection,
};

use super::{AnyConnection, DatabaseUrl};

/// Makes connections for the pool.
#[derive(Debug)]
pub struct Connector {
    url: DatabaseUrl,
}

impl Connector {
    pub(super) fn new(url: DatabaseUrl) -> Self {
        Self { url }
    }

    /// A file does not go away; a server that was restarted leaves dead connections in the pool.
    pub(super) fn needs_check(&self) -> bool {
        match self.url {
            DatabaseUrl::Sqlite(_) => false,
            #[cfg(feature = "postgres")]
            DatabaseUrl::Postgres(_) => true,
        }
    }

    /// A read of a file is work for a core; one of a server is mostly waiting.
    pub(super) fn readers(&self) -> usize {
        match self.url {
            DatabaseUrl::Sqlite(_) => {
                std::thread::available_parallelism().map_or(2, |cores| cores.get().clamp(2, 8))
            }
            #[cfg(feature = "postgres")]
            DatabaseUrl::Postgres(_) => 6,
        }
    }

    pub(super) fn writers(&self) -> usize {
        match self.url {
            DatabaseUrl::Sqlite(_) => 1,
            #[cfg(feature = "postgres")]
            DatabaseUrl::Postgres(_) => 4,
        }
    }
}

impl r2d2::ManageConnection for Connector {
    type Connection = AnyConnection;
    type Error = r2d2::Error;

    fn connect(&self) -> Result<AnyConnection, r2d2::Error> {
        match &self.url {
            DatabaseUrl::Sqlite(path) => {
                if let Some(folder) = path
                    .parent()
                    .filter(|folder| !folder.as_os_str().is_empty())
                {
                    std::fs::create_dir_all(folder).map_err(|e| {
                        r2d2::Error::ConnectionError(ConnectionError::BadConnection(e.to_string()))
                    })?;
                }
                let mut connection = SqliteConnection::establish(&path.to_string_lossy())
                    .map_err(r2d2::Error::ConnectionError)?;
                // busy_timeout first: the switch to WAL waits for its lock only with it.
                connection
                    .batch_execute(
                        "PRAGMA busy_timeout = 4000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
                         PRAGMA foreign_keys = ON; PRAGMA cache_size = -4096; PRAGMA secure_delete = ON;",
                    )
                    .map_err(r2d2::Error::QueryError)?;
                Ok(AnyConnection::Sqlite(connection))
            }
            #[cfg(feature = "postgres")]
            DatabaseUrl::Postgres(url) => {
                let mut connection = diesel::pg::PgConnection::establish(&within_limits(url))
                    .map_err(r2d2::Error::ConnectionError)?;
                // Whoever stops within a transaction loses it: `payment_methods::events` counts on that.
                connection
                    .batch_execute(
                        "SET TIME ZONE 'UTC'; SET lock_timeout = '4s'; SET synchronous_commit = on; \
                         SET idle_in_transaction_session_timeout = '30s';",
                    )
                    .map_err(r2d2::Error::QueryError)?;
                Ok(AnyConnection::Postgres(connection))
            }
        }
    }

    fn is_valid(&self, connection: &mut AnyConnection) -> Result<(), r2d2::Error> {
        connection.ping().map_err(r2d2::Error::QueryError)
    }

    fn has_broken(&self, connection: &mut AnyConnection) -> bool {
        std::thread::panicking() || connection.is_broken()
    }
}

/// libpq waits for ever by itself: for a server that does not take a connection, and for one that a broken network
/// no longer reaches. And it looks for Kerberos credentials first, in a library that aborts the process when that ends
/// meanwhile. What the operator's address says counts.
#[cfg(feature = "postgres")]
pub(super) fn within_limits(url: &str) -> String {
    let mut address = url.to_owned();
    for (name, value) in [
        ("connect_timeout", "5"),
        ("tcp_user_timeout", "10000"),
        ("keepalives_idle", "10"),
        ("keepalives_interval", "3"),
        ("keepalives_count", "3"),
        ("gssencmode", "disable"),
    ] {
        if !url.contains(&[name, "="].concat()) {
            let mark = if address.contains('?') { '&' } else { '?' };
            address.push(mark);
            address.push_str(&[name, "=", value].concat());
        }
    }
    address
}

/// The pool retries by itself; one line says why.
#[derive(Debug)]
pub(super) struct LogPoolError;

impl<E: std::fmt::Display> r2d2::HandleError<E> for LogPoolError {
    fn handle_error(&self, error: E) {
        log::warn!("database connection failed: {error}");
    }
}

#[cfg(all(test, feature = "postgres"))]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_is_not_reached_is_given_up_unless_its_address_says_otherwise() {
        let limits = "tcp_user_timeout=10000&keepalives_idle=10&keepalives_interval=3&keepalives_count=3\
                      &gssencmode=disable";
        assert_eq!(
            within_limits("postgres://host/db"),
            format!("postgres://host/db?connect_timeout=5&{limits}")
        );
        assert_eq!(
            within_limits("postgres://host/db?sslmode=require&connect_timeout=60"),
            format!("postgres://host/db?sslmode=require&connect_timeout=60&{limits}")
        );
    }
}
