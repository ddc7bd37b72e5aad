//! What a run keeps for its later steps. It lies encrypted in the run's row and is erased at its end.

use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

use crate::{error::Error, secrets::SecretKey};

/// The answers of the verification steps; empty until given. No Debug. The birth digit and the code
/// are not among them: they go to the provider and nowhere else.
#[derive(Default, Clone, Serialize, Deserialize)]
pub struct Kept {
    /// The name on the phone account.
    pub holder_name: String,
    /// YYMMDD.
    pub birth_date: String,
    /// The form's value.
    pub carrier: String,
    /// Digits.
    pub phone: String,
    /// Ten digits.
    pub business_number: String,
}

impl Drop for Kept {
    fn drop(&mut self) {
        for field in [
            &mut self.holder_name,
            &mut self.birth_date,
            &mut self.carrier,
            &mut self.phone,
            &mut self.business_number,
        ] {
            field.zeroize();
        }
    }
}

impl Kept {
    /// Sealed for the row of run `id`.
    ///
    /// # Errors
    /// [`Error::Internal`] when the system has no randomness.
    pub fn seal(&self, key: &SecretKey, id: &str) -> Result<Vec<u8>, Error> {
        let text = zeroize::Zeroizing::new(
            serde_json::to_vec(self).map_err(|_| Error::Internal("sealing".into()))?,
        );
        key.seal(id, &text).map_err(Error::Internal)
    }

    /// Opened from the row of run `id`; empty when nothing was kept, none when this key does not open it.
    pub fn open(key: &SecretKey, id: &str, sealed: Option<&[u8]>) -> Option<Self> {
        match sealed {
            None => Some(Self::default()),
            Some(sealed) => {
                let text = key.open(id, sealed)?;
                serde_json::from_slice(&text).ok()
            }
        }
    }
}
