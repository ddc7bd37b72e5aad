//! The card gateway: what the console asks of it, whoever it is.
//!
//! Calls block their thread. They run where a lost client cannot drop them, and hold no database
//! connection while they wait.

mod card;
mod details;
pub mod sandbox;

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
    /// Credit or not.
    pub funding: Funding,
    /// Personal or corporate.
    pub owner: Owner,
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
    /// Why a card is not registered.
    Refusal {
        /// The card company said no.
        Declined = "declined",
        /// The card company says that the card expired.
        ExpiredCard = "expired_card",
        /// The first two digits of the password are wrong.
        WrongPassword = "wrong_password",
        /// A debit card (rule 9).
        Debit = "debit",
        /// A prepaid or gift card (rule 9).
        PrepaidOrGift = "prepaid_or_gift",
        /// A personal card offered as an anonymous corporate one (rule 9).
        NotCorporate = "not_corporate",
    }
}

impl Refusal {
    /// The field that its message stands beside.
    pub fn field(self) -> &'static str {
        match self {
            Self::ExpiredCard => "expiry_month",
            Self::WrongPassword => "card_password_2",
            _ => "card_number",
        }
    }

    /// The key of its message.
    pub fn message_key(self) -> &'static str {
        match self {
            Self::Declined => "page-refused",
            Self::ExpiredCard => "err-card-expired",
            Self::WrongPassword => "err-card-password",
            Self::Debit => "err-number-debit",
            Self::PrepaidOrGift => "err-number-prepaid",
            Self::NotCorporate => "err-number-owner",
        }
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

/// Whether the console takes a card that the gateway took (rule 9).
///
/// # Errors
/// Why not.
pub fn acceptable(card: &CardFacts, method: CardMethod) -> Result<(), Refusal> {
    match (card.funding, card.owner, method) {
        (Funding::Debit, ..) => Err(Refusal::Debit),
        (Funding::Gift | Funding::Prepaid, ..) => Err(Refusal::PrepaidOrGift),
        (Funding::Credit, Owner::Personal, CardMethod::AnonymousCorporate) => {
            Err(Refusal::NotCorporate)
        }
        (Funding::Credit, ..) => Ok(()),
    }
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
        let card = |funding, owner| CardFacts {
            funding,
            owner,
            issuer: Issuer::new("bc"),
            brand: None,
            last_four: LastFour::parse("0005").unwrap(),
            expiry: Expiry {
                year: 2029,
                month: 1,
            },
        };
        for (funding, owner, method, expected) in [
            (Funding::Credit, Owner::Personal, CardMethod::Named, Ok(())),
            (Funding::Credit, Owner::Corporate, CardMethod::Named, Ok(())),
            (
                Funding::Credit,
                Owner::Corporate,
                CardMethod::AnonymousCorporate,
                Ok(()),
            ),
            (
                Funding::Credit,
                Owner::Personal,
                CardMethod::AnonymousCorporate,
                Err(Refusal::NotCorporate),
            ),
            (
                Funding::Debit,
                Owner::Corporate,
                CardMethod::Named,
                Err(Refusal::Debit),
            ),
            (
                Funding::Gift,
                Owner::Personal,
                CardMethod::Named,
                Err(Refusal::PrepaidOrGift),
            ),
            (
                Funding::Prepaid,
                Owner::Personal,
                CardMethod::AnonymousCorporate,
                Err(Refusal::PrepaidOrGift),
            ),
        ] {
            assert_eq!(
                acceptable(&card(funding, owner), method),
                expected,
                "{funding:?} {owner:?} {method:?}"
            );
        }
    }
}
