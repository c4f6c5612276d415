//! Filters of ansible.utils for facts: joined by a key, and compared.

use crate::template::eval::Call;
use crate::template::object::{Entries, Res, V, failed, key_of, repr, text};
use crate::template::regex::{self, Flags};
use crate::value::{JsonStyle, Value, py_str};
use similar::TextDiff;

/// A source of `consolidate`.
struct Data {
    name: V,
    key: Value,
    rows: Vec<V>,
}

impl Data {
    fn of(value: &V) -> Res<Self> {
        let V::Dict(source) = value else {
            return Err(failed(format!(
                "[\"Elements value for option 'data_sources' is of type {} and we were unable to convert to dict: \
                 dictionary requested, could not parse JSON or key=value\"]",
                value.type_name()
            )));
        };
        let member = |name: &str| match source.get_str(name).transpose()? {
            Some(value) => value.need(),
            None => Err(failed(format!("['missing required arguments: {name} found in data_sources']"))),
        };
        Ok(Self {
            rows: member("data")?.items()?,
            key: key_of(&member("match_key")?)?,
            name: member("name")?,
        })
    }
}

/// Several lists of mappings as one mapping: by the value of each list's key, then by the list's name.
pub fn consolidate(c: &mut Call) -> Res<V> {
    let (missing_key, missing_value, duplicate) =
        (c.flag_or(0, true)?, c.flag_or(1, true)?, c.flag_or(2, true)?);
    let sources = match &c.value {
        V::List(_) | V::Tuple(_) => c.value.items()?.iter().map(Data::of).collect::<Res<Vec<_>>>()?,
        other => {
            return Err(failed(format!(
                "[\"Value {} in the sub parameter field 'data_sources' must be a list, not '{}'\"]",
                repr(&V::from(text(other)?))?,
                other.type_name()
            )));
        }
    };
    let wrong = |check: &str, found: Vec<String>| match found.is_empty() {
        true => Ok(()),
        false => Err(failed(format!(
            "Error when using plugin 'consolidate': '{check}' reported {}",
            found.join(", ")
        ))),
    };
    let (mut keyless, mut doubled) = (Vec::new(), Vec::new());
    let mut tables: Vec<Entries> = Vec::new();
    for (at, source) in sources.iter().enumerate() {
        let mut table = Entries::new();
        let mut rows = 0;
        for (row_at, row) in source.rows.iter().enumerate() {
            let V::Dict(members) = row else {
                return Err(failed(format!("'{}' object has no attribute 'get'", row.type_name())));
            };
            match members.get(&source.key).transpose()? {
                Some(value) => {
                    table.insert(key_of(&value)?, row.clone());
                    rows += 1;
                }
                None => keyless.push(format!(
                    "missing match key '{}' in data source {} in list entry {}",
                    py_str(&source.key),
                    at + 1,
                    row_at + 1
                )),
            }
        }
        if table.len() < rows {
            doubled.push(format!("duplicate values in data source {}", at + 1));
        }
        tables.push(table);
    }
    if missing_key {
        wrong("fail_missing_match_key", keyless)?;
    }
    if duplicate {
        wrong("fail_duplicate", doubled)?;
    }
    let mut values: Vec<Value> = Vec::new();
    for value in tables.iter().flat_map(|table| table.keys()) {
        if !values.contains(value) {
            values.push(value.clone());
        }
    }
    if missing_value {
        let mut absent = Vec::new();
        for (at, table) in tables.iter().enumerate() {
            let gone = values.iter().filter(|value| !table.contains_key(*value));
            absent.extend(
                gone.map(|value| format!("missing match value {} in data source {}", py_str(value), at + 1)),
            );
        }
        wrong("fail_missing_match_value", absent)?;
    }
    let mut out = Entries::new();
    for value in values {
        let mut joined = Entries::new();
        for (source, table) in sources.iter().zip(&tables) {
            let row = table.get(&value).cloned().unwrap_or_else(|| V::dict(Entries::new()));
            joined.insert(key_of(&source.name)?, row);
        }
        out.insert(value, V::dict(joined));
    }
    Ok(V::dict(out))
}

/// What is compared: a text itself, the items of a list, a mapping's JSON.
fn shown(value: &V) -> Res<String> {
    Ok(match value {
        V::Str(text) => text.to_string(),
        V::List(_) | V::Tuple(_) => {
            value.items()?.iter().map(|item| Ok(text(item)? + "\n")).collect::<Res<String>>()?
        }
        V::Dict(_) => {
            let style = JsonStyle { indent: Some(4), sort_keys: true, ascii: true, ..JsonStyle::default() };
            style.write(&value.to_value()?) + "\n"
        }
        other => return Err(failed(format!("'{}' object has no attribute 'splitlines'", other.type_name()))),
    })
}

/// `before | fact_diff(after, plugin, common)`: the lines of a unified diff, as Python prints the list of them; with
/// `common` only what both have.
pub fn fact_diff(c: &mut Call) -> Res<V> {
    let (mut before, mut after) = (shown(&c.value)?, shown(c.need(0)?)?);
    let plugin = c.given(1).map(V::to_value).transpose()?.unwrap_or_default();
    let skipped = match plugin.path(&["vars", "skip_lines"]) {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::List(patterns)) => patterns.iter().map(py_str).collect(),
        Some(pattern) => vec![py_str(pattern)],
    };
    for pattern in skipped {
        let regex = regex::compile(&format!("\\A(?:{pattern})"), Flags::default())?;
        for side in [&mut before, &mut after] {
            let mut kept = String::with_capacity(side.len());
            for line in side.split_inclusive('\n') {
                if !regex.is_match(line).map_err(regex::runaway)? {
                    kept.push_str(line);
                }
            }
            *side = kept;
        }
    }
    let diff = TextDiff::from_lines(&before, &after);
    // All of it: there is one hunk.
    let context = before.len().max(after.len());
    let shown = diff.unified_diff().context_radius(context).header("before", "after").to_string();
    let common = c.flag(2)?;
    let lines: Vec<V> = match shown.is_empty() {
        true => Vec::new(),
        false => {
            shown.split('\n').filter(|line| !common || !line.starts_with(['+', '-'])).map(V::str).collect()
        }
    };
    repr(&V::list(lines)).map(V::from)
}
