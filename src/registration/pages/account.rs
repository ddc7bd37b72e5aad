//! `GET /billing/groups/{group}/dedicated-account`: what it is, how to apply, and the one in use.

use actix_web::{HttpResponse, http::StatusCode, web};
use askama::Template;
use chrono::NaiveDate;

use crate::{
    access::store::reachable_group,
    clock,
    error::Error,
    groups::BillingGroup,
    payment_methods::{self, Account},
    web::{self as pages, Section, Shell, Texts, Visit},
};

#[derive(Template)]
#[template(path = "registration/dedicated_account.html")]
struct AccountPage {
    t: Texts,
    shell: Shell,
    group: BillingGroup,
    account: Option<Account>,
    /// Whether the group pays somehow.
    has_method: bool,
    pay_by: NaiveDate,
}

/// `GET /billing/groups/{group}/dedicated-account`
pub(super) async fn show(visit: Visit, group: web::Path<String>) -> Result<HttpResponse, Error> {
    let (viewer, (group, registered)) = visit
        .read(move |db, viewer| {
            let group = reachable_group(db, viewer.administrator()?, &group)?;
            let registered = payment_methods::store::registered(db, &group.id)?;
            Ok((group, registered))
        })
        .await?;
    let shell = visit.shell(&viewer, Section::PaymentMethods);
    let has_method = registered.is_some();
    let account = registered.and_then(|registered| registered.account().cloned());
    let pay_by = clock::invoice_deadline(clock::seoul_date(visit.services.clock.now()));
    pages::page(
        StatusCode::OK,
        &AccountPage {
            t: visit.t,
            shell,
            group,
            account,
            has_method,
            pay_by,
        },
    )
}
