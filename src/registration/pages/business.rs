//! Step 2, verification of an anonymous corporate card: the business registration number (rule 8).

use actix_web::{HttpResponse, web};
use askama::Template;

use super::{
    Head, OpenRun,
    again::{self, Refused},
    open_run, open_run_to_change, path,
};
use crate::{
    access::Viewer,
    app::Services,
    audit,
    error::Error,
    registration::{Step, checks},
    verification::BusinessNumber,
    web::{Message, Posted, Problems, Section, Shell, Texts, Visit, fields::is_control, see_other},
};

/// The form's one field.
const FIELD: &str = "business_number";

#[derive(Template)]
#[template(path = "registration/business_number.html")]
struct BusinessNumberPage {
    t: Texts,
    shell: Shell,
    head: Head,
    problems: Problems,
    number: String,
}

fn page(
    visit: &Visit,
    viewer: &Viewer,
    (run, group): &OpenRun,
    number: String,
    refused: Option<Refused>,
) -> Result<HttpResponse, Error> {
    again::answer(visit, refused, |problems| BusinessNumberPage {
        t: visit.t,
        shell: visit.shell(viewer, Section::None),
        head: Head::new(run, group, 2, Some("payment-method")),
        problems,
        number,
    })
}

/// `GET …/business-number`
pub(super) async fn show(visit: Visit, id: web::Path<String>) -> Result<HttpResponse, Error> {
    let services = visit.services.clone();
    let (viewer, open) = visit
        .read(move |db, viewer| open_run(db, &services, viewer, &id, Step::BusinessNumber))
        .await?;
    let number = BusinessNumber::parse(&open.0.kept.business_number)
        .map_or(String::new(), |number| number.formatted());
    page(&visit, &viewer, &open, number, None)
}

/// `POST …/business-number`: the registry is asked after the first transaction, with no connection held.
pub(super) async fn submit(
    visit: Visit,
    id: web::Path<String>,
    posted: Posted,
) -> Result<HttpResponse, Error> {
    let services = visit.services.clone();
    let (viewer, (open, typed, refused)) = visit
        .write_then(
            posted,
            move |db, viewer, fields| {
                let open = open_run_to_change(db, &services, viewer, &id, Step::BusinessNumber)?;
                Ok((open, fields.one("business_number")?.to_owned()))
            },
            |services, (open, typed)| {
                let refused = verify(services, &open, &typed)?;
                Ok((open, typed, refused))
            },
        )
        .await?;
    match refused {
        None => Ok(see_other(path(&open.0.id, "card"))),
        refused => page(&visit, &viewer, &open, shown_again(typed), refused),
    }
}

/// What is kept in the field after an error; control characters are not.
fn shown_again(typed: String) -> String {
    typed
        .chars()
        .filter(|letter| !is_control(*letter))
        .take(60)
        .collect()
}

/// A business that is not active leaves its trace: one row a person and hour, with a count.
fn note_refused(services: &Services, (run, group): &OpenRun) -> Result<(), Error> {
    let (route, now) = ("POST …/business-number", services.clock.now());
    let organization = &group.organization_id;
    services
        .db
        .write(|db| audit::count(db, organization, &run.user_id, route, 422, now))
}

fn verify(services: &Services, open: &OpenRun, typed: &str) -> Result<Option<Refused>, Error> {
    let (run, _) = open;
    let number = match BusinessNumber::parse(typed) {
        Ok(number) => number,
        Err(key) => return Ok(Some(Refused::wrong(FIELD, Message::new(key)))),
    };
    match services
        .registry
        .status(&number)
        .map(|status| status.refusal())
    {
        Err(_) => return Ok(Some(Refused::unreachable(FIELD, "err-brn-unreachable"))),
        Ok(Some(key)) => {
            note_refused(services, open)?;
            return Ok(Some(Refused::wrong(FIELD, Message::new(key))));
        }
        Ok(None) => {}
    }
    services
        .db
        .write(|db| checks::verify_business(db, services, run, number.digits()))?;
    Ok(None)
}
