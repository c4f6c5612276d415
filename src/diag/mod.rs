//! Diagnostics: errors and warnings as data, worded once, rendered here.

mod render;
mod suggest;

pub use render::{excerpt, render};
pub use suggest::did_you_mean;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// A text that positions refer to: a file, or something that was given on the command line.
#[derive(Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// As it is shown to the user (absolute for files, `<command line>` and the like otherwise).
    pub path: PathBuf,
    pub text: Arc<str>,
}

/// A place in a source: 1-based line and column (in characters), and how many characters it covers.
#[derive(Clone, PartialEq, Eq)]
pub struct Span {
    pub file: Arc<SourceFile>,
    pub line: u32,
    pub column: u32,
    pub width: u32,
}

impl Span {
    pub fn new(file: &Arc<SourceFile>, line: u32, column: u32, width: u32) -> Self {
        Self { file: file.clone(), line, column, width }
    }

    /// A place in a text that is no file (`-e`, an ad-hoc command, a test).
    pub fn synthetic(name: &str, text: &str) -> Self {
        let file = SourceFile { path: name.into(), text: text.into() };
        Self { file: Arc::new(file), line: 1, column: 1, width: 0 }
    }
}

/// `path:line:column`.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file.path.display(), self.line, self.column)
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Warning,
    Deprecation,
    Error,
}

/// One thing to tell the user about what they wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    pub severity: Severity,
    /// Stable and kebab-case (`unknown-keyword`), for tests, filters and documentation.
    pub code: &'static str,
    /// The cause, one sentence.
    pub summary: String,
    pub span: Option<Span>,
    /// Further places (`the first one is here`).
    pub related: Vec<(Span, String)>,
    /// What to do about it.
    pub help: Option<String>,
}

impl Diagnostic {
    pub fn new(severity: Severity, code: &'static str, summary: impl Into<String>) -> Self {
        Self { severity, code, summary: summary.into(), span: None, related: Vec::new(), help: None }
    }

    pub fn error(code: &'static str, summary: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, summary)
    }

    pub fn warning(code: &'static str, summary: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, summary)
    }

    pub fn at(mut self, span: &Span) -> Self {
        self.span = Some(span.clone());
        self
    }

    pub fn at_maybe(mut self, span: Option<&Span>) -> Self {
        self.span = span.cloned();
        self
    }

    pub fn related(mut self, span: &Span, note: impl Into<String>) -> Self {
        self.related.push((span.clone(), note.into()));
        self
    }

    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// The summary alone; use [`render`] for people.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.summary)
    }
}

impl std::error::Error for Diagnostic {}

/// Everything that was found wrong in one pass, errors and warnings, in the order found.
pub type Diagnostics = Vec<Diagnostic>;

/// An error of the system as Python shows it: `[Errno 2] No such file or directory`.
pub fn errno(error: &std::io::Error) -> String {
    let text = error.to_string();
    match (error.raw_os_error(), text.find(" (os error")) {
        (Some(code), Some(at)) => format!("[Errno {code}] {}", &text[..at]),
        _ => text,
    }
}
