//! `import` and `backup`.

use std::path::Path;

use diesel::prelude::*;

use super::{DEFAULT_DATABASE, Failure, open, open_existing, outdated};
use crate::{
    clock::{Clock, SystemClock},
    db::{
        AnyConnection,
        look::{self, Schema},
    },
    error::Error,
    import::{self, Changes, Document},
    settings::DatabaseFlag,
};

/// Imports a file, all or nothing. A dry run makes no database and brings none up to date.
pub(super) fn import(file: &Path, dry_run: bool, database: &DatabaseFlag) -> Result<(), Failure> {
    let text = std::fs::read_to_string(file)
        .map_err(|e| Failure::Failed(format!("cannot read {}: {e}", file.display())))?;
    let document = import::read(&text).map_err(|faults| told(&faults))?;
    let url = database.url(DEFAULT_DATABASE).map_err(Failure::Misused)?;
    if !dry_run {
        let db = open(&url)?;
        db.migrate().map_err(Failure::Failed)?;
        let changes = db
            .connection()
            .and_then(|mut db| write(&mut db, &document, true));
        println!("{}", counted(changes)?);
        return Ok(());
    }
    let changes = match look::schema(&url).map_err(Failure::Failed)? {
        Schema::Outdated => return Err(outdated()),
        Schema::Current => open(&url)?
            .connection()
            .and_then(|mut db| write(&mut db, &document, false)),
        // Against one as empty as the one that would be made.
        Schema::Absent => write(
            &mut look::in_memory().map_err(Failure::Failed)?,
            &document,
            false,
        ),
    };
    println!("{} (dry run: nothing was written)", counted(changes)?);
    Ok(())
}

/// Applies the document in one transaction, which is rolled back unless it is to be kept and has no fault.
fn write(
    db: &mut AnyConnection,
    document: &Document,
    is_kept: bool,
) -> Result<Result<Changes, Vec<String>>, Error> {
    let mut outcome = None;
    let written = db.write(|db| {
        let applied = import::apply(db, document, SystemClock::default().now())?;
        let is_good = applied.is_ok();
        outcome = Some(applied);
        if is_kept && is_good {
            Ok(())
        } else {
            Err(Error::from(diesel::result::Error::RollbackTransaction))
        }
    });
    match outcome {
        Some(applied) if written.is_ok() || !is_kept || applied.is_err() => Ok(applied),
        _ => written.and(Err(Error::Internal("the import was not written".into()))),
    }
}

fn counted(changes: Result<Result<Changes, Vec<String>>, Error>) -> Result<String, Failure> {
    let changes = changes
        .map_err(|error| Failure::Failed(error.to_string()))?
        .map_err(|faults| told(&faults))?;
    Ok(format!(
        "{} made, {} changed",
        changes.made, changes.changed
    ))
}

/// Every fault on a line of its own, then one that counts them.
fn told(faults: &[String]) -> Failure {
    for fault in faults {
        eprintln!("{fault}");
    }
    let count = match faults.len() {
        1 => "1 fault".to_owned(),
        several => format!("{several} faults"),
    };
    Failure::Failed(format!("nothing was imported: {count}, listed above"))
}

/// Copies the database while it is in use.
pub(super) fn backup(file: &Path, database: &DatabaseFlag) -> Result<(), Failure> {
    let db = open_existing(database)?;
    let mut loan = db
        .connection()
        .map_err(|e| Failure::Failed(e.to_string()))?;
    let connection: &mut AnyConnection = &mut loan;
    match connection {
        AnyConnection::Sqlite(sqlite) => {
            super::console::write_private(file, &[])
                .map_err(|e| Failure::Failed(format!("cannot write {}: {e}", file.display())))?;
            diesel::sql_query("VACUUM INTO ?")
                .bind::<diesel::sql_types::Text, _>(file.to_string_lossy())
                .execute(sqlite)
                .map_err(|e| Failure::Failed(format!("cannot write {}: {e}", file.display())))?;
            println!("The database is saved in {}.", file.display());
            Ok(())
        }
        #[cfg(feature = "postgres")]
        AnyConnection::Postgres(_) => Err(Failure::Misused(
            "a PostgreSQL database is saved with pg_dump, restored with pg_restore".into(),
        )),
    }
}
