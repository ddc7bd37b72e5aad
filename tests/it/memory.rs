//! What a process leaves of what its memory held.

use std::{
    io::{Read, Seek, SeekFrom, Write},
    process::Command,
    time::{Duration, Instant},
};

use billing_console::demo;

use crate::{
    app::TestDatabase,
    person::Person,
    process::{Served, run},
};

#[test]
fn a_console_that_crashes_leaves_no_core_dump() {
    for command in ["demo", "serve"] {
        let database = TestDatabase::new();
        if command == "serve" {
            assert!(run(&database, &["migrate"]).status.success());
        }
        let served = Served::start(&database, &[command], &[("BILLING_GATEWAY", "sandbox")]);
        let limits = std::fs::read_to_string(format!("/proc/{}/limits", served.id())).unwrap();
        let core = limits
            .lines()
            .find_map(|line| line.strip_prefix("Max core file size"))
            .unwrap();
        let core: Vec<&str> = core.split_whitespace().take(2).collect();
        assert_eq!(core, ["0", "0"], "{command}: soft and hard");
        served.terminate();
        served.ended();
    }
}

/// How often each word stands in memory that the process can write.
fn in_memory(id: u32, words: &[&str]) -> Vec<usize> {
    let maps = std::fs::read_to_string(format!("/proc/{id}/maps")).unwrap();
    let mut memory = std::fs::File::open(format!("/proc/{id}/mem")).unwrap();
    let mut dump = tempfile::NamedTempFile::new().unwrap();
    for line in maps.lines() {
        let (range, rest) = line.split_once(' ').unwrap();
        if !rest.starts_with("rw") {
            continue;
        }
        let (begin, end) = range.split_once('-').unwrap();
        let [begin, end] = [begin, end].map(|at| u64::from_str_radix(at, 16).unwrap());
        let mut bytes = vec![0; usize::try_from(end - begin).unwrap()];
        memory.seek(SeekFrom::Start(begin)).unwrap();
        // A thread that ends meanwhile takes its memory with it.
        if memory.read_exact(&mut bytes).is_ok() {
            dump.write_all(&bytes).unwrap();
        }
    }
    let count = |word: &&str| {
        let found = Command::new("grep")
            .args(["-aoF", "-e", word])
            .arg(dump.path())
            .output();
        found.unwrap().stdout.split(|byte| *byte == b'\n').count() - 1
    };
    words.iter().map(count).collect()
}

#[test]
fn what_was_typed_is_wiped() {
    let database = TestDatabase::new();
    let served = Served::start(&database, &["demo"], &[]);
    let person = Person::new(format!("http://{}", served.authority()));
    let fields = [
        ("email", "main-admin@acme.test"),
        ("password", demo::PASSWORD),
    ];
    assert_eq!(person.post("/sign-in", &fields).status, 303);
    person.reach_the_phone_code_page("acme-ml");
    for group in ["acme-lab", "acme-web"] {
        let run = person.reach_the_anonymous_card_page(group);
        person
            .enter_card(&run, "5555555555554444")
            .leads_to(&format!("{run}/complete"));
    }
    let stays = "/billing/payment-methods?q=it-is-looked-for";
    person.open(stays);
    assert_ne!(in_memory(served.id(), &[stays]), [0]);

    let typed = [
        "card_number=5555555555554444&",
        "card_password_2=12",
        "birth_digit=2&",
        "password=open-sesame",
    ];
    let began = Instant::now();
    loop {
        let found = in_memory(served.id(), &typed);
        if found == [0; 4] {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "{found:?}");
        std::thread::sleep(Duration::from_millis(200));
    }
    served.terminate();
    served.ended();
}
