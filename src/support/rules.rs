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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        gateway::Refusal,
        groups::{Class, Status},
        registration::Choice,
    };

    fn noon() -> NaiveDateTime {
        "2026-11-24T03:00:00".parse().unwrap()
    }

    #[test]
    fn every_refusal_and_every_end_of_an_attempt_has_its_own_words() {
        let told = Refusal::ALL.map(Refusal::as_str).into_iter();
        for what in told.chain(["not_sent"]) {
            let say = format!("support-say-{what}");
            assert_eq!(
                say_of_attempt(what, noon(), noon()),
                Some(say.as_str()),
                "{what}"
            );
            assert_eq!(
                attempt_key(what, noon(), noon()),
                format!("support-attempt-{what}")
            );
        }
        for what in ["committed", "compensated"] {
            assert_eq!(say_of_attempt(what, noon(), noon()), None);
            assert_eq!(
                attempt_key(what, noon(), noon()),
                format!("support-attempt-{what}")
            );
        }
    }

    #[test]
    fn an_attempt_without_an_answer_is_a_case_after_ten_minutes() {
        for what in ["calling", "unknown"] {
            for (minutes, say, words) in [
                (9, "support-say-calling", "support-attempt-calling"),
                (10, "support-say-case", "support-attempt-case"),
            ] {
                let now = noon() + TimeDelta::minutes(minutes);
                assert_eq!(say_of_attempt(what, noon(), now), Some(say));
                assert_eq!(attempt_key(what, noon(), now), words);
            }
        }
    }

    #[test]
    fn what_was_tried_matters_for_a_week() {
        let after = |time| still_matters(noon(), noon() + time);
        assert!(after(TimeDelta::zero()));
        assert!(after(TimeDelta::days(7) - TimeDelta::seconds(1)));
        assert!(!after(TimeDelta::days(7)));
    }

    #[test]
    fn a_run_stands_at_step_1_until_it_has_a_choice() {
        let progress = |choice| Progress {
            choice,
            is_code_sent: false,
            is_phone_verified: false,
            is_business_verified: false,
        };
        assert_eq!(step_number(progress(None)), 1);
        assert_eq!(step_number(progress(Some(Choice::NamedCard))), 2);
    }

    #[test]
    fn an_attempt_is_spoken_of_first_then_what_is_gravest() {
        let (today, before) = (
            noon().date(),
            NaiveDate::from_ymd_opt(2026, 12, 10).unwrap(),
        );
        let group = |class, status, failure| BillingGroup {
            id: "acme-lab".into(),
            organization_id: "acme".into(),
            name: "Lab".into(),
            class,
            status,
            failure,
            account_applied_at: None,
            version: 1,
        };
        let failed = Some(Failure::ChargeFailed);
        for (class, status, failure, key) in [
            (
                Class::Main,
                Status::Required,
                None,
                "support-say-restricted",
            ),
            (Class::Sub, Status::Required, None, "support-say-late-fee"),
            (Class::Sub, Status::Card, failed, "support-say-failed"),
            (Class::Sub, Status::Card, None, "support-say-fine"),
        ] {
            let group = group(class, status, failure);
            assert_eq!(say(&group, None, None, today, before).key(), key);
            let of_attempt = say(&group, None, Some("support-say-debit"), today, before);
            assert_eq!(of_attempt.key(), "support-say-debit");
        }
    }
}
