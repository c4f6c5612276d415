//! The table of modules: one line each.

use super::kit::{Entry, entry};

/// Every native module, by its short name.
pub static MODULES: &[Entry] = &[entry::<super::ping::Ping>()];

/// The module of that short name.
pub fn find(name: &str) -> Option<&'static Entry> {
    MODULES.iter().find(|entry| entry.name == name)
}
