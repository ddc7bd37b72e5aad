//! The console with PortOne behind it: [`fake`] is a PortOne of the tests' own.

mod cards;
mod event_edges;
pub mod events;
pub mod fake;
pub mod faults;
mod holders;
pub mod http;
mod prism;
mod served;
mod shapes;
mod state;
