//! The wizard's pages: every step its own address, working without script.

mod account;
mod again;
mod business;
mod card;
mod choose;
mod outcome;
mod phone;
mod phone_code;

use actix_web::{
    HttpResponse,
    middleware::from_fn,
    web::{self, ServiceConfig},
};

use super::{Run, State, Step, rules, rules::Progress, store, store::Going, terms};
use crate::{
    access::Viewer,
    app::Services,
    audit,
    db::AnyConnection,
    error::Error,
    groups::BillingGroup,
    web::{Posted, Texts, Visit, fields::FormLimit, forget::forget_what_was_typed, see_other},
};

/// The largest body of a form with a few short fields, in bytes.
const SHORT_FORM: usize = 1024;

/// The wizard's routes.
pub fn routes(config: &mut ServiceConfig) {
    let run = |step: &str| web::resource(format!("/billing/registrations/{{id}}/{step}"));
    // These forms have a few short fields: a longer body is none of them.
    let short = |step: &str| run(step).app_data(FormLimit(SHORT_FORM));
    config
        .service(
            web::resource("/billing/groups/{group}/registrations")
                .get(|| page_of_post("/billing/payment-methods".to_owned()))
                .post(start),
        )
        .service(run("payment-method").get(choose::show).post(choose::submit))
        .service(
            run("phone")
                .get(phone::show)
                .post(phone::submit)
                .wrap(from_fn(forget_what_was_typed)),
        )
        .service(
            short("phone-code")
                .get(phone_code::show)
                .post(phone_code::submit),
        )
        .service(
            short("phone-code/resend")
                .get(|id: web::Path<String>| page_of_post(path(&id, "phone-code")))
                .post(phone_code::resend),
        )
        .service(
            short("business-number")
                .get(business::show)
                .post(business::submit),
        )
        .service(
            short("card")
                .get(card::show)
                .post(card::submit)
                .wrap(from_fn(forget_what_was_typed)),
        )
        .service(run("confirming").get(outcome::confirming))
        .service(run("complete").get(outcome::complete))
        .service(
            short("cancel")
                .get(|id: web::Path<String>| page_of_post(path(&id, "payment-method")))
                .post(cancel),
        )
        .service(web::resource("/billing/groups/{group}/dedicated-account").get(account::show))
        .service(web::resource("/terms/{kind}/{version}").get(terms::show));
}

/// Where an address that only takes posts leads a browser: after a sign-in, or for the other language.
async fn page_of_post(page: String) -> HttpResponse {
    see_other(page)
}

/// The address of a run's page.
pub fn path(run_id: &str, page: &str) -> String {
    format!("/billing/registrations/{run_id}/{page}")
}

/// A run and its group, open at the step that was asked for.
pub type OpenRun = (Run, BillingGroup);

/// The head of every page of the wizard.
pub struct Head {
    run_id: String,
    group: BillingGroup,
    is_change: bool,
    /// 1 to 3.
    step: usize,
    /// Where [Back] leads; none on the first page.
    back: Option<String>,
}

impl Head {
    fn new(run: &Run, group: &BillingGroup, step: usize, back: Option<&str>) -> Self {
        Self {
            run_id: run.id.clone(),
            group: group.clone(),
            is_change: run.is_change,
            step,
            back: back.map(|page| path(&run.id, page)),
        }
    }

    fn caption(&self, t: &Texts) -> String {
        let key = if self.is_change {
            "wiz-caption-change"
        } else {
            "wiz-caption"
        };
        t.fill(key)
            .arg("g", &self.group.name)
            .arg("class", t.text(self.group.class.key()))
            .to_string()
    }

    /// The steps' labels, each with its number.
    fn labels(&self) -> [(usize, &'static str); 3] {
        [(1, "step-method"), (2, "step-details"), (3, "step-done")]
    }

    fn action(&self, page: &str) -> String {
        path(&self.run_id, page)
    }
}

/// `POST /billing/groups/{group}/registrations`: resumes the caller's open run or starts one.
async fn start(
    visit: Visit,
    group: web::Path<String>,
    posted: Posted,
) -> Result<HttpResponse, Error> {
    let services = visit.services.clone();
    let (_, next) = visit
        .write(posted, move |db, viewer, _| {
            let admin = viewer.administrator()?;
            let group = crate::access::store::reachable_group(db, admin, &group)?;
            if let Some(run) = store::in_flight(db, &group.id)? {
                return Ok(path(&run, "confirming"));
            }
            let now = services.clock.now();
            let id = match store::resume_or_start(db, admin, &group, now)? {
                Going::Resumed(id) => id,
                Going::Started(id) => {
                    let entry = audit::Entry::new(
                        &group.organization_id,
                        &viewer.id,
                        "registration.started",
                        &group.id,
                    );
                    audit::append(db, now, &entry.detail("registration", &id))?;
                    id
                }
            };
            let run = store::run(db, &services.settings.secret_key, &id)?;
            Ok(path(&id, Progress::of(&run).first_open().as_str()))
        })
        .await?;
    Ok(see_other(next))
}

/// `POST …/cancel`: ends the run; nothing changed.
async fn cancel(
    visit: Visit,
    id: web::Path<String>,
    posted: Posted,
) -> Result<HttpResponse, Error> {
    let services = visit.services.clone();
    visit
        .write(posted, move |db, viewer, _| {
            store::hold(db, &id)?;
            let (run, group) = store::own_run(
                db,
                viewer.administrator()?,
                &services.settings.secret_key,
                &id,
            )?;
            match run.state {
                State::Open => {
                    let now = services.clock.now();
                    store::end(db, &run.id, State::Cancelled, now)?;
                    let entry = audit::Entry::new(
                        &group.organization_id,
                        &viewer.id,
                        "registration.cancelled",
                        &group.id,
                    )
                    .reference(&run.reference);
                    audit::append(db, now, &entry.detail("registration", &run.id))
                }
                _ => ended(&run),
            }
        })
        .await?;
    Ok(see_other("/billing/payment-methods"))
}

/// [`open_run`] for a form, which changes the run: whoever changes it at the same time has done so, or waits.
///
/// # Errors
/// Those of [`open_run`].
pub fn open_run_to_change(
    db: &mut AnyConnection,
    services: &Services,
    viewer: &Viewer,
    id: &str,
    step: Step,
) -> Result<OpenRun, Error> {
    store::hold(db, id)?;
    open_run(db, services, viewer, id, step)
}

/// The caller's run, if `step` of it can be opened now.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Stale`]; [`Error::SeeOther`] to the first open step, or to where an ended run shows what
/// became of it.
pub fn open_run(
    db: &mut AnyConnection,
    services: &Services,
    viewer: &Viewer,
    id: &str,
    step: Step,
) -> Result<OpenRun, Error> {
    let (run, group) = store::own_run(
        db,
        viewer.administrator()?,
        &services.settings.secret_key,
        id,
    )?;
    if run.state != State::Open {
        ended(&run)?;
    }
    if rules::is_over(run.created_at, services.clock.now()) {
        return Err(Error::SeeOther("/billing/payment-methods".into()));
    }
    if run.group_version != group.version {
        return Err(store::stale(db, &group)?);
    }
    let progress = Progress::of(&run);
    if progress.may_open(step) {
        return Ok((run, group));
    }
    Err(Error::SeeOther(path(
        &run.id,
        progress.first_open().as_str(),
    )))
}

/// Where a run that is not open any more shows what became of it.
fn ended(run: &Run) -> Result<(), Error> {
    Err(Error::SeeOther(match run.state {
        State::Confirming => path(&run.id, "confirming"),
        State::Complete => path(&run.id, "complete"),
        State::Open | State::Cancelled | State::Expired => "/billing/payment-methods".into(),
    }))
}
