//! Roles and memberships that are taken away and given back while people work, and what the trail then tells of I9.

use std::collections::BTreeSet;

use billing_console::{
    audit,
    db::{AnyConnection, schema as s},
    error::Error,
};
use diesel::prelude::*;

use super::{clients::Random, site::PEOPLE};

const TAKEN: &str = "trial.taken";
const GIVEN: &str = "trial.given";

/// What somebody needs for a commit.
#[derive(Debug, Clone, Copy)]
enum Right {
    Role,
    Membership,
}

/// At most one right of one person is gone at a time, so that the others go on.
#[derive(Default)]
pub struct Rights {
    gone: Option<(String, Right)>,
    /// How often one was taken away.
    pub taken: usize,
}

impl Rights {
    /// Takes a right away or gives it back, or neither.
    pub fn turn(&mut self, db: &mut AnyConnection, random: &mut Random) {
        match self.gone.take() {
            Some((person, right)) if random.below(2) == 0 => change(db, &person, right, GIVEN),
            None if random.below(2) == 0 => {
                let person = format!("person-{}", random.below(PEOPLE));
                let right = *random.pick(&[Right::Role, Right::Membership]);
                change(db, &person, right, TAKEN);
                self.gone = Some((person, right));
                self.taken += 1;
            }
            gone => self.gone = gone,
        }
    }
}

fn change(db: &mut AnyConnection, person: &str, right: Right, action: &str) {
    let is_given = action == GIVEN;
    db.transaction(|db| {
        // Nothing else is held: a commit holds these rows of its person until it stands in the trail.
        match right {
            Right::Role => {
                let role = if is_given {
                    "billing_administrator"
                } else {
                    "billing_manager"
                };
                diesel::update(s::users::table.find(person))
                    .set(s::users::role.eq(role))
                    .execute(db)?;
            }
            Right::Membership if is_given => {
                diesel::insert_into(s::group_members::table)
                    .values((
                        s::group_members::user_id.eq(person),
                        s::group_members::group_id.eq("mir-main"),
                    ))
                    .execute(db)?;
            }
            Right::Membership => {
                diesel::delete(s::group_members::table.find((person, "mir-main"))).execute(db)?;
            }
        }
        let entry = audit::Entry::new("mirlabs", "trial", action, person)
            .detail("right", format!("{right:?}"));
        audit::append(db, chrono::Utc::now().naive_utc(), &entry)
    })
    .map_err(|error: Error| format!("{action} {person}: {error}"))
    .unwrap();
}

/// I9, by the trail alone: no commit stands between the loss of its actor's role or group and its return.
pub fn commits_without_a_right(db: &mut AnyConnection) -> Vec<String> {
    let rows: Vec<(i64, String, String, String, String)> = s::audit_rows::table
        .filter(s::audit_rows::organization_id.eq("mirlabs"))
        .order(s::audit_rows::seq)
        .select((
            s::audit_rows::seq,
            s::audit_rows::actor,
            s::audit_rows::action,
            s::audit_rows::subject,
            s::audit_rows::details,
        ))
        .load(db)
        .unwrap();
    let mut gone = BTreeSet::new();
    let mut faults = Vec::new();
    for (seq, actor, action, subject, details) in rows {
        match &*action {
            TAKEN => drop(gone.insert((subject, details))),
            GIVEN => drop(gone.remove(&(subject, details))),
            "payment_method.registered" | "payment_method.changed" => {
                if let Some((_, right)) = gone.iter().find(|(person, _)| *person == actor) {
                    faults.push(format!(
                        "I9: row {seq}, {actor} committed for {subject} without {right}"
                    ));
                }
            }
            _ => {}
        }
    }
    faults
}
