//! The card gateway: what the console asks of it, whoever it is.
//!
//! Calls block their thread. They run where a lost client cannot drop them, and hold no database
//! connection while they wait.

mod card;
mod details;
pub mod sandbox;

use chrono::NaiveDateTime;
use zeroize::Zeroizing;

pub(crate) use card::words;
pub use card::{BillingKey, Brand, Expiry, Funding, Issuer, LastFour, Owner, brand_of};
pub use details::{CardDetails, CardProblem};

/// Who the card must belong to, as it was verified. No Debug.
pub enum Identity {
    /// A person's birth date, YYMMDD.
    Person {
        /// YYMMDD.
        birth_date: Zeroizing<String>,
    },
    /// A business registration number, 10 digits.
    Business {
        /// 10 digits.
        number: Zeroizing<String>,
    },
}

/// What the gateway knows one attempt by.
#[derive(Debug, Clone)]
pub struct AttemptQuery {
    /// Our own reference, unique for ever: the gateway's idempotency key where it has one, and what a
    /// lost answer is looked up by.
    pub reference: String,
    /// Whom the gateway keeps the key for: the billing group.
    pub customer: String,
    /// When the request was made (UTC).
    pub asked_at: NaiveDateTime,
}

/// The request for a billing key.
pub struct IssueRequest {
    /// What the gateway will know it by.
    pub attempt: AttemptQuery,
    /// The card.
    pub card: CardDetails,
    /// Whose it must be.
    pub identity: Identity,
}

/// What the gateway tells about a card.
#[derive(Debug, Clone)]
pub struct CardFacts {
    /// Credit or not; none where the gateway does not tell.
    pub funding: Option<Funding>,
    /// Personal or corporate; none where the gateway does not tell.
    pub owner: Option<Owner>,
    /// The card company.
    pub issuer: Issuer,
    /// The network.
    pub brand: Option<Brand>,
    /// The last four digits.
    pub last_four: LastFour,
    /// The last month.
    pub expiry: Expiry,
}

/// A billing key and its card.
#[derive(Debug, Clone)]
pub struct IssuedKey {
    /// The key.
    pub key: BillingKey,
    /// The card.
    pub card: CardFacts,
}

/// The answer to an [`IssueRequest`].
pub enum IssueOutcome {
    /// There is a key.
    Issued(IssuedKey),
    /// The provider's own word that there is none.
    Refused(Refusal),
    /// No byte of the request left: there is no key.
    NotSent,
    /// Everything else. There may be a key: look it up.
    Unknown,
}

words! {
    /// Why a card is not registered. Whatever a provider says becomes one of these.
    Refusal {
        /// The card company said no.
        Declined = "declined",
        /// There is no card with this number.
        UnknownNumber = "unknown_number",
        /// The card company says that the card expired.
        ExpiredCard = "expired_card",
        /// Month or year are not the card's.
        WrongExpiry = "wrong_expiry",
        /// The first two digits of the password are wrong.
        WrongPassword = "wrong_password",
        /// The card is not of the person or business that was verified.
        WrongHolder = "wrong_holder",
        /// Lost, stolen or suspended.
        Blocked = "blocked",
        /// The card company takes no more tries for a while.
        TooManyTries = "too_many_tries",
        /// The card company, or the kind of card, is not taken for automatic payment.
        Unsupported = "unsupported",
        /// A debit card (rule 9).
        Debit = "debit",
        /// A prepaid or gift card (rule 9).
        PrepaidOrGift = "prepaid_or_gift",
        /// A personal card offered as an anonymous corporate one (rule 9).
        NotCorporate = "not_corporate",
        /// The gateway does not tell whether it is a credit card, or whose (rule 9).
        KindUntold = "kind_untold",
        /// The provider does not take the console's requests: the operator's matter, not the card's.
        Provider = "provider",
    }
}

impl Refusal {
    /// The field that its message stands beside.
    pub fn field(self) -> &'static str {
        match self {
            Self::ExpiredCard | Self::WrongExpiry => "expiry_month",
            Self::WrongPassword => "card_password_2",
            _ => "card_number",
        }
    }

    /// The key of its message.
    pub fn message_key(self) -> &'static str {
        match self {
            Self::Declined => "page-refused",
            Self::UnknownNumber => "err-number-unknown",
            Self::ExpiredCard => "err-card-expired",
            Self::WrongExpiry => "err-card-expiry",
            Self::WrongPassword => "err-card-password",
            Self::WrongHolder => "err-card-holder",
            Self::Blocked => "err-card-blocked",
            Self::TooManyTries => "err-card-tries",
            Self::Unsupported => "err-card-unsupported",
            Self::Debit => "err-number-debit",
            Self::PrepaidOrGift => "err-number-prepaid",
            Self::NotCorporate => "err-number-owner",
            Self::KindUntold => "err-card-kind",
            Self::Provider => "err-card-provider",
        }
    }

    /// Whether it says something of the card: such a refusal counts against card testing (rule 9).
    pub fn is_about_the_card(self) -> bool {
        self != Self::Provider
    }
}

/// As which of the two a card is registered (rule 8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CardMethod {
    /// A personal or named corporate card.
    Named,
    /// An anonymous corporate card.
    AnonymousCorporate,
}

/// A card that the console takes (rule 9), with its key: only [`accept`] makes one.
#[derive(Debug, Clone)]
pub struct AcceptedCard {
    key: BillingKey,
    /// Personal or corporate.
    pub owner: Owner,
    /// The card company.
    pub issuer: Issuer,
    /// The network; none for a domestic-only card.
    pub brand: Option<Brand>,
    /// The last four digits.
    pub last_four: LastFour,
    /// The last month.
    pub expiry: Expiry,
}

impl AcceptedCard {
    /// The key.
    pub fn key(&self) -> &BillingKey {
        &self.key
    }
}

/// Takes a card that the gateway took, if it is one for this method (rule 9).
///
/// # Errors
/// Why not; then its key is to be revoked.
pub fn accept(issued: &IssuedKey, method: CardMethod) -> Result<AcceptedCard, Refusal> {
    let card = &issued.card;
    match card.funding {
        Some(Funding::Credit) => {}
        Some(Funding::Debit) => return Err(Refusal::Debit),
        Some(Funding::Gift | Funding::Prepaid) => return Err(Refusal::PrepaidOrGift),
        None => return Err(Refusal::KindUntold),
    }
    let owner = card.owner.ok_or(Refusal::KindUntold)?;
    if (owner, method) == (Owner::Personal, CardMethod::AnonymousCorporate) {
        return Err(Refusal::NotCorporate);
    }
    Ok(AcceptedCard {
        key: issued.key.clone(),
        owner,
        issuer: card.issuer.clone(),
        brand: card.brand,
        last_four: card.last_four.clone(),
        expiry: card.expiry,
    })
}

/// What the gateway has under one of our references.
pub enum LookUp {
    /// A live key.
    Found(IssuedKey),
    /// None, and the request can no longer arrive.
    Absent,
    /// It does not say: ask again.
    Unknown,
}

/// The answer to a revocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revocation {
    /// The key is dead; one that was not there counts.
    Done,
    /// It may still live: ask again.
    Retry,
}

/// A card gateway.
pub trait CardGateway: Send + Sync {
    /// Asks for a billing key. [`IssueOutcome::Refused`] needs the provider's own word and
    /// [`IssueOutcome::NotSent`] that no byte left; everything else is [`IssueOutcome::Unknown`], after 10 s at most.
    fn issue(&self, request: IssueRequest) -> IssueOutcome;

    /// Looks up what became of a request.
    fn look_up(&self, attempt: &AttemptQuery) -> LookUp;

    /// Kills a key.
    fn revoke(&self, key: &BillingKey) -> Revocation;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_9_only_credit_cards_and_only_corporate_ones_as_anonymous() {
        use {CardMethod::*, Funding::*, Owner::*};
        let issued = |funding, owner| IssuedKey {
            key: BillingKey::new("key".into()),
            card: CardFacts {
                funding,
                owner,
                issuer: Issuer::new("bc"),
                brand: None,
                last_four: LastFour::parse("0005").unwrap(),
                expiry: Expiry {
                    year: 2029,
                    month: 1,
                },
            },
        };
        for (funding, owner, method, expected) in [
            (Some(Credit), Some(Personal), Named, Ok(Personal)),
            (Some(Credit), Some(Corporate), Named, Ok(Corporate)),
            (
                Some(Credit),
                Some(Corporate),
                AnonymousCorporate,
                Ok(Corporate),
            ),
            (
                Some(Credit),
                Some(Personal),
                AnonymousCorporate,
                Err(Refusal::NotCorporate),
            ),
            (Some(Credit), None, Named, Err(Refusal::KindUntold)),
            (
                Some(Credit),
                None,
                AnonymousCorporate,
                Err(Refusal::KindUntold),
            ),
            (None, Some(Personal), Named, Err(Refusal::KindUntold)),
            (Some(Debit), Some(Corporate), Named, Err(Refusal::Debit)),
            (Some(Debit), None, AnonymousCorporate, Err(Refusal::Debit)),
            (
                Some(Gift),
                Some(Personal),
                Named,
                Err(Refusal::PrepaidOrGift),
            ),
            (
                Some(Prepaid),
                Some(Personal),
                AnonymousCorporate,
                Err(Refusal::PrepaidOrGift),
            ),
        ] {
            let accepted = accept(&issued(funding, owner), method).map(|card| card.owner);
            assert_eq!(accepted, expected, "{funding:?} {owner:?} {method:?}");
        }
    }
}
