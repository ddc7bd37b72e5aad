//! What stands as verified in a run, and what it is bound to.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::{Run, attempt::verification_kind, codes, store};
use crate::{
    app::Services,
    audit,
    db::{AnyConnection, schema::verifications},
    error::Error,
    secrets::{Purpose, SecretKey},
};

/// Binds a verification to what was verified, without keeping it.
pub(super) fn subject_hash(key: &SecretKey, run: &Run, subject: &str) -> String {
    key.digest(
        Purpose::Subject,
        &[
            run.id.as_bytes(),
            run.group_id.as_bytes(),
            run.user_id.as_bytes(),
            subject.as_bytes(),
        ],
    )
}

/// The same of what the run keeps, of the kind that its choice needs (rule 8): what is sent with the card is what was
/// verified.
pub fn subject_of_kept(key: &SecretKey, run: &Run) -> String {
    let subject = match verification_kind(run.choice) {
        "business" => &run.kept.business_number,
        _ => &run.kept.phone,
    };
    subject_hash(key, run, subject)
}

/// The right code was entered: a pause that its last try began is over.
///
/// # Errors
/// [`Error::SeeOther`] when the run ended meanwhile.
pub fn verify_phone(
    db: &mut AnyConnection,
    services: &Services,
    run: &Run,
    provider_id: &str,
) -> Result<(), Error> {
    let now = services.clock.now();
    store::go_on(db, &run.id, now)?;
    codes::end_pause(db, services, run)?;
    let verified = diesel::update(verifications::table.find((&run.id, "phone")))
        .filter(verifications::provider_id.eq(provider_id))
        .set((
            verifications::verified_at.eq(now),
            verifications::locked_until.eq(None::<NaiveDateTime>),
        ))
        .execute(db)?;
    // A form that was sent meanwhile began another verification: the code was of the one before.
    if verified == 0 {
        return Err(Error::SeeOther(super::pages::path(&run.id, "phone-code")));
    }
    note_verified(db, run, "phone", now)?;
    Ok(())
}

fn note_verified(
    db: &mut AnyConnection,
    run: &Run,
    kind: &str,
    now: NaiveDateTime,
) -> Result<(), Error> {
    let organization = crate::access::store::organization_of(db, &run.user_id)?.unwrap_or_default();
    let entry = audit::Entry::new(&organization, &run.user_id, "verified", &run.group_id)
        .reference(&run.reference)
        .detail("by", kind);
    audit::append(db, now, &entry)
}

/// The registry says that the business is active: its number is kept and stands as verified.
///
/// # Errors
/// [`Error::SeeOther`] when the run ended meanwhile.
pub fn verify_business(
    db: &mut AnyConnection,
    services: &Services,
    run: &Run,
    number: &str,
) -> Result<(), Error> {
    let now = services.clock.now();
    store::go_on(db, &run.id, now)?;
    // While the registry was asked, another page of the run may have kept something else.
    let key = &services.settings.secret_key;
    let mut kept = store::run(db, key, &run.id)?.kept;
    number.clone_into(&mut kept.business_number);
    store::keep(db, key, &run.id, &kept, now)?;
    note_verified(db, run, "business", now)?;
    diesel::delete(verifications::table.find((&run.id, "business"))).execute(db)?;
    diesel::insert_into(verifications::table)
        .values((
            verifications::registration_id.eq(&run.id),
            verifications::kind.eq("business"),
            verifications::provider_id.eq(uuid::Uuid::now_v7().to_string()),
            verifications::group_id.eq(&run.group_id),
            verifications::user_id.eq(&run.user_id),
            verifications::subject_hash.eq(subject_hash(
                &services.settings.secret_key,
                run,
                number,
            )),
            verifications::verified_at.eq(now),
        ))
        .execute(db)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registration::{Choice, Kept, State};

    fn run() -> Run {
        let mut kept = Kept::default();
        kept.phone = "01012345678".into();
        kept.business_number = "9998100015".into();
        Run {
            id: "run".into(),
            reference: "PM-01J9-8C2K".into(),
            group_id: "acme-lab".into(),
            user_id: "ann".into(),
            is_change: false,
            state: State::Open,
            group_version: 1,
            choice: Some(Choice::NamedCard),
            accepted_terms: None,
            kept,
            phone: None,
            is_business_verified: false,
            outcome: None,
            created_at: NaiveDateTime::default(),
        }
    }

    #[test]
    fn rule_8_a_verification_is_bound_to_its_run_its_group_its_person_and_its_number() {
        let key = SecretKey::from_hex(&"5a".repeat(64)).unwrap();
        let subject = |change: fn(&mut Run)| {
            let mut run = run();
            change(&mut run);
            subject_of_kept(&key, &run)
        };
        let own = subject(|_| {});
        assert_eq!(own, subject_hash(&key, &run(), "01012345678"));
        let others = [
            subject(|run| run.id.push('x')),
            subject(|run| run.group_id.push('x')),
            subject(|run| run.user_id.push('x')),
            subject(|run| run.kept.phone.push('0')),
            subject(|run| run.choice = Some(Choice::AnonymousCorporateCard)),
        ];
        for other in others {
            assert_ne!(own, other);
        }
        assert_eq!(own, subject(|run| run.kept.business_number.push('0')));
    }
}
