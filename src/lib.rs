//! `billing-console`: the web console in which billing administrators manage how each billing group pays.

pub mod clock;
pub mod db;
pub mod error;
