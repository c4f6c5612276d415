//! Jinja's filters for HTML and XML.

use crate::template::eval::Call;
use crate::template::object::{Res, V, failed, sort_values, text};
use crate::value::{JsonStyle, Value};

pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\'' => out.push_str("&#39;"),
            '"' => out.push_str("&#34;"),
            c => out.push(c),
        }
    }
    out
}

/// JSON that may stand in HTML.
pub fn tojson(c: &mut Call) -> Res<V> {
    let indent = c.given(0).map(|_| c.int_or(0, 0)).transpose()?.and_then(|n| usize::try_from(n).ok());
    let style = JsonStyle { indent, sort_keys: false, ascii: true, compact: false };
    if super::serial::omits(&c.value)? {
        return Err(failed("Object of type _OmitType is not JSON serializable"));
    }
    let json = style.write(&in_order(&c.value.to_value()?)?);
    Ok(V::from(
        json.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026").replace('\'', "\\u0027"),
    ))
}

/// The data with the members of its mappings in the order of their keys, which must be of types that have one.
fn in_order(value: &Value) -> Res<Value> {
    crate::template::eval::check_stack()?;
    Ok(match value {
        Value::List(items) => Value::list(items.iter().map(in_order).collect::<Res<_>>()?),
        Value::Map(map) => {
            let mut entries = Vec::with_capacity(map.len());
            for (key, item) in map.iter() {
                entries.push((V::from_value(key)?, (key.clone(), in_order(item)?)));
            }
            sort_values(&mut entries, |(key, _)| key)?;
            Value::map(entries.into_iter().map(|(_, entry)| entry).collect())
        }
        other => other.clone(),
    })
}

pub fn striptags(c: &mut Call) -> Res<V> {
    let input = c.input()?;
    let mut out = String::new();
    let mut rest = &*input;
    // Comments first, then tags.
    while let Some(at) = rest.find('<') {
        out.push_str(&rest[..at]);
        let end = if rest[at..].starts_with("<!--") {
            rest[at..].find("-->").map(|end| at + end + 3)
        } else {
            rest[at..].find('>').map(|end| at + end + 1)
        };
        match end {
            Some(end) => rest = &rest[end..],
            None => {
                out.push_str(&rest[at..]);
                rest = "";
            }
        }
    }
    out.push_str(rest);
    let words: Vec<&str> = out.split_whitespace().collect();
    Ok(V::from(unescape(&words.join(" "))))
}

fn unescape(text: &str) -> String {
    let named =
        [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#34;", "\""), ("&#39;", "'"), ("&apos;", "'")];
    let text = named.iter().fold(text.to_owned(), |text, (name, c)| text.replace(name, c));
    text.replace("&nbsp;", "\u{a0}").replace("&amp;", "&")
}

pub fn xmlattr(c: &mut Call) -> Res<V> {
    let V::Dict(dict) = &c.value else {
        return Err(failed(format!("'{}' object has no attribute 'items'", c.value.type_name())));
    };
    let mut parts = Vec::new();
    for (key, value) in dict.entries()? {
        value.check()?;
        if matches!(value, V::None) {
            continue;
        }
        let crate::value::Value::Str(key) = &key else {
            let class = key.type_name();
            return Err(failed(format!("expected string or bytes-like object, got '{class}'")));
        };
        if key.chars().any(|ch| ch.is_whitespace() || "/>=".contains(ch)) {
            return Err(failed(format!("Invalid character in attribute name: '{key}'")));
        }
        parts.push(format!("{}=\"{}\"", escape(key), escape(&text(&value)?)));
    }
    let joined = parts.join(" ");
    Ok(V::from(if c.flag_or(0, true)? && !joined.is_empty() { format!(" {joined}") } else { joined }))
}

/// Addresses as links.
pub fn urlize(c: &mut Call) -> Res<V> {
    let limit = c.given(0).map(|_| c.int_or(0, 0)).transpose()?.and_then(|n| usize::try_from(n).ok());
    let nofollow = c.flag(1)?;
    let target = c.text(2)?;
    let mut rel: Vec<String> = c.text_or(3, "")?.split_whitespace().map(str::to_owned).collect();
    rel.push("noopener".into());
    if nofollow {
        rel.push("nofollow".into());
    }
    rel.sort();
    rel.dedup();
    let attributes = format!(
        " rel=\"{}\"{}",
        escape(&rel.join(" ")),
        target.map_or_else(String::new, |target| format!(" target=\"{}\"", escape(&target)))
    );
    let shorten = |url: &str| match limit {
        Some(limit) if url.chars().count() > limit => {
            format!("{}...", url.chars().take(limit).collect::<String>())
        }
        _ => url.to_owned(),
    };
    let input = escape(&c.input()?);
    let mut out = String::new();
    for part in input.split_inclusive(char::is_whitespace) {
        let word = part.trim_end();
        let space = &part[word.len()..];
        let head_end = word.len() - word.trim_start_matches(['(', '<']).len();
        let (head, middle) = word.split_at(head_end);
        let core = middle.trim_end_matches([')', '>', '.', ',']);
        let tail = &middle[core.len()..];
        let link = if core.starts_with("http://") || core.starts_with("https://") {
            Some(core.to_owned())
        } else if core.starts_with("www.") {
            Some(format!("https://{core}"))
        } else {
            None
        };
        out.push_str(head);
        match link {
            Some(link) => out.push_str(&format!("<a href=\"{link}\"{attributes}>{}</a>", shorten(core))),
            None => out.push_str(core),
        }
        out.push_str(tail);
        out.push_str(space);
    }
    Ok(V::from(out))
}
