//! What a load balancer asks.

use std::time::Duration;

use actix_web::{HttpResponse, web::Data};

use super::visit;
use crate::{app::Services, error::Error};

/// How long the database may take: longer than the pool waits for a connection, shorter than whoever asks.
const READY_WITHIN: Duration = Duration::from_secs(4);

/// `GET /healthz`: the process answers.
pub async fn healthz() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/plain; charset=utf-8")
        .body("ok\n")
}

/// `GET /readyz`: the database answers and is migrated, and the process is not being stopped.
///
/// # Errors
/// None.
pub async fn readyz(services: Data<Services>) -> Result<HttpResponse, Error> {
    let is_ready = !services.is_draining()
        && visit::in_time(services, READY_WITHIN, |services| {
            Ok(services.db.is_ready())
        })
        .await
        .unwrap_or(false);
    Ok(if is_ready {
        HttpResponse::Ok()
            .content_type("text/plain; charset=utf-8")
            .body("ready\n")
    } else {
        HttpResponse::ServiceUnavailable()
            .insert_header(("Retry-After", "5"))
            .content_type("text/plain; charset=utf-8")
            .body("not ready\n")
    })
}
