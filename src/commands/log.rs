//! The log: where it goes, how a line looks, and what never gets into it.

use std::io::Write;

use super::Failure;
use crate::settings::variable;

/// These print what they are given: statements with their values, headers with their cookies, addresses with their keys.
const TALKATIVE: [&str; 8] = [
    "diesel",
    "actix_http",
    "actix_web",
    "actix_server",
    "tracing",
    "mio",
    "ureq",
    "rustls",
];

/// Starts the log on standard error, as `BILLING_LOG` and `BILLING_LOG_FORMAT` say.
pub(super) fn start() -> Result<(), Failure> {
    let mut log = env_logger::Builder::new();
    log.parse_filters(variable("BILLING_LOG").as_deref().unwrap_or("info"));
    match variable("BILLING_LOG_FORMAT").as_deref() {
        None | Some("text") => {}
        Some("json") => {
            log.format(|out, record| {
                let line = serde_json::json!({
                    "time": chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
                    "level": record.level().as_str(),
                    "target": record.target(),
                    "message": record.args().to_string(),
                });
                writeln!(out, "{line}")
            });
        }
        Some(other) => {
            return Err(Failure::Misused(format!(
                "BILLING_LOG_FORMAT is text or json, not {other:?}"
            )));
        }
    }
    let log = log.build();
    let level = log.filter();
    if log::set_boxed_logger(Box::new(Discreet(log))).is_ok() {
        log::set_max_level(level);
    }
    Ok(())
}

/// Whether a line could tell what passes through the console. Not a filter of env_logger's: there a longer name, such
/// as `ureq_proto::util=trace`, goes before a shorter one.
fn is_talkative(line: &log::Metadata<'_>) -> bool {
    line.level() > log::Level::Warn && TALKATIVE.iter().any(|name| line.target().starts_with(name))
}

struct Discreet(env_logger::Logger);

impl log::Log for Discreet {
    fn enabled(&self, line: &log::Metadata<'_>) -> bool {
        !is_talkative(line) && self.0.enabled(line)
    }

    fn log(&self, record: &log::Record<'_>) {
        if !is_talkative(record.metadata()) {
            self.0.log(record);
        }
    }

    fn flush(&self) {
        self.0.flush();
    }
}
