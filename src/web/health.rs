//! What a load balancer asks.

use std::time::{Duration, Instant};

use actix_web::{HttpResponse, web::Data};
use tokio::sync::Mutex;

use super::visit;
use crate::app::Services;

/// How long the database may take: longer than the pool waits for a connection, shorter than whoever asks.
const READY_WITHIN: Duration = Duration::from_secs(4);
/// When the database was last asked, and whether it answered. It is asked by one request at a time: the others wait
/// without a thread, and whoever came before it was last asked has its answer then.
#[derive(Debug, Default)]
pub struct Readiness(Mutex<Option<(Instant, bool)>>);

impl Readiness {
    async fn of(&self, services: &Data<Services>) -> bool {
        let came = Instant::now();
        let mut last = self.0.lock().await;
        if let Some((_, is_ready)) = last.filter(|(asked, _)| *asked > came) {
            return is_ready;
        }
        let asked = Instant::now();
        let is_ready = visit::in_time(services.clone(), READY_WITHIN, |services| {
            Ok(services.db.is_ready())
        });
        let is_ready = is_ready.await.unwrap_or(false);
        *last = Some((asked, is_ready));
        is_ready
    }
}

/// `GET /healthz`: the process answers.
pub async fn healthz() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/plain; charset=utf-8")
        .body("ok\n")
}

/// `GET /readyz`: the database answers and is migrated, and the process is not being stopped.
pub async fn readyz(services: Data<Services>) -> HttpResponse {
    if !services.is_draining() && services.readiness.of(&services).await {
        HttpResponse::Ok()
            .content_type("text/plain; charset=utf-8")
            .body("ready\n")
    } else {
        HttpResponse::ServiceUnavailable()
            .insert_header(("Retry-After", "5"))
            .content_type("text/plain; charset=utf-8")
            .body("not ready\n")
    }
}
