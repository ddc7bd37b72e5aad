//! Addresses and networks that the operator names, and what a browser says of itself in its headers.
#![no_main]

use std::net::IpAddr;

use actix_web::test::TestRequest;
use billing_console::{
    network::{Network, base_address, is_loopback_name},
    outside::ServiceUrl,
    web::{Lang, csrf, error_pages},
};
use libfuzzer_sys::fuzz_target;

const OURS: &str = "https://billing.example";

fuzz_target!(|given: &[u8]| {
    has_a_language(given);
    let Ok(text) = str::from_utf8(given) else {
        return;
    };
    if let Some(address) = base_address(text) {
        assert_eq!(base_address(&address).as_deref(), Some(address.as_str()));
        assert!(!address.ends_with('/') && !address.contains('@'));
    }
    is_loopback_name(text);
    if let Ok(url) = ServiceUrl::parse(text) {
        assert!(ServiceUrl::parse(url.as_str()).is_ok_and(|again| again.as_str() == url.as_str()));
    }
    if let Ok(network) = text.parse::<Network>() {
        let address = text.trim().split('/').next().expect("a part");
        assert!(network.contains(address.parse::<IpAddr>().expect("its address")));
    }
});

/// Whatever the query, the cookies and the header say.
fn has_a_language(given: &[u8]) {
    let mut request = TestRequest::with_uri("/sign-in");
    for name in ["cookie", "accept-language", "origin"] {
        // What is no header never gets past the server.
        if actix_web::http::header::HeaderValue::from_bytes(given).is_ok() {
            request = request.append_header((name, given));
        }
    }
    let request = request.to_srv_request();
    let chosen = error_pages::choose_language(&request);
    assert!(chosen.is_none(), "only the query makes a choice");
    let said = str::from_utf8(given).unwrap_or_default();
    let spoken = Lang::negotiate(said);
    assert_eq!(Lang::parse(spoken.code()), Some(spoken));
    let is_ours = csrf::is_from_our_pages(request.headers(), OURS);
    assert_eq!(
        is_ours,
        request.headers().contains_key("origin") && given == OURS.as_bytes()
    );
}
