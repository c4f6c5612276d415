//! Warnings and errors about what the user wrote, on standard error, each once.

use super::Look;
use super::palette::Paint;
use super::sink::{Level, Sink};
use crate::diag::{self, Diagnostic, Severity};
use std::collections::HashSet;

/// Said once, before the first deprecation.
pub const MAY_BE_SILENCED: &str = "[WARNING]: Deprecation warnings can be disabled by setting `deprecation_warnings=False` in ansible.cfg.\n";

/// Says it, unless it is in `seen` or not wanted.
pub fn say(problem: &Diagnostic, look: &Look, sink: &Sink, seen: &mut HashSet<String>) {
    if problem.severity == Severity::Deprecation {
        if !look.deprecations {
            return;
        }
        if seen.insert(MAY_BE_SILENCED.to_owned()) {
            sink.error_line(MAY_BE_SILENCED, Some(Paint::Warning), Level::Warning);
        }
    }
    let text = diag::render(problem);
    let level = match problem.severity {
        Severity::Error => Level::Error,
        Severity::Warning => Level::Warning,
        _ => Level::Info,
    };
    // A warning is said once.
    if problem.severity == Severity::Error || seen.insert(text.clone()) {
        sink.error_line(&text, Some(problem.severity.into()), level);
    }
}
