//! What was shown or typed does not come back with the browser's Back button.
//!
//! Chromium keeps even a page of `no-store` for three minutes and shows it again at Back, with what was typed
//! into it, unless a cookie of that page changes meanwhile.

use actix_web::{
    Error,
    body::MessageBody,
    cookie::{Cookie, SameSite, time::Duration},
    dev::{ServiceRequest, ServiceResponse},
    http::Method,
    middleware::Next,
    web::Data,
};

use crate::{app::Services, secrets::random_hex};

/// A cookie that changes each time, for all pages below `path`: the browser forgets those that it left.
pub fn cookie(path: String, is_https: bool) -> Cookie<'static> {
    Cookie::build("billing_posted", random_hex::<8>().unwrap_or_default())
        .path(path)
        .http_only(true)
        .secure(is_https)
        .same_site(SameSite::Strict)
        .max_age(Duration::minutes(3))
        .finish()
}

/// Whether a path holds nothing that means something in a cookie: it is what the request says.
fn is_plain(path: &str) -> bool {
    path.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-'))
}

/// Around the routes of a form whose answers are secret: each post of it changes the cookie of its run.
///
/// # Errors
/// Those of the route.
pub async fn forget_what_was_typed(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let run = (request.method() == Method::POST)
        .then(|| request.path().rsplit_once('/'))
        .flatten()
        .map(|(run, _)| run.to_owned())
        .filter(|run| is_plain(run));
    let is_https = request
        .app_data::<Data<Services>>()
        .is_some_and(|services| services.settings.is_https());
    let mut answered = next.call(request).await?;
    if let Some(run) = run {
        answered.response_mut().add_cookie(&cookie(run, is_https))?;
    }
    Ok(answered)
}
