//! What must be true of a database after crashes, told as what is not.

use std::collections::{BTreeMap, BTreeSet};

use billing_console::{
    audit,
    db::{AnyConnection, schema as s},
    error::Error,
    gateway::sandbox,
    secrets::{Purpose, SecretKey},
};
use chrono::TimeDelta;
use diesel::{connection::SimpleConnection, prelude::*};

use super::{
    clients::{Told, Word},
    rights,
};
use crate::app::KEY;

/// What everybody enters, as it is kept.
const BUSINESS_NUMBER: &str = "9998100015";
/// The longest wait between two look-ups.
const LONGEST_PAUSE: TimeDelta = TimeDelta::seconds(60);

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

/// Holds at any time, also while clients go on: I1, I2, I7, I11, I12, and I8 by number.
pub fn at_any_time(db: &mut AnyConnection, memory: &mut Memory, told: &[Told]) -> Vec<String> {
    in_one_moment(db, |db| {
        let mut faults = one_method_a_group(db);
        faults.extend(active_keys_are_live(db));
        faults.extend(as_many_verifications_used_as_commits(db));
        faults.extend(open_intents_are_looked_after(db));
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

/// Holds once every job is done: those above, I3, I6, I8, I9, I11, the audit trail and the database itself.
pub fn once_drained(db: &mut AnyConnection, told: &[Told]) -> Vec<String> {
    let mut faults = at_any_time(db, &mut Memory::default(), told);
    faults.extend(in_one_moment(db, |db| {
        let mut faults = no_key_is_left_over(db);
        faults.extend(every_outcome_has_its_audit_row(db));
        faults.extend(every_commit_used_its_verification(db));
        faults.extend(rights::commits_without_a_right(db));
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
pub fn outcomes(db: &mut AnyConnection) -> BTreeMap<String, i64> {
    let counted = s::card_attempts::table
        .group_by(s::card_attempts::state)
        .select((s::card_attempts::state, diesel::dsl::count_star()));
    load_as!(counted, db, (String, i64)).into_iter().collect()
}

/// How many cards that the gateway took were not committed, since something had changed meanwhile.
pub fn overtaken(db: &mut AnyConnection) -> i64 {
    s::audit_rows::table
        .filter(s::audit_rows::action.eq("card.undone"))
        .filter(s::audit_rows::details.like("%overtaken%"))
        .count()
        .get_result(db)
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

/// One transaction uses a verification and commits.
fn as_many_verifications_used_as_commits(db: &mut AnyConnection) -> Option<String> {
    let used = s::verifications::table.filter(s::verifications::used_at.is_not_null());
    let committed = s::card_attempts::table.filter(s::card_attempts::state.eq("committed"));
    let used: i64 = used.count().get_result(db).unwrap();
    let committed: i64 = committed.count().get_result(db).unwrap();
    (used != committed).then(|| format!("I8: {committed} commits and {used} verifications used"))
}

/// Each of the run, group, user and kind that its commit needed, verified before, and bound to the business number that
/// everybody enters.
fn every_commit_used_its_verification(db: &mut AnyConnection) -> Vec<String> {
    let used = s::verifications::table
        .filter(s::verifications::used_at.ge(s::verifications::verified_at))
        .select((
            s::verifications::registration_id,
            s::verifications::kind,
            s::verifications::group_id,
            s::verifications::user_id,
            s::verifications::subject_hash,
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
    let used: Vec<(String, String, String, String, String)> = used.load(db).unwrap();
    let needed = load_as!(needed, db, Row);
    let commits: BTreeSet<Row> = needed
        .into_iter()
        .map(|(run, method, group, user)| {
            let kind = if method == "named_card" {
                "phone"
            } else {
                "business"
            };
            (run, kind.to_owned(), group, user)
        })
        .collect();
    let secret_key = SecretKey::from_hex(KEY).unwrap();
    let mut faults = Vec::new();
    let mut verified = BTreeSet::new();
    for (run, kind, group, user, subject) in used {
        let parts = [&*run, &*group, &*user, BUSINESS_NUMBER].map(str::as_bytes);
        if kind == "business" && subject != secret_key.digest(Purpose::Subject, &parts) {
            faults.push(format!("I8: run {run} used another number's verification"));
        }
        verified.insert((run, kind, group, user));
    }
    for row in commits.symmetric_difference(&verified) {
        faults.push(format!(
            "I8: {row:?} is a commit or a verification used, not both"
        ));
    }
    faults
}

/// The attempts that have no outcome yet.
pub fn in_flight(db: &mut AnyConnection) -> BTreeSet<String> {
    let open = s::card_attempts::table
        .filter(s::card_attempts::state.eq_any(["calling", "unknown"]))
        .select(s::card_attempts::id);
    load_as!(open, db, String).into_iter().collect()
}

/// I11 while the gateway may be silent: whoever looks an open intent up is due in time.
fn open_intents_are_looked_after(db: &mut AnyConnection) -> Vec<String> {
    let due = s::jobs::table
        .filter(s::jobs::kind.eq("settle_attempt"))
        .filter(s::jobs::due_at.le(chrono::Utc::now().naive_utc() + LONGEST_PAUSE))
        .select(s::jobs::subject);
    let due: BTreeSet<String> = load_as!(due, db, String).into_iter().collect();
    in_flight(db)
        .into_iter()
        .filter(|attempt| !due.contains(attempt))
        .map(|attempt| format!("I11: nobody will look attempt {attempt} up within a minute"))
        .collect()
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
