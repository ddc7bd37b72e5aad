//! The embedded sandbox gateway: deterministic and stateful. It keeps how a card behaves and its last
//! four digits, never a number.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::{
    AttemptQuery, BillingKey, Brand, CardFacts, CardGateway, Expiry, Funding, IssueOutcome,
    IssueRequest, IssuedKey, Issuer, LastFour, LookUp, Owner, Refusal, Revocation, brand_of,
};
use crate::{
    clock::Clock,
    db::{AnyConnection, Database, schema::sandbox_cards},
    error::Error,
    secrets::random_hex,
};

/// A test card, as the demo lists it beside the card form.
#[derive(Debug)]
pub struct TestCard {
    /// Its number, in fours.
    pub number: &'static str,
    /// The key of what it does.
    pub message_key: &'static str,
    behaviour: Behaviour,
}

#[derive(Debug, Clone, Copy)]
enum Behaviour {
    Issues {
        funding: Funding,
        owner: Owner,
        issuer: &'static str,
        declines_charges: bool,
        loses_answer: bool,
    },
    Refuses(Refusal),
    IsNotReached,
}

const fn issues(funding: Funding, owner: Owner, issuer: &'static str) -> Behaviour {
    Behaviour::Issues {
        funding,
        owner,
        issuer,
        declines_charges: false,
        loses_answer: false,
    }
}

const TEST_CARDS: [TestCard; 11] = [
    card(
        "4242 4242 4242 4242",
        "sandbox-card-personal",
        issues(Funding::Credit, Owner::Personal, "shinhan"),
    ),
    card(
        "5555 5555 5555 4444",
        "sandbox-card-corporate",
        issues(Funding::Credit, Owner::Corporate, "hyundai"),
    ),
    card(
        "9410 0000 0000 0005",
        "sandbox-card-domestic",
        issues(Funding::Credit, Owner::Corporate, "bc"),
    ),
    card(
        "4000 0566 5566 5556",
        "sandbox-card-debit",
        issues(Funding::Debit, Owner::Personal, "kb"),
    ),
    card(
        "5105 1051 0510 5100",
        "sandbox-card-prepaid",
        issues(Funding::Prepaid, Owner::Personal, "woori"),
    ),
    card(
        "4000 0000 0000 0002",
        "sandbox-card-declined",
        Behaviour::Refuses(Refusal::Declined),
    ),
    card(
        "4000 0000 0000 0069",
        "sandbox-card-expired",
        Behaviour::Refuses(Refusal::ExpiredCard),
    ),
    card(
        "4000 0000 0000 0127",
        "sandbox-card-password",
        Behaviour::Refuses(Refusal::WrongPassword),
    ),
    card(
        "4000 0000 0000 0119",
        "sandbox-card-unreached",
        Behaviour::IsNotReached,
    ),
    card(
        "4000 0000 0000 0259",
        "sandbox-card-lost-answer",
        Behaviour::Issues {
            funding: Funding::Credit,
            owner: Owner::Corporate,
            issuer: "samsung",
            declines_charges: false,
            loses_answer: true,
        },
    ),
    card(
        "4000 0000 0000 0341",
        "sandbox-card-later-declined",
        Behaviour::Issues {
            funding: Funding::Credit,
            owner: Owner::Personal,
            issuer: "kb",
            declines_charges: true,
            loses_answer: false,
        },
    ),
];

const fn card(number: &'static str, message_key: &'static str, behaviour: Behaviour) -> TestCard {
    TestCard {
        number,
        message_key,
        behaviour,
    }
}

/// Every test card.
pub fn test_cards() -> &'static [TestCard] {
    &TEST_CARDS
}

/// Faults that a test switches on; each counts down.
#[derive(Debug, Default)]
pub struct SandboxFaults {
    revocations: AtomicUsize,
    look_ups: AtomicUsize,
    late_effects: AtomicUsize,
}

impl SandboxFaults {
    /// The next `count` revocations fail.
    pub fn fail_revocations(&self, count: usize) {
        self.revocations.store(count, Ordering::SeqCst);
    }

    /// The next `count` look-ups give no answer.
    pub fn fail_look_ups(&self, count: usize) {
        self.look_ups.store(count, Ordering::SeqCst);
    }

    /// The next `count` look-ups find nothing, as if the request took effect only later.
    pub fn take_effect_late(&self, count: usize) {
        self.late_effects.store(count, Ordering::SeqCst);
    }

    fn strikes(counter: &AtomicUsize) -> bool {
        counter
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
                left.checked_sub(1)
            })
            .is_ok()
    }
}

/// The sandbox.
pub struct SandboxGateway {
    db: Database,
    clock: Arc<dyn Clock>,
    faults: Arc<SandboxFaults>,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = sandbox_cards)]
struct Row {
    billing_key: String,
    gateway_reference: String,
    funding: String,
    owner: String,
    issuer: String,
    brand: Option<String>,
    last_four: String,
    expiry_year: i32,
    expiry_month: i32,
    declines_charges: bool,
    live: bool,
    created_at: NaiveDateTime,
}

impl Row {
    fn issued(self) -> Option<IssuedKey> {
        Some(IssuedKey {
            card: CardFacts {
                funding: Funding::parse(&self.funding),
                owner: Owner::parse(&self.owner),
                issuer: Issuer::new(&self.issuer),
                brand: self.brand.as_deref().and_then(Brand::parse),
                last_four: LastFour::parse(&self.last_four)?,
                expiry: Expiry {
                    year: self.expiry_year,
                    month: u32::try_from(self.expiry_month).ok()?,
                },
            },
            key: BillingKey::new(self.billing_key),
        })
    }
}

impl SandboxGateway {
    /// A sandbox that keeps its cards in `db`.
    pub fn new(db: Database, clock: Arc<dyn Clock>) -> Self {
        Self::with_faults(db, clock, Arc::default())
    }

    /// A sandbox whose faults a test switches.
    pub fn with_faults(db: Database, clock: Arc<dyn Clock>, faults: Arc<SandboxFaults>) -> Self {
        Self { db, clock, faults }
    }

    fn keep(
        &self,
        request: &IssueRequest,
        facts: CardFacts,
        declines_charges: bool,
    ) -> Result<IssuedKey, Error> {
        let row = row_of(
            format!("sandbox-{}", random_hex::<12>()?),
            request.attempt.reference.clone(),
            &facts,
            declines_charges,
            self.clock.now(),
        );
        let kept = self.db.write(|db| {
            Ok(diesel::insert_into(sandbox_cards::table)
                .values(&row)
                .execute(db)?)
        });
        // The same reference again gives the same key.
        match (kept, self.find(&request.attempt.reference)?) {
            (_, Some(issued)) => Ok(issued),
            (Err(error), None) => Err(error),
            (Ok(_), None) => Err(Error::Internal("the sandbox lost a card".into())),
        }
    }

    fn find(&self, reference: &str) -> Result<Option<IssuedKey>, Error> {
        let row: Option<Row> = sandbox_cards::table
            .filter(sandbox_cards::gateway_reference.eq(reference))
            .filter(sandbox_cards::live.eq(true))
            .select(Row::as_select())
            .first(&mut *self.db.connection()?)
            .optional()?;
        Ok(row.and_then(Row::issued))
    }
}

fn row_of(
    key: String,
    reference: String,
    facts: &CardFacts,
    declines_charges: bool,
    now: NaiveDateTime,
) -> Row {
    Row {
        billing_key: key,
        gateway_reference: reference,
        funding: facts.funding.map_or("", Funding::as_str).into(),
        owner: facts.owner.map_or("", Owner::as_str).into(),
        issuer: facts.issuer.code().into(),
        brand: facts.brand.map(|brand| brand.as_str().into()),
        last_four: facts.last_four.as_str().into(),
        expiry_year: facts.expiry.year,
        expiry_month: i32::try_from(facts.expiry.month).unwrap_or(0),
        declines_charges,
        live: true,
        created_at: now,
    }
}

impl CardGateway for SandboxGateway {
    fn issue(&self, request: IssueRequest) -> IssueOutcome {
        fail::fail_point!("sandbox-timed-out", |_| IssueOutcome::Unknown);
        let number = request.card.number();
        let behaviour = TEST_CARDS
            .iter()
            .find(|card| {
                card.number
                    .bytes()
                    .filter(|byte| *byte != b' ')
                    .eq(number.bytes())
            })
            .map_or(Behaviour::Refuses(Refusal::Declined), |card| card.behaviour);
        match behaviour {
            Behaviour::Refuses(refusal) => IssueOutcome::Refused(refusal),
            Behaviour::IsNotReached => IssueOutcome::NotSent,
            Behaviour::Issues {
                funding,
                owner,
                issuer,
                declines_charges,
                loses_answer,
            } => {
                let last_four = number.get(number.len() - 4..).and_then(LastFour::parse);
                let Some(last_four) = last_four else {
                    return IssueOutcome::Refused(Refusal::Declined);
                };
                let facts = CardFacts {
                    funding: Some(funding),
                    owner: Some(owner),
                    issuer: Issuer::new(issuer),
                    brand: brand_of(number),
                    last_four,
                    expiry: request.card.expiry(),
                };
                let kept = self.keep(&request, facts, declines_charges);
                fail::fail_point!("sandbox-issued");
                match kept {
                    Ok(issued) if !loses_answer => IssueOutcome::Issued(issued),
                    _ => IssueOutcome::Unknown,
                }
            }
        }
    }

    fn look_up(&self, attempt: &AttemptQuery) -> LookUp {
        if SandboxFaults::strikes(&self.faults.look_ups) {
            return LookUp::Unknown;
        }
        if SandboxFaults::strikes(&self.faults.late_effects) {
            return LookUp::Absent;
        }
        match self.find(&attempt.reference) {
            Ok(Some(issued)) => LookUp::Found(issued),
            Ok(None) => LookUp::Absent,
            Err(_) => LookUp::Unknown,
        }
    }

    fn revoke(&self, key: &BillingKey) -> Revocation {
        if SandboxFaults::strikes(&self.faults.revocations) {
            return Revocation::Retry;
        }
        let revoked = self.db.write(|db| {
            let card = sandbox_cards::table.find(key.as_str());
            Ok(diesel::update(card)
                .set(sandbox_cards::live.eq(false))
                .execute(db)?)
        });
        if revoked.is_ok() {
            Revocation::Done
        } else {
            Revocation::Retry
        }
    }
}

/// The keys that are live, for the invariants.
///
/// # Errors
/// What the database says.
pub fn live_keys(db: &mut AnyConnection) -> QueryResult<Vec<String>> {
    sandbox_cards::table
        .filter(sandbox_cards::live.eq(true))
        .select(sandbox_cards::billing_key)
        .load(db)
}

/// Puts a live key into the sandbox, for demo data.
///
/// # Errors
/// What the database says.
pub fn seed(
    db: &mut AnyConnection,
    key: &BillingKey,
    facts: &CardFacts,
    now: NaiveDateTime,
) -> QueryResult<()> {
    let row = row_of(
        key.as_str().to_owned(),
        key.as_str().to_owned(),
        facts,
        false,
        now,
    );
    diesel::insert_into(sandbox_cards::table)
        .values(&row)
        .execute(db)
        .map(drop)
}
