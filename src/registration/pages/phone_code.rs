//! Step 2, verification of a personal or named corporate card: the code that was sent to the phone (rule 8).

use actix_web::{HttpResponse, http::StatusCode, web};
use askama::Template;
use chrono::NaiveDateTime;

use super::{
    Head, OpenRun,
    again::{self, Refused},
    open_run, open_run_to_change, path,
    phone::{OF_CODE, not_delivered},
};
use crate::{
    access::Viewer,
    app::Services,
    audit,
    error::Error,
    groups::BillingGroup,
    registration::{Run, Step, checks, codes, codes::NotNow},
    verification::{CODE_DIGITS, Confirmation, Entered, LOCK, PhoneNumber, code_of},
    web::{Message, Posted, Problems, Section, Shell, Texts, Visit, see_other},
};

#[derive(Template)]
#[template(path = "registration/phone_code.html")]
struct PhoneCodePage {
    t: Texts,
    shell: Shell,
    head: Head,
    title_key: &'static str,
    problems: Problems,
    masked: String,
    expires_at: Option<NaiveDateTime>,
    /// Until the code's time is over.
    seconds_left: Option<i64>,
    locked_until: Option<NaiveDateTime>,
}

fn code_page(
    visit: &Visit,
    viewer: &Viewer,
    (run, group): &OpenRun,
    refused: Option<Refused>,
) -> Result<HttpResponse, Error> {
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
    again::answer(visit, refused, |problems| PhoneCodePage {
        t: visit.t,
        shell: visit.shell(viewer, Section::None),
        head: Head::new(run, group, 2, Some("phone")),
        title_key: locked_until.map_or("s3c-title", |_| "s3c-title-locked"),
        problems,
        masked,
        expires_at,
        seconds_left: expires_at.map(|at| (at - now).num_seconds()),
        locked_until,
    })
}

/// `GET …/phone-code`
pub(super) async fn show(visit: Visit, id: web::Path<String>) -> Result<HttpResponse, Error> {
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
                let open = open_run_to_change(db, &services, viewer, &id, Step::PhoneCode)?;
                let phone = PhoneNumber::parse(&open.0.kept.phone)
                    .map_err(|_| Error::SeeOther(path(&open.0.id, Step::Phone.as_str())))?;
                let sent = codes::take_send(db, &services, &open.0, &phone, false)?;
                Ok((open, sent.map(|provider_id| (provider_id, phone))))
            },
            |services, (open, sent)| {
                let not_sent = match sent {
                    Ok((id, phone)) => {
                        let sent = services.phone.resend(&id, &phone);
                        if sent.is_ok() {
                            services.db.write(|db| codes::sent_again(db, &open.0))?;
                        }
                        not_delivered(services, &open.0, phone.digits(), sent, &OF_CODE)?
                    }
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
pub(super) async fn submit(
    visit: Visit,
    id: web::Path<String>,
    posted: Posted,
) -> Result<HttpResponse, Error> {
    let services = visit.services.clone();
    let (viewer, (open, refused)) = visit
        .write_then(
            posted,
            move |db, viewer, fields| {
                let open = open_run_to_change(db, &services, viewer, &id, Step::PhoneCode)?;
                let code = match code_of(fields.one("code")?) {
                    Ok(code) => code,
                    Err(key) => {
                        let why = Message::new(key).arg("n", CODE_DIGITS);
                        let why = Refused::wrong("code", why);
                        return Ok((open, Err(why)));
                    }
                };
                let tried = match codes::take_try(db, &services, &open.0)? {
                    Ok(left) => Ok((code, left)),
                    Err(why) if why.until.is_some() => Err(Refused::too_many("code", why)),
                    Err(why) => Err(Refused::wrong("code", why.words)),
                };
                Ok((open, tried))
            },
            |services, (mut open, tried)| {
                let refused = match tried {
                    Ok((code, left)) => confirm(services, &mut open, &code, left)?,
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
    (run, group): &mut OpenRun,
    code: &str,
    left: i32,
) -> Result<Option<Refused>, Error> {
    let Some(check) = &run.phone else {
        return Ok(None);
    };
    let entered = Entered {
        name: &run.kept.holder_name,
        birth_date: &run.kept.birth_date,
        phone: &run.kept.phone,
    };
    let refused = match services.phone.confirm(&check.provider_id, code, entered) {
        Ok(Confirmation::Verified) => {
            services
                .db
                .write(|db| checks::verify_phone(db, services, run, &check.provider_id))?;
            return Ok(None);
        }
        Ok(Confirmation::WrongCode) if left == 0 => {
            let until = services.clock.now() + LOCK;
            run.phone
                .iter_mut()
                .for_each(|check| check.locked_until = Some(until));
            Refused::too_many("code", NotNow::locked(until))
        }
        Ok(Confirmation::WrongCode) => {
            let why = Message::new("err-code-wrong").arg("left", left);
            Refused::wrong("code", why)
        }
        Ok(Confirmation::Expired) => Refused::wrong("code", Message::new("err-code-expired")),
        Ok(Confirmation::Mismatch) => {
            services
                .db
                .write(|db| codes::end_code(db, run, &check.provider_id))?;
            run.phone
                .iter_mut()
                .for_each(|check| check.expires_at = None);
            Refused::wrong("code", Message::new("err-holder-other"))
        }
        Ok(Confirmation::Unknown) => {
            return Ok(Some(Refused::unreachable("code", "phone-unreachable")));
        }
        Err(_) => {
            services
                .db
                .write(|db| codes::give_try_back(db, services, run))?;
            return Ok(Some(Refused::unreachable("code", "phone-unreachable")));
        }
    };
    note_wrong_code(services, (run, group), refused.status)?;
    Ok(Some(refused))
}

/// A wrong code leaves its trace: one row a person and hour, with a count.
fn note_wrong_code(
    services: &Services,
    (run, group): (&Run, &BillingGroup),
    status: StatusCode,
) -> Result<(), Error> {
    let (route, status) = ("POST …/phone-code", i32::from(status.as_u16()));
    let (organization, now) = (&group.organization_id, services.clock.now());
    services
        .db
        .write(|db| audit::count(db, organization, &run.user_id, route, status, now))
}
