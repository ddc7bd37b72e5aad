//! What the tab says about a group, from what is known of it. No I/O.

use chrono::NaiveDate;

use super::Registered;
use crate::groups::{BillingGroup, Class, Failure, Status};

/// Groups on one page of the table.
pub const PAGE_SIZE: i64 = 50;
/// Days before the end of a card's last month from which it counts as expiring: this month and the next.
const EXPIRING_MONTHS: i32 = 1;
/// For how many minutes a row is marked as just registered.
const JUST_NOW_MINUTES: i64 = 10;

/// A state of a group that the table points out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tag {
    /// An application for a dedicated account is in review.
    Review,
    /// The card's last month is this one or the next.
    Expiring,
    /// The card's last month is over.
    Expired,
    /// The last automatic payment failed.
    Failed,
    /// The gateway has deleted the card's billing key: every automatic payment will fail.
    KeyDeleted,
}

impl Tag {
    /// The tag of a method that does not pay.
    pub fn of(failure: Failure) -> Self {
        match failure {
            Failure::ChargeFailed => Self::Failed,
            Failure::KeyDeleted => Self::KeyDeleted,
        }
    }

    /// As in `data-tags`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Review => "review",
            Self::Expiring => "expiring",
            Self::Expired => "expired",
            Self::Failed | Self::KeyDeleted => "failed",
        }
    }

    /// The key of the tag's text.
    pub fn key(self) -> &'static str {
        match self {
            Self::Review => "tag-review",
            Self::Expiring => "tag-expiring",
            Self::Expired => "tag-expired",
            Self::Failed => "tag-failed",
            Self::KeyDeleted => "tag-key-deleted",
        }
    }

    /// Red for problems, amber for what comes, plain for a normal state.
    pub fn tone(self) -> &'static str {
        match self {
            Self::Review => "",
            Self::Expiring => "warn",
            Self::Expired | Self::Failed | Self::KeyDeleted => "bad",
        }
    }
}

/// The tags of a group on `today` (Seoul).
pub fn tags(group: &BillingGroup, registered: Option<&Registered>, today: NaiveDate) -> Vec<Tag> {
    let mut tags = Vec::new();
    if group.account_applied_at.is_some() {
        tags.push(Tag::Review);
    }
    if let Some(card) = registered.and_then(Registered::card) {
        let left = months_left(card.expiry.year, card.expiry.month, today);
        if left < 0 {
            tags.push(Tag::Expired);
        } else if left <= EXPIRING_MONTHS {
            tags.push(Tag::Expiring);
        }
    }
    tags.extend(group.failure.map(Tag::of));
    tags
}

fn months_left(year: i32, month: u32, today: NaiveDate) -> i32 {
    use chrono::Datelike;
    (year - today.year()) * 12 + i32::try_from(month).unwrap_or(0)
        - i32::try_from(today.month()).unwrap_or(0)
}

/// Whether this administrator registered the method a moment ago (rule 15).
pub fn is_just_registered(
    registered: &Registered,
    viewer_id: &str,
    now: chrono::NaiveDateTime,
) -> bool {
    registered.modified_by.as_deref() == Some(viewer_id)
        && (now - registered.modified_at).num_minutes() < JUST_NOW_MINUTES
}

/// The gravest thing that the tab has to say (rule 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gravity {
    /// The main group has no payment method: service use is restricted.
    Restricted,
    /// A payment method that somebody relies on does not pay.
    Failed(Failure),
    /// A sub-group has none: late fees may apply.
    LateFee,
}

impl Gravity {
    /// The gravest first. A key that is gone is news to whoever relies on its card; a payment that failed is not.
    pub fn rank(self) -> u8 {
        match self {
            Self::Restricted => 0,
            Self::Failed(Failure::KeyDeleted) => 1,
            Self::LateFee => 2,
            Self::Failed(Failure::ChargeFailed) => 3,
        }
    }

    /// As in `data-banner`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Restricted => "restricted",
            Self::Failed(_) => "failed",
            Self::LateFee => "late-fee",
        }
    }
}

/// What follows from a group's state (rule 6); `None` when it pays.
pub fn gravity(group: &BillingGroup) -> Option<Gravity> {
    match (group.status, group.class) {
        (Status::Required, Class::Main) => Some(Gravity::Restricted),
        (Status::Required, Class::Sub) => Some(Gravity::LateFee),
        _ => group.failure.map(Gravity::Failed),
    }
}

/// How many groups stand how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Registration required.
    pub required: i64,
    /// Pay by credit card.
    pub card: i64,
    /// Pay by dedicated account.
    pub account: i64,
}

impl Counts {
    /// All groups.
    pub fn total(self) -> i64 {
        self.required + self.card + self.account
    }

    /// Counts `count` more of one status.
    pub fn add(&mut self, status: Status, count: i64) {
        match status {
            Status::Required => self.required += count,
            Status::Card => self.card += count,
            Status::Account => self.account += count,
        }
    }
}

/// One page of so many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageOf {
    /// From 1 on.
    pub number: i64,
    /// At least 1.
    pub pages: i64,
}

impl PageOf {
    /// The page nearest to the one asked for.
    pub fn nearest(asked: i64, rows: i64) -> Self {
        let pages = ((rows + PAGE_SIZE - 1) / PAGE_SIZE).max(1);
        Self {
            number: asked.clamp(1, pages),
            pages,
        }
    }

    /// How many rows come before it.
    pub fn offset(self) -> i64 {
        (self.number - 1) * PAGE_SIZE
    }
}

/// Which payment methods an organization's member type is offered (rule 8); none: Helpdesk's address.
pub fn is_offered_payment_methods(member_type: &str) -> bool {
    member_type == "business"
}

#[cfg(test)]
mod tests {
    use chrono::{NaiveDateTime, TimeDelta};

    use super::*;
    use crate::{
        gateway::{BillingKey, Expiry, Issuer, LastFour, Owner},
        payment_methods::{Card, PaymentMethod},
    };

    #[test]
    fn rule_6_a_main_group_without_a_method_restricts_service_a_sub_group_risks_late_fees() {
        let of = |class, status| {
            gravity(&BillingGroup {
                class,
                status,
                ..group()
            })
        };
        assert_eq!(of(Class::Main, Status::Required), Some(Gravity::Restricted));
        assert_eq!(of(Class::Sub, Status::Required), Some(Gravity::LateFee));
        assert_eq!(of(Class::Main, Status::Card), None);
        assert_eq!(of(Class::Sub, Status::Account), None);
        let failed = BillingGroup {
            failure: Some(Failure::KeyDeleted),
            ..group()
        };
        assert_eq!(gravity(&failed), Some(Gravity::Failed(Failure::KeyDeleted)));
    }

    #[test]
    fn rule_6_the_gravest_comes_first() {
        let mut told = [
            Gravity::Failed(Failure::ChargeFailed),
            Gravity::LateFee,
            Gravity::Failed(Failure::KeyDeleted),
            Gravity::Restricted,
        ];
        told.sort_by_key(|gravity| gravity.rank());
        assert_eq!(
            told,
            [
                Gravity::Restricted,
                Gravity::Failed(Failure::KeyDeleted),
                Gravity::LateFee,
                Gravity::Failed(Failure::ChargeFailed),
            ]
        );
    }

    #[test]
    fn groups_are_counted_by_how_they_stand() {
        let mut counts = Counts::default();
        for (status, count) in [
            (Status::Required, 4),
            (Status::Card, 5),
            (Status::Account, 7),
            (Status::Card, 1),
        ] {
            counts.add(status, count);
        }
        let (required, card, account) = (4, 6, 7);
        assert_eq!(
            counts,
            Counts {
                required,
                card,
                account
            }
        );
        assert_eq!(counts.total(), 17);
    }

    #[test]
    fn an_impossible_page_is_the_nearest_one() {
        assert_eq!(
            PageOf::nearest(-3, 120),
            PageOf {
                number: 1,
                pages: 3
            }
        );
        assert_eq!(
            PageOf::nearest(99, 120),
            PageOf {
                number: 3,
                pages: 3
            }
        );
        assert_eq!(
            PageOf::nearest(1, 0),
            PageOf {
                number: 1,
                pages: 1
            }
        );
        assert_eq!(PageOf::nearest(2, 100).offset(), 50);
        assert_eq!(PageOf::nearest(1, 100).offset(), 0);
        for (rows, pages) in [(49, 1), (50, 1), (51, 2), (100, 2), (101, 3)] {
            assert_eq!(PageOf::nearest(9, rows).number, pages, "{rows}");
        }
    }

    #[test]
    fn a_card_expires_after_its_month() {
        let today = "2026-11-30".parse().unwrap();
        for (year, month, left) in [(2026, 10, -1), (2026, 11, 0), (2026, 12, 1), (2027, 1, 2)] {
            assert_eq!(months_left(year, month, today), left);
        }
    }

    #[test]
    fn a_row_says_what_is_in_review_what_ends_and_what_failed() {
        let today = "2026-11-30".parse().unwrap();
        for (year, month, expected) in [
            (2026, 10, vec![Tag::Expired]),
            (2026, 11, vec![Tag::Expiring]),
            (2026, 12, vec![Tag::Expiring]),
            (2027, 1, vec![]),
        ] {
            let registered = card_until(year, month);
            assert_eq!(tags(&group(), Some(&registered), today), expected);
        }

        let applied = BillingGroup {
            account_applied_at: Some(NaiveDateTime::default()),
            ..group()
        };
        assert_eq!(tags(&applied, None, today), [Tag::Review]);
        let failed = BillingGroup {
            failure: Some(Failure::ChargeFailed),
            ..applied
        };
        assert_eq!(
            tags(&failed, Some(&card_until(2026, 12)), today),
            [Tag::Review, Tag::Expiring, Tag::Failed]
        );
    }

    #[test]
    fn problems_are_red_and_what_comes_is_amber() {
        for (tag, tone) in [
            (Tag::Review, ""),
            (Tag::Expiring, "warn"),
            (Tag::Expired, "bad"),
            (Tag::Failed, "bad"),
            (Tag::KeyDeleted, "bad"),
        ] {
            assert_eq!(tag.tone(), tone, "{tag:?}");
        }
    }

    #[test]
    fn rule_15_a_row_is_marked_for_ten_minutes_for_whoever_registered_it() {
        let registered = card_until(2027, 1);
        let after = |seconds| registered.modified_at + TimeDelta::seconds(seconds);
        assert!(is_just_registered(&registered, "morgan", after(0)));
        assert!(is_just_registered(&registered, "morgan", after(599)));
        assert!(!is_just_registered(&registered, "morgan", after(600)));
        assert!(!is_just_registered(&registered, "sage", after(0)));
    }

    fn group() -> BillingGroup {
        BillingGroup {
            id: "acme-lab".into(),
            organization_id: "acme".into(),
            name: "Lab".into(),
            class: Class::Sub,
            status: Status::Card,
            failure: None,
            account_applied_at: None,
            version: 1,
        }
    }

    fn card_until(year: i32, month: u32) -> Registered {
        let card = Card {
            issuer: Issuer::new("bc"),
            owner: Owner::Corporate,
            brand: None,
            last_four: LastFour::parse("0005").unwrap(),
            expiry: Expiry { year, month },
            key: BillingKey::new("key".into()),
        };
        Registered {
            method: PaymentMethod::Card(card),
            modified_at: "2026-11-24T05:02:11".parse().unwrap(),
            modified_by: Some("morgan".into()),
        }
    }

    #[test]
    fn rule_8_an_unknown_member_type_is_offered_nothing() {
        assert!(is_offered_payment_methods("business"));
        assert!(!is_offered_payment_methods("individual"));
    }
}
