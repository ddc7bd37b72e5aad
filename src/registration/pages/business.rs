//! Step 2, verification of an anonymous corporate card: the business registration number (rule 8).

use actix_web::{HttpResponse, http::StatusCode, web};
use askama::Template;

use super::{Head, open_run, path};
use crate::{
    access::Viewer,
    audit,
    error::Error,
    groups::BillingGroup,
    registration::{Run, Step, checks, store},
    verification::BusinessNumber,
    web::{self as pages, Message, Posted, Problems, Section, Shell, Texts, Visit, see_other},
};

#[derive(Template)]
#[template(path = "registration/business_number.html")]
struct BusinessNumberPage {
    t: Texts,
    shell: Shell,
    head: Head,
    problems: Problems,
    number: String,
}

fn render(
    visit: &Visit,
    viewer: &Viewer,
    status: StatusCode,
    (run, group): (&Run, &BillingGroup),
    number: String,
    problems: Problems,
) -> Result<HttpResponse, Error> {
    pages::page(
        status,
        &BusinessNumberPage {
            t: visit.t,
            shell: visit.shell(viewer, Section::None),
            head: Head::new(run, group, 2, Some("payment-method")),
            problems,
            number,
        },
    )
}

/// `GET …/business-number`
pub(super) async fn show(visit: Visit, id: web::Path<String>) -> Result<HttpResponse, Error> {
    let services = visit.services.clone();
    let (viewer, (run, group)) = visit
        .read(move |db, viewer| open_run(db, &services, viewer, &id, Step::BusinessNumber))
        .await?;
    let number = BusinessNumber::parse(&run.kept.business_number)
        .map_or(String::new(), |number| number.formatted());
    render(
        &visit,
        &viewer,
        StatusCode::OK,
        (&run, &group),
        number,
        Problems::default(),
    )
}

/// Why the number is not taken.
enum Refused {
    Problem(&'static str),
    Unreachable,
}

/// `POST …/business-number`: the registry is asked after the first transaction, with no connection held.
pub(super) async fn submit(
    visit: Visit,
    id: web::Path<String>,
    posted: Posted,
) -> Result<HttpResponse, Error> {
    let services = visit.services.clone();
    let (viewer, (run, group, typed, refused)) = visit
        .write_then(
            posted,
            move |db, viewer, fields| {
                let (run, group) = open_run(db, &services, viewer, &id, Step::BusinessNumber)?;
                Ok((run, group, fields.one("business_number")?.to_owned()))
            },
            |services, (run, group, typed)| {
                let refused = verify(services, &run, &typed)?;
                Ok((run, group, typed, refused))
            },
        )
        .await?;
    let (status, key) = match refused {
        None => return Ok(see_other(path(&run.id, "card"))),
        Some(Refused::Problem(key)) => (StatusCode::UNPROCESSABLE_ENTITY, key),
        Some(Refused::Unreachable) => (StatusCode::SERVICE_UNAVAILABLE, "err-brn-unreachable"),
    };
    let problems = Problems::one("business_number", Message::new(key));
    let mut response = render(
        &visit,
        &viewer,
        status,
        (&run, &group),
        shown_again(typed),
        problems,
    )?;
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response
            .headers_mut()
            .insert(actix_web::http::header::RETRY_AFTER, 5.into());
    }
    Ok(response)
}

/// What is kept in the field after an error; control characters are not.
fn shown_again(typed: String) -> String {
    typed
        .chars()
        .filter(|letter| !letter.is_control())
        .take(60)
        .collect()
}

/// A business that is not active leaves its trace: one row a person and hour, with a count.
fn note_refused(services: &crate::app::Services, run: &Run) -> Result<(), Error> {
    let (route, now) = ("POST …/business-number", services.clock.now());
    services
        .db
        .transaction(|db| audit::count_of_user(db, &run.user_id, route, 422, now))
}

fn verify(
    services: &crate::app::Services,
    run: &Run,
    typed: &str,
) -> Result<Option<Refused>, Error> {
    let number = match BusinessNumber::parse(typed) {
        Ok(number) => number,
        Err(key) => return Ok(Some(Refused::Problem(key))),
    };
    match services
        .registry
        .status(&number)
        .map(|status| status.refusal())
    {
        Err(_) => return Ok(Some(Refused::Unreachable)),
        Ok(Some(key)) => {
            note_refused(services, run)?;
            return Ok(Some(Refused::Problem(key)));
        }
        Ok(None) => {}
    }
    services.db.transaction(|db| {
        checks::verify_business(db, services, run, number.digits())?;
        let mut kept = run.kept.clone();
        kept.business_number = number.digits().to_owned();
        store::keep(
            db,
            &services.settings.secret_key,
            &run.id,
            &kept,
            services.clock.now(),
        )
    })?;
    Ok(None)
}
