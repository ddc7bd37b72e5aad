//! A form that is shown again: with which status, why, and when it can be tried.

use actix_web::{HttpResponse, http::StatusCode, http::header::RETRY_AFTER};
use askama::Template;
use chrono::NaiveDateTime;

use crate::{
    error::Error,
    registration::{codes::NotNow, rules::OPEN_FOR},
    web::{self as pages, Message, Problems, Visit},
};

/// Why a form is shown again.
pub(super) struct Refused {
    pub(super) status: StatusCode,
    problems: Problems,
    /// When it can be tried again (UTC).
    until: Option<NaiveDateTime>,
}

impl Refused {
    /// Answers that are wrong: 422.
    pub(super) fn unprocessable(problems: Problems) -> Self {
        Self {
            status: StatusCode::UNPROCESSABLE_ENTITY,
            problems,
            until: None,
        }
    }

    /// One answer that is wrong: 422.
    pub(super) fn wrong(field: &'static str, words: Message) -> Self {
        Self::unprocessable(Problems::one(field, words))
    }

    /// Too many tries: 429.
    pub(super) fn too_many(field: &'static str, why: NotNow) -> Self {
        Self {
            status: StatusCode::TOO_MANY_REQUESTS,
            problems: Problems::one(field, why.words),
            until: why.until,
        }
    }

    /// A service of the outside that does not answer: 503.
    pub(super) fn unreachable(field: &'static str, words: &'static str) -> Self {
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            problems: Problems::one(field, Message::new(words)),
            until: None,
        }
    }

    /// Seconds of `Retry-After`.
    fn retry_after(&self, now: NaiveDateTime) -> Option<i64> {
        match (self.status, self.until) {
            (_, Some(until)) => Some((until - now).num_seconds().max(1)),
            (StatusCode::TOO_MANY_REQUESTS, None) => Some(OPEN_FOR.num_seconds()),
            (StatusCode::SERVICE_UNAVAILABLE, None) => Some(30),
            _ => None,
        }
    }
}

/// A form's page: 200 when nothing was refused yet.
pub(super) fn answer<T: Template>(
    visit: &Visit,
    refused: Option<Refused>,
    page: impl FnOnce(Problems) -> T,
) -> Result<HttpResponse, Error> {
    let Some(refused) = refused else {
        return pages::page(StatusCode::OK, &page(Problems::default()));
    };
    let retry_after = refused.retry_after(visit.services.clock.now());
    let mut response = pages::page(refused.status, &page(refused.problems))?;
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    Ok(response)
}
