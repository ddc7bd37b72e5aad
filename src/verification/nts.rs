//! The National Tax Service: the status of a business, by its public interface.

use std::fmt;

use serde::Deserialize;

use super::{BusinessNumber, BusinessRegistry, BusinessStatus, Unreachable};
use crate::{
    outside::{Client, NoAnswer, ServiceKey},
    settings::TaxService,
};

/// Asks the National Tax Service, one number a call. The same question can be asked again without harm.
pub struct NtsRegistry {
    client: Client,
    key: ServiceKey,
}

/// Why it is not known what a business is; each is for the log and holds nothing of the question.
#[derive(Debug, PartialEq, Eq)]
pub enum Unanswered {
    /// Nothing came.
    Nothing(NoAnswer),
    /// Another status than 200, such as for a key that the service does not know.
    Status(u16),
    /// An answer, but not to this question.
    Other,
}

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing(why) => why.fmt(f),
            Self::Status(429) => f.write_str("HTTP 429: its key's calls are used up for now"),
            Self::Status(status @ 400..=403) => {
                write!(f, "HTTP {status}: check BILLING_NTS_SERVICE_KEY")
            }
            Self::Status(status) => write!(f, "HTTP {status}"),
            Self::Other => f.write_str("it answered what is no status of the number"),
        }
    }
}

/// The answer, as far as it counts.
#[derive(Deserialize)]
struct Reply {
    status_code: String,
    data: Vec<Business>,
}

#[derive(Deserialize)]
struct Business {
    b_no: String,
    b_stt_cd: String,
}

impl NtsRegistry {
    /// The registry behind an address, with the operator's key.
    pub fn new(service: &TaxService) -> Self {
        Self {
            client: Client::new(service.url.clone()),
            key: service.key.clone(),
        }
    }

    /// Looks a number up; blocks for at most 12 s.
    ///
    /// # Errors
    /// [`Unanswered`]
    pub fn ask(&self, number: &BusinessNumber) -> Result<BusinessStatus, Unanswered> {
        let address = format!(
            "/api/nts-businessman/v1/status?serviceKey={}&returnType=JSON",
            self.key.encoded()
        );
        let question = serde_json::json!({ "b_no": [number.digits()] }).to_string();
        let answer = self
            .client
            .post_json(&address, &question)
            .map_err(Unanswered::Nothing)?;
        match answer.status {
            200 => status_of(number, &answer.body).ok_or(Unanswered::Other),
            other => Err(Unanswered::Status(other)),
        }
    }
}

/// What the answer says of this number; nothing is guessed from any other.
fn status_of(number: &BusinessNumber, answer: &[u8]) -> Option<BusinessStatus> {
    let reply: Reply = serde_json::from_slice(answer).ok()?;
    let [business] = reply.data.as_slice() else {
        return None;
    };
    if reply.status_code != "OK" || business.b_no != number.digits() {
        return None;
    }
    match business.b_stt_cd.as_str() {
        "01" => Some(BusinessStatus::Active),
        "02" => Some(BusinessStatus::Dormant),
        "03" => Some(BusinessStatus::Closed),
        "" => Some(BusinessStatus::NotRegistered),
        _ => None,
    }
}

impl BusinessRegistry for NtsRegistry {
    fn status(&self, number: &BusinessNumber) -> Result<BusinessStatus, Unreachable> {
        self.ask(number).map_err(|why| {
            log::warn!("the National Tax Service did not tell a status: {why}");
            Unreachable
        })
    }
}
