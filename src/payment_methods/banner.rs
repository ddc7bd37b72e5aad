//! The banner above the table: which group's method does not pay, how grave that is and what to do.

use chrono::NaiveDate;

use super::rules::{self, Gravity};
use crate::{
    groups::{BillingGroup, Failure},
    web::Texts,
};

/// Names that a banner spells out before it counts the rest.
const NAMES_IN_BANNER: usize = 3;

/// What the banner says.
pub struct Banner {
    /// How grave it is.
    pub gravity: Gravity,
    /// The group whose registration its button starts.
    pub group: BillingGroup,
    /// The groups it is about, by name.
    pub names: Vec<String>,
    /// How many groups it is about.
    pub count: i64,
    /// Before when (rule 7).
    pub before: NaiveDate,
}

impl Banner {
    /// What an administrator who sees this group alone is told; none when it pays.
    pub fn of_group(group: &BillingGroup, before: NaiveDate) -> Option<Self> {
        let gravity = rules::gravity(group)?;
        Some(Self {
            gravity,
            names: vec![group.name.clone()],
            group: group.clone(),
            count: 1,
            before,
        })
    }

    /// Whether nothing is worse.
    pub fn is_gravest(&self) -> bool {
        self.gravity == Gravity::Restricted
    }

    /// The key of its button's text.
    pub fn button_key(&self) -> &'static str {
        match self.gravity {
            Gravity::Failed(_) => "btn-change",
            Gravity::Restricted | Gravity::LateFee => "btn-register",
        }
    }

    /// Its head.
    pub fn title(&self, t: &Texts) -> String {
        match self.gravity {
            Gravity::Restricted => t.text("banner-main-title").to_owned(),
            Gravity::Failed(_) if self.count > 1 => t
                .fill("banner-failed-title-many")
                .arg("n", self.count)
                .to_string(),
            Gravity::Failed(Failure::ChargeFailed) => t
                .fill("banner-charge-failed-title")
                .arg("g", &self.group.name)
                .to_string(),
            Gravity::Failed(Failure::KeyDeleted) => t
                .fill("banner-key-deleted-title")
                .arg("g", &self.group.name)
                .to_string(),
            Gravity::LateFee if self.count > 1 => t
                .fill("banner-sub-title-many")
                .arg("n", self.count)
                .to_string(),
            Gravity::LateFee => t
                .fill("banner-sub-title")
                .arg("g", &self.group.name)
                .to_string(),
        }
    }

    /// What it means and what to do.
    pub fn body(&self, t: &Texts) -> String {
        match self.gravity {
            Gravity::Restricted => t
                .fill("banner-main-body")
                .arg("g", &self.group.name)
                .to_string(),
            Gravity::Failed(_) if self.count > 1 => t
                .fill("banner-failed-body-many")
                .arg("groups", listed(t, &self.names, self.count))
                .arg("date", self.before)
                .to_string(),
            Gravity::Failed(_) => t
                .fill("banner-failed-body")
                .arg("g", &self.group.name)
                .arg("date", self.before)
                .to_string(),
            Gravity::LateFee if self.count > 1 => t
                .fill("banner-sub-body-many")
                .arg("groups", listed(t, &self.names, self.count))
                .arg("date", self.before)
                .to_string(),
            Gravity::LateFee => t
                .fill("banner-sub-body")
                .arg("g", &self.group.name)
                .arg("date", self.before)
                .to_string(),
        }
    }
}

/// `a, b, c and 7 more`.
pub(super) fn listed(t: &Texts, names: &[String], count: i64) -> String {
    let shown = names
        .iter()
        .take(NAMES_IN_BANNER)
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(", ");
    let more = count - i64::try_from(names.len().min(NAMES_IN_BANNER)).unwrap_or(0);
    if more > 0 {
        t.fill("names-and-more")
            .arg("names", shown)
            .arg("n", more)
            .to_string()
    } else {
        shown
    }
}
