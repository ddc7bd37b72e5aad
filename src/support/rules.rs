//! What staff are told about a group: what happened, and a sentence to say. No I/O.

use chrono::{NaiveDate, NaiveDateTime, TimeDelta};

use crate::{
    groups::{BillingGroup, Failure},
    jobs::STAFF_AFTER,
    payment_methods::{
        Registered,
        rules::{Gravity, Tag, gravity, tags},
    },
    registration::{Step, rules::Progress},
    web::Message,
};

/// The sentence to say to the customer: the newest failed attempt first, while it still matters, else the group's state.
pub fn say(
    group: &BillingGroup,
    registered: Option<&Registered>,
    of_attempt: Option<&'static str>,
    today: NaiveDate,
    before: NaiveDate,
) -> Message {
    if let Some(key) = of_attempt {
        return Message::new(key);
    }
    match gravity(group) {
        Some(Gravity::Restricted) => return Message::new("support-say-restricted"),
        Some(Gravity::LateFee) => return Message::new("support-say-late-fee").arg("date", before),
        _ => {}
    }
    let tags = tags(group, registered, today);
    let of_tag = [
        (Tag::KeyDeleted, "support-say-key-deleted"),
        (Tag::Failed, "support-say-failed"),
        (Tag::Expired, "support-say-expired"),
        (Tag::Expiring, "support-say-expiring"),
        (Tag::Review, "support-say-review"),
    ];
    let key = of_tag
        .into_iter()
        .find(|(tag, _)| tags.contains(tag))
        .map_or("support-say-fine", |(_, key)| key);
    Message::new(key)
}

/// Whether what a customer tried at `at` is still what they call about.
pub fn still_matters(at: NaiveDateTime, now: NaiveDateTime) -> bool {
    now - at < TimeDelta::days(7)
}

/// The sentence about a card that did not become the payment method: its refusal or its state.
pub fn say_of_attempt(what: &str, at: NaiveDateTime, now: NaiveDateTime) -> Option<&'static str> {
    Some(match what {
        "debit" => "support-say-debit",
        "prepaid_or_gift" => "support-say-prepaid_or_gift",
        "not_corporate" => "support-say-not_corporate",
        "declined" => "support-say-declined",
        "expired_card" => "support-say-expired_card",
        "wrong_password" => "support-say-wrong_password",
        "unknown_number" => "support-say-unknown_number",
        "wrong_expiry" => "support-say-wrong_expiry",
        "wrong_holder" => "support-say-wrong_holder",
        "blocked" => "support-say-blocked",
        "too_many_tries" => "support-say-too_many_tries",
        "unsupported" => "support-say-unsupported",
        "kind_untold" => "support-say-kind_untold",
        "provider" => "support-say-provider",
        "not_sent" => "support-say-not_sent",
        "calling" | "unknown" if now - at >= STAFF_AFTER => "support-say-case",
        "calling" | "unknown" => "support-say-calling",
        _ => return None,
    })
}

/// What a group's state means at this moment (rule 6).
pub fn effect(group: &BillingGroup, before: NaiveDate) -> Message {
    match gravity(group) {
        Some(Gravity::Restricted) => Message::new("support-effect-restricted"),
        Some(Gravity::LateFee) => Message::new("support-effect-late-fee").arg("date", before),
        Some(Gravity::Failed(Failure::KeyDeleted)) => {
            Message::new("support-effect-key-deleted").arg("date", before)
        }
        Some(Gravity::Failed(Failure::ChargeFailed)) => {
            Message::new("support-effect-charge-failed")
        }
        None => Message::new("support-effect-none"),
    }
}

/// How an attempt to register a card ended, in a few words.
pub fn attempt_key(what: &str, at: NaiveDateTime, now: NaiveDateTime) -> &'static str {
    match what {
        "debit" => "support-attempt-debit",
        "prepaid_or_gift" => "support-attempt-prepaid_or_gift",
        "not_corporate" => "support-attempt-not_corporate",
        "declined" => "support-attempt-declined",
        "expired_card" => "support-attempt-expired_card",
        "wrong_password" => "support-attempt-wrong_password",
        "unknown_number" => "support-attempt-unknown_number",
        "wrong_expiry" => "support-attempt-wrong_expiry",
        "wrong_holder" => "support-attempt-wrong_holder",
        "blocked" => "support-attempt-blocked",
        "too_many_tries" => "support-attempt-too_many_tries",
        "unsupported" => "support-attempt-unsupported",
        "kind_untold" => "support-attempt-kind_untold",
        "provider" => "support-attempt-provider",
        "not_sent" => "support-attempt-not_sent",
        "committed" => "support-attempt-committed",
        "compensated" => "support-attempt-compensated",
        _ if now - at >= STAFF_AFTER => "support-attempt-case",
        _ => "support-attempt-calling",
    }
}

/// The number of the step at which a run stands.
pub fn step_number(progress: Progress) -> i64 {
    if progress.first_open() == Step::PaymentMethod {
        1
    } else {
        2
    }
}
