//! How each step happens.

use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::Arc,
};

use billing_console::{
    access::Role,
    clock::{self, Clock},
    db::{AnyConnection, schema as s},
    error::Error,
    gateway::CardDetails,
    jobs::{self, worker},
    payment_methods,
    registration::{
        attempt,
        settle::{self, Answer},
    },
};
use chrono::TimeDelta;
use diesel::prelude::*;

use super::{
    facts::{self, AttemptFacts, Facts},
    gateway::{Died, Meanwhile, Script},
    invariants::{Held, Violation},
    ledger::{Post, id_of_group, id_of_person},
    naive,
    rows::{self, ORGANIZATIONS},
    steps::{AskFate, Change, Fate, Group, Node, Person, Set, Spoil, Step},
    wizard::newest_run,
    world::{Protocol, World, told},
};

impl World {
    pub fn perform(self: &Arc<Self>, step: &Step) -> Held {
        match step {
            Step::Start(person, group) => self.start(*person, *group).map(drop),
            Step::Choose(person, group, choice) => self.choose(*person, *group, *choice).map(drop),
            Step::AskForCode(person, group) => self.ask_for_code(*person, *group).map(drop),
            Step::EnterCode(person, group) => self.enter_code(*person, *group).map(drop),
            Step::EnterBusinessNumber(person, group) => {
                self.enter_business_number(*person, *group).map(drop)
            }
            Step::Reach(person, group, choice) => self.reach(*person, *group, *choice).map(drop),
            Step::Cancel(person, group) => self.cancel(*person, *group).map(drop),
            Step::Post(node, person, group) => self.post(*node, *person, *group).map(drop),
            Step::PostAgain(page) => self.post_again(*page),
            Step::Answer {
                post,
                fate,
                meanwhile,
            } => self.answer(*post, *fate, meanwhile),
            Step::Die(node) => {
                self.ledger().posts.retain(|post| post.node != *node);
                Ok(())
            }
            Step::Work {
                node,
                fate,
                meanwhile,
            } => self.work(*node, *fate, meanwhile).map(drop),
            Step::WorkLate(node, attempt) => self.work_late(*node, *attempt),
            Step::KeepHouse(node) => told("housekeeping", worker::keep_house(self.node(*node))),
            Step::Wait(seconds) => {
                self.clock.advance(TimeDelta::seconds(*seconds));
                Ok(())
            }
            Step::Change(change) => {
                self.change(*change);
                Ok(())
            }
            Step::OperatorSets(group, set) => self.operator_sets(*group, *set),
            Step::SpoilVerification(person, group, spoil) => {
                self.spoil_verification(*person, *group, *spoil);
                Ok(())
            }
        }
    }

    /// Does something that may call the gateway once: the call meets its fate, and before its answer
    /// comes, other things happen. They happen after it if it never calls.
    fn around(
        self: &Arc<Self>,
        fate: Fate,
        ask_fate: AskFate,
        meanwhile: &[Step],
        work: impl FnOnce() -> Held,
    ) -> Held {
        let seen = Arc::new(std::sync::Mutex::new(Ok(())));
        let hook: Meanwhile = {
            let (world, seen, steps) = (self.clone(), seen.clone(), meanwhile.to_vec());
            Box::new(move |heard| {
                *seen.lock().unwrap() = world.let_happen(&steps);
                // What becomes of the key that the caller hears of is decided by what is there now.
                if let Some(heard) = heard {
                    let mut db = world.connection();
                    let facts = Facts::read(&mut db);
                    let alone = world.ledger().hear(&facts, heard);
                    if let Some(rule) = alone
                        && world.protocol == Protocol::Without(rule)
                    {
                        naive::let_pass(&world, &mut db, rule, heard);
                    }
                }
            })
        };
        self.gateway.follow(Script {
            fate,
            ask_fate,
            meanwhile: hook,
        });
        let done = work();
        if self.gateway.take_script().is_some() {
            done?;
            return self.let_happen(meanwhile);
        }
        // What broke first is told.
        std::mem::replace(&mut *seen.lock().unwrap(), Ok(()))?;
        done
    }

    /// The caller has had its effect; each step is an act of its own.
    fn let_happen(self: &Arc<Self>, steps: &[Step]) -> Held {
        if !steps.is_empty() {
            self.look()?;
        }
        steps.iter().try_for_each(|step| self.step(step))
    }

    fn answer(self: &Arc<Self>, post: usize, fate: Fate, meanwhile: &[Step]) -> Held {
        let post = {
            let mut ledger = self.ledger();
            let waiting = ledger.posts.len();
            if waiting == 0 {
                drop(ledger);
                return self.let_happen(meanwhile);
            }
            ledger.posts.remove(post % waiting)
        };
        let held = match (&post.attempt, fate) {
            (Some(attempt), fate) if !is_deadly(fate) => vec![attempt.gateway_reference.clone()],
            _ => Vec::new(),
        };
        self.ledger().held.extend(held.iter().cloned());
        let answered = self.around(fate, AskFate::IsAnswered, meanwhile, || self.call(&post));
        self.ledger()
            .held
            .retain(|reference| !held.contains(reference));
        answered
    }

    fn call(&self, post: &Post) -> Held {
        let services = self.node(post.node);
        let today = clock::seoul_date(self.clock.now());
        let card = CardDetails::parse("4242424242424242", "12", "29", "12", today)
            .ok()
            .unwrap();
        let Some(attempt) = &post.attempt else {
            return naive::call(self, services, &post.run, card);
        };
        match or_died(|| settle::call_gateway(services, attempt, &post.run, card)) {
            None => {
                self.ledger().count("died");
                Ok(())
            }
            Some(answer) => {
                let answer = told("the post", answer)?;
                self.ledger().count(match answer {
                    Answer::Committed => "told committed",
                    Answer::Refused(_) => "told refused",
                    Answer::NotSent => "told not sent",
                    Answer::Unknown => "told unknown",
                    Answer::Overtaken => "told overtaken",
                });
                self.is_true(answer, &attempt.id)
            }
        }
    }

    /// What a person is told is what the attempt came to.
    fn is_true(&self, answer: Answer, attempt: &str) -> Held {
        let attempts = facts::attempts(&mut self.connection());
        let attempt: &AttemptFacts = attempts.iter().find(|seen| seen.id == attempt).unwrap();
        let states: &[&str] = match answer {
            Answer::Committed => &["committed"],
            Answer::Refused(_) => &["refused"],
            Answer::NotSent => &["not_sent"],
            Answer::Unknown => &["calling", "unknown"],
            Answer::Overtaken => &["compensated"],
        };
        if states.contains(&attempt.state.as_str()) {
            return Ok(());
        }
        Err(Violation {
            rule: "answer",
            what: format!("{answer:?} was told of {attempt:?}"),
        })
    }

    /// The same key gives the same attempt, whatever became of it.
    fn post_again(&self, page: usize) -> Held {
        let page = {
            let ledger = self.ledger();
            match ledger.pages.len() {
                0 => return Ok(()),
                pages => ledger.pages[page % pages].clone(),
            }
        };
        let before = attempt::by_key(&mut self.connection(), &page.run, &page.key);
        match told("the post again", before)? {
            Some(before) if before.id == page.attempt => {
                self.is_true(Answer::of(&before), &before.id)
            }
            other => Err(Violation {
                rule: "one key, one attempt",
                what: format!("{other:?} for {}", page.attempt),
            }),
        }
    }

    /// A worker's turn; whether it found a job.
    pub fn work(
        self: &Arc<Self>,
        node: Node,
        fate: AskFate,
        meanwhile: &[Step],
    ) -> Result<bool, Violation> {
        let mut found = true;
        self.around(Fate::IsNotSent, fate, meanwhile, || {
            match or_died(|| worker::do_next(self.node(node))) {
                Some(done) => found = told("the worker", done)?,
                None => self.ledger().count("worker died"),
            }
            Ok(())
        })?;
        Ok(found)
    }

    fn work_late(self: &Arc<Self>, node: Node, place: usize) -> Held {
        let attempts = facts::attempts(&mut self.connection());
        let now = self.clock.now();
        let is_free = |seen: &&AttemptFacts| {
            seen.state != "calling" || now - seen.created_at >= attempt::LEASE
        };
        let free: Vec<_> = attempts.iter().filter(is_free).collect();
        if free.is_empty() {
            return Ok(());
        }
        let attempt = free[place % free.len()];
        self.around(Fate::IsNotSent, AskFate::IsAnswered, &[], || {
            let services = self.node(node);
            told("the late worker", settle::look_up(services, &attempt.id)).map(drop)
        })
    }

    fn change(&self, change: Change) {
        self.ledger().rights.apply(change);
        let mut db = self.connection();
        let user = |person| s::users::table.find(id_of_person(person));
        let role = |db: &mut AnyConnection, person, role: Role| {
            diesel::update(user(person))
                .set(s::users::role.eq(role.as_str()))
                .execute(db)
        };
        let disabled = |db: &mut AnyConnection, person, at: Option<_>| {
            diesel::update(user(person))
                .set(s::users::disabled_at.eq(at))
                .execute(db)
        };
        let now = self.clock.now();
        match change {
            Change::TakeRole(person) => role(&mut db, person, Role::BillingManager),
            Change::GiveRole(person) => role(&mut db, person, Role::BillingAdministrator),
            Change::Disable(person) => disabled(&mut db, person, Some(now)),
            Change::Enable(person) => disabled(&mut db, person, None),
            Change::Leave(person, group) => diesel::delete(
                s::group_members::table.find((id_of_person(person), id_of_group(group))),
            )
            .execute(&mut *db),
            Change::Join(person, group) => {
                rows::join(&mut db, person, group);
                Ok(1)
            }
            Change::Move(group, organization) => {
                diesel::update(s::billing_groups::table.find(id_of_group(group)))
                    .set(s::billing_groups::organization_id.eq(ORGANIZATIONS[organization]))
                    .execute(&mut *db)
            }
        }
        .unwrap();
    }

    fn operator_sets(&self, group: Group, set: Set) -> Held {
        let id = id_of_group(group);
        let now = self.clock.now();
        let done = self.node(Node::A).db.write(|db| {
            let version: i64 = s::billing_groups::table
                .find(&id)
                .select(s::billing_groups::version)
                .first(db)?;
            payment_methods::store::claim_version(db, &id, version)?;
            match rows::set_method(db, &self.gateway, group, set, now) {
                Some(old) => jobs::add(db, jobs::Kind::RevokeKey, old.as_str(), now, now),
                None => Ok(()),
            }
        });
        self.ledger().operator_set = Some(id);
        told("the operator", done)
    }

    fn spoil_verification(&self, person: Person, group: Group, spoil: Spoil) {
        let mut db = self.connection();
        let Ok(run) = newest_run(&mut db, person, group) else {
            return;
        };
        let of_run = s::verifications::table.filter(s::verifications::registration_id.eq(&run));
        match spoil {
            Spoil::Remove => diesel::delete(of_run).execute(&mut *db),
            // A code that is still to be entered is used up by nobody.
            Spoil::UseUp => {
                diesel::update(of_run.filter(s::verifications::verified_at.is_not_null()))
                    .set(s::verifications::used_at.eq(self.clock.now()))
                    .execute(&mut *db)
            }
        }
        .unwrap();
        let mut ledger = self.ledger();
        ledger.spoil(&run, "phone");
        ledger.spoil(&run, "business");
    }
}

fn is_deadly(fate: Fate) -> bool {
    matches!(fate, Fate::Dies(_))
}

/// None when the process died of the gateway's script; any other panic goes on.
fn or_died<T>(work: impl FnOnce() -> Result<T, Error>) -> Option<Result<T, Error>> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(done) => Some(done),
        Err(cause) if cause.is::<Died>() => None,
        Err(cause) => resume_unwind(cause),
    }
}
