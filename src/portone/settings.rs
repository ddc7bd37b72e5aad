//! What the operator sets for PortOne.

use base64::{Engine, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

use crate::outside::{Authorization, ServiceUrl};

/// How PortOne is reached and which of the operator's channels it uses. No Debug: it holds secrets.
#[derive(Clone)]
pub struct PortOneService {
    /// Its address.
    pub url: ServiceUrl,
    /// The V2 API secret.
    pub secret: Authorization,
    /// The channel that issues billing keys.
    pub card_channel: String,
    /// The channel that verifies phones.
    pub identity_channel: String,
    /// What its events are signed with: two while one is rotated.
    pub webhook_secrets: Vec<WebhookSecret>,
}

impl PortOneService {
    /// The scheme of its `Authorization` header.
    pub const SCHEME: &str = "PortOne";
}

/// A secret of Standard Webhooks. No Debug: it is never printed.
#[derive(Clone)]
pub struct WebhookSecret(Zeroizing<Vec<u8>>);

impl WebhookSecret {
    /// Reads `whsec_` and base64, or base64 alone.
    ///
    /// # Errors
    /// What is wrong, without the secret, to follow the setting's name.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let text = text.trim();
        let encoded = text.strip_prefix("whsec_").unwrap_or(text);
        match STANDARD.decode(encoded) {
            Ok(secret) if !secret.is_empty() => Ok(Self(Zeroizing::new(secret))),
            _ => Err("takes whsec_ and base64, as the provider shows it"),
        }
    }

    /// The key of the signature.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_webhook_secret_is_base64_with_or_without_its_prefix() {
        for text in ["whsec_c2VjcmV0", "c2VjcmV0", " whsec_c2VjcmV0\n"] {
            assert_eq!(WebhookSecret::parse(text).ok().unwrap().bytes(), b"secret");
        }
        for wrong in ["", "whsec_", "whsec_%%%", "whsec_c2VjcmV0!"] {
            assert!(WebhookSecret::parse(wrong).is_err(), "{wrong}");
        }
    }
}
