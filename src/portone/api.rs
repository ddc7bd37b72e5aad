//! Calls of PortOne's interface, and what its answers mean before anyone reads their bodies.

use std::{fmt, time::Duration};

use serde::{Deserialize, de::DeserializeOwned};

use super::PortOneService;
use crate::{
    outside::{Answer, Client, NoAnswer},
    web::encoded,
};

/// PortOne's interface with the operator's secret.
pub struct Api {
    client: Client,
}

/// Why a call has no result.
#[derive(Clone, PartialEq, Eq)]
pub enum Failure {
    /// No byte of it left.
    NotSent(&'static str),
    /// PortOne's own word that it did not do it.
    Refused(Box<Refused>),
    /// Anything else: it may have been done.
    Unknown(Unclear),
}

/// A documented error: PortOne did nothing. No Debug: the words are anybody's.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Refused {
    /// The HTTP status.
    #[serde(skip)]
    pub status: u16,
    /// Which error it is, such as `PG_PROVIDER`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The payment company's own code.
    pub pg_code: Option<String>,
    /// The payment company's own words: never logged.
    pub pg_message: Option<String>,
    /// What each channel said (`CHANNEL_SPECIFIC`).
    #[serde(default)]
    pub failures: Vec<ChannelFailure>,
    /// Channels that did it all the same (`CHANNEL_SPECIFIC`).
    #[serde(default)]
    pub succeeded_channels: Vec<serde_json::Value>,
}

/// What one channel said.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChannelFailure {
    /// The payment company's own code.
    pub pg_code: Option<String>,
    /// The payment company's own words: never logged.
    pub pg_message: Option<String>,
}

impl Failure {
    /// The documented status, but not an answer to what was asked.
    pub(super) fn other() -> Self {
        Self::Unknown(Unclear::Body)
    }
}

/// Why nobody knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unclear {
    /// No whole answer.
    NoAnswer(&'static str),
    /// An answer that is not documented for the call.
    Status(u16),
    /// The documented status with another body.
    Body,
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Failure {
    /// For the log: nothing of a request, no text that PortOne chose freely.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSent(why) => write!(f, "not reached ({why})"),
            Self::Refused(refused) => refused.fmt(f),
            Self::Unknown(Unclear::NoAnswer(why)) => write!(f, "no whole answer ({why})"),
            Self::Unknown(Unclear::Status(status)) => write!(f, "HTTP {status}"),
            Self::Unknown(Unclear::Body) => f.write_str("an answer that is not documented"),
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HTTP {} {}", self.status, word(&self.kind))?;
        match self.pg_codes().next() {
            Some(code) => write!(f, " {}", word(code)),
            None => Ok(()),
        }
    }
}

/// A code as it may stand in a log: letters, digits and `_-.`, at most 40. Digits in a row are left out, since nobody
/// promises that a code holds no number.
fn word(code: &str) -> String {
    let is_plain = |letter: &char| letter.is_ascii_alphanumeric() || "_-.".contains(*letter);
    let word: String = code.chars().filter(is_plain).take(40).collect();
    let has_number = word
        .as_bytes()
        .windows(6)
        .any(|six| six.iter().all(u8::is_ascii_digit));
    if has_number { "…".into() } else { word }
}

impl Refused {
    /// The payment company's codes, of the error itself and of its channels.
    pub fn pg_codes(&self) -> impl Iterator<Item = &str> {
        let of_channels = self.failures.iter().map(|failure| &failure.pg_code);
        [&self.pg_code]
            .into_iter()
            .chain(of_channels)
            .filter_map(Option::as_deref)
    }

    /// The payment company's words, of the error itself and of its channels.
    pub fn pg_messages(&self) -> impl Iterator<Item = &str> {
        let of_channels = self.failures.iter().map(|failure| &failure.pg_message);
        [&self.pg_message]
            .into_iter()
            .chain(of_channels)
            .filter_map(Option::as_deref)
    }

    /// Whether a key that was to be deleted is dead already, or never lived.
    pub(super) fn says_that_no_key_lives(&self) -> bool {
        matches!(
            self.kind.as_str(),
            "BILLING_KEY_ALREADY_DELETED" | "BILLING_KEY_NOT_FOUND" | "BILLING_KEY_NOT_ISSUED"
        )
    }
}

impl Api {
    /// The interface behind an address, with the operator's secret.
    pub fn new(service: &PortOneService) -> Self {
        Self {
            client: Client::new(service.url.clone()).authorized(service.secret.clone()),
        }
    }

    /// Posts a body; blocks for at most 12 s.
    ///
    /// # Errors
    /// [`Failure`]
    pub fn post<T: DeserializeOwned>(&self, path: &str, json: &str) -> Result<T, Failure> {
        read(self.client.post_json(path, json))
    }

    /// Posts nothing; blocks for at most 12 s.
    ///
    /// # Errors
    /// [`Failure`]
    pub fn post_empty<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        read(self.client.post_empty(path))
    }

    /// Gets; blocks for `within`, besides 2 s for a place.
    ///
    /// # Errors
    /// [`Failure`]
    pub fn get<T: DeserializeOwned>(&self, path: &str, within: Duration) -> Result<T, Failure> {
        read(self.client.get(path, within))
    }

    /// Deletes; blocks for at most 12 s.
    ///
    /// # Errors
    /// [`Failure`]
    pub fn delete<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        read(self.client.delete(path))
    }
}

/// 200 is a result and an error is a refusal if its body names one that is documented; nothing else is PortOne's word.
fn read<T: DeserializeOwned>(answer: Result<Answer, NoAnswer>) -> Result<T, Failure> {
    let answer = answer.map_err(|why| match why {
        NoAnswer::NotSent(why) => Failure::NotSent(why),
        NoAnswer::Unknown(why) => Failure::Unknown(Unclear::NoAnswer(why)),
    })?;
    let status = answer.status;
    match status {
        200 => serde_json::from_slice(&answer.body).map_err(|_| Failure::Unknown(Unclear::Body)),
        400.. => match serde_json::from_slice::<Refused>(&answer.body) {
            Ok(refused) if DOCUMENTED.contains(&refused.kind.as_str()) => {
                Err(Failure::Refused(Box::new(Refused { status, ..refused })))
            }
            _ => Err(Failure::Unknown(Unclear::Status(status))),
        },
        _ => Err(Failure::Unknown(Unclear::Status(status))),
    }
}

/// A name as one segment of a path.
pub(super) fn segment(name: &str) -> String {
    encoded(name).replace('/', "%2F")
}

/// The errors of the calls that we make.
const DOCUMENTED: [&str; 17] = [
    "B2B_EXTERNAL_SERVICE",
    "B2B_NOT_ENABLED",
    "BILLING_KEY_ALREADY_DELETED",
    "BILLING_KEY_NOT_FOUND",
    "BILLING_KEY_NOT_ISSUED",
    "CHANNEL_NOT_FOUND",
    "CHANNEL_SPECIFIC",
    "FORBIDDEN",
    "IDENTITY_VERIFICATION_ALREADY_SENT",
    "IDENTITY_VERIFICATION_ALREADY_VERIFIED",
    "IDENTITY_VERIFICATION_NOT_FOUND",
    "IDENTITY_VERIFICATION_NOT_SENT",
    "INVALID_REQUEST",
    "MAX_TRANSACTION_COUNT_REACHED",
    "PAYMENT_SCHEDULE_ALREADY_EXISTS",
    "PG_PROVIDER",
    "UNAUTHORIZED",
];
