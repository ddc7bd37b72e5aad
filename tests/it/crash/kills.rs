//! The process killed while people register and change cards: at every failpoint, then at random times.
//!
//! `BILLING_CRASH_KILLS` says how often at random, `BILLING_CRASH_SEED` repeats a run's choices.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use super::{
    clients::{Client, Crowd, Random},
    console::{Process, lasting_ports, wait_for},
    invariants::{self, Memory},
    rights::Rights,
    site::{PEOPLE, Program, Site},
};
use crate::texts::{files, quoted_after};

/// Every step of the protocol, before and after it: in the request, then in the worker.
const FAILPOINTS: [&str; 12] = [
    "intent-made",
    "gateway-call",
    "sandbox-issued",
    "gateway-answered",
    "attempt-settled",
    "commit-made",
    "answer-known",
    "job-claimed",
    "look-up-answered",
    "undo-made",
    "job-done",
    "job-finished",
];

/// Makes the gateway fail; the process goes on.
const FAULT: &str = "sandbox-timed-out";

/// A gateway that now and then times out without effect, so that attempts are undone, and now and then answers late.
const GATEWAY: &str = "sandbox-timed-out=20%return;sandbox-issued=40%sleep(40)";

#[test]
fn every_failpoint_of_the_protocol_is_one_that_is_survived() {
    let mut marked = BTreeSet::new();
    for folder in ["src/registration", "src/jobs", "src/gateway"] {
        for (_, source) in files(folder, ".rs") {
            let names = quoted_after(&source, &["fail_point!(\""]);
            marked.extend(names.into_iter().map(str::to_owned));
        }
    }
    let listed = FAILPOINTS.into_iter().chain([FAULT]).map(str::to_owned);
    assert_eq!(marked, listed.collect::<BTreeSet<_>>());
}

#[test]
fn every_failpoint_is_survived_at_its_first_to_fifth_time() {
    let mut trial = Trial::begin(Program::Console, nodes());
    let lives = (1..=5).flat_map(|time| FAILPOINTS.map(|failpoint| (failpoint, time)));
    trial.run(lives, |trial, (failpoint, time)| {
        trial.nodes[0].kill();
        if trial.nodes.len() > 1 {
            trial.wait_for_adoption();
        }
        trial.site.let_time_pass();
        trial.site.lift_limits();
        let crash = format!(
            "sandbox-timed-out=20%return;{failpoint}={}*off->panic(crash)",
            time - 1
        );
        trial.start(0, &crash);
        if !trial.nodes[0].ends_within(Duration::from_secs(30)) {
            trial
                .faults
                .push(format!("{failpoint} was not reached {time} times"));
        }
    });
    trial.end().is_whole();
}

#[test]
fn the_invariants_hold_after_random_kills_of_the_process() {
    let mut trial = Trial::begin(Program::Console, nodes());
    let kills = number("BILLING_CRASH_KILLS").unwrap_or(100);
    trial.run(0..kills, Trial::kill_at_random);
    let outcome = trial.end();
    outcome.is_whole();
    outcome.is_worth(kills);
}

#[test]
fn the_naive_order_fails_the_same_kills() {
    let mut trial = Trial::begin(Program::NaiveOrder, 1);
    trial.run(0..30, Trial::kill_at_random);
    let outcome = trial.end();
    assert!(
        outcome.faults.iter().any(|fault| fault.starts_with("I3")),
        "a gateway called before anything was written left no key behind: {:?}",
        outcome.faults
    );
}

/// SQLite is one process's; on PostgreSQL two take turns, and one finishes what the other left.
fn nodes() -> usize {
    1 + usize::from(std::env::var_os("BILLING_TEST_DATABASE").is_some())
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name)
        .ok()
        .map(|number| number.parse().unwrap())
}

/// People at work on a site whose processes are killed.
struct Trial {
    program: Program,
    site: Site,
    nodes: Vec<Node>,
    random: Random,
    crowd: Arc<Crowd>,
    memory: Memory,
    rights: Rights,
    readiness: Vec<Duration>,
    faults: Vec<String>,
}

/// One address, at which processes follow one another.
struct Node {
    port: u16,
    process: Option<Process>,
}

impl Node {
    fn kill(&mut self) {
        if let Some(process) = self.process.take() {
            process.kill();
        }
    }

    fn ends_within(&mut self, time: Duration) -> bool {
        let began = Instant::now();
        let Some(process) = &mut self.process else {
            return true;
        };
        while !process.has_ended() {
            if began.elapsed() > time {
                return false;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        true
    }
}

impl Trial {
    fn begin(program: Program, nodes: usize) -> Self {
        let seed = number("BILLING_CRASH_SEED")
            .unwrap_or_else(|| chrono::Utc::now().timestamp_millis().unsigned_abs());
        println!("BILLING_CRASH_SEED={seed}");
        let site = Site::new();
        let ports: Vec<u16> = lasting_ports(nodes);
        let mut trial = Self {
            program,
            crowd: Arc::new(Crowd {
                authorities: ports
                    .iter()
                    .map(|port| format!("127.0.0.1:{port}"))
                    .collect(),
                groups: site.groups.clone(),
                told: Mutex::default(),
                is_over: AtomicBool::new(false),
            }),
            site,
            nodes: Vec::new(),
            random: Random::new(seed),
            memory: Memory::default(),
            rights: Rights::default(),
            readiness: Vec::new(),
            faults: Vec::new(),
        };
        for (index, port) in ports.into_iter().enumerate() {
            trial.nodes.push(Node {
                port,
                process: None,
            });
            trial.start(index, GATEWAY);
        }
        trial
    }

    fn start(&mut self, index: usize, failpoints: &str) {
        let node = &mut self.nodes[index];
        let mut process = self.site.start(self.program, node.port, failpoints);
        self.readiness.extend(process.readiness());
        node.process = Some(process);
    }

    /// Strikes once for each of `blows` while people work, and looks at the database after each; ends at the first fault.
    fn run<B>(&mut self, blows: impl IntoIterator<Item = B>, strike: impl Fn(&mut Self, B)) {
        let base = format!("http://{}", self.crowd.authorities[0]);
        let people: Vec<JoinHandle<()>> = (0..PEOPLE)
            .map(|number| {
                let random = self.random.fork();
                let mut client = Client::sign_in(&base, number, random);
                let crowd = self.crowd.clone();
                std::thread::spawn(move || client.go_on(&crowd))
            })
            .collect();
        for blow in blows {
            strike(self, blow);
            self.look();
            if !self.faults.is_empty() {
                break;
            }
        }
        self.crowd.is_over.store(true, Ordering::Relaxed);
        for person in people {
            person.join().unwrap();
        }
    }

    /// The processes of a site with several are killed in turn at random. Rights change while a process runs, so that
    /// requests meet it, or while it is down, so that what it finds open does.
    fn kill_at_random(&mut self, kill: u64) {
        let pause = 30 + self.random.below(400);
        std::thread::sleep(Duration::from_millis(pause as u64));
        let index = self.random.below(self.nodes.len());
        let is_down = self.random.below(2) == 0;
        if !is_down {
            self.turn_rights();
        }
        self.nodes[index].kill();
        if is_down {
            self.turn_rights();
        }
        self.start(index, GATEWAY);
        // Limits on refusals and codes are not what is tried here.
        if kill.is_multiple_of(8) {
            self.site.lift_limits();
        }
    }

    /// What is open now is settled by the process that lives.
    fn wait_for_adoption(&self) {
        let mut db = self.site.connection();
        let left = invariants::in_flight(&mut db);
        wait_for("the other process's work", || {
            self.site.let_time_pass();
            invariants::in_flight(&mut db).is_disjoint(&left)
        });
    }

    fn turn_rights(&mut self) {
        self.rights
            .turn(&mut self.site.connection(), &mut self.random);
    }

    fn look(&mut self) {
        let told = self.crowd.told.lock().unwrap().clone();
        let mut db = self.site.connection();
        self.faults
            .extend(invariants::at_any_time(&mut db, &mut self.memory, &told));
    }

    /// Restarts everything, lets it finish what is open, and looks at all that is left.
    fn end(mut self) -> Outcome {
        for index in 0..self.nodes.len() {
            self.nodes[index].kill();
            self.start(index, "");
        }
        if matches!(self.program, Program::NaiveOrder) {
            self.site.let_time_pass(); // what it takes to recover is measured of the console
        }
        let drained = self.site.drain();
        let told = self.crowd.told.lock().unwrap();
        let mut db = self.site.connection();
        self.faults.extend(invariants::once_drained(&mut db, &told));
        let outcomes = invariants::outcomes(&mut db);
        let outcome = Outcome {
            answers: told.len(),
            committed: outcomes.get("committed").copied().unwrap_or(0),
            rights_taken: self.rights.taken,
            overtaken: invariants::overtaken(&mut db),
            faults: self.faults,
        };
        self.readiness.sort();
        let at = |part: usize| self.readiness[(self.readiness.len() - 1) * part / 100];
        println!(
            "{} starts, ready after {:?} (median) to {:?}; drained {drained:?} after the last; {} answers kept; {:?}; \
             {} rights taken away, {} commits overtaken; {} faults",
            self.readiness.len(),
            at(50),
            at(100),
            outcome.answers,
            outcomes,
            outcome.rights_taken,
            outcome.overtaken,
            outcome.faults.len(),
        );
        outcome
    }
}

/// What a trial left.
struct Outcome {
    /// Of the console, each of which was held against what became of its card.
    answers: usize,
    committed: i64,
    rights_taken: usize,
    overtaken: i64,
    faults: Vec<String>,
}

impl Outcome {
    fn is_whole(&self) {
        assert!(self.faults.is_empty(), "{}", self.faults.join("\n"));
    }

    /// A trial in which nothing happened proves nothing.
    fn is_worth(&self, kills: u64) {
        for (what, is_there) in [
            ("answers", self.answers > 0),
            ("cards that were committed", self.committed > 0),
            (
                "rights that were taken",
                self.rights_taken > 0 || kills < 100,
            ),
            (
                "commits that were overtaken",
                self.overtaken > 0 || kills < 1000,
            ),
        ] {
            assert!(is_there, "no {what}");
        }
    }
}
