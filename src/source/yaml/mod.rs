//! YAML (and JSON) files to [`Node`]s, by the rules of PyYAML and Ansible: YAML 1.1 scalars, merge keys,
//! `!vault` and `!unsafe`, a warning for a repeated key.

mod adapt;
mod build;
mod explain;
mod json;
mod scalar;

#[cfg(test)]
mod tests;

pub use scalar::boolean as plain_boolean;

use crate::diag::{Diagnostic, Diagnostics, Severity, SourceFile, Span, errno};
use crate::source::vault::{self, Vault};
use crate::source::{Node, NodeKind, Settings};
use crate::value::marks::{self, Mark};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A file's content, and what there is to tell the user about it.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// `Null` for an empty file.
    pub node: Node,
    /// In Ansible's words; duplicate keys have the code `duplicate-key`.
    pub warnings: Diagnostics,
}

/// Reads a file. Its path is made absolute, so that positions are the same from everywhere. For files that may be
/// encrypted use a [`Reader`] with passwords.
///
/// # Errors
/// The file cannot be read, is not UTF-8, is a vault, or see [`parse`].
pub fn load(path: &Path) -> Result<Loaded, Diagnostic> {
    Reader::default().load(path)
}

/// The text of a file on the control machine, as something that positions can refer to.
///
/// # Errors
/// The file cannot be read or is not UTF-8.
pub fn read(path: &Path) -> Result<Arc<SourceFile>, Diagnostic> {
    source_file(path, read_bytes(path)?)
}

/// Ansible's words for a file that is not there.
pub fn missing(path: &str) -> String {
    let hint =
        "If you are using a module and expect the file to exist on the remote, see the remote_src option";
    format!(
        "Unable to retrieve file contents.\nCould not find or access '{path}' on the Ansible Controller.\n{hint}: [Errno 2] No such file or directory: '{path}'"
    )
}

fn read_bytes(path: &Path) -> Result<Vec<u8>, Diagnostic> {
    std::fs::read(path).map_err(|error| {
        let (code, summary) = match error.kind() {
            std::io::ErrorKind::NotFound => {
                let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
                ("missing-file", missing(&path.display().to_string()))
            }
            _ => {
                let (path, why) = (path.display(), errno(&error));
                let text =
                    format!("An error occurred while trying to read the file '{path}': {why}: '{path}'");
                ("unreadable-file", text)
            }
        };
        Diagnostic::error(code, summary)
    })
}

/// A file's bytes as a text that positions can refer to.
///
/// # Errors
/// They are not UTF-8; the place of the first byte that is not is given.
pub fn source_file(path: &Path, bytes: Vec<u8>) -> Result<Arc<SourceFile>, Diagnostic> {
    let path = absolute(path);
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Arc::new(SourceFile { path, text: text.into() })),
        Err(error) => {
            let valid = error.utf8_error().valid_up_to();
            let bytes = error.into_bytes();
            let before = String::from_utf8_lossy(&bytes[..valid]).into_owned();
            let line = before.matches('\n').count() + 1;
            let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
            let byte = bytes.get(valid).copied().unwrap_or_default();
            let text = String::from_utf8_lossy(&bytes).into();
            let file = Arc::new(SourceFile { path, text });
            let mut diagnostic = explain::at(&file, line, column, 1, "");
            diagnostic.code = "not-utf8";
            diagnostic.summary = format!("File '{}' could not be decoded as 'utf-8'.", file.path.display());
            Err(diagnostic.help(format!("This file must be UTF-8 encoded; the byte 0x{byte:02x} is not.")))
        }
    }
}

/// The one document of a text, YAML or JSON.
///
/// # Errors
/// Syntax errors with their place; more than one document; unknown tags; keys that are lists or mappings;
/// aliases that would expand to more than a million values; nesting deeper than 200 levels.
pub fn parse(file: &Arc<SourceFile>) -> Result<Loaded, Diagnostic> {
    if let Some(node) = json::parse(file) {
        return Ok(Loaded { node, warnings: Vec::new() });
    }
    let mut documents = build::documents(file, true)?;
    Ok(documents.pop().unwrap_or_else(|| Loaded {
        node: Node::new(NodeKind::Null, Span::new(file, 1, 1, 0)),
        warnings: Vec::new(),
    }))
}

/// All documents of a text.
///
/// # Errors
/// As [`parse`], but any number of documents is fine.
pub fn parse_all(file: &Arc<SourceFile>) -> Result<Vec<Loaded>, Diagnostic> {
    build::documents(file, false)
}

/// JSON alone; `None` if it is none.
pub fn parse_json(file: &Arc<SourceFile>) -> Option<Node> {
    json::parse(file)
}

/// Reads files that may be encrypted.
#[derive(Clone, Debug, Default)]
pub struct Reader {
    vault: Arc<Vault>,
    duplicates: Duplicates,
}

/// What a key that a mapping has twice is (`duplicate_dict_key`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Duplicates {
    #[default]
    Warn,
    Ignore,
    Error,
}

impl Duplicates {
    pub fn of_settings(settings: &Settings) -> Self {
        match settings.str("DUPLICATE_YAML_DICT_KEY") {
            Some("ignore") => Self::Ignore,
            Some("error") => Self::Error,
            _ => Self::Warn,
        }
    }

    fn judge(self, mut loaded: Loaded) -> Result<Loaded, Diagnostic> {
        let is_duplicate = |warning: &Diagnostic| warning.code == "duplicate-key";
        match self {
            Self::Warn => {}
            Self::Ignore => loaded.warnings.retain(|warning| !is_duplicate(warning)),
            Self::Error => {
                if let Some(found) = loaded.warnings.iter().find(|warning| is_duplicate(warning)) {
                    let summary = format!("YAML parsing failed: {}", found.summary);
                    return Err(Diagnostic {
                        severity: Severity::Error,
                        summary,
                        help: None,
                        ..found.clone()
                    });
                }
            }
        }
        Ok(loaded)
    }
}

impl Reader {
    pub fn new(vault: Arc<Vault>) -> Self {
        Self { vault, duplicates: Duplicates::default() }
    }

    #[must_use]
    pub fn with_duplicates(self, duplicates: Duplicates) -> Self {
        Self { duplicates, ..self }
    }

    pub fn vault(&self) -> &Arc<Vault> {
        &self.vault
    }

    /// The content of a file, decrypted if it is a vault.
    ///
    /// # Errors
    /// The file cannot be read; it is a vault that no known password opens.
    pub fn bytes(&self, path: &Path) -> Result<Vec<u8>, Diagnostic> {
        let bytes = read_bytes(path)?;
        if !vault::is_encrypted(&bytes) {
            return Ok(bytes);
        }
        let text = String::from_utf8_lossy(&bytes);
        self.vault.decrypt(&text).map(|(plain, _)| plain).map_err(|error| {
            let file = Arc::new(SourceFile { path: absolute(path), text: "".into() });
            Diagnostic::error("vault", format!("{error} for {}", path.display()))
                .at(&Span::new(&file, 1, 1, 0))
        })
    }

    /// The text of a file, decrypted if it is a vault.
    ///
    /// # Errors
    /// See [`Reader::bytes`]; it is not UTF-8.
    pub fn read(&self, path: &Path) -> Result<Arc<SourceFile>, Diagnostic> {
        source_file(path, self.bytes(path)?)
    }

    /// The document in a file, decrypted if it is a vault. The positions in such a file say where, but show nothing.
    ///
    /// # Errors
    /// See [`Reader::read`] and [`parse`].
    pub fn load(&self, path: &Path) -> Result<Loaded, Diagnostic> {
        let bytes = read_bytes(path)?;
        if !vault::is_encrypted(&bytes) {
            return self.duplicates.judge(parse(&source_file(path, bytes)?)?);
        }
        let hidden = Arc::new(SourceFile { path: absolute(path), text: "".into() });
        let mut loaded =
            self.read(path).and_then(|file| parse(&file)).map_err(|error| hide(error, &hidden))?;
        hide_node(&mut loaded.node, &hidden);
        loaded.warnings = loaded.warnings.into_iter().map(|warning| hide(warning, &hidden)).collect();
        self.duplicates.judge(loaded)
    }
}

impl Reader {
    /// Opens the vaulted texts in a node, as far as the passwords are known; the others stay closed, and using them is an error.
    pub fn reveal(&self, node: &mut Node) {
        match &mut node.kind {
            NodeKind::Vault(sealed) => {
                if let Ok((plain, _)) = self.vault.decrypt(sealed)
                    && let Ok(text) = String::from_utf8(plain)
                {
                    let text: Arc<str> = text.into();
                    marks::mark(&text, Mark::Vaulted(sealed.clone()));
                    node.kind = NodeKind::Str(text);
                }
            }
            NodeKind::List(items) => items.iter_mut().for_each(|item| self.reveal(item)),
            NodeKind::Map(entries) => entries.iter_mut().for_each(|(_, value)| self.reveal(value)),
            _ => {}
        }
    }
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// Positions that show no line of the secret file they are in.
fn hide(mut diagnostic: Diagnostic, hidden: &Arc<SourceFile>) -> Diagnostic {
    let related = diagnostic.related.iter_mut().map(|(span, _)| span);
    for span in diagnostic.span.iter_mut().chain(related) {
        span.file = hidden.clone();
    }
    diagnostic
}

fn hide_node(node: &mut Node, hidden: &Arc<SourceFile>) {
    node.span.file = hidden.clone();
    match &mut node.kind {
        NodeKind::List(items) => items.iter_mut().for_each(|item| hide_node(item, hidden)),
        NodeKind::Map(entries) => entries.iter_mut().for_each(|(key, value)| {
            hide_node(key, hidden);
            hide_node(value, hidden);
        }),
        _ => {}
    }
}

/// A text that is no file (`-e`, an ad-hoc argument, an answer of a program), under the name that positions show.
///
/// # Errors
/// See [`parse`].
pub fn parse_text(name: &str, text: &str) -> Result<Loaded, Diagnostic> {
    parse(&Arc::new(SourceFile { path: name.into(), text: text.into() }))
}
