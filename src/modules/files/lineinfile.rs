//! `lineinfile`: one line in a file.

use crate::file_args;
use crate::modules::kit::edit::{self, Edit, EditTodo};
use crate::modules::kit::regex::{self, Flags, Regex};
use crate::modules::kit::{Applied, Failure, Module, Plan, Probe, Target, text};
use crate::value::{Map, Value};
use serde::Deserialize;

pub struct LineInFile;

file_args! {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct Args {
        /// The file.
        #[serde(alias = "dest", alias = "destfile", alias = "name")]
        path: String,
        /// What to look for in each line.
        #[serde(alias = "regex")]
        regexp: Option<String>,
        /// The same, but as a plain text.
        search_string: Option<String>,
        #[serde(default)]
        state: State,
        /// The line.
        #[serde(alias = "value")]
        line: Option<String>,
        /// `line` may refer to the groups of `regexp`; without a match nothing happens.
        #[serde(default)]
        backrefs: bool,
        /// A pattern, or `EOF`: where the line goes if nothing matches.
        insertafter: Option<String>,
        /// A pattern, or `BOF`.
        insertbefore: Option<String>,
        /// Create the file if there is none.
        #[serde(default)]
        create: bool,
        /// Keep the old file under a name with a time stamp.
        #[serde(default)]
        backup: bool,
        /// Patterns mean the first match, not the last.
        #[serde(default)]
        firstmatch: bool,
        /// A command that must accept the file (`%s`) before it takes its place.
        validate: Option<String>,
    }
}

#[derive(Clone, Copy, Default, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum State {
    Absent,
    #[default]
    Present,
}

impl Module for LineInFile {
    const NAME: &'static str = "lineinfile";
    type Args = Args;
    type Todo = EditTodo;

    fn plan(args: &Args, host: &Probe) -> Result<Plan<EditTodo>, Failure> {
        args.check()?;
        let path = host.path(&args.path);
        let before = edit::read(host, &path)?;
        let mut result = Map::new();
        if before.is_none() && args.state == State::Absent {
            result.insert("msg".into(), "file not present".into());
            return Ok(Plan::Unchanged { result });
        }
        if before.is_none() && !args.create {
            return Err(Failure::new(format!("Destination {path} does not exist !")).with("rc", 257));
        }
        for (pattern, name) in [(&args.regexp, "regular expression"), (&args.search_string, "search string")]
        {
            if pattern.as_deref() == Some("") {
                host.warn(empty_pattern(name));
            }
        }
        let mut lines = text::lines(&text::decode(before.as_deref().unwrap_or_default()));
        let wanted = Wanted::new(args)?;
        let msg = match args.state {
            State::Present => wanted.put(args, &mut lines)?.to_owned(),
            State::Absent => {
                let all = lines.len();
                lines.retain(|line| !wanted.found_in(line));
                let found = all - lines.len();
                result.insert("found".into(), found.into());
                format!("{found} line(s) removed")
            }
        };
        result.insert("backup".into(), Value::str(""));
        let after = text::encode(&lines.concat());
        let edit = Edit {
            path: &path,
            before: before.as_deref(),
            after,
            attributes: args.file_args().resolve(host)?,
            backup: args.backup,
            validate: args.validate.as_deref(),
            backup_key: "backup",
            msg,
            headers: true,
        };
        edit.plan(host, result)
    }

    fn apply(todo: EditTodo, target: &mut Target) -> Result<Applied, Failure> {
        todo.apply(target)
    }
}

fn empty_pattern(name: &str) -> String {
    let mut text = format!(
        "The {name} is an empty string, which will match every line in the file. This may have unintended consequences, such as replacing the last line in the file rather than appending."
    );
    if name == "regular expression" {
        text += " If this is desired, use '^' to match every line in the file and avoid this warning.";
    }
    text
}

impl Args {
    fn check(&self) -> Result<(), Failure> {
        let exclusive = [
            ("insertbefore|insertafter", self.insertbefore.is_some() && self.insertafter.is_some()),
            ("regexp|search_string", self.regexp.is_some() && self.search_string.is_some()),
            ("backrefs|search_string", self.backrefs && self.search_string.is_some()),
        ];
        if let Some((names, _)) = exclusive.iter().find(|(_, both)| *both) {
            return Err(Failure::new(format!("parameters are mutually exclusive: {names}")));
        }
        let missing = match self.state {
            State::Present if self.backrefs && self.regexp.is_none() => {
                "regexp is required with backrefs=true"
            }
            State::Present if self.line.is_none() => "line is required with state=present",
            State::Absent if self.regexp.is_none() && self.search_string.is_none() && self.line.is_none() => {
                "one of line, search_string, or regexp is required with state=absent"
            }
            _ => return Ok(()),
        };
        Err(Failure::new(missing))
    }

    /// The pattern that says where the line goes, and whether it goes after it.
    fn anchor(&self) -> Result<Option<(Regex, bool)>, Failure> {
        let (pattern, after) = match (&self.insertafter, &self.insertbefore) {
            (Some(pattern), _) if pattern != "EOF" && pattern != "BOF" => (pattern, true),
            (_, Some(pattern)) if pattern != "BOF" && pattern != "EOF" => (pattern, false),
            _ => return Ok(None),
        };
        Ok(Some((pattern_of(pattern)?, after)))
    }
}

fn pattern_of(pattern: &str) -> Result<Regex, Failure> {
    Regex::new(pattern, Flags { ascii: true, ..Flags::default() }).map_err(Failure::new)
}

/// What a line is recognised by.
struct Wanted<'a> {
    regexp: Option<Regex>,
    search_string: Option<&'a str>,
    line: &'a str,
}

impl<'a> Wanted<'a> {
    fn new(args: &'a Args) -> Result<Self, Failure> {
        Ok(Self {
            regexp: args.regexp.as_deref().map(pattern_of).transpose()?,
            search_string: args.search_string.as_deref(),
            line: args.line.as_deref().unwrap_or_default(),
        })
    }

    fn found_in(&self, line: &str) -> bool {
        match (&self.regexp, self.search_string) {
            (Some(regexp), _) => regexp.is_match(line),
            (None, Some(text)) => line.contains(text),
            (None, None) => text::bare(line) == self.line,
        }
    }

    /// Puts the line where it belongs; what was done, in Ansible's words.
    fn put(&self, args: &Args, lines: &mut Vec<String>) -> Result<&'static str, Failure> {
        let pick = |matches: &dyn Fn(&String) -> bool, lines: &[String]| match args.firstmatch {
            true => lines.iter().position(matches),
            false => lines.iter().rposition(matches),
        };
        let searched = self.regexp.is_some() || self.search_string.is_some();
        if searched && let Some(index) = pick(&|line| self.found_in(line), lines) {
            let mut new = self.line.to_owned();
            if let (true, Some(regexp)) = (args.backrefs, &self.regexp) {
                let captures = regexp.search(&lines[index]).map_err(Failure::new)?;
                if let Some(captures) = captures {
                    new = regex::expand(self.line, &captures).map_err(Failure::new)?;
                }
            }
            return Ok(replace(lines, index, new));
        }
        let anchor = args.anchor()?;
        let is_anchor = |line: &String| {
            anchor.as_ref().is_some_and(|(pattern, _)| pattern.is_match(line))
                && text::bare(line) != self.line
        };
        let anchored = pick(&is_anchor, lines);
        // Who asks for the first match does not want to know what comes after it.
        let seen = anchored.filter(|_| args.firstmatch).unwrap_or(lines.len());
        if let Some(index) = lines[..seen].iter().rposition(|line| text::bare(line) == self.line) {
            return Ok(replace(lines, index, self.line.to_owned()));
        }
        if args.backrefs {
            return Ok("");
        }
        if args.insertbefore.as_deref() == Some("BOF") || args.insertafter.as_deref() == Some("BOF") {
            return Ok(self.insert(lines, 0));
        }
        let after = anchor.as_ref().is_some_and(|(_, after)| *after);
        let Some(anchored) = anchored else { return Ok(self.insert(lines, lines.len())) };
        if after && lines.get(anchored + 1).is_some_and(|next| text::bare(next) == self.line) {
            return Ok("");
        }
        Ok(self.insert(lines, anchored + usize::from(after)))
    }

    fn insert(&self, lines: &mut Vec<String>, position: usize) -> &'static str {
        if let Some(last) = lines.last_mut().filter(|_| position > 0) {
            text::terminate(last);
        }
        lines.insert(position, format!("{}\n", self.line));
        "line added"
    }
}

fn replace(lines: &mut [String], index: usize, mut new: String) -> &'static str {
    text::terminate(&mut new);
    if lines[index] == new {
        return "";
    }
    lines[index] = new;
    "line replaced"
}
