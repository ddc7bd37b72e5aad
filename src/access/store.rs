//! The rows behind access: users, sessions, who reaches which group.

use chrono::{NaiveDateTime, TimeDelta};
use diesel::prelude::*;

use super::{Administrator, Organization, Role, Viewer, mask_email};
use crate::{
    db::{
        AnyConnection, planned_once,
        schema::{billing_groups, group_members, organizations, sessions, users},
    },
    error::Error,
    groups::{BillingGroup, Class, GroupRow},
    web::session::{ABSOLUTE_HOURS, IDLE_MINUTES},
};

/// Which sessions are alive at `now`: used within 15 minutes, begun within 8 hours.
fn alive_since(now: NaiveDateTime) -> (NaiveDateTime, NaiveDateTime) {
    (
        now - TimeDelta::minutes(IDLE_MINUTES),
        now - TimeDelta::hours(ABSOLUTE_HOURS),
    )
}

/// Notes that a session is in use.
///
/// # Errors
/// [`Error::SignedOut`] when the session is not there or not alive.
pub fn touch(db: &mut AnyConnection, key_hash: &str, now: NaiveDateTime) -> Result<(), Error> {
    let (idle, absolute) = alive_since(now);
    let touched = diesel::update(sessions::table.find(key_hash))
        .filter(sessions::last_seen.gt(idle))
        .filter(sessions::created_at.gt(absolute))
        .set(sessions::last_seen.eq(now))
        .execute(db)?;
    if touched == 1 {
        Ok(())
    } else {
        Err(Error::SignedOut)
    }
}

/// Who the session belongs to: session, user, organization and main-group membership in one query (rule 4).
///
/// # Errors
/// [`Error::SignedOut`] when the session is not alive or its user is disabled.
pub fn viewer(db: &mut AnyConnection, key_hash: &str, now: NaiveDateTime) -> Result<Viewer, Error> {
    type Row = (
        (String, String, String, String),
        Option<(String, String, String)>,
        Option<String>,
        NaiveDateTime,
    );
    let (idle, absolute) = alive_since(now);
    let row: Result<Row, _> = planned_once!(
        db,
        sessions::table
            .inner_join(users::table.left_join(organizations::table))
            .left_join(
                billing_groups::table.on(billing_groups::organization_id
                    .nullable()
                    .eq(users::organization_id)
                    .and(billing_groups::class.eq(Class::Main.as_str()))),
            )
            .left_join(
                group_members::table.on(group_members::group_id
                    .nullable()
                    .eq(billing_groups::id.nullable())
                    .and(group_members::user_id.eq(users::id))),
            )
            .filter(sessions::key_hash.eq(key_hash))
            .filter(sessions::last_seen.gt(idle))
            .filter(sessions::created_at.gt(absolute))
            .filter(users::disabled_at.is_null())
            .select((
                (users::id, users::name, users::email, users::role),
                (
                    organizations::id,
                    organizations::name,
                    organizations::member_type,
                )
                    .nullable(),
                group_members::group_id.nullable(),
                sessions::last_seen,
            )),
        first
    );
    let ((id, name, email, role), organization, main_member, last_seen) =
        row.optional()?.ok_or(Error::SignedOut)?;
    let mut viewer = Viewer {
        id,
        name,
        email,
        role: Role::parse(&role).unwrap_or(Role::None),
        organization: organization.map(|(id, name, member_type)| Organization {
            id,
            name,
            member_type,
        }),
        in_main_group: main_member.is_some(),
        whom_to_ask: Vec::new(),
        last_seen,
    };
    if viewer.role != Role::BillingAdministrator {
        viewer.whom_to_ask = whom_to_ask(db, &viewer)?;
    }
    Ok(viewer)
}

/// Up to three billing administrators of the viewer's organization, masked.
///
/// # Errors
/// What the database says.
pub fn whom_to_ask(db: &mut AnyConnection, viewer: &Viewer) -> Result<Vec<String>, Error> {
    let Some(organization) = &viewer.organization else {
        return Ok(Vec::new());
    };
    let addresses: Vec<String> = users::table
        .filter(users::organization_id.eq(&organization.id))
        .filter(users::role.eq(Role::BillingAdministrator.as_str()))
        .filter(users::disabled_at.is_null())
        .filter(users::id.ne(&viewer.id))
        .order(users::email)
        .limit(3)
        .select(users::email)
        .load(db)?;
    Ok(addresses
        .iter()
        .map(|address| mask_email(address))
        .collect())
}

/// The group, if the administrator reaches it (rule 3).
///
/// # Errors
/// [`Error::NotFound`], the same for a group of someone else and for one that is not there.
pub fn reachable_group(
    db: &mut AnyConnection,
    admin: Administrator,
    group_id: &str,
) -> Result<BillingGroup, Error> {
    let mut query = billing_groups::table
        .filter(billing_groups::id.eq(group_id))
        .filter(billing_groups::organization_id.eq(&admin.organization.id))
        .select(GroupRow::as_select())
        .into_boxed();
    if !admin.viewer.in_main_group {
        query = query.filter(billing_groups::id.eq_any(groups_of_member(&admin.viewer.id)));
    }
    query
        .first(db)
        .optional()?
        .map(BillingGroup::from)
        .ok_or(Error::NotFound)
}

/// The ids of the groups a user is a member of.
#[diesel::dsl::auto_type(no_type_alias)]
pub fn groups_of_member<'a>(user_id: &'a str) -> _ {
    group_members::table
        .filter(group_members::user_id.eq(user_id))
        .select(group_members::group_id)
}

/// What sign-in needs of a user: id, password hash. None when there is no such user or they are disabled.
///
/// # Errors
/// What the database says.
pub fn credentials(db: &mut AnyConnection, email: &str) -> Result<Option<(String, String)>, Error> {
    let row: Option<(String, Option<String>)> = users::table
        .filter(users::email.eq(email))
        .filter(users::disabled_at.is_null())
        .select((users::id, users::password_hash))
        .first(db)
        .optional()?;
    Ok(row.and_then(|(id, hash)| Some((id, hash?))))
}

/// The organization of a user, for the audit trail; none for staff and unknown users.
///
/// # Errors
/// What the database says.
pub fn organization_of(db: &mut AnyConnection, user_id: &str) -> Result<Option<String>, Error> {
    Ok(users::table
        .find(user_id)
        .select(users::organization_id)
        .first::<Option<String>>(db)
        .optional()?
        .flatten())
}

/// Ends a session.
///
/// # Errors
/// What the database says.
pub fn end_session(db: &mut AnyConnection, key_hash: &str) -> Result<(), Error> {
    diesel::delete(sessions::table.find(key_hash)).execute(db)?;
    Ok(())
}

/// Removes sessions that ended.
///
/// # Errors
/// What the database says.
pub fn remove_ended_sessions(db: &mut AnyConnection, now: NaiveDateTime) -> Result<usize, Error> {
    let (idle, absolute) = alive_since(now);
    Ok(diesel::delete(sessions::table)
        .filter(
            sessions::last_seen
                .le(idle)
                .or(sessions::created_at.le(absolute)),
        )
        .execute(db)?)
}

/// A user's name.
///
/// # Errors
/// What the database says.
pub fn name_of(db: &mut AnyConnection, user_id: &str) -> Result<Option<String>, Error> {
    Ok(users::table
        .find(user_id)
        .select(users::name)
        .first(db)
        .optional()?)
}

/// Whether a user may change a group's payment method at this moment: role and membership are read
/// again inside the transaction that commits (rule 4). Their rows are taken, so that whoever takes the right away has
/// done so or waits for the commit.
///
/// # Errors
/// What the database says.
pub fn may_change(db: &mut AnyConnection, user_id: &str, group_id: &str) -> Result<bool, Error> {
    let administrators = users::table
        .filter(users::id.eq(user_id))
        .filter(users::role.eq(Role::BillingAdministrator.as_str()))
        .filter(users::disabled_at.is_null());
    let held = diesel::update(administrators)
        .set(users::role.eq(users::role))
        .execute(db)?;
    let organization: Option<String> = users::table
        .find(user_id)
        .select(users::organization_id)
        .first::<Option<String>>(db)
        .optional()?
        .flatten();
    let Some(organization) = organization.filter(|_| held == 1) else {
        return Ok(false);
    };
    let is_theirs: i64 = billing_groups::table
        .filter(billing_groups::id.eq(group_id))
        .filter(billing_groups::organization_id.eq(&organization))
        .count()
        .get_result(db)?;
    let reached_by = billing_groups::table
        .filter(billing_groups::organization_id.eq(&organization))
        .filter(
            billing_groups::class
                .eq(Class::Main.as_str())
                .or(billing_groups::id.eq(group_id)),
        )
        .select(billing_groups::id);
    let memberships = group_members::table
        .filter(group_members::user_id.eq(user_id))
        .filter(group_members::group_id.eq_any(reached_by));
    let memberships = diesel::update(memberships)
        .set(group_members::user_id.eq(user_id))
        .execute(db)?;
    Ok(is_theirs == 1 && memberships > 0)
}

#[cfg(test)]
mod tests;
