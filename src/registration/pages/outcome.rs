//! Step 3: being confirmed, and confirmed (rule 15). Reloading registers nothing twice.

use actix_web::{HttpResponse, http::StatusCode, web};
use askama::Template;

use super::{Head, path};
use crate::{
    error::Error,
    gateway::{Issuer, Owner},
    groups::BillingGroup,
    payment_methods::{
        pages::owner_key,
        store::{Filter, groups_in_order},
    },
    registration::{
        Outcome, State, Step,
        attempt::{self, Attempt, AttemptState},
        rules::Progress,
        store,
    },
    web::{self as pages, Lang, Section, Shell, Texts, Visit},
};

#[derive(Template)]
#[template(path = "registration/confirming.html")]
struct ConfirmingPage {
    t: Texts,
    shell: Shell,
    head: Head,
    reference: String,
    /// Whether it is still being looked up; else nothing was registered.
    is_open: bool,
    /// Where its person tries again.
    again: String,
}

#[derive(Template)]
#[template(path = "registration/complete.html")]
struct CompletePage {
    t: Texts,
    shell: Shell,
    head: Head,
    reference: String,
    outcome: Outcome,
    card: String,
    /// Another group that needs a payment method.
    other: Option<BillingGroup>,
}

/// `GET …/confirming`, for everyone who reaches the group.
pub(super) async fn confirming(visit: Visit, id: web::Path<String>) -> Result<HttpResponse, Error> {
    let services = visit.services.clone();
    let (viewer, (run, group, attempt)) = visit
        .read(move |db, viewer| {
            let (run, group) = store::reachable_run(
                db,
                viewer.administrator()?,
                &services.settings.secret_key,
                &id,
            )?;
            let attempt = attempt::newest(db, &run.id)?;
            Ok((run, group, attempt))
        })
        .await?;
    let first_open = path(&run.id, Progress::of(&run).first_open().as_str());
    let attempt: Attempt = match (run.state, attempt) {
        (State::Complete, _) => return Err(Error::SeeOther(path(&run.id, "complete"))),
        (State::Confirming, Some(attempt)) => attempt,
        (State::Open, Some(attempt)) if attempt.state == AttemptState::Compensated => attempt,
        (State::Open, _) => return Err(Error::SeeOther(first_open)),
        _ => return Err(Error::SeeOther("/billing/payment-methods".into())),
    };
    pages::page(
        StatusCode::OK,
        &ConfirmingPage {
            t: visit.t,
            shell: visit.shell(&viewer, Section::None),
            head: Head::new(&run, &group, 3, None),
            reference: attempt.reference,
            is_open: run.state == State::Confirming,
            again: path(&run.id, Step::Card.as_str()),
        },
    )
}

/// `GET …/complete`, for everyone who reaches the group.
pub(super) async fn complete(visit: Visit, id: web::Path<String>) -> Result<HttpResponse, Error> {
    let services = visit.services.clone();
    let (viewer, (run, group, attempt, other)) = visit
        .read(move |db, viewer| {
            let admin = viewer.administrator()?;
            let (run, group) = store::reachable_run(db, admin, &services.settings.secret_key, &id)?;
            let attempt = attempt::newest(db, &run.id)?;
            let required = Filter {
                required_only: true,
                ..Filter::default()
            };
            let other = groups_in_order(db, admin, &required, 0, 1)?
                .into_iter()
                .next()
                .map(|(group, _)| group);
            Ok((run, group, attempt, other))
        })
        .await?;
    let (Some(outcome), Some(attempt)) = (run.outcome.clone(), attempt) else {
        return match run.state {
            State::Open => Err(Error::SeeOther(path(
                &run.id,
                Progress::of(&run).first_open().as_str(),
            ))),
            _ => super::ended(&run).map(|()| HttpResponse::NotFound().finish()),
        };
    };
    let t = visit.t;
    let card = t
        .fill("info-card")
        .arg(
            "issuer",
            Issuer::new(&outcome.issuer).name(t.lang == Lang::Ko),
        )
        .arg(
            "owner",
            t.text(Owner::parse(&outcome.owner).map_or("none", owner_key)),
        )
        .arg("digits", &outcome.last_four)
        .to_string();
    pages::page(
        StatusCode::OK,
        &CompletePage {
            t,
            shell: visit.shell(&viewer, Section::None),
            head: Head::new(&run, &group, 3, None),
            reference: attempt.reference,
            outcome,
            card,
            other,
        },
    )
}
