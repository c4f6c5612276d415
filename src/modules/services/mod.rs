//! Services: systemd units, init scripts, and the module that chooses between them.

pub mod service;
pub mod systemd;
mod sysv;
