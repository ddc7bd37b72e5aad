//! What the simulation knows by itself of verifications, posts and calls.

use std::collections::{BTreeMap, BTreeSet};

use billing_console::registration::{Choice, Run, attempt::Attempt};

use super::{
    facts::{AttemptFacts, Facts},
    gateway::Heard,
    model::Rights,
    steps::{Group, Kind, Node, Person},
};

/// A card that was posted and has no answer yet.
pub struct Post {
    pub node: Node,
    pub run: Run,
    /// None where no intent is written.
    pub attempt: Option<Attempt>,
}

pub struct Ledger {
    pub rights: Rights,
    /// Runs whose phone or business number is verified, and not used up.
    verified: BTreeSet<(String, &'static str)>,
    pub posts: Vec<Post>,
    /// The page of each post, and the attempt that it made.
    pub pages: Vec<Page>,
    /// References of calls whose process lives.
    pub held: Vec<String>,
    /// The attempt that the present act has to commit, or the rule that forbids it.
    pub due: Result<String, &'static str>,
    /// The group that the operator set in the present act.
    pub operator_set: Option<String>,
    /// Seen at the end of the last act.
    pub facts: Facts,
    /// How often what happened.
    pub tally: BTreeMap<&'static str, usize>,
    pub codes_sent: u32,
}

/// A card page that was posted.
#[derive(Clone)]
pub struct Page {
    pub run: String,
    pub key: String,
    pub attempt: String,
}

impl Ledger {
    pub fn new(rights: Rights, facts: Facts) -> Self {
        Self {
            rights,
            facts,
            verified: BTreeSet::new(),
            posts: Vec::new(),
            pages: Vec::new(),
            held: Vec::new(),
            due: Err(NOTHING_HEARD),
            operator_set: None,
            tally: BTreeMap::new(),
            codes_sent: 0,
        }
    }

    pub fn count(&mut self, what: &'static str) {
        *self.tally.entry(what).or_default() += 1;
    }

    pub fn verify(&mut self, run: &str, kind: &'static str) {
        self.verified.insert((run.to_owned(), kind));
    }

    pub fn spoil(&mut self, run: &str, kind: &'static str) {
        self.verified.remove(&(run.to_owned(), kind));
    }

    /// A commit uses the verification up.
    pub fn use_up(&mut self, attempt: &AttemptFacts) {
        self.verified.retain(|(run, _)| *run != attempt.run);
    }

    /// Decides what becomes of a key that somebody hears of; gives the rule that alone forbids its commit.
    pub fn hear(&mut self, facts: &Facts, heard: &Heard) -> Option<&'static str> {
        let mut attempts = facts.attempts.iter();
        let attempt = attempts.find(|attempt| attempt.gateway_reference == heard.reference)?;
        let broken = self.broken_rules(facts, attempt, heard.kind);
        self.due = match broken.first() {
            None => Ok(attempt.id.clone()),
            Some(rule) => Err(rule),
        };
        let [alone] = broken[..] else { return None };
        self.count(alone);
        Some(alone)
    }

    /// The rules of a commit (rules 4, 8, 9 and 10; I8 and I9), once more and by themselves: those that forbid it.
    fn broken_rules(&self, facts: &Facts, attempt: &AttemptFacts, kind: Kind) -> Vec<&'static str> {
        let run = facts.run(&attempt.run);
        let choice = run.and_then(|run| Choice::parse(run.choice.as_deref()?));
        let Some((choice, needed)) = choice.and_then(|choice| Some((choice, kind_for(choice)?)))
        else {
            return vec!["rule 8"];
        };
        let needed = (attempt.run.clone(), needed);
        let (person, group) = (person_of(&attempt.user), group_of(&attempt.group));
        let rules = [
            ("settled", attempt.is_in_flight()),
            ("rule 9", kind.is_taken_as(choice)),
            (
                "rule 10",
                facts.groups[&attempt.group].version == attempt.group_version,
            ),
            ("I9", self.rights.may_change(person, group)),
            ("I8", self.verified.contains(&needed)),
        ];
        let broken = rules.into_iter().filter(|(_, holds)| !holds);
        broken.map(|(rule, _)| rule).collect()
    }
}

/// Why nothing is committed where no gateway told of a key.
pub const NOTHING_HEARD: &str = "no key, no commit";

fn kind_for(choice: Choice) -> Option<&'static str> {
    match choice {
        Choice::NamedCard => Some("phone"),
        Choice::AnonymousCorporateCard => Some("business"),
        Choice::DedicatedAccount => None,
    }
}

pub fn id_of_person(person: Person) -> String {
    format!("person-{}", person.0)
}

pub fn id_of_group(group: Group) -> String {
    format!("group-{}", group.0)
}

fn person_of(id: &str) -> Person {
    Person(number_of(id))
}

fn group_of(id: &str) -> Group {
    Group(number_of(id))
}

fn number_of(id: &str) -> usize {
    id.rsplit_once('-').unwrap().1.parse().unwrap()
}
