//! What services of the outside answer: each answer a status on its first line and then a body, an empty line between
//! two. The last one stays for all that is asked after it.
#![no_main]

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, LazyLock, Mutex},
};

use billing_console::{
    clock::StillClock,
    gateway::{AttemptQuery, BillingKey, CardGateway, LookUp},
    outside::{Authorization, ServiceKey, ServiceUrl},
    portone::{Api, PortOneCards, PortOnePhone, PortOneRegistry, PortOneService},
    settings::TaxService,
    verification::{BusinessNumber, Confirmation, Entered, PhoneVerification, nts::NtsRegistry},
};
use chrono::{DateTime, TimeDelta};
use libfuzzer_sys::fuzz_target;

const REFERENCE: &str = "reference-1";

struct Services {
    tax: NtsRegistry,
    businesses: PortOneRegistry,
    cards: PortOneCards,
    phone: PortOnePhone,
}

/// What is answered next, and what follows.
static ANSWERS: Mutex<(usize, Vec<Vec<u8>>)> = Mutex::new((0, Vec::new()));

static SERVICES: LazyLock<Services> = LazyLock::new(|| {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            std::thread::spawn(move || serve(stream.expect("a connection")));
        }
    });
    let url = ServiceUrl::parse(&url).expect("a URL");
    let api = Arc::new(Api::new(&PortOneService {
        url: url.clone(),
        secret: Authorization::parse(PortOneService::SCHEME, "secret")
            .ok()
            .expect("a secret"),
        card_channel: "cards".into(),
        identity_channel: "phones".into(),
        webhook_secrets: Vec::new(),
    }));
    let clock = Arc::new(StillClock::new(DateTime::UNIX_EPOCH.naive_utc()));
    Services {
        tax: NtsRegistry::new(&TaxService {
            url,
            key: ServiceKey::parse("key").ok().expect("a key"),
        }),
        businesses: PortOneRegistry::new(api.clone()),
        cards: PortOneCards::new(api.clone(), "cards".into(), clock),
        phone: PortOnePhone::new(api, "phones".into()),
    }
});

fn serve(stream: TcpStream) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut out = stream;
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
            let line = line.trim_end().to_ascii_lowercase();
            if let Some(digits) = line.strip_prefix("content-length: ") {
                length = digits.parse().ok()?;
            } else if line.is_empty() {
                break;
            }
        }
        reader.read_exact(&mut vec![0; length]).ok()?;
        let (status, body) = next_answer();
        let head = format!(
            "HTTP/1.1 {status} -\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        out.write_all(&[head.as_bytes(), &body].concat()).ok()?;
    }
}

fn next_answer() -> (u16, Vec<u8>) {
    let mut answers = ANSWERS.lock().expect("no panic");
    let at = answers.0.min(answers.1.len() - 1);
    answers.0 += 1;
    let answer = &answers.1[at];
    let end = answer.iter().position(|byte| *byte == b'\n').unwrap_or(0);
    let status = str::from_utf8(&answer[..end])
        .ok()
        .and_then(|digits| digits.parse().ok());
    let body = answer.get(end + 1..).unwrap_or_default();
    // One that is none, or has no body, would only end the connection.
    let status =
        status.filter(|status| (200..600).contains(status) && ![204, 304].contains(status));
    (status.unwrap_or(200), body.to_vec())
}

fuzz_target!(|given: &str| {
    let answers: Vec<Vec<u8>> = given
        .split("\n\n")
        .map(|part| part.as_bytes().to_vec())
        .collect();
    let anew = || *ANSWERS.lock().expect("no panic") = (0, answers.clone());
    let services = &*SERVICES;

    let number = BusinessNumber::of_no_one();
    anew();
    // Of another number nothing is told.
    if services.tax.ask(&number).is_ok() {
        assert!(given.contains("9998100015"));
    }
    anew();
    if services.businesses.ask(&number).is_ok() {
        assert!(given.replace('-', "").contains("9998100015"));
    }

    let attempt = AttemptQuery {
        reference: REFERENCE.into(),
        customer: "group".into(),
        asked_at: DateTime::UNIX_EPOCH.naive_utc() - TimeDelta::minutes(2),
    };
    anew();
    match services.cards.look_up(&attempt) {
        LookUp::Found(issued) => {
            assert!(!issued.key.as_str().is_empty());
            assert!((1..=12).contains(&issued.card.expiry.month));
            assert!((2000..2100).contains(&issued.card.expiry.year));
            assert!(!issued.card.issuer.code().is_empty());
        }
        LookUp::Absent => assert!(given.contains("items")),
        LookUp::Unknown => {}
    }
    anew();
    services.cards.revoke(&BillingKey::new("key".into()));

    let entered = Entered {
        name: "Hana Kim",
        birth_date: "900101",
        phone: "01012345678",
    };
    anew();
    if let Ok(Confirmation::Verified) = services.phone.confirm("verification", "123456", entered) {
        assert!(given.contains("VERIFIED") && given.contains("verifiedCustomer"));
    }
});
