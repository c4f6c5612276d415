//! `replace`: every match of a pattern in a file.

use crate::file_args;
use crate::modules::kit::edit::{self, Edit, EditTodo};
use crate::modules::kit::regex::{Flags, Regex};
use crate::modules::kit::{Applied, Failure, Module, Plan, Probe, Target, text};
use crate::value::Map;
use serde::Deserialize;

pub struct Replace;

file_args! {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct Args {
        /// The file.
        #[serde(alias = "dest", alias = "destfile", alias = "name")]
        path: String,
        /// What to look for; `^` and `$` match at every line.
        regexp: String,
        /// What to put there; `\1` and `\g<name>` are the groups.
        #[serde(default)]
        replace: String,
        /// Only what comes after this pattern.
        after: Option<String>,
        /// Only what comes before this pattern.
        before: Option<String>,
        /// Keep the old file under a name with a time stamp.
        #[serde(default)]
        backup: bool,
        /// A command that must accept the file (`%s`) before it takes its place.
        validate: Option<String>,
        /// The encoding of the file.
        #[serde(default = "utf8")]
        encoding: String,
    }
}

fn utf8() -> String {
    "utf-8".into()
}

impl Module for Replace {
    const NAME: &'static str = "replace";
    type Args = Args;
    type Todo = EditTodo;

    fn plan(args: &Args, host: &Probe) -> Result<Plan<EditTodo>, Failure> {
        if !matches!(args.encoding.to_ascii_lowercase().as_str(), "utf-8" | "utf8" | "ascii" | "us-ascii") {
            return Err(Failure::new(format!(
                "the encoding {} is not supported, only utf-8 is",
                args.encoding
            )));
        }
        let path = host.path(&args.path);
        let Some(before) = edit::read(host, &path)? else {
            return Err(Failure::new(format!("Path {path} does not exist !")).with("rc", 257));
        };
        let original = text::decode(&before);
        let mut result = Map::new();
        result.insert("rc".into(), 0.into());
        let regex = compile(&args.regexp, Flags { multiline: true, ..Flags::default() })?;
        let Some((start, end)) = args.section(&original)? else {
            let msg = format!(
                "Pattern for before/after params did not match the given file: {}",
                args.section_pattern().unwrap_or_default()
            );
            result.insert("msg".into(), msg.into());
            return Ok(Plan::Unchanged { result });
        };
        let (section, count) = regex
            .substitute(&args.replace, &original[start..end])
            .map_err(|error| Failure::new(format!("Unable to process replace due to error: {error}")))?;
        let after = format!("{}{section}{}", &original[..start], &original[end..]);
        let edit = Edit {
            path: &path,
            before: Some(&before),
            after: text::encode(&after),
            attributes: args.file_args().resolve(host)?,
            backup: args.backup,
            validate: args.validate.as_deref(),
            backup_key: "backup_file",
            msg: format!("{count} replacements made"),
            headers: false,
        };
        edit.plan(host, result)
    }

    fn apply(todo: EditTodo, target: &mut Target) -> Result<Applied, Failure> {
        todo.apply(target)
    }
}

fn compile(pattern: &str, flags: Flags) -> Result<Regex, Failure> {
    Regex::new(pattern, flags).map_err(Failure::new)
}

impl Args {
    /// The pattern whose group `subsection` is the part to work on; `None` for all of it.
    fn section_pattern(&self) -> Option<String> {
        match (&self.after, &self.before) {
            (Some(after), Some(before)) => Some(format!("{after}(?P<subsection>.*?){before}")),
            (Some(after), None) => Some(format!("{after}(?P<subsection>.*)")),
            (None, Some(before)) => Some(format!("(?P<subsection>.*){before}")),
            (None, None) => None,
        }
    }

    /// Where the part to work on starts and ends; `None` if it is not there.
    fn section(&self, original: &str) -> Result<Option<(usize, usize)>, Failure> {
        let Some(pattern) = self.section_pattern() else { return Ok(Some((0, original.len()))) };
        let regex = compile(&pattern, Flags { dotall: true, ..Flags::default() })?;
        let found = regex.search(original).map_err(Failure::new)?;
        Ok(found.and_then(|captures| captures.name("subsection").map(|part| (part.start(), part.end()))))
    }
}
