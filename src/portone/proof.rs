//! Proves the operator's settings against PortOne: nothing is issued, sent, charged or changed.

use serde::de::IgnoredAny;

use super::{Api, PortOneRegistry, PortOneService, api::Failure, business::Unanswered};
use crate::{outside::CALL, verification::BusinessNumber};

/// A channel that is nobody's.
const NO_CHANNEL: &str = "channel-key-00000000-0000-0000-0000-000000000000";

/// What one question showed.
pub enum Proof {
    /// In order; the line says what.
    Good(&'static str),
    /// Not provable; the line says why.
    Open(&'static str),
    /// Wrong; the line says what to do.
    Wrong(String),
}

/// Asks about the secret, then about both channels and, where `with_businesses`, the look-up of businesses.
pub fn prove(service: &PortOneService, with_businesses: bool) -> Vec<Proof> {
    let api = std::sync::Arc::new(Api::new(service));
    let secret = secret(&api);
    if matches!(secret, Proof::Wrong(_)) {
        return vec![secret];
    }
    let mut proofs = vec![
        secret,
        channel(
            |channel| api.post::<IgnoredAny>("/billing-keys", &no_card(channel)),
            &service.card_channel,
            "PortOne knows the card channel.",
            "PortOne does not tell whether it knows the card channel: register one card to see.",
            "BILLING_PORTONE_CHANNEL_KEY",
        ),
        channel(
            |channel| {
                let path = format!("/identity-verifications/{}/send", uuid::Uuid::now_v7());
                api.post::<IgnoredAny>(&path, &no_phone(channel))
            },
            &service.identity_channel,
            "PortOne knows the identity channel.",
            "PortOne does not tell whether it knows the identity channel: verify one phone to see.",
            "BILLING_PORTONE_IDENTITY_CHANNEL_KEY",
        ),
    ];
    if with_businesses {
        proofs.push(businesses(PortOneRegistry::new(api)));
    }
    proofs
}

/// One key is asked for, whosever it is.
fn secret(api: &Api) -> Proof {
    let query = r#"/billing-keys?requestBody=%7B%22page%22:%7B%22number%22:0,%22size%22:1%7D%7D"#;
    match api.get::<IgnoredAny>(query, CALL) {
        Ok(_) => Proof::Good("PortOne answers and takes the secret."),
        Err(Failure::Refused(refused)) => Proof::Wrong(format!(
            "PortOne refuses the secret ({refused}): check BILLING_PORTONE_SECRET"
        )),
        Err(failure) => Proof::Wrong(format!("PortOne: {failure}")),
    }
}

/// A request that lacks what it is about fails in any case. If it fails otherwise for a channel that is nobody's, the
/// channel is known; if both fail alike, PortOne looked at something else first.
fn channel(
    ask: impl Fn(&str) -> Result<IgnoredAny, Failure>,
    channel: &str,
    good: &'static str,
    open: &'static str,
    setting: &str,
) -> Proof {
    match ask(channel) {
        Err(Failure::Refused(refused)) if refused.kind == "CHANNEL_NOT_FOUND" => {
            Proof::Wrong(format!("PortOne knows no such channel: check {setting}"))
        }
        Ok(_) | Err(Failure::Refused(_)) => match ask(NO_CHANNEL) {
            Err(Failure::Refused(refused)) if refused.kind == "CHANNEL_NOT_FOUND" => {
                Proof::Good(good)
            }
            _ => Proof::Open(open),
        },
        Err(failure) => Proof::Wrong(format!("PortOne, asked for {setting}: {failure}")),
    }
}

/// The request for a billing key, without a card.
fn no_card(channel: &str) -> String {
    serde_json::json!({ "channelKey": channel, "method": {} }).to_string()
}

/// The request for a code, without a person and a phone.
fn no_phone(channel: &str) -> String {
    serde_json::json!({
        "channelKey": channel,
        "customer": { "name": "", "phoneNumber": "", "ipAddress": "" },
        "operator": "SKT",
        "method": "SMS",
    })
    .to_string()
}

/// A number that is no one's: whatever its status, businesses are looked up.
fn businesses(registry: PortOneRegistry) -> Proof {
    const GOOD: &str = "PortOne looks businesses up.";
    match registry.ask(&BusinessNumber::of_no_one()) {
        Ok(_) => Proof::Good(GOOD),
        Err(Unanswered::Other) => Proof::Open(
            "PortOne answers about businesses, but says nothing of the number of no one: look one of your own up to see.",
        ),
        Err(Unanswered::Nothing(Failure::Refused(refused))) => Proof::Wrong(format!(
            "PortOne looks no businesses up ({refused}): apply for it, or set BILLING_NTS_SERVICE_KEY"
        )),
        Err(why) => Proof::Wrong(format!("PortOne's look-up of businesses: {why}")),
    }
}
