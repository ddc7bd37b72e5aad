//! The tab while the provider takes its time.

use std::{
    thread,
    time::{Duration, Instant},
};

use crate::{
    console::Console,
    person::{Person, card},
    portone::faults::{Fault, Operation},
    report::Figure,
};

const WAITING: usize = 32;
const LOOKS: usize = 400;

/// In each round the idle tab, then the tab while 32 posts wait for a provider that would answer in 30 s.
pub fn run(rounds: usize) -> Figure {
    let console = Console::start(WAITING + 1);
    let looker = console.sign_in(WAITING);
    let waiting: Vec<Person> = (0..WAITING).map(|at| console.sign_in(at)).collect();
    looks(&looker);
    let mut measured = Vec::new();
    for _ in 0..rounds {
        let idle = looks(&looker);
        let pages: Vec<String> = waiting
            .iter()
            .enumerate()
            .map(|(at, person)| person.reach_the_anonymous_card_page(&format!("group{at}")))
            .collect();
        for _ in 0..WAITING {
            let late = Fault::Slow(Duration::from_secs(30));
            console.fake.next(Operation::Issue, late);
        }
        let busy = thread::scope(|scope| {
            let posts: Vec<_> = waiting
                .iter()
                .zip(&pages)
                .map(|(person, run)| {
                    scope.spawn(move || {
                        person.fill(&format!("{run}/card"), &card("5555555555554444"))
                    })
                })
                .collect();
            thread::sleep(Duration::from_secs(2));
            let busy = looks(&looker);
            assert!(
                posts.iter().all(|post| !post.is_finished()),
                "they waited all the time"
            );
            for post in posts {
                post.join().unwrap();
            }
            busy
        });
        let ratio = busy.as_secs_f64() / idle.as_secs_f64();
        println!(
            "  the tab's median: idle {} µs, {WAITING} posts waiting {} µs, ratio {ratio:.2}",
            idle.as_micros(),
            busy.as_micros()
        );
        measured.push((ratio, idle, busy));
        // What was asked is done 30 s later, found and ended: the next round begins with nothing open.
        thread::sleep(Duration::from_secs(25));
        crate::invariants::drain(&console);
    }
    measured.sort_by(|one, other| one.0.total_cmp(&other.0));
    let (ratio, idle, busy) = measured[measured.len() / 2];
    Figure {
        name: format!(
            "the tab's median while {WAITING} posts wait for a provider that answers in 30 s ÷ its idle median"
        ),
        measured: ratio,
        at_most: Some(1.2),
        note: format!(
            "{} µs and {} µs in the middle one of {rounds} rounds",
            busy.as_micros(),
            idle.as_micros()
        ),
    }
}

/// The median time of the tab.
fn looks(person: &Person) -> Duration {
    let mut times: Vec<Duration> = (0..LOOKS)
        .map(|_| {
            let began = Instant::now();
            assert_eq!(person.open("/billing/payment-methods").status, 200);
            began.elapsed()
        })
        .collect();
    times.sort();
    times[LOOKS / 2]
}
