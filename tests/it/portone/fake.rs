//! PortOne on this machine: it keeps keys and verifications, follows the documented shapes, and fails as it is told.
//! `state` is what it keeps and answers.

use std::{
    collections::HashMap,
    io::BufReader,
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard},
    thread,
    time::Duration,
};

use billing_console::{
    outside::{Authorization, ServiceUrl},
    portone::{PortOneService, WebhookSecret},
};
use serde_json::Value;

use super::{
    faults::{Fault, Operation},
    http::{self, Request},
    state::{State, refused},
};

pub const SECRET: &str = "CanaryPortOneSecret";
pub const CARD_CHANNEL: &str = "channel-key-cards";
pub const IDENTITY_CHANNEL: &str = "channel-key-phones";
pub const WEBHOOK_SECRET: &str = "whsec_Q2FuYXJ5U2VjcmV0T2ZUaGVFdmVudHM=";
/// The code of every verification.
pub const CODE: &str = "123456";
/// A while that a call does not survive.
pub const TOO_LONG: Duration = Duration::from_secs(11);

pub struct Fake {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl Fake {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = state.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = shared.clone();
                thread::spawn(move || serve(&state, stream));
            }
        });
        Self { address, state }
    }

    /// What the operator would set.
    pub fn service(&self) -> PortOneService {
        PortOneService {
            url: ServiceUrl::parse(&self.url()).unwrap(),
            secret: Authorization::parse(PortOneService::SCHEME, SECRET).unwrap(),
            card_channel: CARD_CHANNEL.into(),
            identity_channel: IDENTITY_CHANNEL.into(),
            webhook_secrets: vec![WebhookSecret::parse(WEBHOOK_SECRET).unwrap()],
        }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn next(&self, operation: Operation, fault: Fault) {
        self.state().plan.add(operation, fault);
    }

    pub fn fail_one_in(&self, one_in: u64, faults: Vec<Fault>, seed: u64) {
        self.state().plan.fail_one_in(one_in, faults, seed);
    }

    pub fn heal(&self) {
        self.state().plan.heal();
    }

    /// Each fault that struck, with how often.
    pub fn struck(&self) -> HashMap<(Operation, String), usize> {
        self.state().plan.struck.clone()
    }

    /// What differs in the person whom the carrier verifies from now on.
    pub fn verifies_otherwise(&self, field: &'static str, value: Value) {
        self.state().verified_otherwise = Some((field, value));
    }

    /// What is told of a business: its `businessInfo`, or an `error` where that is a text.
    pub fn business(&self, number: &str, told: Value) {
        self.state().businesses.insert(number.to_owned(), told);
    }

    /// The keys that live, the oldest first.
    pub fn live_keys(&self) -> Vec<String> {
        let state = self.state();
        let live = state.keys.iter().filter(|key| key.is_live);
        live.map(|key| key.name.clone()).collect()
    }

    /// Somebody deletes a key in PortOne's own console.
    pub fn delete_key(&self, name: &str) {
        let mut state = self.state();
        let key = state.keys.iter_mut().find(|key| key.name == name);
        key.unwrap().is_live = false;
    }

    /// The bodies that an operation was asked with.
    pub fn asked(&self, operation: Operation) -> Vec<Value> {
        let state = self.state();
        let asked = state.asked.iter().filter(|(asked, _)| *asked == operation);
        asked.map(|(_, body)| body.clone()).collect()
    }

    /// Everything that it was asked, as it came.
    pub fn requests(&self) -> Vec<Request> {
        self.state().requests.clone()
    }

    /// Everything that it answered by itself: no fault is among it.
    pub fn answers(&self) -> Vec<(Operation, u16, String)> {
        self.state().answers.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

/// The requests of one connection, until it ends or a fault ends it.
fn serve(state: &Arc<Mutex<State>>, stream: TcpStream) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut out = stream;
    loop {
        let request = http::read(&mut reader)?;
        let operation = operation_of(&request);
        let fault = operation.and_then(|(operation, _)| state.lock().unwrap().plan.take(operation));
        let done = || state.lock().unwrap().answer(&request, operation);
        let (status, body) = match fault {
            None => done(),
            Some(Fault::Slow(time)) => {
                thread::sleep(time);
                done()
            }
            Some(Fault::DoneSlow(time)) => {
                let answer = done();
                thread::sleep(time);
                answer
            }
            Some(Fault::EndsUndone) => return None,
            Some(Fault::DoneEnds) => {
                done();
                return None;
            }
            Some(Fault::DoneHalf) => {
                let (status, body) = done();
                http::answer(&mut out, status, &body, false)?;
                return None;
            }
            Some(Fault::EndsDoneLate(time)) => {
                drop((reader, out));
                thread::sleep(time);
                done();
                return None;
            }
            Some(Fault::Says(status, body)) => (status, body.to_owned()),
            Some(Fault::DoneSays(status, body)) => {
                done();
                (status, body.to_owned())
            }
            Some(Fault::Refuses) => refused("REJECT_CARD_PAYMENT", "한도초과 혹은 잔액부족"),
        };
        http::answer(&mut out, status, &body, true)?;
    }
}

/// Which operation it is, and the id in its path.
fn operation_of(request: &Request) -> Option<(Operation, &str)> {
    let segments: Vec<&str> = request.path.iter().map(String::as_str).collect();
    Some(match (request.method.as_str(), segments.as_slice()) {
        ("POST", ["billing-keys"]) => (Operation::Issue, ""),
        ("GET", ["billing-keys"]) => (Operation::List, ""),
        ("GET", ["billing-keys", key]) => (Operation::Key, key),
        ("DELETE", ["billing-keys", key]) => (Operation::Delete, key),
        ("POST", ["identity-verifications", id, "send"]) => (Operation::Send, id),
        ("POST", ["identity-verifications", id, "resend"]) => (Operation::Resend, id),
        ("POST", ["identity-verifications", id, "confirm"]) => (Operation::Confirm, id),
        ("GET", ["identity-verifications", id]) => (Operation::Verification, id),
        ("POST", ["b2b", "companies", "business-info"]) => (Operation::Business, ""),
        _ => return None,
    })
}
