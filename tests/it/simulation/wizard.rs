//! The wizard's pages without their forms: each is one transaction of a signed-in person.

use billing_console::{
    access::{self, Viewer},
    app::Services,
    clock::Clock,
    db::{AnyConnection, schema as s},
    error::Error,
    registration::{Choice, State, Step as Page, attempt, checks, codes, pages::open_run, store},
    secrets::random_hex,
    verification::PhoneNumber,
};
use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::{
    invariants::Violation,
    ledger::{self, Post, id_of_group, id_of_person},
    steps::{Group, Node, Person},
    world::{Protocol, World},
};

/// What a page gives; none when the console leads elsewhere or refuses.
type Done<T> = Result<Option<T>, Violation>;

impl World {
    pub fn start(&self, person: Person, group: Group) -> Done<()> {
        let now = self.clock.now();
        self.write(person, |db, _, viewer| {
            let admin = viewer.administrator()?;
            let group = access::store::reachable_group(db, admin, &id_of_group(group))?;
            if store::in_flight(db, &group.id)?.is_none() {
                store::resume_or_start(db, admin, &group, now)?;
            }
            Ok(())
        })
    }

    pub fn choose(&self, person: Person, group: Group, choice: Choice) -> Done<()> {
        let now = self.clock.now();
        self.write(person, |db, services, viewer| {
            let id = newest_run(db, person, group)?;
            let (run, _) = open_run(db, services, viewer, &id, Page::PaymentMethod)?;
            store::keep_choice(db, &run.id, choice, Some("{}"), now)
        })
    }

    pub fn ask_for_code(&self, person: Person, group: Group) -> Done<()> {
        let number = {
            let mut ledger = self.ledger();
            ledger.codes_sent += 1;
            format!("010{:08}", ledger.codes_sent)
        };
        let phone = PhoneNumber::parse(&number).unwrap();
        let sent = self.write(person, |db, services, viewer| {
            let id = newest_run(db, person, group)?;
            let (run, _) = open_run(db, services, viewer, &id, Page::Phone)?;
            if codes::take_send(db, services, &run, &phone, true)?.is_err() {
                return Err(Error::NotFound);
            }
            let mut kept = run.kept.clone();
            kept.birth_date = "900101".into();
            kept.phone.clone_from(&number);
            let now = services.clock.now();
            store::keep(db, &services.settings.secret_key, &run.id, &kept, now)?;
            Ok(run.id)
        })?;
        // Another number begins anew.
        Ok(sent.map(|run| self.ledger().spoil(&run, "phone")))
    }

    pub fn enter_code(&self, person: Person, group: Group) -> Done<()> {
        let tried = self.write(person, |db, services, viewer| {
            let id = newest_run(db, person, group)?;
            let (run, _) = open_run(db, services, viewer, &id, Page::PhoneCode)?;
            match codes::take_try(db, services, &run)? {
                Ok(_) => Ok(run),
                Err(_) => Err(Error::NotFound),
            }
        })?;
        let Some(run) = tried else {
            return Ok(None);
        };
        let services = self.node(Node::A);
        let provider_id = run.phone.as_ref().unwrap().provider_id.clone();
        let verified = services
            .db
            .write(|db| checks::verify_phone(db, services, &run, &provider_id));
        let verified = refused_or_done("code", verified)?;
        Ok(verified.map(|()| self.ledger().verify(&run.id, "phone")))
    }

    pub fn enter_business_number(&self, person: Person, group: Group) -> Done<()> {
        let number = "9998100015";
        let opened = self.write(person, |db, services, viewer| {
            let id = newest_run(db, person, group)?;
            Ok(open_run(db, services, viewer, &id, Page::BusinessNumber)?.0)
        })?;
        let Some(run) = opened else {
            return Ok(None);
        };
        let services = self.node(Node::A);
        let verified = services
            .db
            .write(|db| checks::verify_business(db, services, &run, number));
        let verified = refused_or_done("business number", verified)?;
        Ok(verified.map(|()| self.ledger().verify(&run.id, "business")))
    }

    pub fn reach(&self, person: Person, group: Group, choice: Choice) -> Done<()> {
        self.start(person, group)?;
        self.choose(person, group, choice)?;
        match choice {
            Choice::NamedCard => {
                self.ask_for_code(person, group)?;
                self.enter_code(person, group)
            }
            _ => self.enter_business_number(person, group),
        }
    }

    pub fn cancel(&self, person: Person, group: Group) -> Done<()> {
        let now = self.clock.now();
        self.write(person, |db, services, viewer| {
            let id = newest_run(db, person, group)?;
            let key = &services.settings.secret_key;
            let (run, _) = store::own_run(db, viewer.administrator()?, key, &id)?;
            match run.state {
                State::Open => store::end(db, &run.id, State::Cancelled, now),
                _ => Err(Error::NotFound),
            }
        })
    }

    /// The card page's form. The call to the gateway is another step.
    pub fn post(&self, node: Node, person: Person, group: Group) -> Done<()> {
        let key = random_hex::<16>().unwrap();
        let posted = self.write(person, |db, services, viewer| {
            let id = newest_run(db, person, group)?;
            let (run, _) = open_run(db, services, viewer, &id, Page::Card)?;
            let attempt = match self.protocol {
                Protocol::CallFirst => None,
                _ => Some(attempt::intend(db, &run, &key, services.clock.now())?),
            };
            Ok((run, attempt))
        })?;
        Ok(posted.map(|(run, attempt)| {
            let mut ledger = self.ledger();
            if let Some(attempt) = &attempt {
                ledger.pages.push(ledger::Page {
                    run: run.id.clone(),
                    key,
                    attempt: attempt.id.clone(),
                });
            }
            ledger.posts.push(Post { node, run, attempt });
        }))
    }

    /// One transaction of somebody who signed in just before.
    fn write<T>(
        &self,
        person: Person,
        work: impl FnOnce(&mut AnyConnection, &Services, &Viewer) -> Result<T, Error>,
    ) -> Done<T> {
        let services = self.node(Node::A);
        let now = self.clock.now();
        let id = id_of_person(person);
        let done = services.db.write(|db| {
            sign_in(db, &id, now)?;
            let viewer = access::store::viewer(db, &id, now)?;
            work(db, services, &viewer)
        });
        refused_or_done("a page", done)
    }
}

/// The session's key is the person's id.
fn sign_in(db: &mut AnyConnection, id: &str, now: NaiveDateTime) -> Result<(), Error> {
    diesel::delete(s::sessions::table.find(id)).execute(db)?;
    diesel::insert_into(s::sessions::table)
        .values((
            s::sessions::key_hash.eq(id),
            s::sessions::user_id.eq(id),
            s::sessions::created_at.eq(now),
            s::sessions::last_seen.eq(now),
        ))
        .execute(db)?;
    Ok(())
}

/// The run that somebody's browser shows.
pub fn newest_run(db: &mut AnyConnection, person: Person, group: Group) -> Result<String, Error> {
    s::registrations::table
        .filter(s::registrations::user_id.eq(id_of_person(person)))
        .filter(s::registrations::group_id.eq(id_of_group(group)))
        .order(s::registrations::id.desc())
        .select(s::registrations::id)
        .first(db)
        .optional()?
        .ok_or(Error::NotFound)
}

/// A page may refuse; it may not fail.
fn refused_or_done<T>(what: &str, done: Result<T, Error>) -> Done<T> {
    match done {
        Ok(done) => Ok(Some(done)),
        Err(error @ (Error::Unavailable(_) | Error::Internal(_))) => {
            super::world::told(what, Err(error))
        }
        Err(_) => Ok(None),
    }
}
