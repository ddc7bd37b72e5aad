//! `user …`: local accounts. A password comes from a prompt or standard input, never an argument.

use std::io::{BufRead, IsTerminal};

use chrono::NaiveDateTime;
use clap::Subcommand;
use diesel::prelude::*;
use validator::ValidateEmail;
use zeroize::Zeroizing;

use super::{Failure, open_existing};
use crate::{
    access::{Role, password},
    audit,
    clock::{Clock, SystemClock},
    db::{
        AnyConnection,
        schema::{group_members, organizations, sessions, users},
    },
    error::Error,
    import::{LONGEST_NAME, is_name},
    settings::DatabaseFlag,
};

/// What is done to local accounts.
#[derive(Debug, Subcommand)]
pub(super) enum UserCommand {
    /// Adds a user; asks for the password
    Add {
        /// E-mail address
        email: String,
        /// The person's name
        #[arg(long)]
        name: String,
        /// billing_administrator, billing_manager, billing_viewer, support or none
        #[arg(long)]
        role: String,
        /// The organization's id; support staff have none
        #[arg(long)]
        organization: Option<String>,
    },
    /// Lists all users
    List,
    /// Disables a user and ends their sessions
    Disable {
        /// E-mail address
        email: String,
    },
    /// Gives a user another role; acts on their next request
    SetRole {
        /// E-mail address
        email: String,
        /// The role
        role: String,
    },
    /// Gives a user another password and ends their sessions
    SetPassword {
        /// E-mail address
        email: String,
    },
}

pub(super) fn run(command: UserCommand, database: &DatabaseFlag) -> Result<(), Failure> {
    let db = open_existing(database)?;
    let now = SystemClock::default().now();
    let done = match command {
        UserCommand::Add {
            email,
            name,
            role,
            organization,
        } => {
            let email = checked_email(&email)?;
            let role = checked_role(&role)?;
            if !is_name(&name) {
                return Err(Failure::Misused(format!(
                    "--name takes the person's name, 1 to {LONGEST_NAME} characters"
                )));
            }
            if (role == Role::Support) != organization.is_none() {
                return Err(Failure::Misused(
                    "support staff have no --organization, everybody else has one".into(),
                ));
            }
            let hash = new_password()?;
            db.write(|db| add(db, &email, &name, role, organization.as_deref(), &hash, now))
        }
        UserCommand::List => db.snapshot(list),
        UserCommand::Disable { email } => db.write(|db| {
            change(db, &email, "user.disabled", now, |db, id| {
                diesel::update(users::table.find(id))
                    .set(users::disabled_at.eq(now))
                    .execute(db)
            })
        }),
        UserCommand::SetRole { email, role } => {
            let role = checked_role(&role)?;
            db.write(|db| set_role(db, &email, role, now))
        }
        UserCommand::SetPassword { email } => {
            let hash = new_password()?;
            db.write(|db| {
                change(db, &email, "user.password_set", now, |db, id| {
                    diesel::update(users::table.find(id))
                        .set(users::password_hash.eq(&hash))
                        .execute(db)
                })
            })
        }
    };
    done.map_err(|error| match error {
        Error::NotFound => {
            Failure::Failed("no such user or organization: `user list` and `import` tell".into())
        }
        other => Failure::Failed(other.to_string()),
    })
}

fn checked_email(email: &str) -> Result<String, Failure> {
    let email = email.trim().to_lowercase();
    if email.validate_email() {
        Ok(email)
    } else {
        Err(Failure::Misused("that is no e-mail address".into()))
    }
}

fn checked_role(role: &str) -> Result<Role, Failure> {
    Role::parse(role).ok_or_else(|| {
        let roles: Vec<&str> = Role::ALL.into_iter().map(Role::as_str).collect();
        Failure::Misused(format!("the role is one of {}", roles.join(", ")))
    })
}

/// A password from the terminal, or the first line of standard input; its hash.
fn new_password() -> Result<String, Failure> {
    let cannot = |e: std::io::Error| Failure::Failed(format!("cannot read the password: {e}"));
    let typed = if std::io::stdin().is_terminal() {
        Zeroizing::new(rpassword::prompt_password("Password: ").map_err(cannot)?)
    } else {
        let mut line = Zeroizing::new(String::new());
        std::io::stdin()
            .lock()
            .read_line(&mut line)
            .map_err(cannot)?;
        Zeroizing::new(line.trim_end_matches(['\r', '\n']).to_owned())
    };
    if typed.chars().count() < password::SHORTEST || typed.len() > password::LONGEST {
        return Err(Failure::Misused(format!(
            "a password has {} to {} characters",
            password::SHORTEST,
            password::LONGEST
        )));
    }
    password::hash(&typed).map_err(Failure::Failed)
}

fn add(
    db: &mut AnyConnection,
    email: &str,
    name: &str,
    role: Role,
    organization: Option<&str>,
    hash: &str,
    now: NaiveDateTime,
) -> Result<(), Error> {
    if let Some(organization) = organization {
        let known: i64 = organizations::table
            .find(organization)
            .count()
            .get_result(db)?;
        if known == 0 {
            return Err(Error::NotFound);
        }
    }
    let id = uuid::Uuid::now_v7().to_string();
    let made = diesel::insert_into(users::table)
        .values((
            users::id.eq(&id),
            users::organization_id.eq(organization),
            users::email.eq(email),
            users::name.eq(name),
            users::role.eq(role.as_str()),
            users::password_hash.eq(hash),
            users::created_at.eq(now),
        ))
        .execute(db);
    match made {
        Err(error) if crate::error::is_taken(&error) => {
            return Err(Error::Internal(
                "the e-mail address has an account already".into(),
            ));
        }
        other => other?,
    };
    let entry = audit::Entry::new(
        organization.unwrap_or(audit::CONSOLE),
        "operator",
        "user.added",
        &id,
    )
    .detail("role", role.as_str());
    audit::append(db, now, &entry)
}

fn list(db: &mut AnyConnection) -> Result<(), Error> {
    type Row = (String, String, Option<String>, Option<NaiveDateTime>);
    let rows: Vec<Row> = users::table
        .order(users::email)
        .select((
            users::email,
            users::role,
            users::organization_id,
            users::disabled_at,
        ))
        .load(db)?;
    for (email, role, organization, disabled_at) in rows {
        let disabled = if disabled_at.is_some() {
            "\tdisabled"
        } else {
            ""
        };
        println!(
            "{email}\t{role}\t{}{disabled}",
            organization.as_deref().unwrap_or("-")
        );
    }
    Ok(())
}

fn set_role(
    db: &mut AnyConnection,
    email: &str,
    role: Role,
    now: NaiveDateTime,
) -> Result<(), Error> {
    let email = email.trim().to_lowercase();
    hold(db, &email)?;
    let (id, organization, old): (String, Option<String>, String) = users::table
        .filter(users::email.eq(email))
        .select((users::id, users::organization_id, users::role))
        .first(db)
        .optional()?
        .ok_or(Error::NotFound)?;
    let memberships: i64 = group_members::table
        .filter(group_members::user_id.eq(&id))
        .count()
        .get_result(db)?;
    // Rule 1: staff have no organization, the other roles are roles in one.
    let misfit = match role {
        Role::Support if organization.is_some() || memberships > 0 => Some(
            "they belong to an organization, which staff do not: add another account with `user add --role support`",
        ),
        Role::BillingAdministrator | Role::BillingManager | Role::BillingViewer
            if organization.is_none() =>
        {
            Some(
                "they belong to no organization: add another account with `user add --organization`",
            )
        }
        _ => None,
    };
    if let Some(misfit) = misfit {
        return Err(Error::Internal(misfit.into()));
    }
    diesel::update(users::table.find(&id))
        .set(users::role.eq(role.as_str()))
        .execute(db)?;
    let chain = organization.as_deref().unwrap_or(audit::CONSOLE);
    let entry = audit::Entry::new(chain, "operator", "user.role_set", &id)
        .detail("old", old)
        .detail("new", role.as_str());
    audit::append(db, now, &entry)
}

/// Takes a user's row before it is read: what is read then is what the last writer left.
fn hold(db: &mut AnyConnection, email: &str) -> Result<(), Error> {
    diesel::update(users::table.filter(users::email.eq(email)))
        .set(users::role.eq(users::role))
        .execute(db)?;
    Ok(())
}

/// Changes a user, ends their sessions and notes it, last: who holds an organization's trail must wait for nothing more.
fn change(
    db: &mut AnyConnection,
    email: &str,
    action: &str,
    now: NaiveDateTime,
    set: impl FnOnce(&mut AnyConnection, &str) -> QueryResult<usize>,
) -> Result<(), Error> {
    let email = email.trim().to_lowercase();
    hold(db, &email)?;
    let (id, organization): (String, Option<String>) = users::table
        .filter(users::email.eq(email))
        .select((users::id, users::organization_id))
        .first(db)
        .optional()?
        .ok_or(Error::NotFound)?;
    set(db, &id)?;
    diesel::delete(sessions::table.filter(sessions::user_id.eq(&id))).execute(db)?;
    let chain = organization.as_deref().unwrap_or(audit::CONSOLE);
    audit::append(db, now, &audit::Entry::new(chain, "operator", action, &id))
}
