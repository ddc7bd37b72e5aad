//! Billing keys by PortOne. A key's card is told only when the key is asked for, and of its number a mask that differs
//! from one payment company to the next: last four digits and expiry go along with our reference as `customData` and
//! come back with the key.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::TimeDelta;
use serde::{Deserialize, Serialize, de::IgnoredAny};
use zeroize::Zeroizing;

use super::{
    Api,
    api::{Failure, segment},
    refusals::refusal_of,
};
use crate::{
    clock::Clock,
    gateway::{
        AttemptQuery, BillingKey, Brand, CardFacts, CardGateway, Expiry, Funding, Identity,
        IssueOutcome, IssueRequest, IssuedKey, Issuer, LastFour, LookUp, Owner, Revocation,
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

/// What PortOne keeps for us beside a key, as JSON in its `customData`.
#[derive(Serialize, Deserialize)]
struct OurData {
    reference: String,
    last_four: String,
    expiry_year: i32,
    expiry_month: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct IssueAnswer {
    billing_key_info: KeySummary,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct KeySummary {
    billing_key: String,
}

#[derive(Deserialize)]
struct KeyPage {
    items: Vec<KeyInfo>,
    page: PageSize,
}

/// Of PortOne's own choice, if it finds ours too large.
#[derive(Deserialize)]
struct PageSize {
    size: usize,
}

#[derive(Deserialize)]
#[serde(tag = "status", rename_all = "SCREAMING_SNAKE_CASE")]
enum KeyInfo {
    Issued(LiveKey),
    Deleted,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LiveKey {
    billing_key: String,
    #[serde(default)]
    methods: Vec<KeyMethod>,
    custom_data: Option<String>,
}

#[derive(Deserialize)]
struct KeyMethod {
    #[serde(rename = "type")]
    kind: String,
    card: Option<KeyCard>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct KeyCard {
    publisher: Option<String>,
    issuer: Option<String>,
    brand: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    owner_type: Option<String>,
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

impl OurData {
    fn of(request: &IssueRequest) -> Option<String> {
        let number = request.card.number();
        let expiry = request.card.expiry();
        serde_json::to_string(&Self {
            reference: request.attempt.reference.clone(),
            last_four: number.get(number.len().checked_sub(4)?..)?.to_owned(),
            expiry_year: expiry.year,
            expiry_month: expiry.month,
        })
        .ok()
    }

    fn read(text: Option<&str>) -> Option<Self> {
        serde_json::from_str(text?).ok()
    }
}

impl LiveKey {
    fn is_of(&self, reference: &str) -> bool {
        OurData::read(self.custom_data.as_deref()).is_some_and(|ours| ours.reference == reference)
    }

    fn issued(self) -> Option<IssuedKey> {
        let ours = OurData::read(self.custom_data.as_deref())?;
        let card = self
            .methods
            .into_iter()
            .filter(|method| method.kind == "BillingKeyPaymentMethodCard")
            .find_map(|method| method.card);
        let told = card.as_ref();
        Some(IssuedKey {
            key: BillingKey::new(self.billing_key),
            card: CardFacts {
                funding: told.and_then(|card| funding_of(card.kind.as_deref()?)),
                owner: told.and_then(|card| owner_of(card.owner_type.as_deref()?)),
                issuer: issuer_of(told.and_then(|card| {
                    let code = card.issuer.as_deref().or(card.publisher.as_deref());
                    code.filter(|code| !code.is_empty())
                })),
                brand: told.and_then(|card| brand_of(card.brand.as_deref()?)),
                last_four: LastFour::parse(&ours.last_four)?,
                expiry: Expiry {
                    year: ours.expiry_year,
                    month: ours.expiry_month,
                },
            },
        })
    }
}

fn funding_of(kind: &str) -> Option<Funding> {
    match kind {
        "CREDIT" => Some(Funding::Credit),
        "DEBIT" => Some(Funding::Debit),
        "GIFT" => Some(Funding::Gift),
        _ => None,
    }
}

fn owner_of(kind: &str) -> Option<Owner> {
    match kind {
        "PERSONAL" => Some(Owner::Personal),
        "CORPORATE" => Some(Owner::Corporate),
        _ => None,
    }
}

fn brand_of(brand: &str) -> Option<Brand> {
    match brand {
        "VISA" => Some(Brand::Visa),
        "MASTER" => Some(Brand::Mastercard),
        "AMEX" => Some(Brand::Amex),
        "JCB" => Some(Brand::Jcb),
        "UNIONPAY" => Some(Brand::UnionPay),
        "DINERS" => Some(Brand::Diners),
        _ => None,
    }
}

/// PortOne's code of a card company as ours; one that we do not know shows itself.
fn issuer_of(code: Option<&str>) -> Issuer {
    let code = code.unwrap_or("—");
    Issuer::new(match code {
        "AMEX_CARD" => "amex",
        "BC_CARD" => "bc",
        "BUSAN_CARD" => "busan",
        "CITI_CARD" => "citi",
        "DAEGU_CARD" => "daegu",
        "DINERS_CARD" => "diners",
        "DISCOVER_CARD" => "discover",
        "EPOST" => "post",
        "GWANGJU_CARD" => "gwangju",
        "HANA_CARD" => "hana",
        "HYUNDAI_CARD" => "hyundai",
        "IBK" => "ibk",
        "JCB_CARD" => "jcb",
        "JEJU_CARD" => "jeju",
        "JEONBUK_CARD" => "jeonbuk",
        "KAKAO_BANK" => "kakaobank",
        "KFCC" => "saemaul",
        "KOOKMIN_CARD" => "kb",
        "KOREA_DEVELOPMENT_BANK" => "kdb",
        "KYONGNAM_CARD" => "kyongnam",
        "K_BANK" => "kbank",
        "LOTTE_CARD" => "lotte",
        "MASTER_CARD" => "mastercard",
        "NH_BANK" | "NH_CARD" => "nh",
        "SAMSUNG_CARD" => "samsung",
        "SAVINGS_BANK_KOREA" => "savings",
        "SC_BANK" => "sc",
        "SHINHAN_CARD" => "shinhan",
        "SHINHYUP" => "shinhyup",
        "SUHYUP_CARD" => "suhyup",
        "TOSS_BANK" | "TOSS_CARD" => "tossbank",
        "UNION_CARD" => "unionpay",
        "VISA_CARD" => "visa",
        "WOORI_BANK" | "WOORI_CARD" => "woori",
        other => other,
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_card_company_that_we_name_has_a_name_in_both_languages() {
        for code in [
            "SHINHAN_CARD",
            "KFCC",
            "EPOST",
            "IBK",
            "NH_BANK",
            "TOSS_CARD",
            "K_BANK",
        ] {
            let issuer = issuer_of(Some(code));
            assert_ne!(issuer.name(true), code);
            assert_ne!(issuer.code(), code);
        }
        assert_eq!(issuer_of(Some("NEW_CARD")).name(true), "NEW_CARD");
    }

    #[test]
    fn a_key_says_only_what_portone_told() {
        let read = |json: &str| match serde_json::from_str(json).unwrap() {
            KeyInfo::Issued(live) => live.issued(),
            KeyInfo::Deleted => None,
        };
        let ours = r#""customData":"{\"reference\":\"r\",\"last_four\":\"1234\",\"expiry_year\":2029,\"expiry_month\":12}""#;
        let card = read(&format!(
            r#"{{"status":"ISSUED","billingKey":"k",{ours},"methods":[{{"type":"BillingKeyPaymentMethodCard","card":{{
            "publisher":"WOORI_CARD","brand":"LOCAL","type":"CREDIT","ownerType":"CORPORATE","number":"9410****000*"}}}}]}}"#
        ))
        .unwrap()
        .card;
        assert_eq!(
            (card.funding, card.owner),
            (Some(Funding::Credit), Some(Owner::Corporate))
        );
        assert_eq!((card.issuer.code(), card.brand), ("woori", None));
        assert_eq!(card.last_four.as_str(), "1234");
        for methods in [
            "",
            r#","methods":[]"#,
            r#","methods":[{"type":"BillingKeyPaymentMethodEasyPay"}]"#,
        ] {
            let untold = read(&format!(
                r#"{{"status":"ISSUED","billingKey":"k",{ours}{methods}}}"#
            ));
            let card = untold.unwrap().card;
            assert_eq!((card.funding, card.owner), (None, None), "{methods}");
        }
        assert!(read(r#"{"status":"ISSUED","billingKey":"k","customData":"not ours"}"#).is_none());
        assert!(read(r#"{"status":"DELETED","billingKey":"k"}"#).is_none());
    }
}
