//! What surrounds every route: request ids, the Host check, security headers, the body deadline, panics.

use std::{
    net::{IpAddr, SocketAddr},
    panic::AssertUnwindSafe,
    time::Duration,
};

use actix_web::{
    Error as ActixError, HttpMessage, HttpRequest, HttpResponse,
    body::{BoxBody, MessageBody},
    dev::{Payload, RequestHead, ServiceRequest, ServiceResponse},
    error::{InternalError, PayloadError},
    http::{
        ConnectionType, Method, StatusCode,
        header::{self, AcceptEncoding, Encoding, Header, HeaderMap, HeaderName, HeaderValue},
    },
    middleware::Next,
    web::Data,
};
use futures_util::{FutureExt, StreamExt, stream};
use tokio::time::{Instant, timeout_at};

use super::connections::Running;
use super::error_pages::{self, Asked};
use crate::{app::Services, error::Error, secrets::random_hex, settings::Settings};

/// The time in which a body must have come whole.
const BODY_DEADLINE: Duration = Duration::from_secs(10);

const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
     font-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// A browser that refuses even the plain form gets it all the same, with every header of ours: compression,
/// which lies between here and [`watch`], would answer by itself.
///
/// # Errors
/// Those of the inner layers.
pub async fn take_plain_where_nothing_fits(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, ActixError> {
    let offered = [
        Encoding::brotli(),
        Encoding::gzip(),
        Encoding::deflate(),
        Encoding::identity(),
    ];
    let fits_nothing = AcceptEncoding::parse(&request)
        .is_ok_and(|accepted| accepted.negotiate(offered.iter()).is_none());
    if fits_nothing {
        request.headers_mut().remove(header::ACCEPT_ENCODING);
    }
    next.call(request).await
}

/// The layer around every route: nothing leaves without it, not even a panic.
///
/// # Errors
/// None: each becomes a page.
pub async fn watch(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, ActixError> {
    let began = Instant::now();
    let _running = Running::begin(request.request());
    let Some(services) = request.app_data::<Data<Services>>().cloned() else {
        return Ok(request.into_response(HttpResponse::InternalServerError().finish()));
    };
    let language = error_pages::choose_language(&request);
    let id = random_hex::<8>().unwrap_or_else(|_| "unknown".into());
    let asked = Asked::new(&request, services, id);
    set_body_deadline(&mut request, began + BODY_DEADLINE);

    // A HEAD is its GET: the server leaves the body out.
    if *request.method() == Method::HEAD {
        request.head_mut().method = Method::GET;
    }
    // Routing needs the request for itself: it comes back only with an answer.
    let (request, mut response) = match wrong_host(&request, &asked) {
        Some(response) => (Some(request.into_parts().0), response),
        None => match AssertUnwindSafe(next.call(request)).catch_unwind().await {
            Ok(Ok(answered)) => {
                let (request, response) = answered.into_parts();
                (
                    Some(request),
                    error_pages::branded(&asked, response.map_into_boxed_body()),
                )
            }
            Ok(Err(error)) => (None, error_pages::of_actix(&asked, &error)),
            Err(_) => (
                None,
                error_pages::of(&asked, &Error::Internal("a handler panicked".into())),
            ),
        },
    };
    if let Some(cookie) = language {
        let _ = response.add_cookie(&cookie);
    }
    if asked.services.is_draining() {
        response
            .head_mut()
            .set_connection_type(ConnectionType::Close);
    }
    set_headers(response.headers_mut(), &asked);
    log::debug!(
        target: "access",
        "{} {} {} ms request={}",
        request.as_ref().and_then(HttpRequest::match_pattern).unwrap_or_else(|| "(no route)".into()),
        response.status().as_u16(),
        began.elapsed().as_millis(),
        asked.id,
    );
    match request {
        Some(request) => Ok(ServiceResponse::new(request, response)),
        None => Err(InternalError::from_response("answered", response).into()),
    }
}

/// A page asked for under another name is sent to ours; a post is not taken.
fn wrong_host(request: &ServiceRequest, asked: &Asked) -> Option<HttpResponse> {
    let host = request
        .headers()
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or_default();
    let settings = &asked.services.settings;
    if matches!(request.path(), "/healthz" | "/readyz") {
        return None;
    }
    if host == settings.authority() && !came_without_tls(request.head(), settings) {
        return has_control(request.path()).then(|| error_pages::of(asked, &Error::NotFound));
    }
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        let path = request
            .uri()
            .path_and_query()
            .map_or("/", |path| path.as_str());
        // A path of two slashes would name a host of its own; behind our base URL it cannot.
        let address = format!("{}{path}", settings.base_url);
        return Some(
            HttpResponse::TemporaryRedirect()
                .insert_header((header::LOCATION, address))
                .finish(),
        );
    }
    Some(error_pages::of_status(
        asked,
        StatusCode::MISDIRECTED_REQUEST,
    ))
}

/// Whether a trusted proxy says that a browser spoke plain HTTP to it, although ours is an HTTPS address.
fn came_without_tls(head: &RequestHead, settings: &Settings) -> bool {
    settings.is_https()
        && head
            .peer_addr
            .is_some_and(|peer| settings.trusts(peer.ip()))
        && head
            .headers()
            .get("x-forwarded-proto")
            .is_some_and(|proto| proto.as_bytes().eq_ignore_ascii_case(b"http"))
}

/// Whether a path holds an encoded control character: no page of ours does.
fn has_control(path: &str) -> bool {
    let mut rest = path.as_bytes();
    while let Some(at) = rest.iter().position(|byte| *byte == b'%') {
        rest = &rest[at + 1..];
        match rest {
            [b'0' | b'1', digit, ..] if digit.is_ascii_hexdigit() => return true,
            [b'7', b'f' | b'F', ..] => return true,
            _ => {}
        }
    }
    false
}

fn set_headers(headers: &mut HeaderMap, asked: &Asked) {
    let mut set = |name: &'static str, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    set("x-request-id", &asked.id);
    set("content-security-policy", CONTENT_SECURITY_POLICY);
    set("x-content-type-options", "nosniff");
    set("x-frame-options", "DENY");
    // `no-referrer` would make Chromium send `Origin: null` with our own posts.
    set("referrer-policy", "same-origin");
    set("cross-origin-opener-policy", "same-origin");
    set("cross-origin-resource-policy", "same-origin");
    set(
        "permissions-policy",
        "camera=(), geolocation=(), microphone=(), payment=()",
    );
    if asked.services.settings.is_https() {
        set(
            "strict-transport-security",
            "max-age=31536000; includeSubDomains",
        );
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        set_caching(headers, asked);
    }
}

/// A page that only somebody signed in sees stays nowhere. Another may come back out of the browser's
/// back/forward cache, and is asked for again in every other case.
fn set_caching(headers: &mut HeaderMap, asked: &Asked) {
    let is_personal = asked.has_session || headers.contains_key(header::SET_COOKIE);
    let keep = if is_personal { "no-store" } else { "no-cache" };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(keep));
    headers.insert(
        header::VARY,
        HeaderValue::from_static("Cookie, Accept-Language"),
    );
}

fn set_body_deadline(request: &mut ServiceRequest, deadline: Instant) {
    if request.method() == Method::GET {
        return;
    }
    let payload = request.take_payload();
    let timed = stream::unfold((payload, false), move |(mut payload, over)| async move {
        if over {
            return None;
        }
        match timeout_at(deadline, payload.next()).await {
            Ok(chunk) => chunk.map(|chunk| (chunk, (payload, false))),
            Err(_) => Some((Err(PayloadError::Incomplete(None)), (payload, true))),
        }
    });
    request.set_payload(Payload::Stream {
        payload: Box::pin(timed),
    });
}

/// The client's address: the peer's, or behind trusted proxies the last one in `X-Forwarded-For`
/// that is no trusted proxy.
pub fn client_address(head: &RequestHead, settings: &Settings) -> IpAddr {
    let unknown = IpAddr::from([0, 0, 0, 0]);
    // An IPv4 client of an IPv6 listener comes as ::ffff:192.0.2.1.
    let peer = head
        .peer_addr
        .map_or(unknown, |peer| peer.ip().to_canonical());
    if !settings.trusts(peer) {
        return peer;
    }
    let forwarded: Vec<&str> = head
        .headers()
        .get_all("x-forwarded-for")
        .flat_map(|value| value.to_str().unwrap_or("?").split(','))
        .collect();
    // From the nearest hop outwards, as far as each is told by a proxy that is believed.
    let mut nearest = peer;
    for hop in forwarded.into_iter().rev() {
        match address_of(hop.trim()) {
            Some(address) if settings.trusts(address) => nearest = address,
            Some(address) => return address,
            None => break,
        }
    }
    nearest
}

/// An address, also with a port.
fn address_of(hop: &str) -> Option<IpAddr> {
    let bare = hop.trim_start_matches('[').trim_end_matches(']');
    bare.parse()
        .or_else(|_| hop.parse::<SocketAddr>().map(|with_port| with_port.ip()))
        .ok()
        .map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hop_is_an_address_with_or_without_a_port() {
        let v4: IpAddr = "198.51.100.7".parse().unwrap();
        let v6: IpAddr = "2001:db8::1".parse().unwrap();
        assert_eq!(address_of("198.51.100.7:4711"), Some(v4));
        assert_eq!(address_of("198.51.100.7"), Some(v4));
        assert_eq!(address_of("[2001:db8::1]:80"), Some(v6));
        assert_eq!(address_of("[2001:db8::1]"), Some(v6));
        assert_eq!(address_of("2001:db8::1"), Some(v6));
        assert_eq!(address_of("unknown"), None);
    }

    #[test]
    fn an_encoded_control_character_is_seen_in_a_path() {
        assert!(has_control("/a%00b") && has_control("/%1f") && has_control("/%7F"));
        assert!(!has_control("/a%20b%EA%B9%80") && !has_control("/100%") && !has_control("/"));
    }
}
