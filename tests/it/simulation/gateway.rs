//! A gateway that does what it is told and remembers which keys live.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use billing_console::{
    clock::{Clock, StillClock},
    db::{Database, schema as s},
    gateway::{
        AttemptQuery, BillingKey, CardFacts, CardGateway, Expiry, Funding, IssueOutcome,
        IssueRequest, IssuedKey, Issuer, LastFour, LookUp, Owner, Refusal, Revocation,
    },
};
use chrono::{NaiveDateTime, TimeDelta};
use diesel::prelude::*;

use super::steps::{AskFate, Effect, Fate, Kind};

/// What the next call meets. Without one the gateway answers at once.
pub struct Script {
    pub fate: Fate,
    pub ask_fate: AskFate,
    /// Runs when the call has had its effect, before its answer: with the key that the caller will hear of.
    pub meanwhile: Meanwhile,
}

pub type Meanwhile = Box<dyn FnOnce(Option<&Heard>) + Send>;

/// A key in an answer.
pub struct Heard {
    pub reference: String,
    pub kind: Kind,
}

/// What a process dies of.
pub struct Died;

pub struct SimulatedGateway {
    clock: Arc<StillClock>,
    db: Database,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    keys: Vec<Key>,
    script: Option<Script>,
    /// References of which somebody was told what became of them.
    told: BTreeSet<String>,
    /// Keys that were revoked while a group paid by them.
    revoked_in_use: Vec<String>,
}

struct Key {
    name: String,
    reference: String,
    kind: Kind,
    lives_from: NaiveDateTime,
    is_revoked: bool,
}

impl Key {
    fn issued(&self) -> IssuedKey {
        let (funding, owner) = match self.kind {
            Kind::Corporate => (Funding::Credit, Owner::Corporate),
            Kind::Personal => (Funding::Credit, Owner::Personal),
            Kind::Debit => (Funding::Debit, Owner::Personal),
        };
        IssuedKey {
            key: BillingKey::new(self.name.clone()),
            card: CardFacts {
                funding: Some(funding),
                owner: Some(owner),
                issuer: Issuer::new("bc"),
                brand: None,
                last_four: LastFour::parse("4444").unwrap(),
                expiry: Expiry {
                    year: 2029,
                    month: 12,
                },
            },
        }
    }
}

impl SimulatedGateway {
    pub fn new(clock: Arc<StillClock>, db: Database) -> Self {
        Self {
            clock,
            db,
            kept: Mutex::default(),
        }
    }

    pub fn forget_everything(&self) {
        *self.kept() = Kept::default();
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn follow(&self, script: Script) {
        self.kept().script = Some(script);
    }

    /// The script, if no call took it.
    pub fn take_script(&self) -> Option<Script> {
        self.kept().script.take()
    }

    /// A live key under this reference, the same if there is one.
    pub fn make_key(&self, reference: &str, kind: Kind, lives_from: NaiveDateTime) -> String {
        let mut kept = self.kept();
        if let Some(key) = kept.keys.iter().find(|key| key.reference == reference) {
            return key.name.clone();
        }
        let name = format!("key-{}", kept.keys.len());
        kept.keys.push(Key {
            name: name.clone(),
            reference: reference.to_owned(),
            kind,
            lives_from,
            is_revoked: false,
        });
        name
    }

    fn find(&self, reference: &str) -> Option<IssuedKey> {
        let now = self.clock.now();
        let kept = self.kept();
        let mut keys = kept.keys.iter();
        let key = keys.find(|key| key.reference == reference)?;
        (key.lives_from <= now && !key.is_revoked).then(|| key.issued())
    }

    /// Name and reference of each live key.
    pub fn live(&self) -> Vec<(String, String)> {
        let now = self.clock.now();
        let kept = self.kept();
        let live = kept
            .keys
            .iter()
            .filter(|key| key.lives_from <= now && !key.is_revoked);
        live.map(|key| (key.name.clone(), key.reference.clone()))
            .collect()
    }

    /// The name of the key that was made for a reference.
    pub fn key_of(&self, reference: &str) -> Option<String> {
        let kept = self.kept();
        let mut keys = kept.keys.iter();
        keys.find(|key| key.reference == reference)
            .map(|key| key.name.clone())
    }

    /// References of which somebody was told.
    pub fn told(&self) -> BTreeSet<String> {
        self.kept().told.clone()
    }

    pub fn revoked_in_use(&self) -> Vec<String> {
        self.kept().revoked_in_use.clone()
    }

    fn take_effect(&self, attempt: &AttemptQuery, effect: Effect) {
        let now = self.clock.now();
        let (kind, lives_from) = match effect {
            Effect::Never => return,
            Effect::Now(kind) => (kind, now),
            Effect::Late(kind, after) => {
                let from = attempt.asked_at + TimeDelta::seconds(after);
                (kind, from.max(now))
            }
        };
        self.make_key(&attempt.reference, kind, lives_from);
    }

    fn heard(&self, issued: &IssuedKey) -> Option<Heard> {
        let kept = self.kept();
        let mut keys = kept.keys.iter();
        let key = keys.find(|key| key.name == issued.key.as_str())?;
        Some(Heard {
            reference: key.reference.clone(),
            kind: key.kind,
        })
    }

    fn ask_script(&self) -> (AskFate, Meanwhile) {
        match self.take_script() {
            Some(script) => (script.ask_fate, script.meanwhile),
            None => (AskFate::IsAnswered, Box::new(|_| {})),
        }
    }
}

/// Ends the caller's thread of work without a word in the test's output.
fn die() -> ! {
    std::panic::resume_unwind(Box::new(Died))
}

impl CardGateway for SimulatedGateway {
    fn issue(&self, request: IssueRequest) -> IssueOutcome {
        let Some(script) = self.take_script() else {
            return IssueOutcome::NotSent;
        };
        let attempt = &request.attempt;
        let now = self.clock.now();
        let effect = match script.fate {
            Fate::Issues(kind) => Effect::Now(kind),
            Fate::LosesAnswer(effect) | Fate::Dies(effect) => effect,
            _ => Effect::Never,
        };
        self.take_effect(attempt, effect);
        let heard = match script.fate {
            Fate::Issues(kind) | Fate::IssuesAtLast(kind) => Some(Heard {
                reference: attempt.reference.clone(),
                kind,
            }),
            _ => None,
        };
        let issued = self.find(&attempt.reference).filter(|_| heard.is_some());
        (script.meanwhile)(heard.as_ref());
        if !matches!(script.fate, Fate::LosesAnswer(_) | Fate::Dies(_)) {
            self.kept().told.insert(attempt.reference.clone());
        }
        match script.fate {
            Fate::Issues(_) => issued.map_or(IssueOutcome::Unknown, IssueOutcome::Issued),
            Fate::IssuesAtLast(kind) => {
                self.make_key(&attempt.reference, kind, now);
                let issued = self.find(&attempt.reference);
                issued.map_or(IssueOutcome::Unknown, IssueOutcome::Issued)
            }
            Fate::Refuses => IssueOutcome::Refused(Refusal::Declined),
            Fate::RefusesTheConsole => IssueOutcome::Refused(Refusal::Provider),
            Fate::IsNotSent => IssueOutcome::NotSent,
            Fate::LosesAnswer(_) => IssueOutcome::Unknown,
            Fate::Dies(_) => die(),
        }
    }

    fn look_up(&self, attempt: &AttemptQuery) -> LookUp {
        let (fate, meanwhile) = self.ask_script();
        let found = match fate {
            AskFate::IsAnswered => self.find(&attempt.reference),
            _ => None,
        };
        meanwhile(
            found
                .as_ref()
                .and_then(|issued| self.heard(issued))
                .as_ref(),
        );
        if matches!(fate, AskFate::IsAnswered) {
            self.kept().told.insert(attempt.reference.clone());
        }
        match (fate, found) {
            (AskFate::IsAnswered, Some(issued)) => LookUp::Found(issued),
            (AskFate::IsAnswered, None) => LookUp::Absent,
            (AskFate::IsNotHeard | AskFate::LosesAnswer, _) => LookUp::Unknown,
            (AskFate::DiesBefore | AskFate::DiesAfter, _) => die(),
        }
    }

    fn revoke(&self, key: &BillingKey) -> Revocation {
        let (fate, meanwhile) = self.ask_script();
        if !matches!(fate, AskFate::IsNotHeard | AskFate::DiesBefore) {
            let payers = s::payment_methods::table
                .filter(s::payment_methods::billing_key.eq(key.as_str()))
                .count()
                .get_result::<i64>(&mut *self.db.connection().unwrap())
                .unwrap();
            let mut kept = self.kept();
            if payers > 0 {
                kept.revoked_in_use.push(key.as_str().to_owned());
            }
            let mut keys = kept.keys.iter_mut();
            if let Some(key) = keys.find(|known| known.name == key.as_str()) {
                key.is_revoked = true;
            }
        }
        meanwhile(None);
        match fate {
            AskFate::IsAnswered => Revocation::Done,
            AskFate::IsNotHeard | AskFate::LosesAnswer => Revocation::Retry,
            AskFate::DiesBefore | AskFate::DiesAfter => die(),
        }
    }
}
