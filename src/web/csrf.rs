//! The token in every form, and where a post comes from.

use actix_web::http::header::{HeaderMap, ORIGIN};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::secrets::{from_hex, to_hex};

/// The token of a session: an HMAC of its key, masked anew in each response so that compression
/// beside it tells nothing.
pub fn token(csrf_key: &[u8; 32], session: &str) -> String {
    let mut mask = [0_u8; 32];
    // Without randomness the mask is zero: the token still holds.
    let _ = getrandom::fill(&mut mask);
    let token = unmasked(csrf_key, session);
    let masked: Vec<u8> = mask
        .iter()
        .zip(token)
        .map(|(mask, byte)| mask ^ byte)
        .collect();
    to_hex(&[mask.as_slice(), &masked].concat())
}

/// Whether `given` is a token of this session.
pub fn is_token(csrf_key: &[u8; 32], session: &str, given: &str) -> bool {
    let Some(bytes) = from_hex(given).filter(|bytes| bytes.len() == 64) else {
        return false;
    };
    let (mask, masked) = bytes.split_at(32);
    let given: Vec<u8> = mask
        .iter()
        .zip(masked)
        .map(|(mask, byte)| mask ^ byte)
        .collect();
    given.ct_eq(&unmasked(csrf_key, session)).into()
}

fn unmasked(csrf_key: &[u8; 32], session: &str) -> [u8; 32] {
    #[allow(clippy::expect_used, reason = "HMAC takes a key of any length")]
    let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(csrf_key).expect("any length");
    mac.update(session.as_bytes());
    mac.finalize().into_bytes().into()
}

/// Whether the browser says that a post comes from our own pages. A request that says nothing is
/// not believed: every browser that runs these pages sends at least one of the two headers. One that
/// says it twice must mean us both times.
pub fn is_from_our_pages(headers: &HeaderMap, base_url: &str) -> bool {
    let header = |name: &str| {
        headers
            .get_all(name)
            .map(|value| value.to_str().unwrap_or("?"))
    };
    let (mut origins, mut sites) = (
        header(ORIGIN.as_str()).peekable(),
        header("sec-fetch-site").peekable(),
    );
    (origins.peek().is_some() || sites.peek().is_some())
        && origins.all(|origin| origin == base_url)
        && sites.all(|site| matches!(site, "same-origin" | "none"))
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn a_post_that_names_two_origins_is_believed_only_when_both_are_ours() {
        let sent = |lines: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in lines {
                headers.append(
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                );
            }
            is_from_our_pages(&headers, "http://ours.test")
        };
        assert!(sent(&[("origin", "http://ours.test")]));
        assert!(sent(&[("sec-fetch-site", "same-origin")]));
        assert!(!sent(&[]));
        for name in ["http://evil.test", "null", ""] {
            let (ours, other) = (("origin", "http://ours.test"), ("origin", name));
            assert!(!sent(&[ours, other]) && !sent(&[other, ours]), "{name}");
        }
        let (ours, other) = (
            ("sec-fetch-site", "same-origin"),
            ("sec-fetch-site", "cross-site"),
        );
        assert!(!sent(&[ours, other]) && !sent(&[other, ours]));
    }

    #[test]
    fn a_token_is_masked_anew_and_belongs_to_one_session() {
        let key = [7; 32];
        let (one, two) = (token(&key, "s1"), token(&key, "s1"));
        assert_ne!(one, two);
        assert!(is_token(&key, "s1", &one) && is_token(&key, "s1", &two));
        assert!(!is_token(&key, "s2", &one) && !is_token(&[8; 32], "s1", &one));
        assert!(!is_token(&key, "s1", "") && !is_token(&key, "s1", &"0".repeat(128)));
    }
}
