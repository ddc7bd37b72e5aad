//! Step 2, verification of a personal or named corporate card: the mobile phone and its code (rule 8).

use actix_web::{HttpResponse, http::StatusCode, http::header::RETRY_AFTER, web};
use askama::Template;
use chrono::NaiveDateTime;

use super::{Head, open_run, path};
use crate::{
    access::Viewer,
    app::Services,
    clock,
    error::Error,
    groups::BillingGroup,
    registration::{Kept, Run, Step, checks, store},
    verification::{CODE_DIGITS, Carrier, Confirmation, HolderIdentity, PhoneNumber, code_of},
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
}

type OpenRun = (Run, BillingGroup);

fn phone_page(
    visit: &Visit,
    viewer: &Viewer,
    status: StatusCode,
    (run, group): &OpenRun,
    typed: Kept,
    problems: Problems,
) -> Result<HttpResponse, Error> {
    let head = Head::new(run, group, 2, Some("payment-method"));
    let shell = visit.shell(viewer, Section::None);
    with_retry(pages::page(
        status,
        &PhonePage {
            t: visit.t,
            shell,
            head,
            problems,
            typed,
        },
    )?)
}

fn code_page(
    visit: &Visit,
    viewer: &Viewer,
    status: StatusCode,
    (run, group): &OpenRun,
    problems: Problems,
) -> Result<HttpResponse, Error> {
    let now = visit.services.clock.now();
    let expires_at = run
        .phone
        .as_ref()
        .and_then(|check| check.expires_at)
        .filter(|at| *at > now);
    let masked = PhoneNumber::parse(&run.kept.phone).map_or(String::new(), |phone| phone.masked());
    let head = Head::new(run, group, 2, Some("phone"));
    let shell = visit.shell(viewer, Section::None);
    with_retry(pages::page(
        status,
        &PhoneCodePage {
            t: visit.t,
            shell,
            head,
            problems,
            masked,
            expires_at,
        },
    )?)
}

fn with_retry(mut response: HttpResponse) -> Result<HttpResponse, Error> {
    if matches!(
        response.status(),
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS
    ) {
        response.headers_mut().insert(RETRY_AFTER, 30.into());
    }
    Ok(response)
}

/// `GET …/phone`
pub(super) async fn show(visit: Visit, id: web::Path<String>) -> Result<HttpResponse, Error> {
    let services = visit.services.clone();
    let (viewer, open) = visit
        .read(move |db, viewer| open_run(db, &services, viewer, &id, Step::Phone))
        .await?;
    let typed = open.0.kept.clone();
    phone_page(
        &visit,
        &viewer,
        StatusCode::OK,
        &open,
        typed,
        Problems::default(),
    )
}

/// Why no code was sent, and the status that says so.
type NotSent = (StatusCode, Problems);

/// `POST …/phone`: the code is sent after the first transaction, with no connection held.
pub(super) async fn submit(
    visit: Visit,
    id: web::Path<String>,
    posted: Posted,
) -> Result<HttpResponse, Error> {
    let services = visit.services.clone();
    let (viewer, (open, typed, not_sent)) = visit
        .write_then(
            posted,
            move |db, viewer, fields| {
                let open = open_run(db, &services, viewer, &id, Step::Phone)?;
                let typed = typed(fields)?;
                let holder = match read_holder(&services, fields)? {
                    Ok(holder) => holder,
                    Err(problems) => {
                        return Ok((
                            open,
                            typed,
                            Err((StatusCode::UNPROCESSABLE_ENTITY, problems)),
                        ));
                    }
                };
                let sent = match checks::take_send(db, &services, &open.0, &holder.phone)? {
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
                    Err(why) => Err((
                        StatusCode::TOO_MANY_REQUESTS,
                        Problems::one("phone_number", why),
                    )),
                };
                Ok((open, typed, sent))
            },
            |services, (open, typed, sent)| {
                let not_sent = match sent {
                    Ok((provider_id, holder)) => send(services, &open.0, "phone_number", || {
                        services.phone.send(&provider_id, &holder).is_ok()
                    })?,
                    Err(why) => Some(why),
                };
                Ok((open, typed, not_sent))
            },
        )
        .await?;
    match not_sent {
        None => Ok(see_other(path(&open.0.id, "phone-code"))),
        Some((status, problems)) => phone_page(&visit, &viewer, status, &open, typed, problems),
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
    field: &'static str,
    deliver: impl FnOnce() -> bool,
) -> Result<Option<NotSent>, Error> {
    if deliver() {
        return Ok(None);
    }
    services
        .db
        .transaction(|db| checks::undo_send(db, &run.id))?;
    Ok(Some((
        StatusCode::SERVICE_UNAVAILABLE,
        Problems::one(field, Message::new("phone-unreachable")),
    )))
}

/// `GET …/phone-code`
pub(super) async fn show_code(visit: Visit, id: web::Path<String>) -> Result<HttpResponse, Error> {
    let services = visit.services.clone();
    let (viewer, open) = visit
        .read(move |db, viewer| open_run(db, &services, viewer, &id, Step::PhoneCode))
        .await?;
    code_page(&visit, &viewer, StatusCode::OK, &open, Problems::default())
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
                let sent = checks::take_send(db, &services, &open.0, &phone)?;
                Ok((open, sent.map(|provider_id| (provider_id, phone))))
            },
            |services, (open, sent)| {
                let not_sent = match sent {
                    Ok((provider_id, phone)) => send(services, &open.0, "code", || {
                        services.phone.resend(&provider_id, &phone).is_ok()
                    })?,
                    Err(why) => Some((StatusCode::TOO_MANY_REQUESTS, Problems::one("code", why))),
                };
                Ok((open, not_sent))
            },
        )
        .await?;
    match not_sent {
        None => Ok(see_other(path(&open.0.id, "phone-code"))),
        Some((status, problems)) => code_page(&visit, &viewer, status, &open, problems),
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
                        return Ok((open, Err((StatusCode::UNPROCESSABLE_ENTITY, why))));
                    }
                };
                let tried = match checks::take_try(db, &open.0, services.clock.now())? {
                    Ok(left) => Ok((code, left)),
                    Err(why) if why.key() == "err-code-locked" => {
                        Err((StatusCode::TOO_MANY_REQUESTS, why))
                    }
                    Err(why) => Err((StatusCode::UNPROCESSABLE_ENTITY, why)),
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
        Some((status, why)) => {
            code_page(&visit, &viewer, status, &open, Problems::one("code", why))
        }
    }
}

fn confirm(
    services: &Services,
    run: &Run,
    code: &str,
    left: i32,
) -> Result<Option<(StatusCode, Message)>, Error> {
    let Some(check) = &run.phone else {
        return Ok(None);
    };
    let now = services.clock.now();
    let refused = match services.phone.confirm(&check.provider_id, code) {
        Ok(Confirmation::Verified) => {
            services
                .db
                .transaction(|db| checks::verify_phone(db, &run.id, &check.provider_id, now))?;
            return Ok(None);
        }
        Ok(Confirmation::WrongCode) if left == 0 => (
            StatusCode::TOO_MANY_REQUESTS,
            checks::locked(now + crate::verification::LOCK),
        ),
        Ok(Confirmation::WrongCode) => (
            StatusCode::UNPROCESSABLE_ENTITY,
            Message::new("err-code-wrong").arg("left", left),
        ),
        Ok(Confirmation::Expired) => (
            StatusCode::UNPROCESSABLE_ENTITY,
            Message::new("err-code-expired"),
        ),
        Err(_) => (
            StatusCode::SERVICE_UNAVAILABLE,
            Message::new("phone-unreachable"),
        ),
    };
    Ok(Some(refused))
}

impl PhonePage {
    fn carriers(&self) -> [Carrier; 6] {
        Carrier::ALL
    }
}
