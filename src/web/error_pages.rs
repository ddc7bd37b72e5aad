//! The one place where a failure becomes a page, a status and a log line.

use actix_session::storage::SaveError;
use actix_web::{
    HttpMessage, HttpRequest, HttpResponse, ResponseError,
    body::{BodySize, BoxBody, MessageBody},
    cookie::{Cookie, SameSite, time::Duration},
    dev::ServiceRequest,
    error::InternalError,
    http::{Method, StatusCode, header},
    web::Data,
};
use askama::Template;
use chrono::NaiveDateTime;

use super::{Lang, Shell, Texts, see_other, session::cookie_name};
use crate::{
    access::RoleNeededPage,
    app::Services,
    error::{BadForm, Error, RoleNeeded, Stale},
};

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unavailable(why) | Self::Unanswered(why) | Self::Internal(why) => {
                f.write_str(why)
            }
            other => write!(f, "{}", other.status_code()),
        }
    }
}

impl ResponseError for Error {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::SignedOut | Self::SeeOther(_) => StatusCode::SEE_OTHER,
            Self::RoleNeeded(_) | Self::Untrusted => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Form(BadForm::NotAForm) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Form(BadForm::TooLarge) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Form(BadForm::Malformed) => StatusCode::BAD_REQUEST,
            Self::Form(BadForm::TooSlow) => StatusCode::REQUEST_TIMEOUT,
            Self::Stale(_) => StatusCode::CONFLICT,
            Self::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Busy | Self::Unavailable(_) | Self::Unanswered(_) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn error_response(&self) -> HttpResponse {
        // Replaced by `branded`, which knows the request and so the language.
        HttpResponse::new(self.status_code())
    }
}

impl From<BadForm> for Error {
    fn from(form: BadForm) -> Self {
        Self::Form(form)
    }
}

/// What was asked, noted before the request goes its way: a handler may fail without giving it back.
pub struct Asked {
    /// What the console runs on.
    pub services: Data<Services>,
    /// What the log and a 500 page call the request.
    pub id: String,
    /// The words that it is answered in.
    pub t: Texts,
    /// Whether it carries a session, alive or not.
    pub has_session: bool,
    method: Method,
    path: String,
    path_and_query: String,
}

impl Asked {
    /// Notes a request.
    pub fn new(request: &ServiceRequest, services: Data<Services>, id: String) -> Self {
        Self {
            has_session: request.cookie(cookie_name(&services.settings)).is_some(),
            services,
            id,
            t: texts_of(request.request()),
            method: request.method().clone(),
            path: request.path().to_owned(),
            path_and_query: request
                .uri()
                .path_and_query()
                .map_or("/", |whole| whole.as_str())
                .to_owned(),
        }
    }

    /// The path.
    pub fn path(&self) -> &str {
        &self.path
    }
}

#[derive(Template)]
#[template(path = "web/error.html")]
struct ErrorPage<'a> {
    t: Texts,
    shell: Shell,
    icon: &'static str,
    /// A class of the style sheet.
    tone: &'static str,
    title: &'a str,
    body: String,
    reference: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "web/stale.html")]
struct StalePage<'a> {
    t: Texts,
    shell: Shell,
    stale: &'a Stale,
}

/// Gives every failure its page; leaves every other response alone. Its cookies stay: one of them makes the
/// browser forget what was typed, above all where it was refused.
pub fn branded(asked: &Asked, response: HttpResponse) -> HttpResponse {
    let is_bare = matches!(response.body().size(), BodySize::None | BodySize::Sized(0));
    let mut page = if let Some(error) = response.error() {
        of_actix(asked, error)
    } else if is_bare
        && (response.status().is_client_error() || response.status().is_server_error())
    {
        of_status(asked, response.status())
    } else {
        return response;
    };
    for kept in [header::ALLOW, header::SET_COOKIE] {
        for value in response.headers().get_all(&kept) {
            page.headers_mut().append(kept.clone(), value.clone());
        }
    }
    page
}

/// The page of one of actix's own failures.
pub fn of_actix(asked: &Asked, error: &actix_web::Error) -> HttpResponse {
    if let Some(error) = error.as_error::<Error>() {
        return of(asked, error);
    }
    // What was to be kept or ended with a session may be.
    if error.as_error::<InternalError<SaveError>>().is_some()
        || error.as_error::<InternalError<anyhow::Error>>().is_some()
    {
        return of(asked, &Error::Unanswered(error.to_string()));
    }
    let status = error.as_response_error().status_code();
    if status.is_server_error() {
        return of(asked, &Error::Internal(format!("{error}")));
    }
    of_status(asked, status)
}

/// The page of one of ours.
pub fn of(asked: &Asked, error: &Error) -> HttpResponse {
    match error {
        Error::SignedOut => to_sign_in(asked),
        Error::SeeOther(path) => see_other(path),
        Error::RoleNeeded(needed) => role_needed(asked, needed),
        Error::Stale(stale) => render(
            asked,
            StatusCode::CONFLICT,
            &StalePage {
                t: asked.t,
                shell: outer_shell(asked),
                stale,
            },
        ),
        Error::TooMany(until) => too_many(asked, *until),
        // The worker logs how many: a line for each would be more load.
        Error::Busy => unavailable(asked, "1"),
        Error::Unavailable(why) => {
            log::error!("503 {why} request={}", asked.id);
            unavailable(asked, "5")
        }
        Error::Unanswered(why) => {
            log::error!("503 {why} request={}", asked.id);
            let words = ("page-503-unknown-title", "page-503-unknown-body");
            retry_after(
                error_page(asked, error.status_code(), words, "cloud-off", "warn"),
                "5",
            )
        }
        Error::Internal(why) => {
            log::error!("500 {why} request={}", asked.id);
            of_status(asked, StatusCode::INTERNAL_SERVER_ERROR)
        }
        other => of_status(asked, other.status_code()),
    }
}

/// 503, and in how many seconds to try again.
fn unavailable(asked: &Asked, seconds: &'static str) -> HttpResponse {
    retry_after(of_status(asked, StatusCode::SERVICE_UNAVAILABLE), seconds)
}

fn retry_after(mut response: HttpResponse, seconds: &'static str) -> HttpResponse {
    response.headers_mut().insert(
        header::RETRY_AFTER,
        header::HeaderValue::from_static(seconds),
    );
    response
}

/// The page of a status.
pub fn of_status(asked: &Asked, status: StatusCode) -> HttpResponse {
    let (title, body, icon, tone) = match status.as_u16() {
        403 => ("page-403-title", "page-403-body", "lock", "warn"),
        404 => ("page-404", "page-404-body", "file-question-mark", ""),
        405 => ("page-405-title", "page-405-body", "file-question-mark", ""),
        408 => ("page-408-title", "page-408-body", "clock", "warn"),
        413 => ("page-413-title", "page-413-body", "circle-alert", "warn"),
        415 => ("page-415-title", "page-415-body", "circle-alert", "warn"),
        421 => ("page-421-title", "page-421-body", "circle-alert", "warn"),
        503 => ("page-503-title", "page-503-body", "cloud-off", "warn"),
        code if code < 500 => ("page-400-title", "page-400-body", "circle-alert", "warn"),
        _ => ("page-500", "page-500-body", "circle-alert", "bad"),
    };
    error_page(asked, status, (title, body), icon, tone)
}

fn error_page(
    asked: &Asked,
    status: StatusCode,
    (title, body): (&str, &str),
    icon: &'static str,
    tone: &'static str,
) -> HttpResponse {
    let t = asked.t;
    let reference = (status == StatusCode::INTERNAL_SERVER_ERROR).then_some(asked.id.as_str());
    let page = ErrorPage {
        t,
        shell: outer_shell(asked),
        icon,
        tone,
        title: t.text(title),
        body: t.text(body).to_owned(),
        reference,
    };
    render(asked, status, &page)
}

fn too_many(asked: &Asked, until: NaiveDateTime) -> HttpResponse {
    let t = asked.t;
    let now = asked.services.clock.now();
    let page = ErrorPage {
        t,
        shell: outer_shell(asked),
        icon: "clock",
        tone: "warn",
        title: t.text("page-429-title"),
        body: t.fill("page-429-body").arg("time", until).to_string(),
        reference: None,
    };
    let mut response = render(asked, StatusCode::TOO_MANY_REQUESTS, &page);
    let seconds = (until - now).num_seconds().max(1);
    response
        .headers_mut()
        .insert(header::RETRY_AFTER, header::HeaderValue::from(seconds));
    response
}

fn role_needed(asked: &Asked, needed: &RoleNeeded) -> HttpResponse {
    let t = asked.t;
    let viewer = &needed.viewer;
    let shell = outer_shell(asked)
        .for_viewer(viewer, super::Section::None)
        .with_token(needed.csrf_token.clone());
    render(
        asked,
        StatusCode::FORBIDDEN,
        &RoleNeededPage::new(t, shell, viewer),
    )
}

/// The session ended: a page is come back to, a form's card details were not kept.
fn to_sign_in(asked: &Asked) -> HttpResponse {
    let next = match &asked.method {
        _ if asked.path == "/" || asked.path == "/sign-out" => return see_other("/sign-in"),
        &Method::POST => &asked.path,
        _ => &asked.path_and_query,
    };
    see_other(format!("/sign-in?next={}", super::encoded(next)))
}

fn render(asked: &Asked, status: StatusCode, template: &impl Template) -> HttpResponse {
    match super::page(status, template) {
        Ok(response) => response,
        Err(error) => {
            log::error!("{error} request={}", asked.id);
            HttpResponse::new(status)
                .map_body(|_, _| BoxBody::new("There is a problem with the service."))
        }
    }
}

fn outer_shell(asked: &Asked) -> Shell {
    // The query is left out, so that one page's error is byte for byte another's.
    Shell::of(&asked.services, asked.t, "")
}

/// The words that this request is answered in.
pub fn texts_of(request: &HttpRequest) -> Texts {
    request
        .extensions()
        .get::<Texts>()
        .copied()
        .unwrap_or(Texts::new(Lang::En))
}

/// Decides the language: `?lang=`, else the cookie, else `Accept-Language`, else English. Gives the
/// cookie that keeps a choice just made.
pub fn choose_language(request: &ServiceRequest) -> Option<Cookie<'static>> {
    let asked = request
        .query_string()
        .split('&')
        .find_map(|pair| pair.strip_prefix("lang="))
        .and_then(Lang::parse);
    let kept = || {
        request
            .cookie("billing_language")
            .and_then(|cookie| Lang::parse(cookie.value()))
    };
    let accepted = || {
        let header = request
            .headers()
            .get(header::ACCEPT_LANGUAGE)
            .and_then(|value| value.to_str().ok());
        Lang::negotiate(header.unwrap_or_default())
    };
    let lang = asked.or_else(kept).unwrap_or_else(accepted);
    request.extensions_mut().insert(Texts::new(lang));
    let is_https = request
        .app_data::<Data<Services>>()
        .is_some_and(|services| services.settings.is_https());
    asked.map(|lang| language_cookie(lang, is_https))
}

fn language_cookie(lang: Lang, is_https: bool) -> Cookie<'static> {
    Cookie::build("billing_language", lang.code())
        .path("/")
        .max_age(Duration::days(365))
        .same_site(SameSite::Lax)
        .http_only(true)
        .secure(is_https)
        .finish()
}
