//! `parse_cli_textfsm`: TextFSM, which reads a text line by line with expressions that belong to states.

use super::spec::{input, read};
use crate::template::TemplateError;
use crate::template::eval::{Call, charge};
use crate::template::object::{Res, V, failed, split_lines};
use crate::template::regex::{self, Flags};
use crate::value::{Map, Value};
use fancy_regex::Regex;
use indexmap::IndexMap;
use std::sync::Arc;

/// Characters of a name of a value or state.
const LONGEST_NAME: usize = 48;

/// An expression that matches at the beginning.
fn at_start(pattern: &str) -> Res<Arc<Regex>> {
    regex::compile(&format!("\\A(?:{pattern})"), Flags::default())
}

#[derive(Clone, Copy, PartialEq)]
enum Choice {
    Required,
    Filldown,
    Fillup,
    Key,
    List,
}

const CHOICES: [(&str, Choice); 5] = [
    ("Required", Choice::Required),
    ("Filldown", Choice::Filldown),
    ("Fillup", Choice::Fillup),
    ("Key", Choice::Key),
    ("List", Choice::List),
];

/// A column of the table that comes out.
struct Column {
    name: String,
    choices: Vec<Choice>,
    pattern: String,
    /// What a list's value is matched with again, for groups inside of it.
    groups: Option<Arc<Regex>>,
    value: Value,
    /// What `Filldown` puts in again.
    last: Value,
    /// What `List` has gathered.
    list: Vec<Value>,
}

impl Column {
    /// `Value OPTIONS NAME (PATTERN)`.
    fn parse(line: &str) -> Res<Self> {
        let words: Vec<&str> = line.split(' ').collect();
        if words.len() < 3 {
            return Err(failed("Expect at least 3 tokens on line."));
        }
        let mut choices = Vec::new();
        let optioned = !words[2].starts_with('(');
        if optioned {
            for name in words[1].split(',') {
                let known = CHOICES.iter().find(|(known, _)| *known == name);
                let (_, choice) = known.ok_or_else(|| failed(format!("Unknown option \"{name}\"")))?;
                if choices.contains(choice) {
                    return Err(failed(format!("Duplicate option \"{name}\"")));
                }
                choices.push(*choice);
            }
        }
        let at = if optioned { 2 } else { 1 };
        let name = words[at].to_owned();
        let pattern = words[at + 1..].join(" ");
        if name.chars().count() > LONGEST_NAME {
            return Err(failed(format!("Invalid Value name '{name}' or name too long.")));
        }
        if !pattern.starts_with('(') || !pattern.ends_with(')') || pattern.ends_with("\\)") {
            return Err(failed(format!("Value '{pattern}' must be contained within a '()' pair.")));
        }
        let groups = at_start(&pattern)?;
        let groups = choices.contains(&Choice::List).then_some(groups);
        let (value, last, list) = (Value::Null, Value::Null, Vec::new());
        Ok(Self { name, choices, pattern, groups, value, last, list })
    }

    /// The expression as a group of the column's name.
    fn named(&self) -> String {
        format!("(?P<{}>{}", self.name, &self.pattern[1..])
    }

    fn has(&self, choice: Choice) -> bool {
        self.choices.contains(&choice)
    }

    fn clear(&mut self) {
        self.value = Value::Null;
        if self.has(Choice::Filldown) {
            self.value = self.last.clone();
        } else {
            self.list.clear();
        }
    }

    fn clear_all(&mut self) {
        self.value = Value::Null;
        self.last = Value::Null;
        self.list.clear();
    }

    /// What a list gathers of a value: its named groups, if it has any.
    fn gathered(&self) -> Res<Value> {
        let Some(groups) = self.groups.as_deref().filter(|groups| groups.captures_len() > 2) else {
            return Ok(self.value.clone());
        };
        let Some(text) = self.value.as_str() else {
            return Err(failed("expected string or bytes-like object, got 'NoneType'"));
        };
        let names: Vec<&str> = groups.capture_names().flatten().collect();
        match groups.captures(text).map_err(regex::runaway)? {
            Some(found) if !names.is_empty() => Ok(Value::object(names.into_iter().map(|name| {
                (name, found.name(name).map_or(Value::Null, |group| Value::str(group.as_str())))
            }))),
            _ => Ok(self.value.clone()),
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Line {
    Next,
    Continue,
    Error,
}

/// What becomes of the row.
#[derive(Clone, Copy, PartialEq)]
enum Row {
    Keep,
    Add,
    Clear,
    ClearAll,
}

struct Rule {
    regex: Arc<Regex>,
    line: Line,
    record: Row,
    state: String,
    number: usize,
}

impl Rule {
    /// `^PATTERN -> LINE.RECORD STATE`.
    fn parse(text: &str, number: usize, columns: &[Column]) -> Res<Self> {
        let text = text.trim();
        let arrow = text.rmatch_indices("->").find(|(at, _)| text[..*at].ends_with(char::is_whitespace));
        let (pattern, action) = match arrow {
            Some((at, _)) => {
                let before = text[..at].chars().next_back().map_or(0, char::len_utf8);
                (&text[..at - before], &text[at + 2..])
            }
            None => (text, ""),
        };
        let filled = substituted(pattern, columns).ok_or_else(|| {
            failed(format!("Duplicate or invalid variable substitution: '{pattern}'. Line: {number}."))
        })?;
        let regex = at_start(&filled)
            .map_err(|_| failed(format!("Invalid regular expression: '{filled}'. Line: {number}.")))?;
        let mut rule = Self { regex, line: Line::Next, record: Row::Keep, state: String::new(), number };
        rule.act(action).ok_or_else(|| failed(format!("Badly formatted rule '{text}'. Line: {number}.")))?;
        if rule.line == Line::Continue && !rule.state.is_empty() {
            let state = &rule.state;
            let message = format!("Action 'Continue' with new state {state} specified. Line: {number}.");
            return Err(failed(message));
        }
        if rule.line != Line::Error && rule.state.starts_with('"') {
            return Err(failed(format!("Alphanumeric characters only in state names. Line: {number}.")));
        }
        Ok(rule)
    }

    /// Reads what stands behind the arrow; `None` if it is nothing known.
    fn act(&mut self, action: &str) -> Option<()> {
        if action.is_empty() {
            return Some(());
        }
        let rest = action.trim_start();
        if rest.len() == action.len() {
            return None;
        }
        let (first, state) = match rest.split_once(char::is_whitespace) {
            Some((first, state)) => (first, Some(state.trim_start())),
            None => (rest, None),
        };
        let (line, record) = match first.split_once('.') {
            Some((line, record)) => (Some(line_of(line)?), Some(record_of(record)?)),
            None => (line_of(first), record_of(first)),
        };
        let state = match (line, record) {
            // The name of a state alone.
            (None, None) => Some(rest),
            _ => state,
        };
        self.line = line.unwrap_or(Line::Next);
        self.record = record.unwrap_or(Row::Keep);
        if let Some(state) = state {
            let quoted = state.len() > 1 && state.starts_with('"') && state.ends_with('"');
            if !quoted && !is_word(state) {
                return None;
            }
            state.clone_into(&mut self.state);
        }
        Some(())
    }
}

fn line_of(word: &str) -> Option<Line> {
    match word {
        "Next" => Some(Line::Next),
        "Continue" => Some(Line::Continue),
        "Error" => Some(Line::Error),
        _ => None,
    }
}

fn record_of(word: &str) -> Option<Row> {
    match word {
        "NoRecord" => Some(Row::Keep),
        "Record" => Some(Row::Add),
        "Clear" => Some(Row::Clear),
        "Clearall" => Some(Row::ClearAll),
        _ => None,
    }
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || c == '_')
}

/// `${NAME}`, `$NAME` and `$$` replaced; `None` if a dollar is something else or a name is none.
fn substituted(pattern: &str, columns: &[Column]) -> Option<String> {
    let mut out = String::with_capacity(pattern.len());
    let mut rest = pattern;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            out.push('$');
            rest = after;
            continue;
        }
        let (inner, braced) = match rest.strip_prefix('{') {
            Some(inner) => (inner, true),
            None => (rest, false),
        };
        let length = inner.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(inner.len());
        let (name, after) = inner.split_at(length);
        if name.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        rest = if braced { after.strip_prefix('}')? } else { after };
        out.push_str(&columns.iter().find(|column| column.name == name)?.named());
    }
    out.push_str(rest);
    Some(out)
}

struct Machine {
    columns: Vec<Column>,
    states: IndexMap<String, Vec<Rule>>,
    rows: Vec<Vec<Value>>,
}

impl Machine {
    fn parse(template: &str) -> Res<Self> {
        let mut lines = template.lines().map(str::trim_end).enumerate().map(|(at, line)| (at + 1, line));
        let mut machine = Self { columns: Vec::new(), states: IndexMap::new(), rows: Vec::new() };
        let comment = |line: &str| line.trim_start().starts_with('#');
        for (number, line) in lines.by_ref() {
            if line.is_empty() {
                break;
            }
            if comment(line) {
                continue;
            }
            if !line.starts_with("Value ") {
                return Err(failed(match machine.columns.is_empty() {
                    true => "No Value definitions found.".to_owned(),
                    false => format!("Expected blank line after last Value entry. Line: {number}."),
                }));
            }
            let column = Column::parse(line).map_err(|mut error| {
                error.message.push_str(&format!(" Line {number}."));
                error
            })?;
            if machine.columns.iter().any(|known| known.name == column.name) {
                let name = &column.name;
                return Err(failed(format!("Duplicate declarations for Value '{name}'. Line: {number}.")));
            }
            machine.columns.push(column);
        }
        while let Some((number, line)) = lines.find(|(_, line)| !line.is_empty() && !comment(line)) {
            let reserved = line_of(line).is_some() || record_of(line).is_some();
            if !is_word(line) || line.chars().count() > LONGEST_NAME || reserved {
                return Err(failed(format!("Invalid state name: '{line}'. Line: {number}")));
            }
            if machine.states.contains_key(line) {
                return Err(failed(format!("Duplicate state name: '{line}'. Line: {number}")));
            }
            let mut rules = Vec::new();
            for (number, line) in lines.by_ref() {
                if line.is_empty() {
                    break;
                }
                if comment(line) {
                    continue;
                }
                if ![" ^", "  ^", "\t^"].iter().any(|margin| line.starts_with(margin)) {
                    return Err(failed(format!(
                        "Missing white space or carat ('^') before rule. Line: {number}"
                    )));
                }
                rules.push(Rule::parse(line, number, &machine.columns)?);
            }
            machine.states.insert(line.to_owned(), rules);
        }
        machine.check()?;
        Ok(machine)
    }

    fn check(&mut self) -> Res<()> {
        if !self.states.contains_key("Start") {
            return Err(failed("Missing state 'Start'."));
        }
        for last in ["End", "EOF"] {
            if self.states.get(last).is_some_and(|rules| !rules.is_empty()) {
                return Err(failed(format!("Non-Empty '{last}' state.")));
            }
        }
        self.states.shift_remove("End");
        for (name, rules) in &self.states {
            for rule in rules.iter().filter(|rule| rule.line != Line::Error && !rule.state.is_empty()) {
                let to = &rule.state;
                if !matches!(&**to, "End" | "EOF") && !self.states.contains_key(to) {
                    return Err(failed(format!("State '{to}' not found, referenced in state '{name}'")));
                }
            }
        }
        Ok(())
    }

    fn run(&mut self, text: &str) -> Res<()> {
        let states = std::mem::take(&mut self.states);
        let mut state = "Start";
        for line in split_lines(text, false) {
            for rule in states.get(state).into_iter().flatten() {
                let Some(found) = rule.regex.captures(line).map_err(regex::runaway)? else { continue };
                for name in rule.regex.capture_names().flatten() {
                    if let Some(at) = self.columns.iter().position(|column| column.name == name) {
                        let value = found.name(name).map(|group| Value::str(group.as_str()));
                        self.assign(at, value.unwrap_or(Value::Null))?;
                    }
                }
                match rule.record {
                    Row::Keep => {}
                    Row::Add => self.record()?,
                    Row::Clear => self.columns.iter_mut().for_each(Column::clear),
                    Row::ClearAll => self.columns.iter_mut().for_each(Column::clear_all),
                }
                match rule.line {
                    Line::Continue => continue,
                    Line::Error => return Err(raised(rule, line)),
                    Line::Next => {}
                }
                if !rule.state.is_empty() {
                    state = &rule.state;
                }
                break;
            }
            if matches!(state, "End" | "EOF") {
                break;
            }
        }
        // The end of the text is a record, unless the template has a word on it.
        if state != "End" && !states.contains_key("EOF") {
            self.record()?;
        }
        Ok(())
    }

    fn assign(&mut self, at: usize, value: Value) -> Res<()> {
        let column = &mut self.columns[at];
        column.value = value;
        for choice in column.choices.clone() {
            match choice {
                Choice::Filldown => column.last = column.value.clone(),
                Choice::Fillup if column.value.truthy() => {
                    for row in self.rows.iter_mut().rev().take_while(|row| !row[at].truthy()) {
                        row[at] = column.value.clone();
                    }
                }
                Choice::List => {
                    charge(size_of::<Value>())?;
                    column.list.push(column.gathered()?);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Makes a row of what was found, unless a column that is required has nothing.
    fn record(&mut self) -> Res<()> {
        for column in &mut self.columns {
            for choice in column.choices.clone() {
                match choice {
                    Choice::Required if !column.value.truthy() => {
                        self.columns.iter_mut().for_each(Column::clear);
                        return Ok(());
                    }
                    Choice::List => {
                        charge(size_of::<Value>() * column.list.len())?;
                        column.value = Value::list(column.list.clone());
                    }
                    _ => {}
                }
            }
        }
        let nothing = |column: &Column| {
            column.value.is_null() || column.value.as_list().is_some_and(<[Value]>::is_empty)
        };
        if self.columns.iter().all(nothing) {
            return Ok(());
        }
        charge(128 * (self.columns.len() + 1))?;
        let filled = |column: &Column| match &column.value {
            Value::Null => Value::str(""),
            value => value.clone(),
        };
        self.rows.push(self.columns.iter().map(filled).collect());
        self.columns.iter_mut().for_each(Column::clear);
        Ok(())
    }
}

/// What the template calls an error.
fn raised(rule: &Rule, line: &str) -> TemplateError {
    let number = rule.number;
    failed(match rule.state.as_str() {
        "" => format!("State Error raised. Rule Line: {number}. Input Line: {line}"),
        message => format!("Error: {message}. Rule Line: {number}. Input Line: {line}."),
    })
}

pub fn parse_cli_textfsm(c: &mut Call) -> Res<V> {
    let refusal = "parse_cli_textfsm input should be a string, but was given a input of";
    let text = input(c, refusal)?.to_owned();
    let (_, template) = read(c, "parse_cli_textfsm")?;
    let mut machine = Machine::parse(&template)?;
    machine.run(&text)?;
    let names: Vec<Value> = machine.columns.iter().map(|column| Value::str(&column.name)).collect();
    let rows =
        machine.rows.into_iter().map(|row| Value::map(names.iter().cloned().zip(row).collect::<Map>()));
    V::from_value(&Value::list(rows.collect()))
}
