//! Writes a document: update, else insert, row by row, in one transaction.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::{Document, Group, Member, Organization};
use crate::{
    audit,
    db::{
        AnyConnection,
        schema::{billing_groups, console_facts, group_members, organizations, users},
    },
    error::Error,
    groups::{Class, search_name},
    web::Lang,
};

/// How many rows an import made and changed.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Changes {
    /// New rows.
    pub made: usize,
    /// Changed rows.
    pub changed: usize,
}

/// Writes the document, inside the caller's transaction.
///
/// # Errors
/// Every fault, each in one line with its place; then the caller rolls back.
pub fn apply(
    db: &mut AnyConnection,
    document: &Document,
    now: NaiveDateTime,
) -> Result<Result<Changes, Vec<String>>, Error> {
    // Two imports take turns.
    diesel::update(console_facts::table.find("import"))
        .set(console_facts::value.eq(""))
        .execute(db)?;
    let mut changes = Changes::default();
    let mut faults = Vec::new();
    let mut roles = Vec::new();
    for (_, organization) in &document.organizations {
        write_organization(db, organization, now, &mut changes)?;
    }
    for (place, group) in &document.groups {
        if let Some(fault) = write_group(db, group, now, &mut changes)? {
            faults.push(format!("{place}: {fault}"));
        }
    }
    for (place, member) in &document.members {
        for fault in write_member(db, member, now, &mut changes, &mut roles)? {
            faults.push(format!("{place}: {fault}"));
        }
    }
    for (place, organization) in &document.organizations {
        if let Some(fault) = count_groups(db, &organization.id)? {
            faults.push(format!("{place}: {fault}"));
        }
    }
    if !faults.is_empty() {
        return Ok(Err(faults));
    }
    note(db, now, changes, roles)?;
    Ok(Ok(changes))
}

/// A role that the document changed.
struct RoleSet<'d> {
    member: &'d Member,
    id: String,
    old: String,
}

/// Writes the trails, last and in one order: who holds one must wait for nothing but the next.
fn note(
    db: &mut AnyConnection,
    now: NaiveDateTime,
    changes: Changes,
    mut roles: Vec<RoleSet>,
) -> Result<(), Error> {
    if changes != Changes::default() {
        let entry = audit::Entry::new(audit::CONSOLE, "operator", "import", "file")
            .detail("made", changes.made)
            .detail("changed", changes.changed);
        audit::append(db, now, &entry)?;
    }
    roles.sort_by_key(|set| &set.member.organization);
    for RoleSet { member, id, old } in roles {
        let entry = audit::Entry::new(&member.organization, "operator", "user.role_set", &id)
            .detail("old", old)
            .detail("new", member.role.as_str());
        audit::append(db, now, &entry)?;
    }
    Ok(())
}

fn write_organization(
    db: &mut AnyConnection,
    organization: &Organization,
    now: NaiveDateTime,
    changes: &mut Changes,
) -> Result<(), Error> {
    let row = organizations::table.find(&organization.id);
    let known: Option<(String, String, i32)> = row
        .select((
            organizations::name,
            organizations::member_type,
            organizations::max_sub_groups,
        ))
        .first(db)
        .optional()?;
    let most = organization
        .max_sub_groups
        .unwrap_or(known.as_ref().map_or(30, |(_, _, most)| *most));
    let member_type = organization
        .member_type
        .clone()
        .or(known
            .as_ref()
            .map(|(_, member_type, _)| member_type.clone()))
        .unwrap_or_else(|| "business".into());
    let wanted = (organization.name.clone(), member_type.clone(), most);
    match known {
        None => {
            diesel::insert_into(organizations::table)
                .values((
                    organizations::id.eq(&organization.id),
                    organizations::name.eq(&organization.name),
                    organizations::search_name.eq(search_name(&organization.name)),
                    organizations::member_type.eq(&member_type),
                    organizations::max_sub_groups.eq(most),
                    organizations::created_at.eq(now),
                ))
                .execute(db)?;
            changes.made += 1;
        }
        Some(known) if known == wanted => {}
        Some(_) => {
            diesel::update(row)
                .set((
                    organizations::name.eq(&organization.name),
                    organizations::search_name.eq(search_name(&organization.name)),
                    organizations::member_type.eq(&member_type),
                    organizations::max_sub_groups.eq(most),
                ))
                .execute(db)?;
            changes.changed += 1;
        }
    }
    Ok(())
}

fn write_group(
    db: &mut AnyConnection,
    group: &Group,
    now: NaiveDateTime,
    changes: &mut Changes,
) -> Result<Option<String>, Error> {
    let row = billing_groups::table.find(&group.id);
    let known: Option<(String, String, String)> = row
        .select((
            billing_groups::organization_id,
            billing_groups::name,
            billing_groups::class,
        ))
        .first(db)
        .optional()?;
    match known {
        None => {
            if group.class == Class::Main && has_main(db, &group.organization)? {
                return Ok(Some("the organization has a main group already".into()));
            }
            diesel::insert_into(billing_groups::table)
                .values((
                    billing_groups::id.eq(&group.id),
                    billing_groups::organization_id.eq(&group.organization),
                    billing_groups::name.eq(&group.name),
                    billing_groups::search_name.eq(search_name(&group.name)),
                    billing_groups::class.eq(group.class.as_str()),
                    billing_groups::created_at.eq(now),
                ))
                .execute(db)?;
            changes.made += 1;
        }
        Some((organization, ..)) if organization != group.organization => {
            return Ok(Some(format!(
                "the group {:?} belongs to another organization",
                group.id
            )));
        }
        Some((_, _, class)) if class != group.class.as_str() => {
            return Ok(Some(format!(
                "the group {:?} is {class}: a class is not changed",
                group.id
            )));
        }
        Some((_, name, _)) if name == group.name => {}
        Some(_) => {
            diesel::update(row)
                .set((
                    billing_groups::name.eq(&group.name),
                    billing_groups::search_name.eq(search_name(&group.name)),
                ))
                .execute(db)?;
            changes.changed += 1;
        }
    }
    Ok(None)
}

fn has_main(db: &mut AnyConnection, organization: &str) -> Result<bool, Error> {
    let mains: i64 = billing_groups::table
        .filter(billing_groups::organization_id.eq(organization))
        .filter(billing_groups::class.eq(Class::Main.as_str()))
        .count()
        .get_result(db)?;
    Ok(mains > 0)
}

fn write_member<'d>(
    db: &mut AnyConnection,
    member: &'d Member,
    now: NaiveDateTime,
    changes: &mut Changes,
    roles: &mut Vec<RoleSet<'d>>,
) -> Result<Vec<String>, Error> {
    match write_user(db, member, now, changes, roles)? {
        Ok(id) => join_groups(db, &id, member, changes),
        Err(fault) => Ok(vec![fault]),
    }
}

/// The user's id, or why they cannot be written.
fn write_user<'d>(
    db: &mut AnyConnection,
    member: &'d Member,
    now: NaiveDateTime,
    changes: &mut Changes,
    roles: &mut Vec<RoleSet<'d>>,
) -> Result<Result<String, String>, Error> {
    type Known = (String, Option<String>, String, String, Option<String>);
    let known: Option<Known> = users::table
        .filter(users::email.eq(&member.email))
        .select((
            users::id,
            users::organization_id,
            users::name,
            users::role,
            users::language,
        ))
        .first(db)
        .optional()?;
    let language = member.language.map(Lang::code);
    let Some((id, organization, name, old, spoken)) = known else {
        let id = uuid::Uuid::now_v7().to_string();
        diesel::insert_into(users::table)
            .values((
                users::id.eq(&id),
                users::organization_id.eq(&member.organization),
                users::email.eq(&member.email),
                users::name.eq(&member.name),
                users::role.eq(member.role.as_str()),
                users::language.eq(language),
                users::created_at.eq(now),
            ))
            .execute(db)?;
        changes.made += 1;
        return Ok(Ok(id));
    };
    if organization.as_deref() != Some(&member.organization) {
        let fault = "the e-mail address belongs to a user of another organization";
        return Ok(Err(fault.into()));
    }
    let spoken_wanted = language.map(str::to_owned).or(spoken.clone());
    if (&name, old.as_str(), &spoken) != (&member.name, member.role.as_str(), &spoken_wanted) {
        diesel::update(users::table.find(&id))
            .set((
                users::name.eq(&member.name),
                users::role.eq(member.role.as_str()),
                users::language.eq(spoken_wanted),
            ))
            .execute(db)?;
        changes.changed += 1;
    }
    if old != member.role.as_str() {
        roles.push(RoleSet {
            member,
            id: id.clone(),
            old,
        });
    }
    Ok(Ok(id))
}

/// Every group that is not the organization's, in a line each.
fn join_groups(
    db: &mut AnyConnection,
    id: &str,
    member: &Member,
    changes: &mut Changes,
) -> Result<Vec<String>, Error> {
    let mut faults = Vec::new();
    for group in &member.groups {
        let is_theirs: i64 = billing_groups::table
            .filter(billing_groups::id.eq(group))
            .filter(billing_groups::organization_id.eq(&member.organization))
            .count()
            .get_result(db)?;
        if is_theirs == 0 {
            faults.push(format!("the organization has no group {group:?}"));
            continue;
        }
        let membership = group_members::table.find((id, group));
        if membership.count().get_result::<i64>(db)? == 0 {
            diesel::insert_into(group_members::table)
                .values((
                    group_members::user_id.eq(id),
                    group_members::group_id.eq(group),
                ))
                .execute(db)?;
            changes.made += 1;
        }
    }
    Ok(faults)
}

/// Rule 5: one main group, and at most the organization's number of sub-groups.
fn count_groups(db: &mut AnyConnection, organization: &str) -> Result<Option<String>, Error> {
    let most: i32 = organizations::table
        .find(organization)
        .select(organizations::max_sub_groups)
        .first(db)?;
    let subs: i64 = billing_groups::table
        .filter(billing_groups::organization_id.eq(organization))
        .filter(billing_groups::class.eq(Class::Sub.as_str()))
        .count()
        .get_result(db)?;
    if subs > i64::from(most) {
        return Ok(Some(format!(
            "{subs} sub-groups, but the organization may have {most}: raise max_sub_groups"
        )));
    }
    let is_headless = subs > 0 && !has_main(db, organization)?;
    Ok(is_headless.then(|| "the organization has no main group".into()))
}
