//! `POST /webhooks/portone`: PortOne tells what happened there. No session and no token: the signature is who it is.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{self, Bytes, Data, PayloadConfig, ServiceConfig},
};
use serde::Deserialize;

use super::{
    PortOneService,
    webhook::{Disbelief, Headers, verify},
};
use crate::{
    app::Services,
    error::Error,
    gateway::BillingKey,
    payment_methods::events::{self, Event, EventKind, Received},
    settings::Gateway,
    web::{WRITE_WITHIN, Work, in_time},
};

/// The longest body; those documented have a few hundred bytes.
const LONGEST_BODY: usize = 64 * 1024;

/// The address of the events.
pub fn routes(config: &mut ServiceConfig) {
    config.service(
        web::resource("/webhooks/portone")
            .app_data(PayloadConfig::new(LONGEST_BODY))
            .post(take),
    );
}

/// The outline that every event has since version 2024-04-25; fields that we do not know are left out.
#[derive(Deserialize)]
struct Told {
    #[serde(rename = "type")]
    kind: String,
    data: Option<Subject>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Subject {
    billing_key: Option<String>,
}

/// Keeps what is new and answers at once; the worker reads it.
async fn take(
    request: HttpRequest,
    body: Bytes,
    services: Data<Services>,
) -> Result<HttpResponse, Error> {
    let Gateway::PortOne(service) = &services.settings.gateway else {
        return Err(Error::NotFound);
    };
    let now = services.clock.now();
    let event = match read(service, &request, &body, now.and_utc().timestamp()) {
        Ok(event) => event,
        Err((status, why)) => {
            log::warn!("an event was not believed: {why}");
            return Ok(answer(status, why));
        }
    };
    let pass = services.admission.enter(Work::Write).await?;
    let received = in_time(services, WRITE_WITHIN, move |services| {
        let _pass = pass;
        services
            .db
            .write(|db| events::receive(db, &event, services.clock.now()))
    });
    let received = received.await?;
    Ok(match received {
        Received::New | Received::Again => answer(StatusCode::OK, "taken"),
        Received::Replayed => {
            log::warn!("an event was sent twice with one signature");
            answer(StatusCode::CONFLICT, "taken before")
        }
    })
}

fn read(
    service: &PortOneService,
    request: &HttpRequest,
    body: &[u8],
    now: i64,
) -> Result<Event, (StatusCode, &'static str)> {
    let header = |name| {
        let value = request.headers().get(name)?;
        value.to_str().ok().filter(|text| !text.is_empty())
    };
    let (Some(id), Some(timestamp), Some(signature)) = (
        header("webhook-id"),
        header("webhook-timestamp"),
        header("webhook-signature"),
    ) else {
        return Err((StatusCode::UNAUTHORIZED, "a header is missing"));
    };
    let headers = Headers {
        id,
        timestamp,
        signature,
    };
    let sent_at =
        verify(&service.webhook_secrets, headers, body, now).map_err(|why| match why {
            Disbelief::Malformed => (StatusCode::BAD_REQUEST, "a header is malformed"),
            Disbelief::Stale => (StatusCode::UNAUTHORIZED, "it was not signed just now"),
            Disbelief::Unsigned => (StatusCode::UNAUTHORIZED, "no signature is right"),
        })?;
    let told: Told = serde_json::from_slice(body)
        .map_err(|_| (StatusCode::BAD_REQUEST, "the body is no event"))?;
    let kind = match told.kind.as_str() {
        "BillingKey.Deleted" => EventKind::KeyDeleted,
        _ => EventKind::Other,
    };
    let key = told.data.and_then(|data| data.billing_key);
    let is_no_key = match &key {
        // PostgreSQL keeps no such text.
        Some(key) => key.contains('\0'),
        None => kind == EventKind::KeyDeleted,
    };
    if is_no_key {
        return Err((StatusCode::BAD_REQUEST, "the body is no event"));
    }
    Ok(Event {
        id: id.to_owned(),
        kind,
        key: key.map(BillingKey::new),
        sent_at,
    })
}

/// A word for a machine: whoever sends events reads no page.
fn answer(status: StatusCode, word: &'static str) -> HttpResponse {
    HttpResponse::build(status)
        .content_type("text/plain; charset=utf-8")
        .body(word)
}
