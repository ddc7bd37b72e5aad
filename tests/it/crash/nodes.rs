//! Two processes on one database.

use std::{
    thread::{self, JoinHandle},
    time::Duration,
};

use billing_console::db::schema as s;
use diesel::prelude::*;

use super::{
    console::{Process, wait_for},
    invariants,
    site::Site,
};
use crate::{
    cards::last_four,
    person::{Page, Person, card},
};

const GROUP: &str = "mir-00";

/// Two nodes; the first is held up.
struct Pair {
    site: Site,
    slow: Process,
    other: Process,
}

impl Pair {
    fn start(slow: &str, other: &str) -> Self {
        let site = Site::new();
        let (slow, other) = (site.console(slow), site.console(other));
        Self { site, slow, other }
    }

    fn wait_for_attempts(&self, state: &str, count: i64) {
        let mut db = self.site.connection();
        let attempts = s::card_attempts::table.filter(s::card_attempts::state.eq(state));
        wait_for(state, || {
            attempts.count().get_result::<i64>(&mut db).unwrap() == count
        });
    }

    /// Every invariant, one commit, and this card.
    fn is_whole_with(&self, digits: &str) {
        self.site.drain();
        let mut db = self.site.connection();
        let faults = invariants::once_drained(&mut db, &[]);
        assert!(faults.is_empty(), "{}", faults.join("\n"));
        assert_eq!(last_four(&mut db, GROUP).as_deref(), Some(digits));
        let commits = s::card_attempts::table.filter(s::card_attempts::state.eq("committed"));
        assert_eq!(commits.count().get_result::<i64>(&mut db).unwrap(), 1);
    }
}

/// Somebody on the card page of one of the nodes.
struct Ready {
    person: Person,
    path: String,
    form: Page,
}

impl Ready {
    fn at(process: &Process, person: usize) -> Self {
        let person = Site::sign_in(&process.base, person);
        let path = format!("{}/card", person.reach_the_anonymous_card_page(GROUP));
        let form = person.open(&path);
        Self { person, path, form }
    }

    /// The answer comes when it comes.
    fn send(self, number: &'static str) -> JoinHandle<Page> {
        thread::spawn(move || self.person.send(&self.form, &self.path, &card(number)))
    }
}

#[test]
fn of_two_nodes_that_take_a_card_of_one_group_at_once_one_commits() {
    // Both hold their intent before it is committed: the second finds the first's.
    let pair = Pair::start("intent-made=sleep(700)", "intent-made=sleep(700)");
    let people = [Ready::at(&pair.slow, 0), Ready::at(&pair.other, 1)];
    let answers = people
        .map(|person| person.send("5555555555554444"))
        .map(|answer| answer.join().unwrap());
    let told: Vec<(u16, String)> = answers
        .into_iter()
        .map(|page| (page.status, page.location.unwrap_or_default()))
        .collect();
    let committed = told
        .iter()
        .filter(|(_, place)| place.ends_with("/complete"));
    assert_eq!(committed.count(), 1, "{told:?}");
    assert!(
        told.iter()
            .any(|(status, place)| *status == 409 || place.ends_with("/confirming")),
        "{told:?}"
    );
    pair.is_whole_with("4444");
}

#[test]
fn of_two_nodes_that_commit_one_attempt_one_does_and_the_key_stays() {
    let pair = Pair::start("gateway-answered=1*sleep(5000)", "");
    let answer = Ready::at(&pair.slow, 0).send("5555555555554444");
    wait_for("the key", || pair.site.has_a_key());
    // The lease is over: a worker looks the attempt up and commits it before its own node does.
    pair.site.let_time_pass();
    pair.wait_for_attempts("committed", 1);
    let page = answer.join().unwrap();
    assert!(
        page.location.unwrap_or_default().ends_with("/complete"),
        "{}",
        page.status
    );
    pair.is_whole_with("4444");
}

#[test]
fn a_commit_that_another_nodes_overtook_is_answered_409_and_its_key_is_revoked() {
    let pair = Pair::start("gateway-call=1*sleep(8000)", "");
    let late = Ready::at(&pair.slow, 0).send("5555555555554444");
    pair.wait_for_attempts("calling", 1);
    pair.site.let_time_pass();
    pair.wait_for_attempts("compensated", 1);
    let page = Ready::at(&pair.other, 1)
        .send("9410000000000005")
        .join()
        .unwrap();
    assert!(
        page.location.unwrap_or_default().ends_with("/complete"),
        "{}",
        page.status
    );
    assert_eq!(late.join().unwrap().status, 409);
    pair.is_whole_with("0005");
}

#[test]
fn a_commit_and_the_next_intent_of_its_group_do_not_wait_for_each_other_in_a_circle() {
    // The first is held up while it commits, with the attempt settled; the second posts a card meanwhile.
    let pair = Pair::start("attempt-settled=1*sleep(2500)", "");
    let (first, second) = (Ready::at(&pair.slow, 0), Ready::at(&pair.other, 1));
    let first = first.send("5555555555554444");
    wait_for("the key", || pair.site.has_a_key());
    thread::sleep(Duration::from_millis(300));
    let late = second.send("9410000000000005");
    let page = first.join().unwrap();
    assert!(
        page.location.unwrap_or_default().ends_with("/complete"),
        "{}",
        page.status
    );
    assert_eq!(late.join().unwrap().status, 409);
    pair.is_whole_with("4444");
}
