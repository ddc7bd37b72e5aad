//! PortOne V2: cards, phone verification, business numbers and its events.
//!
//! Shapes, fields and errors are those of its OpenAPI description, version 1.16.0.

mod api;
pub mod business;
mod cards;
pub mod events;
mod keys;
mod phone;
pub mod proof;
mod refusals;
mod settings;
pub mod webhook;

pub use api::Api;
pub use business::PortOneRegistry;
pub use cards::PortOneCards;
pub use phone::PortOnePhone;
pub use settings::{PortOneService, WebhookSecret};
