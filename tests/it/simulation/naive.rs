//! The negative control: the gateway is called first and the rows are written after it. All else is as careful as
//! the console: a key that is not committed is revoked.

use std::panic::{AssertUnwindSafe, catch_unwind};

use billing_console::{
    app::Services,
    db::schema as s,
    gateway::{AttemptQuery, CardDetails, Identity, IssueOutcome, IssueRequest, IssuedKey, accept},
    jobs,
    registration::{Choice, Run, attempt, commit::commit},
};
use diesel::prelude::*;

use super::{
    invariants::Held,
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
    let registered = services.db.transaction(|db| {
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
        .transaction(|db| jobs::add(db, jobs::Kind::RevokeKey, issued.key.as_str(), now, now));
    told("the naive revocation", revoked)
}
