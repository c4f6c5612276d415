//! The callback `tree` (`ansible --tree`): a folder with the last result of each host, as JSON in a file of its name.

use super::minimal::shown;
use super::palette::Paint;
use super::sink::{Level, Sink};
use crate::diag::{Diagnostic, render};
use crate::runner::{Event, Reporter};
use crate::value::{JsonStyle, Redactor, Value};
use std::path::PathBuf;
use std::sync::Arc;

pub struct Tree {
    /// `None` if it could not be made.
    folder: Option<PathBuf>,
    sink: Arc<Sink>,
    verbosity: u8,
}

impl Tree {
    /// The folder is made, if it is not there; what cannot be written is a warning.
    pub fn new(folder: PathBuf, sink: Arc<Sink>, verbosity: u8) -> Self {
        let made = std::fs::create_dir_all(&folder);
        let tree = Self { folder: made.is_ok().then(|| folder.clone()), sink, verbosity };
        if let Err(error) = made {
            tree.warn(Diagnostic::warning(
                "tree",
                format!(
                    "Unable to access or create the configured directory ({}): {error}",
                    folder.display()
                ),
            ));
        }
        tree
    }

    fn warn(&self, warning: Diagnostic) {
        self.sink.error_line(&render(&warning), Some(Paint::Warning), Level::Warning);
    }
}

impl Reporter for Tree {
    fn on(&mut self, event: &Event) {
        let Event::Result { host, task, result } = event else { return };
        let Some(folder) = self.folder.as_ref().filter(|_| !result.skipped) else { return };
        let data = Value::map(shown(task, result, self.verbosity));
        let text = JsonStyle { sort_keys: true, ..JsonStyle::default() }.write(&data);
        // A host's name must not lead out of the folder.
        let file = folder.join(host.replace('/', "_"));
        if let Err(error) = std::fs::write(&file, Redactor::global().redact(&text).as_bytes()) {
            self.warn(Diagnostic::warning("tree", format!("Unable to write to {host}'s file: {error}")));
        }
    }
}
