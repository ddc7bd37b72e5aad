//! Step 3: being confirmed, and confirmed (rule 15). Reloading registers nothing twice.

use actix_web::{HttpResponse, http::StatusCode, web};
use askama::Template;
use chrono::NaiveDateTime;

use super::{Head, path};
use crate::{
    error::Error,
    gateway::{Issuer, Owner},
    groups::BillingGroup,
    payment_methods::{
        row::owner_key,
        store::{Filter, groups_in_order},
    },
    registration::{
        Outcome, Run, State, Step,
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
    stands: Stands,
    /// Where the run's own person tries again; a colleague starts a run of their own.
    again: Option<String>,
}

/// What is known of the attempt.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stands {
    /// It is being looked up.
    Open,
    /// It is being looked up for so long that it is a case for staff.
    OpenForLong,
    /// Nothing was registered, for the reason of this message.
    Nothing(&'static str),
}

impl Stands {
    fn of(run: &Run, attempt: &Attempt, now: NaiveDateTime) -> Self {
        match (run.state, attempt.refusal) {
            (State::Confirming, _) if attempt.is_case_for_staff(now) => Self::OpenForLong,
            (State::Confirming, _) => Self::Open,
            (_, Some(refusal)) => Self::Nothing(refusal.message_key()),
            _ if attempt.state == AttemptState::NotSent => Self::Nothing("conf-none-not-sent"),
            _ => Self::Nothing("conf-none-body"),
        }
    }

    /// Seconds until the page looks again.
    fn reload(self) -> Option<u8> {
        match self {
            Self::Open => Some(3),
            Self::OpenForLong => Some(60),
            Self::Nothing(_) => None,
        }
    }
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
            if run.state == State::Open {
                store::refuse_stale(db, &group.id, run.group_version)?;
            }
            Ok((run, group, attempt))
        })
        .await?;
    let attempt = attempt.filter(|_| matches!(run.state, State::Confirming | State::Open));
    let Some(attempt) = attempt else {
        return Err(match run.state {
            State::Complete => Error::SeeOther(path(&run.id, "complete")),
            State::Open => Error::SeeOther(path(&run.id, Progress::of(&run).first_open().as_str())),
            _ => Error::SeeOther("/billing/payment-methods".into()),
        });
    };
    pages::page(
        StatusCode::OK,
        &ConfirmingPage {
            t: visit.t,
            shell: visit.shell(&viewer, Section::None),
            head: Head::new(&run, &group, 3, None),
            stands: Stands::of(&run, &attempt, visit.services.clock.now()),
            reference: attempt.reference,
            again: (run.user_id == viewer.id).then(|| path(&run.id, Step::Card.as_str())),
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
