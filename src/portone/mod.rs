//! PortOne V2: cards, phone verification, business numbers and its events.
//!
//! Shapes, fields and errors are those of its OpenAPI description, version 1.16.0.

mod api;
mod settings;

pub use api::Api;
pub use settings::{PortOneService, WebhookSecret};
