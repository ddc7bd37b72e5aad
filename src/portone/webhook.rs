//! Who sent an event: the signature of Standard Webhooks (https://www.standardwebhooks.com), over the body as it came.

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::WebhookSecret;

/// How far a sending's time may lie from ours, to both sides, in seconds.
const TOLERANCE: i64 = 5 * 60;
/// The longest id that is kept.
const LONGEST_ID: usize = 200;

/// The three headers of a sending, as they came.
#[derive(Debug, Clone, Copy)]
pub struct Headers<'a> {
    /// `webhook-id`: the same whenever the event is sent again.
    pub id: &'a str,
    /// `webhook-timestamp`: when this sending was signed, in Unix seconds.
    pub timestamp: &'a str,
    /// `webhook-signature`: `v1,` and base64, several with a space between.
    pub signature: &'a str,
}

/// Why a sending is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disbelief {
    /// The time is no number, or the id is none.
    Malformed,
    /// It was signed too long ago, or in the future.
    Stale,
    /// No signature is by any of our secrets.
    Unsigned,
}

/// Checks a sending at `now` (Unix seconds) and gives the time of its signature. Any of `secrets` will do.
///
/// # Errors
/// [`Disbelief`]
pub fn verify(
    secrets: &[WebhookSecret],
    headers: Headers<'_>,
    body: &[u8],
    now: i64,
) -> Result<i64, Disbelief> {
    let is_id = (1..=LONGEST_ID).contains(&headers.id.len());
    let is_number = headers.timestamp.bytes().all(|byte| byte.is_ascii_digit());
    let sent_at: i64 = headers
        .timestamp
        .parse()
        .ok()
        .filter(|_| is_id && is_number)
        .ok_or(Disbelief::Malformed)?;
    if now.abs_diff(sent_at) > TOLERANCE.unsigned_abs() {
        return Err(Disbelief::Stale);
    }
    let signatures: Vec<Vec<u8>> = headers
        .signature
        .split(' ')
        .filter_map(|signature| STANDARD.decode(signature.strip_prefix("v1,")?).ok())
        .collect();
    let is_signed = secrets.iter().any(|secret| {
        let mut mac = mac_of(secret);
        for part in [
            headers.id.as_bytes(),
            b".",
            headers.timestamp.as_bytes(),
            b".",
            body,
        ] {
            mac.update(part);
        }
        // Compared in constant time.
        signatures
            .iter()
            .any(|signature| mac.clone().verify_slice(signature).is_ok())
    });
    if is_signed {
        Ok(sent_at)
    } else {
        Err(Disbelief::Unsigned)
    }
}

fn mac_of(secret: &WebhookSecret) -> Hmac<Sha256> {
    #[allow(clippy::expect_used, reason = "HMAC takes a key of any length")]
    <Hmac<Sha256> as Mac>::new_from_slice(secret.bytes()).expect("any length")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the Standard Webhooks libraries.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const AT: i64 = 1_614_265_330;
    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    fn checked(
        secrets: &[&str],
        (id, timestamp, signature): (&str, &str, &str),
        body: &[u8],
        now: i64,
    ) -> Result<i64, Disbelief> {
        let secrets: Vec<_> = secrets
            .iter()
            .map(|secret| WebhookSecret::parse(secret).ok().unwrap())
            .collect();
        let headers = Headers {
            id,
            timestamp,
            signature,
        };
        verify(&secrets, headers, body, now)
    }

    #[test]
    fn the_reference_example_is_believed_for_five_minutes_to_both_sides() {
        let at = |now| checked(&[SECRET], (ID, "1614265330", SIGNATURE), BODY, now);
        for now in [AT, AT - 300, AT + 300] {
            assert_eq!(at(now), Ok(AT));
        }
        for now in [AT - 301, AT + 301, 0, i64::MAX, i64::MIN] {
            assert_eq!(at(now), Err(Disbelief::Stale), "{now}");
        }
    }

    #[test]
    fn a_secret_that_is_rotated_leaves_both_good_and_one_of_several_signatures_is_enough() {
        let old = "whsec_b2xk";
        let headers = (ID, "1614265330", SIGNATURE);
        assert_eq!(checked(&[old, SECRET], headers, BODY, AT), Ok(AT));
        assert_eq!(checked(&[SECRET, old], headers, BODY, AT), Ok(AT));
        let unsigned = Err(Disbelief::Unsigned);
        assert_eq!(checked(&[old], headers, BODY, AT), unsigned);
        assert_eq!(checked(&[], headers, BODY, AT), unsigned);
        let wrong = "v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
        let several = format!("v1a,{SIGNATURE} {wrong} {SIGNATURE} v1,%%%");
        let headers = (ID, "1614265330", several.as_str());
        assert_eq!(checked(&[SECRET], headers, BODY, AT), Ok(AT));
    }

    #[test]
    fn whatever_is_changed_is_not_believed() {
        let with = |id, timestamp, signature, body: &[u8]| {
            checked(&[SECRET], (id, timestamp, signature), body, AT).err()
        };
        let unsigned = Some(Disbelief::Unsigned);
        let malformed = Some(Disbelief::Malformed);
        assert_eq!(with("msg_other", "1614265330", SIGNATURE, BODY), unsigned);
        assert_eq!(with(ID, "1614265331", SIGNATURE, BODY), unsigned);
        assert_eq!(with(ID, "1614265330", SIGNATURE, b"{}"), unsigned);
        for signature in [
            "",
            "v1,",
            "v2,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
            &SIGNATURE[3..],
            &SIGNATURE[..20],
        ] {
            assert_eq!(
                with(ID, "1614265330", signature, BODY),
                unsigned,
                "{signature}"
            );
        }
        for timestamp in [
            "",
            "now",
            "-1614265330",
            "+1614265330",
            "1614265330.0",
            "16142653300000000000",
        ] {
            assert_eq!(
                with(ID, timestamp, SIGNATURE, BODY),
                malformed,
                "{timestamp}"
            );
        }
        assert_eq!(with("", "1614265330", SIGNATURE, BODY), malformed);
        assert_eq!(
            with(&"i".repeat(201), "1614265330", SIGNATURE, BODY),
            malformed
        );
    }
}
