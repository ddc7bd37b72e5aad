//! `billing-console`: the web console in which billing administrators manage how each billing group pays.

#![deny(unsafe_code)]

pub mod access;
pub mod app;
pub mod audit;
pub mod clock;
pub mod commands;
pub mod db;
pub mod demo;
pub mod error;
pub mod gateway;
pub mod groups;
pub mod import;
pub mod jobs;
pub mod memory;
pub mod network;
pub mod outside;
pub mod payment_methods;
pub mod portone;
pub mod registration;
pub mod secrets;
pub mod settings;
pub mod support;
pub mod verification;
pub mod web;
