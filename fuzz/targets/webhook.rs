//! Who sent an event: the three headers, each on a line, then the body.
#![no_main]

use base64::{Engine, engine::general_purpose::STANDARD};
use billing_console::portone::{
    WebhookSecret,
    webhook::{Disbelief, Headers, verify},
};
use hmac::{Hmac, Mac};
use libfuzzer_sys::fuzz_target;
use sha2::Sha256;

const SECRET: &str = "whsec_b3VycyBhbG9uZQ==";
const NOW: i64 = 1_614_265_330;

fuzz_target!(|sending: &[u8]| {
    let mut parts = sending.splitn(4, |byte| *byte == b'\n');
    let mut header = || str::from_utf8(parts.next().unwrap_or_default()).ok();
    let (Some(id), Some(timestamp), Some(signature)) = (header(), header(), header()) else {
        return;
    };
    let body = parts.next().unwrap_or_default();
    let ours = WebhookSecret::parse(SECRET).ok().expect("a secret");
    let secrets = [ours.clone()];
    let headers = Headers {
        id,
        timestamp,
        signature,
    };
    assert!(verify(&secrets, headers, body, NOW).is_err(), "forged");
    assert!(verify(&[], headers, body, NOW).is_err());

    let signed = format!("v1,{}", STANDARD.encode(signature_of(&ours, headers, body)));
    let several = format!("{signature} {signed} {signature}");
    for right in [&signed, &several] {
        let headers = Headers {
            signature: right,
            ..headers
        };
        match verify(&secrets, headers, body, NOW) {
            Ok(sent_at) => {
                assert_eq!(sent_at.to_string(), timestamp.trim_start_matches('0'));
                assert!(sent_at.abs_diff(NOW) <= 300 && (1..=200).contains(&id.len()));
                let longer = [body, b"."].concat();
                let changed = verify(&secrets, headers, &longer, NOW);
                assert_eq!(changed, Err(Disbelief::Unsigned));
                assert_eq!(
                    verify(&secrets, headers, body, NOW + 601),
                    Err(Disbelief::Stale)
                );
            }
            Err(Disbelief::Unsigned) => panic!("a right signature is not believed"),
            Err(Disbelief::Malformed | Disbelief::Stale) => {}
        }
    }

    if let Ok(secret) = WebhookSecret::parse(signature) {
        let printed = format!("whsec_{}", STANDARD.encode(secret.bytes()));
        let again = WebhookSecret::parse(&printed)
            .ok()
            .expect("a secret as it is shown");
        assert_eq!(again.bytes(), secret.bytes());
    }
});

fn signature_of(secret: &WebhookSecret, headers: Headers<'_>, body: &[u8]) -> Vec<u8> {
    let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(secret.bytes()).expect("any length");
    mac.update(format!("{}.{}.", headers.id, headers.timestamp).as_bytes());
    mac.update(body);
    mac.finalize().into_bytes().to_vec()
}
