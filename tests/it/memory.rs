//! What a process leaves of what its memory held.

use crate::{
    app::TestDatabase,
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
