//! `serve`, `demo` and `healthcheck`.

use std::{
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use actix_web::web::Data;

use super::{DEFAULT_DATABASE, Failure, open};
use crate::{
    app::{self, Services},
    clock::{Clock, SystemClock},
    db::{Database, DatabaseUrl},
    demo::{self, Origin},
    secrets::SecretKey,
    settings::{DatabaseFlag, ServeFlags, Settings, secret},
};

/// The demo's database.
const DEMO_DATABASE: &str = "sqlite:var/demo.db";

pub(super) fn serve(
    flags: ServeFlags,
    database: &DatabaseFlag,
    no_migrate: bool,
) -> Result<(), Failure> {
    let settings = Settings::for_serve(flags).map_err(Failure::Misused)?;
    let url = database.url(DEFAULT_DATABASE).map_err(Failure::Misused)?;
    let listener = listen(settings.listen)?;
    let db = open(&url)?;
    if !no_migrate {
        db.migrate().map_err(Failure::Failed)?;
    } else if !db.is_ready() {
        return Err(Failure::Failed(
            "the database's schema is not up to date: run `billing-console migrate`".into(),
        ));
    }
    if origin(&db)? == Origin::Demo {
        if !settings.is_loopback() {
            return Err(Failure::Misused(
                "this database was made by demo, whose passwords everybody knows: use another --database-url".into(),
            ));
        }
        log::warn!("this database was made by demo; its passwords are known to everybody");
    }
    run(settings, db, listener, |address| {
        format!("Billing console on {address}\n")
    })
}

pub(super) fn demo(flags: ServeFlags, database: &DatabaseFlag, fresh: bool) -> Result<(), Failure> {
    let url = database.url(DEMO_DATABASE).map_err(Failure::Misused)?;
    let key = demo_key(&url)?;
    let settings = Settings::for_demo(flags, key).map_err(Failure::Misused)?;
    let listener = listen(settings.listen)?;
    let db = open(&url)?;
    db.migrate().map_err(Failure::Failed)?;
    if fresh && origin(&db)? == Origin::Demo {
        start_over(&db)?;
    }
    match origin(&db)? {
        Origin::Own => {
            return Err(Failure::Misused(
                "the demo refuses this database: it is not empty and demo did not make it; name another with --database-url".into(),
            ));
        }
        Origin::Demo => {}
        Origin::Empty => {
            let mut loan = db
                .connection()
                .map_err(|e| Failure::Failed(e.to_string()))?;
            demo::fill(&mut loan, SystemClock.now())
                .map_err(|e| Failure::Failed(format!("cannot fill the demo database: {e}")))?;
        }
    }
    run(settings, db, listener, |address| {
        let accounts: String = demo::ACCOUNTS
            .iter()
            .map(|account| format!("  {}\n", account.email))
            .collect();
        format!(
            "Billing console, demo: {address}\nAccounts, each with the password {}:\n{accounts}",
            demo::PASSWORD
        )
    })
}

fn origin(db: &Database) -> Result<Origin, Failure> {
    db.transaction(demo::origin)
        .map_err(|e| Failure::Failed(format!("cannot read the database: {e}")))
}

/// Reverts and applies every migration: the file and its pool stay the same.
fn start_over(db: &Database) -> Result<(), Failure> {
    {
        let mut loan = db
            .connection()
            .map_err(|e| Failure::Failed(e.to_string()))?;
        loan.revert_all().map_err(Failure::Failed)?;
    }
    db.migrate().map_err(Failure::Failed)?;
    Ok(())
}

/// The key that the operator set, else the one beside the demo's database, made on first use.
fn demo_key(url: &DatabaseUrl) -> Result<SecretKey, Failure> {
    if let Some(key) = secret("BILLING_SECRET_KEY").map_err(Failure::Misused)? {
        return SecretKey::from_hex(&key).map_err(Failure::Misused);
    }
    let path = match url {
        DatabaseUrl::Sqlite(path) => path.with_file_name("demo.key"),
        #[cfg(feature = "postgres")]
        DatabaseUrl::Postgres(_) => PathBuf::from("var/demo.key"),
    };
    let cannot = |e: &dyn std::fmt::Display| {
        Failure::Failed(format!("cannot keep a key at {}: {e}", path.display()))
    };
    match std::fs::read_to_string(&path) {
        Ok(key) => SecretKey::from_hex(&key).map_err(Failure::Misused),
        Err(e) if e.kind() == ErrorKind::NotFound => {
            let key = SecretKey::generate().map_err(Failure::Failed)?;
            write_private(&path, key.as_bytes()).map_err(|e| cannot(&e))?;
            SecretKey::from_hex(&key).map_err(Failure::Failed)
        }
        Err(e) => Err(cannot(&e)),
    }
}

/// Writes a file that only its owner reads.
pub(super) fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    if let Some(folder) = path
        .parent()
        .map(PathBuf::from)
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?
        .write_all(bytes)
}

fn listen(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).map_err(|e| match e.kind() {
        ErrorKind::AddrInUse => Failure::Failed(format!(
            "{address} is taken: choose another address with --listen"
        )),
        _ => Failure::Failed(format!(
            "cannot listen on {address}: {e}; choose another address with --listen"
        )),
    })
}

fn run(
    settings: Settings,
    db: Database,
    listener: TcpListener,
    greeting: impl FnOnce(&str) -> String,
) -> Result<(), Failure> {
    leave_no_core_dump();
    let address = settings.base_url.clone();
    let services = Services::new(settings, db, Arc::new(SystemClock)).map_err(Failure::Misused)?;
    let greeting = greeting(&address);
    let greet = || {
        // Nobody may be listening to standard output; the console runs all the same.
        let _ = std::io::stdout()
            .write_all(greeting.as_bytes())
            .and_then(|()| std::io::stdout().flush());
    };
    actix_web::rt::System::new()
        .block_on(app::serve(Data::new(services), listener, greet))
        .map_err(Failure::Failed)
}

/// A crash must not write to disk what memory held: card numbers pass through it.
fn leave_no_core_dump() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    if let Err(e) = setrlimit(Resource::Core, none) {
        log::warn!("core dumps could not be turned off: {e}");
    }
}

pub(super) fn healthcheck(listen: SocketAddr) -> Result<(), Failure> {
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect_timeout(&listen, Duration::from_secs(3))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        write!(
            stream,
            "GET /readyz HTTP/1.1\r\nHost: {listen}\r\nConnection: close\r\n\r\n"
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    match ask() {
        Ok(answer) if answer.starts_with("HTTP/1.1 200") => Ok(()),
        Ok(_) => Err(Failure::Failed(format!(
            "the console on {listen} is not ready"
        ))),
        Err(e) => Err(Failure::Failed(format!(
            "no console answers on {listen}: {e}"
        ))),
    }
}
