//! Two nodes on one database, a gateway and a clock; each step goes through the product's own functions.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use billing_console::{
    app::Services,
    clock::{Clock, StillClock},
    db::{AnyConnection, Database, Loan, schema as s},
    error::Error,
    jobs::worker,
};
use chrono::{NaiveDateTime, TimeDelta};

use diesel::prelude::*;

use super::{
    facts::Facts,
    gateway::SimulatedGateway,
    invariants::{Held, Moment, Passage, Violation},
    ledger::{Ledger, NOTHING_HEARD},
    model::Rights,
    steps::{AskFate, Node, Step},
};
use crate::app::{TestDatabase, settings};

/// In which order a card is registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// The console's own.
    Intent,
    /// The gateway first, the rows after it: a negative control.
    CallFirst,
    /// The console's own with a commit that does not look at this rule, I8 or I9: another control.
    Without(&'static str),
}

pub struct World {
    pub protocol: Protocol,
    pub clock: Arc<StillClock>,
    pub gateway: Arc<SimulatedGateway>,
    nodes: [Services; 2],
    db: Database,
    ledger: Mutex<Ledger>,
    _folder: tempfile::TempDir,
}

/// Where each run begins (UTC).
const BEGINNING: &str = "2026-11-24T05:02:11";
/// How long after the gateway answers again every intent is settled: a worker's lease and the longest wait.
const SETTLED_WITHIN: TimeDelta = TimeDelta::seconds(120);
/// How long after it nothing is left to do: the last look besides.
const DRAINED_WITHIN: TimeDelta = TimeDelta::minutes(15);

impl World {
    pub fn new(protocol: Protocol) -> Arc<Self> {
        let TestDatabase { url, folder } = database();
        let open = || Database::open(&url.parse().unwrap()).unwrap();
        let (db, other) = (open(), open());
        db.migrate().unwrap();
        let clock = Arc::new(StillClock::new(BEGINNING.parse().unwrap()));
        let gateway = Arc::new(SimulatedGateway::new(clock.clone(), db.clone()));
        let node = |db: Database| {
            let settings = settings(([127, 0, 0, 1], 0).into());
            let mut services = Services::new(settings, db, clock.clone()).unwrap();
            services.gateway = gateway.clone();
            services
        };
        Arc::new(Self {
            protocol,
            nodes: [node(db.clone()), node(other)],
            clock,
            gateway,
            db,
            ledger: Mutex::new(Ledger::new(Rights::at_first(), Facts::default())),
            _folder: folder,
        })
    }

    /// Empties everything and begins anew.
    pub fn begin(&self, rights: &Rights) {
        let beginning: NaiveDateTime = BEGINNING.parse().unwrap();
        self.clock.advance(beginning - self.clock.now());
        self.gateway.forget_everything();
        let facts = self
            .db
            .write(|db| {
                super::rows::remove_all(db);
                super::rows::fill(db, rights, &self.gateway, beginning);
                Ok(Facts::read(db))
            })
            .unwrap();
        *self.ledger() = Ledger::new(rights.clone(), facts);
    }

    pub fn node(&self, node: Node) -> &Services {
        &self.nodes[node as usize]
    }

    pub fn connection(&self) -> Loan {
        self.db.connection().unwrap()
    }

    /// Never held while the console works: what it calls takes it, too.
    pub fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a step happen and looks at what it left.
    pub fn step(self: &Arc<Self>, step: &Step) -> Held {
        self.perform(step)?;
        self.look()
    }

    /// Compares what is there with what was there, and holds both against the promises.
    pub fn look(&self) -> Held {
        let mut db = self.connection();
        let after = Facts::read(&mut db);
        let mut ledger = self.ledger();
        let due = std::mem::replace(&mut ledger.due, Err(NOTHING_HEARD));
        let operator_set = ledger.operator_set.take();
        let before = std::mem::replace(&mut ledger.facts, after);
        let passage = Passage {
            before: &before,
            after: &ledger.facts,
            operator_set: operator_set.as_deref(),
            key_of: &|reference| self.gateway.key_of(reference),
            due: due.as_deref().map_err(|rule| *rule),
        };
        // The control does not keep its rows in the order that the model's word relies on.
        if self.protocol != Protocol::CallFirst {
            passage.check_due()?;
        }
        passage.check()?;
        let committed: Vec<_> = passage.commits().cloned().collect();
        self.moment(&ledger).check(&mut db)?;
        for attempt in &committed {
            ledger.use_up(attempt);
            ledger.count("committed");
        }
        Ok(())
    }

    fn moment<'a>(&self, ledger: &'a Ledger) -> Moment<'a> {
        Moment {
            now: self.clock.now(),
            facts: &ledger.facts,
            live: self.gateway.live(),
            held: &ledger.held,
            revoked_in_use: self.gateway.revoked_in_use(),
            told: self.gateway.told(),
        }
    }

    /// Every process dies, the gateway answers again and time goes on until nothing is left to do.
    pub fn drain(self: &Arc<Self>) -> Held {
        self.ledger().posts.clear();
        let began = self.clock.now();
        while let Some(next) = next_job(&mut self.connection()) {
            let now = self.clock.now();
            self.clock.advance((next - now).max(TimeDelta::zero()));
            let gone = self.clock.now() - began;
            if gone >= SETTLED_WITHIN {
                self.moment(&self.ledger()).check_settled()?;
            }
            if gone >= DRAINED_WITHIN {
                break;
            }
            for node in [Node::A, Node::B] {
                self.work(node, AskFate::IsAnswered, &[])?;
                self.look()?;
            }
        }
        self.clock.advance(TimeDelta::hours(1));
        told("housekeeping", worker::keep_house(self.node(Node::A)))?;
        self.look()?;
        let mut ledger = self.ledger();
        let has_key = |reference: &str| self.gateway.key_of(reference).is_some();
        let attempts = ledger.facts.attempts.iter();
        let undone = attempts
            .filter(|attempt| attempt.state == "compensated" && has_key(&attempt.gateway_reference))
            .count();
        *ledger.tally.entry("undone with a key").or_default() += undone;
        self.moment(&ledger).check_drained()
    }
}

/// When the next job can be done.
fn next_job(db: &mut AnyConnection) -> Option<NaiveDateTime> {
    let jobs: Vec<(NaiveDateTime, Option<NaiveDateTime>)> = s::jobs::table
        .select((s::jobs::due_at, s::jobs::lease_until))
        .load(db)
        .unwrap();
    jobs.into_iter()
        .map(|(due_at, lease_until)| lease_until.map_or(due_at, |until| until.max(due_at)))
        .min()
}

/// A failure that no step may bring about: the database is healthy.
pub fn told<T>(what: &str, done: Result<T, Error>) -> Result<T, Violation> {
    done.map_err(|error| Violation {
        rule: "no failure",
        what: format!("{what}: {error:?}"),
    })
}

/// In memory where the system has a place for it: what a power cut leaves is not asked here.
fn database() -> TestDatabase {
    let memory = std::path::Path::new("/dev/shm");
    if std::env::var_os("BILLING_TEST_DATABASE").is_some() || !memory.is_dir() {
        return TestDatabase::new();
    }
    let folder = tempfile::tempdir_in(memory).unwrap();
    TestDatabase {
        url: format!("sqlite:{}", folder.path().join("test.db").display()),
        folder,
    }
}
