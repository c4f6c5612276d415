//! What the tests that need real hosts share.

pub mod program;
pub mod sshd;
