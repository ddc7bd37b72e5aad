//! The real process, on a database that outlives it.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use crate::app::{KEY, TestDatabase};

/// A process that serves at `base`; it ends with the test.
pub struct Process {
    child: Child,
    pub base: String,
}

impl Process {
    /// The demo, listening.
    pub fn start(database: &TestDatabase, port: u16, failpoints: &str) -> Self {
        Self::logging(database, port, failpoints, "warn", Stdio::inherit())
    }

    pub fn logging(
        database: &TestDatabase,
        port: u16,
        failpoints: &str,
        level: &str,
        log: Stdio,
    ) -> Self {
        let base = format!("http://127.0.0.1:{port}");
        let mut child = Command::new(env!("CARGO_BIN_EXE_billing-console"))
            .args([
                "demo",
                "--database-url",
                &database.url,
                "--listen",
                &format!("127.0.0.1:{port}"),
            ])
            .env("BILLING_SECRET_KEY", KEY)
            .env("FAILPOINTS", failpoints)
            .env("BILLING_LOG", level)
            .stderr(log)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        assert!(line.contains(&base), "{line}");
        Self { child, base }
    }

    /// A command that will serve on `port`: it may end before it does.
    pub fn spawn(command: &mut Command, port: u16) -> Self {
        Self {
            child: command.stdout(Stdio::null()).spawn().unwrap(),
            base: format!("http://127.0.0.1:{port}"),
        }
    }

    /// Host and port.
    pub fn authority(&self) -> &str {
        self.base.trim_start_matches("http://")
    }

    /// How long it took until `/readyz` said so; none when the process ended before.
    pub fn readiness(&mut self) -> Option<Duration> {
        let began = Instant::now();
        while !self.has_ended() {
            if ask(self.authority(), "/readyz")
                .is_some_and(|answer| answer.starts_with("HTTP/1.1 200"))
            {
                return Some(began.elapsed());
            }
            assert!(
                began.elapsed() < Duration::from_secs(30),
                "the console was not ready within 30 s"
            );
            std::thread::sleep(Duration::from_millis(5));
        }
        None
    }

    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Its id, for programs that are told whom to act on.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// SIGTERM, as an operator's supervisor sends it.
    pub fn terminate(&self) {
        let id = self.id().to_string();
        assert!(Command::new("kill").arg(id).status().unwrap().success());
    }

    /// Waits for its end.
    pub fn ended(mut self) -> std::process::ExitStatus {
        self.child.wait().unwrap()
    }

    /// How many threads it has.
    pub fn threads(&self) -> usize {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.id()));
        tasks.unwrap().count()
    }

    /// SIGKILL: no destructor, no flush.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The whole answer to a GET; none when none comes.
pub fn ask(authority: &str, path: &str) -> Option<String> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n");
    exchange(authority, &request)
}

/// Sends a request that asks to close the connection; none unless the whole head of an answer came.
pub fn exchange(authority: &str, request: &str) -> Option<String> {
    let mut stream = TcpStream::connect(authority).ok()?;
    stream
        .set_read_timeout(Some(Duration::from_secs(60)))
        .ok()?;
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer).into_owned();
    answer.contains("\r\n\r\n").then_some(answer)
}

pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

/// Ports below those that the system gives out by itself: nobody takes one while its process is down.
pub fn lasting_ports(count: usize) -> Vec<u16> {
    let first = std::process::id() % 9000;
    let free = (0..9000)
        .map(|step| u16::try_from(11_000 + (first + step * 7) % 9000).unwrap())
        .filter(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok());
    free.take(count).collect()
}

pub fn wait_for(what: &str, mut look: impl FnMut() -> bool) -> Duration {
    let began = Instant::now();
    while !look() {
        assert!(
            began.elapsed() < Duration::from_secs(30),
            "{what} did not come within 30 s"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
    began.elapsed()
}
