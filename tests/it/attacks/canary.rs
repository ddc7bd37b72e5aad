//! No card number, password digit, birth digit or code at rest or in a log, whatever way it came (I10).

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use base64::Engine;
use billing_console::web::encoded;

use super::{people::every_row, rest::Place};
use crate::{
    crash::{Process, free_port},
    person::{Page, Person, card},
};

/// Sent where a card number belongs. The demo's own test cards stand on its card page, this one nowhere.
const CARD: &str = "4539148803436467";
/// Sent where none belongs.
const ASTRAY: &str = "4556737586899855";
/// Cards of the sandbox: refused, not reached, lost, taken, taken as a named card.
const SANDBOX: [&str; 5] = [
    "4000056655665556",
    "4000000000000119",
    "4000000000000259",
    "5555555555554444",
    "4242424242424242",
];
const NAME: &str = "카나리아김";
const PHONE: &str = "01098765432";
const BIRTH: &str = "850317";
const PASSWORD: &str = "canary-password-8f3a";
const WRONG_CODE: &str = "918273";

/// A secret in every form in which it could lie somewhere.
fn forms(secret: &str) -> Vec<Vec<u8>> {
    let in_fours = |between: &str| {
        let digits: Vec<char> = secret.chars().collect();
        let fours: Vec<String> = digits.chunks(4).map(|four| four.iter().collect()).collect();
        fours.join(between)
    };
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let mut texts = vec![secret.to_owned(), encoded(secret), hex.to_uppercase(), hex];
    if secret.len() == 16 {
        texts.extend([" ", "-", "+", "%20", "\u{a0}"].map(in_fours));
    }
    if secret == PHONE {
        texts.push("010-9876-5432".into());
    }
    // In base64 a text looks different at each of three places; its ends depend on what stands beside it.
    for before in 0..3 {
        let padded = [&b"\0\0\0"[..before], secret.as_bytes()].concat();
        let text = base64::engine::general_purpose::STANDARD_NO_PAD.encode(&padded);
        let (start, end) = ((before * 8).div_ceil(6), padded.len() * 8 / 6);
        texts.push(text[start..end].to_owned());
    }
    texts.into_iter().map(String::into_bytes).collect()
}

/// Six digits stand in any long digest now and then: they count where they stand by themselves.
fn holds(bytes: &[u8], text: &[u8]) -> bool {
    let is_short = text.len() <= 6;
    let by_itself =
        |at: Option<&u8>| at.is_none_or(|byte| !byte.is_ascii_alphanumeric() && *byte != b'.');
    memchr::memmem::find_iter(bytes, text).any(|at| {
        !is_short
            || by_itself(at.checked_sub(1).and_then(|before| bytes.get(before)))
                && by_itself(bytes.get(at + text.len()))
    })
}

#[track_caller]
fn assert_holds_none(place: &str, bytes: &[u8], secrets: &[&str]) {
    for secret in secrets {
        for form in forms(secret) {
            let form_as_text = String::from_utf8_lossy(&form).into_owned();
            assert!(
                !holds(bytes, &form),
                "{secret} is in {place} as {form_as_text}"
            );
        }
    }
}

#[test]
fn a_secret_is_found_in_every_form() {
    let secret = format!("x{CARD}y");
    for text in [
        "4539 1488 0343 6467".to_owned(),
        "4539-1488-0343-6467".to_owned(),
        "4539+1488+0343+6467".to_owned(),
        "4539%201488%200343%206467".to_owned(),
        base64::engine::general_purpose::STANDARD.encode(&secret),
        base64::engine::general_purpose::STANDARD.encode(&secret[1..]),
        base64::engine::general_purpose::STANDARD.encode(format!("x{secret}")),
        secret.bytes().map(|byte| format!("{byte:02X}")).collect(),
    ] {
        let is_found = forms(CARD).iter().any(|form| holds(text.as_bytes(), form));
        assert!(is_found, "{text}");
    }
}

/// A person who keeps every page that they got.
struct Visitor {
    person: Person,
    seen: Vec<Page>,
}

impl Visitor {
    fn keep(&mut self, ask: impl FnOnce(&Person) -> Page) -> u16 {
        let page = ask(&self.person);
        let status = page.status;
        self.seen.push(page);
        status
    }

    /// Keeps the answer to a post, which must have this status.
    #[track_caller]
    fn gets(&mut self, status: u16, ask: impl FnOnce(&Person) -> Page) {
        assert_eq!(self.keep(ask), status, "{}", self.seen.last().unwrap().body);
    }
}

/// The phone's step: wrong, right, a wrong code, the right one; gives the code.
fn verify_the_phone(visitor: &mut Visitor, run: &str) -> String {
    let holder = |birth_digit: &'static str| {
        [
            ("holder_name", NAME),
            ("birth_date", BIRTH),
            ("birth_digit", birth_digit),
            ("carrier", "kt"),
            ("phone_number", "010-9876-5432"),
        ]
    };
    let (phone, code) = (format!("{run}/phone"), format!("{run}/phone-code"));
    visitor.gets(422, |person| person.fill(&phone, &holder("9")));
    visitor.gets(303, |person| person.fill(&phone, &holder("2")));
    let inbox = visitor.person.open("/demo/inbox").texts(".inbox b");
    visitor.gets(422, |person| person.fill(&code, &[("code", WRONG_CODE)]));
    let form = visitor.person.open(&code);
    visitor.gets(429, |person| {
        person.send(&form, &format!("{code}/resend"), &[])
    });
    visitor.gets(303, |person| person.fill(&code, &[("code", &inbox[0])]));
    inbox[0].clone()
}

/// Bodies that hold a card number and are no form of ours.
fn malform(visitor: &mut Visitor, path: &str, base: &str) {
    let token = visitor.person.open(path).hidden("csrf_token").unwrap();
    let ours = [("Origin", base)];
    let typed = format!(
        "csrf_token={token}&idempotency_key=0123456789abcdef&card_number={CARD}&card_password_2=73"
    );
    let too_long = format!("{typed}&x={}", "x".repeat(5000));
    let as_text = [("Origin", base), ("Content-Type", "text/plain")];
    visitor.gets(413, |person| person.post_body(path, &too_long, &ours));
    visitor.gets(415, |person| person.post_body(path, &typed, &as_text));
    visitor.gets(400, |person| {
        person.post_body(path, &format!("{typed}&card_number={CARD}"), &ours)
    });
    visitor.gets(400, |person| {
        person.post_body(path, &format!("{typed}%zz"), &ours)
    });
    visitor.gets(403, |person| person.post_body(path, &typed, &[]));
    visitor.gets(405, |person| {
        person.post_body("/billing/payment-methods", &typed, &ours)
    });
    visitor.gets(404, |person| {
        person.post_body("/no-such-page", &typed, &ours)
    });
}

/// A card number where none belongs: in addresses, in other fields, in names.
fn send_astray(visitor: &mut Visitor, run: &str, base: &str) {
    let host = &base["http://".len()..];
    for path in [
        format!("/billing/payment-methods?q={ASTRAY}&lang={ASTRAY}"),
        format!("/billing/payment-methods.csv?q={ASTRAY}"),
        format!("/billing/registrations/{ASTRAY}/card"),
        format!("/billing/groups/{ASTRAY}/dedicated-account"),
        format!("/terms/{ASTRAY}/1"),
        format!("/static/{ASTRAY}"),
        format!("/{ASTRAY}"),
        format!("/support/groups?q={ASTRAY}"),
    ] {
        visitor.person.open(&path);
        Person::new(base.to_owned()).open(&path);
    }
    let staff = sign_in(base, "support@console.test");
    staff.open(&format!("/support/groups?q={ASTRAY}"));
    staff.open(&format!("/support/groups/{ASTRAY}"));
    let astray = [
        ("email", ASTRAY),
        ("password", PASSWORD),
        ("next", ASTRAY),
        ("payment_method", ASTRAY),
        ("holder_name", ASTRAY),
        ("birth_date", ASTRAY),
        ("birth_digit", ASTRAY),
        ("carrier", ASTRAY),
        ("phone_number", ASTRAY),
        ("code", ASTRAY),
        ("business_number", ASTRAY),
        ("expiry_month", ASTRAY),
        ("expiry_year", ASTRAY),
        ("card_password_2", ASTRAY),
        ("idempotency_key", ASTRAY),
        (ASTRAY, ASTRAY),
    ];
    let form = visitor.person.open(&format!("{run}/card"));
    let token = form.hidden("csrf_token").unwrap();
    for step in [
        "payment-method",
        "phone",
        "phone-code",
        "business-number",
        "card",
    ] {
        let mut fields = vec![("csrf_token", token.as_str())];
        fields.extend(astray);
        visitor.person.post(&format!("{run}/{step}"), &fields);
    }
    Person::new(base.to_owned()).post("/sign-in", &astray);
    let odd = [
        ("Origin", base),
        (
            "Cookie",
            &format!("billing_session={ASTRAY}; {ASTRAY}={ASTRAY}"),
        ),
        ("X-Card", ASTRAY),
        ("Referer", &format!("{base}/{ASTRAY}")),
        ("User-Agent", ASTRAY),
    ];
    Person::new(base.to_owned()).post_with("/sign-in", &astray, &odd);
    let broken = format!("{ASTRAY} /{ASTRAY} HTTP/1.1\r\nHost: {host}\r\n{ASTRAY}\r\n\r\n");
    super::wire::exchange(host.parse().unwrap(), broken.as_bytes());
}

/// A post of a card whose rest never comes.
fn begin_a_slow_post(base: &str, path: &str, cookie: &str) -> TcpStream {
    let host = &base["http://".len()..];
    let mut stream = TcpStream::connect(host).unwrap();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {host}\r\nOrigin: {base}\r\nCookie: {cookie}\r\nContent-Length: 500\r\nConnection: close\r\n\r\n"
    );
    write!(stream, "{head}card_number={CARD}&card_password_2=73").unwrap();
    stream
}

fn sign_in(base: &str, email: &str) -> Person {
    let person = Person::new(base.to_owned());
    let fields = [("email", email), ("password", "open-sesame-demo")];
    assert_eq!(person.post("/sign-in", &fields).status, 303);
    person
}

/// Cards that are wrong, refused, not reached, lost and taken, and one over which the console panics.
fn register(visitor: &mut Visitor, run: &str) {
    let path = format!("{run}/card");
    let enter = |number: &'static str| {
        let path = path.clone();
        move |person: &Person| person.fill(&path, &card(number))
    };
    visitor.gets(422, enter("4539 1488 0343 6466"));
    visitor.gets(422, enter("4539-1488-0343-6467"));
    visitor.gets(422, enter(SANDBOX[0]));
    visitor.gets(503, enter(SANDBOX[1]));
    // A key of one's own that is a card number: a refusal, kept with its attempt.
    let form = visitor.person.open(&path);
    let token = form.hidden("csrf_token").unwrap();
    let mut fields = card(CARD).to_vec();
    fields.extend([("csrf_token", token.as_str()), ("idempotency_key", ASTRAY)]);
    visitor.gets(422, |person| person.post(&path, &fields));
    visitor.gets(422, |person| person.post(&path, &fields));
    visitor.gets(303, enter(SANDBOX[2]));
    let began = std::time::Instant::now();
    while visitor.keep(|person| person.open(&format!("{run}/confirming"))) != 303 {
        assert!(
            began.elapsed().as_secs() < 30,
            "the lost answer was not looked up"
        );
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    visitor.gets(200, |person| person.open(&format!("{run}/complete")));
}

#[test]
fn i10_no_secret_is_at_rest_in_a_log_or_on_a_page_whatever_way_it_came() {
    let place = Place::new();
    let database = &place.database;
    let log = database.folder.path().join("log");
    let file = std::fs::File::create(&log).unwrap();
    // The eighth card that goes to the gateway makes the console panic.
    let process = Process::logging(
        database,
        free_port(),
        "gateway-call=7*off->1*panic",
        "trace",
        file.into(),
    );
    let base = process.base.clone();
    let mut visitor = Visitor {
        person: sign_in(&base, "main-admin@acme.test"),
        seen: Vec::new(),
    };
    visitor.gets(422, |_| {
        let wrong = [("email", "viewer@acme.test"), ("password", PASSWORD)];
        Person::new(base.clone()).post("/sign-in", &wrong)
    });
    let run = visitor.person.start_registration("acme-lab");
    visitor.gets(303, |person| person.choose(&run, "named_card"));
    let code = verify_the_phone(&mut visitor, &run);
    let path = format!("{run}/card");
    let mut slow = begin_a_slow_post(&base, &path, &visitor.person.cookie());
    malform(&mut visitor, &path, &base);
    send_astray(&mut visitor, &run, &base);
    // What went astray may have answered the first step anew.
    visitor.gets(303, |person| person.choose(&run, "named_card"));
    visitor.gets(303, |person| person.enter_card(&run, SANDBOX[4]));
    visitor.gets(200, |person| person.open(&format!("{run}/complete")));
    let run = visitor.person.start_registration("acme-main");
    visitor.gets(303, |person| {
        person.choose(&run, "anonymous_corporate_card")
    });
    let business = format!("{run}/business-number");
    visitor.gets(303, |person| {
        person.fill(&business, &[("business_number", "999-81-00015")])
    });
    register(&mut visitor, &run);
    let again = visitor.person.reach_the_anonymous_card_page("acme-ml");
    visitor.gets(303, |person| person.enter_card(&again, SANDBOX[3]));
    let last = visitor.person.reach_the_anonymous_card_page("acme-web");
    visitor.gets(500, |person| person.enter_card(&last, CARD));
    visitor.gets(200, |person| person.open("/billing/payment-methods"));
    let mut answer = String::new();
    slow.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");

    let at_rest = place.at_rest();
    process.kill();

    let mut secrets = vec![
        CARD, ASTRAY, PHONE, NAME, BIRTH, PASSWORD, WRONG_CODE, &code,
    ];
    secrets.extend(SANDBOX);
    let log = std::fs::read(&log).unwrap();
    for line in [
        "/card 422",
        "/card 413",
        "/card 408",
        "/card 500",
        "panicked",
    ] {
        assert!(holds(&log, line.as_bytes()), "the log tells of {line}");
    }
    assert_holds_none("the log", &log, &secrets);
    assert_holds_none(
        "the log",
        &log,
        &[
            "card_number=",
            "card_password_2=",
            "birth_digit=",
            "open-sesame-demo",
        ],
    );
    let kept = at_rest
        .iter()
        .filter(|(_, bytes)| holds(bytes, b"acme-lab"));
    let kept: Vec<&str> = kept.map(|(name, _)| name.as_str()).collect();
    for name in place.of_rows() {
        let is_there = kept.iter().any(|kept| kept.contains(name));
        assert!(is_there, "{name} is not among {kept:?}");
    }
    for (name, bytes) in &at_rest {
        assert_holds_none(name, bytes, &secrets);
    }
    let rows = format!(
        "{:?}",
        every_row(&mut database.open().connection().unwrap())
    );
    assert!(rows.contains("acme-lab"));
    assert_holds_none("the rows", rows.as_bytes(), &secrets);
    // A form that is shown again holds what was typed, but never a card, a code or a password.
    for page in &visitor.seen {
        let whole = format!("{:?}\n{}", page.headers, page.body);
        assert_holds_none(
            "a page",
            whole.as_bytes(),
            &[CARD, &code, WRONG_CODE, PASSWORD],
        );
    }
}
