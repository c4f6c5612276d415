//! `ansible_local`: what the host's owner says in `*.fact` files, as JSON, INI or programs that print either.

use super::read::{names, text};
use super::{Facts, Sources};
use crate::modules::kit::Command;
use crate::value::{Map, Value, from_json};
use std::path::Path;

pub fn facts(sources: &Sources) -> Facts {
    let mut found = Map::new();
    for name in names(&sources.fact_path) {
        let Some(stem) = name.strip_suffix(".fact") else { continue };
        let path = Path::new(&sources.fact_path).join(&name);
        let value = fact(sources, &path).unwrap_or_else(|why| {
            sources.probe.warn(&why);
            why.into()
        });
        found.insert(Value::str(stem), value);
    }
    let mut facts = Facts::new();
    facts.set("local", found);
    facts
}

/// The error is what the fact is then, too.
fn fact(sources: &Sources, path: &Path) -> Result<Value, String> {
    let shown = path.display();
    if let Err(error) = std::fs::metadata(path) {
        return Err(format!("Could not stat fact ({shown}): {}", crate::modules::kit::os_error(&error)));
    }
    let executable = path.is_file() && rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok();
    let is_marked = std::fs::metadata(path).is_ok_and(|data| {
        use std::os::unix::fs::PermissionsExt;
        data.permissions().mode() & 0o111 != 0
    });
    let content = if executable && is_marked {
        match sources.probe.query(&Command::new([path])) {
            Err(failure) => {
                return Err(format!("Could not execute fact script ({shown}): {}", failure.msg));
            }
            Ok(output) if !output.success() => {
                return Err(format!(
                    "Failure executing fact script ({shown}), rc: {}, err: {}",
                    output.rc,
                    output.stderr()
                ));
            }
            Ok(output) => output.stdout(),
        }
    } else {
        match text(path) {
            Some(text) => text,
            None => return Err(format!("Could not read fact file ({shown})")),
        }
    };
    match from_json(&content) {
        Ok(value) => Ok(value),
        Err(_) => match ini(&content) {
            Ok(value) => Ok(Value::map(value)),
            Err(cause) if cause.starts_with('\'') => {
                Err(format!("error loading facts as ini - please check content: {shown} ({cause})"))
            }
            Err(_) => Err(format!("error loading facts as JSON or ini - please check content: {shown}")),
        },
    }
}

/// Sections of `key=value` or `key: value`; keys in lower case, values as they stand.
fn ini(text: &str) -> Result<Map, String> {
    let mut sections: Vec<(String, Vec<(String, String)>)> = Vec::new();
    for line in text.lines() {
        let content = line.trim();
        if content.is_empty() || content.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = content.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
            sections.push((name.to_owned(), Vec::new()));
            continue;
        }
        let Some((_, entries)) = sections.last_mut() else {
            return Err("File contains no section headers.".into());
        };
        if let Some((_, value)) = entries.last_mut().filter(|_| line.starts_with([' ', '\t'])) {
            value.push('\n');
            value.push_str(content);
            continue;
        }
        let at = content.find(['=', ':']);
        let (key, value) = at.map_or((content, ""), |at| (&content[..at], &content[at + 1..]));
        entries.push((key.trim().to_lowercase(), value.trim().to_owned()));
    }
    for (_, value) in sections.iter().flat_map(|(_, entries)| entries) {
        // A `%` stands for itself when doubled, or begins the name of another value.
        let mut rest = value.as_str();
        while let Some(at) = rest.find('%') {
            rest = &rest[at..];
            let Some(after) = ["%%", "%("].iter().find_map(|start| rest.strip_prefix(start)) else {
                return Err(format!("'%' must be followed by '%' or '(', found: '{rest}'"));
            };
            rest = after;
        }
    }
    Ok(sections.into_iter().map(|(name, entries)| (name.into(), Value::object(entries))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::to_json;

    #[test]
    fn ini_files_become_mappings() {
        let map = ini("# mine\n[general]\nAsdf = 1\nbar: two\n more\n[empty]\n").expect("it is well-formed");
        assert_eq!(
            to_json(&Value::map(map)),
            r#"{"general": {"asdf": "1", "bar": "two\nmore"}, "empty": {}}"#
        );
        assert!(ini("no section\n").is_err());
        assert!(ini("[a]\nb = 5 % of it\n").is_err());
    }
}
