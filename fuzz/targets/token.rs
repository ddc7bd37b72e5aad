//! What comes back to us from a browser or the database and must be ours: form tokens, keys, what was sealed.
#![no_main]

use billing_console::{
    secrets::{SecretKey, from_hex, to_hex},
    web::csrf::{is_token, token},
};
use libfuzzer_sys::fuzz_target;

const KEY: [u8; 32] = [7; 32];

fuzz_target!(|given: &[u8]| {
    if let Ok(text) = str::from_utf8(given) {
        is_no_token(text);
        is_hexadecimal_or_refused(text);
        if let Ok(key) = SecretKey::from_hex(text) {
            is_opened_by_its_key_alone(&key, given);
        }
    }
    assert_eq!(from_hex(&to_hex(given)).as_deref(), Some(given));
    let key = SecretKey::from_hex(&to_hex(&[1; 64])).expect("a key");
    assert!(key.open("run", given).is_none());
    is_opened_by_its_key_alone(&key, given);
    is_a_token_only_whole(given);
});

/// Nobody guesses one, and it has one form: 128 digits in small letters or in capitals.
fn is_no_token(text: &str) {
    assert!(!is_token(&KEY, "session", text));
}

fn is_hexadecimal_or_refused(text: &str) {
    if let Some(bytes) = from_hex(text) {
        assert_eq!(to_hex(&bytes), text.to_ascii_lowercase());
    }
}

fn is_opened_by_its_key_alone(key: &SecretKey, text: &[u8]) {
    let mut sealed = key.seal("run", text).expect("randomness");
    let opened = key.open("run", &sealed).expect("what was sealed");
    assert_eq!(opened.as_slice(), text);
    assert!(key.open("another run", &sealed).is_none());
    let at = text.first().map_or(0, |byte| usize::from(*byte)) % sealed.len();
    sealed[at] ^= 1;
    assert!(key.open("run", &sealed).is_none());
}

/// The first byte says where a right token is changed, the second to what.
fn is_a_token_only_whole(given: &[u8]) {
    let right = token(&KEY, "session");
    assert!(is_token(&KEY, "session", &right));
    assert!(!is_token(&KEY, "another session", &right));
    let [at, to, ..] = given else {
        return;
    };
    let at = usize::from(*at) % right.len();
    let mut changed = right.clone().into_bytes();
    changed[at] = *to;
    if let Ok(changed) = String::from_utf8(changed) {
        let is_same = changed.eq_ignore_ascii_case(&right);
        assert_eq!(is_token(&KEY, "session", &changed), is_same);
    }
}
