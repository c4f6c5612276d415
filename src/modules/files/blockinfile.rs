//! `blockinfile`: lines between two markers.

use crate::file_args;
use crate::modules::kit::edit::{self, Edit, EditTodo};
use crate::modules::kit::regex::{Flags, Regex};
use crate::modules::kit::{Applied, Failure, Module, Plan, Probe, Target, text};
use crate::value::Map;
use serde::Deserialize;

pub struct BlockInFile;

file_args! {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct Args {
        /// The file.
        #[serde(alias = "dest", alias = "destfile", alias = "name")]
        path: String,
        #[serde(default)]
        state: State,
        /// The line before and after the block; `{mark}` becomes `marker_begin` and `marker_end`.
        #[serde(default = "marker")]
        marker: String,
        /// The lines; none removes the block.
        #[serde(default, alias = "content")]
        block: String,
        /// A pattern, or `EOF`: where a new block goes.
        insertafter: Option<String>,
        /// A pattern, or `BOF`.
        insertbefore: Option<String>,
        /// Create the file if there is none.
        #[serde(default)]
        create: bool,
        /// Keep the old file under a name with a time stamp.
        #[serde(default)]
        backup: bool,
        /// A command that must accept the file (`%s`) before it takes its place.
        validate: Option<String>,
        #[serde(default = "begin")]
        marker_begin: String,
        #[serde(default = "end")]
        marker_end: String,
        /// A blank line after the block.
        #[serde(default)]
        append_newline: bool,
        /// A blank line before the block.
        #[serde(default)]
        prepend_newline: bool,
    }
}

fn marker() -> String {
    "# {mark} ANSIBLE MANAGED BLOCK".into()
}

fn begin() -> String {
    "BEGIN".into()
}

fn end() -> String {
    "END".into()
}

#[derive(Clone, Copy, Default, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum State {
    Absent,
    #[default]
    Present,
}

impl Module for BlockInFile {
    const NAME: &'static str = "blockinfile";
    type Args = Args;
    type Todo = EditTodo;

    fn plan(args: &Args, host: &Probe) -> Result<Plan<EditTodo>, Failure> {
        if args.insertbefore.is_some() && args.insertafter.is_some() {
            return Err(Failure::new("parameters are mutually exclusive: insertbefore|insertafter"));
        }
        let path = host.path(&args.path);
        let before = edit::read(host, &path)?;
        if before.is_none() && !args.create {
            return Err(Failure::new(format!("Path {path} does not exist !")).with("rc", 257));
        }
        let original = text::decode(before.as_deref().unwrap_or_default());
        let block = args.lines();
        let msg = match (&before, &block) {
            (None, _) => "File created",
            (_, None) => "Block removed",
            _ => "Block inserted",
        };
        let after = args.with_block(&original, block)?;
        let before = match before {
            // A file that would be created empty is not created.
            None if after.is_empty() => Some(Vec::new()),
            before => before,
        };
        if before.as_ref().is_some_and(Vec::is_empty)
            && after.is_empty()
            && !std::path::Path::new(&path).exists()
        {
            let mut result = Map::new();
            result.insert("msg".into(), "".into());
            return Ok(Plan::Unchanged { result });
        }
        let edit = Edit {
            path: &path,
            before: before.as_deref(),
            after: text::encode(&after),
            attributes: args.file_args().resolve(host)?,
            backup: args.backup,
            validate: args.validate.as_deref(),
            backup_key: "backup_file",
            msg: msg.to_owned(),
            headers: true,
        };
        edit.plan(host, Map::new())
    }

    fn apply(todo: EditTodo, target: &mut Target) -> Result<Applied, Failure> {
        todo.apply(target)
    }
}

impl Args {
    fn marker(&self, word: &str) -> String {
        self.marker.replace("{mark}", word)
    }

    /// The block with its markers; `None` if there is to be none.
    fn lines(&self) -> Option<Vec<String>> {
        if self.state == State::Absent || self.block.is_empty() {
            return None;
        }
        let mut block = self.block.clone();
        text::terminate(&mut block);
        Some(vec![
            format!("{}\n", self.marker(&self.marker_begin)),
            block,
            format!("{}\n", self.marker(&self.marker_end)),
        ])
    }

    fn with_block(&self, original: &str, block: Option<Vec<String>>) -> Result<String, Failure> {
        let mut lines = text::lines(original);
        let find = |lines: &[String], marker: &str| {
            lines.iter().rposition(|line| line.strip_suffix('\n').unwrap_or(line) == marker)
        };
        let first = find(&lines, &self.marker(&self.marker_begin));
        let last = find(&lines, &self.marker(&self.marker_end));
        let mut position = match (first, last) {
            (Some(first), Some(last)) => {
                let (low, high) = (first.min(last), first.max(last));
                lines.drain(low..=high);
                low
            }
            _ => self.place(original, &lines)?,
        };
        let Some(block) = block else { return Ok(lines.concat()) };
        if let Some(previous) = position.checked_sub(1).and_then(|index| lines.get_mut(index)) {
            text::terminate(previous);
            if self.prepend_newline && previous != "\n" {
                lines.insert(position, "\n".into());
                position += 1;
            }
        }
        let end = position + block.len();
        lines.splice(position..position, block);
        if self.append_newline && lines.get(end).is_some_and(|next| next != "\n") {
            lines.insert(end, "\n".into());
        }
        Ok(lines.concat())
    }

    /// Where a new block goes.
    fn place(&self, original: &str, lines: &[String]) -> Result<usize, Failure> {
        let (pattern, after) = match (&self.insertafter, &self.insertbefore) {
            (_, Some(word)) if word == "BOF" => return Ok(0),
            (Some(pattern), _) if pattern != "EOF" => (pattern, true),
            (_, Some(pattern)) => (pattern, false),
            _ => return Ok(lines.len()),
        };
        let regex = Regex::new(pattern, Flags { ascii: true, ..Flags::default() }).map_err(Failure::new)?;
        if regex.multiline {
            let found = regex.search(original).map_err(Failure::new)?;
            let Some(whole) = found.and_then(|captures| captures.get(0)) else { return Ok(lines.len()) };
            let end = if after { whole.end() } else { whole.start() };
            return Ok((original[..end].matches('\n').count() + usize::from(after)).min(lines.len()));
        }
        let found = lines.iter().rposition(|line| regex.is_match(line));
        Ok(found.map_or(lines.len(), |index| index + usize::from(after)))
    }
}
