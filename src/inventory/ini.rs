//! Inventories in Ansible's INI format.

use super::load::Loading;
use super::{literal, range};
use crate::diag::{Diagnostic, SourceFile, Span};
use crate::source::Node;
use std::collections::HashSet;
use std::sync::Arc;

#[derive(Clone, Copy, PartialEq)]
enum Section {
    Hosts,
    Vars,
    Children,
}

/// Reads a file into the inventory. What stands before an error stays.
///
/// # Errors
/// In Ansible's words, at the line.
pub fn parse(loading: &mut Loading, file: &Arc<SourceFile>) -> Result<(), Diagnostic> {
    let mut reader = Reader { loading, file, line: 0, text: "" };
    reader.all()
}

struct Reader<'a, 'b> {
    loading: &'a mut Loading<'b>,
    file: &'a Arc<SourceFile>,
    line: u32,
    text: &'a str,
}

/// Sections that named a group before (or without) it being defined.
#[derive(Default)]
struct Pending {
    /// `[g:vars]`, with its place.
    vars: Vec<(String, Span)>,
    /// A child group's name, to the parents that want it.
    children: Vec<(String, Vec<(usize, Span)>)>,
}

impl<'a> Reader<'a, '_> {
    fn error(&self, what: impl std::fmt::Display) -> Diagnostic {
        Diagnostic::error("bad-inventory", format!("Failed to parse inventory: {what}"))
            .at(&self.span(self.text, self.text))
    }

    /// The place of `part`, which is a slice of `line`.
    fn span(&self, line: &str, part: &str) -> Span {
        let offset = (part.as_ptr() as usize).wrapping_sub(line.as_ptr() as usize);
        let before = line.get(..offset).unwrap_or("").chars().count();
        let to_u32 = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let indent = self.text.len() - self.text.trim_start().len();
        let start = if std::ptr::eq(line, part) { indent } else { before };
        Span::new(self.file, self.line, to_u32(start + 1), to_u32(part.trim().chars().count()))
    }

    fn all(&mut self) -> Result<(), Diagnostic> {
        let mut group = super::model::UNGROUPED;
        let mut section = Section::Hosts;
        let mut pending = Pending::default();
        let mut defined: HashSet<usize> = HashSet::new();
        for (number, text) in self.file.text.lines().enumerate() {
            self.line = u32::try_from(number + 1).unwrap_or(u32::MAX);
            self.text = text;
            let line = text.trim();
            if line.is_empty() || line.starts_with([';', '#']) {
                continue;
            }
            if let Some((name, kind)) = section_header(line) {
                section = match kind {
                    None | Some("hosts") => Section::Hosts,
                    Some("vars") => Section::Vars,
                    Some("children") => Section::Children,
                    Some(kind) => {
                        return Err(self.error(format!("Section [{name}:{kind}] has unknown type: {kind}")));
                    }
                };
                group = self.loading.group(name);
                if section == Section::Vars {
                    if !defined.contains(&group) && !self.loading.is_known(group) {
                        pending.vars.push((name.to_owned(), self.span(text, text)));
                    }
                    continue;
                }
                defined.insert(group);
                pending.vars.retain(|(waiting, _)| waiting != name);
                if let Some(at) = pending.children.iter().position(|(child, _)| child == name) {
                    for (parent, _) in pending.children.swap_remove(at).1 {
                        self.link(parent, group)?;
                    }
                }
                continue;
            }
            if line.starts_with('[') && line.ends_with(']') {
                return Err(self.error(format!(
                    "Invalid section entry: '{line}'. Please make sure that there are no spaces in the section entry, and that there are no other invalid characters"
                )));
            }
            match section {
                Section::Hosts => self.host(group, line)?,
                Section::Vars => self.variable(group, line)?,
                Section::Children => {
                    let Some(child) = group_name(line) else {
                        return Err(self.error(format!("Expected group name, got: {line}")));
                    };
                    match self.loading.known_group(child) {
                        Some(child) => self.link(group, child)?,
                        None => {
                            let place = (group, self.span(text, text));
                            match pending.children.iter_mut().find(|(name, _)| name == child) {
                                Some((_, parents)) => parents.push(place),
                                None => pending.children.push((child.to_owned(), vec![place])),
                            }
                        }
                    }
                }
            }
        }
        if let Some((name, span)) = pending.vars.first() {
            let what = format!("Section [{name}:vars] not valid for undefined group '{name}'.");
            return Err(self.error(what).at(span));
        }
        if let Some((child, parents)) = pending.children.first()
            && let Some((parent, span)) = parents.first()
        {
            let parent = self.loading.group_name(*parent);
            let what = format!("Section [{parent}:children] includes undefined group '{child}'.");
            return Err(self.error(what).at(span));
        }
        Ok(())
    }

    fn link(&mut self, parent: usize, child: usize) -> Result<(), Diagnostic> {
        self.loading.link(parent, child).map_err(|what| self.error(what))
    }

    fn host(&mut self, group: usize, line: &'a str) -> Result<(), Diagnostic> {
        let tokens = shell_words(line)
            .map_err(|what| self.error(format!("Error parsing host definition '{line}': {what}")))?;
        let Some((pattern, assignments)) = tokens.split_first() else { return Ok(()) };
        let (names, port) = range::expand_hosts(&pattern.0).map_err(|what| self.error(what))?;
        let mut vars: Vec<(&str, Node)> = Vec::new();
        for (token, at) in assignments {
            let Some((name, value)) = token.split_once('=') else {
                return Err(self.error(format!("Expected key=value host variable assignment, got: {token}")));
            };
            let place = self.span(self.text, &line[*at..]);
            let span = Span::new(
                self.file,
                place.line,
                place.column,
                u32::try_from(token.chars().count()).unwrap_or(1),
            );
            vars.push((name, literal::value(value, &span)));
        }
        for name in names {
            self.loading.host(&name, Some(group), port, &self.span(self.text, self.text));
            for (key, value) in &vars {
                self.loading.host_var(&name, key, value.clone());
            }
        }
        Ok(())
    }

    fn variable(&mut self, group: usize, line: &'a str) -> Result<(), Diagnostic> {
        let Some((name, value)) = line.split_once('=') else {
            return Err(self.error(format!("Expected key=value, got: {line}")));
        };
        let value = value.trim();
        let node = literal::value(value, &self.span(self.text, value));
        self.loading.group_var(group, name.trim(), node);
        Ok(())
    }
}

/// `[name]` or `[name:kind]`, perhaps with a comment behind it.
fn section_header(line: &str) -> Option<(&str, Option<&str>)> {
    let (inside, rest) = line.strip_prefix('[')?.split_once(']')?;
    let rest = rest.trim_start();
    if !rest.is_empty() && !rest.starts_with('#') {
        return None;
    }
    let (name, kind) = match inside.split_once(':') {
        Some((name, kind)) => (name, Some(kind)),
        None => (inside, None),
    };
    let valid = !name.is_empty()
        && !name.contains(char::is_whitespace)
        && kind.is_none_or(|kind| !kind.is_empty() && kind.chars().all(|c| c.is_alphanumeric() || c == '_'));
    valid.then_some((name, kind))
}

fn group_name(line: &str) -> Option<&str> {
    let end = line.find(|c: char| c.is_whitespace() || c == ':' || c == ']').unwrap_or(line.len());
    let rest = line[end..].trim_start();
    (end > 0 && (rest.is_empty() || rest.starts_with('#'))).then_some(&line[..end])
}

/// Words as a POSIX shell has them (and Python's `shlex`, with comments), each with its offset.
fn shell_words(line: &str) -> Result<Vec<(String, usize)>, &'static str> {
    let mut words = Vec::new();
    let mut chars = line.char_indices().peekable();
    let mut word: Option<(String, usize)> = None;
    while let Some((at, c)) = chars.next() {
        match c {
            ' ' | '\t' | '\r' | '\n' => words.extend(word.take()),
            '#' => break,
            '\'' | '"' => {
                let text = &mut word.get_or_insert((String::new(), at)).0;
                loop {
                    match chars.next() {
                        None => return Err("No closing quotation"),
                        Some((_, end)) if end == c => break,
                        Some((_, '\\')) if c == '"' => match chars.next() {
                            None => return Err("No closing quotation"),
                            Some((_, escaped @ ('"' | '\\'))) => text.push(escaped),
                            Some((_, other)) => text.extend(['\\', other]),
                        },
                        Some((_, other)) => text.push(other),
                    }
                }
            }
            '\\' => match chars.next() {
                None => return Err("No escaped character"),
                Some((_, escaped)) => word.get_or_insert((String::new(), at)).0.push(escaped),
            },
            other => word.get_or_insert((String::new(), at)).0.push(other),
        }
    }
    words.extend(word);
    Ok(words)
}
