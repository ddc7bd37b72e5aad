//! The rows of the tab.

use chrono::NaiveDateTime;
use diesel::{prelude::*, sql_types::Bool};

use super::{Account, Card, PaymentMethod, Registered, rules::Counts};
use crate::{
    access::{Administrator, store::groups_of_member},
    db::{
        AnyConnection, planned_once,
        schema::{billing_groups, payment_methods},
    },
    error::Error,
    gateway::{BillingKey, Brand, Expiry, Issuer, LastFour, Owner},
    groups::{BillingGroup, GroupRow, Status, search_name},
};

/// Which groups of the table are asked for.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Part of the name, in any case; empty for all.
    pub name: String,
    /// Only those that need registration.
    pub required_only: bool,
}

impl Filter {
    /// Whether it lets every group through.
    pub fn is_open(&self) -> bool {
        self.name.is_empty() && !self.required_only
    }
}

/// A group and how it pays.
pub type GroupAndMethod = (BillingGroup, Option<Registered>);

#[derive(Queryable, Selectable)]
#[diesel(table_name = payment_methods)]
pub(crate) struct MethodRow {
    card_issuer: Option<String>,
    card_owner: Option<String>,
    card_brand: Option<String>,
    card_last_four: Option<String>,
    card_expiry_year: Option<i32>,
    card_expiry_month: Option<i32>,
    billing_key: Option<String>,
    account_bank: Option<String>,
    account_last_four: Option<String>,
    modified_at: NaiveDateTime,
    modified_by: Option<String>,
}

impl MethodRow {
    /// `None` for a row that the table's checks should not have let in.
    pub(crate) fn registered(self) -> Option<Registered> {
        let method = match (self.billing_key, self.account_bank) {
            (Some(key), None) => PaymentMethod::Card(Card {
                issuer: Issuer::new(&self.card_issuer?),
                owner: Owner::parse(&self.card_owner?)?,
                brand: self.card_brand.as_deref().and_then(Brand::parse),
                last_four: LastFour::parse(&self.card_last_four?)?,
                expiry: Expiry {
                    year: self.card_expiry_year?,
                    month: u32::try_from(self.card_expiry_month?).ok()?,
                },
                key: BillingKey::new(key),
            }),
            (None, Some(bank)) => PaymentMethod::Account(Account {
                bank,
                last_four: LastFour::parse(&self.account_last_four?)?,
            }),
            _ => return None,
        };
        Some(Registered {
            method,
            modified_at: self.modified_at,
            modified_by: self.modified_by,
        })
    }
}

/// The groups that the administrator reaches (rule 3). One statement whoever it is, so that its plan is made once.
macro_rules! reachable {
    ($admin:expr) => {
        billing_groups::table
            .filter(billing_groups::organization_id.eq(&$admin.organization.id))
            .filter(
                ($admin.viewer.in_main_group.into_sql::<Bool>())
                    .or(billing_groups::id.eq_any(groups_of_member(&$admin.viewer.id))),
            )
    };
}

/// Those of them that the filter lets through: one statement whatever it is.
macro_rules! found {
    ($admin:expr, $filter:expr) => {
        reachable!($admin)
            .filter(
                ((!$filter.required_only).into_sql::<Bool>())
                    .or(billing_groups::needs_method.eq(true)),
            )
            .filter(
                ($filter.name.is_empty().into_sql::<Bool>()).or(billing_groups::search_name
                    .like(contains(&$filter.name))
                    .escape('\\')),
            )
    };
}

fn contains(name: &str) -> String {
    let escaped = search_name(name)
        .replace('\\', "\\\\")
        .replace('%', "\\%")
        .replace('_', "\\_");
    format!("%{escaped}%")
}

/// Groups in the table's order: main first, then those that need registration, then by name.
///
/// # Errors
/// What the database says.
pub fn groups_in_order(
    db: &mut AnyConnection,
    admin: Administrator,
    filter: &Filter,
    offset: i64,
    limit: i64,
) -> Result<Vec<GroupAndMethod>, Error> {
    let rows: Vec<(GroupRow, Option<MethodRow>)> = planned_once!(
        db,
        found!(admin, filter)
            .left_join(payment_methods::table)
            .select((GroupRow::as_select(), Option::<MethodRow>::as_select()))
            .order((
                billing_groups::class,
                billing_groups::needs_method.desc(),
                billing_groups::name,
                billing_groups::id,
            ))
            .offset(offset)
            .limit(limit),
        load
    )?;
    Ok(rows
        .into_iter()
        .map(|(group, method)| (group.into(), method.and_then(MethodRow::registered)))
        .collect())
}

/// How many of them stand how. All of them are counted in an index, without their rows.
///
/// # Errors
/// What the database says.
pub fn count(
    db: &mut AnyConnection,
    admin: Administrator,
    filter: &Filter,
) -> Result<Counts, Error> {
    macro_rules! by_status {
        ($groups:expr) => {
            planned_once!(
                db,
                $groups
                    .group_by(billing_groups::status)
                    .select((billing_groups::status, diesel::dsl::count_star())),
                load
            )?
        };
    }
    let rows: Vec<(String, i64)> = if filter.is_open() {
        by_status!(reachable!(admin))
    } else {
        by_status!(found!(admin, filter))
    };
    let mut counts = Counts::default();
    for (status, count) in rows {
        if let Some(status) = Status::parse(&status) {
            counts.add(status, count);
        }
    }
    Ok(counts)
}

/// The first `limit` groups whose payment method does not pay, those whose key is gone before the others, and how many
/// there are.
///
/// # Errors
/// What the database says.
pub fn failing(
    db: &mut AnyConnection,
    admin: Administrator,
    limit: i64,
) -> Result<(Vec<BillingGroup>, i64), Error> {
    let count: i64 = planned_once!(
        db,
        reachable!(admin)
            .filter(billing_groups::failure.is_not_null())
            .count(),
        get_result
    )?;
    if count == 0 {
        return Ok((Vec::new(), 0));
    }
    let rows: Vec<GroupRow> = reachable!(admin)
        .filter(billing_groups::failure.is_not_null())
        .select(GroupRow::as_select())
        .order((
            billing_groups::failure.desc(),
            billing_groups::class,
            billing_groups::name,
            billing_groups::id,
        ))
        .limit(limit)
        .load(db)?;
    Ok((rows.into_iter().map(BillingGroup::from).collect(), count))
}

/// A group's payment method.
///
/// # Errors
/// What the database says.
pub fn registered(db: &mut AnyConnection, group_id: &str) -> Result<Option<Registered>, Error> {
    let row = payment_methods::table
        .find(group_id)
        .select(MethodRow::as_select())
        .first(db)
        .optional()?;
    Ok(row.and_then(MethodRow::registered))
}

/// Compares and sets a group's version: the first statement of the transaction that changes its
/// payment method (rule 10). Whether the version still held.
///
/// # Errors
/// What the database says.
pub fn claim_version(db: &mut AnyConnection, group_id: &str, version: i64) -> Result<bool, Error> {
    let claimed = diesel::update(billing_groups::table.find(group_id))
        .filter(billing_groups::version.eq(version))
        .set(billing_groups::version.eq(version + 1))
        .execute(db)?;
    Ok(claimed == 1)
}

/// Sets a group's payment method: the old one's information is deleted, the new one written (rule 10).
/// Gives the old one's billing key, which is to be revoked.
///
/// # Errors
/// What the database says.
pub fn replace(
    db: &mut AnyConnection,
    group_id: &str,
    method: &PaymentMethod,
    by: Option<&str>,
    now: NaiveDateTime,
) -> Result<Option<BillingKey>, Error> {
    let old = registered(db, group_id)?.and_then(|old| old.card().map(|card| card.key.clone()));
    diesel::delete(payment_methods::table.find(group_id)).execute(db)?;
    let status = match method {
        PaymentMethod::Card(card) => {
            diesel::insert_into(payment_methods::table)
                .values((
                    payment_methods::group_id.eq(group_id),
                    payment_methods::kind.eq("credit_card"),
                    payment_methods::card_issuer.eq(card.issuer.code()),
                    payment_methods::card_owner.eq(card.owner.as_str()),
                    payment_methods::card_brand.eq(card.brand.map(Brand::as_str)),
                    payment_methods::card_last_four.eq(card.last_four.as_str()),
                    payment_methods::card_expiry_year.eq(card.expiry.year),
                    payment_methods::card_expiry_month
                        .eq(i32::try_from(card.expiry.month).unwrap_or(0)),
                    payment_methods::billing_key.eq(card.key.as_str()),
                    payment_methods::modified_at.eq(now),
                    payment_methods::modified_by.eq(by),
                ))
                .execute(db)?;
            Status::Card
        }
        PaymentMethod::Account(account) => {
            diesel::insert_into(payment_methods::table)
                .values((
                    payment_methods::group_id.eq(group_id),
                    payment_methods::kind.eq("dedicated_account"),
                    payment_methods::account_bank.eq(&account.bank),
                    payment_methods::account_last_four.eq(account.last_four.as_str()),
                    payment_methods::modified_at.eq(now),
                    payment_methods::modified_by.eq(by),
                ))
                .execute(db)?;
            Status::Account
        }
    };
    diesel::update(billing_groups::table.find(group_id))
        .set((
            billing_groups::status.eq(status.as_str()),
            billing_groups::failure.eq(None::<&str>),
        ))
        .execute(db)?;
    Ok(old)
}
