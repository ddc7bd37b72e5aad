//! Step 2, last: the card (rule 14). Its number is sent once, straight to the gateway, and never held.

use actix_web::{HttpResponse, http::StatusCode, http::header::RETRY_AFTER, web};
use askama::Template;
use chrono::NaiveDate;

use super::{Head, open_run, path};
use crate::{
    access::Viewer,
    app::Services,
    clock,
    db::AnyConnection,
    error::{BadForm, Error},
    gateway::{CardDetails, CardProblem, sandbox},
    groups::BillingGroup,
    payment_methods::{self, store::Filter},
    registration::{
        Choice, Run, Step,
        attempt::{self, Attempt},
        rules::Progress,
        settle::{Answer, call_gateway},
        store,
    },
    secrets::{Purpose, random_hex},
    verification::{BusinessNumber, PhoneNumber},
    web::{
        self as pages, Fields, Message, Posted, Problems, Section, Shell, Texts, Visit, see_other,
    },
};

#[derive(Template)]
#[template(path = "registration/card.html")]
struct CardPage {
    t: Texts,
    shell: Shell,
    head: Head,
    problems: Problems,
    /// The reference of a refused attempt; then "No payment was taken" is said, too.
    refused: Option<String>,
    idempotency_key: String,
    choice: Choice,
    /// What was verified.
    verified_key: &'static str,
    /// Its number, masked.
    verified_by: String,
    verification_page: &'static str,
    first_charge: NaiveDate,
    replaces: Option<String>,
    other_groups: i64,
    test_cards: &'static [sandbox::TestCard],
}

#[derive(Template)]
#[template(path = "registration/provider_down.html")]
struct ProviderDownPage {
    t: Texts,
    shell: Shell,
    head: Head,
    reference: String,
}

struct Seen {
    run: Run,
    group: BillingGroup,
    registered: Option<payment_methods::Registered>,
    other_groups: i64,
}

fn look(
    db: &mut AnyConnection,
    viewer: &Viewer,
    (run, group): (Run, BillingGroup),
) -> Result<Seen, Error> {
    let counts = payment_methods::store::count(db, viewer.administrator()?, &Filter::default())?;
    let registered = payment_methods::store::registered(db, &group.id)?;
    Ok(Seen {
        run,
        group,
        registered,
        other_groups: counts.total() - 1,
    })
}

/// `GET …/card`
pub(super) async fn show(visit: Visit, id: web::Path<String>) -> Result<HttpResponse, Error> {
    let services = visit.services.clone();
    let (viewer, seen) = visit
        .read(move |db, viewer| {
            let open = open_run(db, &services, viewer, &id, Step::Card)?;
            look(db, viewer, open)
        })
        .await?;
    render(
        &visit,
        &viewer,
        StatusCode::OK,
        &seen,
        Problems::default(),
        None,
    )
}

fn render(
    visit: &Visit,
    viewer: &Viewer,
    status: StatusCode,
    seen: &Seen,
    problems: Problems,
    refused: Option<String>,
) -> Result<HttpResponse, Error> {
    let t = visit.t;
    let run = &seen.run;
    let choice = run
        .choice
        .ok_or_else(|| Error::Internal("a card page without a choice".into()))?;
    let is_anonymous = choice == Choice::AnonymousCorporateCard;
    let back = if is_anonymous {
        "business-number"
    } else {
        "phone"
    };
    let (verified_key, verified_by) = if is_anonymous {
        let masked = BusinessNumber::parse(&run.kept.business_number).map(|number| number.masked());
        ("s2-verified-business", masked)
    } else {
        let masked = PhoneNumber::parse(&run.kept.phone).map(|phone| phone.masked());
        ("s2-verified-phone", masked)
    };
    pages::page(
        status,
        &CardPage {
            t,
            shell: visit.shell(viewer, Section::None),
            head: Head::new(run, &seen.group, 2, Some(back)),
            problems,
            refused,
            idempotency_key: random_hex::<16>()?,
            choice,
            verified_key,
            verified_by: verified_by.unwrap_or_default(),
            verification_page: back,
            first_charge: clock::first_charge(clock::seoul_date(visit.services.clock.now())),
            replaces: seen
                .registered
                .as_ref()
                .map(|current| payment_methods::row::information(&t, current)),
            other_groups: seen.other_groups,
            test_cards: if visit.services.settings.demo {
                sandbox::test_cards()
            } else {
                &[]
            },
        },
    )
}

/// What the first transaction gives.
enum Taken {
    /// The form has problems.
    Wrong(Vec<CardProblem>),
    /// The key's attempt was made before.
    Before(Attempt),
    /// The intent is committed: call the gateway.
    Intended(Attempt, CardDetails),
}

/// `POST …/card`: intent, gateway, commit, in one thread that a lost client does not stop.
pub(super) async fn submit(
    visit: Visit,
    id: web::Path<String>,
    posted: Posted,
) -> Result<HttpResponse, Error> {
    let services = visit.services.clone();
    let confirming = path(&id, "confirming");
    let answered = visit
        .write_then(
            posted,
            move |db, viewer, fields| take(db, &services, viewer, &id, fields),
            |services, (seen, taken)| {
                let done = match taken {
                    Taken::Wrong(problems) => Err(problems),
                    Taken::Before(attempt) => Ok((Answer::of(&attempt), attempt)),
                    // A database that fails after the intent leaves it to the worker.
                    Taken::Intended(attempt, card) => {
                        let answer = call_gateway(services, &attempt, &seen.run, card)
                            .unwrap_or_else(|error| {
                                log::error!("attempt {}: {error}", attempt.reference);
                                Answer::Unknown
                            });
                        Ok((answer, attempt))
                    }
                };
                if let Ok((Answer::Overtaken, attempt)) = &done {
                    let mut db = services.db.connection()?;
                    store::refuse_stale(&mut db, &attempt.group_id, attempt.group_version)?;
                }
                Ok((seen, done))
            },
        )
        .await;
    let (viewer, (seen, done)) = match answered {
        // The card may be sent already: that page tells, and the worker settles it.
        Err(Error::Unanswered(why)) => {
            log::error!("a card's post: {why}");
            return Ok(see_other(confirming));
        }
        other => other?,
    };
    match done {
        Ok((answer, attempt)) => answer_page(&visit, &viewer, &seen, answer, &attempt),
        Err(found) => {
            let mut problems = Problems::default();
            for problem in found {
                problems.add(problem.field, Message::new(problem.key));
            }
            render(
                &visit,
                &viewer,
                StatusCode::UNPROCESSABLE_ENTITY,
                &seen,
                problems,
                None,
            )
        }
    }
}

fn take(
    db: &mut AnyConnection,
    services: &Services,
    viewer: &Viewer,
    id: &str,
    fields: &Fields,
) -> Result<(Seen, Taken), Error> {
    let own = store::own_run(
        db,
        viewer.administrator()?,
        &services.settings.secret_key,
        id,
    )?;
    let key = fields.one("idempotency_key")?;
    if !(16..=64).contains(&key.len()) || !key.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(BadForm::Malformed.into());
    }
    // Whoever writes a form of their own may put a card number there: it is kept as a keyed digest alone.
    let secret_key = &services.settings.secret_key;
    let key = secret_key.digest(Purpose::AttemptKey, &[own.0.id.as_bytes(), key.as_bytes()]);
    if let Some(before) = attempt::by_key(db, &own.0.id, &key)? {
        return Ok((look(db, viewer, own)?, Taken::Before(before)));
    }
    let open = open_run(db, services, viewer, id, Step::Card)?;
    let mut seen = look(db, viewer, open)?;
    let now = services.clock.now();
    let card = CardDetails::parse(
        fields.one("card_number")?,
        fields.one("expiry_month")?,
        fields.one("expiry_year")?,
        fields.one("card_password_2")?,
        clock::seoul_date(now),
    );
    let taken = match card {
        Ok(card) => {
            let attempt = attempt::intend(db, &seen.run, &key, now)?;
            // The run is the attempt's now: what goes with the card is what its other pages left in it.
            seen.run = store::run(db, secret_key, id)?;
            let progress = Progress::of(&seen.run);
            if !progress.may_open(Step::Card) {
                return Err(Error::SeeOther(path(id, progress.first_open().as_str())));
            }
            Taken::Intended(attempt, card)
        }
        Err(problems) => Taken::Wrong(problems),
    };
    Ok((seen, taken))
}

fn answer_page(
    visit: &Visit,
    viewer: &Viewer,
    seen: &Seen,
    answer: Answer,
    attempt: &Attempt,
) -> Result<HttpResponse, Error> {
    match answer {
        Answer::Committed => Ok(see_other(path(&seen.run.id, "complete"))),
        Answer::Unknown | Answer::Overtaken => Ok(see_other(path(&seen.run.id, "confirming"))),
        Answer::Refused(refusal) => {
            let problems = Problems::one(refusal.field(), Message::new(refusal.message_key()));
            let reference = Some(attempt.reference.clone());
            render(
                visit,
                viewer,
                StatusCode::UNPROCESSABLE_ENTITY,
                seen,
                problems,
                reference,
            )
        }
        Answer::NotSent => {
            let page = ProviderDownPage {
                t: visit.t,
                shell: visit.shell(viewer, Section::None),
                head: Head::new(&seen.run, &seen.group, 2, None),
                reference: attempt.reference.clone(),
            };
            let mut response = pages::page(StatusCode::SERVICE_UNAVAILABLE, &page)?;
            response.headers_mut().insert(RETRY_AFTER, 5.into());
            Ok(response)
        }
    }
}
