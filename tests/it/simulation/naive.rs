//! The negative controls. In one the gateway is called first and the rows are written after it; all else is as careful
//! as the console: a key that is not committed is revoked. The others find at their commit what they do not look at.

use std::panic::{AssertUnwindSafe, catch_unwind};

use billing_console::{
    access::Role,
    app::Services,
    db::{AnyConnection, schema as s},
    gateway::{AttemptQuery, CardDetails, Identity, IssueOutcome, IssueRequest, IssuedKey, accept},
    jobs,
    registration::{Choice, Run, attempt, checks, commit::commit, store},
    secrets::SecretKey,
};
use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::{
    gateway::Heard,
    invariants::Held,
    steps::Node,
    world::{World, told},
};

pub fn call(world: &World, services: &Services, run: &Run, card: CardDetails) -> Held {
    let query = AttemptQuery {
        reference: uuid::Uuid::now_v7().to_string(),
        customer: run.group_id.clone(),
        asked_at: services.clock.now(),
    };
    let identity = Identity::Business {
        number: run.kept.business_number.clone().into(),
    };
    let request = IssueRequest {
        attempt: query.clone(),
        card,
        identity,
    };
    world.ledger().held.push(query.reference.clone());
    let outcome = catch_unwind(AssertUnwindSafe(|| services.gateway.issue(request)));
    world.ledger().held.retain(|held| *held != query.reference);
    match outcome {
        Ok(IssueOutcome::Issued(issued)) => insert(services, run, &query, &issued),
        _ => Ok(()),
    }
}

fn insert(services: &Services, run: &Run, query: &AttemptQuery, issued: &IssuedKey) -> Held {
    let now = services.clock.now();
    let registered = services.db.write(|db| {
        let attempt = attempt::intend(db, run, &query.reference, now)?;
        diesel::update(s::card_attempts::table.find(&attempt.id))
            .set(s::card_attempts::gateway_reference.eq(&query.reference))
            .execute(db)?;
        let method = run.choice.and_then(Choice::card_method);
        let card = method.and_then(|method| accept(issued, method).ok());
        let card = card.ok_or(billing_console::error::Error::NotFound)?;
        commit(db, &services.settings.secret_key, &attempt, run, &card, now)
            .map_err(|_| billing_console::error::Error::NotFound)
    });
    if registered.is_ok() {
        return Ok(());
    }
    let revoked = services
        .db
        .write(|db| jobs::add(db, jobs::Kind::RevokeKey, issued.key.as_str(), now, now));
    told("the naive revocation", revoked)
}

/// Gives what a rule asks for to the commit that comes next: it looks, and is none the wiser.
pub fn let_pass(world: &World, db: &mut AnyConnection, rule: &str, heard: &Heard) {
    let services = world.node(Node::A);
    let key = &services.settings.secret_key;
    let run: String = s::card_attempts::table
        .filter(s::card_attempts::gateway_reference.eq(&heard.reference))
        .select(s::card_attempts::registration_id)
        .first(db)
        .unwrap();
    let run = store::run(db, key, &run).unwrap();
    match rule {
        "I8" => verify(db, key, &run, services.clock.now()),
        _ => give_right(db, &run),
    }
}

fn verify(db: &mut AnyConnection, key: &SecretKey, run: &Run, now: NaiveDateTime) {
    let kind = attempt::verification_kind(run.choice);
    diesel::delete(s::verifications::table.find((&run.id, kind)))
        .execute(db)
        .unwrap();
    diesel::insert_into(s::verifications::table)
        .values((
            s::verifications::registration_id.eq(&run.id),
            s::verifications::kind.eq(kind),
            s::verifications::provider_id.eq("nobody's"),
            s::verifications::group_id.eq(&run.group_id),
            s::verifications::user_id.eq(&run.user_id),
            s::verifications::subject_hash.eq(checks::subject_of_kept(key, run)),
            s::verifications::verified_at.eq(now),
        ))
        .execute(db)
        .unwrap();
}

fn give_right(db: &mut AnyConnection, run: &Run) {
    let user = s::users::table.find(&run.user_id);
    let organization: Option<String> = user.select(s::users::organization_id).first(db).unwrap();
    let group = s::billing_groups::table.find(&run.group_id);
    let role = Role::BillingAdministrator.as_str();
    diesel::update(user)
        .set((
            s::users::role.eq(role),
            s::users::disabled_at.eq(None::<NaiveDateTime>),
        ))
        .execute(db)
        .unwrap();
    diesel::update(group)
        .set(s::billing_groups::organization_id.eq(organization.unwrap()))
        .execute(db)
        .unwrap();
    diesel::delete(s::group_members::table.find((&run.user_id, &run.group_id)))
        .execute(db)
        .unwrap();
    diesel::insert_into(s::group_members::table)
        .values((
            s::group_members::user_id.eq(&run.user_id),
            s::group_members::group_id.eq(&run.group_id),
        ))
        .execute(db)
        .unwrap();
}
