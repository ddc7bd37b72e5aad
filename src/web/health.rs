//! What a load balancer asks.

use actix_web::{HttpResponse, web::Data};

use crate::{app::Services, error::Error};

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
    let asked = services.clone();
    let is_ready = !services.is_draining()
        && actix_web::web::block(move || asked.db.is_ready())
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
