//! Attacks: one list of all routes and what is generated from it, then what no list can say.

mod canary;
mod counts;
mod csrf;
mod digits;
mod fields;
mod headers;
mod masking;
mod masks;
mod matrix;
mod meanwhile;
pub mod people;
mod reads;
mod rest;
mod routes;
mod sessions;
mod steps;
mod wire;
