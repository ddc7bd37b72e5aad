//! Phone verification by PortOne: a code by SMS, and the person whom the carrier verified.

use std::{net::IpAddr, sync::Arc};

use serde::{Deserialize, Serialize, de::IgnoredAny};
use zeroize::Zeroizing;

use super::{
    Api,
    api::{Failure, segment},
};
use crate::{
    outside::CALL,
    verification::{
        Carrier, Confirmation, Entered, HolderIdentity, NotDelivered, PhoneNumber,
        PhoneVerification, Unreachable,
    },
};

/// Room for a request with a person in it, so that no copy is left behind by a buffer that grew.
const REQUEST_SIZE: usize = 2048;

/// Sends codes through a channel of the operator's.
pub struct PortOnePhone {
    api: Arc<Api>,
    channel: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SendBody<'a> {
    channel_key: &'a str,
    customer: Customer<'a>,
    operator: &'static str,
    method: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Customer<'a> {
    name: &'a str,
    phone_number: &'a str,
    identity_number: &'a str,
    ip_address: String,
}

#[derive(Serialize)]
struct ConfirmBody<'a> {
    otp: &'a str,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ConfirmAnswer {
    identity_verification: Verification,
}

#[derive(Deserialize)]
#[serde(
    tag = "status",
    rename_all = "SCREAMING_SNAKE_CASE",
    rename_all_fields = "camelCase"
)]
enum Verification {
    Verified { verified_customer: Verified },
    Ready,
    Failed,
}

/// Whom the carrier verified, wiped when dropped. Birth date and number are told by contract only.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Verified {
    name: Zeroizing<String>,
    birth_date: Option<Zeroizing<String>>,
    phone_number: Option<Zeroizing<String>>,
}

impl PortOnePhone {
    /// Verifies through this channel.
    pub fn new(api: Arc<Api>, channel: String) -> Self {
        Self { api, channel }
    }

    fn send_body(&self, holder: &HolderIdentity, from: IpAddr) -> Option<Zeroizing<Vec<u8>>> {
        let mut identity_number = Zeroizing::new(String::with_capacity(7));
        identity_number.push_str(&holder.birth_date);
        identity_number.push_str(&holder.birth_digit);
        body_of(&SendBody {
            channel_key: &self.channel,
            customer: Customer {
                name: &holder.name,
                phone_number: holder.phone.digits(),
                identity_number: &identity_number,
                ip_address: from.to_string(),
            },
            operator: operator(holder.carrier),
            method: "SMS",
        })
    }

    /// What a verification that was confirmed before says: the answer to that may have been lost.
    fn confirmed_before(&self, id: &str, entered: Entered<'_>) -> Result<Confirmation, Failure> {
        let path = format!("/identity-verifications/{}", segment(id));
        match self.api.get(&path, CALL)? {
            Verification::Verified { verified_customer } => {
                Ok(compared(&verified_customer, entered))
            }
            Verification::Ready | Verification::Failed => Ok(Confirmation::Expired),
        }
    }
}

fn body_of(sent: &impl Serialize) -> Option<Zeroizing<Vec<u8>>> {
    let mut body = Zeroizing::new(Vec::with_capacity(REQUEST_SIZE));
    serde_json::to_writer(&mut *body, sent).ok()?;
    Some(body)
}

fn operator(carrier: Carrier) -> &'static str {
    match carrier {
        Carrier::Skt => "SKT",
        Carrier::Kt => "KT",
        Carrier::Lgu => "LGU",
        Carrier::SktMvno => "SKT_MVNO",
        Carrier::KtMvno => "KT_MVNO",
        Carrier::LguMvno => "LGU_MVNO",
    }
}

/// Nobody is verified by what is not told.
fn compared(verified: &Verified, entered: Entered<'_>) -> Confirmation {
    let (Some(birth_date), Some(phone)) = (&verified.birth_date, &verified.phone_number) else {
        log::error!(
            "PortOne does not tell the verified birth date or number: the identity channel needs the contract for it"
        );
        return Confirmation::Mismatch;
    };
    if entered.is(&verified.name, birth_date, phone) {
        Confirmation::Verified
    } else {
        Confirmation::Mismatch
    }
}

/// Why a code is not on its way. An id that was used before is one that our own request used.
fn not_delivered(failure: &Failure) -> Result<(), NotDelivered> {
    let Failure::Refused(refused) = failure else {
        log::warn!("a code was not sent: {failure}");
        return Err(match failure {
            Failure::NotSent(_) => NotDelivered::NotSent,
            _ => NotDelivered::Unknown,
        });
    };
    match refused.kind.as_str() {
        "IDENTITY_VERIFICATION_ALREADY_SENT" => Ok(()),
        "PG_PROVIDER"
        | "IDENTITY_VERIFICATION_NOT_FOUND"
        | "IDENTITY_VERIFICATION_NOT_SENT"
        | "IDENTITY_VERIFICATION_ALREADY_VERIFIED" => {
            log::info!("the carrier sends no code: {failure}");
            Err(NotDelivered::Refused)
        }
        "MAX_TRANSACTION_COUNT_REACHED" => Err(NotDelivered::TooMany),
        _ => {
            log::error!(
                "PortOne takes no request for a code ({failure}): check BILLING_PORTONE_SECRET and BILLING_PORTONE_IDENTITY_CHANNEL_KEY"
            );
            Err(NotDelivered::NotSent)
        }
    }
}

impl PhoneVerification for PortOnePhone {
    fn send(
        &self,
        verification_id: &str,
        holder: &HolderIdentity,
        from: IpAddr,
    ) -> Result<(), NotDelivered> {
        let body = self.send_body(holder, from);
        let Some(body) = body.as_ref().and_then(|body| str::from_utf8(body).ok()) else {
            return Err(NotDelivered::NotSent);
        };
        let path = format!("/identity-verifications/{}/send", segment(verification_id));
        match self.api.post::<IgnoredAny>(&path, body) {
            Ok(_) => Ok(()),
            Err(failure) => not_delivered(&failure),
        }
    }

    fn resend(&self, verification_id: &str, _: &PhoneNumber) -> Result<(), NotDelivered> {
        let path = format!(
            "/identity-verifications/{}/resend",
            segment(verification_id)
        );
        match self.api.post_empty::<IgnoredAny>(&path) {
            Ok(_) => Ok(()),
            Err(failure) => not_delivered(&failure),
        }
    }

    fn confirm(
        &self,
        verification_id: &str,
        code: &str,
        entered: Entered<'_>,
    ) -> Result<Confirmation, Unreachable> {
        let body = body_of(&ConfirmBody { otp: code });
        let body = body.as_ref().and_then(|body| str::from_utf8(body).ok());
        let path = format!(
            "/identity-verifications/{}/confirm",
            segment(verification_id)
        );
        let answer = self
            .api
            .post::<ConfirmAnswer>(&path, body.ok_or(Unreachable)?);
        let failure = match answer {
            Ok(ConfirmAnswer {
                identity_verification: Verification::Verified { verified_customer },
            }) => return Ok(compared(&verified_customer, entered)),
            Ok(_) => Failure::other(),
            Err(failure) => failure,
        };
        let answer = match &failure {
            Failure::Refused(refused) => match refused.kind.as_str() {
                "PG_PROVIDER" | "INVALID_REQUEST" => Ok(Confirmation::WrongCode),
                "IDENTITY_VERIFICATION_NOT_FOUND" | "IDENTITY_VERIFICATION_NOT_SENT" => {
                    Ok(Confirmation::Expired)
                }
                "IDENTITY_VERIFICATION_ALREADY_VERIFIED" => {
                    self.confirmed_before(verification_id, entered)
                }
                _ => Err(failure),
            },
            Failure::NotSent(_) => Err(failure),
            // PortOne may have looked at it: guesses would cost nothing while it is slow.
            Failure::Unknown(_) => {
                log::warn!("whether a code is right was not told: {failure}");
                Ok(Confirmation::Unknown)
            }
        };
        answer.map_err(|failure| {
            log::warn!("a code was not checked: {failure}");
            Unreachable
        })
    }
}
