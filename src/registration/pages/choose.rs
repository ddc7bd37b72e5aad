//! Step 1: the payment method and, for a card, the three agreements (rule 13).

use actix_web::{HttpResponse, http::StatusCode, web};
use askama::Template;

use super::{Head, open_run, path};
use crate::{
    app::Services,
    db::AnyConnection,
    error::Error,
    groups::BillingGroup,
    payment_methods::{self, rules::is_offered_payment_methods},
    registration::{
        Choice, Run, Step,
        rules::Progress,
        store,
        terms::{Kind, Terms},
    },
    web::{
        self as pages, Fields, Message, Posted, Problems, Section, Shell, Texts, Visit, see_other,
    },
};

#[derive(Template)]
#[template(path = "registration/choose.html")]
struct ChoosePage {
    t: Texts,
    shell: Shell,
    head: Head,
    problems: Problems,
    chosen: Option<Choice>,
    agreements: Vec<Agreement>,
    current: Option<String>,
    is_offered: bool,
}

impl ChoosePage {
    /// What is offered (rule 8), and whether it is the answer so far.
    fn choices(&self) -> [(Choice, bool); 3] {
        [
            Choice::NamedCard,
            Choice::AnonymousCorporateCard,
            Choice::DedicatedAccount,
        ]
        .map(|choice| (choice, self.chosen == Some(choice)))
    }
}

struct Agreement {
    kind: Kind,
    version: String,
    is_ticked: bool,
}

struct Seen {
    run: Run,
    group: BillingGroup,
    registered: Option<payment_methods::Registered>,
    is_offered: bool,
}

fn look(
    db: &mut AnyConnection,
    services: &Services,
    viewer: &crate::access::Viewer,
    id: &str,
) -> Result<Seen, Error> {
    let (run, group) = open_run(db, services, viewer, id, Step::PaymentMethod)?;
    Ok(Seen {
        registered: payment_methods::store::registered(db, &group.id)?,
        is_offered: is_offered_payment_methods(&viewer.administrator()?.organization.member_type),
        run,
        group,
    })
}

/// `GET …/payment-method`
pub(super) async fn show(visit: Visit, id: web::Path<String>) -> Result<HttpResponse, Error> {
    let services = visit.services.clone();
    let (viewer, seen) = visit
        .read(move |db, viewer| look(db, &services, viewer, &id))
        .await?;
    let terms = &visit.services.terms;
    let answer = Answer {
        choice: seen.run.choice,
        ticked: terms.agreed(seen.run.accepted_terms.as_deref()),
    };
    render(
        &visit,
        &viewer,
        StatusCode::OK,
        seen,
        answer,
        Problems::default(),
    )
}

fn render(
    visit: &Visit,
    viewer: &crate::access::Viewer,
    status: StatusCode,
    seen: Seen,
    answer: Answer,
    problems: Problems,
) -> Result<HttpResponse, Error> {
    let agreements = Kind::ALL
        .into_iter()
        .zip(answer.ticked)
        .map(|(kind, is_ticked)| Agreement {
            kind,
            version: visit.services.terms.current(kind).to_owned(),
            is_ticked,
        });
    pages::page(
        status,
        &ChoosePage {
            t: visit.t,
            shell: visit.shell(viewer, Section::None),
            head: Head::new(&seen.run, &seen.group, 1, None),
            problems,
            chosen: answer.choice,
            agreements: agreements.collect(),
            current: seen
                .registered
                .map(|current| payment_methods::row::information(&visit.t, &current)),
            is_offered: seen.is_offered,
        },
    )
}

struct Answer {
    choice: Option<Choice>,
    ticked: [bool; 3],
}

impl Answer {
    fn read(fields: &Fields, terms: &Terms) -> Result<(Self, Problems), Error> {
        let mut ticked = [false; 3];
        let mut changed = [false; 3];
        for (at, kind) in Kind::ALL.into_iter().enumerate() {
            // Without a version, as a script posts it, the current one is meant.
            let shown = fields.one(kind.version_field())?;
            changed[at] = !shown.is_empty() && shown != terms.current(kind);
            ticked[at] = fields.ticked(kind.field())? && !changed[at];
        }
        let answer = Self {
            choice: Choice::parse(fields.one("payment_method")?),
            ticked,
        };
        let mut problems = Problems::default();
        if answer.choice.is_none() {
            problems.add("payment_method", Message::new("err-method-empty"));
        }
        // A dedicated account asks for none of them.
        if answer.choice != Some(Choice::DedicatedAccount) {
            for (at, kind) in Kind::ALL.into_iter().enumerate() {
                if changed[at] {
                    problems.add(kind.field(), Message::new("err-terms-changed"));
                } else if !answer.ticked[at] {
                    problems.add(kind.field(), Message::new(kind.problem_key()));
                }
            }
        }
        Ok((answer, problems))
    }
}

/// `POST …/payment-method`
pub(super) async fn submit(
    visit: Visit,
    id: web::Path<String>,
    posted: Posted,
) -> Result<HttpResponse, Error> {
    let services = visit.services.clone();
    let (viewer, done) = visit
        .write(posted, move |db, viewer, fields| {
            store::hold(db, &id)?;
            let seen = look(db, &services, viewer, &id)?;
            let (answer, problems) = Answer::read(fields, &services.terms)?;
            let Some(choice) = answer
                .choice
                .filter(|_| problems.is_empty() && seen.is_offered)
            else {
                return Ok(Err((seen, answer, problems)));
            };
            let now = services.clock.now();
            if choice == Choice::DedicatedAccount {
                store::keep_choice(db, &seen.run.id, choice, None, now)?;
                return Ok(Ok(format!(
                    "/billing/groups/{}/dedicated-account",
                    seen.group.id
                )));
            }
            store::keep_choice(
                db,
                &seen.run.id,
                choice,
                Some(&services.terms.accepted()),
                now,
            )?;
            let run = store::run(db, &services.settings.secret_key, &seen.run.id)?;
            Ok(Ok(path(&run.id, Progress::of(&run).first_open().as_str())))
        })
        .await?;
    match done {
        Ok(next) => Ok(see_other(next)),
        Err((seen, answer, problems)) => render(
            &visit,
            &viewer,
            StatusCode::UNPROCESSABLE_ENTITY,
            seen,
            answer,
            problems,
        ),
    }
}
