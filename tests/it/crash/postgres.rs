//! PostgreSQL that goes away and comes back: stopped and started, cut off, and silent.
//!
//! With a server of their own; only where the tests run on PostgreSQL.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Mutex,
    time::{Duration, Instant},
};

use billing_console::error::Error;
use diesel::{Connection, RunQueryDsl};

use super::{
    console::{Process, ask, lasting_ports, wait_for},
    invariants,
    proxy::{Line, Proxy},
    site::{Program, Site},
};
use crate::{
    app::TestDatabase,
    person::{Person, card},
};

const TAB: &str = "/billing/payment-methods";

/// A PostgreSQL server of a test's own, stopped when it ends.
pub struct Server {
    programs: PathBuf,
    folder: tempfile::TempDir,
    address: SocketAddr,
    running: Mutex<Option<Child>>,
}

impl Server {
    pub fn start() -> Self {
        let server = Self {
            programs: programs(),
            folder: tempfile::tempdir().unwrap(),
            address: ([127, 0, 0, 1], lasting_ports(1)[0]).into(),
            running: Mutex::default(),
        };
        if is_root() {
            let owned = Command::new("chown")
                .arg("postgres")
                .arg(server.folder.path())
                .status();
            assert!(owned.unwrap().success());
        }
        server.run(
            "initdb",
            &[
                "-U",
                "postgres",
                "--auth=trust",
                "--encoding=UTF8",
                "--locale=C",
                "--no-sync",
            ],
        );
        server.begin();
        server
    }

    /// As a child of the test: what ends the test's group ends it, too.
    fn begin(&self) {
        let port = self.address.port().to_string();
        let sockets = format!("unix_socket_directories={}", self.folder.path().display());
        let settings = [
            "-p",
            &port,
            "-c",
            "listen_addresses=127.0.0.1",
            "-c",
            &sockets,
            "-c",
            "fsync=off",
            "-c",
            "logging_collector=on",
        ];
        let running = self.command("postgres", &settings).spawn().unwrap();
        *self.running.lock().unwrap() = Some(running);
        wait_for("PostgreSQL", || {
            diesel::PgConnection::establish(&Self::url_at(self.address)).is_ok()
        });
    }

    /// `immediate` is a crash: connections are dropped, the server recovers when it starts.
    fn stop(&self, mode: &str) {
        self.run("pg_ctl", &["-w", "-t", "60", "-m", mode, "stop"]);
        if let Some(mut running) = self.running.lock().unwrap().take() {
            running.wait().unwrap();
        }
    }

    fn run(&self, program: &str, args: &[&str]) {
        let status = self.command(program, args).status();
        assert!(status.unwrap().success(), "{program} {args:?}");
    }

    /// PostgreSQL refuses to run as root.
    fn command(&self, program: &str, args: &[&str]) -> Command {
        let program = self.programs.join(program);
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        command
            .args(["-D", &self.file("data")])
            .args(args)
            .current_dir("/")
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    }

    /// Its one database.
    pub fn database(&self) -> TestDatabase {
        TestDatabase {
            url: Self::url_at(self.address),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// All its files, its log among them.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub fn dump(&self) -> Vec<u8> {
        let dump = Command::new(self.programs.join("pg_dump"))
            .args(["--dbname", &Self::url_at(self.address)])
            .output()
            .unwrap();
        assert!(dump.status.success(), "{dump:?}");
        dump.stdout
    }

    fn file(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn url_at(address: SocketAddr) -> String {
        format!("postgres://postgres@{address}/postgres")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let stopped =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.stop("immediate")));
        if stopped.is_err() {
            eprintln!("PostgreSQL at {} was not running", self.address);
        }
    }
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout == b"0\n"
}

/// Debian keeps the server's programs out of PATH.
fn programs() -> PathBuf {
    let mut found: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .map(|version| version.unwrap().path().join("bin"))
        .collect();
    found.sort();
    let on_path = Command::new("pg_config").arg("--bindir").output().ok();
    found.extend(
        on_path.map(|told| PathBuf::from(String::from_utf8(told.stdout).unwrap().trim_end())),
    );
    found
        .into_iter()
        .rev()
        .find(|folder| folder.join("pg_ctl").exists() && Path::new(folder).join("initdb").exists())
        .expect("PostgreSQL's programs")
}

/// A console that reaches its database through a proxy, and somebody signed in.
struct Remote {
    server: Server,
    proxy: Proxy,
    site: Site,
    process: Process,
    person: Person,
}

impl Remote {
    /// None where the tests run on SQLite.
    fn start(failpoints: &str) -> Option<Self> {
        if std::env::var_os("BILLING_TEST_DATABASE").is_none() {
            println!("tried where the tests run on PostgreSQL");
            return None;
        }
        let server = Server::start();
        let proxy = Proxy::to(server.address);
        let site = Site::on(server.database());
        let port = lasting_ports(1)[0];
        let mut command = site.command(Program::Console, port, failpoints);
        command.env("BILLING_DATABASE_URL", Server::url_at(proxy.address));
        let mut process = Process::spawn(&mut command, port);
        process.readiness().unwrap();
        let person = Site::sign_in(&process.base, 0);
        assert_eq!(person.open(TAB).status, 200);
        Some(Self {
            server,
            proxy,
            site,
            process,
            person,
        })
    }

    /// Pages are 503 with Retry-After, so is `/readyz`; `/healthz` is 200 all the same. Each in a bounded time.
    fn is_out(&self) {
        let answered = |path: &str| {
            let began = Instant::now();
            let answer = ask(self.process.authority(), path).unwrap();
            assert!(
                began.elapsed() < Duration::from_secs(20),
                "{path}: {:?}",
                began.elapsed()
            );
            (answer[9..12].to_owned(), began.elapsed())
        };
        let (status, took) = std::thread::scope(|scope| {
            let pages: Vec<_> = (0..12)
                .map(|_| {
                    scope.spawn(|| {
                        let page = self.person.clone().open(TAB);
                        assert_eq!((page.status, page.header("retry-after")), (503, "5"));
                    })
                })
                .collect();
            let readyz = scope.spawn(|| answered("/readyz"));
            let healthz = answered("/healthz");
            for page in pages {
                page.join().unwrap();
            }
            assert_eq!(readyz.join().unwrap().0, "503");
            healthz
        });
        assert_eq!(status, "200");
        println!("/healthz answered after {took:?} while the database was out");
    }

    /// After the first page none is 503, on as many connections as the pool has.
    fn is_back(&self) {
        let took = wait_for("the database", || self.person.open("/readyz").status == 200);
        println!("ready {took:?} after the database was back");
        std::thread::scope(|scope| {
            for _ in 0..24 {
                scope.spawn(|| assert_eq!(self.person.clone().open(TAB).status, 200));
            }
        });
    }

    fn is_whole(&self) {
        self.site.drain();
        let faults = invariants::once_drained(&mut self.site.connection(), &[]);
        assert!(faults.is_empty(), "{}", faults.join("\n"));
    }
}

#[test]
fn postgresql_stopped_and_started_is_200_503_200_and_a_registration_in_flight_recovers() {
    let Some(remote) = Remote::start("gateway-answered=1*sleep(5000)") else {
        return;
    };
    let run = remote.person.reach_the_anonymous_card_page("mir-00");
    let path = format!("{run}/card");
    let form = remote.person.open(&path);
    let sender = remote.person.clone();
    let late = std::thread::spawn(move || sender.send(&form, &path, &card("5555555555554444")));
    wait_for("the key", || remote.site.has_a_key());

    remote.server.stop("immediate");
    late.join().unwrap().leads_to(&format!("{run}/confirming"));
    remote.is_out();
    remote.server.begin();
    remote.is_back();

    remote.site.let_time_pass();
    wait_for("the card", || {
        remote.person.open(&format!("{run}/complete")).status == 200
    });
    remote.server.stop("fast");
    remote.is_out();
    remote.server.begin();
    remote.is_back();
    remote.is_whole();
}

#[test]
fn a_database_that_is_cut_off_is_200_503_200_and_leaves_no_connection_poisoned() {
    let Some(remote) = Remote::start("") else {
        return;
    };
    for _ in 0..3 {
        remote.proxy.set(Line::Cut);
        remote.is_out();
        remote.proxy.set(Line::Open);
        remote.is_back();
    }
    let run = remote.person.reach_the_anonymous_card_page("mir-00");
    remote
        .person
        .enter_card(&run, "5555555555554444")
        .leads_to(&format!("{run}/complete"));
    remote.is_whole();
}

#[test]
fn a_database_that_falls_silent_is_answered_503_in_a_bounded_time() {
    let Some(remote) = Remote::start("") else {
        return;
    };
    let tab = remote.person.open(TAB);
    remote.proxy.set(Line::Held);
    std::thread::scope(|scope| {
        let post = scope.spawn(|| {
            remote
                .person
                .clone()
                .send(&tab, "/billing/groups/mir-01/registrations", &[])
        });
        remote.is_out();
        remote.is_out();
        let page = post.join().unwrap();
        assert_eq!((page.status, page.header("retry-after")), (503, "5"));
    });
    remote.proxy.set(Line::Open);
    remote.is_back();
    let run = remote.person.reach_the_anonymous_card_page("mir-00");
    remote
        .person
        .enter_card(&run, "5555555555554444")
        .leads_to(&format!("{run}/complete"));
    remote.is_whole();
}

#[test]
fn a_commit_whose_answer_is_lost_is_not_called_undone() {
    let Some(remote) = Remote::start("") else {
        return;
    };
    let url = Server::url_at(remote.proxy.address);
    let database = billing_console::db::Database::open(&url.parse().unwrap()).unwrap();
    let lost = database.write(|db| {
        diesel::sql_query("UPDATE sessions SET last_seen = last_seen").execute(db)?;
        remote.proxy.set(Line::Cut);
        Ok(())
    });
    assert!(matches!(lost, Err(Error::Unanswered(_))), "{lost:?}");
    let not_begun = database.write(|_| Ok(()));
    assert!(
        matches!(not_begun, Err(Error::Unavailable(_))),
        "{not_begun:?}"
    );
}
