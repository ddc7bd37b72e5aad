//! What the fake PortOne keeps, and what it answers from it. Like the sandbox it knows a card by its number's behaviour
//! and keeps no number.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::{
    fake::{CARD_CHANNEL, CODE, IDENTITY_CHANNEL, SECRET},
    faults::{Operation, Plan},
    http::Request,
};

const STORE: &str = "store-00000000-0000-0000-0000-000000000000";
const AT: &str = "2026-11-24T05:02:11Z";

/// What becomes of a card.
#[derive(Debug, Clone, Copy)]
pub enum Behaviour {
    /// A key: card type, owner type (none where it does not tell), card company, network.
    Issues(
        Option<&'static str>,
        Option<&'static str>,
        &'static str,
        &'static str,
    ),
    /// The payment company's refusal: code and words.
    Refuses(&'static str, &'static str),
}

/// The sandbox's cards, as PortOne would have them.
const CARDS: [(&str, Behaviour); 10] = {
    use Behaviour::{Issues, Refuses};
    const CREDIT: Option<&str> = Some("CREDIT");
    const PERSONAL: Option<&str> = Some("PERSONAL");
    const CORPORATE: Option<&str> = Some("CORPORATE");
    [
        (
            "4242424242424242",
            Issues(CREDIT, PERSONAL, "SHINHAN_CARD", "VISA"),
        ),
        (
            "5555555555554444",
            Issues(CREDIT, CORPORATE, "HYUNDAI_CARD", "MASTER"),
        ),
        (
            "9410000000000005",
            Issues(CREDIT, CORPORATE, "BC_CARD", "LOCAL"),
        ),
        (
            "4000056655665556",
            Issues(Some("DEBIT"), PERSONAL, "KOOKMIN_CARD", "VISA"),
        ),
        (
            "5105105105105100",
            Issues(Some("GIFT"), PERSONAL, "WOORI_CARD", "MASTER"),
        ),
        ("4000000000000010", Issues(None, None, "NEW_CARD", "VISA")),
        (
            "4000000000000002",
            Refuses("REJECT_CARD_COMPANY", "결제 승인이 거절되었습니다"),
        ),
        (
            "4000000000000069",
            Refuses("INVALID_CARD_EXPIRATION", "유효기간을 확인해주세요"),
        ),
        ("4000000000000127", Refuses("8035", "비밀번호 오류")),
        (
            "4000000000000341",
            Issues(CREDIT, PERSONAL, "KOOKMIN_CARD", "VISA"),
        ),
    ]
};

pub struct Key {
    pub name: String,
    pub is_live: bool,
    customer: String,
    custom_data: Value,
    card: Value,
}

#[derive(Clone)]
pub struct Verification {
    customer: Value,
    is_verified: bool,
}

#[derive(Default)]
pub struct State {
    pub keys: Vec<Key>,
    verifications: HashMap<String, Verification>,
    /// What differs in the person whom the carrier verifies.
    pub verified_otherwise: Option<(&'static str, Value)>,
    pub businesses: HashMap<String, Value>,
    pub plan: Plan,
    pub asked: Vec<(Operation, Value)>,
    pub requests: Vec<Request>,
    pub answers: Vec<(Operation, u16, String)>,
}

fn error(status: u16, kind: &str) -> (u16, String) {
    (
        status,
        json!({ "type": kind, "message": "fake" }).to_string(),
    )
}

pub fn refused(code: &str, words: &str) -> (u16, String) {
    let body =
        json!({ "type": "PG_PROVIDER", "message": words, "pgCode": code, "pgMessage": words });
    (502, body.to_string())
}

fn good(body: Value) -> (u16, String) {
    (200, body.to_string())
}

impl State {
    pub fn answer(
        &mut self,
        request: &Request,
        operation: Option<(Operation, &str)>,
    ) -> (u16, String) {
        if request.authorization != format!("PortOne {SECRET}") {
            return error(401, "UNAUTHORIZED");
        }
        let Some((operation, id)) = operation else {
            return (404, "no such operation".into());
        };
        self.requests.push(request.clone());
        let body: Value = serde_json::from_slice(&request.body).unwrap_or(Value::Null);
        self.asked.push((operation, body.clone()));
        let (status, told) = match operation {
            Operation::Issue => self.issue(&body),
            Operation::List => self.list(&request.query),
            Operation::Key => self.key(id),
            Operation::Delete => self.delete(id),
            Operation::Send => self.send(id, &body),
            Operation::Resend => self.resend(id),
            Operation::Confirm => self.confirm(id, &body),
            Operation::Verification => self.verification(id),
            Operation::Business => self.business(&body),
        };
        self.answers.push((operation, status, told.clone()));
        (status, told)
    }

    fn issue(&mut self, body: &Value) -> (u16, String) {
        if body["channelKey"] != CARD_CHANNEL {
            return error(404, "CHANNEL_NOT_FOUND");
        }
        let card = &body["method"]["card"]["credential"];
        let is_digits = |field: &str, lengths: &[usize]| {
            card[field].as_str().is_some_and(|text| {
                lengths.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
            })
        };
        let is_whole = is_digits("number", &[12, 13, 14, 15, 16, 17, 18, 19])
            && is_digits("expiryYear", &[2])
            && is_digits("expiryMonth", &[2])
            && is_digits("birthOrBusinessRegistrationNumber", &[6, 10])
            && is_digits("passwordTwoDigits", &[2]);
        let (Some(number), true) = (card["number"].as_str(), is_whole) else {
            return error(400, "INVALID_REQUEST");
        };
        let known = CARDS.iter().find(|(known, _)| *known == number);
        let (kind, owner, issuer, brand) = match known.map(|(_, behaviour)| *behaviour) {
            Some(Behaviour::Issues(kind, owner, issuer, brand)) => (kind, owner, issuer, brand),
            Some(Behaviour::Refuses(code, words)) => return refused(code, words),
            None => return refused("INVALID_CARD_NUMBER", "카드번호를 다시 확인해주세요"),
        };
        let mut told = json!({
            "publisher": issuer, "issuer": issuer, "brand": brand, "bin": &number[..6], "name": "카드",
            "number": format!("{}****{}*", &number[..8], &number[12..number.len() - 1]),
        });
        if let Some(kind) = kind {
            told["type"] = kind.into();
        }
        if let Some(owner) = owner {
            told["ownerType"] = owner.into();
        }
        let name = format!("billing-key-{}", uuid::Uuid::now_v7());
        self.keys.push(Key {
            name: name.clone(),
            is_live: true,
            customer: body["customer"]["id"].as_str().unwrap_or("").to_owned(),
            custom_data: body["customData"].clone(),
            card: told,
        });
        good(json!({ "billingKeyInfo": { "billingKey": name, "issuedAt": AT } }))
    }

    /// The newest first, as far as the filter takes them.
    fn list(&self, query: &str) -> (u16, String) {
        let asked = query.strip_prefix("requestBody=").unwrap_or("{}");
        let Ok(asked) = serde_json::from_str::<Value>(asked) else {
            return error(400, "INVALID_REQUEST");
        };
        let filter = &asked["filter"];
        let size = asked["page"]["size"].as_u64().unwrap_or(10) as usize;
        let number = asked["page"]["number"].as_u64().unwrap_or(0) as usize;
        let statuses = filter["status"].as_array();
        let fits: Vec<Value> = self
            .keys
            .iter()
            .rev()
            .filter(|key| filter["customerId"].is_null() || filter["customerId"] == *key.customer)
            .map(Key::told)
            .filter(|told| statuses.is_none_or(|statuses| statuses.contains(&told["status"])))
            .collect();
        let items: Vec<&Value> = fits.iter().skip(number * size).take(size).collect();
        let page = json!({ "number": number, "size": size, "totalCount": fits.len() });
        good(json!({ "items": items, "page": page }))
    }

    fn key(&self, name: &str) -> (u16, String) {
        match self.keys.iter().find(|key| key.name == name) {
            Some(key) => good(key.told()),
            None => error(404, "BILLING_KEY_NOT_FOUND"),
        }
    }

    fn delete(&mut self, name: &str) -> (u16, String) {
        match self.keys.iter_mut().find(|key| key.name == name) {
            Some(key) if key.is_live => {
                key.is_live = false;
                good(json!({ "deletedAt": AT }))
            }
            Some(_) => error(409, "BILLING_KEY_ALREADY_DELETED"),
            None => error(404, "BILLING_KEY_NOT_FOUND"),
        }
    }

    fn send(&mut self, id: &str, body: &Value) -> (u16, String) {
        if body["channelKey"] != IDENTITY_CHANNEL {
            return error(404, "CHANNEL_NOT_FOUND");
        }
        let customer = &body["customer"];
        let has = |field: &str, length: usize| {
            customer[field]
                .as_str()
                .is_some_and(|text| text.len() >= length)
        };
        if !has("name", 1) || !has("phoneNumber", 10) || !has("identityNumber", 7) {
            return error(400, "INVALID_REQUEST");
        }
        if self.verifications.contains_key(id) {
            return error(409, "IDENTITY_VERIFICATION_ALREADY_SENT");
        }
        match customer["phoneNumber"].as_str() {
            Some("01000000001") => return refused("1201", "명의자 정보가 일치하지 않습니다"),
            Some("01000000003") => return error(400, "MAX_TRANSACTION_COUNT_REACHED"),
            _ => {}
        }
        let verification = Verification {
            customer: customer.clone(),
            is_verified: false,
        };
        self.verifications.insert(id.to_owned(), verification);
        good(json!({}))
    }

    fn resend(&self, id: &str) -> (u16, String) {
        match self.verifications.get(id) {
            Some(verification) if verification.is_verified => {
                error(409, "IDENTITY_VERIFICATION_ALREADY_VERIFIED")
            }
            Some(_) => good(json!({})),
            None => error(404, "IDENTITY_VERIFICATION_NOT_SENT"),
        }
    }

    fn confirm(&mut self, id: &str, body: &Value) -> (u16, String) {
        let Some(verification) = self.verifications.get_mut(id) else {
            return error(404, "IDENTITY_VERIFICATION_NOT_SENT");
        };
        if verification.is_verified {
            return error(409, "IDENTITY_VERIFICATION_ALREADY_VERIFIED");
        }
        if body["otp"] != CODE {
            return refused("1204", "인증번호가 일치하지 않습니다");
        }
        verification.is_verified = true;
        let (_, told) = self.verification(id);
        let told: Value = serde_json::from_str(&told).unwrap();
        good(json!({ "identityVerification": told }))
    }

    fn verification(&self, id: &str) -> (u16, String) {
        let Some(verification) = self.verifications.get(id) else {
            return error(404, "IDENTITY_VERIFICATION_NOT_FOUND");
        };
        let asked = &verification.customer;
        let identity = asked["identityNumber"].as_str().unwrap_or("0001011");
        let century = match identity.as_bytes()[6] {
            b'3' | b'4' | b'7' | b'8' => "20",
            _ => "19",
        };
        let (year, month, day) = (&identity[..2], &identity[2..4], &identity[4..6]);
        let mut customer = json!({
            "name": asked["name"],
            "phoneNumber": asked["phoneNumber"],
            "birthDate": format!("{century}{year}-{month}-{day}"),
            "ci": "ci",
        });
        if asked["phoneNumber"] == "01000000002" {
            customer["name"] = "다른이".into();
        }
        if let Some((field, value)) = &self.verified_otherwise {
            customer[field] = value.clone();
        }
        let mut told = json!({
            "id": id, "requestedAt": AT, "updatedAt": AT, "statusChangedAt": AT, "version": "V2",
        });
        if verification.is_verified {
            told["status"] = "VERIFIED".into();
            told["verifiedCustomer"] = customer;
            told["verifiedAt"] = AT.into();
            told["pgTxId"] = "tx".into();
            told["pgRawResponse"] = "{}".into();
        } else {
            told["status"] = "READY".into();
            told["requestedCustomer"] = json!({});
        }
        good(told)
    }

    fn business(&self, body: &Value) -> (u16, String) {
        let numbers = body["brnList"].as_array().cloned().unwrap_or_default();
        let result: Vec<Value> = numbers
            .iter()
            .map(|number| {
                let text = number.as_str().unwrap_or_default();
                match self.businesses.get(text) {
                    Some(Value::String(told)) => json!({ "brn": text, "error": told }),
                    Some(told) => json!({ "brn": text, "businessInfo": told }),
                    None => json!({ "brn": text, "businessInfo": active(text) }),
                }
            })
            .collect();
        good(json!({ "result": result }))
    }
}

/// A business that carries on.
pub fn active(number: &str) -> Value {
    json!({
        "brn": number, "name": "주식회사 본보기", "ceoName": "김하나", "zipCode": "00000", "address": "서울",
        "businessEntityType": "법인사업자", "businessStatus": "계속사업자", "taxationType": "일반과세자",
        "openingDate": "2020-01-01", "businessType": "서비스", "businessClass": "소프트웨어",
        "businessCategoryCode": "722000",
    })
}

impl Key {
    fn told(&self) -> Value {
        let mut told = json!({
            "status": if self.is_live { "ISSUED" } else { "DELETED" },
            "billingKey": self.name, "merchantId": "merchant", "storeId": STORE, "channels": [],
            "methods": [{ "type": "BillingKeyPaymentMethodCard", "card": self.card }],
            "customer": { "id": self.customer }, "customData": self.custom_data, "issuedAt": AT,
        });
        if !self.is_live {
            told["deletedAt"] = AT.into();
        }
        told
    }
}
