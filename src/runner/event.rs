//! What happens in a run: the only thing that reporters see.

use super::result::TaskResult;
use crate::diag::{Diagnostic, Span};
use crate::playbook::Task;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// The task an event is about.
#[derive(Clone, Debug)]
pub struct TaskInfo {
    /// As it is shown: `role : name`, or the action where there is no name.
    pub name: String,
    /// Without the role, if somebody gave it a name.
    pub own_name: String,
    pub action: String,
    pub span: Span,
    /// Its arguments as they were written, where they are to be shown (`display_args_to_stdout`).
    pub args: Option<String>,
    pub handler: bool,
    pub check_mode: bool,
    /// Nobody wrote it; it is not announced unless something happens.
    pub implicit: bool,
    /// Tells the task from others at the same place, such as those of a file that is included again.
    pub task: usize,
}

impl TaskInfo {
    /// The same, called by the action that a template gave, where it has no other name.
    pub(super) fn named_by(self: &Arc<Self>, task: &Task, result: &TaskResult) -> Arc<Self> {
        if task.name.is_some() {
            return self.clone();
        }
        let action = result.action.as_ref().unwrap_or(&self.action);
        let name = self.name.replace(&task.action.written, action);
        Arc::new(Self { name, action: action.clone(), ..(**self).clone() })
    }

    /// The same for a result that knows the action better.
    pub(super) fn of_result(self: &Arc<Self>, result: &TaskResult) -> Arc<Self> {
        match &result.action {
            Some(action) => Arc::new(Self { action: action.clone(), ..(**self).clone() }),
            None => self.clone(),
        }
    }
}

/// One thing that happened, in order.
#[derive(Clone, Debug)]
pub enum Event {
    Start {
        playbook: PathBuf,
        plays: usize,
    },
    Play {
        name: String,
        /// By the play's own word or that of the command line.
        check_mode: bool,
        place: Span,
    },
    /// The play's pattern matches no host.
    NoHostsMatched,
    /// Every host of the batch is gone.
    NoHostsLeft,
    Task(Arc<TaskInfo>),
    /// A host began to work on a task (for the live display).
    Begin {
        host: Arc<str>,
        task: Arc<TaskInfo>,
    },
    /// One item of a loop is done.
    Item {
        host: Arc<str>,
        task: Arc<TaskInfo>,
        result: Arc<TaskResult>,
    },
    /// A host is done with a task.
    Result {
        host: Arc<str>,
        task: Arc<TaskInfo>,
        result: Arc<TaskResult>,
    },
    /// A try of `until` failed; `left` tries are left.
    Retry {
        host: Arc<str>,
        task: Arc<TaskInfo>,
        result: Arc<TaskResult>,
        left: u64,
    },
    /// Hosts go on with an included file or role.
    Included {
        task: Arc<TaskInfo>,
        file: String,
        hosts: Vec<String>,
        label: Option<String>,
    },
    /// What a running command prints.
    Output {
        host: Arc<str>,
        text: String,
    },
    /// Questions are asked on the terminal (or have been): nothing else may move there.
    Terminal {
        wanted: bool,
    },
    /// A line of prompt or other plain text.
    Message(String),
    /// How something is done, for who wants to know: `level` is the number of `v`s.
    Remark {
        text: String,
        level: u8,
    },
    Problem(Diagnostic),
    /// A playbook is done; `lost` are the hosts that failed or could not be reached, sorted.
    End {
        playbook: PathBuf,
        lost: Vec<String>,
    },
    Recap(BTreeMap<String, Tally>),
}

/// A host's line of the recap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub ok: u64,
    pub changed: u64,
    pub unreachable: u64,
    pub failed: u64,
    pub skipped: u64,
    pub rescued: u64,
    pub ignored: u64,
}

/// Consumes events. Called from one thread.
pub trait Reporter {
    fn on(&mut self, event: &Event);
}
