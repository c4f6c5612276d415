//! Running what the user wrote: `command`, `shell`, `raw`, `script`.

pub mod command;
pub mod raw;
pub mod script;
