//! Filters of texts.

use crate::template::eval::Call;
use crate::template::eval::charge;
use crate::template::object::{
    Res, V, center as pad_center, failed, format_percent, split_lines, split_text,
};

/// The text to work on; filters that need a string refuse other things as Python would.
fn string<'a>(c: &'a Call, method: &str) -> Res<&'a str> {
    c.value
        .as_str()
        .ok_or_else(|| failed(format!("'{}' object has no attribute '{method}'", c.value.type_name())))
}

pub fn title(c: &mut Call) -> Res<V> {
    let text = c.input()?;
    let mut out = String::with_capacity(text.len());
    let mut start = true;
    for ch in text.chars() {
        if start {
            out.extend(ch.to_uppercase());
        } else {
            out.extend(ch.to_lowercase());
        }
        start = ch.is_whitespace() || "-({[<".contains(ch);
    }
    Ok(V::from(out))
}

pub fn trim(c: &mut Call) -> Res<V> {
    let text = c.input()?;
    Ok(match c.text(0)? {
        Some(chars) => V::str(text.trim_matches(|ch| chars.contains(ch))),
        None => V::str(text.trim()),
    })
}

pub fn replace(c: &mut Call) -> Res<V> {
    let (text, old, new) = (c.input()?, c.text_or(0, "")?, c.text_or(1, "")?);
    charge(text.matches(&*old).count().saturating_mul(new.len()))?;
    Ok(V::from(match usize::try_from(c.int_or(2, -1)?) {
        Ok(count) => text.replacen(&old, &new, count),
        Err(_) => text.replace(&old, &new),
    }))
}

pub fn format(c: &mut Call) -> Res<V> {
    if !c.more.is_empty() && !c.named.is_empty() {
        return Err(failed("can't handle positional and keyword arguments at the same time"));
    }
    let args = if c.named.is_empty() {
        V::tuple(c.more.clone())
    } else {
        V::dict(c.named.iter().map(|(k, v)| (crate::value::Value::Str(k.clone()), v.clone())).collect())
    };
    format_percent(&c.input()?, &args).map(V::from)
}

pub fn indent(c: &mut Call) -> Res<V> {
    let text = string(c, "splitlines")?.to_owned() + "\n";
    let indention = match c.given(0) {
        Some(V::Str(text)) => text.to_string(),
        _ => {
            let width = usize::try_from(c.int_or(0, 4)?).unwrap_or(0);
            charge(width)?;
            " ".repeat(width)
        }
    };
    charge(indention.len().saturating_mul(text.matches('\n').count()))?;
    let (first, blank) = (c.flag(1)?, c.flag(2)?);
    let lines = split_lines(&text, false);
    let mut out = String::new();
    if blank {
        out = lines.join(&format!("\n{indention}"));
    } else {
        for (i, line) in lines.iter().enumerate() {
            if i > 0 {
                out.push('\n');
                if !line.is_empty() {
                    out.push_str(&indention);
                }
            }
            out.push_str(line);
        }
    }
    Ok(V::from(if first { indention + &out } else { out }))
}

pub fn truncate(c: &mut Call) -> Res<V> {
    let length = usize::try_from(c.int_or(0, 255)?).unwrap_or(0);
    let end = c.text_or(2, "...")?;
    let leeway = usize::try_from(c.int_or(3, 5)?).unwrap_or(0);
    let end_length = end.chars().count();
    if length < end_length {
        return Err(failed(format!("expected length >= {end_length}, got {length}")));
    }
    let Some(given) = c.value.len() else {
        return Err(failed(format!("object of type '{}' has no len()", c.value.type_name())));
    };
    if given <= length.saturating_add(leeway) {
        return Ok(c.value.clone());
    }
    let V::Str(text) = &c.value else {
        let class = c.value.type_name();
        return Err(failed(format!("can only concatenate {class} (not \"str\") to {class}")));
    };
    let cut: String = text.chars().take(length - end_length).collect();
    if c.flag(1)? {
        return Ok(V::from(cut + &end));
    }
    let whole = cut.rsplit_once(' ').map_or(&*cut, |(before, _)| before);
    Ok(V::from(format!("{whole}{end}")))
}

pub fn wordwrap(c: &mut Call) -> Res<V> {
    let width = usize::try_from(c.int_or(0, 79)?).unwrap_or(0).max(1);
    let break_long = c.flag_or(1, true)?;
    let separator = c.text_or(2, "\n")?;
    let on_hyphens = c.flag_or(3, true)?;
    let text = c.text_with("splitlines")?;
    let lines: Vec<String> = split_lines(&text, false)
        .into_iter()
        .map(|line| wrap_line(line, width, break_long, on_hyphens).join(&separator))
        .collect();
    Ok(V::from(lines.join(&separator)))
}

/// Words with the white space between them, as Python's `textwrap` cuts a line.
fn chunks(line: &str, on_hyphens: bool) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut word = String::new();
    let mut space = false;
    let chars: Vec<char> = line.chars().collect();
    for (i, c) in chars.iter().enumerate() {
        let is_space = c.is_whitespace();
        if is_space != space && !word.is_empty() {
            out.push(std::mem::take(&mut word));
        }
        space = is_space;
        word.push(*c);
        let letter = |j: usize| chars.get(j).is_some_and(|c| c.is_alphabetic());
        if on_hyphens
            && *c == '-'
            && i >= 2
            && letter(i - 1)
            && letter(i - 2)
            && letter(i + 1)
            && letter(i + 2)
        {
            out.push(std::mem::take(&mut word));
        }
    }
    if !word.is_empty() {
        out.push(word);
    }
    out
}

fn wrap_line(line: &str, width: usize, break_long: bool, on_hyphens: bool) -> Vec<String> {
    let mut rest: std::collections::VecDeque<String> = chunks(line, on_hyphens).into();
    let length = |text: &str| text.chars().count();
    let mut lines = Vec::new();
    while !rest.is_empty() {
        if !lines.is_empty() && rest.front().is_some_and(|chunk| chunk.trim().is_empty()) {
            rest.pop_front();
        }
        let mut current: Vec<String> = Vec::new();
        let mut used = 0;
        while let Some(chunk) = rest.front() {
            if used + length(chunk) > width {
                break;
            }
            used += length(chunk);
            current.extend(rest.pop_front());
        }
        if let Some(chunk) = rest.front().cloned()
            && length(&chunk) > width
        {
            if break_long {
                let room = width - used;
                // Behind the last hyphen that fits, unless there is nothing else before it.
                let before: Vec<char> = chunk.chars().take(room).collect();
                let room = match before.iter().rposition(|c| *c == '-') {
                    Some(at) if on_hyphens && before[..at].iter().any(|c| *c != '-') => at + 1,
                    _ => room,
                };
                let head: String = chunk.chars().take(room).collect();
                let tail: String = chunk.chars().skip(room).collect();
                current.push(head);
                rest[0] = tail;
            } else if current.is_empty() {
                current.extend(rest.pop_front());
            }
        }
        // White space at the end of a line goes.
        if current.last().is_some_and(|chunk| chunk.trim().is_empty()) {
            current.pop();
        }
        if !current.is_empty() {
            lines.push(current.concat());
        }
    }
    lines
}

pub fn wordcount(c: &mut Call) -> Res<V> {
    let text = c.input()?;
    let words = text.split(|ch: char| !(ch.is_alphanumeric() || ch == '_')).filter(|word| !word.is_empty());
    Ok(V::from(words.count()))
}

pub fn center(c: &mut Call) -> Res<V> {
    let width = usize::try_from(c.int_or(0, 80)?).unwrap_or(0);
    charge(width)?;
    Ok(V::from(pad_center(&c.input()?, width, ' ')))
}

pub fn split(c: &mut Call) -> Res<V> {
    let text = string(c, "split")?.to_owned();
    let separator = c.text(0)?;
    let most = c.int_or(1, -1)?;
    Ok(V::list(split_text(&text, separator.as_deref(), most, false)?))
}

/// Safe as one word for a POSIX shell.
pub fn shell_quote(text: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || "@%+=:,./-_".contains(c);
    if text.is_empty() {
        "''".to_owned()
    } else if text.chars().all(safe) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\"'\"'"))
    }
}

pub fn quote(c: &mut Call) -> Res<V> {
    Ok(V::from(match &c.value {
        V::None => shell_quote(""),
        _ => shell_quote(&c.input()?),
    }))
}

/// Decoration of a comment: what stands before, in front of each line, and after.
struct Style {
    beginning: &'static str,
    decoration: &'static str,
    end: &'static str,
}

pub fn comment(c: &mut Call) -> Res<V> {
    let style = match &*c.text_or(0, "plain")? {
        "plain" => Style { beginning: "", decoration: "# ", end: "" },
        "erlang" => Style { beginning: "", decoration: "% ", end: "" },
        "c" => Style { beginning: "", decoration: "// ", end: "" },
        "cblock" => Style { beginning: "/*", decoration: " * ", end: " */" },
        "xml" => Style { beginning: "<!--", decoration: " - ", end: "-->" },
        other => return Err(failed(format!("Invalid style '{other}'."))),
    };
    let option = |name: &str| -> Res<Option<String>> {
        match c.named.iter().find(|(known, _)| &**known == name) {
            Some((_, value)) => crate::template::object::text(value).map(Some),
            None => Ok(None),
        }
    };
    let decoration = option("decoration")?.unwrap_or_else(|| style.decoration.to_owned());
    let newline = option("newline")?.unwrap_or_else(|| "\n".to_owned());
    let beginning = option("beginning")?.unwrap_or_else(|| style.beginning.to_owned());
    let end = option("end")?.unwrap_or_else(|| style.end.to_owned());
    let bare = decoration.trim_end().to_owned();
    let prefix = option("prefix")?.unwrap_or_else(|| bare.clone());
    let postfix = option("postfix")?.unwrap_or_else(|| bare.clone());
    let count = |text: Option<String>| text.and_then(|text| text.parse::<usize>().ok()).unwrap_or(1);
    let prefix_count = count(option("prefix_count")?);
    let postfix_count = count(option("postfix_count")?);
    let text = c.text_with("replace")?;
    let mut out = String::new();
    if !beginning.is_empty() {
        out.push_str(&beginning);
        out.push_str(&newline);
    }
    if !prefix.is_empty() {
        for _ in 0..prefix_count {
            out.push_str(&prefix);
            // A prefix that is a line break needs none of its own.
            if prefix != newline {
                out.push_str(&newline);
            }
        }
    }
    // Empty lines get the decoration without its blanks, but for the last one.
    let lines: Vec<&str> = text.split(&*newline).collect();
    for (i, line) in lines.iter().enumerate() {
        let last = i + 1 == lines.len();
        out.push_str(if line.is_empty() && !last { &bare } else { &decoration });
        out.push_str(line);
        if !last {
            out.push_str(&newline);
        }
    }
    for _ in 0..postfix_count {
        out.push_str(&newline);
        out.push_str(&postfix);
    }
    if !end.is_empty() {
        out.push_str(&newline);
        out.push_str(&end);
    }
    Ok(V::from(out))
}

/// `text | unicode_normalize(form)`.
pub fn unicode_normalize(c: &mut Call) -> Res<V> {
    use unicode_normalization::UnicodeNormalization;
    let V::Str(given) = &c.value else {
        return Err(failed(format!("<class '{}'> is not a valid input type", c.value.type_name())));
    };
    Ok(V::from(match c.text_or(0, "NFC")?.as_str() {
        "NFC" => given.nfc().collect::<String>(),
        "NFD" => given.nfd().collect(),
        "NFKC" => given.nfkc().collect(),
        "NFKD" => given.nfkd().collect(),
        other => return Err(failed(format!("{other} is not a valid form"))),
    }))
}
