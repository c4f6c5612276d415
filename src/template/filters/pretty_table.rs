//! `to_prettytable`: a list of mappings as a table of text.

use crate::template::eval::{Call, charge};
use crate::template::object::{Res, V, failed, text};
use crate::value::Value;
use unicode_width::UnicodeWidthStr;

#[derive(Clone, Copy)]
enum Align {
    Left,
    Center,
    Right,
}

impl Align {
    fn of(name: &str) -> Option<Self> {
        match name {
            "l" | "left" => Some(Self::Left),
            "c" | "center" => Some(Self::Center),
            "r" | "right" => Some(Self::Right),
            _ => None,
        }
    }

    fn fill(self, text: &str, width: usize) -> String {
        let own = text.width();
        let free = width.saturating_sub(own);
        // Where it cannot be in the middle, texts of an even length stand right of it.
        let left = match self {
            Self::Left => 0,
            Self::Right => free,
            Self::Center => free / 2 + usize::from(free % 2 == 1 && own.is_multiple_of(2)),
        };
        format!("{}{text}{}", " ".repeat(left), " ".repeat(free - left))
    }
}

/// The type of a value as the errors of this filter name it.
fn kind(value: &V) -> &str {
    match value {
        V::Str(_) => "string",
        other => other.type_name(),
    }
}

/// A list of texts that was given under this name.
fn names(value: &V, what: &str) -> Res<Vec<String>> {
    if !value.is_sequence() {
        return Err(failed(format!("Expected a list of {what}s, got a {}", kind(value))));
    }
    let items = value.items()?;
    if let Some(wrong) = items.iter().find(|item| item.as_str().is_none()) {
        return Err(failed(format!("Expected a string for {what}, got a {}", kind(wrong))));
    }
    items.iter().map(text).collect()
}

pub fn to_prettytable(c: &mut Call) -> Res<V> {
    if !c.value.is_sequence() {
        return Err(failed(format!("Expected a list of dictionaries, got a {}", kind(&c.value))));
    }
    let mut rows = Vec::new();
    for item in c.value.items()? {
        let V::Dict(row) = &item else {
            return Err(failed(format!(
                "Expected all items in the list to be dictionaries, got a {}",
                kind(&item)
            )));
        };
        rows.push(row.entries()?);
    }
    let (mut order, mut header, mut alignments) = (None, None, Vec::new());
    for (name, value) in c.named.iter().filter(|(_, value)| !matches!(value, V::None)) {
        match &**name {
            "column_order" => order = Some(names(value, "column name")?),
            "header_names" => header = Some(names(value, "header name")?),
            "column_alignments" => {
                let V::Dict(wanted) = value else {
                    return Err(failed(format!(
                        "Expected a dictionary for column_alignments, got a {}",
                        kind(value)
                    )));
                };
                for (column, align) in wanted.entries()? {
                    let align = text(&align)?;
                    let known = Align::of(&align).ok_or_else(|| {
                        failed(format!(
                            "Invalid alignment '{align}' in 'column_alignments'. Valid alignments are: c, \
                             center, l, left, r, right"
                        ))
                    })?;
                    alignments.push((crate::value::py_str(&column), known));
                }
            }
            other => {
                return Err(failed(format!("Unknown parameter(s) for to_prettytable filter: {other}")));
            }
        }
    }
    if rows.is_empty() {
        return Ok(V::str("++\n++"));
    }
    if !c.more.is_empty() {
        order = Some(names(&V::list(std::mem::take(&mut c.more)), "column name")?);
    }
    let columns: Vec<Value> = match order.filter(|order| !order.is_empty()) {
        Some(order) => order.into_iter().map(Value::str).collect(),
        None => rows[0].keys().cloned().collect(),
    };
    if columns.is_empty() {
        return Err(failed("max() arg is an empty sequence"));
    }
    let header = header.unwrap_or_else(|| columns.iter().map(crate::value::py_str).collect());
    if header.iter().enumerate().any(|(at, name)| header[..at].contains(name)) {
        return Err(failed("Field names must be unique"));
    }
    if header.len() != columns.len() {
        return Err(failed(format!(
            "Row has incorrect number of values, (actual) {}!={} (expected)",
            columns.len(),
            header.len()
        )));
    }
    let mut cells = vec![header.clone()];
    for row in &rows {
        let cell = |column| row.get(column).map_or_else(|| Ok(String::new()), text);
        cells.push(columns.iter().map(cell).collect::<Res<_>>()?);
    }
    let align = |name: &String| {
        alignments.iter().find(|(column, _)| column == name).map_or(Align::Center, |(_, align)| *align)
    };
    let aligns: Vec<Align> = header.iter().map(align).collect();
    let table = draw(&cells, &aligns)?;
    Ok(V::from(table))
}

/// The table; its first row is the header.
fn draw(cells: &[Vec<String>], aligns: &[Align]) -> Res<String> {
    let width_of = |column: usize| {
        let lines = cells.iter().flat_map(|row| row[column].split('\n'));
        lines.map(UnicodeWidthStr::width).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..aligns.len()).map(width_of).collect();
    let rule: String = widths.iter().map(|width| format!("+{}", "-".repeat(width + 2))).collect();
    let mut lines = vec![format!("{rule}+")];
    for (at, row) in cells.iter().enumerate() {
        let parts: Vec<Vec<&str>> = row.iter().map(|cell| cell.split('\n').collect()).collect();
        for line in 0..parts.iter().map(Vec::len).max().unwrap_or(0) {
            charge(rule.len())?;
            let cell = |(column, part): (usize, &Vec<&str>)| {
                format!("| {} ", aligns[column].fill(part.get(line).unwrap_or(&""), widths[column]))
            };
            lines.push(format!("{}|", parts.iter().enumerate().map(cell).collect::<String>()));
        }
        if at == 0 {
            lines.push(lines[0].clone());
        }
    }
    lines.push(lines[0].clone());
    Ok(lines.join("\n"))
}
