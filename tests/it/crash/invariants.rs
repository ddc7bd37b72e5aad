//! What must be true of a database after crashes, told as what is not.

use std::collections::BTreeSet;

use billing_console::{
    audit,
    db::{AnyConnection, schema as s},
    error::Error,
    gateway::sandbox,
};
use diesel::{connection::SimpleConnection, prelude::*};

use super::clients::{Told, Word};

macro_rules! load_as {
    ($query:expr, $db:expr, $row:ty) => {{
        let rows: Vec<$row> = $query.load($db).unwrap();
        rows
    }};
}

/// What was true earlier and must stay so.
#[derive(Default)]
pub struct Memory {
    with_method: BTreeSet<String>,
    told: usize,
}

/// Holds at any time, also while clients go on: I1, I2, I7, I12.
pub fn at_any_time(db: &mut AnyConnection, memory: &mut Memory, told: &[Told]) -> Vec<String> {
    in_one_moment(db, |db| {
        let mut faults = one_method_a_group(db);
        faults.extend(active_keys_are_live(db));
        let with_method: BTreeSet<String> = load_as!(
            s::payment_methods::table.select(s::payment_methods::group_id),
            db,
            String
        )
        .into_iter()
        .collect();
        for lost in memory.with_method.difference(&with_method) {
            faults.push(format!("I7: {lost} lost its payment method"));
        }
        memory.with_method = with_method;
        for told in &told[memory.told..] {
            faults.extend(is_durable(db, told));
        }
        memory.told = told.len();
        faults
    })
}

/// Holds once every job is done: those above, I3, I6, I8, I11, the audit trail and the database itself.
pub fn once_drained(db: &mut AnyConnection, told: &[Told]) -> Vec<String> {
    let mut faults = at_any_time(db, &mut Memory::default(), told);
    faults.extend(in_one_moment(db, |db| {
        let mut faults = no_key_is_left_over(db);
        faults.extend(every_outcome_has_its_audit_row(db));
        faults.extend(every_commit_used_its_verification(db));
        faults.extend(nothing_is_open(db));
        for finding in audit::verify(db).unwrap() {
            faults.extend(finding.fault.map(|fault| format!("audit trail: {fault}")));
        }
        faults
    }));
    faults.extend(sqlite_is_whole(db));
    faults
}

/// How many attempts ended how.
pub fn outcomes(db: &mut AnyConnection) -> Vec<(String, i64)> {
    s::card_attempts::table
        .group_by(s::card_attempts::state)
        .order(s::card_attempts::state)
        .select((s::card_attempts::state, diesel::dsl::count_star()))
        .load(db)
        .unwrap()
}

fn in_one_moment(
    db: &mut AnyConnection,
    look: impl FnOnce(&mut AnyConnection) -> Vec<String>,
) -> Vec<String> {
    db.transaction(|db| {
        #[cfg(feature = "postgres")]
        if matches!(db, AnyConnection::Postgres(_)) {
            db.batch_execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")?;
        }
        Ok::<_, Error>(look(db))
    })
    .unwrap()
}

/// The table's key makes two impossible; a group's status must say the same.
fn one_method_a_group(db: &mut AnyConnection) -> Vec<String> {
    let groups = s::billing_groups::table
        .left_join(s::payment_methods::table)
        .select((
            s::billing_groups::id,
            s::billing_groups::status,
            s::payment_methods::kind.nullable(),
        ));
    load_as!(groups, db, (String, String, Option<String>))
        .into_iter()
        .filter(|(_, status, kind)| match &**status {
            "card" => kind.as_deref() != Some("credit_card"),
            "account" => kind.as_deref() != Some("dedicated_account"),
            "required" => kind.is_some(),
            _ => false,
        })
        .map(|(group, status, kind)| format!("I1: {group} is {status} and has {kind:?}"))
        .collect()
}

fn active_keys(db: &mut AnyConnection) -> BTreeSet<String> {
    let keys = s::payment_methods::table
        .filter(s::payment_methods::billing_key.is_not_null())
        .select(s::payment_methods::billing_key.assume_not_null());
    load_as!(keys, db, String).into_iter().collect()
}

fn live_keys(db: &mut AnyConnection) -> BTreeSet<String> {
    sandbox::live_keys(db).unwrap().into_iter().collect()
}

fn active_keys_are_live(db: &mut AnyConnection) -> Vec<String> {
    let (active, live) = (active_keys(db), live_keys(db));
    let dead = active.difference(&live);
    dead.map(|key| format!("I2: the active key {key} is not live"))
        .collect()
}

fn no_key_is_left_over(db: &mut AnyConnection) -> Vec<String> {
    let (active, live) = (active_keys(db), live_keys(db));
    let orphans = live.difference(&active);
    orphans
        .map(|key| format!("I3: the key {key} is live and nobody's"))
        .collect()
}

/// What somebody was told is in the database.
fn is_durable(db: &mut AnyConnection, told: &Told) -> Option<String> {
    let found: Option<(String, String, Option<String>)> = s::card_attempts::table
        .inner_join(s::registrations::table)
        .filter(s::card_attempts::registration_id.eq(&told.run))
        .filter(s::card_attempts::idempotency_key.eq(&told.key))
        .select((
            s::card_attempts::state,
            s::registrations::state,
            s::registrations::outcome,
        ))
        .first(db)
        .optional()
        .unwrap();
    let is_kept = found
        .as_ref()
        .is_some_and(|(attempt, run, outcome)| match told.word {
            Word::Complete => {
                attempt == "committed"
                    && run == "complete"
                    && outcome
                        .as_ref()
                        .is_some_and(|outcome| outcome.contains(&told.last_four))
            }
            Word::Refused => attempt == "refused",
            Word::NotSent => attempt == "not_sent",
        });
    (!is_kept).then(|| format!("I12: {told:?} was answered, and the database has {found:?}"))
}

fn every_outcome_has_its_audit_row(db: &mut AnyConnection) -> Vec<String> {
    let mut faults = Vec::new();
    for (state, actions) in [
        (
            "committed",
            &["payment_method.registered", "payment_method.changed"][..],
        ),
        ("refused", &["card.refused"]),
        ("not_sent", &["card.not_sent"]),
        ("compensated", &["card.undone"]),
    ] {
        let attempts = s::card_attempts::table
            .filter(s::card_attempts::state.eq(state))
            .order(s::card_attempts::reference)
            .select(s::card_attempts::reference);
        let rows = s::audit_rows::table
            .filter(s::audit_rows::action.eq_any(actions))
            .order(s::audit_rows::reference)
            .select(s::audit_rows::reference.assume_not_null());
        let (mut attempts, mut rows) = (load_as!(attempts, db, String), load_as!(rows, db, String));
        // Each database has an order of its own.
        attempts.sort();
        rows.sort();
        if attempts != rows {
            faults.push(format!(
                "I6: {} attempts are {state}, {} audit rows say so",
                attempts.len(),
                rows.len()
            ));
        }
    }
    faults
}

fn every_commit_used_its_verification(db: &mut AnyConnection) -> Vec<String> {
    let used = s::verifications::table
        .filter(s::verifications::used_at.is_not_null())
        .filter(s::verifications::verified_at.is_not_null())
        .select((
            s::verifications::registration_id,
            s::verifications::kind,
            s::verifications::group_id,
            s::verifications::user_id,
        ));
    let needed = s::card_attempts::table
        .inner_join(s::registrations::table)
        .filter(s::card_attempts::state.eq("committed"))
        .select((
            s::registrations::id,
            s::registrations::payment_method.assume_not_null(),
            s::card_attempts::group_id,
            s::card_attempts::user_id,
        ));
    type Row = (String, String, String, String);
    let mut used = load_as!(used, db, Row);
    let mut needed = load_as!(needed, db, Row);
    for (_, method, _, _) in &mut needed {
        let kind = if method == "named_card" {
            "phone"
        } else {
            "business"
        };
        *method = kind.to_owned();
    }
    used.sort();
    needed.sort();
    if used == needed {
        return Vec::new();
    }
    vec![format!(
        "I8: {} commits and {} verifications used, or not the same",
        needed.len(),
        used.len()
    )]
}

fn nothing_is_open(db: &mut AnyConnection) -> Vec<String> {
    let attempts =
        s::card_attempts::table.filter(s::card_attempts::state.eq_any(["calling", "unknown"]));
    let runs = s::registrations::table.filter(s::registrations::state.eq("confirming"));
    let sealed = s::registrations::table
        .filter(s::registrations::state.eq_any(["complete", "cancelled", "expired"]))
        .filter(s::registrations::sealed.is_not_null());
    let counts: [(&str, i64); 4] = [
        (
            "I11: attempts without an outcome",
            attempts.count().get_result(db).unwrap(),
        ),
        (
            "I11: runs being confirmed",
            runs.count().get_result(db).unwrap(),
        ),
        ("I11: jobs", s::jobs::table.count().get_result(db).unwrap()),
        (
            "I10: ended runs with what they kept",
            sealed.count().get_result(db).unwrap(),
        ),
    ];
    counts
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(what, count)| format!("{what}: {count}"))
        .collect()
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = diesel::sql_types::Text)]
    line: String,
}

fn sqlite_is_whole(db: &mut AnyConnection) -> Vec<String> {
    if !matches!(db, AnyConnection::Sqlite(_)) {
        return Vec::new();
    }
    let mut told = load_as!(
        diesel::sql_query("SELECT integrity_check AS line FROM pragma_integrity_check"),
        db,
        Line
    );
    told.retain(|found| found.line != "ok");
    told.extend(load_as!(
        diesel::sql_query("SELECT \"table\" AS line FROM pragma_foreign_key_check"),
        db,
        Line
    ));
    told.into_iter()
        .map(|found| format!("SQLite: {}", found.line))
        .collect()
}
