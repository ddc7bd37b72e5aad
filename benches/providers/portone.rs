//! The tests' own PortOne.

#[path = "../../tests/it/portone/fake.rs"]
pub mod fake;
#[path = "../../tests/it/portone/faults.rs"]
pub mod faults;
#[path = "../../tests/it/portone/http.rs"]
mod http;
#[path = "../../tests/it/portone/state.rs"]
mod state;
