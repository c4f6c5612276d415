//! Consumers of events: [`Human`] prints what Ansible's default callback prints; [`DriftReport`] sums up a drift check.

mod diff;
mod drift;
mod human;
mod minimal;
mod status;

pub use drift::DriftReport;
pub use human::{Human, Look};
pub use minimal::Minimal;
