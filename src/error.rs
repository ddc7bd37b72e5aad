//! What can go wrong, once for the whole console. `web::error_pages` turns each kind into its page,
//! its status and its log line.

use chrono::NaiveDateTime;
use diesel::result::{DatabaseErrorInformation, DatabaseErrorKind, Error as DieselError};

use crate::access::Viewer;

/// Why a request was not answered with its page.
#[derive(Debug)]
pub enum Error {
    /// No session, or one that ended: 303 to sign-in.
    SignedOut,
    /// The page needs another role (rule 1): 403.
    RoleNeeded(Box<RoleNeeded>),
    /// A post without its token, or from another site: 403.
    Untrusted,
    /// Not there, or someone else's (rule 3): 404.
    NotFound,
    /// The way leads elsewhere, to this local path: 303.
    SeeOther(String),
    /// A form that is not one of ours: 400, 413 or 415.
    Form(BadForm),
    /// Someone else changed the group's payment method meanwhile: 409.
    Stale(Box<Stale>),
    /// Too many tries: 429 until this time (UTC).
    TooMany(NaiveDateTime),
    /// Too many wait already, nothing was begun: 503.
    Busy,
    /// The database or a provider does not answer, nothing has changed: 503. The text is for the log.
    Unavailable(String),
    /// No answer, and what was asked for may be done all the same: 503. The text is for the log.
    Unanswered(String),
    /// A fault of the console: 500 with a reference. The text is for the log and holds no value that a user gave.
    Internal(String),
}

/// A body that no form of ours sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadForm {
    /// Not `application/x-www-form-urlencoded`: 415.
    NotAForm,
    /// Over the route's limit: 413.
    TooLarge,
    /// Broken encoding, or a known field sent twice: 400.
    Malformed,
    /// The body did not come within 10 s: 408.
    TooSlow,
}

/// Who lacks the role.
#[derive(Debug)]
pub struct RoleNeeded {
    /// Who.
    pub viewer: Viewer,
    /// The token of the page's forms, so that they can sign out; set by the visit.
    pub csrf_token: String,
}

/// Who changed the group's payment method, and when.
#[derive(Debug, Clone)]
pub struct Stale {
    /// The group's name.
    pub group: String,
    /// The person's name; none when it is no user of the console.
    pub who: Option<String>,
    /// UTC.
    pub at: Option<NaiveDateTime>,
}

impl Error {
    /// The same after something may have been changed.
    #[must_use]
    pub fn after_a_change(self) -> Self {
        match self {
            Self::Unavailable(why) => Self::Unanswered(why),
            other => other,
        }
    }
}

impl From<DieselError> for Error {
    fn from(error: DieselError) -> Self {
        match error {
            DieselError::DatabaseError(kind, told) if is_outage(&kind, &*told) => {
                Self::Unavailable(format!("database: {}", told.message()))
            }
            // The message of a constraint can hold the refused value; its name cannot.
            DieselError::DatabaseError(kind, told) => Self::Internal(format!(
                "database: {kind:?} {}",
                told.constraint_name().unwrap_or_default()
            )),
            other => Self::Internal(format!("database: {other}")),
        }
    }
}

/// Whether the database cannot do now what it could do at another time. PostgreSQL may tell of it in any language; but of
/// a statement that is wrong it tells the place, too, and SQLite tells it in these words. A lock on a whole table is waited
/// for while a statement is read, so that its place is told as well.
fn is_outage(kind: &DatabaseErrorKind, told: &dyn DatabaseErrorInformation) -> bool {
    match kind {
        DatabaseErrorKind::ClosedConnection
        | DatabaseErrorKind::UnableToSendCommand
        | DatabaseErrorKind::SerializationFailure
        | DatabaseErrorKind::ReadOnlyTransaction => true,
        DatabaseErrorKind::Unknown => {
            let says = |signs: &[&str]| signs.iter().any(|sign| told.message().contains(sign));
            let is_wrong = told.statement_position().is_some()
                || says(&["no such", "syntax error", "has no column"]);
            !is_wrong || says(&["lock timeout", "deadlock detected"])
        }
        _ => false,
    }
}

/// Whether the database refused a row because another has its key.
pub fn is_taken(error: &DieselError) -> bool {
    matches!(
        error,
        DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(kind: DatabaseErrorKind, message: &str) -> Error {
        DieselError::DatabaseError(kind, Box::new(message.to_owned())).into()
    }

    #[test]
    fn a_database_that_cannot_now_is_unavailable_in_whatever_language_it_says_so() {
        for message in [
            "database is locked",
            "database or disk is full",
            "canceling statement due to lock timeout",
            "잠금 대기 시간 초과로 작업을 취소합니다.",
        ] {
            let error = of(DatabaseErrorKind::Unknown, message);
            assert!(matches!(error, Error::Unavailable(_)), "{message}");
        }
        for (kind, message) in [
            (DatabaseErrorKind::Unknown, "no such table: users"),
            (DatabaseErrorKind::Unknown, "near \"x\": syntax error"),
            (DatabaseErrorKind::CheckViolation, "database is locked"),
        ] {
            assert!(matches!(of(kind, message), Error::Internal(_)), "{message}");
        }
    }
}
