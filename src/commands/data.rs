//! `import`, `backup` and `check-config`.

use std::path::Path;

use diesel::prelude::*;

use super::{DEFAULT_DATABASE, Failure, open, open_existing};
use crate::{
    clock::{Clock, SystemClock},
    db::AnyConnection,
    error::Error,
    import,
    registration::terms::Terms,
    settings::{DatabaseFlag, ServeFlags, Settings},
};

/// Imports a file, all or nothing.
pub(super) fn import(file: &Path, dry_run: bool, database: &DatabaseFlag) -> Result<(), Failure> {
    let text = std::fs::read_to_string(file)
        .map_err(|e| Failure::Failed(format!("cannot read {}: {e}", file.display())))?;
    let document = import::read(&text).map_err(|faults| told(&faults))?;
    let db = open(&database.url(DEFAULT_DATABASE).map_err(Failure::Misused)?)?;
    db.migrate().map_err(Failure::Failed)?;
    let mut outcome = None;
    let written = db.transaction(|db| {
        let applied = import::apply(db, &document, SystemClock.now())?;
        let is_kept = applied.is_ok() && !dry_run;
        outcome = Some(applied);
        if is_kept {
            Ok(())
        } else {
            Err(Error::from(diesel::result::Error::RollbackTransaction))
        }
    });
    match outcome {
        Some(Ok(changes)) if written.is_ok() || dry_run => {
            let would = if dry_run {
                " (dry run: nothing was written)"
            } else {
                ""
            };
            println!("{} made, {} changed{would}", changes.made, changes.changed);
            Ok(())
        }
        Some(Err(faults)) => Err(told(&faults)),
        _ => Err(Failure::Failed(
            written
                .err()
                .map_or_else(String::new, |error| error.to_string()),
        )),
    }
}

/// Every fault on a line of its own, then one that counts them.
fn told(faults: &[String]) -> Failure {
    for fault in faults {
        eprintln!("{fault}");
    }
    Failure::Failed(format!(
        "nothing was imported: {} faults, listed above",
        faults.len()
    ))
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

/// Checks what `serve` would start with.
pub(super) fn check_config(
    flags: ServeFlags,
    database: &DatabaseFlag,
    online: bool,
) -> Result<(), Failure> {
    let settings = Settings::for_serve(flags).map_err(Failure::Misused)?;
    Terms::load(settings.terms_dir.as_deref()).map_err(Failure::Misused)?;
    let url = database.url(DEFAULT_DATABASE).map_err(Failure::Misused)?;
    if online && !open(&url)?.is_ready() {
        return Err(Failure::Failed(
            "the database's schema is not up to date: run `billing-console migrate`".into(),
        ));
    }
    println!("The configuration is in order.");
    Ok(())
}
