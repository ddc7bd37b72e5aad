//! The registration's protocol under random people, steps, faults and interleavings: two nodes on one database,
//! a clock that the simulation moves and a gateway that does as it is told. Every promise is checked after
//! everything that happens. A failure prints its seed and the shortest way to it that was found.

mod acts;
mod facts;
mod gateway;
mod invariants;
mod ledger;
mod model;
mod naive;
mod rows;
mod scripted;
mod steps;
mod wizard;
mod world;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, atomic::Ordering},
};

use billing_console::secrets::random_hex;
use proptest::test_runner::{Config, RngSeed, TestCaseError, TestError, TestRunner};
use proptest_state_machine::ReferenceStateMachine;

use self::{
    invariants::Violation,
    model::Model,
    world::{Protocol, World},
};

/// Steps of one run.
const STEPS: usize = 50;
/// Runs in `bin/test`; `BILLING_SIMULATION_RUNS` sets another number.
const RUNS: u64 = 200;

/// What 200 runs come to, more than once each. A rule is counted where a key was heard of and it alone forbids the commit.
const OUTCOMES: [&str; 14] = [
    "committed",
    "told committed",
    "told refused",
    "told not sent",
    "told unknown",
    "told overtaken",
    "died",
    "worker died",
    "undone with a key",
    "settled",
    "rule 9",
    "rule 10",
    "I8",
    "I9",
];

/// A run that broke a promise.
#[derive(Debug)]
struct Broken {
    violation: Violation,
    told: String,
}

/// One run from its seed: 50 steps, then all is drained.
fn simulate(world: &Arc<World>, seed: u64, max_shrink_iters: u32) -> Result<(), Broken> {
    let config = Config {
        cases: 1,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(seed),
        max_shrink_iters,
        max_shrink_time: 60_000,
        ..Config::default()
    };
    let last = Mutex::new(None);
    let run = TestRunner::new(config).run(
        &Model::sequential_strategy(STEPS),
        |(mut model, steps, seen)| {
            world.begin(&model.rights);
            for step in steps {
                if let Some(seen) = seen.as_ref().filter(|_| max_shrink_iters > 0) {
                    seen.fetch_add(1, Ordering::SeqCst);
                }
                model = Model::apply(model, &step);
                world
                    .step(&step)
                    .map_err(|violation| fail(&last, violation))?;
                assert_eq!(world.ledger().rights, model.rights, "the model is in step");
            }
            world.drain().map_err(|violation| fail(&last, violation))
        },
    );
    match run {
        Ok(()) => Ok(()),
        Err(TestError::Fail(reason, (_, steps, _))) => {
            let steps: Vec<String> = steps.iter().map(|step| format!("  {step:?}\n")).collect();
            let violation = last.into_inner().unwrap().unwrap_or(Violation {
                rule: "panic",
                what: reason.to_string(),
            });
            Err(Broken {
                violation,
                told: format!("{reason}\nafter\n{}", steps.concat()),
            })
        }
        Err(aborted) => panic!("{aborted}"),
    }
}

fn fail(last: &Mutex<Option<Violation>>, violation: Violation) -> TestCaseError {
    let told = TestCaseError::fail(violation.to_string());
    *last.lock().unwrap() = Some(violation);
    told
}

fn setting(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name} takes a number, not {text:?}")),
    )
}

#[test]
fn every_promise_holds_whatever_happens() {
    let world = World::new(Protocol::Intent);
    let first = setting("BILLING_SIMULATION_SEED");
    let runs = setting("BILLING_SIMULATION_RUNS").unwrap_or(if first.is_some() { 1 } else { RUNS });
    let first =
        first.unwrap_or_else(|| u64::from_str_radix(&random_hex::<4>().unwrap(), 16).unwrap());
    println!("{runs} runs of {STEPS} steps from seed {first}");
    let mut tally = BTreeMap::new();
    for seed in first..first + runs {
        if let Err(broken) = simulate(&world, seed, 4000) {
            panic!(
                "{}replay: BILLING_SIMULATION_SEED={seed} cargo nextest run --all-features simulation",
                broken.told
            );
        }
        for (what, count) in &world.ledger().tally {
            *tally.entry(*what).or_insert(0) += count;
        }
    }
    println!("{tally:?}");
    // A simulation in which nothing happens proves nothing.
    if runs >= RUNS {
        let happened = |what| tally.get(what).copied().unwrap_or(0);
        for what in OUTCOMES {
            assert!(happened(what) > 0, "{what} never happened");
        }
        assert!(
            happened("committed") > happened("told committed"),
            "no card was adopted"
        );
    }
}

/// What a control breaks first.
fn broken_by(control: Protocol) -> &'static str {
    let world = World::new(control);
    let broken = (0..20).find_map(|seed| simulate(&world, seed, 0).err());
    broken.expect("the control fails").violation.rule
}

#[test]
fn the_naive_order_breaks_a_promise() {
    assert_eq!(broken_by(Protocol::CallFirst), "I3");
}

#[test]
fn a_commit_that_does_not_look_at_a_right_or_at_a_verification_breaks_its_promise() {
    for rule in ["I8", "I9"] {
        assert_eq!(broken_by(Protocol::Without(rule)), rule);
    }
}
