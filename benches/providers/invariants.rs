//! What must hold after everything that was open has ended (I1 to I3, I6 to I8, I10).

use std::{
    collections::BTreeSet,
    thread,
    time::{Duration, Instant},
};

use billing_console::{audit::verify, db::schema as s};
use diesel::{dsl::count_star, prelude::*};

use crate::console::Console;

/// What the count came to.
pub struct Held {
    pub counted: usize,
    pub broken: usize,
    pub drained: Duration,
}

/// Lets everything end, then counts.
pub fn hold(console: &Console) -> Held {
    let began = Instant::now();
    drain(console);
    let drained = began.elapsed();
    println!("drained in {} s", drained.as_secs());
    let mut db = console.db.connection().unwrap();
    let (mut counted, mut broken) = (0, 0);
    let mut line = |what: &str, found: String, holds: bool| {
        println!(
            "  {} {what}: {found}",
            if holds { "holds" } else { "BROKEN" }
        );
        counted += 1;
        broken += usize::from(!holds);
    };

    let methods: Vec<(String, Option<String>)> = s::payment_methods::table
        .select((
            s::payment_methods::group_id,
            s::payment_methods::billing_key,
        ))
        .load(&mut *db)
        .unwrap();
    let groups: BTreeSet<&String> = methods.iter().map(|(group, _)| group).collect();
    line(
        "I1, at most one method a group",
        format!("{} methods of {} groups", methods.len(), groups.len()),
        methods.len() == groups.len(),
    );

    let live: BTreeSet<String> = console.fake.live_keys().into_iter().collect();
    let charged: BTreeSet<String> = methods.iter().filter_map(|(_, key)| key.clone()).collect();
    line(
        "I2, each card's key lives",
        format!("{} dead", charged.difference(&live).count()),
        charged.is_subset(&live),
    );
    line(
        "I3, no key lives that is nobody's",
        format!(
            "{} live keys, {} too many",
            live.len(),
            live.difference(&charged).count()
        ),
        live.is_subset(&charged),
    );

    let commits: i64 = s::card_attempts::table
        .filter(s::card_attempts::state.eq("committed"))
        .select(count_star())
        .first(&mut *db)
        .unwrap();
    let rows: i64 = s::audit_rows::table
        .filter(
            s::audit_rows::action.eq_any(["payment_method.registered", "payment_method.changed"]),
        )
        .select(count_star())
        .first(&mut *db)
        .unwrap();
    line(
        "I6, one audit row a commit",
        format!("{commits} commits, {rows} rows"),
        commits == rows && commits > 0,
    );
    let chains = verify(&mut db).unwrap();
    let faults = chains.iter().filter(|chain| chain.fault.is_some()).count();
    line(
        "the audit trail",
        format!("{} chains, {faults} with a fault", chains.len()),
        faults == 0,
    );

    let with_commit: Vec<String> = s::card_attempts::table
        .filter(s::card_attempts::state.eq("committed"))
        .select(s::card_attempts::group_id)
        .distinct()
        .load(&mut *db)
        .unwrap();
    let lost = with_commit.iter().filter(|group| !groups.contains(group));
    let lost = lost.count();
    line(
        "I7, no group lost its method",
        format!("{} groups had one, {lost} have none", with_commit.len()),
        lost == 0,
    );

    let used: i64 = s::verifications::table
        .filter(s::verifications::used_at.is_not_null())
        .filter(s::verifications::verified_at.is_not_null())
        .select(count_star())
        .first(&mut *db)
        .unwrap();
    line(
        "I8, one verification used up by each commit",
        format!("{used} used, {commits} commits"),
        used == commits,
    );

    let found = secrets_at_rest(console);
    line(
        "I10, no number, code or birth digit at rest",
        format!("{found} found"),
        found == 0,
    );
    Held {
        counted,
        broken,
        drained,
    }
}

/// The worker ends what is open; the clock is moved on when nothing is due.
pub fn drain(console: &Console) {
    for _ in 0..6_000 {
        let left: i64 = s::jobs::table
            .select(count_star())
            .first(&mut *console.db.connection().unwrap())
            .unwrap();
        if left == 0 {
            return;
        }
        console.clock.move_on(5);
        thread::sleep(Duration::from_millis(50));
    }
    panic!("there is still something open");
}

/// Occurrences in the database's files of what nothing may keep.
fn secrets_at_rest(console: &Console) -> usize {
    let mut found = 0;
    for file in std::fs::read_dir(console.folder.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        for secret in [
            "4242424242424242",
            "5555555555554444",
            "4000056655665556",
            "5105105105105100",
            "4000000000000002",
            "4242 4242",
            "9001012",
            "01010000",
            "김하나",
            "CanaryPortOneSecret",
        ] {
            let secret = secret.as_bytes();
            found += bytes
                .windows(secret.len())
                .filter(|at| *at == secret)
                .count();
        }
    }
    found
}
