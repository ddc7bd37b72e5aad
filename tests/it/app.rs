//! A console of a test's own, and a person who uses it.

use std::{
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::{Duration, Instant},
};

use actix_web::web::Data;
use billing_console::{
    app::{Services, serve},
    clock::StillClock,
    db::{AnyConnection, Database, Loan},
    demo,
    gateway::{
        CardGateway,
        sandbox::{SandboxFaults, SandboxGateway},
    },
    portone::PortOneService,
    secrets::SecretKey,
    settings::{Gateway, Settings},
};

use crate::person::Person;

/// The secret key of every test.
pub const KEY: &str = concat!(
    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
    "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"
);

/// A running console on the demo's data, at noon of a day that does not move.
pub struct TestApp {
    pub address: SocketAddr,
    pub clock: Arc<StillClock>,
    pub faults: Arc<SandboxFaults>,
    pub db: Database,
    pub database: TestDatabase,
}

/// A database of a test's own: a file, or in `BILLING_TEST_DATABASE`'s server.
pub struct TestDatabase {
    pub url: String,
    pub folder: tempfile::TempDir,
}

impl TestDatabase {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = match std::env::var("BILLING_TEST_DATABASE") {
            #[cfg(feature = "postgres")]
            Ok(server) => {
                use diesel::{Connection, RunQueryDsl};
                let name = format!("test_{}", uuid::Uuid::now_v7().simple());
                let mut postgres = diesel::PgConnection::establish(&server).unwrap();
                diesel::sql_query(["CREATE DATABASE ", &name].concat())
                    .execute(&mut postgres)
                    .unwrap();
                let (base, _) = server.rsplit_once('/').unwrap();
                [base, "/", &name].concat()
            }
            _ => format!("sqlite:{}", folder.path().join("test.db").display()),
        };
        Self { url, folder }
    }

    pub fn open(&self) -> Database {
        Database::open(&self.url.parse().unwrap()).unwrap()
    }
}

pub fn settings(address: SocketAddr) -> Settings {
    Settings {
        listen: address,
        base_url: format!("http://{address}"),
        trusted_proxies: Vec::new(),
        secret_key: SecretKey::from_hex(KEY).unwrap(),
        provider_name: "Northwind Cloud".into(),
        helpdesk_url: None,
        helpdesk_email: Some("helpdesk@northwind.test".into()),
        terms_dir: None,
        tax_service: None,
        sandbox_phone_code: Some("123456".into()),
        gateway: Gateway::Sandbox,
        demo: true,
    }
}

impl TestApp {
    pub fn start() -> Self {
        Self::start_with(|_| {})
    }

    pub fn start_with(change: impl FnOnce(&mut Settings)) -> Self {
        Self::start_on(change, |_| {})
    }

    /// With another card gateway than the sandbox.
    pub fn start_with_gateway(gateway: Arc<dyn CardGateway>) -> Self {
        Self::start_on(|_| {}, |services| services.gateway = gateway)
    }

    /// With everything by PortOne, as `serve` has it.
    pub fn start_with_portone(service: PortOneService) -> Self {
        let settings = |settings: &mut Settings| {
            settings.gateway = Gateway::PortOne(service);
            settings.demo = false;
        };
        Self::start_on(settings, |services| {
            let (settings, db, clock) = (&services.settings, &services.db, &services.clock);
            *services = Services::new(settings.clone(), db.clone(), clock.clone()).unwrap();
        })
    }

    /// With other settings and other services.
    pub fn start_on(
        change_settings: impl FnOnce(&mut Settings),
        change_services: impl FnOnce(&mut Services),
    ) -> Self {
        let database = TestDatabase::new();
        let db = database.open();
        db.migrate().unwrap();
        let now = "2026-11-24T05:02:11".parse().unwrap();
        demo::fill(&mut db.connection().unwrap(), now).unwrap();
        let clock = Arc::new(StillClock::new(now));
        let faults = Arc::new(SandboxFaults::default());

        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let mut settings = settings(address);
        change_settings(&mut settings);
        let mut services = Services::new(settings, db.clone(), clock.clone()).unwrap();
        services.gateway = Arc::new(SandboxGateway::with_faults(
            db.clone(),
            clock.clone(),
            faults.clone(),
        ));
        change_services(&mut services);
        let services = Data::new(services);
        std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(serve(services, listener, || {}))
        });
        Self {
            address,
            clock,
            faults,
            db,
            database,
        }
    }

    /// Somebody who has not signed in, with an English browser.
    pub fn visitor(&self) -> Person {
        Person::new(format!("http://{}", self.address))
    }

    /// Somebody who has.
    pub fn sign_in(&self, email: &str) -> Person {
        let person = self.visitor();
        let page = person.post(
            "/sign-in",
            &[("email", email), ("password", demo::PASSWORD)],
        );
        assert_eq!(
            (page.status, page.location.as_deref()),
            (303, Some("/")),
            "{}",
            page.body
        );
        person
    }

    /// The database's file, where it is one.
    pub fn database_file(&self) -> Option<&str> {
        self.database.url.strip_prefix("sqlite:")
    }

    pub fn connection(&self) -> Loan {
        self.db.connection().unwrap()
    }

    /// Waits until `look` gives something, at most 30 s.
    pub fn until<T>(&self, what: &str, mut look: impl FnMut(&mut AnyConnection) -> Option<T>) -> T {
        let began = Instant::now();
        loop {
            if let Some(seen) = look(&mut self.connection()) {
                return seen;
            }
            assert!(
                began.elapsed() < Duration::from_secs(30),
                "{what} did not come"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}
