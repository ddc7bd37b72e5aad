//! The body of an event that is signed by whom we believe.
#![no_main]

mod console;

use std::{
    net::SocketAddr,
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    },
};

use base64::{Engine, engine::general_purpose::STANDARD};
use billing_console::{
    outside::{Authorization, ServiceUrl},
    portone::{PortOneService, WebhookSecret},
    settings::Gateway,
};
use console::ask;
use hmac::{Hmac, Mac};
use libfuzzer_sys::fuzz_target;
use serde::de::IgnoredAny;
use serde_json::Value;
use sha2::Sha256;

const KEY: &[u8] = b"ours alone";

static CONSOLE: LazyLock<SocketAddr> = LazyLock::new(|| {
    let secret = WebhookSecret::parse(&STANDARD.encode(KEY)).ok();
    console::start(Gateway::PortOne(PortOneService {
        // Nobody listens there: what an event makes of a key needs no call.
        url: ServiceUrl::parse("http://127.0.0.1:9").expect("an address"),
        secret: Authorization::parse(PortOneService::SCHEME, "secret")
            .ok()
            .expect("a secret"),
        card_channel: "cards".into(),
        identity_channel: "phones".into(),
        webhook_secrets: vec![secret.expect("a secret")],
    }))
});
static SENT: AtomicU64 = AtomicU64::new(0);

fuzz_target!(|body: &[u8]| {
    let id = format!("event-{}", SENT.fetch_add(1, Ordering::Relaxed));
    let at = console::now().and_utc().timestamp();
    let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(KEY).expect("any length");
    mac.update(format!("{id}.{at}.").as_bytes());
    mac.update(body);
    let signature = STANDARD.encode(mac.finalize().into_bytes());
    let headers = [
        format!("host: {}", *CONSOLE).into_bytes(),
        format!("webhook-id: {id}").into_bytes(),
        format!("webhook-timestamp: {at}").into_bytes(),
        format!("webhook-signature: v1,{signature}").into_bytes(),
    ];
    let answer = ask(*CONSOLE, b"POST /webhooks/portone", &headers, body);
    let again = ask(*CONSOLE, b"POST /webhooks/portone", &headers, body);
    // Whoever is believed is heard out: what we do not look at may be anything that JSON takes.
    match (answer.status, again.status) {
        (200, 409) => assert!(serde_json::from_slice::<IgnoredAny>(body).is_ok()),
        (400, 400) => assert!(!is_an_event(body)),
        other => panic!("answered by {other:?}"),
    }
});

/// By a reading of its own: an object with a type, and the key that was deleted where one was; no name twice.
fn is_an_event(body: &[u8]) -> bool {
    let Ok(Value::Object(event)) = serde_json::from_slice(body) else {
        return false;
    };
    // A name may also be written with a backslash.
    let is_once = |name: &str| {
        body.windows(name.len())
            .filter(|part| *part == name.as_bytes())
            .count()
            <= 1
    };
    if !["type", "data", "billingKey"]
        .iter()
        .all(|name| is_once(name))
        || body.contains(&b'\\')
    {
        return false;
    }
    let key = match event.get("data") {
        None | Some(Value::Null) => None,
        Some(Value::Object(data)) => match data.get("billingKey") {
            None | Some(Value::Null) => None,
            Some(Value::String(key)) => Some(key),
            Some(_) => return false,
        },
        Some(_) => return false,
    };
    match event.get("type") {
        Some(Value::String(kind)) => kind != "BillingKey.Deleted" || key.is_some(),
        _ => false,
    }
}
