//! A disk that fills up under SQLite: a small tmpfs, mounted where nobody else sees it.

use std::{
    fs::File,
    io::Write,
    path::PathBuf,
    process::{Command, Stdio},
};

use super::{
    console::{Process, lasting_ports, wait_for},
    invariants,
    site::{Program, Site},
};
use crate::person::{Person, card};

const TAB: &str = "/billing/payment-methods";

#[test]
fn on_a_full_disk_writes_are_answered_503_and_reads_stay_up() {
    if std::env::var_os("BILLING_TEST_DATABASE").is_some() {
        println!("PostgreSQL's disk is its own: this is tried with SQLite");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    // Everything below runs once more inside, with the small disk as its place for temporary files.
    let inside = Command::new("unshare")
        .args(["--mount", "--map-root-user", "sh", "-c"])
        .arg("mount -t tmpfs -o size=8m tmpfs \"$TMPDIR\" || exit 77; exec \"$0\" \"$@\"")
        .arg(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "crash::disk::small_disk"])
        .env("TMPDIR", folder.path())
        .stdin(Stdio::null())
        .output();
    match inside {
        Ok(output) if output.status.success() => {
            let told = String::from_utf8_lossy(&output.stdout);
            assert!(told.contains("1 passed"), "it ran no test: {told}");
        }
        Ok(output) if !matches!(output.status.code(), Some(1 | 77)) => panic!("{output:?}"),
        refused => {
            println!(
                "no tmpfs may be mounted here, so a limit on the size of files stands for it: {refused:?}"
            );
            fills_up(&Disk::Limited);
        }
    }
}

#[test]
#[ignore = "the part of the test above that runs inside its small disk"]
fn small_disk() {
    fills_up(&Disk::Small(std::env::temp_dir().join("filler")));
}

enum Disk {
    /// Full when this file takes the rest of it.
    Small(PathBuf),
    /// The process may let no file grow.
    Limited,
}

impl Disk {
    fn start(&self, site: &Site, failpoints: &str) -> Process {
        let port = lasting_ports(1)[0];
        let console = site.command(Program::Console, port, failpoints);
        let mut process = match self {
            Self::Small(_) => Process::spawn(&mut { console }, port),
            // A write over the limit is then refused to the process instead of ending it.
            Self::Limited => {
                let mut shell = Command::new("sh");
                shell
                    .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""])
                    .arg(console.get_program())
                    .args(console.get_args());
                shell.envs(
                    console
                        .get_envs()
                        .filter_map(|(name, value)| Some((name, value?))),
                );
                Process::spawn(&mut shell, port)
            }
        };
        process.readiness().unwrap();
        process
    }

    fn fill(&self, process: &Process) {
        match self {
            Self::Small(filler) => {
                let mut file = File::create(filler).unwrap();
                let block = [0; 4096];
                while file.write_all(&block).is_ok() {}
            }
            Self::Limited => limit_files(process, "4096"),
        }
    }

    fn free(&self, process: &Process) {
        match self {
            Self::Small(filler) => std::fs::remove_file(filler).unwrap(),
            Self::Limited => limit_files(process, "unlimited"),
        }
    }
}

fn limit_files(process: &Process, size: &str) {
    let done = Command::new("prlimit")
        .args([
            "--pid",
            &process.id().to_string(),
            &format!("--fsize={size}:"),
        ])
        .status();
    assert!(done.unwrap().success());
}

fn fills_up(disk: &Disk) {
    let site = Site::new();
    let process = disk.start(&site, "gateway-answered=1*sleep(3000)");
    let person = Site::sign_in(&process.base, 0);
    let other = Site::sign_in(&process.base, 1);
    let run = person.reach_the_anonymous_card_page("mir-00");
    let form = person.open(&format!("{run}/card"));
    let tab = other.open(TAB);

    // The disk fills up between the gateway's answer and the commit.
    let (sender, path) = (person.clone(), format!("{run}/card"));
    let late = std::thread::spawn(move || sender.send(&form, &path, &card("5555555555554444")));
    wait_for("the key", || site.has_a_key());
    disk.fill(&process);
    let page = late.join().unwrap();
    page.leads_to(&format!("{run}/confirming"));

    for _ in 0..5 {
        let page = other.send(&tab, "/billing/groups/mir-01/registrations", &[]);
        assert_eq!((page.status, page.header("retry-after")), (503, "5"));
        assert_eq!(other.open(TAB).status, 200);
        assert_eq!(other.open("/readyz").status, 200);
    }

    disk.free(&process);
    site.let_time_pass();
    wait_for("the card", || {
        person.open(&format!("{run}/complete")).status == 200
    });
    let run = other.reach_the_anonymous_card_page("mir-01");
    other
        .enter_card(&run, "9410000000000005")
        .leads_to(&format!("{run}/complete"));
    is_whole(&site);

    process.kill();
    let process = disk.start(&site, "");
    assert_eq!(
        Person::new(process.base.clone()).open("/sign-in").status,
        200
    );
    is_whole(&site);
}

fn is_whole(site: &Site) {
    site.drain();
    let faults = invariants::once_drained(&mut site.connection(), &[]);
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
