//! What the operator sets: flags and environment, checked once.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};

use clap::Args;
use zeroize::Zeroizing;

use crate::{
    db::DatabaseUrl,
    network::{Network, base_address, is_loopback_name},
    outside::{Authorization, ServiceKey, ServiceUrl},
    portone::{PortOneService, WebhookSecret},
    secrets::SecretKey,
};

/// Where the National Tax Service answers.
const TAX_SERVICE: &str = "https://api.odcloud.kr";

/// Where PortOne answers.
const PORTONE: &str = "https://api.portone.io";

/// The flags of `serve` and `demo`, each with its environment variable.
#[derive(Debug, Args)]
pub struct ServeFlags {
    /// Address and port to listen on
    #[arg(long, env = "BILLING_LISTEN", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// Public address of the console, such as https://billing.example.com [default: http://LISTEN]
    #[arg(long, env = "BILLING_BASE_URL")]
    pub base_url: Option<String>,
    /// Proxies whose X-Forwarded-For is believed: addresses or networks (10.0.0.0/8), comma-separated
    #[arg(long, env = "BILLING_TRUSTED_PROXIES", value_delimiter = ',')]
    pub trusted_proxies: Vec<Network>,
    /// The operator's name in the head of each page
    #[arg(long, env = "BILLING_PROVIDER_NAME")]
    pub provider_name: Option<String>,
    /// Where people reach Helpdesk
    #[arg(long, env = "BILLING_HELPDESK_URL")]
    pub helpdesk_url: Option<String>,
    /// Helpdesk's e-mail address
    #[arg(long, env = "BILLING_HELPDESK_EMAIL")]
    pub helpdesk_email: Option<String>,
    /// Folder of the operator's terms: <kind>.<version>.<lang>.md
    #[arg(long, env = "BILLING_TERMS_DIR")]
    pub terms_dir: Option<PathBuf>,
    /// Card gateway: portone, or sandbox on a loopback address
    #[arg(long, env = "BILLING_GATEWAY")]
    pub gateway: Option<String>,
    /// Address of PortOne's interface [default: its own]
    #[arg(long, env = "BILLING_PORTONE_URL")]
    pub portone_url: Option<String>,
    /// Address of the National Tax Service's interface [default: the service's own]
    #[arg(long, env = "BILLING_NTS_URL")]
    pub nts_url: Option<String>,
    /// The sandbox's fixed phone code, six digits
    #[arg(long, env = "BILLING_SANDBOX_PHONE_CODE", hide_env_values = true)]
    pub sandbox_phone_code: Option<String>,
}

/// The flag that every command has.
#[derive(Debug, Clone, Args)]
pub struct DatabaseFlag {
    /// Database: sqlite:PATH or postgres://…
    #[arg(
        long,
        global = true,
        env = "BILLING_DATABASE_URL",
        hide_env_values = true
    )]
    pub database_url: Option<String>,
}

impl DatabaseFlag {
    /// The checked address, or `default`.
    ///
    /// # Errors
    /// One line for the operator.
    pub fn url(&self, default: &str) -> Result<DatabaseUrl, String> {
        self.database_url.as_deref().unwrap_or(default).parse()
    }
}

/// The National Tax Service's status of businesses. No Debug: it holds the key.
#[derive(Clone)]
pub struct TaxService {
    /// Its address.
    pub url: ServiceUrl,
    /// The operator's key.
    pub key: ServiceKey,
}

/// Who issues billing keys and verifies people.
#[derive(Clone)]
pub enum Gateway {
    /// The embedded sandbox.
    Sandbox,
    /// PortOne.
    PortOne(PortOneService),
}

/// Everything that the running console knows of its surroundings.
#[derive(Clone)]
pub struct Settings {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Scheme and authority, without a slash at the end.
    pub base_url: String,
    /// Proxies that are believed.
    pub trusted_proxies: Vec<Network>,
    /// What all keys are derived from.
    pub secret_key: SecretKey,
    /// The operator's name.
    pub provider_name: String,
    /// Helpdesk's page.
    pub helpdesk_url: Option<String>,
    /// Helpdesk's address.
    pub helpdesk_email: Option<String>,
    /// The operator's terms.
    pub terms_dir: Option<PathBuf>,
    /// Who issues billing keys and verifies people.
    pub gateway: Gateway,
    /// Where business numbers are looked up; none: the gateway's own look-up.
    pub tax_service: Option<TaxService>,
    /// The sandbox's fixed phone code.
    pub sandbox_phone_code: Option<String>,
    /// Whether this is the demo.
    pub demo: bool,
}

impl Settings {
    /// Checks the flags of `serve`.
    ///
    /// # Errors
    /// One line for the operator that says what to do.
    pub fn for_serve(flags: ServeFlags) -> Result<Self, String> {
        let secret_key = secret("BILLING_SECRET_KEY")?.ok_or(
            "no secret key: set BILLING_SECRET_KEY or BILLING_SECRET_KEY_FILE; make one with `openssl rand -hex 64`",
        )?;
        let tax_service = tax_service(flags.nts_url.as_deref())?;
        let gateway = match flags.gateway.as_deref() {
            Some("portone") => Gateway::PortOne(portone(flags.portone_url.as_deref())?),
            Some("sandbox") => Gateway::Sandbox,
            Some(other) => {
                return Err(format!(
                    "no gateway is named {other:?}: BILLING_GATEWAY takes portone, or sandbox on a loopback address"
                ));
            }
            None => {
                return Err(
                    "no card gateway: set BILLING_GATEWAY to portone (or sandbox on a loopback address, to try the console)"
                        .into(),
                );
            }
        };
        let mut settings = Self::new(flags, SecretKey::from_hex(&secret_key)?, false)?;
        if matches!(gateway, Gateway::Sandbox) && !settings.is_loopback() {
            return Err(
                "the sandbox gateway runs only where --listen and BILLING_BASE_URL are loopback addresses: set BILLING_GATEWAY to portone"
                    .into(),
            );
        }
        settings.gateway = gateway;
        settings.tax_service = tax_service;
        Ok(settings)
    }

    /// Checks the flags of `demo`, which asks no service of the outside: it answers the same each time.
    ///
    /// # Errors
    /// One line for the operator that says what to do.
    pub fn for_demo(flags: ServeFlags, secret_key: SecretKey) -> Result<Self, String> {
        if flags
            .gateway
            .as_deref()
            .is_some_and(|gateway| gateway != "sandbox")
        {
            return Err("the demo has the sandbox gateway only: leave BILLING_GATEWAY out".into());
        }
        let mut settings = Self::new(flags, secret_key, true)?;
        if !settings.is_loopback() {
            return Err(
                "the demo listens only on a loopback address: use --listen 127.0.0.1:8080".into(),
            );
        }
        settings
            .helpdesk_email
            .get_or_insert_with(|| "helpdesk@northwind.test".into());
        Ok(settings)
    }

    fn new(flags: ServeFlags, secret_key: SecretKey, demo: bool) -> Result<Self, String> {
        let base_url = flags
            .base_url
            .unwrap_or_else(|| default_base_url(flags.listen));
        let default_name = if demo {
            "Northwind Cloud"
        } else {
            "Billing console"
        };
        let code = flags.sandbox_phone_code;
        if code
            .as_ref()
            .is_some_and(|code| code.len() != 6 || !code.bytes().all(|byte| byte.is_ascii_digit()))
        {
            return Err("BILLING_SANDBOX_PHONE_CODE takes six digits".into());
        }
        Ok(Self {
            listen: flags.listen,
            base_url: checked_base_url(&base_url)?,
            trusted_proxies: flags.trusted_proxies,
            secret_key,
            provider_name: flags.provider_name.unwrap_or_else(|| default_name.into()),
            helpdesk_url: flags.helpdesk_url,
            helpdesk_email: flags.helpdesk_email,
            terms_dir: flags.terms_dir,
            gateway: Gateway::Sandbox,
            tax_service: None,
            sandbox_phone_code: code,
            demo,
        })
    }

    /// The settings once the address is bound: the default base URL names the real port, which `--listen` may leave to
    /// the system (port 0).
    #[must_use]
    pub fn listening_on(mut self, address: SocketAddr) -> Self {
        if self.base_url == default_base_url(self.listen) {
            self.base_url = default_base_url(address);
        }
        self.listen = address;
        self
    }

    /// Host and port as a browser sends them.
    pub fn authority(&self) -> &str {
        self.base_url
            .split_once("://")
            .map_or(self.base_url.as_str(), |(_, authority)| authority)
    }

    /// Whether an address is a proxy's that is believed.
    pub fn trusts(&self, address: IpAddr) -> bool {
        let mut networks = self.trusted_proxies.iter();
        networks.any(|network| network.contains(address))
    }

    /// Whether browsers reach the console by TLS: decides Secure cookies and HSTS.
    pub fn is_https(&self) -> bool {
        self.base_url.starts_with("https://")
    }

    /// Whether nobody outside this machine reaches the console.
    pub fn is_loopback(&self) -> bool {
        self.listen.ip().is_loopback() && is_loopback_name(self.authority())
    }

    /// The link to Helpdesk: its page, else its address.
    pub fn helpdesk(&self) -> Option<String> {
        let mail = || {
            self.helpdesk_email
                .as_ref()
                .map(|address| format!("mailto:{address}"))
        };
        self.helpdesk_url.clone().or_else(mail)
    }
}

fn default_base_url(listen: SocketAddr) -> String {
    let url = format!("http://{listen}");
    url.strip_suffix(":80").map(str::to_owned).unwrap_or(url)
}

fn checked_base_url(url: &str) -> Result<String, String> {
    base_address(url).ok_or_else(|| {
        "BILLING_BASE_URL takes a scheme and a host, such as https://billing.example.com".into()
    })
}

/// The National Tax Service, where a key is set.
fn tax_service(url: Option<&str>) -> Result<Option<TaxService>, String> {
    let Some(key) = secret("BILLING_NTS_SERVICE_KEY")? else {
        return match url {
            Some(_) => Err(
                "BILLING_NTS_URL without a key: set BILLING_NTS_SERVICE_KEY or BILLING_NTS_SERVICE_KEY_FILE, or leave it out"
                    .into(),
            ),
            None => Ok(None),
        };
    };
    let url = ServiceUrl::parse(url.unwrap_or(TAX_SERVICE))
        .map_err(|told| format!("BILLING_NTS_URL {told}"))?;
    let key = ServiceKey::parse(&key).map_err(|told| format!("BILLING_NTS_SERVICE_KEY {told}"))?;
    Ok(Some(TaxService { url, key }))
}

/// PortOne, with everything that it needs: what is missing is told all at once.
fn portone(url: Option<&str>) -> Result<PortOneService, String> {
    const NEEDED: [&str; 4] = [
        "BILLING_PORTONE_SECRET",
        "BILLING_PORTONE_CHANNEL_KEY",
        "BILLING_PORTONE_IDENTITY_CHANNEL_KEY",
        "BILLING_PORTONE_WEBHOOK_SECRET",
    ];
    let mut found = Vec::new();
    let mut missing = Vec::new();
    for name in NEEDED {
        match secret(name)? {
            Some(value) if !value.is_empty() => found.push(value),
            _ => missing.push(name),
        }
    }
    let [api_secret, card_channel, identity_channel, webhook_secrets] = found.as_slice() else {
        return Err(format!(
            "the gateway portone needs {}: set each, or its _FILE (docs/providers.md says where to find them)",
            missing.join(", ")
        ));
    };
    let told = |name: &'static str| move |told: &'static str| format!("{name} {told}");
    let webhook_secrets = webhook_secrets
        .split(',')
        .map(WebhookSecret::parse)
        .collect::<Result<Vec<_>, _>>()
        .map_err(told("BILLING_PORTONE_WEBHOOK_SECRET"))?;
    Ok(PortOneService {
        url: ServiceUrl::parse(url.unwrap_or(PORTONE)).map_err(told("BILLING_PORTONE_URL"))?,
        secret: Authorization::parse(PortOneService::SCHEME, api_secret)
            .map_err(told("BILLING_PORTONE_SECRET"))?,
        card_channel: channel_key(card_channel).map_err(told("BILLING_PORTONE_CHANNEL_KEY"))?,
        identity_channel: channel_key(identity_channel)
            .map_err(told("BILLING_PORTONE_IDENTITY_CHANNEL_KEY"))?,
        webhook_secrets,
    })
}

fn channel_key(text: &str) -> Result<String, &'static str> {
    let text = text.trim();
    if text.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(text.to_owned())
    } else {
        Err("has a character that no channel key has: copy it once more")
    }
}

/// An environment variable; an empty one is not set.
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// A secret from `NAME` or from the file that `NAME_FILE` names; never from a flag, which others on the machine see.
///
/// # Errors
/// One line for the operator, without the secret.
pub fn secret(name: &str) -> Result<Option<Zeroizing<String>>, String> {
    if let Some(value) = variable(name) {
        return Ok(Some(Zeroizing::new(value)));
    }
    let Some(path) = variable(&format!("{name}_FILE")) else {
        return Ok(None);
    };
    match std::fs::read_to_string(&path) {
        Ok(value) => Ok(Some(Zeroizing::new(value.trim().to_owned()))),
        Err(e) => Err(format!("cannot read {name}_FILE {path:?}: {e}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_base_url_leaves_out_the_schemes_own_port() {
        assert_eq!(
            default_base_url(([127, 0, 0, 1], 80).into()),
            "http://127.0.0.1"
        );
    }
}
