//! A whole request of somebody signed in: method and address on the first line, headers on the next ones, an empty
//! line, the body. `{id}` is a registration's. Whatever it says, it is answered, and never by a failure of ours.
#![no_main]

mod console;

use std::{net::SocketAddr, sync::LazyLock, sync::Mutex};

use billing_console::settings::Gateway;
use console::{Answer, ask};
use libfuzzer_sys::fuzz_target;

/// The headers that may be set; others would only change where the request ends.
const HEADERS: [&str; 10] = [
    "accept",
    "accept-encoding",
    "accept-language",
    "content-type",
    "cookie",
    "if-none-match",
    "origin",
    "range",
    "sec-fetch-site",
    "x-forwarded-for",
];
const METHODS: [&[u8]; 5] = [b"DELETE", b"GET", b"HEAD", b"POST", b"PUT"];

/// After so many inputs an hour is over: whoever was refused too often may try again.
const AN_HOUR: usize = 500;

struct Person {
    cookie: String,
    token: String,
    /// The registration that was begun last.
    run: String,
    inputs: usize,
}

static CONSOLE: LazyLock<SocketAddr> = LazyLock::new(|| console::start(Gateway::Sandbox));
static PERSON: LazyLock<Mutex<Person>> = LazyLock::new(|| Mutex::new(Person::sign_in()));

impl Person {
    fn sign_in() -> Self {
        let form = b"email=main-admin%40acme.test&password=open-sesame-demo";
        let signed_in = ask(*CONSOLE, b"POST /sign-in", &ours(), form);
        let set = signed_in.header("set-cookie").expect("a session");
        let cookie = set.split(';').next().expect("its value").to_owned();
        let mut headers = ours();
        headers.push(format!("cookie: {cookie}").into_bytes());
        let page = ask(*CONSOLE, b"GET /billing/payment-methods", &headers, b"");
        let page = String::from_utf8(page.body).expect("a page");
        let (_, rest) = page
            .split_once("name=\"csrf_token\" value=\"")
            .expect("a form");
        let (token, _) = rest.split_once('"').expect("a token");
        Self {
            cookie,
            token: token.to_owned(),
            run: String::new(),
            inputs: 0,
        }
    }

    /// The session does not outlive an hour.
    fn let_an_hour_pass(&mut self) {
        console::let_an_hour_pass();
        let run = std::mem::take(&mut self.run);
        *self = Self {
            run,
            ..Self::sign_in()
        };
    }
}

fn ours() -> Vec<Vec<u8>> {
    vec![
        format!("host: {}", *CONSOLE).into_bytes(),
        format!("origin: http://{}", *CONSOLE).into_bytes(),
    ]
}

fuzz_target!(|given: &[u8]| {
    let (head, body) = match given.windows(2).position(|two| two == b"\n\n") {
        Some(end) => (&given[..end], &given[end + 2..]),
        None => (given, &[][..]),
    };
    let mut lines = head.split(|byte| *byte == b'\n');
    let Some((method, target)) = lines.next().and_then(asked) else {
        return;
    };
    let mut person = PERSON.lock().expect("one thread");
    person.inputs += 1;
    if person.inputs > AN_HOUR {
        person.let_an_hour_pass();
    }
    let target = replaced(target, b"{id}", person.run.as_bytes());
    let mut headers: Vec<Vec<u8>> = lines
        .filter(|line| is_allowed(line))
        .map(Into::into)
        .collect();
    let says = |name: &[u8]| headers.iter().any(|line| line.starts_with(name));
    let mut defaults = ours();
    if says(b"origin:") {
        defaults.pop();
    }
    if !says(b"cookie:") {
        defaults.push(format!("cookie: {}", person.cookie).into_bytes());
    }
    headers.extend(defaults);
    let form = [b"csrf_token=", person.token.as_bytes(), b"&", body].concat();
    let body = if method == b"POST" { &form[..] } else { b"" };
    let line = [method, b" ", &target].concat();
    let answer = ask(*CONSOLE, &line, &headers, body);
    is_well_answered(&answer);
    if let Some(run) = begun(&answer) {
        person.run = run;
    }
});

fn asked(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let space = line.iter().position(|byte| *byte == b' ')?;
    let (method, target) = (&line[..space], &line[space + 1..]);
    // Signing out would end the target's work.
    let is_asked = METHODS.contains(&method)
        && target.starts_with(b"/")
        && !target.starts_with(b"/sign-out")
        && !target.iter().any(|byte| byte.is_ascii_whitespace());
    is_asked.then_some((method, target))
}

fn replaced(text: &[u8], name: &[u8], value: &[u8]) -> Vec<u8> {
    match text.windows(name.len()).position(|part| part == name) {
        Some(at) => [&text[..at], value, &text[at + name.len()..]].concat(),
        None => text.to_vec(),
    }
}

fn is_allowed(line: &[u8]) -> bool {
    let is_known = |name: &&str| {
        line.strip_prefix(name.as_bytes())
            .is_some_and(|rest| rest.starts_with(b":"))
    };
    HEADERS.iter().any(is_known) && !line.contains(&b'\r')
}

fn is_well_answered(answer: &Answer) {
    assert!(answer.status < 500, "{}", answer.head);
    // What is no HTTP is refused before a page is asked for.
    let is_a_page = answer.header("x-request-id").is_some();
    assert!(is_a_page || answer.status == 400, "{}", answer.head);
    if is_a_page {
        assert!(answer.header("content-security-policy").is_some());
    }
    if let Some(place) = answer.header("location") {
        let host = format!("http://{}/", *CONSOLE);
        let is_ours = place.starts_with('/') && !place.starts_with("//");
        assert!(is_ours || place.starts_with(&host), "{place}");
    }
}

/// The registration that a page leads on to.
fn begun(answer: &Answer) -> Option<String> {
    let place = answer.header("location")?;
    let rest = place.strip_prefix("/billing/registrations/")?;
    let id = rest.split('/').next()?;
    (id.len() == 36).then(|| id.to_owned())
}
