//! Step 2, verification of a personal or named corporate card: the mobile phone and its code (rule 8).

use actix_web::{HttpResponse, http::StatusCode, http::header::RETRY_AFTER, web};
use askama::Template;
use chrono::NaiveDateTime;

use super::{Head, open_run, path};
use crate::{
    access::Viewer,
    app::Services,
    audit, clock,
    error::Error,
    groups::BillingGroup,
    registration::{Kept, Run, Step, checks, checks::NotNow, rules::OPEN_FOR, store},
    verification::{
        CODE_DIGITS, Carrier, Confirmation, HolderIdentity, LOCK, PhoneNumber, code_of,
    },
    web::{
        self as pages, Fields, Message, Posted, Problems, Section, Shell, Texts, Visit, see_other,
    },
};

#[derive(Template)]
#[template(path = "registration/phone.html")]
struct PhonePage {
    t: Texts,
    shell: Shell,
    head: Head,
    problems: Problems,
    /// Everything but the birth digit, which is never filled in again.
    typed: Kept,
}

#[derive(Template)]
#[template(path = "registration/phone_code.html")]
struct PhoneCodePage {
    t: Texts,
    shell: Shell,
    head: Head,
    problems: Problems,
    masked: String,
    expires_at: Option<NaiveDateTime>,
    /// Until the code's time is over.
    seconds_left: Option<i64>,
    locked_until: Option<NaiveDateTime>,
}

type OpenRun = (Run, BillingGroup);

fn phone_page(
    visit: &Visit,
    viewer: &Viewer,
    (run, group): &OpenRun,
    typed: Kept,
    refused: Option<Refused>,
) -> Result<HttpResponse, Error> {
    let (status, problems, retry_after) = Refused::parts(refused, visit);
    let head = Head::new(run, group, 2, Some("payment-method"));
    let shell = visit.shell(viewer, Section::None);
    with_retry(
        pages::page(
            status,
            &PhonePage {
                t: visit.t,
                shell,
                head,
                problems,
                typed,
            },
        )?,
        retry_after,
    )
}

fn code_page(
    visit: &Visit,
    viewer: &Viewer,
    (run, group): &OpenRun,
    refused: Option<Refused>,
) -> Result<HttpResponse, Error> {
    let (status, problems, retry_after) = Refused::parts(refused, visit);
    let now = visit.services.clock.now();
    let expires_at = run
        .phone
        .as_ref()
        .and_then(|check| check.expires_at)
        .filter(|at| *at > now);
    let locked_until = run
        .phone
        .as_ref()
        .and_then(|check| check.locked_until)
        .filter(|at| *at > now);
    let masked = PhoneNumber::parse(&run.kept.phone).map_or(String::new(), |phone| phone.masked());
    let head = Head::new(run, group, 2, Some("phone"));
    let shell = visit.shell(viewer, Section::None);
    with_retry(
        pages::page(
            status,
            &PhoneCodePage {
                t: visit.t,
                shell,
                head,
                problems,
                masked,
                expires_at,
                seconds_left: expires_at.map(|at| (at - now).num_seconds()),
                locked_until,
            },
        )?,
        retry_after,
    )
}

fn with_retry(mut response: HttpResponse, retry_after: Option<i64>) -> Result<HttpResponse, Error> {
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    Ok(response)
}

/// Why a page is shown again.
struct Refused {
    status: StatusCode,
    problems: Problems,
    /// When it can be tried again (UTC).
    until: Option<NaiveDateTime>,
}

impl Refused {
    fn unprocessable(problems: Problems) -> Self {
        Self {
            status: StatusCode::UNPROCESSABLE_ENTITY,
            problems,
            until: None,
        }
    }

    fn too_many(field: &'static str, why: NotNow) -> Self {
        Self {
            status: StatusCode::TOO_MANY_REQUESTS,
            problems: Problems::one(field, why.words),
            until: why.until,
        }
    }

    fn unreachable(field: &'static str) -> Self {
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            problems: Problems::one(field, Message::new("phone-unreachable")),
            until: None,
        }
    }

    /// Status, problems and the seconds of `Retry-After`.
    fn parts(refused: Option<Self>, visit: &Visit) -> (StatusCode, Problems, Option<i64>) {
        let Some(refused) = refused else {
            return (StatusCode::OK, Problems::default(), None);
        };
        let wait = |until: NaiveDateTime| (until - visit.services.clock.now()).num_seconds().max(1);
        let retry_after = match (refused.status, refused.until) {
            (_, Some(until)) => Some(wait(until)),
            (StatusCode::TOO_MANY_REQUESTS, None) => Some(OPEN_FOR.num_seconds()),
            (StatusCode::SERVICE_UNAVAILABLE, None) => Some(30),
            _ => None,
        };
        (refused.status, refused.problems, retry_after)
    }
}

/// `GET …/phone`
pub(super) async fn show(visit: Visit, id: web::Path<String>) -> Result<HttpResponse, Error> {
    let services = visit.services.clone();
    let (viewer, open) = visit
        .read(move |db, viewer| open_run(db, &services, viewer, &id, Step::Phone))
        .await?;
    let typed = open.0.kept.clone();
    phone_page(&visit, &viewer, &open, typed, None)
}

/// `POST …/phone`: the code is sent after the first transaction, with no connection held.
pub(super) async fn submit(
    visit: Visit,
    id: web::Path<String>,
    posted: Posted,
) -> Result<HttpResponse, Error> {
    let services = visit.services.clone();
    let address = visit.address;
    let (viewer, (open, typed, not_sent)) = visit
        .write_then(
            posted,
            move |db, viewer, fields| {
                let open = open_run(db, &services, viewer, &id, Step::Phone)?;
                let typed = typed(fields)?;
                let holder = match read_holder(&services, fields)? {
                    Ok(holder) => holder,
                    Err(problems) => {
                        return Ok((open, typed, Err(Refused::unprocessable(problems))));
                    }
                };
                let sent = match checks::take_send(db, &services, &open.0, &holder.phone, true)? {
                    Ok(provider_id) => {
                        let mut kept = open.0.kept.clone();
                        kept.holder_name = holder.name.to_string();
                        kept.birth_date = holder.birth_date.to_string();
                        kept.carrier = holder.carrier.as_str().to_owned();
                        kept.phone = holder.phone.digits().to_owned();
                        store::keep(
                            db,
                            &services.settings.secret_key,
                            &open.0.id,
                            &kept,
                            services.clock.now(),
                        )?;
                        Ok((provider_id, holder))
                    }
                    Err(why) => Err(Refused::too_many("phone_number", why)),
                };
                Ok((open, typed, sent))
            },
            move |services, (open, typed, sent)| {
                let not_sent = match sent {
                    Ok((id, holder)) => {
                        let phone = holder.phone.digits();
                        send(services, &open.0, phone, "phone_number", || {
                            services.phone.send(&id, &holder, address).is_ok()
                        })?
                    }
                    Err(why) => Some(why),
                };
                Ok((open, typed, not_sent))
            },
        )
        .await?;
    match not_sent {
        None => Ok(see_other(path(&open.0.id, "phone-code"))),
        refused => phone_page(&visit, &viewer, &open, typed, refused),
    }
}

/// What is shown again after an error, without control characters.
fn typed(fields: &Fields) -> Result<Kept, Error> {
    let clean = |name| -> Result<String, Error> {
        Ok(fields
            .one(name)?
            .chars()
            .filter(|letter| !letter.is_control())
            .take(100)
            .collect())
    };
    let mut typed = Kept::default();
    typed.holder_name = clean("holder_name")?;
    typed.birth_date = clean("birth_date")?;
    typed.carrier = clean("carrier")?;
    typed.phone = clean("phone_number")?;
    Ok(typed)
}

fn read_holder(
    services: &Services,
    fields: &Fields,
) -> Result<Result<HolderIdentity, Problems>, Error> {
    let holder = HolderIdentity::parse(
        fields.one("holder_name")?,
        fields.one("birth_date")?,
        fields.one("birth_digit")?,
        fields.one("carrier")?,
        fields.one("phone_number")?,
        clock::seoul_date(services.clock.now()),
    );
    Ok(holder.map_err(|found| {
        let mut problems = Problems::default();
        for (field, key) in found {
            problems.add(field, Message::new(key));
        }
        problems
    }))
}

fn send(
    services: &Services,
    run: &Run,
    phone: &str,
    field: &'static str,
    deliver: impl FnOnce() -> bool,
) -> Result<Option<Refused>, Error> {
    if deliver() {
        return Ok(None);
    }
    services
        .db
        .transaction(|db| checks::undo_send(db, services, run, phone))?;
    Ok(Some(Refused::unreachable(field)))
}

/// `GET …/phone-code`
pub(super) async fn show_code(visit: Visit, id: web::Path<String>) -> Result<HttpResponse, Error> {
    let services = visit.services.clone();
    let (viewer, open) = visit
        .read(move |db, viewer| open_run(db, &services, viewer, &id, Step::PhoneCode))
        .await?;
    code_page(&visit, &viewer, &open, None)
}

/// `POST …/phone-code/resend`
pub(super) async fn resend(
    visit: Visit,
    id: web::Path<String>,
    posted: Posted,
) -> Result<HttpResponse, Error> {
    let services = visit.services.clone();
    let (viewer, (open, not_sent)) = visit
        .write_then(
            posted,
            move |db, viewer, _| {
                let open = open_run(db, &services, viewer, &id, Step::PhoneCode)?;
                let phone = PhoneNumber::parse(&open.0.kept.phone)
                    .map_err(|_| Error::SeeOther(path(&open.0.id, Step::Phone.as_str())))?;
                let sent = checks::take_send(db, &services, &open.0, &phone, false)?;
                Ok((open, sent.map(|provider_id| (provider_id, phone))))
            },
            |services, (open, sent)| {
                let not_sent = match sent {
                    Ok((id, phone)) => send(services, &open.0, phone.digits(), "code", || {
                        services.phone.resend(&id, &phone).is_ok()
                    })?,
                    Err(why) => Some(Refused::too_many("code", why)),
                };
                Ok((open, not_sent))
            },
        )
        .await?;
    match not_sent {
        None => Ok(see_other(path(&open.0.id, "phone-code"))),
        refused => code_page(&visit, &viewer, &open, refused),
    }
}

/// `POST …/phone-code`: a try is taken before the provider is asked, so that parallel guesses count exactly.
pub(super) async fn submit_code(
    visit: Visit,
    id: web::Path<String>,
    posted: Posted,
) -> Result<HttpResponse, Error> {
    let services = visit.services.clone();
    let (viewer, (open, refused)) = visit
        .write_then(
            posted,
            move |db, viewer, fields| {
                let open = open_run(db, &services, viewer, &id, Step::PhoneCode)?;
                let code = match code_of(fields.one("code")?) {
                    Ok(code) => code,
                    Err(key) => {
                        let why = Message::new(key).arg("n", CODE_DIGITS);
                        let why = Refused::unprocessable(Problems::one("code", why));
                        return Ok((open, Err(why)));
                    }
                };
                let tried = match checks::take_try(db, &services, &open.0)? {
                    Ok(left) => Ok((code, left)),
                    Err(why) if why.until.is_some() => Err(Refused::too_many("code", why)),
                    Err(why) => Err(Refused::unprocessable(Problems::one("code", why.words))),
                };
                Ok((open, tried))
            },
            |services, (open, tried)| {
                let refused = match tried {
                    Ok((code, left)) => confirm(services, &open.0, &code, left)?,
                    Err(why) => Some(why),
                };
                Ok((open, refused))
            },
        )
        .await?;
    match refused {
        None => Ok(see_other(path(&open.0.id, "card"))),
        refused => code_page(&visit, &viewer, &open, refused),
    }
}

fn confirm(
    services: &Services,
    run: &Run,
    code: &str,
    left: i32,
) -> Result<Option<Refused>, Error> {
    let Some(check) = &run.phone else {
        return Ok(None);
    };
    let refused = match services.phone.confirm(&check.provider_id, code) {
        Ok(Confirmation::Verified) => {
            services
                .db
                .transaction(|db| checks::verify_phone(db, services, run, &check.provider_id))?;
            return Ok(None);
        }
        Ok(Confirmation::WrongCode) if left == 0 => {
            let until = services.clock.now() + LOCK;
            Refused::too_many("code", NotNow::locked(until))
        }
        Ok(Confirmation::WrongCode) => {
            let why = Message::new("err-code-wrong").arg("left", left);
            Refused::unprocessable(Problems::one("code", why))
        }
        Ok(Confirmation::Expired) => {
            Refused::unprocessable(Problems::one("code", Message::new("err-code-expired")))
        }
        Err(_) => Refused::unreachable("code"),
    };
    note_wrong_code(services, run, refused.status)?;
    Ok(Some(refused))
}

/// A wrong code leaves its trace: one row a person and hour, with a count.
fn note_wrong_code(services: &Services, run: &Run, status: StatusCode) -> Result<(), Error> {
    let (route, status) = ("POST …/phone-code", i32::from(status.as_u16()));
    let now = services.clock.now();
    services
        .db
        .transaction(|db| audit::count_of_user(db, &run.user_id, route, status, now))
}

impl PhonePage {
    fn carriers(&self) -> [Carrier; 6] {
        Carrier::ALL
    }
}
