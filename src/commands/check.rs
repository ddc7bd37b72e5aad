//! `check-config`: what `serve` would start with.

use super::{DEFAULT_DATABASE, Failure, open_existing};
use crate::{
    portone::proof::{self, Proof},
    registration::terms::Terms,
    settings::{DatabaseFlag, Gateway, ServeFlags, Settings, TaxService},
    verification::{BusinessNumber, nts::NtsRegistry},
};

/// Checks what `serve` would start with and says which services it uses. Online it asks each of them something that
/// changes nothing: one line a result.
pub(super) fn check_config(
    flags: ServeFlags,
    database: &DatabaseFlag,
    online: bool,
) -> Result<(), Failure> {
    let settings = Settings::for_serve(flags).map_err(Failure::Misused)?;
    Terms::load(settings.terms_dir.as_deref()).map_err(Failure::Misused)?;
    database.url(DEFAULT_DATABASE).map_err(Failure::Misused)?;
    let gateway = match &settings.gateway {
        Gateway::Sandbox => "the sandbox".to_owned(),
        Gateway::PortOne(service) => format!("PortOne at {}", service.url.as_str()),
    };
    println!("Cards and phone codes: {gateway}.");
    match &settings.tax_service {
        Some(service) => println!(
            "Business numbers: the National Tax Service at {}.",
            service.url.as_str()
        ),
        None => println!("Business numbers: {gateway}."),
    }
    if let Gateway::PortOne(service) = &settings.gateway {
        let secrets = match service.webhook_secrets.len() {
            1 => "one secret".to_owned(),
            several => format!("any of {several} secrets"),
        };
        println!(
            "Events: {}/webhooks/portone, signed with {secrets}.",
            settings.base_url
        );
    }
    if online {
        prove(database, &settings)?;
    }
    println!("The configuration is in order.");
    Ok(())
}

/// Every result is told before the faults among them are.
fn prove(database: &DatabaseFlag, settings: &Settings) -> Result<(), Failure> {
    let mut proofs = vec![match open_existing(database) {
        Ok(_) => Proof::Good("The database is up to date."),
        Err(Failure::Failed(fault)) => Proof::Wrong(fault),
        Err(misused) => return Err(misused),
    }];
    if let Gateway::PortOne(service) = &settings.gateway {
        proofs.extend(proof::prove(service, settings.tax_service.is_none()));
    }
    proofs.extend(settings.tax_service.as_ref().map(prove_tax_service));

    let mut faults = Vec::new();
    for proof in proofs {
        match proof {
            Proof::Good(line) | Proof::Open(line) => println!("{line}"),
            Proof::Wrong(fault) => faults.push(fault),
        }
    }
    if faults.is_empty() {
        return Ok(());
    }
    Err(Failure::Failed(faults.join("; ")))
}

/// Asks for a number that is no one's: whatever its status, the key is good.
fn prove_tax_service(service: &TaxService) -> Proof {
    match NtsRegistry::new(service).ask(&BusinessNumber::of_no_one()) {
        Ok(_) => Proof::Good("The National Tax Service answers and takes the key."),
        Err(why) => Proof::Wrong(format!(
            "the National Tax Service at {}: {why}",
            service.url.as_str()
        )),
    }
}
