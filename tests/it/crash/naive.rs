//! The negative control: the console as it would be if it called the gateway first and wrote then.

use std::{net::TcpListener, process::Command, sync::Arc};

use actix_web::web::Data;
use billing_console::{
    app::{Services, serve},
    clock::SystemClock,
    db::{AnyConnection, Database, schema as s},
    error::Error,
    gateway::{
        AttemptQuery, BillingKey, CardGateway, IssueOutcome, IssueRequest, LookUp, Revocation,
        sandbox::SandboxGateway,
    },
};
use chrono::NaiveDateTime;
use diesel::prelude::*;

/// This test binary with nothing but [`console`].
pub fn command() -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--ignored", "--exact", "crash::naive::console"]);
    command
}

#[test]
#[ignore = "no test: the process that the negative control kills"]
fn console() {
    let (Ok(url), Ok(listen)) = (
        std::env::var("BILLING_DATABASE_URL"),
        std::env::var("BILLING_LISTEN"),
    ) else {
        return;
    };
    let _failpoints = fail::FailScenario::setup();
    let db = Database::open(&url.parse().unwrap()).unwrap();
    let listener = TcpListener::bind(listen).unwrap();
    let settings = crate::app::settings(listener.local_addr().unwrap());
    let clock = Arc::new(SystemClock::default());
    let mut services = Services::new(settings, db.clone(), clock.clone()).unwrap();
    services.gateway = Arc::new(NaiveOrder {
        sandbox: SandboxGateway::new(db.clone(), clock),
        db,
    });
    actix_web::rt::System::new()
        .block_on(serve(Data::new(services), listener, || {}))
        .unwrap();
}

/// Undoes what was written before the call, calls, and writes it then.
struct NaiveOrder {
    sandbox: SandboxGateway,
    db: Database,
}

impl CardGateway for NaiveOrder {
    fn issue(&self, request: IssueRequest) -> IssueOutcome {
        let reference = request.attempt.reference.clone();
        let intent = self.db.write(|db| Intent::take_back(db, &reference));
        let outcome = self.sandbox.issue(request);
        if let Ok(intent) = intent {
            let _ = self.db.write(|db| intent.write(db));
        }
        outcome
    }

    fn look_up(&self, attempt: &AttemptQuery) -> LookUp {
        self.sandbox.look_up(attempt)
    }

    fn revoke(&self, key: &BillingKey) -> Revocation {
        self.sandbox.revoke(key)
    }
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = s::card_attempts)]
struct AttemptRow {
    id: String,
    reference: String,
    registration_id: String,
    group_id: String,
    user_id: String,
    group_version: i64,
    idempotency_key: String,
    gateway_reference: String,
    state: String,
    created_at: NaiveDateTime,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = s::jobs)]
struct JobRow {
    id: String,
    kind: String,
    subject: String,
    due_at: NaiveDateTime,
    attempts: i32,
    created_at: NaiveDateTime,
}

struct Intent {
    attempt: AttemptRow,
    job: JobRow,
}

impl Intent {
    fn take_back(db: &mut AnyConnection, gateway_reference: &str) -> Result<Self, Error> {
        let attempt: AttemptRow = s::card_attempts::table
            .filter(s::card_attempts::gateway_reference.eq(gateway_reference))
            .select(AttemptRow::as_select())
            .first(db)?;
        let job: JobRow = s::jobs::table
            .filter(s::jobs::subject.eq(&attempt.id))
            .select(JobRow::as_select())
            .first(db)?;
        diesel::delete(s::card_attempts::table.find(&attempt.id)).execute(db)?;
        diesel::delete(s::jobs::table.find(&job.id)).execute(db)?;
        set_run_state(db, &attempt.registration_id, "open")?;
        Ok(Self { attempt, job })
    }

    fn write(self, db: &mut AnyConnection) -> Result<(), Error> {
        set_run_state(db, &self.attempt.registration_id, "confirming")?;
        diesel::insert_into(s::card_attempts::table)
            .values(self.attempt)
            .execute(db)?;
        diesel::insert_into(s::jobs::table)
            .values(self.job)
            .execute(db)?;
        Ok(())
    }
}

fn set_run_state(db: &mut AnyConnection, id: &str, state: &str) -> Result<(), Error> {
    diesel::update(s::registrations::table.find(id))
        .set(s::registrations::state.eq(state))
        .execute(db)?;
    Ok(())
}
