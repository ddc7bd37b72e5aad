//! Billing keys by PortOne. A key's card is told only when the key is asked for, and of its number a mask that differs
//! from one payment company to the next: last four digits and expiry go along with our reference as `customData` and
//! come back with the key.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::TimeDelta;
use serde::{Serialize, de::IgnoredAny};
use zeroize::Zeroizing;

use super::{
    Api,
    api::{Failure, segment},
    keys::{IssueAnswer, KeyInfo, KeyPage, OurData},
    refusals::refusal_of,
};
use crate::{
    clock::Clock,
    gateway::{
        AttemptQuery, BillingKey, CardGateway, Identity, IssueOutcome, IssueRequest, IssuedKey,
        LookUp, Revocation,
    },
    outside::CALL,
    web::encoded,
};

/// The time after which a request that left no key can no longer make one.
const SETTLED_AFTER: TimeDelta = TimeDelta::seconds(60);
/// Keys on one page of a look-up.
const PAGE_SIZE: usize = 100;
/// Pages that a look-up turns at most.
const MOST_PAGES: usize = 20;
/// Room for a request with its card, so that no copy is left behind by a buffer that grew.
const REQUEST_SIZE: usize = 2048;

/// The gateway `portone`.
pub struct PortOneCards {
    api: Arc<Api>,
    channel: String,
    clock: Arc<dyn Clock>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct IssueBody<'a> {
    channel_key: &'a str,
    customer: Customer<'a>,
    method: Method<'a>,
    custom_data: String,
}

#[derive(Serialize)]
struct Customer<'a> {
    id: &'a str,
}

#[derive(Serialize)]
struct Method<'a> {
    card: Card<'a>,
}

#[derive(Serialize)]
struct Card<'a> {
    credential: Credential<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Credential<'a> {
    number: &'a str,
    expiry_year: String,
    expiry_month: String,
    birth_or_business_registration_number: &'a str,
    password_two_digits: &'a str,
}

impl PortOneCards {
    /// Issues through this channel.
    pub fn new(api: Arc<Api>, channel: String, clock: Arc<dyn Clock>) -> Self {
        Self {
            api,
            channel,
            clock,
        }
    }

    fn body(&self, request: &IssueRequest) -> Option<Zeroizing<Vec<u8>>> {
        let expiry = request.card.expiry();
        let mut body = Zeroizing::new(Vec::with_capacity(REQUEST_SIZE));
        let sent = IssueBody {
            channel_key: &self.channel,
            customer: Customer {
                id: &request.attempt.customer,
            },
            method: Method {
                card: Card {
                    credential: Credential {
                        number: request.card.number(),
                        expiry_year: format!("{:02}", expiry.year % 100),
                        expiry_month: format!("{:02}", expiry.month),
                        birth_or_business_registration_number: match &request.identity {
                            Identity::Person { birth_date } => birth_date,
                            Identity::Business { number } => number,
                        },
                        password_two_digits: request.card.password_2(),
                    },
                },
            },
            custom_data: OurData::of(request)?,
        };
        serde_json::to_writer(&mut *body, &sent).ok()?;
        Some(body)
    }

    /// The live key with this name and its card; none for one that is deleted.
    fn key(&self, key: &str, within: Duration) -> Result<Option<IssuedKey>, Failure> {
        let path = format!("/billing-keys/{}", segment(key));
        match self.api.get(&path, within)? {
            KeyInfo::Issued(live) if live.billing_key == key => {
                live.issued().map(Some).ok_or(Failure::other())
            }
            KeyInfo::Issued(_) => Err(Failure::other()),
            KeyInfo::Deleted => Ok(None),
        }
    }

    /// The name of the live key that an attempt made.
    fn find(&self, attempt: &AttemptQuery) -> Result<Option<String>, Failure> {
        // A day more: PortOne's clock is its own.
        let from = (attempt.asked_at - TimeDelta::days(1)).format("%Y-%m-%dT%H:%M:%SZ");
        for number in 0..MOST_PAGES {
            let query = serde_json::json!({
                "page": { "number": number, "size": PAGE_SIZE },
                "sort": { "by": "ISSUED_AT", "order": "DESC" },
                "filter": {
                    "customerId": attempt.customer,
                    "status": ["ISSUED"],
                    "timeRangeField": "ISSUED_AT",
                    "from": from.to_string(),
                },
            });
            let path = format!("/billing-keys?requestBody={}", encoded(&query.to_string()));
            let page: KeyPage = self.api.get(&path, CALL)?;
            let is_last = page.items.len() < page.page.size;
            let mut live = page.items.into_iter().filter_map(|item| match item {
                KeyInfo::Issued(live) => Some(live),
                KeyInfo::Deleted => None,
            });
            if let Some(key) = live.find(|key| key.is_of(&attempt.reference)) {
                return Ok(Some(key.billing_key));
            }
            if is_last {
                return Ok(None);
            }
        }
        Err(Failure::other())
    }
}

impl CardGateway for PortOneCards {
    fn issue(&self, request: IssueRequest) -> IssueOutcome {
        let began = Instant::now();
        let body = self.body(&request);
        let Some(body) = body.as_ref().and_then(|body| str::from_utf8(body).ok()) else {
            return IssueOutcome::NotSent;
        };
        let answer: IssueAnswer = match self.api.post("/billing-keys", body) {
            Ok(answer) => answer,
            Err(failure) => {
                log::warn!("a billing key was not issued: {failure}");
                return match failure {
                    Failure::NotSent(_) => IssueOutcome::NotSent,
                    Failure::Refused(refused) => {
                        refusal_of(&refused).map_or(IssueOutcome::Unknown, IssueOutcome::Refused)
                    }
                    Failure::Unknown(_) => IssueOutcome::Unknown,
                };
            }
        };
        // Both calls together take no longer than one may.
        let left = CALL.saturating_sub(began.elapsed());
        match self.key(&answer.billing_key_info.billing_key, left) {
            Ok(Some(issued)) => IssueOutcome::Issued(issued),
            Ok(None) => IssueOutcome::Unknown,
            Err(failure) => {
                log::warn!("the card of a billing key was not told: {failure}");
                IssueOutcome::Unknown
            }
        }
    }

    fn look_up(&self, attempt: &AttemptQuery) -> LookUp {
        // Before the question: what the answer shows may be as old.
        let age = self.clock.now() - attempt.asked_at;
        let found = self.find(attempt).and_then(|key| match key {
            Some(key) => self.key(&key, CALL),
            None => Ok(None),
        });
        match found {
            Ok(Some(issued)) => LookUp::Found(issued),
            Ok(None) if age >= SETTLED_AFTER => LookUp::Absent,
            Ok(None) => LookUp::Unknown,
            Err(failure) => {
                log::warn!("an attempt was not looked up: {failure}");
                LookUp::Unknown
            }
        }
    }

    fn revoke(&self, key: &BillingKey) -> Revocation {
        let path = format!(
            "/billing-keys/{}?reason={}",
            segment(key.as_str()),
            encoded("no longer a payment method")
        );
        match self.api.delete::<IgnoredAny>(&path) {
            Ok(_) => Revocation::Done,
            Err(Failure::Refused(refused)) if refused.says_that_no_key_lives() => Revocation::Done,
            Err(failure) => {
                log::warn!("a billing key was not deleted: {failure}");
                Revocation::Retry
            }
        }
    }
}
