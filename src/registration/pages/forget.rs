//! What was typed into a form does not come back with the browser's Back button.

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

/// Chromium keeps even a page of `no-store` for three minutes, a card's number in its field, and shows it again
/// at Back, unless a cookie of that page changes: each post of such a form changes one for all pages of its run.
pub(super) async fn forget_what_was_typed(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let is_post = request.method() == Method::POST;
    let (run, _) = request.path().rsplit_once('/').unwrap_or_default();
    let run = run.to_owned();
    let is_https = request
        .app_data::<Data<Services>>()
        .is_some_and(|services| services.settings.is_https());
    let mut answered = next.call(request).await?;
    if is_post {
        let changed = random_hex::<8>().unwrap_or_default();
        let cookie = Cookie::build("billing_posted", changed)
            .path(run)
            .http_only(true)
            .secure(is_https)
            .same_site(SameSite::Strict)
            .max_age(Duration::minutes(3))
            .finish();
        answered.response_mut().add_cookie(&cookie)?;
    }
    Ok(answered)
}
