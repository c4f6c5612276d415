//! How results are laid out: JSON or YAML, on one line or on several.

use super::escaped;
use crate::template::yaml_dump::{YamlStyle, dump};
use crate::value::{JsonStyle, Map, Value, py_str};

/// The form of a result's text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    #[default]
    Json,
    /// `result_format = yaml`.
    Yaml,
    /// The callback `community.general.yaml`: `changed` on the first line, two spaces.
    CompactYaml,
    /// The callback `ansible.posix.debug`: what commands print and messages as they are, under headings.
    Texts,
}

/// `result_format` and `pretty_results`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Layout {
    pub format: Format,
    /// Whether texts are made for reading; without a choice YAML is, JSON is not.
    pub pretty: Option<bool>,
}

impl Layout {
    /// Custom statistics on one line: without the line breaks that they would have.
    pub fn stats(self, data: &Map) -> String {
        match self.format {
            // YAML has a space of its own on each line here.
            Format::Yaml => self.text(data, true).replace("\n   ", ""),
            Format::Json => json(data, Some(1)).replace('\n', ""),
            _ => self.text(data, true).replace('\n', ""),
        }
    }

    /// A result's text; `long` asks for several lines where the user has no wish of their own.
    pub fn text(self, data: &Map, long: bool) -> String {
        let pretty = self.pretty.unwrap_or(match self.format {
            Format::Json => long,
            _ => true,
        });
        match self.format {
            Format::Json => json(data, pretty.then_some(4)),
            Format::Texts => texts(data),
            Format::Yaml => {
                let style = YamlStyle {
                    indent: if pretty { 4 } else { 2 },
                    flow: Some(false),
                    literal_lines: true,
                    ..YamlStyle::default()
                };
                let data = if pretty { readable(data) } else { data.clone() };
                let lines = dump(&Value::map(data), &style);
                let lines = lines.trim_end_matches('\n').split('\n');
                let indented = lines.map(|line| match line.trim().is_empty() {
                    true => format!("\n{line}"),
                    false => format!("\n    {line}"),
                });
                indented.collect()
            }
            Format::CompactYaml => compact(data),
        }
    }
}

fn json(data: &Map, indent: Option<usize>) -> String {
    JsonStyle { indent, sort_keys: true, ..JsonStyle::default() }.write(&Value::map(data.clone()))
}

/// What commands print and messages, under headings after the rest.
fn texts(data: &Map) -> String {
    let mut rest = data.clone();
    let mut out = String::new();
    for name in ["stdout", "stderr", "msg", "module_stdout", "module_stderr"] {
        let Some(text) = rest.shift_remove(name) else { continue };
        rest.shift_remove(format!("{name}_lines").as_str());
        let text = py_str(&text);
        if !text.is_empty() {
            out.push_str(&format!("\n\n{}:\n\n{}\n", name.to_uppercase(), escaped(&text)));
        }
    }
    json(&rest, Some(4)) + &out
}

fn compact(data: &Map) -> String {
    let mut rest = readable(data);
    let mut out = String::new();
    for word in ["changed", "skipped"] {
        if let Some(value) = rest.shift_remove(word) {
            out.push_str(&format!("{word}={} ", py_str(&value).to_lowercase()));
        }
    }
    if !rest.is_empty() {
        let style =
            YamlStyle { width: usize::MAX, flow: Some(false), literal_lines: true, ..YamlStyle::default() };
        for line in dump(&Value::map(rest), &style).trim_end_matches('\n').split('\n') {
            out.push_str("\n  ");
            out.push_str(line);
        }
    }
    out.trim_end_matches('\n').to_owned()
}

/// Texts of several lines without what would keep them from being shown as lines; lines that say what a text says left out.
fn readable(data: &Map) -> Map {
    let mut data: Map = data.iter().map(|(key, value)| (key.clone(), readable_value(value))).collect();
    for name in ["stdout", "stderr"] {
        let lines = format!("{name}_lines");
        if data.contains_key(name) && data.contains_key(lines.as_str()) {
            data.insert(lines.into(), "<omitted>".into());
        }
    }
    data
}

fn readable_value(value: &Value) -> Value {
    match value {
        Value::Str(text) if text.contains('\n') => Value::from(readable_text(text)),
        Value::List(items) => Value::list(items.iter().map(readable_value).collect()),
        Value::Map(map) => {
            Value::map(map.iter().map(|(key, value)| (key.clone(), readable_value(value))).collect())
        }
        other => other.clone(),
    }
}

/// Tabs become spaces; control characters and what stands at the ends of lines go.
fn readable_text(text: &str) -> String {
    let mut out = String::new();
    for line in text.split('\n') {
        let mut column = 0;
        let start = out.len();
        for c in line.chars() {
            match c {
                '\t' => {
                    let width = 8 - column % 8;
                    out.push_str(&" ".repeat(width));
                    column += width;
                }
                c => {
                    column += 1;
                    if !c.is_control() {
                        out.push(c);
                    }
                }
            }
        }
        let end = start + out[start..].trim_end().len();
        out.truncate(end);
        out.push('\n');
    }
    out.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(pairs: &[(&str, Value)]) -> Map {
        pairs.iter().map(|(key, value)| (Value::str(key), value.clone())).collect()
    }

    #[test]
    fn results_are_laid_out_as_ansible_does() {
        let result = data(&[
            ("changed", true.into()),
            ("stdout", "a  \nb\tc\n".into()),
            ("stdout_lines", Value::list(vec!["a".into()])),
            ("l", Value::list(vec![1.into(), Value::list(vec![2.into(), 3.into()])])),
        ]);
        let cases: [(Format, Option<bool>, &str); 6] = [
            (
                Format::Json,
                None,
                "{\"changed\": true, \"l\": [1, [2, 3]], \"stdout\": \"a  \\nb\\tc\\n\", \"stdout_lines\": [\"a\"]}",
            ),
            (
                Format::Json,
                Some(true),
                "{\n    \"changed\": true,\n    \"l\": [\n        1,\n        [\n            2,\n            3\n        ]\n    ],\n    \
                 \"stdout\": \"a  \\nb\\tc\\n\",\n    \"stdout_lines\": [\n        \"a\"\n    ]\n}",
            ),
            (
                Format::Yaml,
                None,
                "\n    changed: true\n    l:\n    - 1\n    -   - 2\n        - 3\n    stdout: |-\n        a\n        b       c\n    \
                 stdout_lines: <omitted>",
            ),
            (
                Format::Yaml,
                Some(false),
                "\n    changed: true\n    l:\n    - 1\n    - - 2\n      - 3\n    stdout: \"a  \\nb\\tc\\n\"\n    \
                 stdout_lines:\n    - a",
            ),
            (
                Format::CompactYaml,
                None,
                "changed=true \n  l:\n  - 1\n  - - 2\n    - 3\n  stdout: |-\n    a\n    b       c\n  stdout_lines: <omitted>",
            ),
            (
                Format::Texts,
                None,
                "{\n    \"changed\": true,\n    \"l\": [\n        1,\n        [\n            2,\n            3\n        ]\n    ]\n}\
                 \n\nSTDOUT:\n\na  \nb\tc\n\n",
            ),
        ];
        for (format, pretty, wanted) in cases {
            assert_eq!(Layout { format, pretty }.text(&result, false), wanted, "{format:?} {pretty:?}");
        }
    }
}
