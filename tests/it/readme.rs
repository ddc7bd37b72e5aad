//! What the README promises is so.

use std::process::Command;

use crate::{app::TestDatabase, process::told};

const README: &str = include_str!("../../README.md");
const TESTS: &str = include_str!("../README.md");

#[test]
fn the_block_that_runs_the_console_works_as_written() {
    let (_, chapter) = README.split_once("## Running it for real").unwrap();
    let block = chapter.split("```").nth(1).unwrap();
    // The build is the tests' own, the passwords come from standard input, and nobody waits for `serve` to end.
    let script: String = block
        .lines()
        .skip(1)
        .filter(|line| !line.starts_with("cargo build"))
        .map(|line| {
            let piped = if line.contains(" user ") {
                "echo a-long-enough-password | "
            } else {
                ""
            };
            format!("{piped}{line}\n")
        })
        .collect();
    let script = script
        .replace(
            "target/release/billing-console",
            env!("CARGO_BIN_EXE_billing-console"),
        )
        .replace(" serve ", " check-config --online ");
    let folder = TestDatabase::new().folder;
    let docs = concat!(env!("CARGO_MANIFEST_DIR"), "/docs");
    std::os::unix::fs::symlink(docs, folder.path().join("docs")).unwrap();
    let done = Command::new("sh")
        .args(["-ec", &script])
        .current_dir(folder.path())
        .env_remove("BILLING_DATABASE_URL")
        .output()
        .unwrap();
    assert_eq!(done.status.code(), Some(0), "{}", told(&done));
    let said = String::from_utf8(done.stdout).unwrap();
    assert!(said.ends_with("The configuration is in order.\n"), "{said}");
    let key = std::fs::metadata(folder.path().join("var/key")).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::mode(&key.permissions());
    assert_eq!(mode & 0o077, 0, "nobody else reads the key");
}

#[test]
fn every_test_that_it_names_is_there() {
    let names: Vec<&str> = [README, TESTS]
        .iter()
        .flat_map(|text| text.lines().filter(|line| line.starts_with("| ")))
        .filter_map(|row| row.rsplit('|').nth(1))
        .flat_map(|cell| {
            cell.split('`')
                .filter(|name| name.contains("::") && !name.contains(' '))
        })
        .collect();
    assert!(names.len() > 60, "{}", names.len());
    for name in names {
        let (room, rule) = name.rsplit_once("::").unwrap();
        let room = room.replace("::", "/");
        let root = env!("CARGO_MANIFEST_DIR");
        let is_there = [
            format!("{root}/tests/it/{room}.rs"),
            format!("{root}/tests/it/{room}/mod.rs"),
            format!("{root}/src/{room}.rs"),
        ]
        .iter()
        .any(|path| {
            let tests = std::fs::read_to_string(path).unwrap_or_default();
            tests.contains(&format!("fn {rule}()"))
        });
        assert!(is_there, "{name}");
    }
}

#[test]
fn every_page_and_picture_that_the_documents_lead_to_is_there() {
    let root = env!("CARGO_MANIFEST_DIR");
    for document in [
        "README.md",
        "tests/README.md",
        "docs/tour.md",
        "docs/ARCHITECTURE.md",
        "docs/import.md",
        "docs/providers.md",
    ] {
        let path = std::path::Path::new(root).join(document);
        let text = std::fs::read_to_string(&path).unwrap();
        for target in text.split("](").skip(1) {
            let target = &target[..target.find(')').unwrap()];
            if !target.contains("://") {
                let leads_to = path.parent().unwrap().join(target);
                assert!(leads_to.exists(), "{document} leads to {target}");
            }
        }
    }
}
