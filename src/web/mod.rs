//! What every page shares: the visit, the layout, forms, languages, headers, error pages, static files.

pub mod admission;
pub mod connections;
pub mod csrf;
pub mod error_pages;
pub mod fields;
pub mod forget;
pub mod guard;
pub mod health;
pub mod message;
mod readers;
pub mod session;
pub mod shell;
pub mod static_files;
pub mod texts;
mod visit;

pub use admission::{Admission, Work};
pub use fields::{Fields, Posted, Problems};
pub use message::{Message, Value};
pub use readers::Readers;
pub use shell::{Section, Shell};
pub use texts::{Lang, Texts};
pub use visit::{Visit, WRITE_WITHIN, in_time, see_other};

use actix_web::{HttpResponse, http::StatusCode};
use askama::Template;

use crate::error::Error;

/// Answers with a rendered page.
///
/// # Errors
/// [`Error::Internal`] when the template fails.
pub fn page(status: StatusCode, template: &impl Template) -> Result<HttpResponse, Error> {
    fail::fail_point!("page-write");
    // Most pages fit: one that grows is copied each time.
    let mut html = String::with_capacity(16 * 1024);
    template
        .render_into(&mut html)
        .map_err(|e| Error::Internal(format!("template: {e}")))?;
    Ok(HttpResponse::build(status)
        .content_type("text/html; charset=utf-8")
        .body(html))
}

/// Text as a value in a query.
pub fn encoded(text: &str) -> String {
    use std::fmt::Write;
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
        encoded
    })
}
