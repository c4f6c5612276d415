//! Facts and settings of the whole host.

pub mod setup;
