//! What must hold after everything that happens, and what must hold of it.

use std::{collections::BTreeSet, fmt};

use billing_console::{audit, db::AnyConnection, registration::rules::OPEN_FOR};
use chrono::{NaiveDateTime, TimeDelta};

use super::facts::{AttemptFacts, Facts, Method, RunFacts};

/// A promise that was broken.
#[derive(Debug, Clone)]
pub struct Violation {
    /// As in the table of invariants; others by a word.
    pub rule: &'static str,
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.rule, self.what)
    }
}

pub type Held = Result<(), Violation>;

/// Fails with `rule` unless it holds.
fn hold(rule: &'static str, holds: bool, what: impl FnOnce() -> String) -> Held {
    if holds {
        Ok(())
    } else {
        Err(Violation { rule, what: what() })
    }
}

/// Longer than the wait between any two tries of a job.
const LONGEST_PAUSE: TimeDelta = TimeDelta::seconds(60);

/// A moment, and what the gateway and the running processes know at it.
pub struct Moment<'a> {
    pub now: NaiveDateTime,
    pub facts: &'a Facts,
    /// Name and reference of each live key.
    pub live: Vec<(String, String)>,
    /// The references of calls whose process lives and will hear of the key.
    pub held: &'a [String],
    pub revoked_in_use: Vec<String>,
    /// References of which the gateway told somebody.
    pub told: BTreeSet<String>,
}

impl Moment<'_> {
    /// What holds at every moment.
    pub fn check(&self, db: &mut AnyConnection) -> Held {
        self.one_method_a_group()?;
        self.keys()?;
        self.one_audit_row_a_commit()?;
        self.intents()?;
        self.gateway_has_the_word()?;
        self.runs()?;
        for chain in audit::verify(db).unwrap() {
            hold("I6", chain.fault.is_none(), || format!("{chain:?}"))?;
        }
        hold("I7", self.revoked_in_use.is_empty(), || {
            format!(
                "revoked while a group paid by it: {:?}",
                self.revoked_in_use
            )
        })
    }

    /// I1. The primary key sees to one; the status tells which.
    fn one_method_a_group(&self) -> Held {
        for (id, group) in &self.facts.groups {
            let told = match &group.method {
                None => "required",
                Some(Method::Card { .. }) => "card",
                Some(Method::Account) => "account",
            };
            hold("I1", told == group.status, || format!("{id} is {group:?}"))?;
        }
        Ok(())
    }

    /// I2, and I3 before all is drained: what lives is paid by, or somebody is bound to look after it.
    fn keys(&self) -> Held {
        let active = self.facts.active_keys();
        let live: BTreeSet<&str> = self.live.iter().map(|(name, _)| name.as_str()).collect();
        for key in &active {
            hold("I2", live.contains(key), || {
                format!("{key} is paid by and dead")
            })?;
        }
        for (key, reference) in &self.live {
            let mut attempts = self.facts.attempts.iter();
            let attempt = attempts.find(|attempt| attempt.gateway_reference == *reference);
            let is_looked_after = active.contains(key.as_str())
                || self.held.contains(reference)
                || self.facts.has_job("revoke_key", key)
                || attempt.is_some_and(|attempt| {
                    attempt.is_in_flight() || self.facts.has_job("sweep_attempt", &attempt.id)
                });
            hold("I3", is_looked_after, || {
                format!("{key} lives and is nobody's: {attempt:?}")
            })?;
        }
        Ok(())
    }

    /// I6.
    fn one_audit_row_a_commit(&self) -> Held {
        let committed = self
            .facts
            .attempts
            .iter()
            .filter(|attempt| attempt.state == "committed");
        let mut expected: Vec<_> = committed
            .map(|attempt| {
                (
                    Some(attempt.reference.as_str()),
                    attempt.user.as_str(),
                    attempt.group.as_str(),
                )
            })
            .collect();
        let commits = self.facts.commits.iter();
        let mut told: Vec<_> = commits
            .map(|row| {
                (
                    row.reference.as_deref(),
                    row.actor.as_str(),
                    row.group.as_str(),
                )
            })
            .collect();
        expected.sort_unstable();
        told.sort_unstable();
        hold("I6", expected == told, || {
            format!("committed {expected:?}, told {told:?}")
        })
    }

    /// I11 while the gateway may be silent: whoever looks an open intent up is due in time.
    fn intents(&self) -> Held {
        let open = self
            .facts
            .attempts
            .iter()
            .filter(|attempt| attempt.is_in_flight());
        let mut groups = BTreeSet::new();
        for attempt in open {
            hold("one in flight", groups.insert(&attempt.group), || {
                format!("{attempt:?}")
            })?;
            let job = self.facts.job("settle_attempt", &attempt.id);
            let is_due = job.is_some_and(|job| job.due_at <= self.now + LONGEST_PAUSE);
            hold("I11", is_due, || format!("{attempt:?} waits for {job:?}"))?;
        }
        Ok(())
    }

    /// Silence ends no attempt: only what the gateway said does, or that nothing was sent.
    fn gateway_has_the_word(&self) -> Held {
        let attempts = self.facts.attempts.iter();
        let mut ended =
            attempts.filter(|attempt| !attempt.is_in_flight() && attempt.state != "not_sent");
        let untold = ended.find(|attempt| !self.told.contains(&attempt.gateway_reference));
        hold("gateway's word", untold.is_none(), || {
            format!("{untold:?} was ended in silence")
        })
    }

    /// A run's state tells of its attempts, and one that ended keeps nothing.
    fn runs(&self) -> Held {
        for run in &self.facts.runs {
            let mut own = self
                .facts
                .attempts
                .iter()
                .filter(|attempt| attempt.run == run.id);
            let holds = match run.state.as_str() {
                "confirming" => own.any(AttemptFacts::is_in_flight),
                "complete" => own.filter(|attempt| attempt.state == "committed").count() == 1,
                _ => own.all(|attempt| !attempt.is_in_flight() && attempt.state != "committed"),
            };
            hold("runs", holds, || {
                format!("{run:?} of {:?}", self.facts.attempts)
            })?;
            let has_ended = !matches!(run.state.as_str(), "open" | "confirming");
            hold("I10", !has_ended || !run.keeps_answers, || {
                format!("{run:?} keeps answers")
            })?;
        }
        Ok(())
    }

    /// I11 once the gateway has answered for a while.
    pub fn check_settled(&self) -> Held {
        let open = self
            .facts
            .attempts
            .iter()
            .filter(|attempt| attempt.is_in_flight());
        let open: Vec<_> = open.collect();
        hold("I11", open.is_empty(), || format!("still open: {open:?}"))
    }

    /// What holds besides when nothing is left to do: I3, I11, and no run that was left alone.
    pub fn check_drained(&self) -> Held {
        self.check_settled()?;
        hold("I11", self.facts.jobs.is_empty(), || {
            format!("not done: {:?}", self.facts.jobs)
        })?;
        let live: BTreeSet<&str> = self.live.iter().map(|(name, _)| name.as_str()).collect();
        let active = self.facts.active_keys();
        hold("I3", live == active, || {
            format!("live {live:?}, paid by {active:?}")
        })?;
        let is_old = |run: &&RunFacts| run.state == "open" && self.now - run.created_at >= OPEN_FOR;
        let old: Vec<_> = self.facts.runs.iter().filter(is_old).collect();
        hold("runs", old.is_empty(), || format!("left alone: {old:?}"))
    }
}

/// What happened between two moments, and what was to happen.
pub struct Passage<'a> {
    pub before: &'a Facts,
    pub after: &'a Facts,
    /// The group that the operator set.
    pub operator_set: Option<&'a str>,
    /// The key that the gateway made for a reference.
    pub key_of: &'a dyn Fn(&str) -> Option<String>,
    /// The attempt that had to be committed, or the rule that forbids it; nothing else may be.
    pub due: Result<&'a str, &'static str>,
}

impl<'a> Passage<'a> {
    /// The attempts that were committed.
    pub fn commits(&self) -> impl Iterator<Item = &'a AttemptFacts> {
        let (before, after) = (self.before, self.after);
        let was_committed = move |id: &str| {
            let mut attempts = before.attempts.iter();
            attempts.any(|attempt| attempt.id == id && attempt.state == "committed")
        };
        let committed = after
            .attempts
            .iter()
            .filter(|attempt| attempt.state == "committed");
        committed.filter(move |attempt| !was_committed(&attempt.id))
    }

    /// I7, and what was settled stays so.
    pub fn check(&self) -> Held {
        for (id, before) in &self.before.groups {
            let after = &self.after.groups[id];
            let commits = self
                .commits()
                .filter(|attempt| attempt.group == *id)
                .count();
            let changes = commits + usize::from(self.operator_set == Some(id));
            hold(
                "I7",
                before.method.is_none() || after.method.is_some(),
                || format!("{id} had {before:?} and has none"),
            )?;
            let may_differ = changes > 0 || before.method == after.method;
            hold("I7", may_differ, || {
                format!("{id} had {before:?}, has {after:?}")
            })?;
            let version = before.version + i64::try_from(changes).unwrap();
            hold("rule 10", version == after.version, || {
                format!("{id} was {before:?}, is {after:?} after {changes} changes")
            })?;
        }
        for attempt in self.commits() {
            let method = &self.after.groups[&attempt.group].method;
            let own = (self.key_of)(&attempt.gateway_reference).map(|key| Method::Card { key });
            hold("rule 10", *method == own, || {
                format!("{attempt:?} was committed as {method:?}, its key is {own:?}")
            })?;
        }
        for attempt in self
            .before
            .attempts
            .iter()
            .filter(|attempt| !attempt.is_in_flight())
        {
            let stays = self.after.attempts.contains(attempt);
            hold("settled", stays, || {
                format!("{attempt:?} was settled otherwise")
            })?;
        }
        Ok(())
    }

    /// The model's word on what had to be committed: that, and nothing else.
    pub fn check_due(&self) -> Held {
        let commits: Vec<_> = self.commits().map(|attempt| attempt.id.as_str()).collect();
        let due: Vec<_> = self.due.into_iter().collect();
        hold(self.due.err().unwrap_or("model"), commits == due, || {
            format!("committed {commits:?}, the model commits {due:?}")
        })
    }
}
