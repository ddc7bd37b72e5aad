//! A console with its customers, and a PortOne of the tests' own behind it.

use std::{
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use actix_web::web::Data;
use billing_console::{
    access::password,
    app::{Services, serve},
    clock::{Clock, SystemClock},
    db::{Database, schema as s},
    import,
    settings::Gateway,
};
use chrono::{NaiveDateTime, TimeDelta};
use diesel::prelude::*;
use serde_json::{Value, json};

use crate::{app::settings, person::Person, portone::fake::Fake};

const PASSWORD: &str = "open-sesame-bench";

/// The machine's clock, which the end of a run moves on.
#[derive(Default)]
pub struct MovedClock(AtomicI64);

impl MovedClock {
    pub fn move_on(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for MovedClock {
    fn now(&self) -> NaiveDateTime {
        SystemClock::default().now() + TimeDelta::seconds(self.0.load(Ordering::SeqCst))
    }
}

pub struct Console {
    pub fake: Fake,
    pub db: Database,
    pub clock: Arc<MovedClock>,
    pub folder: tempfile::TempDir,
    base: String,
}

impl Console {
    /// With this many organizations: a main group and its administrator each.
    pub fn start(organizations: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("bench.db").display());
        let db = Database::open(&url.parse().unwrap()).unwrap();
        db.migrate().unwrap();
        fill(&db, organizations);

        let (fake, clock) = (Fake::start(), Arc::new(MovedClock::default()));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let mut settings = settings(address);
        settings.demo = false;
        settings.gateway = Gateway::PortOne(fake.service());
        let services = Data::new(Services::new(settings, db.clone(), clock.clone()).unwrap());
        std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(serve(services, listener, || {}))
        });
        Self {
            fake,
            db,
            clock,
            folder,
            base: format!("http://{address}"),
        }
    }

    /// The administrator of an organization.
    pub fn sign_in(&self, organization: usize) -> Person {
        let person = Person::new(self.base.clone());
        let email = format!("admin@org{organization}.test");
        person
            .post("/sign-in", &[("email", &email), ("password", PASSWORD)])
            .leads_to("/");
        person
    }
}

fn fill(db: &Database, organizations: usize) {
    let organizations: Vec<Value> = (0..organizations)
        .map(|at| {
            json!({
                "id": format!("org{at}"), "name": format!("Organization {at}"), "member_type": "business",
                "groups": [{ "id": format!("group{at}"), "name": format!("Group {at}"), "class": "main" }],
                "members": [{
                    "email": format!("admin@org{at}.test"), "name": "Admin", "role": "billing_administrator",
                    "groups": [format!("group{at}")],
                }],
            })
        })
        .collect();
    let document = json!({ "organizations": organizations }).to_string();
    let document = import::read(&document).unwrap();
    let hash = password::hash(PASSWORD).unwrap();
    db.write(|db| {
        import::apply(db, &document, SystemClock::default().now())?.unwrap();
        diesel::update(s::users::table)
            .set(s::users::password_hash.eq(&hash))
            .execute(db)?;
        Ok(())
    })
    .unwrap();
}
