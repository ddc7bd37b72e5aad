//! The rows behind the support preview. Nothing here changes anything but the audit trail.

use chrono::NaiveDateTime;
use diesel::{declare_sql_function, prelude::*};

use crate::{
    access::{Role, mask_email},
    db::{
        AnyConnection,
        schema::{
            billing_groups, card_attempts, group_members, organizations, payment_methods,
            registrations, users,
        },
    },
    error::Error,
    groups::{BillingGroup, GroupRow, search_name},
    payment_methods::{Registered, store::MethodRow},
};

/// Groups that a search shows at most.
pub const MOST_FOUND: i64 = 50;
/// Attempts that a preview shows at most.
const MOST_ATTEMPTS: i64 = 10;

/// A group that a search found.
pub struct Found {
    /// The group.
    pub group: BillingGroup,
    /// Its organization's name.
    pub organization: String,
}

#[declare_sql_function]
extern "SQL" {
    /// Folds ASCII in both databases: an id has no other letters.
    #[sql_name = "lower"]
    fn lower_of(text: diesel::sql_types::Text) -> diesel::sql_types::Text;
}

/// Groups whose name, organization or id holds `text`, by organization and in the table's order.
///
/// # Errors
/// What the database says.
pub fn search(db: &mut AnyConnection, text: &str) -> Result<Vec<Found>, Error> {
    let escaped = |text: &str| {
        text.replace('\\', "\\\\")
            .replace('%', "\\%")
            .replace('_', "\\_")
    };
    let lower = format!("%{}%", escaped(&search_name(text)));
    let rows: Vec<(GroupRow, String)> = billing_groups::table
        .inner_join(organizations::table)
        .filter(
            billing_groups::search_name
                .like(&lower)
                .escape('\\')
                .or(organizations::search_name.like(&lower).escape('\\'))
                .or(lower_of(organizations::id).like(&lower).escape('\\'))
                .or(lower_of(billing_groups::id).like(&lower).escape('\\')),
        )
        .order((
            organizations::name,
            organizations::id,
            billing_groups::class,
            billing_groups::needs_method.desc(),
            billing_groups::name,
        ))
        .limit(MOST_FOUND + 1)
        .select((GroupRow::as_select(), organizations::name))
        .load(db)?;
    Ok(rows
        .into_iter()
        .map(|(group, organization)| Found {
            group: group.into(),
            organization,
        })
        .collect())
}

/// A group as the preview shows it.
pub struct Preview {
    /// The group.
    pub group: BillingGroup,
    /// How it pays.
    pub registered: Option<Registered>,
    /// Its organization's name.
    pub organization: String,
    /// Its organization's member type.
    pub member_type: String,
    /// How many groups the organization has.
    pub groups: i64,
    /// Billing administrators who reach it, masked.
    pub administrators: Vec<String>,
    /// The last runs and attempts, the newest first.
    pub events: Vec<Event>,
}

/// Something that a customer tried.
pub struct Event {
    /// UTC.
    pub at: NaiveDateTime,
    /// What a person quotes.
    pub reference: String,
    /// What.
    pub what: What,
}

/// What a customer tried.
pub enum What {
    /// A card; with its refusal or its state.
    Card(String),
    /// A run that has no card yet: its id and its state.
    Run(String, String),
}

/// A group for the preview.
///
/// # Errors
/// [`Error::NotFound`]
pub fn preview(db: &mut AnyConnection, group_id: &str) -> Result<Preview, Error> {
    let row: Option<(GroupRow, Option<MethodRow>, (String, String))> = billing_groups::table
        .left_join(payment_methods::table)
        .inner_join(organizations::table)
        .filter(billing_groups::id.eq(group_id))
        .select((
            GroupRow::as_select(),
            Option::<MethodRow>::as_select(),
            (organizations::name, organizations::member_type),
        ))
        .first(db)
        .optional()?;
    let (group, method, (organization, member_type)) = row.ok_or(Error::NotFound)?;
    let group = BillingGroup::from(group);
    let groups = billing_groups::table
        .filter(billing_groups::organization_id.eq(&group.organization_id))
        .count()
        .get_result(db)?;
    Ok(Preview {
        registered: method.and_then(MethodRow::registered),
        administrators: administrators(db, &group)?,
        events: events(db, &group.id)?,
        organization,
        member_type,
        groups,
        group,
    })
}

/// Rule 3, from the group's side: members of it and of the main group.
fn administrators(db: &mut AnyConnection, group: &BillingGroup) -> Result<Vec<String>, Error> {
    let addresses: Vec<String> = users::table
        .inner_join(group_members::table.inner_join(billing_groups::table))
        .filter(users::role.eq(Role::BillingAdministrator.as_str()))
        .filter(users::disabled_at.is_null())
        .filter(users::organization_id.eq(&group.organization_id))
        .filter(billing_groups::organization_id.eq(&group.organization_id))
        .filter(
            billing_groups::class
                .eq("main")
                .or(billing_groups::id.eq(&group.id)),
        )
        .select(users::email)
        .distinct()
        .order(users::email)
        .load(db)?;
    Ok(addresses
        .iter()
        .map(|address| mask_email(address))
        .collect())
}

fn events(db: &mut AnyConnection, group_id: &str) -> Result<Vec<Event>, Error> {
    let cards: Vec<(NaiveDateTime, String, String, Option<String>)> = card_attempts::table
        .filter(card_attempts::group_id.eq(group_id))
        .order(card_attempts::created_at.desc())
        .limit(MOST_ATTEMPTS)
        .select((
            card_attempts::created_at,
            card_attempts::reference,
            card_attempts::state,
            card_attempts::refusal,
        ))
        .load(db)?;
    let tried = card_attempts::table
        .filter(card_attempts::group_id.eq(group_id))
        .select(card_attempts::registration_id);
    let runs: Vec<(NaiveDateTime, String, String, String)> = registrations::table
        .filter(registrations::group_id.eq(group_id))
        .filter(registrations::id.ne_all(tried))
        .order(registrations::created_at.desc())
        .limit(MOST_ATTEMPTS)
        .select((
            registrations::created_at,
            registrations::reference,
            registrations::id,
            registrations::state,
        ))
        .load(db)?;
    let cards = cards
        .into_iter()
        .map(|(at, reference, state, refusal)| Event {
            at,
            reference,
            what: What::Card(refusal.unwrap_or(state)),
        });
    let runs = runs.into_iter().map(|(at, reference, id, state)| Event {
        at,
        reference,
        what: What::Run(id, state),
    });
    let mut events: Vec<Event> = cards.chain(runs).collect();
    events.sort_by_key(|event| std::cmp::Reverse(event.at));
    events.truncate(usize::try_from(MOST_ATTEMPTS).unwrap_or(0));
    Ok(events)
}

/// The organization of a group, for the audit row of a view.
///
/// # Errors
/// [`Error::NotFound`]
pub fn organization_of(db: &mut AnyConnection, group_id: &str) -> Result<String, Error> {
    billing_groups::table
        .find(group_id)
        .select(billing_groups::organization_id)
        .first(db)
        .optional()?
        .ok_or(Error::NotFound)
}
