//! Where a service answers, and the key that stands in its address.

use zeroize::Zeroizing;

use crate::{
    network::{base_address, is_loopback_name},
    web::encoded,
};

/// Scheme and host of a service: https, or http on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceUrl(String);

impl ServiceUrl {
    /// Reads an address such as https://api.example.com.
    ///
    /// # Errors
    /// What it takes instead, to follow the setting's name.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let url = base_address(text.trim())
            .ok_or("takes a scheme and a host, such as https://api.example.com")?;
        match url.strip_prefix("http://") {
            Some(authority) if !is_loopback_name(authority) => {
                Err("takes an https:// address: http:// is for a service on this machine")
            }
            _ => Ok(Self(url)),
        }
    }

    /// Without a slash at the end.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is asked by TLS.
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https://")
    }
}

/// A key as it stands in a query, percent-encoded. No Debug: it is never printed.
#[derive(Clone)]
pub struct ServiceKey(Zeroizing<String>);

impl ServiceKey {
    /// Reads a key. Portals show it decoded and percent-encoded: both are taken, and one that has a `%` is encoded
    /// already (the alphabet of the decoded one has none).
    ///
    /// # Errors
    /// What is wrong, without the key, to follow the setting's name.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let text = text.trim();
        if text.is_empty() {
            return Err("is empty");
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("has a character that no key has: copy it once more");
        }
        if !text.contains('%') {
            return Ok(Self(Zeroizing::new(encoded(text))));
        }
        if is_encoded(text) {
            return Ok(Self(Zeroizing::new(text.to_owned())));
        }
        Err("is neither a key nor a percent-encoded one: copy it once more")
    }

    /// For the query.
    pub fn encoded(&self) -> &str {
        &self.0
    }
}

/// What an `Authorization` header says: a scheme and a secret. No Debug: it is never printed.
#[derive(Clone)]
pub struct Authorization(Zeroizing<String>);

impl Authorization {
    /// Reads a secret for a scheme.
    ///
    /// # Errors
    /// What is wrong, without the secret, to follow the setting's name.
    pub fn parse(scheme: &str, secret: &str) -> Result<Self, &'static str> {
        let secret = secret.trim();
        if secret.is_empty() {
            return Err("is empty");
        }
        if !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("has a character that no secret has: copy it once more");
        }
        Ok(Self(Zeroizing::new(format!("{scheme} {secret}"))))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether each `%` has its two digits and nothing else needs one.
fn is_encoded(text: &str) -> bool {
    let mut parts = text.split('%');
    let is_plain = |part: &str| encoded(part) == part;
    let is_escape = |part: &str| {
        let digits = part
            .get(..2)
            .is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        digits && is_plain(&part[2..])
    };
    parts.next().is_some_and(is_plain) && parts.all(is_escape)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_asked_by_tls_unless_it_is_on_this_machine() {
        for good in [
            "https://api.example.com/",
            "https://10.0.0.1:8443",
            "http://127.0.0.1:9",
            "http://localhost:9",
            "http://[::1]:9",
        ] {
            assert!(ServiceUrl::parse(good).is_ok(), "{good}");
        }
        for wrong in [
            "",
            "api.example.com",
            "http://api.example.com",
            "http://127.0.0.1.example.com",
            "http://localhost@example.com",
            "https://key@api.example.com",
            "https://api.example.com/path",
            "https://api.example.com?key=1",
        ] {
            assert!(ServiceUrl::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_key_is_encoded_once_whichever_form_the_portal_gave() {
        for (given, sent) in [
            ("ab+c/d==", "ab%2Bc/d%3D%3D"),
            ("ab%2Bc%2Fd%3D%3D", "ab%2Bc%2Fd%3D%3D"),
            (" 0f9a \n", "0f9a"),
        ] {
            assert_eq!(
                ServiceKey::parse(given).map(|key| key.encoded().to_owned()),
                Ok(sent.into())
            );
        }
        for wrong in [
            "", " ", "a b", "a\tb", "키", "a%2", "a%zz", "a%2B+c", "a%2B&b=c",
        ] {
            let told = ServiceKey::parse(wrong).err().unwrap();
            assert!(wrong.trim().is_empty() || !told.contains(wrong), "{told}");
        }
    }
}
