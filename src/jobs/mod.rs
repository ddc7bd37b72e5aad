use std::sync::Arc;
pub struct Worker;
impl Worker { pub fn start(_: Arc<crate::app::Services>) -> Self { Self } pub fn stop(self) {} }
