//! Host patterns: `web:&staging:!db[0]`, `~regex`, globs, `@file`.

use super::model::{ALL, Inventory};
use super::range::host_and_port;
use crate::diag::{Diagnostic, Diagnostics, Severity};
use fancy_regex::Regex;
use std::path::Path;

/// What to do about a pattern that matches nothing (`HOST_PATTERN_MISMATCH`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mismatch {
    Warning,
    Error,
    Ignore,
}

/// The names that stand for this machine when the inventory has no host of that name.
pub fn is_localhost(name: &str) -> bool {
    matches!(name, "localhost" | "127.0.0.1" | "::1")
}

/// A host by number, or an implicit localhost by name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Found {
    Host(usize),
    Implicit(String),
}

impl Inventory {
    /// The hosts that `pattern` names, in its order, of which `limit` leaves those it names too. An implicit
    /// localhost may be among them, which [`Inventory::host`] does not know.
    ///
    /// # Errors
    /// A regular expression that is none, a limit file that is not there, and with the setting
    /// `HOST_PATTERN_MISMATCH = error` a pattern that matches nothing.
    pub fn select(
        &self,
        pattern: &str,
        limit: Option<&str>,
    ) -> Result<(Vec<String>, Diagnostics), Diagnostic> {
        self.select_all(&[pattern], limit)
    }

    /// As [`Inventory::select`], for a list of patterns (`hosts: [web, '!db']`).
    ///
    /// # Errors
    /// See [`Inventory::select`].
    pub fn select_all(
        &self,
        patterns: &[impl AsRef<str>],
        limit: Option<&str>,
    ) -> Result<(Vec<String>, Diagnostics), Diagnostic> {
        let mut warnings = Diagnostics::new();
        let patterns: Vec<String> = patterns.iter().flat_map(|pattern| split(pattern.as_ref())).collect();
        let mut hosts = self.evaluate(&patterns, &mut warnings)?;
        if let Some(limit) = limit.filter(|limit| !limit.trim().is_empty()) {
            let allowed: std::collections::HashSet<Found> =
                self.evaluate(&limit_patterns(limit)?, &mut warnings)?.into_iter().collect();
            hosts.retain(|host| allowed.contains(host));
        }
        let mut seen = std::collections::HashSet::new();
        warnings.retain(|warning| seen.insert(warning.summary.clone()));
        Ok((hosts.into_iter().map(|host| self.found_name(host)).collect(), warnings))
    }

    fn found_name(&self, found: Found) -> String {
        match found {
            Found::Host(id) => self.hosts[id].name.to_string(),
            Found::Implicit(name) => name,
        }
    }

    /// Unions first, then intersections, then exclusions, whatever their order.
    fn evaluate(&self, patterns: &[String], warnings: &mut Diagnostics) -> Result<Vec<Found>, Diagnostic> {
        let (mut unions, mut intersections, mut exclusions) = (Vec::new(), Vec::new(), Vec::new());
        for pattern in patterns {
            match pattern.strip_prefix('!') {
                Some(rest) => exclusions.push(rest),
                None => match pattern.strip_prefix('&') {
                    Some(rest) => intersections.push(rest),
                    None => unions.push(pattern.as_str()),
                },
            }
        }
        if unions.is_empty() {
            unions.push("all");
        }
        let mut hosts: Vec<Found> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        for pattern in unions {
            hosts.extend(self.one(pattern, warnings)?.into_iter().filter(|found| seen.insert(found.clone())));
        }
        for pattern in intersections {
            let kept: std::collections::HashSet<Found> = self.one(pattern, warnings)?.into_iter().collect();
            hosts.retain(|found| kept.contains(found));
        }
        for pattern in exclusions {
            let gone: std::collections::HashSet<Found> = self.one(pattern, warnings)?.into_iter().collect();
            hosts.retain(|found| !gone.contains(found));
        }
        Ok(hosts)
    }

    /// One pattern without its operator, perhaps with a subscript.
    fn one(&self, pattern: &str, warnings: &mut Diagnostics) -> Result<Vec<Found>, Diagnostic> {
        // A host may be called like a pattern.
        if let Some(&id) = self.host_index.get(pattern)
            && !self.group_index.contains_key(pattern)
        {
            return Ok(vec![Found::Host(id)]);
        }
        let (name, subscript) = subscript(pattern, warnings);
        let hosts = self.named(name, warnings)?;
        Ok(match subscript {
            None => hosts,
            Some(Subscript::At(at)) => {
                let length = i64::try_from(hosts.len()).unwrap_or(i64::MAX);
                let at = if at < 0 { length + at } else { at };
                usize::try_from(at).ok().and_then(|at| hosts.into_iter().nth(at)).into_iter().collect()
            }
            Some(Subscript::Range(first, last)) => {
                let length = last.map_or(usize::MAX, |last| (last + 1).saturating_sub(first));
                hosts.into_iter().skip(first).take(length).collect()
            }
        })
    }

    fn named(&self, pattern: &str, warnings: &mut Diagnostics) -> Result<Vec<Found>, Diagnostic> {
        let matcher = Matcher::new(pattern)?;
        let mut found = Vec::new();
        let mut taken = vec![false; self.hosts.len()];
        let mut any_group = false;
        let groups: Vec<usize> = match &matcher {
            Matcher::Name(name) => self.group_index.get(*name).copied().into_iter().collect(),
            _ => (0..self.groups.len()).filter(|id| matcher.matches(&self.groups[*id].name)).collect(),
        };
        for group in groups {
            any_group = true;
            for host in self.members(group) {
                if !std::mem::replace(&mut taken[host], true) {
                    found.push(Found::Host(host));
                }
            }
            if group == ALL {
                // Nothing can be added to these.
                break;
            }
        }
        if !any_group || pattern.starts_with('~') || pattern.contains(['.', '?', '*', '[']) {
            let hosts: Vec<usize> = match &matcher {
                Matcher::Name(name) => self.host_index.get(*name).copied().into_iter().collect(),
                _ => (0..self.hosts.len())
                    .filter(|id| !self.hosts[*id].implicit && matcher.matches(&self.hosts[*id].name))
                    .collect(),
            };
            for host in hosts {
                if !std::mem::replace(&mut taken[host], true) {
                    found.push(Found::Host(host));
                }
            }
        }
        if found.is_empty() && is_localhost(pattern) {
            return Ok(vec![Found::Implicit(pattern.to_owned())]);
        }
        if found.is_empty() && !any_group && self.mismatch != Mismatch::Ignore && pattern != "all" {
            let summary = format!("Could not match supplied host pattern, ignoring: {pattern}");
            let warning = Diagnostic::warning("unmatched-pattern", summary);
            if self.mismatch == Mismatch::Error {
                return Err(Diagnostic { severity: Severity::Error, ..warning });
            }
            warnings.push(warning);
        }
        Ok(found)
    }
}

enum Matcher<'a> {
    Name(&'a str),
    Pattern(Box<Regex>),
}

impl<'a> Matcher<'a> {
    fn new(pattern: &'a str) -> Result<Self, Diagnostic> {
        let regex = match pattern.strip_prefix('~') {
            // Python's `match`: at the start, not to the end.
            Some(regex) => format!("^(?:{regex})"),
            None if pattern.contains(['*', '?', '[']) => format!("(?s)^{}$", glob_to_regex(pattern)),
            None => return Ok(Self::Name(pattern)),
        };
        match Regex::new(&regex) {
            Ok(regex) => Ok(Self::Pattern(Box::new(regex))),
            Err(_) => {
                let summary = format!("Invalid host list pattern: {pattern}");
                Err(Diagnostic::error("bad-host-pattern", summary))
            }
        }
    }

    fn matches(&self, name: &str) -> bool {
        match self {
            Self::Name(wanted) => *wanted == name,
            Self::Pattern(regex) => regex.is_match(name).unwrap_or(false),
        }
    }
}

/// Python's `fnmatch`: `*`, `?`, `[…]`, `[!…]`.
fn glob_to_regex(glob: &str) -> String {
    let mut out = String::new();
    let mut rest = glob;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match c {
            '*' => out.push_str(".*"),
            '?' => out.push('.'),
            '[' => {
                // A bracket right behind the opening one (or the `!`) is a member of the class.
                let first = usize::from(rest.starts_with('!'));
                let skip = first + usize::from(rest[first..].starts_with(']'));
                match rest[skip..].find(']') {
                    Some(end) => {
                        let class = rest[first..skip + end]
                            .replace('\\', "\\\\")
                            .replace('[', "\\[")
                            .replace(']', "\\]")
                            .replace('^', "\\^");
                        out.push_str(if first == 1 { "[^" } else { "[" });
                        out.push_str(&class);
                        out.push(']');
                        rest = &rest[skip + end + 1..];
                    }
                    None => out.push_str("\\["),
                }
            }
            c if c.is_alphanumeric() || c == '_' => out.push(c),
            c if c.is_ascii() => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}

enum Subscript {
    At(i64),
    /// Both ends belong to it.
    Range(usize, Option<usize>),
}

/// `web[0]`, `web[1:3]`, `web[2:]`; not of a regular expression.
fn subscript<'a>(pattern: &'a str, warnings: &mut Diagnostics) -> (&'a str, Option<Subscript>) {
    let none = (pattern, None);
    if pattern.starts_with('~') {
        return none;
    }
    let Some((name, inside)) = pattern.strip_suffix(']').and_then(|rest| rest.rsplit_once('[')) else {
        return none;
    };
    if name.is_empty() {
        return none;
    }
    if let Ok(at) = inside.parse::<i64>() {
        return (name, Some(Subscript::At(at)));
    }
    let Some(separator) = inside.find([':', '-']) else { return none };
    let (first, last) = (&inside[..separator], &inside[separator + 1..]);
    let Ok(first) = first.parse::<usize>() else { return none };
    let last = match last {
        "" => None,
        last => match last.parse::<usize>() {
            Ok(last) => Some(last),
            Err(_) => return none,
        },
    };
    if inside[separator..].starts_with('-') {
        warnings.push(Diagnostic::warning(
            "dash-subscript",
            "Use [x:y] inclusive subscripts instead of [x-y] which has been removed",
        ));
    }
    (name, Some(Subscript::Range(first, last)))
}

/// At commas if there are any, else at colons and blanks outside brackets (an address stays whole).
fn split(pattern: &str) -> Vec<String> {
    let parts: Vec<&str> = if pattern.contains(',') {
        pattern.split(',').collect()
    } else if is_address(pattern) {
        vec![pattern]
    } else {
        let mut depth = 0usize;
        pattern
            .split(|c: char| {
                match c {
                    '[' => depth += 1,
                    ']' => depth = depth.saturating_sub(1),
                    _ => {}
                }
                depth == 0 && (c == ':' || c.is_whitespace())
            })
            .collect()
    };
    parts.into_iter().map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// An IPv6 address, or a name with a port: one pattern, though there are colons in it.
fn is_address(pattern: &str) -> bool {
    let (host, port) = host_and_port(pattern);
    pattern.parse::<std::net::Ipv6Addr>().is_ok()
        || port.is_some() && !host.contains(['!', '&', '~', '*', '?', ',', ' '])
}

/// A limit's patterns; those of the form `@file` are the lines of that file.
fn limit_patterns(limit: &str) -> Result<Vec<String>, Diagnostic> {
    let mut patterns = Vec::new();
    for pattern in split(limit) {
        let Some(file) = pattern.strip_prefix('@') else {
            patterns.push(pattern);
            continue;
        };
        if Path::new(file).is_dir() {
            let what = format!("Limit starting with \"@\" must be a file, not a directory: {file}");
            return Err(Diagnostic::error("no-limit-file", what));
        }
        let text = std::fs::read_to_string(Path::new(file)).map_err(|error| {
            Diagnostic::error(
                "no-limit-file",
                match error.kind() {
                    std::io::ErrorKind::NotFound => format!("Unable to find limit file {file}"),
                    _ => format!("Unable to read limit file {file}: {error}"),
                },
            )
        })?;
        patterns.extend(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned));
    }
    Ok(patterns)
}
