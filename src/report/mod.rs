//! Consumers of events: [`Human`] prints what Ansible's default callback prints; [`DriftReport`] sums up a drift check.

mod causes;
mod choose;
mod diff;
mod drift;
mod human;
mod json;
mod layout;
mod minimal;
mod palette;
mod problems;
mod retry;
mod sink;
mod stats;
mod status;
mod timing;
mod tree;

/// A text without control characters but for line breaks and tabs: those from hosts never reach the terminal as such.
fn escaped(text: &str) -> String {
    let harmful = |c: char| c.is_control() && !matches!(c, '\t' | '\n');
    let show = |c: char| if harmful(c) { format!("\\x{:02x}", c as u32) } else { c.to_string() };
    if text.chars().any(harmful) { text.chars().map(show).collect() } else { text.to_owned() }
}

/// What is shown of a result with `no_log`.
const CENSORED: &str =
    "the output has been hidden due to the fact that 'no_log: true' was specified for this result";

pub use choose::{Reporters, of_settings};

pub use drift::DriftReport;
pub use human::{Human, Look};
pub use json::Json;
pub use layout::{Format, Layout};
pub use minimal::{Minimal, NO_HOSTS_MATCHED};
pub use palette::{Paint, Palette};
pub use problems::MAY_BE_SILENCED;
pub use sink::{Level, LogFile, Sink};
pub use tree::Tree;
