//! Figures of a provider that fails. `bin/bench providers` runs it and keeps the table that it prints at its end.
//!
//! 1. Ten thousand registrations against a PortOne that fails one call in five, in every way that it can: the
//!    invariants are counted afterwards.
//! 2. The tab while a provider takes 30 s for each answer, against the idle tab.
#![allow(clippy::unwrap_used, reason = "a bench may fail where it stands")]

#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../../tests/it/app.rs"]
mod app;
mod console;
mod hanging;
mod invariants;
#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../../tests/it/person.rs"]
mod person;
#[allow(dead_code, reason = "the tests use more of it")]
mod portone;
mod registrations;
mod report;

fn main() {
    let number = |name: &str, default: usize| {
        std::env::var(name).map_or(default, |text| text.parse().unwrap())
    };
    let seed = number("BENCH_SEED", 1) as u64;
    println!("seed {seed} (BENCH_SEED)");
    let (held, mut figures) = registrations::run(number("BENCH_REGISTRATIONS", 10_000), seed);
    figures.push(hanging::run(number("BENCH_ROUNDS", 5)));
    report::print(&figures);
    if held.broken > 0 {
        std::process::exit(1);
    }
}
