//! Sign-in and sign-out.

use std::net::IpAddr;

use actix_web::{HttpResponse, http::StatusCode, web};
use askama::Template;
use chrono::{NaiveDateTime, TimeDelta};
use serde::Deserialize;
use validator::{Validate, ValidationError};

use super::{
    password, store,
    throttle::{self, Limit},
};
use crate::{
    app::Services,
    audit, demo,
    error::Error,
    web::{
        self as pages, Fields, Message, Posted, Problems, Shell, Texts, Visit, Work,
        fields::has_control, see_other,
    },
};

/// Failed tries of one account or one address, then a pause (PCI DSS 8.3.4).
const TRIES: Limit = Limit {
    count: 10,
    window: TimeDelta::minutes(15),
};

#[derive(Template)]
#[template(path = "access/sign_in.html")]
struct SignInPage {
    t: Texts,
    shell: Shell,
    email: String,
    next: String,
    continues: bool,
    problems: Problems,
    demo_accounts: &'static [demo::Account],
    demo_password: &'static str,
}

/// The query of the sign-in page.
#[derive(Deserialize)]
pub struct Query {
    next: Option<String>,
}

/// `GET /sign-in`
///
/// # Errors
/// [`Error::Unavailable`]
pub async fn show(visit: Visit, query: web::Query<Query>) -> Result<HttpResponse, Error> {
    if visit.has_session()
        && let Ok((viewer, ())) = visit.read(|_, _| Ok(())).await
    {
        return Ok(see_other(
            local_path(query.next.as_deref()).unwrap_or(viewer.home()),
        ));
    }
    sign_in_page(
        &visit,
        StatusCode::OK,
        "",
        query.into_inner().next.unwrap_or_default(),
        Problems::default(),
    )
}

fn sign_in_page(
    visit: &Visit,
    status: StatusCode,
    email: &str,
    next: String,
    problems: Problems,
) -> Result<HttpResponse, Error> {
    let is_demo = visit.services.settings.demo;
    pages::page(
        status,
        &SignInPage {
            t: visit.t,
            // Not the request's query: an answer to a post has none, and the way on stays in the switch all the same.
            shell: visit.outer_shell(&match next.as_str() {
                "" => String::new(),
                next => format!("next={}", pages::encoded(next)),
            }),
            email: email.to_owned(),
            continues: next.starts_with("/billing/registrations/"),
            next,
            problems,
            demo_accounts: if is_demo { demo::ACCOUNTS } else { &[] },
            demo_password: if is_demo { demo::PASSWORD } else { "" },
        },
    )
}

/// What a person typed; wiped with the fields it borrows from.
#[derive(Validate)]
struct SignIn<'a> {
    #[validate(length(min = 1, code = "err-email-empty"), custom(function = fit_for_an_email))]
    email: &'a str,
    #[validate(length(min = 1, code = "err-password-empty"), custom(function = fit_for_a_password))]
    password: &'a str,
}

fn fit_for_an_email(value: &str) -> Result<(), ValidationError> {
    fit(value, 254, "err-email-long")
}

fn fit_for_a_password(value: &str) -> Result<(), ValidationError> {
    fit(value, password::LONGEST, "err-password-long")
}

fn fit(value: &str, longest: usize, too_long: &'static str) -> Result<(), ValidationError> {
    match value.len() {
        _ if has_control(value) => Err(ValidationError::new("err-control")),
        length if length > longest => Err(ValidationError::new(too_long)),
        _ => Ok(()),
    }
}

const SIGN_IN_KEYS: [&str; 5] = [
    "err-control",
    "err-email-empty",
    "err-email-long",
    "err-password-empty",
    "err-password-long",
];

/// `POST /sign-in`
///
/// # Errors
/// [`Error::Untrusted`] for a post from elsewhere, [`Error::Form`], [`Error::Unavailable`]
pub async fn submit(visit: Visit, posted: Posted) -> Result<HttpResponse, Error> {
    if !visit.is_from_our_pages() {
        return Err(Error::Untrusted);
    }
    let fields = posted.fields()?;
    let email = fields.one("email")?.trim().to_lowercase();
    let next = fields.one("next")?.to_owned();
    let form = SignIn {
        email: &email,
        password: fields.one("password")?,
    };
    if let Err(errors) = form.validate() {
        let problems = Problems::of(&errors, &["email", "password"], &SIGN_IN_KEYS);
        return sign_in_page(
            &visit,
            StatusCode::UNPROCESSABLE_ENTITY,
            &email,
            next,
            problems,
        );
    }
    let address = visit.address;
    let asked = email.clone();
    let answer = visit
        .block(Work::Password, move |services| {
            try_sign_in(services, &asked, &fields, address)
        })
        .await?;
    match answer {
        Answer::Right { user_id } => {
            visit.start_session(&user_id)?;
            Ok(see_other(local_path(Some(&next)).unwrap_or("/")))
        }
        Answer::Wrong => {
            let problems = Problems::one("email", Message::new("signin-wrong"));
            sign_in_page(
                &visit,
                StatusCode::UNPROCESSABLE_ENTITY,
                &email,
                next,
                problems,
            )
        }
        Answer::Paused { until } => {
            let problems = Problems::one("email", Message::new("signin-paused").arg("time", until));
            let mut response = sign_in_page(
                &visit,
                StatusCode::TOO_MANY_REQUESTS,
                &email,
                next,
                problems,
            )?;
            let seconds = (until - visit.services.clock.now()).num_seconds().max(1);
            response
                .headers_mut()
                .insert(actix_web::http::header::RETRY_AFTER, seconds.into());
            Ok(response)
        }
    }
}

enum Answer {
    Right { user_id: String },
    Wrong,
    Paused { until: NaiveDateTime },
}

/// What the trail calls a refused sign-in.
const ROUTE: &str = "POST /sign-in";

/// Who an address belongs to: of IPv6 one subscriber has a /64 at least (RFC 6177), of which any address is free to take.
fn subscriber(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(whole) => {
            let network = whole.to_bits() >> 64 << 64;
            IpAddr::V6(network.into())
        }
    }
}

/// A place of both counters is taken before the password is looked at, so that parallel guesses
/// count exactly; the right password gives them back.
fn try_sign_in(
    services: &Services,
    email: &str,
    fields: &Fields,
    address: IpAddr,
) -> Result<Answer, Error> {
    let now = services.clock.now();
    let account_key = format!(
        "sign-in:account:{}",
        crate::secrets::sha256_hex(email.as_bytes())
    );
    let address_key = format!("sign-in:address:{}", subscriber(address));
    let taken = services.db.write(|db| {
        throttle::take(db, &account_key, TRIES, now)?;
        throttle::take(db, &address_key, TRIES, now)
    });
    match taken {
        Err(Error::TooMany(until)) => {
            services
                .db
                .write(|db| audit::count(db, audit::CONSOLE, "unknown", ROUTE, 429, now))?;
            return Ok(Answer::Paused { until });
        }
        other => other?,
    }
    let known = store::credentials(&mut *services.db.connection()?, email)?;
    let hash = known.as_ref().map(|(_, hash)| hash.as_str());
    let is_right = password::is_right(fields.one("password")?, hash);
    services.db.write(|db| match known {
        Some((user_id, _)) if is_right => {
            throttle::clear(db, &account_key)?;
            throttle::give_back(db, &address_key, TRIES, now)?;
            let organization = store::organization_of(db, &user_id)?.unwrap_or_default();
            audit::append(
                db,
                now,
                &audit::Entry::new(&organization, &user_id, "sign_in", &user_id),
            )?;
            Ok(Answer::Right { user_id })
        }
        known => {
            throttle::pause_if_full(db, &account_key, TRIES, now + TRIES.window)?;
            throttle::pause_if_full(db, &address_key, TRIES, now + TRIES.window)?;
            let actor = known.map_or_else(|| "unknown".to_owned(), |(user_id, _)| user_id);
            let organization = store::organization_of(db, &actor)?.unwrap_or_default();
            audit::count(db, &organization, &actor, ROUTE, 422, now)?;
            Ok(Answer::Wrong)
        }
    })
}

/// `POST /sign-out`
///
/// # Errors
/// [`Error::Untrusted`], [`Error::SignedOut`]
pub async fn sign_out(visit: Visit, posted: Posted) -> Result<HttpResponse, Error> {
    let now = visit.services.clock.now();
    let session = visit.session_hash().to_owned();
    visit
        .write(posted, move |db, viewer, _| {
            // Here and not only in the cookie's middleware, which a client that went away drops.
            store::end_session(db, &session)?;
            let organization = viewer
                .organization
                .as_ref()
                .map_or("", |organization| organization.id.as_str());
            audit::append(
                db,
                now,
                &audit::Entry::new(organization, &viewer.id, "sign_out", &viewer.id),
            )
        })
        .await?;
    Ok(visit.end_session())
}

/// `GET /`
///
/// # Errors
/// [`Error::SignedOut`]
pub async fn home(visit: Visit) -> Result<HttpResponse, Error> {
    let (viewer, ()) = visit.read(|_, _| Ok(())).await?;
    Ok(see_other(viewer.home()))
}

/// A `next` that stays on this console: one leading slash, nothing that a browser reads as a host.
fn local_path(next: Option<&str>) -> Option<&str> {
    next.filter(|path| {
        path.starts_with('/')
            && !path.starts_with("//")
            && !path.contains('\\')
            && path.bytes().all(|byte| byte.is_ascii_graphic())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn next_is_a_local_path_only() {
        assert_eq!(
            local_path(Some("/billing/payment-methods?page=2")),
            Some("/billing/payment-methods?page=2")
        );
        for elsewhere in [
            "",
            "//evil.test",
            "https://evil.test",
            "/\\evil.test",
            "/a\nb",
            "javascript:x",
            "billing",
        ] {
            assert_eq!(local_path(Some(elsewhere)), None, "{elsewhere}");
        }
    }
}
