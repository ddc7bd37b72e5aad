//! Registrations by many people at once, against a provider that fails.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use crate::{
    console::Console,
    invariants::{self, Held},
    person::Person,
    portone::{
        fake::{CODE, TOO_LONG},
        faults::{Fault, every_quick_fault},
    },
    report::Figure,
};

const PEOPLE: usize = 24;
const ORGANIZATIONS: usize = 480;
const BAD_CARDS: [&str; 3] = ["4000056655665556", "5105105105105100", "4000000000000002"];
/// A person gives a step up after so many answers that ask to try again.
const MOST_TRIES: usize = 40;

/// Makes `count` registrations; which invariants hold afterwards, and the figures.
pub fn run(count: usize, seed: u64) -> (Held, Vec<Figure>) {
    let console = Console::start(ORGANIZATIONS);
    let mut faults = every_quick_fault();
    faults.push(Fault::DoneSlow(TOO_LONG));
    console.fake.fail_one_in(5, faults, seed);

    // One after another: an address may not try many passwords at once.
    let signed_in: Vec<Vec<(usize, Person)>> = (0..PEOPLE)
        .map(|person| {
            let own = (person..ORGANIZATIONS).step_by(PEOPLE);
            own.map(|at| (at, console.sign_in(at))).collect()
        })
        .collect();

    let (next, outcomes) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    let began = Instant::now();
    thread::scope(|scope| {
        for own in &signed_in {
            let (next, outcomes) = (&next, &outcomes);
            scope.spawn(move || {
                for turn in 0.. {
                    let (organization, person) = &own[turn % own.len()];
                    // A group whose registration is still being confirmed takes no other.
                    let Some(run) = begin(person, &format!("group{organization}")) else {
                        thread::sleep(Duration::from_millis(20));
                        continue;
                    };
                    let number = next.fetch_add(1, Ordering::SeqCst);
                    if number >= count {
                        return;
                    }
                    let outcome = register(person, &run, number);
                    *outcomes.lock().unwrap().entry(outcome).or_insert(0_usize) += 1;
                }
            });
        }
    });
    let seconds = began.elapsed().as_secs();
    println!("{count} registrations by {PEOPLE} people at once in {seconds} s");
    let outcomes = outcomes.into_inner().unwrap();
    for (outcome, times) in &outcomes {
        println!("  {times:6} {outcome}");
    }
    let struck = console.fake.struck();
    let mut by_fault: BTreeMap<&str, usize> = BTreeMap::new();
    for ((_, fault), times) in &struck {
        *by_fault.entry(fault).or_default() += times;
    }
    let failed = format!(
        "{} calls failed, in {} ways at {} operations",
        by_fault.values().sum::<usize>(),
        by_fault.len(),
        struck
            .keys()
            .map(|(operation, _)| format!("{operation:?}"))
            .collect::<std::collections::BTreeSet<_>>()
            .len()
    );
    println!("{failed}");
    for (fault, times) in by_fault {
        println!("  {times:6} {fault}");
    }
    console.fake.heal();
    let held = invariants::hold(&console);
    let ended: Vec<String> = outcomes
        .iter()
        .map(|(outcome, times)| format!("{times} {outcome}"))
        .collect();
    let figures = vec![
        Figure {
            name: "registrations while the provider fails one call in five".into(),
            measured: count as f64,
            at_most: None,
            note: format!(
                "by {PEOPLE} people at once in {seconds} s: {}; {failed}",
                ended.join(", ")
            ),
        },
        Figure {
            name: format!("invariants broken afterwards, of {}", held.counted),
            measured: held.broken as f64,
            at_most: Some(0.0),
            note: format!(
                "counted once all that was open had ended, {} s later",
                held.drained.as_secs()
            ),
        },
    ];
    (held, figures)
}

/// The address of a new run.
fn begin(person: &Person, group: &str) -> Option<String> {
    let tab = person.open("/billing/payment-methods");
    let page = person.send(&tab, &format!("/billing/groups/{group}/registrations"), &[]);
    let first = page.location.filter(|to| !to.ends_with("/confirming"))?;
    Some(first.rsplit_once('/').unwrap().0.to_owned())
}

/// One way through the wizard; how it ended for its person.
fn register(person: &Person, run: &str, number: usize) -> &'static str {
    let is_named = number.is_multiple_of(2);
    let method = if is_named {
        "named_card"
    } else {
        "anonymous_corporate_card"
    };
    // A console that is busy says 503.
    if !(0..MOST_TRIES).any(|_| person.choose(run, method).status == 303) {
        return "not begun";
    }
    let is_verified = if is_named {
        verify_phone(person, run, number)
    } else {
        verify_business(person, run)
    };
    if !is_verified {
        return "not verified";
    }
    let card = match number % 20 {
        bad @ 0..3 => BAD_CARDS[bad],
        _ if is_named => "4242424242424242",
        _ => "5555555555554444",
    };
    enter_card(person, run, card)
}

fn verify_business(person: &Person, run: &str) -> bool {
    let path = format!("{run}/business-number");
    (0..MOST_TRIES).any(|_| {
        let page = person.fill(&path, &[("business_number", "999-81-00015")]);
        page.status == 303
    })
}

/// A number of its own for each try: a code that may have been sent makes its number wait.
fn verify_phone(person: &Person, run: &str, number: usize) -> bool {
    let is_sent = (0..5).any(|again| {
        let phone = format!("010{:08}", 10_000_000 + number * 8 + again);
        let fields = [
            ("holder_name", "김하나"),
            ("birth_date", "900101"),
            ("birth_digit", "2"),
            ("carrier", "skt"),
            ("phone_number", phone.as_str()),
        ];
        person.fill(&format!("{run}/phone"), &fields).status == 303
    });
    let path = format!("{run}/phone-code");
    is_sent
        && (0..MOST_TRIES).any(|_| {
            let page = person.open(&path);
            if page.status != 200 {
                return page.location.is_some_and(|to| to.ends_with("/card"));
            }
            person.send(&page, &path, &[("code", CODE)]).status == 303
        })
}

fn enter_card(person: &Person, run: &str, card: &str) -> &'static str {
    let path = format!("{run}/card");
    for _ in 0..MOST_TRIES {
        let page = person.open(&path);
        if page.status != 200 {
            return "led elsewhere";
        }
        let page = person.send(&page, &path, &crate::person::card(card));
        match (page.status, page.location.as_deref()) {
            (303, Some(to)) if to.ends_with("/complete") => return "registered",
            (303, Some(to)) if to.ends_with("/confirming") => return "being confirmed",
            (422, _) if card.starts_with("42") || card.starts_with("55") => {}
            (422, _) => return "refused for good",
            (429, _) => return "too many refusals",
            (503, _) => thread::sleep(Duration::from_millis(20)),
            other => panic!("{other:?}: {}", page.body),
        }
    }
    "given up"
}
