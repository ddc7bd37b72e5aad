//! What the console relies on, whoever issues the billing keys: one suite for the sandbox and for PortOne.

use std::{net::TcpListener, sync::Arc};

use billing_console::{
    clock::{Clock, StillClock},
    gateway::{
        AttemptQuery, BillingKey, CardDetails, CardGateway, Funding, Identity, IssueOutcome,
        IssueRequest, IssuedKey, LookUp, Owner, Refusal, Revocation,
        sandbox::{SandboxGateway, live_keys},
    },
    outside::ServiceUrl,
    portone::{Api, PortOneCards},
};
use chrono::TimeDelta;

use crate::{
    app::TestDatabase,
    portone::{
        fake::{CARD_CHANNEL, Fake},
        faults::{Fault, Operation},
    },
};

/// A gateway with everything that the suite asks of its surroundings.
struct Subject {
    name: &'static str,
    gateway: Box<dyn CardGateway>,
    clock: Arc<StillClock>,
    live_keys: Box<dyn Fn() -> Vec<String>>,
    /// Loses the answer to the next request for a key.
    lose_answer: Box<dyn Fn()>,
    /// The same gateway where nothing of a request leaves, with a card that shows it.
    unreached: Box<dyn Fn() -> Box<dyn CardGateway>>,
    /// A card that is issued; its answer is lost where `lose_answer` cannot do it.
    lost_card: &'static str,
}

const UNREACHED_CARD: &str = "4000000000000119";

fn clock() -> Arc<StillClock> {
    Arc::new(StillClock::new("2026-11-24T05:02:11".parse().unwrap()))
}

fn sandbox() -> Subject {
    let (clock, database) = (clock(), TestDatabase::new());
    let db = database.open();
    db.migrate().unwrap();
    let (kept, again, at) = (db.clone(), db.clone(), clock.clone());
    Subject {
        name: "sandbox",
        gateway: Box::new(SandboxGateway::new(db, clock.clone())),
        clock,
        live_keys: Box::new(move || {
            let _ = &database;
            live_keys(&mut kept.connection().unwrap()).unwrap()
        }),
        lose_answer: Box::new(|| {}),
        unreached: Box::new(move || Box::new(SandboxGateway::new(again.clone(), at.clone()))),
        lost_card: "4000000000000259",
    }
}

fn portone() -> Subject {
    let (clock, fake) = (clock(), Arc::new(Fake::start()));
    let (seen, losing, service, at) = (fake.clone(), fake.clone(), fake.service(), clock.clone());
    let cards = move |service, clock: &Arc<StillClock>| {
        PortOneCards::new(
            Arc::new(Api::new(&service)),
            CARD_CHANNEL.into(),
            clock.clone(),
        )
    };
    Subject {
        name: "portone",
        gateway: Box::new(cards(fake.service(), &clock)),
        clock,
        live_keys: Box::new(move || seen.live_keys()),
        lose_answer: Box::new(move || losing.next(Operation::Issue, Fault::DoneEnds)),
        unreached: Box::new(move || {
            let nobody = TcpListener::bind("127.0.0.1:0")
                .unwrap()
                .local_addr()
                .unwrap();
            let mut service = service.clone();
            service.url = ServiceUrl::parse(&format!("http://{nobody}")).unwrap();
            Box::new(cards(service, &at))
        }),
        lost_card: "5555555555554444",
    }
}

/// Runs a test of the contract with each gateway.
fn both(test: impl Fn(&Subject)) {
    for subject in [sandbox(), portone()] {
        println!("{}", subject.name);
        test(&subject);
    }
}

impl Subject {
    fn attempt(&self) -> AttemptQuery {
        AttemptQuery {
            reference: uuid::Uuid::now_v7().to_string(),
            customer: "acme-lab".into(),
            asked_at: self.clock.now(),
        }
    }

    fn request(&self, attempt: &AttemptQuery, number: &str) -> IssueRequest {
        let today = "2026-11-24".parse().unwrap();
        IssueRequest {
            attempt: attempt.clone(),
            card: CardDetails::parse(number, "12", "29", "12", today)
                .ok()
                .unwrap(),
            identity: Identity::Business {
                number: "9998100015".to_owned().into(),
            },
        }
    }

    fn issue(&self, number: &str) -> (AttemptQuery, IssueOutcome) {
        let attempt = self.attempt();
        let outcome = self.gateway.issue(self.request(&attempt, number));
        (attempt, outcome)
    }

    fn issued(&self, number: &str) -> (AttemptQuery, IssuedKey) {
        match self.issue(number) {
            (attempt, IssueOutcome::Issued(issued)) => (attempt, issued),
            (_, outcome) => panic!("{}: {number} is {}", self.name, told(&outcome)),
        }
    }

    fn found(&self, attempt: &AttemptQuery) -> Option<IssuedKey> {
        match self.gateway.look_up(attempt) {
            LookUp::Found(issued) => Some(issued),
            LookUp::Absent | LookUp::Unknown => None,
        }
    }
}

fn told(outcome: &IssueOutcome) -> String {
    match outcome {
        IssueOutcome::Issued(_) => "issued".into(),
        IssueOutcome::Refused(refusal) => format!("refused: {refusal:?}"),
        IssueOutcome::NotSent => "not sent".into(),
        IssueOutcome::Unknown => "unknown".into(),
    }
}

#[test]
fn an_issued_key_tells_its_card() {
    both(|subject| {
        for (number, funding, owner, issuer, brand) in [
            (
                "4242424242424242",
                Funding::Credit,
                Owner::Personal,
                "shinhan",
                Some("visa"),
            ),
            (
                "5555555555554444",
                Funding::Credit,
                Owner::Corporate,
                "hyundai",
                Some("mastercard"),
            ),
            (
                "9410000000000005",
                Funding::Credit,
                Owner::Corporate,
                "bc",
                None,
            ),
            (
                "4000056655665556",
                Funding::Debit,
                Owner::Personal,
                "kb",
                Some("visa"),
            ),
        ] {
            let (_, issued) = subject.issued(number);
            let card = &issued.card;
            assert_eq!((card.funding, card.owner), (Some(funding), Some(owner)));
            assert_eq!(
                (card.issuer.code(), card.brand.map(|brand| brand.as_str())),
                (issuer, brand)
            );
            assert_eq!(card.last_four.as_str(), &number[12..]);
            assert_eq!((card.expiry.year, card.expiry.month), (2029, 12));
        }
    });
}

#[test]
fn a_prepaid_or_gift_card_is_issued_and_told_as_one() {
    both(|subject| {
        let (_, issued) = subject.issued("5105105105105100");
        assert!(matches!(
            issued.card.funding,
            Some(Funding::Gift | Funding::Prepaid)
        ));
    });
}

#[test]
fn a_refusal_is_the_providers_own_word_and_leaves_no_key() {
    both(|subject| {
        for (number, refusals) in [
            ("4000000000000002", &[Refusal::Declined][..]),
            (
                "4000000000000069",
                &[Refusal::ExpiredCard, Refusal::WrongExpiry],
            ),
            ("4000000000000127", &[Refusal::WrongPassword]),
            (
                "4111111111111111",
                &[Refusal::Declined, Refusal::UnknownNumber],
            ),
        ] {
            let (attempt, outcome) = subject.issue(number);
            let refusal = match outcome {
                IssueOutcome::Refused(refusal) => refusal,
                other => panic!("{}: {number} is {}", subject.name, told(&other)),
            };
            assert!(refusals.contains(&refusal), "{number}: {refusal:?}");
            assert!(subject.found(&attempt).is_none());
        }
        assert!((subject.live_keys)().is_empty());
    });
}

#[test]
fn what_did_not_leave_is_not_sent_and_leaves_no_key() {
    both(|subject| {
        let attempt = subject.attempt();
        let outcome = (subject.unreached)().issue(subject.request(&attempt, UNREACHED_CARD));
        assert_eq!(told(&outcome), "not sent", "{}", subject.name);
        assert!((subject.live_keys)().is_empty());
    });
}

#[test]
fn a_lost_answer_is_unknown_and_found_by_its_reference_with_the_same_card() {
    both(|subject| {
        (subject.lose_answer)();
        let (attempt, outcome) = subject.issue(subject.lost_card);
        assert_eq!(told(&outcome), "unknown", "{}", subject.name);
        let found = subject.found(&attempt).unwrap();
        assert_eq!((subject.live_keys)(), [found.key.as_str()]);
        assert_eq!(found.card.last_four.as_str(), &subject.lost_card[12..]);
        assert_eq!(
            (found.card.expiry.year, found.card.expiry.month),
            (2029, 12)
        );
        assert_eq!(found.card.owner, Some(Owner::Corporate));
    });
}

#[test]
fn a_look_up_finds_its_own_attempt_among_others_of_the_group() {
    both(|subject| {
        let all: Vec<_> = (0..120)
            .map(|_| subject.issued("4242424242424242"))
            .collect();
        for (attempt, issued) in [&all[0], &all[60], &all[119]] {
            assert_eq!(subject.found(attempt).unwrap().key, issued.key);
        }
        subject.clock.advance(TimeDelta::minutes(2));
        let mut other_group = all[0].0.clone();
        other_group.reference = uuid::Uuid::now_v7().to_string();
        assert!(subject.found(&other_group).is_none());
    });
}

#[test]
fn an_attempt_that_left_nothing_is_absent_once_it_can_no_longer_arrive() {
    both(|subject| {
        let attempt = subject.attempt();
        subject.clock.advance(TimeDelta::seconds(61));
        assert!(matches!(subject.gateway.look_up(&attempt), LookUp::Absent));
    });
}

#[test]
fn a_revoked_key_is_dead_is_not_found_and_may_be_revoked_again() {
    both(|subject| {
        let (attempt, issued) = subject.issued("4242424242424242");
        for _ in 0..2 {
            assert_eq!(subject.gateway.revoke(&issued.key), Revocation::Done);
            assert!((subject.live_keys)().is_empty());
        }
        assert!(subject.found(&attempt).is_none());
        let nobodys = BillingKey::new("billing-key-of/nobody?".into());
        assert_eq!(subject.gateway.revoke(&nobodys), Revocation::Done);
    });
}
