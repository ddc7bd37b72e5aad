//! Where a console keeps its data: every byte of it can be looked at.

use std::path::Path;

use crate::{app::TestDatabase, process};

/// A database, with the whole server to itself where it is PostgreSQL's.
pub struct Place {
    pub database: TestDatabase,
    #[cfg(feature = "postgres")]
    server: Option<crate::crash::Server>,
}

impl Place {
    pub fn new() -> Self {
        #[cfg(feature = "postgres")]
        if std::env::var_os("BILLING_TEST_DATABASE").is_some() {
            let server = crate::crash::Server::start();
            return Self {
                database: server.database(),
                server: Some(server),
            };
        }
        Self {
            database: TestDatabase::new(),
            #[cfg(feature = "postgres")]
            server: None,
        }
    }

    /// Parts of the names of those that hold rows.
    pub fn of_rows(&self) -> &[&str] {
        if self.database.url.starts_with("sqlite:") {
            &["/test.db", "/backup.db"]
        } else {
            &["/base/", "/pg_wal/", "the dump"]
        }
    }

    /// Name and bytes of all that lies on disk, and of a backup.
    pub fn at_rest(&self) -> Vec<(String, Vec<u8>)> {
        #[cfg(feature = "postgres")]
        if let Some(server) = &self.server {
            use diesel::connection::SimpleConnection;
            let mut db = self.database.open().connection().unwrap();
            db.batch_execute("CHECKPOINT").unwrap();
            let mut files = files_below(&server.data());
            files.push(("the dump".into(), server.dump()));
            return files;
        }
        let backup = self.database.folder.path().join("backup.db");
        let saved = process::run(&self.database, &["backup", &backup.display().to_string()]);
        assert!(saved.status.success(), "{}", process::told(&saved));
        files_below(self.database.folder.path())
    }
}

fn files_below(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            // PostgreSQL removes files of its own meanwhile.
            let Ok(bytes) = std::fs::read(&path) else {
                continue;
            };
            files.push((path.display().to_string(), bytes));
        }
    }
    files
}
