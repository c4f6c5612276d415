//! What the tests that need real hosts share.

pub mod host;
pub mod program;
pub mod sshd;
