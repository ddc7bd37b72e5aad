//! The sandbox's phone and business registry.

use std::{
    collections::VecDeque,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use chrono::NaiveDateTime;
use diesel::prelude::*;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{
    BusinessNumber, BusinessRegistry, BusinessStatus, CODE_VALID, Confirmation, Entered,
    HolderIdentity, NotDelivered, PhoneNumber, PhoneVerification, Unreachable,
};
use crate::{
    clock::Clock,
    db::{Database, schema::sandbox_codes},
    error::Error,
    secrets::to_hex,
};

/// Messages that the inbox keeps.
const INBOX_SIZE: usize = 20;

/// A number whose carrier knows no such holder.
const UNKNOWN_HOLDER: &str = "01000000001";
/// A number whose code verifies somebody else.
const OTHER_HOLDER: &str = "01000000002";
/// A number whose holder has tried too often.
const TIRED_HOLDER: &str = "01000000003";

/// A message that a real provider would have sent. No Debug: it holds a code.
#[derive(Clone)]
pub struct InboxMessage {
    /// UTC.
    pub at: NaiveDateTime,
    /// The masked number.
    pub to: String,
    /// The code.
    pub code: Zeroizing<String>,
}

/// Sends codes to an inbox in memory; the database has only their keyed digests.
pub struct SandboxPhone {
    db: Database,
    clock: Arc<dyn Clock>,
    code_key: [u8; 32],
    fixed_code: Option<String>,
    inbox: Mutex<VecDeque<InboxMessage>>,
}

impl SandboxPhone {
    /// A phone whose codes are random, or always `fixed_code`.
    pub fn new(
        db: Database,
        clock: Arc<dyn Clock>,
        code_key: [u8; 32],
        fixed_code: Option<String>,
    ) -> Self {
        Self {
            db,
            clock,
            code_key,
            fixed_code,
            inbox: Mutex::default(),
        }
    }

    /// The messages, the newest first.
    pub fn inbox(&self) -> Vec<InboxMessage> {
        self.inbox
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .cloned()
            .collect()
    }

    fn digest(&self, verification_id: &str, code: &str) -> String {
        #[allow(clippy::expect_used, reason = "HMAC takes a key of any length")]
        let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(&self.code_key).expect("any length");
        mac.update(verification_id.as_bytes());
        mac.update(b":");
        mac.update(code.as_bytes());
        to_hex(&mac.finalize().into_bytes())
    }

    fn deliver(&self, verification_id: &str, phone: &PhoneNumber) -> Result<(), Error> {
        let code = match &self.fixed_code {
            Some(code) => Zeroizing::new(code.clone()),
            None => random_code()?,
        };
        let now = self.clock.now();
        self.db.write(|db| {
            diesel::delete(sandbox_codes::table.find(verification_id)).execute(db)?;
            diesel::insert_into(sandbox_codes::table)
                .values((
                    sandbox_codes::verification_id.eq(verification_id),
                    sandbox_codes::code_hash.eq(self.digest(verification_id, &code)),
                    sandbox_codes::expires_at.eq(now + CODE_VALID),
                ))
                .execute(db)?;
            Ok(())
        })?;
        let mut inbox = self.inbox.lock().unwrap_or_else(PoisonError::into_inner);
        inbox.push_front(InboxMessage {
            at: now,
            to: phone.masked(),
            code,
        });
        inbox.truncate(INBOX_SIZE);
        Ok(())
    }

    fn check(&self, verification_id: &str, code: &str) -> Result<Confirmation, Error> {
        let kept: Option<(String, NaiveDateTime)> = sandbox_codes::table
            .find(verification_id)
            .select((sandbox_codes::code_hash, sandbox_codes::expires_at))
            .first(&mut *self.db.connection()?)
            .optional()?;
        let Some((hash, expires_at)) = kept else {
            return Ok(Confirmation::Expired);
        };
        if expires_at <= self.clock.now() {
            return Ok(Confirmation::Expired);
        }
        let is_right: bool = hash
            .as_bytes()
            .ct_eq(self.digest(verification_id, code).as_bytes())
            .into();
        Ok(if is_right {
            Confirmation::Verified
        } else {
            Confirmation::WrongCode
        })
    }
}

fn random_code() -> Result<Zeroizing<String>, Error> {
    /// The largest multiple of a million below 2^32: above it, some codes would be likelier.
    const FAIR: u32 = u32::MAX / 1_000_000 * 1_000_000;
    loop {
        let number =
            getrandom::u32().map_err(|e| Error::Internal(format!("no randomness: {e}")))?;
        if number < FAIR {
            return Ok(Zeroizing::new(format!("{:06}", number % 1_000_000)));
        }
    }
}

impl PhoneVerification for SandboxPhone {
    fn send(
        &self,
        verification_id: &str,
        holder: &HolderIdentity,
        _: IpAddr,
    ) -> Result<(), NotDelivered> {
        match holder.phone.digits() {
            UNKNOWN_HOLDER => Err(NotDelivered::Refused),
            TIRED_HOLDER => Err(NotDelivered::TooMany),
            _ => self.resend(verification_id, &holder.phone),
        }
    }

    fn resend(&self, verification_id: &str, phone: &PhoneNumber) -> Result<(), NotDelivered> {
        fail::fail_point!("phone-not-sent", |_| Err(NotDelivered::NotSent));
        self.deliver(verification_id, phone)
            .map_err(|_| NotDelivered::NotSent)
    }

    fn confirm(
        &self,
        verification_id: &str,
        code: &str,
        entered: Entered<'_>,
    ) -> Result<Confirmation, Unreachable> {
        fail::fail_point!("phone-unreachable", |_| Err(Unreachable));
        match self.check(verification_id, code).map_err(|_| Unreachable)? {
            Confirmation::Verified if entered.phone == OTHER_HOLDER => Ok(Confirmation::Mismatch),
            confirmation => Ok(confirmation),
        }
    }
}

/// Knows a closed and a dormant business; every other number is active.
#[derive(Debug, Clone, Copy)]
pub struct SandboxBusinessRegistry;

impl BusinessRegistry for SandboxBusinessRegistry {
    fn status(&self, number: &BusinessNumber) -> Result<BusinessStatus, Unreachable> {
        Ok(match number.digits() {
            "9998100029" => BusinessStatus::Closed,
            "9998600010" => BusinessStatus::Dormant,
            _ => BusinessStatus::Active,
        })
    }
}
