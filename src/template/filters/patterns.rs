//! Filters with regular expressions.

use crate::template::eval::Call;
use crate::template::object::{Res, V, failed, text};
use crate::template::regex::{self, Flags};

pub fn replace(c: &mut Call) -> Res<V> {
    let flags = Flags { ignore_case: c.flag(2)?, multiline: c.flag(3)?, dot_all: false };
    let regex = regex::compile(&c.text_or(0, "")?, flags)?;
    let most = usize::try_from(c.int_or(4, 0)?).unwrap_or(0);
    let (out, count) = regex::replace(&regex, &c.input()?, &c.text_or(1, "")?, most)?;
    let wanted = c.int_or(5, 0)?;
    if wanted != 0 && count as i64 != wanted {
        return Err(failed(format!(
            "'{}' should match {wanted} times, but matches {count} times in '{}'",
            c.text_or(0, "")?,
            c.input()?
        )));
    }
    Ok(V::from(out))
}

pub fn search(c: &mut Call) -> Res<V> {
    let mut flags = Flags::default();
    for (name, value) in &c.named {
        match &**name {
            "ignorecase" => flags.ignore_case = value.truth()?,
            "multiline" => flags.multiline = value.truth()?,
            other => {
                return Err(failed(format!("regex_search() got an unexpected keyword argument '{other}'")));
            }
        }
    }
    let regex = regex::compile(&c.text_or(0, "")?, flags)?;
    let input = c.input()?;
    let is_group = |text: &str| {
        let name = text.strip_prefix("\\g<").and_then(|rest| rest.strip_suffix('>'));
        name.is_some() || text.strip_prefix('\\').is_some_and(|rest| rest.parse::<usize>().is_ok())
    };
    for wanted in &c.more {
        if !is_group(&text(wanted)?) {
            return Err(failed("Unknown argument"));
        }
    }
    let Some(found) = regex.captures(&input).map_err(regex::runaway)? else { return Ok(V::None) };
    let group = |found: Option<fancy_regex::Match>| found.map_or(V::None, |m| V::str(m.as_str()));
    if c.more.is_empty() {
        return Ok(group(found.get(0)));
    }
    let mut out = Vec::new();
    for wanted in &c.more {
        let wanted = text(wanted)?;
        if let Some(name) = wanted.strip_prefix("\\g<").and_then(|rest| rest.strip_suffix('>')) {
            let named = match name.parse::<usize>() {
                Ok(number) => found.get(number),
                Err(_) => found.name(name),
            };
            out.push(group(named));
        } else if let Some(number) = wanted.strip_prefix('\\').and_then(|rest| rest.parse::<usize>().ok()) {
            if number >= found.len() {
                return Err(failed("no such group"));
            }
            out.push(group(found.get(number)));
        } else {
            return Err(failed("Unknown argument"));
        }
    }
    Ok(V::list(out))
}

pub fn findall(c: &mut Call) -> Res<V> {
    let flags = Flags { multiline: c.flag(1)?, ignore_case: c.flag(2)?, dot_all: false };
    let regex = regex::compile(&c.text_or(0, "")?, flags)?;
    let input = c.input()?;
    let mut out = Vec::new();
    for found in regex::matches(&regex, &input) {
        let found = found?;
        let group = |i: usize| V::str(found.get(i).map_or("", |m| m.as_str()));
        out.push(match found.len() {
            1 => group(0),
            2 => group(1),
            count => V::tuple((1..count).map(group).collect()),
        });
    }
    Ok(V::list(out))
}

pub fn escape(c: &mut Call) -> Res<V> {
    let input = c.input()?;
    let special = match &*c.text_or(0, "python")? {
        "python" => "()[]{}?*+-|^$\\.&~# \t\n\r\u{b}\u{c}",
        "posix_basic" => "[].*^$\\",
        "posix_extended" => {
            return Err(failed("Regex type (posix_extended) not yet implemented"));
        }
        other => return Err(failed(format!("Invalid regex type ({other})"))),
    };
    let mut out = String::with_capacity(input.len() + 8);
    for ch in input.chars() {
        if special.contains(ch) {
            out.push('\\');
        }
        out.push(ch);
    }
    Ok(V::from(out))
}
