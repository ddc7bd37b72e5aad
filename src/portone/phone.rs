//! stub
use super::Api;
use crate::verification::*;
use std::{net::IpAddr, sync::Arc};
pub struct PortOnePhone;
impl PortOnePhone {
    pub fn new(_: Arc<Api>, _: String) -> Self {
        Self
    }
}
impl PhoneVerification for PortOnePhone {
    fn send(&self, _: &str, _: &HolderIdentity, _: IpAddr) -> Result<(), Unreachable> {
        Err(Unreachable)
    }
    fn resend(&self, _: &str, _: &PhoneNumber) -> Result<(), Unreachable> {
        Err(Unreachable)
    }
    fn confirm(&self, _: &str, _: &str) -> Result<Confirmation, Unreachable> {
        Err(Unreachable)
    }
}
