//! The one place where a failure becomes a page, a status and a log line.

use actix_web::{
    HttpMessage, HttpRequest, HttpResponse, ResponseError,
    body::{BodySize, BoxBody, MessageBody},
    cookie::{Cookie, SameSite, time::Duration},
    dev::ServiceRequest,
    http::{StatusCode, header},
    web::Data,
};
use askama::Template;
use chrono::NaiveDateTime;

use super::{Lang, Shell, Texts, guard::RequestId, see_other};
use crate::{
    access::{RoleNeededPage, Viewer},
    app::Services,
    error::{BadForm, Error, Stale},
};

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unavailable(why) | Self::Internal(why) => f.write_str(why),
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
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
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

#[derive(Template)]
#[template(path = "web/error.html")]
struct ErrorPage<'a> {
    t: Texts,
    shell: Shell,
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

/// Gives every failure its page; leaves every other response alone.
pub fn branded(request: &HttpRequest, response: HttpResponse) -> HttpResponse {
    if let Some(error) = response.error() {
        return match error.as_error::<Error>() {
            Some(error) => of(request, error),
            None => of_actix(request, error),
        };
    }
    let is_bare = matches!(response.body().size(), BodySize::None | BodySize::Sized(0));
    if is_bare && (response.status().is_client_error() || response.status().is_server_error()) {
        let allow = response.headers().get(header::ALLOW).cloned();
        let mut page = of_status(request, response.status());
        if let Some(allow) = allow {
            page.headers_mut().insert(header::ALLOW, allow);
        }
        return page;
    }
    response
}

/// The page of one of actix's own failures.
pub fn of_actix(request: &HttpRequest, error: &actix_web::Error) -> HttpResponse {
    if let Some(error) = error.as_error::<Error>() {
        return of(request, error);
    }
    let status = error.as_response_error().status_code();
    if status.is_server_error() {
        return of(request, &Error::Internal(format!("{error}")));
    }
    of_status(request, status)
}

/// The page of one of ours.
pub fn of(request: &HttpRequest, error: &Error) -> HttpResponse {
    match error {
        Error::SignedOut => to_sign_in(request),
        Error::SeeOther(path) => see_other(path),
        Error::RoleNeeded(viewer) => role_needed(request, viewer),
        Error::Stale(stale) => render(
            request,
            StatusCode::CONFLICT,
            &StalePage { t: texts_of(request), shell: outer_shell(request), stale },
        ),
        Error::TooMany(until) => too_many(request, *until),
        Error::Unavailable(why) => {
            log::error!("503 {why} request={}", id_of(request));
            let mut response = of_status(request, StatusCode::SERVICE_UNAVAILABLE);
            response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("5"));
            response
        }
        Error::Internal(why) => {
            log::error!("500 {why} request={}", id_of(request));
            of_status(request, StatusCode::INTERNAL_SERVER_ERROR)
        }
        other => of_status(request, other.status_code()),
    }
}

/// The page of a status.
pub fn of_status(request: &HttpRequest, status: StatusCode) -> HttpResponse {
    let t = texts_of(request);
    let (title, body) = match status.as_u16() {
        400 => ("page-400-title", "page-400-body"),
        403 => ("page-403-title", "page-403-body"),
        404 => ("page-404", "page-404-body"),
        405 => ("page-405-title", "page-405-body"),
        408 => ("page-408-title", "page-408-body"),
        413 => ("page-413-title", "page-413-body"),
        415 => ("page-415-title", "page-415-body"),
        421 => ("page-421-title", "page-421-body"),
        503 => ("page-503-title", "page-503-body"),
        code if code < 500 => ("page-400-title", "page-400-body"),
        _ => ("page-500", "page-500-body"),
    };
    let id = id_of(request);
    let reference = (status == StatusCode::INTERNAL_SERVER_ERROR).then_some(id.as_str());
    let page =
        ErrorPage { t, shell: outer_shell(request), title: t.text(title), body: t.text(body).to_owned(), reference };
    render(request, status, &page)
}

fn too_many(request: &HttpRequest, until: NaiveDateTime) -> HttpResponse {
    let t = texts_of(request);
    let now = request.app_data::<Data<Services>>().map_or(until, |services| services.clock.now());
    let page = ErrorPage {
        t,
        shell: outer_shell(request),
        title: t.text("page-429-title"),
        body: t.fill("page-429-body").arg("time", until).to_string(),
        reference: None,
    };
    let mut response = render(request, StatusCode::TOO_MANY_REQUESTS, &page);
    let seconds = (until - now).num_seconds().max(1);
    response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from(seconds));
    response
}

fn role_needed(request: &HttpRequest, viewer: &Viewer) -> HttpResponse {
    let t = texts_of(request);
    let shell = outer_shell(request).for_viewer(viewer, super::Section::None);
    render(request, StatusCode::FORBIDDEN, &RoleNeededPage::new(t, shell, viewer))
}

/// The session ended: a page is come back to, a form's card details were not kept.
fn to_sign_in(request: &HttpRequest) -> HttpResponse {
    let path = request.path();
    let next = match request.method() {
        _ if path == "/" || path == "/sign-out" => return see_other("/sign-in"),
        &actix_web::http::Method::POST => path.to_owned(),
        _ => request.uri().path_and_query().map_or(path, |whole| whole.as_str()).to_owned(),
    };
    see_other(format!("/sign-in?next={}", super::encoded(&next)))
}

fn render(request: &HttpRequest, status: StatusCode, template: &impl Template) -> HttpResponse {
    match super::page(status, template) {
        Ok(response) => response,
        Err(error) => {
            log::error!("{error} request={}", id_of(request));
            HttpResponse::new(status).map_body(|_, _| BoxBody::new("There is a problem with the service."))
        }
    }
}

fn outer_shell(request: &HttpRequest) -> Shell {
    let t = texts_of(request);
    match request.app_data::<Data<Services>>() {
        // The query is left out, so that one page's error is byte for byte another's.
        Some(services) => Shell::of(services, t, ""),
        None => Shell::bare(t),
    }
}

fn id_of(request: &HttpRequest) -> String {
    request.extensions().get::<RequestId>().map_or_else(String::new, |id| id.0.clone())
}

/// The words that this request is answered in.
pub fn texts_of(request: &HttpRequest) -> Texts {
    request.extensions().get::<Texts>().copied().unwrap_or(Texts::new(Lang::En))
}

/// Decides the language: `?lang=`, else the cookie, else `Accept-Language`, else English. Gives the
/// cookie that keeps a choice just made.
pub fn choose_language(request: &ServiceRequest) -> Option<Cookie<'static>> {
    let asked = request
        .query_string()
        .split('&')
        .find_map(|pair| pair.strip_prefix("lang="))
        .and_then(Lang::parse);
    let kept = || request.cookie("billing_language").and_then(|cookie| Lang::parse(cookie.value()));
    let accepted = || {
        let header = request.headers().get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        Lang::negotiate(header.unwrap_or_default())
    };
    let lang = asked.or_else(kept).unwrap_or_else(accepted);
    request.extensions_mut().insert(Texts::new(lang));
    let is_https = request.app_data::<Data<Services>>().is_some_and(|services| services.settings.is_https());
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
