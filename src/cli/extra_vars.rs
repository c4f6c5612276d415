//! `-e`: `key=value`, YAML, JSON, or a file.

use crate::diag::{Diagnostic, Diagnostics, SourceFile, Span};
use crate::playbook::Vars;
use crate::source::{Node, NodeKind, args, yaml};
use crate::template::Engine;
use crate::value::py_str;
use std::path::Path;
use std::sync::Arc;

/// All `-e` of a command line, later ones over earlier ones; what there is to say of their files goes to `warnings`.
///
/// # Errors
/// A text or file that holds no variables.
pub fn parse(
    texts: &[String],
    engine: &Engine,
    reader: &yaml::Reader,
    warnings: &mut Diagnostics,
) -> Result<Vars, Diagnostic> {
    let mut vars = Vars::new();
    for text in texts {
        let text = text.trim();
        let node = match text.strip_prefix('@') {
            Some(path) => {
                let loaded = reader.load(Path::new(path))?;
                warnings.extend(loaded.warnings);
                loaded.node
            }
            None if text.starts_with(['{', '[', '/']) => {
                let file = Arc::new(SourceFile { path: "<command line>".into(), text: text.into() });
                yaml::parse(&file)?.node
            }
            None => {
                let pairs = args::parse_kv(text, false)
                    .map_err(|message| Diagnostic::error("extra-vars", message.to_string()))?;
                let span = Span::synthetic("<command line>", text);
                for (key, value) in pairs {
                    if key == "_raw_params" {
                        return Err(invalid(text));
                    }
                    let node = Node::new(NodeKind::Str(value.into()), span.clone());
                    vars.insert(key, engine.compile(&node), Some(span.clone()));
                }
                continue;
            }
        };
        if node.is_null() {
            continue;
        }
        let Some(entries) = node.as_map() else { return Err(invalid(text)) };
        for (key, value) in entries {
            let term = engine.compile(&value.untagged());
            vars.insert(py_str(&key.to_value()), term, Some(key.span.clone()));
        }
    }
    Ok(vars)
}

fn invalid(text: &str) -> Diagnostic {
    Diagnostic::error(
        "extra-vars",
        format!("Invalid extra vars data supplied. '{text}' could not be made into a dictionary"),
    )
}
