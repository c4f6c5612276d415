//! Exit codes, in one place.

use crate::diag::Diagnostic;
use crate::runner::{Broken, Verdict};
use crate::source::settings::Name;

pub const OK: i32 = 0;
/// Wrong content, inventory or settings under the Ansible names.
pub const ERROR: i32 = 1;
/// A word that is none of those there are, under the Ansible names.
pub const BAD_OPTION: i32 = 5;
pub const FAILED: i32 = 2;
pub const UNREACHABLE: i32 = 4;
/// A playbook that is wrong, under the name `ekumen` (and Ansible's code for parser errors is 4).
pub const CONTENT: i32 = 20;
pub const INVENTORY: i32 = 21;
/// Nothing was selected by pattern, limit or tags.
pub const NOTHING: i32 = 22;
pub const USAGE: i32 = 64;
pub const INTERRUPTED: i32 = 130;

/// The code for content that is wrong.
pub fn content(name: Name) -> i32 {
    match name {
        Name::Ansible => UNREACHABLE,
        Name::Ekumen => CONTENT,
    }
}

/// The code for a command line that is wrong.
pub fn usage(name: Name) -> i32 {
    match name {
        Name::Ansible => 2,
        Name::Ekumen => USAGE,
    }
}

/// The code for settings that make no sense.
pub fn of_settings(name: Name) -> i32 {
    match name {
        Name::Ansible => BAD_OPTION,
        Name::Ekumen => ERROR,
    }
}

/// The code for playbooks that cannot be loaded: Ansible tells most of what is written wrong from files and
/// roles that are not there.
pub fn of_problems(problems: &[Diagnostic], name: Name) -> i32 {
    let other = |problem: &Diagnostic| {
        matches!(
            problem.code,
            "file-not-found"
                | "role-not-found"
                | "module-removed"
                | "module-redirect-loop"
                | "collection-version"
                | "missing-file"
                | "tags-not-a-list"
                | "empty-loop"
                | "duplicate-loop"
                | "unnamed-role"
                | "role-template"
                | "static-syntax"
                | "vars-file"
        )
    };
    match name {
        Name::Ansible if problems.first().is_some_and(other) => ERROR,
        _ => content(name),
    }
}

/// The code of a finished run. Ansible says 4 for unreachable hosts whether or not others failed.
pub fn of(verdict: &Verdict, name: Name) -> i32 {
    if verdict.interrupted {
        return match name {
            Name::Ansible => 99,
            Name::Ekumen => INTERRUPTED,
        };
    }
    match name {
        Name::Ansible if verdict.broken == Some(Broken::Running) => ERROR,
        Name::Ansible if verdict.broken == Some(Broken::Option) => BAD_OPTION,
        _ if verdict.broken.is_some() => content(name),
        Name::Ansible if verdict.unreachable && !verdict.limit_reached => UNREACHABLE,
        Name::Ekumen if verdict.unreachable && verdict.failed => 4,
        Name::Ekumen if verdict.unreachable => 3,
        _ if verdict.failed => FAILED,
        Name::Ekumen if verdict.nothing_ran => NOTHING,
        _ => OK,
    }
}
