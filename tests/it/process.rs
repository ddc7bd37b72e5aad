//! The console as an operator runs it: a process with arguments, an environment and standard input.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, Command, Output, Stdio},
};

use crate::app::{KEY, TestDatabase};

fn command(database: &TestDatabase, args: &[&str], env: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_billing-console"));
    command
        .args(args)
        .current_dir(database.folder.path())
        .env("BILLING_DATABASE_URL", &database.url)
        .env("BILLING_LOG", "warn")
        .env_remove("BILLING_SECRET_KEY")
        .envs(env.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

pub fn run_with(
    database: &TestDatabase,
    args: &[&str],
    env: &[(&str, &str)],
    stdin: &str,
) -> Output {
    let mut child = command(database, args, env).spawn().unwrap();
    // A command that refuses its arguments does not read what comes.
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    child.wait_with_output().unwrap()
}

pub fn run(database: &TestDatabase, args: &[&str]) -> Output {
    run_with(database, args, &[], "")
}

pub fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A command that ends with this code and says one line with these words.
#[track_caller]
pub fn refused(output: &Output, code: i32, words: &str) {
    let told = told(output);
    assert_eq!(output.status.code(), Some(code), "{told}");
    assert!(told.contains(words), "{words}: {told}");
    assert_eq!(told.lines().count(), 1, "{told}");
    assert!(told.starts_with("billing-console: "), "{told}");
}

pub fn example(name: &str) -> String {
    format!("{}/docs/examples/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// A console that serves, on a port that the system chose.
pub struct Served {
    child: Child,
    /// The first line of its standard output.
    pub first: String,
}

impl Served {
    pub fn start(database: &TestDatabase, args: &[&str], env: &[(&str, &str)]) -> Self {
        let mut child = command(database, args, &[("BILLING_SECRET_KEY", KEY)])
            .args(["--listen", "127.0.0.1:0"])
            .envs(env.iter().copied())
            .spawn()
            .unwrap();
        let mut first = String::new();
        BufReader::new(child.stdout.as_mut().unwrap())
            .read_line(&mut first)
            .unwrap();
        Self { child, first }
    }

    /// Host and port, as its first line tells them.
    pub fn authority(&self) -> &str {
        self.first.trim_end().rsplit_once("http://").unwrap().1
    }

    /// Its id, for programs that are told whom to look at.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// SIGTERM, as an operator's supervisor sends it.
    pub fn terminate(&self) {
        let sent = Command::new("kill").arg(self.id().to_string()).status();
        assert!(sent.unwrap().success());
    }

    /// Waits for its end; what it said on standard error.
    pub fn ended(self) -> String {
        let output = self.child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", told(&output));
        told(&output)
    }
}

/// Starts a serving command and ends it at once; its first line and its standard error.
pub fn served(database: &TestDatabase, args: &[&str], env: &[(&str, &str)]) -> (String, String) {
    let served = Served::start(database, args, env);
    served.terminate();
    (served.first.clone(), served.ended())
}
