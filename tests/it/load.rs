//! More than the console can do at once: what waits holds no thread, what is too much is told so, slow clients are
//! got rid of, and nothing that was taken is lost when it is stopped.

use std::{
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use billing_console::{db::schema as s, demo, web::static_files::CONSOLE_CSS};
use diesel::{connection::SimpleConnection, prelude::*};
use rustix::net::sockopt::set_socket_recv_buffer_size;

use crate::{
    app::{TestApp, TestDatabase},
    crash::{Process, ask, free_port},
    person::Person,
};

/// A console whose every page takes so many milliseconds to read, and somebody signed in.
fn start(failpoints: &str) -> (TestDatabase, Process, Person) {
    let database = TestDatabase::new();
    let process = Process::start(&database, free_port(), failpoints);
    let person = Person::new(process.base.clone());
    let fields = [
        ("email", "main-admin@acme.test"),
        ("password", demo::PASSWORD),
    ];
    assert_eq!(person.post("/sign-in", &fields).status, 303);
    (database, process, person)
}

fn get(authority: &str, path: &str, cookie: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: {authority}\r\nCookie: {cookie}\r\n\r\n")
}

fn connect(authority: &str) -> TcpStream {
    let stream = TcpStream::connect(authority).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    stream
}

/// Reads one answer: its head, and its body to the end.
fn answer(stream: &mut TcpStream) -> Option<String> {
    let mut came = Vec::new();
    let mut byte = [0];
    while !came.ends_with(b"\r\n\r\n") {
        (stream.read(&mut byte).ok()? == 1).then(|| came.push(byte[0]))?;
    }
    let head = String::from_utf8(came).unwrap();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some(head)
}

#[test]
fn who_waits_holds_no_thread_and_who_is_too_many_is_told_so() {
    let (_database, process, person) = start("page-read=sleep(60)");
    let authority = process.authority();
    let request = get(authority, "/billing/payment-methods", &person.cookie());
    let before = process.threads();
    let mut asking: Vec<TcpStream> = (0..600)
        .map(|_| {
            let mut stream = connect(authority);
            stream.write_all(request.as_bytes()).unwrap();
            stream
        })
        .collect();
    let during = process.threads();
    let heads: Vec<String> = asking
        .iter_mut()
        .map(|stream| answer(stream).unwrap())
        .collect();
    // The readers are begun when they are first needed.
    assert!(during <= before + 8, "{before} threads became {during}");

    let with = |status: &str| -> Vec<&String> {
        let start = format!("HTTP/1.1 {status} ");
        heads
            .iter()
            .filter(|head| head.starts_with(&start))
            .collect()
    };
    let (answered, turned_away) = (with("200"), with("503"));
    assert_eq!(answered.len() + turned_away.len(), 600);
    assert!(answered.len() >= 100, "{} were answered", answered.len());
    assert!(!turned_away.is_empty(), "nobody was turned away");
    for head in turned_away {
        assert!(head.contains("retry-after: "), "{head}");
    }
    assert_eq!(person.open("/billing/payment-methods").status, 200);
}

/// Keeps everybody else from writing until it is dropped.
fn hold_the_lock(app: &TestApp) -> billing_console::db::Loan {
    let mut holder = app.database.open().connection().unwrap();
    let lock = match app.database_file() {
        Some(_) => "BEGIN IMMEDIATE",
        None => "BEGIN; LOCK TABLE sessions IN EXCLUSIVE MODE",
    };
    holder.batch_execute(lock).unwrap();
    holder
}

#[test]
fn forms_that_wait_for_the_databases_lock_keep_no_page_waiting() {
    let app = TestApp::start();
    let person = app.sign_in("main-admin@acme.test");
    let run = person.reach_the_anonymous_card_page("acme-lab");
    let form = Arc::new(person.open(&format!("{run}/payment-method")));
    let mut holder = hold_the_lock(&app);
    let posts: Vec<_> = (0..20)
        .map(|_| {
            let (person, form, run) = (person.clone(), form.clone(), run.clone());
            thread::spawn(move || {
                let fields = [("payment_method", "dedicated_account")];
                let page = person.send(&form, &format!("{run}/payment-method"), &fields);
                (page.status, page.header("retry-after").to_owned())
            })
        })
        .collect();
    for _ in 0..20 {
        assert_eq!(person.open("/billing/payment-methods").status, 200);
    }
    holder.batch_execute("ROLLBACK").unwrap();
    for post in posts {
        let answer = post.join().unwrap();
        assert!(
            answer.0 == 303 || (answer.0 == 503 && !answer.1.is_empty()),
            "{answer:?}"
        );
    }
}

#[test]
fn however_many_ask_whether_it_is_ready_one_thread_asks_the_database() {
    let (_database, process, person) = start("ready-asked=sleep(100)");
    let authority = process.authority();
    let before = process.threads();
    let mut asking: Vec<TcpStream> = (0..300)
        .map(|_| {
            let mut stream = connect(authority);
            stream
                .write_all(get(authority, "/readyz", "").as_bytes())
                .unwrap();
            stream
        })
        .collect();
    assert_eq!(person.open("/billing/payment-methods").status, 200);
    let during = process.threads();
    assert!(during <= before + 4, "{before} threads became {during}");
    for stream in &mut asking {
        let head = answer(stream).unwrap();
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    }
}

/// What a slow client is slow with.
#[derive(Debug, Clone, Copy)]
enum Slow {
    Head,
    Body,
    SecondHead,
    /// With taking its answers.
    Reader,
}

/// A connection on which a request comes byte by byte.
struct Dripping {
    stream: TcpStream,
    slow: Slow,
    began: Instant,
}

impl Dripping {
    fn start(authority: &str, slow: Slow) -> Self {
        let mut stream = connect(authority);
        let head = match slow {
            Slow::Head => "GET / HTTP/1.1\r\nX-Slow: ".to_owned(),
            Slow::Body => format!(
                "POST /sign-in HTTP/1.1\r\nHost: {authority}\r\nContent-Length: 4000\r\n\
                 Content-Type: application/x-www-form-urlencoded\r\n\r\nemail="
            ),
            Slow::SecondHead => format!("GET /healthz HTTP/1.1\r\nHost: {authority}\r\n\r\n"),
            // Far more than the system takes off the server's hands.
            Slow::Reader => {
                set_socket_recv_buffer_size(&stream, 4096).unwrap();
                get(authority, CONSOLE_CSS, "").repeat(200)
            }
        };
        stream.write_all(head.as_bytes()).unwrap();
        if matches!(slow, Slow::SecondHead) {
            assert!(answer(&mut stream).is_some());
            stream.write_all(b"GET / HTTP/1.1\r\nX-Slow: ").unwrap();
        }
        stream.set_nonblocking(true).unwrap();
        let began = Instant::now();
        Self {
            stream,
            slow,
            began,
        }
    }

    /// Sends one more byte; whether the server still listens.
    fn drips(&mut self) -> bool {
        if matches!(self.slow, Slow::Reader) {
            return self.stream.write_all(b"a").is_ok();
        }
        let mut told = [0; 4096];
        let closed = match self.stream.read(&mut told) {
            Ok(0) => true,
            Ok(_) => false,
            Err(error) => error.kind() != ErrorKind::WouldBlock,
        };
        !closed && self.stream.write_all(b"a").is_ok()
    }
}

#[test]
fn slow_clients_are_got_rid_of_and_keep_nobody_out() {
    // bin/soak's come again whenever they are got rid of, for a minute.
    let (count, lasts) = match std::env::var("BILLING_SLOW_CLIENTS") {
        Ok(count) => (count.parse().unwrap(), Duration::from_secs(60)),
        Err(_) => (90, Duration::ZERO),
    };
    let (_database, process, person) = start("");
    let authority = process.authority();
    let began = Instant::now();
    let three = [Slow::Head, Slow::Body, Slow::SecondHead];
    let mut dripping: Vec<Dripping> = (0..count)
        .map(|number| {
            if number % 10 == 9 {
                Slow::Reader
            } else {
                three[number % 3]
            }
        })
        .map(|slow| Dripping::start(authority, slow))
        .collect();
    let is_over = Arc::new(AtomicBool::new(false));
    let others = {
        let (person, is_over) = (person.clone(), is_over.clone());
        thread::spawn(move || {
            let mut took = Vec::new();
            while !is_over.load(Ordering::Relaxed) {
                let began = Instant::now();
                assert_eq!(person.open("/billing/payment-methods").status, 200);
                took.push(began.elapsed());
                thread::sleep(Duration::from_millis(20));
            }
            took.sort();
            took
        })
    };
    let (mut longest, mut longest_reader) = (Duration::ZERO, Duration::ZERO);
    while !dripping.is_empty() && began.elapsed() < lasts + Duration::from_secs(60) {
        thread::sleep(Duration::from_millis(200));
        let mut gone = Vec::new();
        dripping.retain_mut(|client| {
            let is_there = client.drips();
            if !is_there {
                gone.push(client.slow);
                let longest = match client.slow {
                    Slow::Reader => &mut longest_reader,
                    _ => &mut longest,
                };
                *longest = client.began.elapsed().max(*longest);
            }
            is_there
        });
        if began.elapsed() < lasts {
            dripping.extend(
                gone.into_iter()
                    .map(|slow| Dripping::start(authority, slow)),
            );
        }
    }
    is_over.store(true, Ordering::Relaxed);
    let took = others.join().unwrap();
    let left: Vec<Slow> = dripping.iter().map(|client| client.slow).collect();
    assert!(left.is_empty(), "still there: {left:?}");
    println!(
        "{count} slow clients were gone after at most {:.1} s each, those that take no answers after {:.1} s; \
         of {} pages of others 99 % took at most {} ms",
        longest.as_secs_f64(),
        longest_reader.as_secs_f64(),
        took.len(),
        took[took.len() * 99 / 100].as_millis()
    );
}

#[test]
fn stopping_loses_nothing_that_was_taken() {
    let (_database, process, person) = start("page-read=sleep(30)");
    let authority = process.authority().to_owned();
    let request = get(&authority, "/billing/payment-methods", &person.cookie());
    let is_out = Arc::new(AtomicBool::new(false));
    // Each keeps its connection until it is told to close it, and opens another as long as the console says that it
    // is ready, as behind a load balancer.
    let clients: Vec<_> = (0..24)
        .map(|_| {
            let (authority, request) = (authority.clone(), request.clone());
            let is_out = is_out.clone();
            thread::spawn(move || {
                let mut answered = 0;
                while !is_out.load(Ordering::Relaxed) {
                    let mut stream = connect(&authority);
                    loop {
                        stream.write_all(request.as_bytes()).unwrap();
                        let head = answer(&mut stream).expect("an answer to what was taken");
                        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
                        answered += 1;
                        if head.contains("connection: close\r\n") {
                            break;
                        }
                    }
                }
                answered
            })
        })
        .collect();
    thread::sleep(Duration::from_millis(500));
    process.terminate();
    while ask(&authority, "/readyz").is_some_and(|told| told.starts_with("HTTP/1.1 200")) {
        thread::sleep(Duration::from_millis(5));
    }
    is_out.store(true, Ordering::Relaxed);
    for client in clients {
        assert!(client.join().unwrap() > 0);
    }
    assert!(process.ended().success());
}

#[test]
fn a_card_that_was_sent_is_answered_also_when_the_console_is_stopped_meanwhile() {
    let (database, process, person) = start("gateway-call=sleep(2000)");
    let run = person.reach_the_anonymous_card_page("acme-lab");
    let page = person.open(&format!("{run}/card"));
    let ended = thread::scope(|scope| {
        let sent = scope.spawn(|| {
            let fields = crate::person::card("5555555555554444");
            person.send(&page, &format!("{run}/card"), &fields)
        });
        let db = database.open();
        let began = Instant::now();
        let attempts = || -> i64 {
            let mut db = db.connection().unwrap();
            s::card_attempts::table
                .count()
                .get_result(&mut *db)
                .unwrap()
        };
        while attempts() == 0 {
            assert!(began.elapsed() < Duration::from_secs(30), "it was not sent");
            thread::sleep(Duration::from_millis(20));
        }
        process.terminate();
        sent.join().unwrap().leads_to(&format!("{run}/complete"));
        process.ended()
    });
    assert!(ended.success());
}
