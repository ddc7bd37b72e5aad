//! Support preview: staff see any group's status exactly as its administrators do, read-only and recorded.

pub mod pages;
pub mod rules;
pub mod store;
