//! Odd HTTP, byte by byte: each is a clear 4xx or a page, never a 500 and never a hang, and the next request is served.

use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use crate::app::TestApp;

/// An answer as it came over the wire.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find(|(given, _)| given.eq_ignore_ascii_case(name))
            .map_or("", |(_, value)| value)
    }

    /// Reads one off the front of what came; none when there is no whole one.
    fn read(came: &mut Vec<u8>) -> Option<Self> {
        let end = came.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
        let head = String::from_utf8_lossy(&came[..end]).into_owned();
        let status = head.split(' ').nth(1)?.parse().ok()?;
        let mut answer = Self {
            status,
            head,
            body: Vec::new(),
        };
        let length = answer.header("content-length").parse().unwrap_or(0);
        let rest = came.split_off(end);
        let (body, rest) = rest.split_at(rest.len().min(length));
        answer.body = body.to_vec();
        *came = rest.to_vec();
        Some(answer)
    }
}

/// Sends these bytes, says that no more will come, and reads what does.
pub fn exchange(address: SocketAddr, bytes: &[u8]) -> Vec<Answer> {
    let began = Instant::now();
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(12)))
        .unwrap();
    // A server that has refused the head may close while the rest is still coming.
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(Shutdown::Write);
    let mut came = Vec::new();
    let mut part = [0; 16_384];
    while let Ok(length @ 1..) = stream.read(&mut part) {
        came.extend_from_slice(&part[..length]);
    }
    assert!(began.elapsed() < Duration::from_secs(10), "it hung");
    std::iter::from_fn(|| Answer::read(&mut came)).collect()
}

/// The one answer to a request whose whole text is this.
#[track_caller]
pub fn ask(app: &TestApp, request: &str) -> Answer {
    let mut answers = exchange(app.address, request.as_bytes());
    assert_eq!(answers.len(), 1, "{request:?}: {answers:?}");
    answers.remove(0)
}

/// What is odd, the bytes, and the statuses that it may be answered with, one for each answer.
type Odd = (&'static str, Vec<u8>, &'static [u16]);

fn odd_heads(host: &str) -> Vec<Odd> {
    let get = |target: &str, more: &str| {
        format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n{more}\r\n").into_bytes()
    };
    let raw = |text: &str| text.replace("HOST", host).into_bytes();
    let bytes = |parts: &[&[u8]]| parts.concat();
    let flood: String = (0..200).map(|n| format!("X-{n}: 1\r\n")).collect();
    let huge = format!("X: {}\r\n", "a".repeat(300_000));
    let line = "a".repeat(300_000);
    vec![
        ("a header folded over two lines", get("/sign-in", "X: a\r\n b\r\n"), &[400]),
        ("200 headers", get("/sign-in", &flood), &[431]),
        ("a header of 300 KB", get("/sign-in", &huge), &[431]),
        ("an address of 300 KB", get(&format!("/{line}"), ""), &[431]),
        ("a query of 8 KB", get(&format!("/sign-in?next={}", &line[..8000]), ""), &[200]),
        ("a header without a name", get("/sign-in", ": a\r\n"), &[400]),
        ("a space before the colon", get("/sign-in", "X : a\r\n"), &[400]),
        ("NUL in a header", get("/sign-in", "X: a\0b\r\n"), &[400]),
        ("NUL in the address", get("/sign-in\0", ""), &[400]),
        ("a control byte in the address", get("/sign\x01in", ""), &[400]),
        ("a space in the address", get("/sign in", ""), &[400]),
        ("a byte of no UTF-8 in the address", bytes(&[b"GET /\xff HTTP/1.1\r\nHost: ", host.as_bytes(), b"\r\n\r\n"]), &[400]),
        ("no UTF-8 in the path, encoded", get("/billing/groups/%ff%fe/registrations", ""), &[303]),
        ("no UTF-8 in the query, encoded", get("/sign-in?next=%ff%fe", ""), &[200]),
        ("half an encoding in the path", get("/terms/privacy/%", ""), &[404]),
        ("half an encoding in the query", get("/sign-in?next=%4&lang=%zz&%", ""), &[200]),
        ("a field of the query twice", get("/sign-in?next=/a&next=/b", ""), &[400]),
        ("dots that climb", get("/static/../../etc/passwd", ""), &[404]),
        ("dots that climb, encoded", get("/static/%2e%2e%2f%2e%2e%2fetc%2fpasswd", ""), &[404]),
        ("two slashes", get("//evil.test/sign-in", ""), &[404]),
        ("an absolute address of ours", get(&format!("http://{host}/sign-in"), ""), &[200]),
        ("an absolute address of another", get("http://evil.test/sign-in", ""), &[200, 307, 400]),
        ("an asterisk", raw("OPTIONS * HTTP/1.1\r\nHost: HOST\r\n\r\n"), &[404]),
        ("CONNECT", raw("CONNECT evil.test:443 HTTP/1.1\r\nHost: HOST\r\n\r\n"), &[400, 404, 405, 421]),
        ("no Host", raw("GET /sign-in HTTP/1.1\r\n\r\n"), &[400]),
        ("two Hosts", get("/sign-in", "Host: evil.test\r\n"), &[400]),
        ("two Hosts, ours last", raw("GET /sign-in HTTP/1.1\r\nHost: evil.test\r\nHost: HOST\r\n\r\n"), &[400]),
        ("HTTP/1.0", raw("GET /sign-in HTTP/1.0\r\nHost: HOST\r\n\r\n"), &[200]),
        ("HTTP/0.9", raw("GET /sign-in\r\n\r\n"), &[400]),
        ("HTTP/9.9", raw("GET /sign-in HTTP/9.9\r\nHost: HOST\r\n\r\n"), &[400]),
        ("HTTP/2's preface", raw("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), &[400]),
        ("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n".to_vec(), &[400]),
        ("Accept-Language of no UTF-8", bytes(&[b"GET /sign-in HTTP/1.1\r\nAccept-Language: \xff\xfe\r\nHost: ", host.as_bytes(), b"\r\n\r\n"]), &[200]),
        ("a cookie of no UTF-8", bytes(&[b"GET /sign-in HTTP/1.1\r\nCookie: billing_session=\xff; billing_language=\xff\r\nHost: ", host.as_bytes(), b"\r\n\r\n"]), &[200]),
        ("a thousand cookies", get("/sign-in", &format!("Cookie: {}\r\n", "a=1; ".repeat(1000))), &[200]),
    ]
}

/// Bodies, sent to the sign-in page: what is a form is one of a wrong password, or lacks a field.
fn odd_bodies(host: &str) -> Vec<Odd> {
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let post = |headers: &str, body: &[u8]| {
        let head = format!(
            "POST /sign-in HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\n{headers}\r\n"
        );
        [head.as_bytes(), body].concat()
    };
    let whole = |headers: &str, body: &[u8]| {
        post(
            &format!("{headers}Content-Length: {}\r\n", body.len()),
            body,
        )
    };
    let smuggled = format!("GET /healthz HTTP/1.1\r\nHost: {host}\r\n\r\n");
    let both = format!("0\r\n\r\n{smuggled}");
    let multipart = "Content-Type: multipart/form-data; boundary=b\r\n";
    vec![
        (
            "a field twice",
            whole(form, b"email=a&password=b&email=c"),
            &[400],
        ),
        (
            "an unknown field, twice",
            whole(form, b"x=1&email=&x=2&__proto__=3&email%5B%5D=4"),
            &[422],
        ),
        ("no UTF-8", whole(form, b"email=\xff&password=b"), &[400]),
        (
            "no UTF-8, encoded",
            whole(form, b"email=%ff&password=b"),
            &[400],
        ),
        ("half an encoding", whole(form, b"email=%4"), &[400]),
        ("NUL", whole(form, b"email=a%00b&password=c"), &[422]),
        ("no body", whole("", b""), &[422]),
        ("no length", post(form, b""), &[422]),
        (
            "a body too long by one byte",
            whole(form, &[b'a'; 4097]),
            &[413],
        ),
        ("a megabyte", whole(form, &vec![b'a'; 1 << 20]), &[413]),
        (
            "a part of a form",
            whole(
                multipart,
                b"--b\r\nContent-Disposition: form-data; name=\"email\"\r\n\r\na\r\n--b--\r\n",
            ),
            &[415],
        ),
        (
            "JSON",
            whole("Content-Type: application/json\r\n", b"{\"email\":\"a\"}"),
            &[415],
        ),
        (
            "text",
            whole("Content-Type: text/plain\r\n", b"email=a&password=b"),
            &[415],
        ),
        (
            "a type of no UTF-8",
            [
                b"POST /sign-in HTTP/1.1\r\nContent-Type: \xff\r\nHost: ",
                host.as_bytes(),
                b"\r\nOrigin: http://",
                host.as_bytes(),
                b"\r\nContent-Length: 1\r\n\r\na",
            ]
            .concat(),
            &[415, 422],
        ),
        (
            "compressed",
            whole(
                &format!("{form}Content-Encoding: gzip\r\n"),
                b"\x1f\x8b\x08",
            ),
            &[400, 415],
        ),
        (
            "a length and chunks",
            post(
                &format!(
                    "{form}Content-Length: {}\r\nTransfer-Encoding: chunked\r\n",
                    both.len()
                ),
                both.as_bytes(),
            ),
            &[400],
        ),
        (
            "chunks and a length",
            post(
                &format!("{form}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n"),
                both.as_bytes(),
            ),
            &[400],
        ),
        (
            "two lengths",
            post(
                &format!(
                    "{form}Content-Length: 0\r\nContent-Length: {}\r\n",
                    smuggled.len()
                ),
                smuggled.as_bytes(),
            ),
            &[400],
        ),
        (
            "two lengths in one",
            post(&format!("{form}Content-Length: 0, 5\r\n"), b"email"),
            &[400],
        ),
        (
            "a length with a sign",
            post(&format!("{form}Content-Length: +5\r\n"), b"email"),
            &[400],
        ),
        (
            "a negative length",
            post(&format!("{form}Content-Length: -1\r\n"), b""),
            &[400],
        ),
        (
            "a length beyond all numbers",
            post(
                &format!("{form}Content-Length: 99999999999999999999999\r\n"),
                b"",
            ),
            &[400],
        ),
        (
            "an unknown transfer",
            post(&format!("{form}Transfer-Encoding: gzip\r\n"), b""),
            &[400],
        ),
        (
            "two transfers",
            post(
                &format!("{form}Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n"),
                both.as_bytes(),
            ),
            &[400],
        ),
        (
            "chunks under another name",
            post(
                &format!("{form}Transfer-Encoding : chunked\r\n"),
                both.as_bytes(),
            ),
            &[400],
        ),
        (
            "good chunks",
            post(
                &format!("{form}Transfer-Encoding: chunked\r\n"),
                b"6\r\nemail=\r\n0\r\n\r\n",
            ),
            &[422],
        ),
        (
            "chunks without a size",
            post(
                &format!("{form}Transfer-Encoding: chunked\r\n"),
                b"zz\r\nemail=\r\n0\r\n\r\n",
            ),
            &[400, 408],
        ),
        (
            "a chunk beyond all numbers",
            post(
                &format!("{form}Transfer-Encoding: chunked\r\n"),
                b"ffffffffffffffffff\r\na\r\n0\r\n\r\n",
            ),
            &[400, 408],
        ),
        (
            "a chunk that is longer than it says",
            post(
                &format!("{form}Transfer-Encoding: chunked\r\n"),
                b"1\r\nemail=\r\n0\r\n\r\n",
            ),
            &[400, 408],
        ),
        (
            "fewer bytes than it says",
            post(&format!("{form}Content-Length: 100\r\n"), b"email=a"),
            &[400, 408],
        ),
        (
            "a wish to go on",
            post(
                &format!("{form}Content-Length: 6\r\nExpect: 100-continue\r\n"),
                b"email=",
            ),
            &[422],
        ),
        (
            "another wish",
            post(
                &format!("{form}Content-Length: 6\r\nExpect: a-miracle\r\n"),
                b"email=",
            ),
            &[417, 422],
        ),
        (
            "two Origins",
            whole(
                &format!("{form}Origin: https://evil.test\r\n"),
                b"email=&password=",
            ),
            &[403],
        ),
    ]
}

#[test]
fn odd_http_is_a_clear_4xx_and_the_next_request_is_served() {
    let app = TestApp::start();
    let host = app.address.to_string();
    let before = super::people::every_row(&mut app.connection());
    let mut wrong = Vec::new();
    for (what, bytes, statuses) in [odd_heads(&host), odd_bodies(&host)].concat() {
        let mut answers = exchange(app.address, &bytes);
        answers.retain(|answer| answer.status != 100);
        let came: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
        if came.len() != 1 || !statuses.contains(&came[0]) {
            wrong.push(format!("{what}: {came:?} instead of one of {statuses:?}"));
        }
        assert_eq!(app.visitor().open("/healthz").status, 200, "after {what}");
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(before, super::people::every_row(&mut app.connection()));
}

#[test]
fn requests_sent_at_once_over_one_connection_are_answered_in_order() {
    let app = TestApp::start();
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", app.address);
    let requests = ["/healthz", "/no-such-page", "/sign-in", "/sign-out"]
        .map(get)
        .concat();
    let statuses: Vec<u16> = exchange(app.address, requests.as_bytes())
        .iter()
        .map(|answer| answer.status)
        .collect();
    assert_eq!(statuses, [200, 404, 200, 303]);
}
