//! `retry_files_enabled`: a file beside the playbook (or in a folder of its own) with the hosts that have to be tried again.

use super::sink::Sink;
use super::{Look, problems};
use crate::diag::Diagnostic;
use crate::runner::{Event, Reporter};
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub struct RetryFiles {
    /// `retry_files_save_path`.
    folder: Option<PathBuf>,
    look: Look,
    sink: Arc<Sink>,
}

impl RetryFiles {
    pub fn new(folder: Option<PathBuf>, look: Look, sink: Arc<Sink>) -> Self {
        Self { folder, look, sink }
    }

    fn write(&self, file: &Path, hosts: &[String]) -> std::io::Result<()> {
        if let Some(folder) = &self.folder {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(file, hosts.iter().map(|host| format!("{host}\n")).collect::<String>())
    }
}

impl Reporter for RetryFiles {
    fn on(&mut self, event: &Event) {
        let Event::End { playbook, lost } = event else { return };
        if lost.is_empty() {
            return;
        }
        let folder = self.folder.as_deref().or_else(|| playbook.parent()).unwrap_or(Path::new("."));
        let name = playbook.file_stem().unwrap_or_default().to_string_lossy();
        let file = folder.join(format!("{name}.retry"));
        match self.write(&file, lost) {
            Ok(()) => self.sink.line(&format!("\tto retry, use: --limit @{}", file.display()), None),
            Err(error) => {
                let text = format!("Could not create retry file '{}'.\n\t{error}", file.display());
                let warning = Diagnostic::warning("retry-file", text);
                problems::say(&warning, &self.look, &self.sink, &mut HashSet::new());
            }
        }
    }
}
