//! A database whose processes come and go, with more groups than crashes can hold up at once.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use billing_console::{
    db::{AnyConnection, look, schema as s},
    demo,
};
use diesel::prelude::*;

use super::console::{Process, lasting_ports};
#[cfg(feature = "postgres")]
use super::postgres::Server;
use crate::{
    app::{KEY, TestDatabase},
    person::Person,
};

/// Who changes payment methods; each reaches every group of the organization.
pub const PEOPLE: usize = 4;
const GROUPS: usize = 60;
/// The sandbox's phone code.
pub const CODE: &str = "123456";

/// What is started, killed and started again.
#[derive(Debug, Clone, Copy)]
pub enum Program {
    /// `billing-console serve`.
    Console,
    /// The console with the gateway called before anything is written.
    NaiveOrder,
}

pub struct Site {
    database: TestDatabase,
    pub groups: Vec<String>,
    /// Stopped with the site.
    #[cfg(feature = "postgres")]
    _server: Option<Server>,
}

impl Site {
    /// With a database like any test's; where `BILLING_TEST_DATABASE` is `own`, in a PostgreSQL server of the site's own.
    pub fn new() -> Self {
        #[cfg(feature = "postgres")]
        if std::env::var("BILLING_TEST_DATABASE").is_ok_and(|server| server == "own") {
            let server = Server::start();
            let mut site = Self::on(server.database());
            site._server = Some(server);
            return site;
        }
        Self::on(TestDatabase::new())
    }

    pub fn on(database: TestDatabase) -> Self {
        let db = database.open();
        db.migrate().unwrap();
        let now = chrono::Utc::now().naive_utc();
        let mut connection = db.connection().unwrap();
        demo::fill(&mut connection, now).unwrap();
        let groups = (0..GROUPS)
            .map(|number| format!("mir-{number:02}"))
            .collect();
        let site = Self {
            database,
            groups,
            #[cfg(feature = "postgres")]
            _server: None,
        };
        site.add_groups(&mut connection, now);
        add_people(&mut connection, now);
        site
    }

    fn add_groups(&self, db: &mut AnyConnection, now: chrono::NaiveDateTime) {
        for group in &self.groups {
            diesel::insert_into(s::billing_groups::table)
                .values((
                    s::billing_groups::id.eq(group),
                    s::billing_groups::organization_id.eq("mirlabs"),
                    s::billing_groups::name.eq(group),
                    s::billing_groups::search_name.eq(group),
                    s::billing_groups::class.eq("sub"),
                    s::billing_groups::created_at.eq(now),
                ))
                .execute(db)
                .unwrap();
        }
    }

    /// Where its database is.
    pub fn url(&self) -> &str {
        &self.database.url
    }

    /// A connection of its own, closed when dropped.
    pub fn connection(&self) -> AnyConnection {
        let url = self.url().parse().unwrap();
        look::open_untouched(&url).unwrap().unwrap()
    }

    /// Starts a program on the site's database.
    pub fn start(&self, program: Program, port: u16, failpoints: &str) -> Process {
        Process::spawn(&mut self.command(program, port, failpoints), port)
    }

    /// The console, ready.
    pub fn console(&self, failpoints: &str) -> Process {
        let mut process = self.start(Program::Console, lasting_ports(1)[0], failpoints);
        process.readiness().unwrap();
        process
    }

    /// One of [`PEOPLE`], signed in.
    pub fn sign_in(base: &str, number: usize) -> Person {
        let person = Person::new(base.to_owned());
        let fields = [("email", &*email(number)), ("password", demo::PASSWORD)];
        assert_eq!(person.post("/sign-in", &fields).status, 303);
        person
    }

    /// What starts a program.
    pub fn command(&self, program: Program, port: u16, failpoints: &str) -> Command {
        let mut command = match program {
            Program::Console => {
                let mut command = Command::new(env!("CARGO_BIN_EXE_billing-console"));
                command.arg("serve");
                command
            }
            Program::NaiveOrder => super::naive::command(),
        };
        command
            .env("BILLING_DATABASE_URL", self.url())
            .env("BILLING_LISTEN", format!("127.0.0.1:{port}"))
            .env("BILLING_SECRET_KEY", KEY)
            .env("BILLING_GATEWAY", "sandbox")
            .env("BILLING_SANDBOX_PHONE_CODE", CODE)
            .env("BILLING_LOG", "error")
            .env("FAILPOINTS", failpoints);
        command
    }

    /// Whether the gateway took somebody's card.
    pub fn has_a_key(&self) -> bool {
        let keys = s::sandbox_cards::table.inner_join(
            s::card_attempts::table
                .on(s::card_attempts::gateway_reference.eq(s::sandbox_cards::gateway_reference)),
        );
        let count: i64 = keys.count().get_result(&mut self.connection()).unwrap();
        count > 0
    }

    /// As when every lease and wait of a dead process is over, but for the last look after ten minutes.
    pub fn let_time_pass(&self) {
        make_due(&mut self.connection(), &["settle_attempt", "revoke_key"]);
    }

    /// Forgets how many cards were refused and codes sent; one at a time, so that nobody waits in a circle.
    pub fn lift_limits(&self) {
        let mut db = self.connection();
        let limits: Vec<String> = s::throttles::table
            .select(s::throttles::key)
            .load(&mut db)
            .unwrap();
        for limit in limits {
            diesel::delete(s::throttles::table.find(limit))
                .execute(&mut db)
                .unwrap();
        }
    }

    /// Waits until no job is left; how long that took, without the last looks, which are made due then.
    pub fn drain(&self) -> Duration {
        let mut db = self.connection();
        let open = s::jobs::table.filter(s::jobs::kind.ne("sweep_attempt"));
        let took = until_none(|| open.count().get_result(&mut db).unwrap());
        make_due(&mut db, &["sweep_attempt"]);
        until_none(|| s::jobs::table.count().get_result(&mut db).unwrap());
        took
    }
}

fn add_people(db: &mut AnyConnection, now: chrono::NaiveDateTime) {
    let password: Option<String> = s::users::table
        .filter(s::users::email.eq("admin@mirlabs.test"))
        .select(s::users::password_hash)
        .first(db)
        .unwrap();
    for number in 0..PEOPLE {
        let id = format!("person-{number}");
        diesel::insert_into(s::users::table)
            .values((
                s::users::id.eq(&id),
                s::users::organization_id.eq("mirlabs"),
                s::users::email.eq(email(number)),
                s::users::name.eq(&id),
                s::users::role.eq("billing_administrator"),
                s::users::password_hash.eq(&password),
                s::users::created_at.eq(now),
            ))
            .execute(db)
            .unwrap();
        diesel::insert_into(s::group_members::table)
            .values((
                s::group_members::user_id.eq(&id),
                s::group_members::group_id.eq("mir-main"),
            ))
            .execute(db)
            .unwrap();
    }
}

fn email(number: usize) -> String {
    format!("person-{number}@mirlabs.test")
}

/// Makes jobs due that nobody holds any more.
fn make_due(db: &mut AnyConnection, kinds: &[&str]) {
    let now = chrono::Utc::now().naive_utc();
    diesel::update(s::jobs::table.filter(s::jobs::kind.eq_any(kinds)))
        .set((
            s::jobs::due_at.eq(now),
            s::jobs::lease_until.eq(None::<chrono::NaiveDateTime>),
        ))
        .execute(db)
        .unwrap();
}

/// Two minutes at most.
fn until_none(mut count: impl FnMut() -> i64) -> Duration {
    let began = Instant::now();
    while count() > 0 {
        assert!(
            began.elapsed() < Duration::from_secs(120),
            "the jobs were not done within two minutes"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
    began.elapsed()
}
