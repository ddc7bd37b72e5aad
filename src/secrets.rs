//! The one secret key of an installation and what is derived from it.

use aes_gcm::{
    Aes256Gcm, KeyInit,
    aead::{Aead, Payload},
};
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// 64 random bytes from which every other key is derived. No Debug: it is never printed.
#[derive(Clone)]
pub struct SecretKey(Zeroizing<Vec<u8>>);

/// What a derived key is for; each gives another key.
#[derive(Debug, Clone, Copy)]
pub enum Purpose {
    /// Signs the session cookie.
    Cookie,
    /// The token in each form.
    Csrf,
    /// Seals what a registration keeps for its later steps.
    Seal,
    /// Binds a verification to its phone or business number.
    Subject,
    /// The sandbox's phone codes.
    SandboxCode,
    /// What a card's form calls its attempt.
    AttemptKey,
}

impl Purpose {
    fn label(self) -> &'static [u8] {
        match self {
            Self::Cookie => b"cookie",
            Self::Csrf => b"csrf",
            Self::Seal => b"seal",
            Self::Subject => b"subject",
            Self::SandboxCode => b"sandbox-code",
            Self::AttemptKey => b"attempt-key",
        }
    }
}

impl SecretKey {
    /// Reads a key from its hexadecimal form, at least 64 bytes.
    ///
    /// # Errors
    /// One line for the operator, without the key.
    pub fn from_hex(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let bytes = from_hex(text)
            .ok_or("the secret key is not hexadecimal: make one with `openssl rand -hex 64`")?;
        if bytes.len() < 64 {
            return Err(
                "the secret key is shorter than 64 bytes: make one with `openssl rand -hex 64`"
                    .into(),
            );
        }
        Ok(Self(Zeroizing::new(bytes)))
    }

    /// A key that was not there before, in hexadecimal form.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub fn generate() -> Result<Zeroizing<String>, String> {
        let mut bytes = Zeroizing::new([0_u8; 64]);
        getrandom::fill(bytes.as_mut())
            .map_err(|e| format!("no randomness from the system: {e}"))?;
        Ok(Zeroizing::new(to_hex(bytes.as_ref())))
    }

    /// The key for one purpose.
    pub fn derive(&self, purpose: Purpose) -> [u8; 32] {
        mac(&self.0, &[purpose.label()])
    }

    /// A keyed digest of `parts` in hexadecimal form.
    pub fn digest(&self, purpose: Purpose, parts: &[&[u8]]) -> String {
        to_hex(&mac(&self.derive(purpose), parts))
    }

    /// Encrypts `text`, bound to `owner` (nobody else's row opens it).
    ///
    /// # Errors
    /// When the system has no randomness.
    pub fn seal(&self, owner: &str, text: &[u8]) -> Result<Vec<u8>, String> {
        let mut nonce = [0_u8; 12];
        getrandom::fill(&mut nonce).map_err(|e| format!("no randomness from the system: {e}"))?;
        let cipher = Aes256Gcm::new(&self.derive(Purpose::Seal).into());
        let sealed = cipher
            .encrypt(
                &nonce.into(),
                Payload {
                    msg: text,
                    aad: owner.as_bytes(),
                },
            )
            .map_err(|_| "sealing failed".to_owned())?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// Opens what [`Self::seal`] made; `None` when it is another owner's, another key's or changed.
    pub fn open(&self, owner: &str, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, sealed) = sealed.split_at_checked(12)?;
        let nonce: [u8; 12] = nonce.try_into().ok()?;
        Aes256Gcm::new(&self.derive(Purpose::Seal).into())
            .decrypt(
                &nonce.into(),
                Payload {
                    msg: sealed,
                    aad: owner.as_bytes(),
                },
            )
            .ok()
            .map(Zeroizing::new)
    }
}

/// HMAC-SHA256 over length-prefixed parts, so that no two lists of parts give the same bytes.
fn mac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    #[allow(clippy::expect_used, reason = "HMAC takes a key of any length")]
    let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(key).expect("any length");
    for part in parts {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// SHA-256 in hexadecimal form.
pub fn sha256_hex(bytes: &[u8]) -> String {
    to_hex(&Sha256::digest(bytes))
}

/// `count` random bytes in hexadecimal form.
///
/// # Errors
/// When the system has no randomness.
pub fn random_hex<const COUNT: usize>() -> Result<String, crate::error::Error> {
    let mut bytes = [0_u8; COUNT];
    getrandom::fill(&mut bytes)
        .map_err(|e| crate::error::Error::Internal(format!("no randomness: {e}")))?;
    Ok(to_hex(&bytes))
}

/// Lower-case hexadecimal.
pub fn to_hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

/// The bytes of a hexadecimal text; `None` when it is none.
pub fn from_hex(text: &str) -> Option<Vec<u8>> {
    // `from_str_radix` takes a sign, too.
    let is_hexadecimal = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !text.len().is_multiple_of(2) || !is_hexadecimal {
        return None;
    }
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok())
        .collect()
}

/// What a person quotes to support: `PM-01J9-8C2K`, 40 random bits in Crockford's base 32.
///
/// # Errors
/// When the system has no randomness.
pub fn new_reference() -> Result<String, crate::error::Error> {
    const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let mut bytes = [0_u8; 8];
    getrandom::fill(&mut bytes)
        .map_err(|e| crate::error::Error::Internal(format!("no randomness: {e}")))?;
    let digits: String = bytes
        .iter()
        .map(|byte| char::from(DIGITS[usize::from(byte & 31)]))
        .collect();
    Ok(format!("PM-{}-{}", &digits[..4], &digits[4..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> SecretKey {
        SecretKey::from_hex(&to_hex(&[byte; 64])).unwrap()
    }

    #[test]
    fn what_is_sealed_opens_only_for_its_owner_and_key() {
        let sealed = key(1).seal("run-1", b"900101").unwrap();
        assert_eq!(key(1).open("run-1", &sealed).unwrap().as_slice(), b"900101");
        assert!(key(1).open("run-2", &sealed).is_none());
        assert!(key(2).open("run-1", &sealed).is_none());
        assert!(!sealed.windows(6).any(|part| part == b"900101"));
    }

    #[test]
    fn a_short_or_odd_key_is_refused_in_one_line() {
        for text in ["", "zz", "00", &"0".repeat(126)] {
            let told = SecretKey::from_hex(text).err().unwrap();
            assert!(told.contains("openssl rand -hex 64") && !told.contains('\n'));
        }
    }

    #[test]
    fn hexadecimal_is_pairs_of_digits_and_nothing_else() {
        assert_eq!(from_hex("00fF"), Some(vec![0, 255]));
        for text in ["0", "+1", "-1", " 1", "0x", "é"] {
            assert_eq!(from_hex(text), None, "{text}");
        }
    }

    #[test]
    fn a_reference_has_the_form_that_support_knows() {
        let reference = new_reference().unwrap();
        assert_eq!(reference.len(), 12);
        assert!(reference.starts_with("PM-") && reference.as_bytes()[7] == b'-');
    }
}
