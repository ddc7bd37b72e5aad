//! Cards: what the gateway tells, and what may be kept of it.

use std::fmt;

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $($(#[$variant_doc])* $variant),* }

        impl $name {
            /// Every one of them.
            pub const ALL: [Self; [$($word),*].len()] = [$(Self::$variant),*];

            /// As stored.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }

            /// Reads what [`Self::as_str`] wrote.
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($word => Some(Self::$variant),)* _ => None }
            }
        }
    };
}
pub(crate) use words;

words! {
    /// A card network.
    Brand { Visa = "visa", Mastercard = "mastercard", Amex = "amex", Jcb = "jcb", UnionPay = "unionpay", Diners = "diners" }
}

impl Brand {
    /// Short, for the chip beside a card.
    pub fn label(self) -> &'static str {
        match self {
            Self::Visa => "VISA",
            Self::Mastercard => "MC",
            Self::Amex => "AMEX",
            Self::Jcb => "JCB",
            Self::UnionPay => "UPAY",
            Self::Diners => "DC",
        }
    }
}

/// The network that a card number's first digits name (ISO/IEC 7812 ranges); none for domestic cards.
pub fn brand_of(number: &str) -> Option<Brand> {
    let first = |digits: usize| {
        number
            .get(..digits)
            .and_then(|prefix| prefix.parse::<u32>().ok())
            .unwrap_or(0)
    };
    match (first(1), first(2), first(4)) {
        (4, ..) => Some(Brand::Visa),
        (_, 51..=55, _) | (.., 2221..=2720) => Some(Brand::Mastercard),
        (_, 34 | 37, _) => Some(Brand::Amex),
        (.., 3528..=3589) => Some(Brand::Jcb),
        (_, 62, _) => Some(Brand::UnionPay),
        (_, 30 | 36 | 38 | 39, _) => Some(Brand::Diners),
        _ => None,
    }
}

words! {
    /// How a card is paid for; only credit cards are registered (rule 9).
    Funding { Credit = "credit", Debit = "debit", Gift = "gift", Prepaid = "prepaid" }
}

words! {
    /// Whose card it is.
    Owner { Personal = "personal", Corporate = "corporate" }
}

/// The last month in which a card is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Expiry {
    /// Four digits.
    pub year: i32,
    /// 1 to 12.
    pub month: u32,
}

impl fmt::Display for Expiry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}/{}", self.month, self.year)
    }
}

/// The last four digits of a card or an account: all that is kept of its number (PCI DSS 3.4.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastFour(String);

impl LastFour {
    /// Exactly four digits.
    pub fn parse(text: &str) -> Option<Self> {
        (text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit()))
            .then(|| Self(text.to_owned()))
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A card company by its stable code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issuer(String);

/// Every company by its code, in English and in Korean; adapters turn their provider's codes into these.
const ISSUERS: [(&str, &str, &str); 34] = [
    ("amex", "American Express", "아멕스"),
    ("bc", "BC", "비씨"),
    ("busan", "BNK Busan Bank", "부산은행"),
    ("citi", "Citi", "씨티"),
    ("daegu", "iM Bank", "iM뱅크"),
    ("diners", "Diners Club", "다이너스클럽"),
    ("discover", "Discover", "디스커버"),
    ("gwangju", "Gwangju", "광주"),
    ("hana", "Hana", "하나"),
    ("hyundai", "Hyundai", "현대"),
    ("ibk", "IBK", "IBK기업"),
    ("jcb", "JCB", "JCB"),
    ("jeju", "Jeju", "제주"),
    ("jeonbuk", "Jeonbuk", "전북"),
    ("kakaobank", "KakaoBank", "카카오뱅크"),
    ("kb", "KB Kookmin", "KB국민"),
    ("kbank", "K bank", "케이뱅크"),
    ("kdb", "KDB", "KDB산업"),
    ("kyongnam", "BNK Kyongnam Bank", "경남은행"),
    ("lotte", "Lotte", "롯데"),
    ("mastercard", "Mastercard", "마스터카드"),
    ("nh", "NH NongHyup", "NH농협"),
    ("post", "Korea Post", "우체국"),
    ("saemaul", "MG Saemaul", "MG새마을금고"),
    ("samsung", "Samsung", "삼성"),
    ("savings", "Savings bank", "저축은행"),
    ("sc", "SC First Bank", "SC제일은행"),
    ("shinhan", "Shinhan", "신한"),
    ("shinhyup", "Shinhyup", "신협"),
    ("suhyup", "Suhyup", "수협"),
    ("tossbank", "Toss Bank", "토스뱅크"),
    ("unionpay", "UnionPay", "유니온페이"),
    ("visa", "Visa", "비자"),
    ("woori", "Woori", "우리"),
];

impl Issuer {
    /// The company with this code.
    pub fn new(code: &str) -> Self {
        Self(code.to_owned())
    }

    /// The code.
    pub fn code(&self) -> &str {
        &self.0
    }

    /// The name that people know; an unknown code shows itself.
    pub fn name(&self, korean: bool) -> &str {
        let known = ISSUERS.iter().find(|(code, ..)| *code == self.0);
        match known {
            Some((_, _, hangul)) if korean => hangul,
            Some((_, english, _)) => english,
            None => &self.0,
        }
    }
}

/// The gateway's token for a card; the only thing that a charge needs.
#[derive(Clone, PartialEq, Eq)]
pub struct BillingKey(String);

impl BillingKey {
    /// A key as the gateway gave it.
    pub fn new(key: String) -> Self {
        Self(key)
    }

    /// The key itself, for the gateway and the database only.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for BillingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BillingKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_billing_key_does_not_show_itself() {
        assert_eq!(
            format!("{:?}", BillingKey::new("secret".into())),
            "BillingKey(…)"
        );
    }
}
