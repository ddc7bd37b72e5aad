//! The demo: a database of its own, filled on first use, and what only it shows.

mod data;

pub use data::fill;

use actix_web::{HttpResponse, http::StatusCode};
use askama::Template;
use diesel::prelude::*;

use crate::{
    db::{
        AnyConnection, look,
        schema::{audit_rows, console_facts, organizations, users},
    },
    error::Error,
    verification::sandbox::InboxMessage,
    web::{self as pages, Section, Shell, Texts, Visit},
};

/// The password of every demo account.
pub const PASSWORD: &str = "open-sesame-demo";

/// A demo account, as the sign-in page offers it.
#[derive(Debug)]
pub struct Account {
    /// E-mail address.
    pub email: &'static str,
    /// The key of its name.
    pub key: &'static str,
    /// The key of what it shows.
    pub what: &'static str,
}

/// Every demo account.
pub const ACCOUNTS: &[Account] = &[
    Account {
        email: "main-admin@acme.test",
        key: "demo-main-admin",
        what: "demo-main-admin-what",
    },
    Account {
        email: "sub-admin@acme.test",
        key: "demo-sub-admin",
        what: "demo-sub-admin-what",
    },
    Account {
        email: "admin@blueharbor.test",
        key: "demo-new-customer",
        what: "demo-new-customer-what",
    },
    Account {
        email: "admin@mirlabs.test",
        key: "demo-mir",
        what: "demo-mir-what",
    },
    Account {
        email: "manager@acme.test",
        key: "demo-manager",
        what: "demo-manager-what",
    },
    Account {
        email: "viewer@acme.test",
        key: "demo-viewer",
        what: "demo-viewer-what",
    },
    Account {
        email: "ungrouped@acme.test",
        key: "demo-ungrouped",
        what: "demo-ungrouped-what",
    },
    Account {
        email: "support@console.test",
        key: "demo-support",
        what: "demo-support-what",
    },
];

/// What a database says of its origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// No table in it, or only ours without a user, an organization or an audit row.
    Empty,
    /// Made by `demo`.
    Demo,
    /// Somebody's own.
    Own,
}

/// Where a database comes from; it may be of any version, and somebody else's.
///
/// # Errors
/// What the database says.
pub fn origin(db: &mut AnyConnection) -> Result<Origin, Error> {
    let tables = look::tables(db)?;
    if tables.is_empty() {
        return Ok(Origin::Empty);
    }
    if tables.contains("console_facts") && is_ours(db)? {
        return Ok(Origin::Demo);
    }
    let is_used = !tables.is_subset(&look::own_tables().map_err(Error::Internal)?)
        || tables.contains("organizations")
            && organizations::table.count().get_result::<i64>(db)? > 0
        || tables.contains("users") && users::table.count().get_result::<i64>(db)? > 0
        || tables.contains("audit_rows") && audit_rows::table.count().get_result::<i64>(db)? > 0;
    Ok(if is_used { Origin::Own } else { Origin::Empty })
}

/// Whether the demo made a database of ours.
fn is_ours(db: &mut AnyConnection) -> Result<bool, Error> {
    let made_by: Option<String> = console_facts::table
        .find("made_by")
        .select(console_facts::value)
        .first(db)
        .optional()?;
    Ok(made_by.as_deref() == Some("demo"))
}

#[derive(Template)]
#[template(path = "demo/inbox.html")]
struct InboxPage {
    t: Texts,
    shell: Shell,
    messages: Vec<InboxMessage>,
}

/// `GET /demo/inbox`: the messages that the sandbox would have sent.
///
/// # Errors
/// [`Error::SignedOut`], [`Error::NotFound`] outside the demo
pub async fn inbox(visit: Visit) -> Result<HttpResponse, Error> {
    let (viewer, ()) = visit.read(|_, _| Ok(())).await?;
    let messages = visit
        .services
        .sandbox_phone
        .as_ref()
        .ok_or(Error::NotFound)?
        .inbox();
    let shell = visit.shell(&viewer, Section::None);
    pages::page(
        StatusCode::OK,
        &InboxPage {
            t: visit.t,
            shell,
            messages,
        },
    )
}
