//! What PortOne tells of billing keys, and what it keeps for us beside each.

use serde::{Deserialize, Serialize};

use crate::gateway::{
    BillingKey, Brand, CardFacts, Expiry, Funding, IssueRequest, IssuedKey, Issuer, LastFour, Owner,
};

/// What PortOne keeps for us beside a key, as JSON in its `customData`.
#[derive(Serialize, Deserialize)]
pub(super) struct OurData {
    reference: String,
    last_four: String,
    expiry_year: i32,
    expiry_month: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct IssueAnswer {
    pub(super) billing_key_info: KeySummary,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct KeySummary {
    pub(super) billing_key: String,
}

#[derive(Deserialize)]
pub(super) struct KeyPage {
    pub(super) items: Vec<KeyInfo>,
    pub(super) page: PageSize,
}

/// Of PortOne's own choice, if it finds ours too large.
#[derive(Deserialize)]
pub(super) struct PageSize {
    pub(super) size: usize,
}

#[derive(Deserialize)]
#[serde(tag = "status", rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum KeyInfo {
    Issued(LiveKey),
    Deleted,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LiveKey {
    pub(super) billing_key: String,
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

impl OurData {
    pub(super) fn of(request: &IssueRequest) -> Option<String> {
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
    pub(super) fn is_of(&self, reference: &str) -> bool {
        OurData::read(self.custom_data.as_deref()).is_some_and(|ours| ours.reference == reference)
    }

    pub(super) fn issued(self) -> Option<IssuedKey> {
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
