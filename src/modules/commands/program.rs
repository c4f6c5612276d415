//! A module that is a program of the project, in any language: it gets its arguments in a file (or in its own text) and
//! prints one JSON object.

use crate::modules::kit::{
    Applied, Changed, Command, Failure, Module, Output, Plan, Probe, Target, file::Content, private, words,
};
use crate::protocol::Diff;
use crate::value::{Map, Value, from_json, py_str, to_json};
use serde::Deserialize;
use std::io::{Cursor, Read};

pub struct Program;

/// Where the JSON of the arguments goes in a program's text, if it asks for that.
const IN_TEXT: &[u8] = b"<<INCLUDE_ANSIBLE_MODULE_JSON_ARGS>>";

/// How a program gets its arguments; what is in its text says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Style {
    /// No text: JSON in a file.
    Binary,
    /// It says `WANT_JSON`.
    Json,
    /// JSON in place of a mark in the text.
    InText,
    /// `key=value` in a file, quoted for a shell.
    Words,
}

impl Style {
    pub fn of(program: &[u8]) -> Self {
        let has = |word: &[u8]| program.windows(word.len()).any(|window| window == word);
        let text = |byte: &u8| *byte >= 0x20 || matches!(byte, 7..=13 | 27);
        match () {
            () if !program.iter().take(1024).all(text) => Self::Binary,
            () if has(IN_TEXT) => Self::InText,
            () if has(b"WANT_JSON") => Self::Json,
            () => Self::Words,
        }
    }

    /// Its name on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Self::Binary => "binary",
            Self::Json => "json",
            Self::InText => "intext",
            Self::Words => "words",
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Args {
    /// The program's content.
    digest: String,
    /// Its file name.
    name: String,
    /// The module's name.
    module: String,
    style: Style,
    /// The program that runs it, with arguments.
    interpreter: Option<String>,
    /// The task's arguments, and Ansible's own.
    arguments: Value,
}

/// A program to fetch, store and run.
pub struct Todo {
    digest: String,
    name: String,
    style: Style,
    interpreter: Vec<String>,
    arguments: Map,
}

impl Module for Program {
    const NAME: &'static str = "program";
    type Args = Args;
    type Todo = Todo;

    fn plan(args: &Args, _: &Probe) -> Result<Plan<Todo>, Failure> {
        let interpreter = args.interpreter.as_deref().unwrap_or_default();
        let todo = Todo {
            digest: args.digest.clone(),
            name: args.name.clone(),
            style: args.style,
            interpreter: interpreter.split_whitespace().map(str::to_owned).collect(),
            arguments: args.arguments.as_map().cloned().unwrap_or_default(),
        };
        let msg = format!("remote module ({}) does not support check mode", args.module);
        let result = Value::object([("skipped", Value::Bool(true)), ("msg", msg.as_str().into())]);
        let result = result.as_map().cloned().unwrap_or_default();
        Ok(Plan::Unknown { todo, why: msg, result })
    }

    fn apply(mut todo: Todo, host: &mut Target) -> Result<Applied, Failure> {
        let mut program: Box<dyn Read> = match host.content(&todo.digest)? {
            Content::Bytes(bytes) => Box::new(Cursor::new(bytes)),
            Content::File(content) | Content::Unnamed(content) => Box::new(content),
        };
        let place = private::for_programs()?;
        todo.arguments.insert("_ansible_tmpdir".into(), Value::from(format!("{}/", place.path().display())));
        let arguments = todo.arguments();
        if todo.style == Style::InText {
            let mut text = Vec::new();
            program
                .read_to_end(&mut text)
                .map_err(|error| Failure::new(format!("cannot read the module: {error}")))?;
            program = Box::new(Cursor::new(replaced(&text, arguments.as_bytes())));
        }
        let file = place.executable(&todo.name, program)?;
        let mut argv = existing(&todo.interpreter);
        argv.push(file.to_string_lossy().into_owned());
        if todo.style != Style::InText {
            argv.push(place.data("args", arguments.as_bytes())?.to_string_lossy().into_owned());
        }
        let output = host.run(&Command::new(&argv)).map_err(|failure| not_started(&todo, &failure))?;
        let (data, junk) = object(&output.stdout()).map_err(|why| no_result(&why, &output))?;
        if let Some(junk) = junk {
            host.warn(format!("Module invocation had junk after the JSON data: {junk}"));
        }
        let result = from_json(&data).map_err(|why| no_result(&why, &output))?;
        concluded(result.as_map().cloned().unwrap_or_default(), host)
    }
}

impl Todo {
    /// The arguments as the program wants them.
    fn arguments(&self) -> String {
        if self.style != Style::Words {
            return to_json(&Value::map(self.arguments.clone()));
        }
        let mut line = String::new();
        for (name, value) in &self.arguments {
            line.push_str(&format!("{}={} ", py_str(name), words::quote(&py_str(value))));
        }
        line
    }
}

/// The interpreter. A Python that is not where the program says is looked for in `PATH`, as Ansible would.
fn existing(interpreter: &[String]) -> Vec<String> {
    let mut words = interpreter.to_vec();
    if let Some(first) = words.first_mut()
        && first.rsplit('/').next().is_some_and(|name| name.starts_with("python"))
        && first.starts_with('/')
        && !std::fs::exists(first.as_str()).unwrap_or(false)
    {
        *first = "python3".into();
    }
    words
}

/// Every mark in the text replaced.
fn replaced(text: &[u8], by: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + by.len());
    let mut rest = text;
    while let Some(at) = rest.windows(IN_TEXT.len()).position(|window| window == IN_TEXT) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(by);
        rest = &rest[at + IN_TEXT.len()..];
    }
    out.extend_from_slice(rest);
    out
}

/// The JSON object in what a program printed: from the first line that opens one to the last that closes one; and the
/// lines after it.
fn object(text: &str) -> Result<(String, Option<String>), String> {
    let lines: Vec<&str> = text.lines().collect();
    let start = lines.iter().position(|line| line.trim_start().starts_with('{'));
    let start = start.ok_or("No start of json char found")?;
    let end = lines.iter().rposition(|line| line.trim_end().ends_with('}')).filter(|end| *end >= start);
    let end = end.ok_or("No end of json char found")?;
    let junk = lines[end + 1..].join("\n");
    let junk = Some(junk).filter(|junk| !junk.trim().is_empty());
    Ok((lines[start..=end].join("\n"), junk))
}

fn no_result(why: &str, output: &Output) -> Failure {
    Failure::new(format!("Module result deserialization failed: {why}"))
        .with("module_stdout", output.stdout())
        .with("module_stderr", output.stderr())
        .with("rc", i64::from(output.rc))
}

fn not_started(todo: &Todo, failure: &Failure) -> Failure {
    let program = if todo.interpreter.is_empty() { todo.name.clone() } else { todo.interpreter.join(" ") };
    Failure::new(format!("The module interpreter '{program}' was not found."))
        .with("module_stdout", "")
        .with("module_stderr", failure.msg.as_str())
        .with("rc", 127)
}

/// The program's own word of what it did.
fn concluded(mut result: Map, host: &mut Target) -> Result<Applied, Failure> {
    result.retain(|key, _| {
        !key.as_str().is_some_and(|key| key.starts_with("_ansible_") || key == "invocation")
    });
    if let Some(warnings) = result.shift_remove("warnings") {
        host.probe().warn_all(&warnings);
    }
    let truth = |name: &str| result.get(name).is_some_and(Value::truthy);
    if truth("failed") {
        let msg = result.shift_remove("msg").map_or_else(|| NO_REASON.to_owned(), |msg| py_str(&msg));
        return Err(Failure { msg, result, cause: None });
    }
    let changed = if truth("changed") { Changed::Yes } else { Changed::No };
    let diff = result.shift_remove("diff").map(|diff| diffs(&diff));
    Ok(Applied { result, changed, diff })
}

/// Ansible's sentence for a failure without a `msg`.
const NO_REASON: &str = "Task failed: Module failed: Unknown error.";

/// What a program gives as `diff`: one, or a list of them.
fn diffs(given: &Value) -> Vec<Diff> {
    let one = std::slice::from_ref(given);
    let text = |diff: &Value, name: &str| diff.get(name).filter(|value| !value.is_null()).map(py_str);
    given
        .as_list()
        .unwrap_or(one)
        .iter()
        .filter(|diff| diff.as_map().is_some())
        .map(|diff| Diff {
            before_header: text(diff, "before_header"),
            after_header: text(diff, "after_header"),
            before: diff.get("before").cloned().unwrap_or_default(),
            after: diff.get("after").cloned().unwrap_or_default(),
            prepared: text(diff, "prepared"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_says_how_arguments_are_given() {
        let cases: [(&[u8], Style); 4] = [
            (b"#!/bin/sh\ncat $1\n", Style::Words),
            (b"#!/usr/bin/perl\n# WANT_JSON\n", Style::Json),
            (b"#!/bin/sh\nx='<<INCLUDE_ANSIBLE_MODULE_JSON_ARGS>>'\n", Style::InText),
            (b"\x7fELF\x02\x01\0\0", Style::Binary),
        ];
        for (text, style) in cases {
            assert_eq!(Style::of(text), style);
        }
    }

    #[test]
    fn the_object_is_found_among_other_lines() {
        let found =
            |text: &str| object(text).map(|(object, junk)| format!("{object}|{}", junk.unwrap_or_default()));
        let cases = [
            ("{\"a\": 1}\n", Ok("{\"a\": 1}|")),
            ("x\n  {\"a\":\n 1}\nafter\n", Ok("  {\"a\":\n 1}|after")),
            ("[1]\n", Err("No start of json char found")),
            ("{\"a\": 1} x\n", Err("No end of json char found")),
            ("}\n{\n", Err("No end of json char found")),
        ];
        for (text, expected) in cases {
            assert_eq!(found(text), expected.map(str::to_owned).map_err(str::to_owned), "{text:?}");
        }
    }

    #[test]
    fn marks_are_replaced() {
        let text = b"a<<INCLUDE_ANSIBLE_MODULE_JSON_ARGS>>b";
        assert_eq!(replaced(text, b"{}"), b"a{}b");
    }
}
