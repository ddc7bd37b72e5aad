//! Business numbers by PortOne, for an operator without a key of the National Tax Service.

use std::{fmt, sync::Arc};

use serde::Deserialize;

use super::{Api, api::Failure};
use crate::verification::{BusinessNumber, BusinessRegistry, BusinessStatus, Unreachable};

/// PortOne's look-up of businesses: a part of its account that the operator applies for.
pub struct PortOneRegistry {
    api: Arc<Api>,
}

/// Why it is not known what a business is.
#[derive(Debug)]
pub enum Unanswered {
    /// No answer of PortOne's.
    Nothing(Failure),
    /// An answer, but no status of this number that we know.
    Other,
}

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing(failure) => failure.fmt(f),
            Self::Other => f.write_str("it answered what is no status of the number"),
        }
    }
}

#[derive(Deserialize)]
struct Answer {
    result: Vec<Looked>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Looked {
    brn: String,
    business_info: Option<Business>,
    error: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Business {
    brn: String,
    business_status: String,
    closing_date: Option<String>,
}

impl PortOneRegistry {
    /// Asks through this interface.
    pub fn new(api: Arc<Api>) -> Self {
        Self { api }
    }

    /// Looks a number up; blocks for at most 12 s.
    ///
    /// # Errors
    /// [`Unanswered`]
    pub fn ask(&self, number: &BusinessNumber) -> Result<BusinessStatus, Unanswered> {
        let question = serde_json::json!({ "brnList": [number.digits()] }).to_string();
        let answer: Answer = self
            .api
            .post("/b2b/companies/business-info", &question)
            .map_err(Unanswered::Nothing)?;
        status_of(number, &answer).ok_or(Unanswered::Other)
    }
}

/// What the answer says of this number; nothing is guessed from any other. The document leaves the words of a status
/// free: these are its own for the same three states, and the National Tax Service's.
fn status_of(number: &BusinessNumber, answer: &Answer) -> Option<BusinessStatus> {
    let [looked] = answer.result.as_slice() else {
        return None;
    };
    if digits(&looked.brn) != number.digits() {
        return None;
    }
    let Some(business) = &looked.business_info else {
        let told = looked.error.as_deref()?;
        let is_nobodys = ["등록되지 않은", "미등록", "존재하지 않"];
        return is_nobodys
            .iter()
            .any(|words| told.contains(words))
            .then_some(BusinessStatus::NotRegistered);
    };
    if digits(&business.brn) != number.digits() {
        return None;
    }
    let is_closed = business
        .closing_date
        .as_ref()
        .is_some_and(|day| !day.is_empty());
    match business.business_status.as_str() {
        "CLOSED" | "폐업" | "폐업자" => Some(BusinessStatus::Closed),
        _ if is_closed => Some(BusinessStatus::Closed),
        "IN_BUSINESS" | "영업중" | "계속사업자" => Some(BusinessStatus::Active),
        "SUSPENDED" | "휴업" | "휴업자" => Some(BusinessStatus::Dormant),
        _ => None,
    }
}

fn digits(number: &str) -> String {
    number.chars().filter(|letter| *letter != '-').collect()
}

impl BusinessRegistry for PortOneRegistry {
    fn status(&self, number: &BusinessNumber) -> Result<BusinessStatus, Unreachable> {
        self.ask(number).map_err(|why| {
            log::warn!("PortOne did not tell the status of a business: {why}");
            Unreachable
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(of: &str) -> Option<BusinessStatus> {
        let number = BusinessNumber::parse("999-81-00015").unwrap();
        let json = format!(r#"{{"result":[{{"brn":"9998100015",{of}}}]}}"#);
        status_of(&number, &serde_json::from_str(&json).unwrap())
    }

    #[test]
    fn only_a_status_that_we_know_is_one() {
        let info = |status: &str, more: &str| {
            told(&format!(
                r#""businessInfo":{{"brn":"999-81-00015","businessStatus":"{status}"{more}}}"#
            ))
        };
        assert_eq!(info("IN_BUSINESS", ""), Some(BusinessStatus::Active));
        assert_eq!(info("계속사업자", ""), Some(BusinessStatus::Active));
        assert_eq!(info("SUSPENDED", ""), Some(BusinessStatus::Dormant));
        assert_eq!(info("폐업자", ""), Some(BusinessStatus::Closed));
        let closed = r#","closingDate":"2024-01-31""#;
        assert_eq!(info("계속사업자", closed), Some(BusinessStatus::Closed));
        assert_eq!(info("", ""), None);
        assert_eq!(info("UNKNOWN", ""), None);
        assert_eq!(
            told(r#""error":"등록되지 않은 사업자등록번호입니다.""#),
            Some(BusinessStatus::NotRegistered)
        );
        assert_eq!(told(r#""error":"timeout""#), None);
        assert_eq!(
            told(r#""businessInfo":{"brn":"9998100029","businessStatus":"IN_BUSINESS"}"#),
            None
        );
    }
}
