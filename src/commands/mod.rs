//! The commands of the one binary. Each failure is one line on standard error that says what to do.

mod check;
mod console;
mod data;
mod log;
mod people;

use std::{path::PathBuf, process::ExitCode};

use clap::{
    CommandFactory, FromArgMatches, Parser, Subcommand, builder::Resettable, error::ErrorKind,
};

use crate::{
    audit,
    db::{
        Database, DatabaseUrl,
        look::{self, Schema},
    },
    settings::{DatabaseFlag, ServeFlags},
};

/// A self-hosted web console in which billing administrators manage how each billing group pays.
///
/// Secrets come from the environment only: BILLING_SECRET_KEY or BILLING_SECRET_KEY_FILE
/// (64 random bytes in hexadecimal: openssl rand -hex 64), BILLING_NTS_SERVICE_KEY or
/// BILLING_NTS_SERVICE_KEY_FILE (business numbers). BILLING_LOG sets the log level (info),
/// BILLING_LOG_FORMAT its form (text or json).
#[derive(Debug, Parser)]
#[command(version, verbatim_doc_comment)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the console
    Serve {
        #[command(flatten)]
        flags: ServeFlags,
        #[command(flatten)]
        database: DatabaseFlag,
        /// Do not bring the database's schema up to date first
        #[arg(long)]
        no_migrate: bool,
    },
    /// Runs the console on a demo database with the sandbox gateway, on a loopback address
    Demo {
        #[command(flatten)]
        flags: ServeFlags,
        #[command(flatten)]
        database: DatabaseFlag,
        /// Start over with a new demo database
        #[arg(long)]
        fresh: bool,
    },
    /// Brings the database's schema up to date
    Migrate {
        #[command(flatten)]
        database: DatabaseFlag,
    },
    /// Asks a running console whether it is ready
    Healthcheck {
        /// Address and port that it listens on
        #[arg(long, env = "BILLING_LISTEN", default_value = "127.0.0.1:8080")]
        listen: std::net::SocketAddr,
    },
    /// Saves a SQLite database in a new file, while it is in use
    Backup {
        /// The new file
        file: PathBuf,
        #[command(flatten)]
        database: DatabaseFlag,
    },
    /// Checks what `serve` would start with
    CheckConfig {
        #[command(flatten)]
        flags: ServeFlags,
        #[command(flatten)]
        database: DatabaseFlag,
        /// Connect to the database and to the services of the outside, too; changes nothing
        #[arg(long)]
        online: bool,
    },
    /// Local accounts
    User {
        #[command(subcommand)]
        command: people::UserCommand,
        #[command(flatten)]
        database: DatabaseFlag,
    },
    /// Imports organizations, groups and members from a JSON or CSV file
    Import {
        /// The file
        file: PathBuf,
        /// Say what would change, and change nothing
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        database: DatabaseFlag,
    },
    /// The audit trail
    Audit {
        #[command(subcommand)]
        command: AuditCommand,
    },
}

#[derive(Debug, Subcommand)]
enum AuditCommand {
    /// Checks every chain of the audit trail and prints its head
    Verify {
        #[command(flatten)]
        database: DatabaseFlag,
    },
}

/// The database of `serve` and the commands beside it.
const DEFAULT_DATABASE: &str = "sqlite:var/billing.db";

/// How a command ended.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Exit code 1.
    Failed(String),
    /// Exit code 2: usage or configuration.
    Misused(String),
}

/// Runs the command that the arguments name.
pub fn run() -> ExitCode {
    #[cfg(feature = "failpoints")]
    let _failpoints = {
        die_of_a_crash();
        fail::FailScenario::setup()
    };
    let done = read_command_line().and_then(|CommandLine { command }| {
        log::start()?;
        carry_out(command)
    });
    let (line, code) = match done {
        Ok(()) => return ExitCode::SUCCESS,
        Err(Failure::Failed(line)) => (line, 1),
        Err(Failure::Misused(line)) => (line, 2),
    };
    eprintln!("billing-console: {}", line.replace(['\n', '\r'], " "));
    ExitCode::from(code)
}

/// A failpoint set to `panic(crash)` ends the process as SIGKILL does: no destructor runs, nothing is flushed.
#[cfg(feature = "failpoints")]
fn die_of_a_crash() {
    let told_by_default = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if panic
            .payload()
            .downcast_ref::<String>()
            .is_some_and(|why| why == "crash")
        {
            std::process::abort();
        }
        told_by_default(panic);
    }));
}

/// The arguments and the environment. `--help` and `--version` end here.
fn read_command_line() -> Result<CommandLine, Failure> {
    without_empty_variables(CommandLine::command())
        .try_get_matches()
        .and_then(|matches| CommandLine::from_arg_matches(&matches))
        .map_err(|error| match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => error.exit(),
            ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
                Failure::Misused("a command is missing: --help lists them".into())
            }
            _ => Failure::Misused(in_one_line(&error.render().to_string())),
        })
}

/// An empty environment variable is not set.
fn without_empty_variables(command: clap::Command) -> clap::Command {
    let is_empty = |arg: &clap::Arg| {
        arg.get_env()
            .and_then(std::env::var_os)
            .is_some_and(|value| value.is_empty())
    };
    command
        .mut_args(|arg| {
            if is_empty(&arg) {
                arg.env(Resettable::Reset)
            } else {
                arg
            }
        })
        .mut_subcommands(without_empty_variables)
}

/// What is wrong and the tip, of the paragraphs that clap writes.
fn in_one_line(told: &str) -> String {
    let mut paragraphs = told
        .split("\n\n")
        .map(|paragraph| paragraph.split_whitespace().collect::<Vec<_>>().join(" "));
    let wrong = paragraphs.next().unwrap_or_default();
    let mut line = wrong.trim_start_matches("error: ").to_owned();
    for tip in paragraphs.filter(|paragraph| paragraph.starts_with("tip: ")) {
        line.push_str("; ");
        line.push_str(&tip);
    }
    line + "; --help tells more"
}

fn carry_out(command: Command) -> Result<(), Failure> {
    match command {
        Command::Serve {
            flags,
            database,
            no_migrate,
        } => console::serve(flags, &database, no_migrate),
        Command::Demo {
            flags,
            database,
            fresh,
        } => console::demo(flags, &database, fresh),
        Command::Migrate { database } => migrate(&database),
        Command::Healthcheck { listen } => console::healthcheck(listen),
        Command::Backup { file, database } => data::backup(&file, &database),
        Command::CheckConfig {
            flags,
            database,
            online,
        } => check::check_config(flags, &database, online),
        Command::User { command, database } => people::run(command, &database),
        Command::Import {
            file,
            dry_run,
            database,
        } => data::import(&file, dry_run, &database),
        Command::Audit {
            command: AuditCommand::Verify { database },
        } => verify_audit(&database),
    }
}

/// Opens the database that a flag names.
fn open(url: &DatabaseUrl) -> Result<Database, Failure> {
    Database::open(url).map_err(Failure::Failed)
}

/// Opens a database that must be there and up to date; makes none.
fn open_existing(flag: &DatabaseFlag) -> Result<Database, Failure> {
    let url = flag.url(DEFAULT_DATABASE).map_err(Failure::Misused)?;
    match look::schema(&url).map_err(Failure::Failed)? {
        Schema::Current => open(&url),
        Schema::Outdated => Err(outdated()),
        Schema::Absent => {
            let place = match &url {
                DatabaseUrl::Sqlite(path) => format!(" at {}", path.display()),
                #[cfg(feature = "postgres")]
                DatabaseUrl::Postgres(_) => String::new(),
            };
            Err(Failure::Failed(format!(
                "there is no database{place}: name it with --database-url, or make it with `billing-console migrate`"
            )))
        }
    }
}

fn outdated() -> Failure {
    Failure::Failed(
        "the database's schema is not up to date: run `billing-console migrate` first".into(),
    )
}

fn migrate(database: &DatabaseFlag) -> Result<(), Failure> {
    let db = open(&database.url(DEFAULT_DATABASE).map_err(Failure::Misused)?)?;
    match db.migrate().map_err(Failure::Failed)? {
        0 => println!("The database is up to date."),
        applied => println!("{applied} migrations applied."),
    }
    Ok(())
}

fn verify_audit(database: &DatabaseFlag) -> Result<(), Failure> {
    let db = open_existing(database)?;
    let findings = db
        .snapshot(audit::verify)
        .map_err(|e| Failure::Failed(e.to_string()))?;
    let mut faults = Vec::new();
    for finding in &findings {
        let chain = if finding.organization_id.is_empty() {
            "(console)"
        } else {
            &finding.organization_id
        };
        match &finding.fault {
            None => println!(
                "{chain}: {} rows in order, head {}",
                finding.rows, finding.head
            ),
            Some(fault) => faults.push(format!("{chain}: {fault}")),
        }
    }
    if faults.is_empty() {
        println!(
            "The audit trail is whole. Keep the heads: only they show whether the newest rows were removed."
        );
        return Ok(());
    }
    Err(Failure::Failed(format!(
        "the audit trail is broken: {}",
        faults.join("; ")
    )))
}
