//! Texts of tables and settings to data: CSV and INI.

use crate::template::eval::Call;
use crate::template::lookups::ini_sections;
use crate::template::object::{Entries, Res, V, failed, text};
use crate::value::Value;

/// How a CSV text is laid out.
struct Layout {
    delimiter: char,
    /// Blanks after a delimiter are not part of the cell.
    skip_blanks: bool,
    /// What stands behind a quoted cell is an error.
    strict: bool,
}

/// `text | from_csv(dialect, fieldnames, delimiter, skipinitialspace, strict)`.
pub fn from_csv(c: &mut Call) -> Res<V> {
    let dialect = c.text_or(0, "excel")?;
    let delimiter = match dialect.as_str() {
        "excel" | "unix" => ',',
        "excel-tab" => '\t',
        other => {
            return Err(failed(format!("Dialect '{other}' is not supported by your version of python.")));
        }
    };
    let given = c.text_or(2, "")?;
    let mut chars = given.chars();
    let delimiter = match (chars.next(), chars.next()) {
        (None, _) => delimiter,
        (Some(c), None) => c,
        _ => return Err(failed("Unable to process file: \"delimiter\" must be a 1-character string")),
    };
    let layout = Layout { delimiter, skip_blanks: c.flag(3)?, strict: c.flag(4)? };
    let mut rows = layout.rows(&c.input()?)?.into_iter().filter(|row| !row.is_empty());
    let names = match c.given(1) {
        Some(names) => names.items()?.iter().map(text).collect::<Res<Vec<String>>>()?,
        None => match rows.next() {
            Some(names) => names,
            None => return Ok(V::list(Vec::new())),
        },
    };
    let record = |row: Vec<String>| {
        let mut record = Entries::new();
        let mut cells = row.into_iter();
        for name in &names {
            record.insert(Value::str(name), cells.next().map_or(V::None, V::from));
        }
        let more: Vec<V> = cells.map(V::from).collect();
        if !more.is_empty() {
            record.insert(Value::Null, V::list(more));
        }
        V::dict(record)
    };
    Ok(V::list(rows.map(record).collect()))
}

impl Layout {
    fn rows(&self, text: &str) -> Res<Vec<Vec<String>>> {
        let mut rows = Vec::new();
        let mut row = Vec::new();
        let mut cell = String::new();
        let (mut quoted, mut was_quoted) = (false, false);
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '"' if quoted && chars.next_if_eq(&'"').is_some() => cell.push('"'),
                '"' if quoted => quoted = false,
                c if quoted => cell.push(c),
                '"' if cell.is_empty() && !was_quoted => (quoted, was_quoted) = (true, true),
                '\r' if chars.peek() == Some(&'\n') => {}
                '\n' | '\r' => {
                    if !row.is_empty() || !cell.is_empty() || was_quoted {
                        row.push(std::mem::take(&mut cell));
                    }
                    rows.push(std::mem::take(&mut row));
                    was_quoted = false;
                }
                c if c == self.delimiter => {
                    row.push(std::mem::take(&mut cell));
                    was_quoted = false;
                }
                ' ' if self.skip_blanks && cell.is_empty() && !was_quoted => {}
                _ if was_quoted && self.strict => {
                    return Err(failed(format!(
                        "Unable to process file: '{}' expected after '\"'",
                        self.delimiter
                    )));
                }
                c => cell.push(c),
            }
        }
        if quoted && self.strict {
            return Err(failed("Unable to process file: unexpected end of data"));
        }
        if !row.is_empty() || !cell.is_empty() || was_quoted {
            row.push(cell);
            rows.push(row);
        }
        Ok(rows)
    }
}

/// `text | from_ini`: sections of options.
pub fn from_ini(c: &mut Call) -> Res<V> {
    let V::Str(given) = &c.value else {
        return Err(failed(format!("from_ini requires a str, got <class '{}'>", c.value.type_name())));
    };
    let sections = ini_sections(given).map_err(|mut error| {
        // Python names the kind of error first where a file has a name.
        if error.message.starts_with("Duplicate")
            && let Some(at) = error.message.find("While reading")
        {
            error.message.replace_range(..at, "");
        }
        failed(format!("from_ini failed to parse given string: {}", error.message))
    })?;
    let options = |entries: Vec<(String, Option<String>)>| {
        let entries =
            entries.into_iter().map(|(key, value)| (Value::str(key), value.map_or(V::None, V::from)));
        V::dict(entries.collect())
    };
    let sections = sections.into_iter().map(|(name, entries)| (Value::str(name), options(entries)));
    Ok(V::dict(sections.collect()))
}
