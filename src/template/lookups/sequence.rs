//! `sequence`: numbered texts.

use super::Lookup;
use crate::source::args::parse_kv;
use crate::template::object::{Res, V, failed, format_percent, text};

struct Sequence {
    start: i64,
    end: Option<i64>,
    count: Option<i64>,
    stride: i64,
    format: String,
}

fn number(name: &str, value: &str) -> Res<i64> {
    let value = value.trim();
    let parsed = match value.get(..2) {
        Some("0x" | "0X") => i64::from_str_radix(&value[2..], 16).ok(),
        _ if value.len() > 1 && value.starts_with('0') => {
            i64::from_str_radix(value.trim_start_matches('0'), 8)
                .ok()
                .or_else(|| value.bytes().all(|b| b == b'0').then_some(0))
        }
        _ => value.parse().ok(),
    };
    parsed.ok_or_else(|| failed(format!(
            "Config '{name}' for 'sequence' lookup plugin from 'Direct' has an invalid value: Invalid value provided for 'integer': '{value}'"
        )))
}

/// `[start-]end[/stride][:format]`.
fn shortcut(term: &str) -> Option<Res<Sequence>> {
    let (range, format) = term.split_once(':').unwrap_or((term, "%d"));
    let (range, stride) = match range.split_once('/') {
        Some((range, stride)) => (range, Some(stride)),
        None => (range, None),
    };
    let (start, end) = match range.split_once('-').filter(|(start, _)| !start.is_empty()) {
        Some((start, end)) => (Some(start), end),
        None => (None, range),
    };
    // Anything else is `name=value`; that a word is no number is said when it is read.
    let word = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric());
    if !word(end) || !start.is_none_or(word) || !stride.is_none_or(word) {
        return None;
    }
    Some((|| {
        Ok(Sequence {
            start: start.map_or(Ok(1), |start| number("start", start))?,
            end: Some(number("end", end)?),
            count: None,
            stride: stride.map_or(Ok(1), |stride| number("stride", stride))?,
            format: format.to_owned(),
        })
    })())
}

pub fn sequence(lookup: &mut Lookup) -> Res<Vec<V>> {
    let mut out = Vec::new();
    let mut terms = lookup.texts()?;
    if terms.is_empty() && !lookup.options.is_empty() {
        terms.push(String::new());
    }
    for term in terms {
        // What the term says goes before what the call says.
        let mut sequence = Sequence { start: 1, end: None, count: None, stride: 1, format: "%d".to_owned() };
        for (name, value) in &lookup.options {
            set(&mut sequence, name, &text(value)?)?;
        }
        match shortcut(term.trim()) {
            Some(written) => sequence = written?,
            None => {
                for (name, value) in parse_kv(&term, false).map_err(failed)? {
                    set(&mut sequence, &name, &value)?;
                }
            }
        }
        out.extend(numbers(&sequence)?);
    }
    Ok(out)
}

fn set(sequence: &mut Sequence, name: &str, value: &str) -> Res<()> {
    match name {
        "start" => sequence.start = number(name, value)?,
        "end" => sequence.end = Some(number(name, value)?),
        "count" => sequence.count = Some(number(name, value)?),
        "stride" => sequence.stride = number(name, value)?,
        "format" => value.clone_into(&mut sequence.format),
        other => {
            return Err(failed(format!("unrecognized arguments to with_sequence: ['{other}']")));
        }
    }
    Ok(())
}

fn numbers(sequence: &Sequence) -> Res<Vec<V>> {
    let (start, stride) = (sequence.start, sequence.stride);
    let end = match (sequence.count, sequence.end) {
        (None, None) => return Err(failed("must specify count or end in with_sequence")),
        (Some(_), Some(_)) => return Err(failed("can't specify both count and end in with_sequence")),
        (Some(0), None) => return Ok(Vec::new()),
        (Some(count), None) => count
            .checked_mul(stride)
            .and_then(|far| start.checked_add(far - 1))
            .ok_or_else(|| failed("the sequence is too long"))?,
        (None, Some(end)) => end,
    };
    if stride > 0 && end < start {
        return Err(failed("to count backwards make stride negative"));
    }
    if stride < 0 && end > start {
        return Err(failed("to count forward don't make stride negative"));
    }
    if stride == 0 {
        return Ok(Vec::new());
    }
    if (i128::from(end) - i128::from(start)) / i128::from(stride) > 2_000_000 {
        return Err(failed("the sequence is too long"));
    }
    if sequence.format.matches('%').count() - 2 * sequence.format.matches("%%").count() != 1 {
        return Err(failed(format!("bad formatting string: {}", sequence.format)));
    }
    let mut out = Vec::new();
    let mut i = start;
    while if stride > 0 { i <= end } else { i >= end } {
        out.push(V::from(format_percent(&sequence.format, &V::Int(i))?));
        let Some(next) = i.checked_add(stride) else { break };
        i = next;
    }
    Ok(out)
}
