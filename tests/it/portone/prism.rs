//! Every request that the adapters make, checked by Prism against PortOne's own OpenAPI document.

use std::{
    collections::BTreeSet,
    net::{TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use billing_console::{
    clock::{Clock, SystemClock},
    gateway::{AttemptQuery, BillingKey, CardDetails, CardGateway, Identity, IssueRequest},
    portone::{Api, PortOneCards, PortOnePhone, PortOneRegistry, proof},
    verification::{
        BusinessNumber, BusinessRegistry, Carrier, Entered, HolderIdentity, PhoneVerification,
    },
};

use super::{
    fake::{CARD_CHANNEL, CODE, Fake, IDENTITY_CHANNEL},
    http::Request,
};

/// A server that knows PortOne's document and nothing else.
struct Prism {
    process: Child,
    url: String,
}

impl Prism {
    fn start() -> Self {
        let at = |path: &str| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path);
        let prism = at("tests/npm/node_modules/@stoplight/prism-cli/dist/index.js");
        let document = at("target/portone/openapi.json");
        for file in [&prism, &document] {
            let name = file.display();
            assert!(file.exists(), "{name} is missing: bin/test brings it");
        }
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let process = Command::new("node")
            .arg(prism)
            .args(["mock", "-h", "127.0.0.1", "-p", &port.to_string()])
            .arg(document)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(began.elapsed() < Duration::from_secs(60), "Prism starts");
            std::thread::sleep(Duration::from_millis(100));
        }
        Self {
            process,
            url: format!("http://127.0.0.1:{port}"),
        }
    }

    /// What it finds wrong with a request.
    fn objections(&self, request: &Request) -> Vec<String> {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .build();
        let mut asked = ureq::http::Request::builder()
            .method(request.method.as_str())
            .uri(format!("{}{}", self.url, request.target));
        if !request.authorization.is_empty() {
            asked = asked.header("Authorization", &request.authorization);
        }
        // The look-up's query is a body in the document, and is checked as one.
        let query = request.query.strip_prefix("requestBody=");
        let body = query.map_or(request.body.clone(), |query| query.as_bytes().to_vec());
        if !body.is_empty() {
            asked = asked.header("Content-Type", "application/json");
        }
        let agent: ureq::Agent = config.into();
        let answer = agent
            .configure_request(asked.body(body).unwrap())
            .allow_non_standard_methods(true)
            .build();
        let answer = agent.run(answer).unwrap();
        let found = answer.headers().get("sl-violations");
        let found = found.map_or("[]", |found| found.to_str().unwrap());
        let found: Vec<serde_json::Value> = serde_json::from_str(found).unwrap();
        let mut objections: Vec<String> = found
            .iter()
            .filter(|violation| violation["location"][0] == "request")
            .map(|violation| violation["message"].to_string())
            .collect();
        if answer.status() != 200 {
            objections.push(format!("HTTP {}", answer.status()));
        }
        objections
    }
}

impl Drop for Prism {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What is asked by every call that the adapters can make.
fn every_request() -> Vec<Request> {
    let fake = Fake::start();
    every_call(&fake);
    fake.requests()
}

/// Makes every call that the adapters can make.
pub fn every_call(fake: &Fake) {
    let service = fake.service();
    let api = Arc::new(Api::new(&service));
    let today = "2026-11-24".parse().unwrap();
    let cards = PortOneCards::new(
        api.clone(),
        CARD_CHANNEL.into(),
        Arc::new(SystemClock::default()),
    );
    for identity in [
        Identity::Person {
            birth_date: "900101".to_owned().into(),
        },
        Identity::Business {
            number: "9998100015".to_owned().into(),
        },
    ] {
        let attempt = AttemptQuery {
            reference: uuid::Uuid::now_v7().to_string(),
            customer: "연구소 & \"lab\"".into(),
            asked_at: SystemClock::default().now(),
        };
        let card = CardDetails::parse("4242424242424242", "01", "29", "12", today);
        cards.issue(IssueRequest {
            attempt: attempt.clone(),
            card: card.ok().unwrap(),
            identity,
        });
        cards.look_up(&attempt);
    }
    cards.revoke(&BillingKey::new(fake.live_keys()[0].clone()));

    let phone = PortOnePhone::new(api.clone(), IDENTITY_CHANNEL.into());
    for (at, carrier) in Carrier::ALL.into_iter().enumerate() {
        let (id, address) = (format!("id-{at}"), "2001:db8::1".parse().unwrap());
        let holder = HolderIdentity::parse(
            "김하나",
            "900101",
            "2",
            carrier.as_str(),
            "01012345678",
            today,
        );
        let holder = holder.ok().unwrap();
        let entered = Entered {
            name: "김하나",
            birth_date: "900101",
            phone: "01012345678",
        };
        phone.send(&id, &holder, address).unwrap();
        phone.resend(&id, &holder.phone).unwrap();
        for _ in 0..2 {
            phone.confirm(&id, CODE, entered).unwrap();
        }
    }
    let registry = PortOneRegistry::new(api);
    registry.status(&BusinessNumber::of_no_one()).unwrap();
    proof::prove(&service, true);
}

#[test]
fn every_request_that_the_adapters_make_is_one_of_portones_document() {
    let prism = Prism::start();
    let requests = every_request();
    let kinds: BTreeSet<String> = requests
        .iter()
        .map(|request| {
            let last = request.path.last().unwrap();
            let last = if last.starts_with("id-") || last.contains("key-") {
                "{id}"
            } else {
                last
            };
            format!("{} {} {last}", request.method, request.path[0])
        })
        .collect();
    assert_eq!(kinds.len(), 9, "each of the nine calls: {kinds:?}");
    for request in &requests {
        let objections = prism.objections(request);
        let what = format!("{} {}", request.method, request.target);
        assert!(objections.is_empty(), "{what}: {objections:?}");
    }

    // It does object: to a call without the secret, and to each body that lacks or breaks a field.
    let is_refused = |request: &Request| !prism.objections(request).is_empty();
    for request in &requests {
        let mut without = request.clone();
        without.authorization = String::new();
        assert!(is_refused(&without), "{}", request.target);
        let body = String::from_utf8(request.body.clone()).unwrap();
        for (good, bad) in [
            ("\"method\":", "\"how\":"),
            ("\"operator\":\"SKT\"", "\"operator\":\"4GEE\""),
            ("\"otp\":\"123456\"", "\"otp\":123456"),
            ("\"brnList\":", "\"numbers\":"),
            (
                "\"number\":\"4242424242424242\"",
                "\"number\":4242424242424242",
            ),
        ] {
            if body.contains(good) {
                let mut broken = request.clone();
                broken.body = body.replace(good, bad).into_bytes();
                assert!(is_refused(&broken), "{}: {bad}", request.target);
            }
        }
        if let Some(query) = request.query.strip_prefix("requestBody=") {
            let mut broken = request.clone();
            broken.query = format!(
                "requestBody={}",
                query.replace("\"size\":", "\"size\":\"x\",\"s\":")
            );
            assert!(is_refused(&broken), "{}", broken.query);
        }
    }
}
