//! Control-side halves of tasks, one file each. To add one: write the file, implement [`Action`], add a line to
//! [`find`] and the name with its arguments to `playbook::ACTIONS`.

mod add_host;
mod argument_spec;
pub mod argument_types;
mod assemble;
mod assert;
pub mod async_status;
mod contract;
mod copy;
mod debug;
mod debug_expressions;
mod digests;
mod fetch;
mod gather_facts;
mod group_by;
mod include_vars;
mod package;
mod pause;
mod program;
mod raw;
mod script;
mod set_fact;
mod template;
mod validate_argument_spec;
mod wait_for_connection;

use crate::playbook::{ActionKind, ActionName};

pub use contract::{Action, AllBlobs, Blobs, Call, Content, Files, Prepared, Scene};
pub use digests::Digests;

/// The control half of what a task does, where it has one.
pub fn of(action: &ActionName) -> Option<&'static dyn Action> {
    match action.kind {
        ActionKind::Program => Some(&program::Program),
        _ => find(&action.short),
    }
}

/// The action of that name.
fn find(name: &str) -> Option<&'static dyn Action> {
    Some(match name {
        "add_host" => &add_host::AddHost,
        "ansible._protomatter.debug" => &debug_expressions::DebugExpressions,
        "assemble" => &assemble::Assemble,
        "assert" => &assert::Assert,
        "async_status" => &async_status::AsyncStatus,
        "copy" => &copy::Copy,
        "debug" => &debug::Debug,
        "fail" => &assert::Fail,
        "fetch" => &fetch::Fetch,
        "gather_facts" => &gather_facts::GatherFacts,
        "group_by" => &group_by::GroupBy,
        "include_vars" => &include_vars::IncludeVars,
        "package" => &package::Package,
        "pause" => &pause::Pause,
        "raw" => &raw::Raw,
        "script" => &script::Script,
        "set_fact" => &set_fact::SetFact,
        "set_stats" => &set_fact::SetStats,
        "template" => &template::TemplateFile,
        "validate_argument_spec" => &validate_argument_spec::ValidateArgumentSpec,
        "wait_for_connection" => &wait_for_connection::WaitForConnection,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_linker_knows_the_same_names() {
        for (name, _) in crate::playbook::ACTIONS {
            assert!(super::find(name).is_some(), "{name}");
        }
    }
}
