//! The console's tests through its real HTTP server and, where it matters, its real process.
#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod accounts;
mod app;
#[cfg(feature = "failpoints")]
mod attacks;
mod audit;
mod bad_input;
mod browser;
mod cards;
mod clocks;
mod codes;
mod commands;
mod contract;
#[cfg(feature = "failpoints")]
mod crash;
mod database;
#[cfg(feature = "failpoints")]
mod faults;
mod forms;
mod import;
#[cfg(feature = "failpoints")]
mod load;
mod look;
mod memory;
mod nts;
mod outside;
mod peer;
mod person;
mod portone;
mod portone_settings;
mod process;
mod races;
mod readme;
mod revocations;
#[cfg(feature = "failpoints")]
mod security;
mod simulation;
mod snapshots;
mod snapshots_wizard;
mod support;
mod tab;
mod terms;
mod texts;
mod wizard;
