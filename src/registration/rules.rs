//! The order of the wizard's steps. No I/O.

use chrono::{NaiveDateTime, TimeDelta};

use super::Run;
use crate::{access::throttle::Limit, gateway::CardMethod};

/// How long a run stays open.
pub const OPEN_FOR: TimeDelta = TimeDelta::minutes(60);
/// Refused cards, per person and per group (rule 9, against card testing).
pub const REFUSALS: Limit = Limit {
    count: 10,
    window: TimeDelta::hours(1),
};

crate::gateway::words! {
    /// The answer to step 1 (rule 8).
    Choice {
        /// Personal or named corporate card.
        NamedCard = "named_card",
        /// Anonymous corporate card.
        AnonymousCorporateCard = "anonymous_corporate_card",
        /// Dedicated account.
        DedicatedAccount = "dedicated_account",
    }
}

impl Choice {
    /// As which card it is registered; an account is none.
    pub fn card_method(self) -> Option<CardMethod> {
        match self {
            Self::NamedCard => Some(CardMethod::Named),
            Self::AnonymousCorporateCard => Some(CardMethod::AnonymousCorporate),
            Self::DedicatedAccount => None,
        }
    }

    /// The key of its name.
    pub fn key(self) -> &'static str {
        match self {
            Self::NamedCard => "s1-named",
            Self::AnonymousCorporateCard => "s1-anon",
            Self::DedicatedAccount => "s1-account",
        }
    }

    /// Its icon.
    pub fn icon(self) -> &'static str {
        match self {
            Self::NamedCard => "smartphone",
            Self::AnonymousCorporateCard => "building-2",
            Self::DedicatedAccount => "landmark",
        }
    }

    /// The key of its hint.
    pub fn hint_key(self) -> &'static str {
        match self {
            Self::NamedCard => "s1-named-hint",
            Self::AnonymousCorporateCard => "s1-anon-hint",
            Self::DedicatedAccount => "s1-account-hint",
        }
    }
}

crate::gateway::words! {
    /// A step with an answer, by the last part of its address (rules 13 and 14).
    Step {
        /// Step 1: choose and agree.
        PaymentMethod = "payment-method",
        /// Step 2, verification by phone.
        Phone = "phone",
        /// Step 2, the phone's code.
        PhoneCode = "phone-code",
        /// Step 2, verification by business registration number.
        BusinessNumber = "business-number",
        /// Step 2, last: the card.
        Card = "card",
    }
}

/// What of a run decides its way.
#[derive(Debug, Clone, Copy, Default)]
pub struct Progress {
    /// The answer to step 1.
    pub choice: Option<Choice>,
    /// Whether a code is out.
    pub is_code_sent: bool,
    /// Whether the phone is verified.
    pub is_phone_verified: bool,
    /// Whether the business number is verified.
    pub is_business_verified: bool,
}

impl Progress {
    /// Of a run.
    pub fn of(run: &Run) -> Self {
        Self {
            choice: run.choice,
            is_code_sent: run
                .phone
                .as_ref()
                .is_some_and(|phone| phone.sent_at.is_some()),
            is_phone_verified: run.phone.as_ref().is_some_and(|phone| phone.is_verified),
            is_business_verified: run.is_business_verified,
        }
    }

    /// The first step that has no answer yet.
    pub fn first_open(self) -> Step {
        match self.choice {
            None | Some(Choice::DedicatedAccount) => Step::PaymentMethod,
            Some(Choice::NamedCard) if self.is_phone_verified => Step::Card,
            Some(Choice::NamedCard) if self.is_code_sent => Step::PhoneCode,
            Some(Choice::NamedCard) => Step::Phone,
            Some(Choice::AnonymousCorporateCard) if self.is_business_verified => Step::Card,
            Some(Choice::AnonymousCorporateCard) => Step::BusinessNumber,
        }
    }

    /// Whether a step can be opened: the first open one and those before it on the same way.
    pub fn may_open(self, step: Step) -> bool {
        let way: &[Step] = match self.choice {
            None | Some(Choice::DedicatedAccount) => &[Step::PaymentMethod],
            Some(Choice::NamedCard) => &[
                Step::PaymentMethod,
                Step::Phone,
                Step::PhoneCode,
                Step::Card,
            ],
            Some(Choice::AnonymousCorporateCard) => {
                &[Step::PaymentMethod, Step::BusinessNumber, Step::Card]
            }
        };
        let place = |step| way.iter().position(|on_way| *on_way == step);
        // A code that was entered is used up: there is nothing to enter again.
        let is_used_up = step == Step::PhoneCode && self.is_phone_verified;
        matches!((place(step), place(self.first_open())), (Some(at), Some(open)) if at <= open)
            && !is_used_up
    }
}

/// Whether a run is too old to go on.
pub fn is_over(created_at: NaiveDateTime, now: NaiveDateTime) -> bool {
    now - created_at >= OPEN_FOR
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEPS: [Step; 5] = [
        Step::PaymentMethod,
        Step::Phone,
        Step::PhoneCode,
        Step::BusinessNumber,
        Step::Card,
    ];

    fn opened(progress: Progress) -> Vec<Step> {
        STEPS
            .into_iter()
            .filter(|step| progress.may_open(*step))
            .collect()
    }

    #[test]
    fn rules_13_and_14_each_step_opens_after_the_one_before_it() {
        let named = Progress {
            choice: Some(Choice::NamedCard),
            ..Progress::default()
        };
        let sent = Progress {
            is_code_sent: true,
            ..named
        };
        let verified = Progress {
            is_phone_verified: true,
            ..sent
        };
        let anonymous = Progress {
            choice: Some(Choice::AnonymousCorporateCard),
            ..Progress::default()
        };
        let known = Progress {
            is_business_verified: true,
            ..anonymous
        };
        let account = Progress {
            choice: Some(Choice::DedicatedAccount),
            ..Progress::default()
        };
        for (progress, first, open) in [
            (
                Progress::default(),
                Step::PaymentMethod,
                vec![Step::PaymentMethod],
            ),
            (account, Step::PaymentMethod, vec![Step::PaymentMethod]),
            (named, Step::Phone, vec![Step::PaymentMethod, Step::Phone]),
            (
                sent,
                Step::PhoneCode,
                vec![Step::PaymentMethod, Step::Phone, Step::PhoneCode],
            ),
            (
                verified,
                Step::Card,
                vec![Step::PaymentMethod, Step::Phone, Step::Card],
            ),
            (
                anonymous,
                Step::BusinessNumber,
                vec![Step::PaymentMethod, Step::BusinessNumber],
            ),
            (
                known,
                Step::Card,
                vec![Step::PaymentMethod, Step::BusinessNumber, Step::Card],
            ),
        ] {
            assert_eq!(progress.first_open(), first, "{progress:?}");
            assert_eq!(opened(progress), open, "{progress:?}");
        }
    }

    #[test]
    fn rule_8_a_phone_verification_does_not_open_the_card_page_of_an_anonymous_card() {
        let progress = Progress {
            choice: Some(Choice::AnonymousCorporateCard),
            is_code_sent: true,
            is_phone_verified: true,
            is_business_verified: false,
        };
        assert_eq!(progress.first_open(), Step::BusinessNumber);
        assert!(!progress.may_open(Step::Card));
    }

    #[test]
    fn rule_8_an_account_is_registered_as_no_card() {
        for (choice, method) in [
            (Choice::NamedCard, Some(CardMethod::Named)),
            (
                Choice::AnonymousCorporateCard,
                Some(CardMethod::AnonymousCorporate),
            ),
            (Choice::DedicatedAccount, None),
        ] {
            assert_eq!(choice.card_method(), method);
        }
    }

    #[test]
    fn a_run_is_over_after_an_hour() {
        let began = "2026-11-24T23:30:00".parse().unwrap();
        assert!(!is_over(began, began));
        assert!(!is_over(began, began + TimeDelta::seconds(3599)));
        assert!(is_over(began, began + TimeDelta::seconds(3600)));
    }
}
