//! `serve`, `demo` and `healthcheck`.

use std::{
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use actix_web::web::Data;
use zeroize::Zeroizing;

use super::{DEFAULT_DATABASE, Failure, open, outdated};
use crate::{
    app::{self, Services},
    clock::{Clock, SystemClock},
    db::{Database, DatabaseUrl, look},
    demo::{self, Origin},
    error::Error,
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
    let (listener, settings) = listen(settings)?;
    let db = open(&url)?;
    if !no_migrate {
        db.migrate().map_err(Failure::Failed)?;
    } else if !db.is_ready() {
        return Err(outdated());
    }
    let origin = db.snapshot(demo::origin).map_err(|e| unreadable(&e))?;
    if origin == Origin::Demo {
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
    let key = DemoKey::find(&url)?;
    let settings = Settings::for_demo(flags, key.key.clone()).map_err(Failure::Misused)?;
    let (listener, settings) = listen(settings)?;
    // Nothing is written, not even the key, before everything is known to be the demo's own.
    let origin = origin_untouched(&url)?;
    if origin == Origin::Own {
        return Err(Failure::Misused(
            "the demo refuses this database: it is not empty and demo did not make it; name another with --database-url".into(),
        ));
    }
    key.keep()?;
    let db = open(&url)?;
    prepare(&db, origin, fresh)?;
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

fn origin_untouched(url: &DatabaseUrl) -> Result<Origin, Failure> {
    match look::open_untouched(url).map_err(Failure::Failed)? {
        Some(mut db) => demo::origin(&mut db).map_err(|e| unreadable(&e)),
        None => Ok(Origin::Empty),
    }
}

/// Brings the demo's database up to date; fills it where it is empty or to start over, in which case the file and its
/// pool stay the same.
fn prepare(db: &Database, origin: Origin, fresh: bool) -> Result<(), Failure> {
    let mut loan = db
        .connection()
        .map_err(|e| Failure::Failed(e.to_string()))?;
    if fresh && origin == Origin::Demo {
        loan.revert_all().map_err(Failure::Failed)?;
    }
    loan.migrate().map_err(Failure::Failed)?;
    if fresh || origin == Origin::Empty {
        demo::fill(&mut loan, SystemClock::default().now())
            .map_err(|e| Failure::Failed(format!("cannot fill the demo database: {e}")))?;
    }
    Ok(())
}

fn unreadable(error: &Error) -> Failure {
    Failure::Failed(format!("cannot read the database: {error}"))
}

/// The key that the operator set, else the one beside the demo's database, made on first use.
struct DemoKey {
    key: SecretKey,
    /// Where a new one goes, and its digits.
    unwritten: Option<(PathBuf, Zeroizing<String>)>,
}

impl DemoKey {
    fn find(url: &DatabaseUrl) -> Result<Self, Failure> {
        let known = |digits: &str| {
            let key = SecretKey::from_hex(digits).map_err(Failure::Misused)?;
            Ok(Self {
                key,
                unwritten: None,
            })
        };
        if let Some(digits) = secret("BILLING_SECRET_KEY").map_err(Failure::Misused)? {
            return known(&digits);
        }
        let path = match url {
            DatabaseUrl::Sqlite(path) => path.with_file_name("demo.key"),
            #[cfg(feature = "postgres")]
            DatabaseUrl::Postgres(_) => PathBuf::from("var/demo.key"),
        };
        match std::fs::read_to_string(&path) {
            Ok(digits) => known(&digits),
            Err(e) if e.kind() == ErrorKind::NotFound => {
                let digits = SecretKey::generate().map_err(Failure::Failed)?;
                Ok(Self {
                    key: SecretKey::from_hex(&digits).map_err(Failure::Failed)?,
                    unwritten: Some((path, digits)),
                })
            }
            Err(e) => Err(cannot_keep(&path, &e)),
        }
    }

    fn keep(self) -> Result<(), Failure> {
        match self.unwritten {
            Some((path, digits)) => {
                write_private(&path, digits.as_bytes()).map_err(|e| cannot_keep(&path, &e))
            }
            None => Ok(()),
        }
    }
}

fn cannot_keep(path: &Path, error: &std::io::Error) -> Failure {
    Failure::Failed(format!("cannot keep a key at {}: {error}", path.display()))
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

fn listen(settings: Settings) -> Result<(TcpListener, Settings), Failure> {
    let wanted = settings.listen;
    let bound = TcpListener::bind(wanted)
        .and_then(|listener| listener.local_addr().map(|address| (listener, address)));
    match bound {
        Ok((listener, address)) => Ok((listener, settings.listening_on(address))),
        Err(e) if e.kind() == ErrorKind::AddrInUse => Err(Failure::Failed(format!(
            "{wanted} is taken: choose another address with --listen"
        ))),
        Err(e) => Err(Failure::Failed(format!(
            "cannot listen on {wanted}: {e}; choose another address with --listen"
        ))),
    }
}

fn run(
    settings: Settings,
    db: Database,
    listener: TcpListener,
    greeting: impl FnOnce(&str) -> String,
) -> Result<(), Failure> {
    leave_no_core_dump();
    take_every_descriptor();
    let address = settings.base_url.clone();
    let services =
        Services::new(settings, db, Arc::new(SystemClock::default())).map_err(Failure::Misused)?;
    services
        .follow_clock()
        .map_err(|e| Failure::Failed(e.to_string()))?;
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

/// Each connection takes two descriptors, and the usual soft limit of 1,024 is for programs that use `select`.
fn take_every_descriptor() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let maximum = getrlimit(Resource::Nofile).maximum;
    let all = Rlimit {
        current: maximum,
        maximum,
    };
    if let Err(e) = setrlimit(Resource::Nofile, all) {
        log::warn!("the limit of open files stays as it is: {e}");
    }
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
        let question =
            format!("GET /readyz HTTP/1.1\r\nHost: {listen}\r\nConnection: close\r\n\r\n");
        stream.write_all(question.as_bytes())?;
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
