//! Lookups in INI and properties files.

use super::Lookup;
use super::files::find_or_fail;
use super::tables::{Term, read};
use crate::template::object::{Res, V, failed};
use crate::template::regex::{self, Flags};

/// The section that stands for a whole properties file.
const PROPERTIES: &str = "java_properties";
/// The section whose values are those of all sections.
const DEFAULT: &str = "DEFAULT";
/// Values that refer to values, no deeper than this.
const DEEPEST: usize = 10;

pub fn ini(lookup: &mut Lookup) -> Res<Vec<V>> {
    const KNOWN: &[&str] = &[
        "type",
        "file",
        "section",
        "re",
        "encoding",
        "default",
        "case_sensitive",
        "allow_no_value",
        "allow_none",
        "interpolation",
    ];
    let mut out = Vec::new();
    for written in lookup.texts()? {
        let term = Term::new(&written, KNOWN, lookup)?;
        if term.key.is_empty() {
            return Err(failed(format!(
                "No key to look up was provided as first term within string inline options: {written}"
            )));
        }
        let name = term.text("file")?.unwrap_or_else(|| "ansible.ini".into());
        let path = find_or_fail(lookup, "files", &V::str(&name))?;
        let content = read(&path, &term.text("encoding")?.unwrap_or_else(|| "utf-8".into()))?;
        let case_sensitive = term.flag("case_sensitive")?.unwrap_or(false);
        let mut file = File {
            name: path.display().to_string(),
            case_sensitive,
            allow_none: match term.flag("allow_no_value")? {
                Some(flag) => flag,
                None => term.flag("allow_none")?.unwrap_or(false),
            },
            interpolation: term.flag("interpolation")?.unwrap_or(true),
            sections: Vec::new(),
        };
        let properties = term.text("type")?.as_deref() == Some("properties");
        let section = if properties {
            PROPERTIES.into()
        } else {
            term.text("section")?.unwrap_or_else(|| "global".into())
        };
        file.parse(&content, properties)?;
        if section != DEFAULT && !file.sections.iter().any(|known| known.name == section) {
            return Err(failed(format!("No section '{section}' in '{name}'.")));
        }
        if term.flag("re")?.unwrap_or(false) {
            let regex = regex::compile(&term.key, Flags::default())?;
            for (name, value) in file.entries(&section) {
                if regex.is_match(name).map_err(regex::runaway)? {
                    out.extend(file.plain(&section, value, 0)?.map(V::from));
                }
            }
            continue;
        }
        match file.get(&section, &term.key) {
            Some(value) => out.extend(file.plain(&section, value, 0)?.map(V::from)),
            None => out.push(term.get("default").cloned().unwrap_or_else(|| V::str(""))),
        }
    }
    Ok(out)
}

struct File {
    name: String,
    case_sensitive: bool,
    allow_none: bool,
    interpolation: bool,
    sections: Vec<Section>,
}

struct Section {
    name: String,
    entries: Vec<(String, Option<String>)>,
}

impl File {
    /// Reads sections and values as Python's `configparser` does.
    fn parse(&mut self, text: &str, properties: bool) -> Res<()> {
        let mut broken = Vec::new();
        // The section lines go to now, and whether its last entry may go on in the next line.
        let mut current = None;
        let mut open = false;
        if properties {
            self.sections.push(Section { name: PROPERTIES.into(), entries: Vec::new() });
            current = Some(0);
        }
        for (number, line) in text.lines().enumerate() {
            let trimmed = line.trim();
            if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
                continue;
            }
            if open
                && line.starts_with(char::is_whitespace)
                && let Some((_, value)) = current.and_then(|at: usize| self.sections[at].entries.last_mut())
            {
                let value = value.get_or_insert_default();
                value.push('\n');
                value.push_str(trimmed);
                continue;
            }
            if let Some((name, _)) = trimmed.strip_prefix('[').and_then(|rest| rest.rsplit_once(']')) {
                open = false;
                current = Some(self.section(name, number)?);
                continue;
            }
            let Some(at) = current else {
                return Err(failed(format!(
                    "File contains no section headers.\nfile: '{}', line: {}\n{}",
                    self.name,
                    number + 1,
                    crate::value::py_repr(&format!("{line}\n").into())
                )));
            };
            let (name, value) = match trimmed.find(['=', ':']) {
                Some(0) => {
                    broken.push((number, line));
                    continue;
                }
                Some(at) => (trimmed[..at].trim(), Some(trimmed[at + 1..].trim().to_owned())),
                None if self.allow_none => (trimmed, None),
                None => {
                    broken.push((number, line));
                    continue;
                }
            };
            let name = self.folded(name);
            if self.sections[at].entries.iter().any(|(known, _)| *known == name) {
                return Err(failed(format!(
                    "Duplicate option in '{}': While reading from '<???>' [line {:2}]: option '{name}' in section '{}' already exists",
                    self.name,
                    number + 1,
                    self.sections[at].name
                )));
            }
            self.sections[at].entries.push((name, value));
            open = true;
        }
        if broken.is_empty() {
            return Ok(());
        }
        let lines: Vec<String> = broken
            .iter()
            .map(|(number, line)| {
                let line = crate::value::py_repr(&format!("{line}\n").into());
                format!("\t[line {:2}]: {line}", number + 1)
            })
            .collect();
        Err(failed(format!("Source contains parsing errors: '{}'\n{}", self.name, lines.join("\n"))))
    }

    /// The number of a section that begins here.
    fn section(&mut self, name: &str, number: usize) -> Res<usize> {
        if self.sections.iter().any(|known| known.name == name) && name != DEFAULT {
            return Err(failed(format!(
                "Duplicate section in '{}': While reading from '<???>' [line {:2}]: section '{name}' already exists",
                self.name,
                number + 1
            )));
        }
        if let Some(at) = self.sections.iter().position(|known| known.name == name) {
            return Ok(at);
        }
        self.sections.push(Section { name: name.to_owned(), entries: Vec::new() });
        Ok(self.sections.len() - 1)
    }

    fn folded(&self, name: &str) -> String {
        if self.case_sensitive { name.to_owned() } else { name.to_lowercase() }
    }

    fn own(&self, section: &str) -> impl Iterator<Item = &(String, Option<String>)> {
        self.sections.iter().filter(move |known| known.name == section).flat_map(|known| &known.entries)
    }

    /// What a section holds: its own, then what it has of the default section.
    fn entries(&self, section: &str) -> Vec<&(String, Option<String>)> {
        let mut entries: Vec<_> = self.own(section).collect();
        for entry in self.own(DEFAULT) {
            if !entries.iter().any(|(known, _)| *known == entry.0) {
                entries.push(entry);
            }
        }
        entries
    }

    fn get(&self, section: &str, name: &str) -> Option<&Option<String>> {
        let name = self.folded(name);
        self.entries(section).into_iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// The value with `%(name)s` replaced.
    fn plain(&self, section: &str, value: &Option<String>, depth: usize) -> Res<Option<String>> {
        let Some(value) = value else { return Ok(None) };
        if !self.interpolation {
            return Ok(Some(value.clone()));
        }
        if depth > DEEPEST {
            return Err(failed(format!("Recursion limit exceeded in value substitution: {value}")));
        }
        let mut out = String::new();
        let mut rest = value.as_str();
        while let Some(at) = rest.find('%') {
            out.push_str(&rest[..at]);
            rest = &rest[at..];
            if let Some(after) = rest.strip_prefix("%%") {
                out.push('%');
                rest = after;
            } else if let Some((name, after)) =
                rest.strip_prefix("%(").and_then(|inside| inside.split_once(")s"))
            {
                let Some(other) = self.get(section, name) else {
                    return Err(failed(format!(
                        "Bad value substitution: there is no '{name}' in section '{section}'"
                    )));
                };
                out.push_str(&self.plain(section, other, depth + 1)?.unwrap_or_default());
                rest = after;
            } else {
                return Err(failed(format!("'%' must be followed by '%' or '(', found: '{rest}'")));
            }
        }
        out.push_str(rest);
        Ok(Some(out))
    }
}

/// The sections of an INI text and what stands in them, the default section last.
///
/// # Errors
/// In Python's words.
#[allow(clippy::type_complexity)] // Spelled out it is clearer than by another name.
pub fn sections(text: &str) -> Res<Vec<(String, Vec<(String, Option<String>)>)>> {
    let mut file = File {
        name: "<???>".into(),
        case_sensitive: true,
        allow_none: false,
        interpolation: false,
        sections: Vec::new(),
    };
    file.parse(text, false)?;
    let names: Vec<String> = file.sections.iter().map(|section| section.name.clone()).collect();
    let (last, own): (Vec<String>, Vec<String>) = names.into_iter().partition(|name| name == DEFAULT);
    let entries = |name: String| {
        let mut entries: Vec<_> =
            if name == DEFAULT { Vec::new() } else { file.own(DEFAULT).cloned().collect() };
        for entry in file.own(&name) {
            match entries.iter_mut().find(|(known, _)| *known == entry.0) {
                Some(known) => known.1.clone_from(&entry.1),
                None => entries.push(entry.clone()),
            }
        }
        (name, entries)
    };
    Ok(own.into_iter().chain(last).map(entries).collect())
}
