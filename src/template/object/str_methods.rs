//! Python's methods of strings, and what filters share with them.

use super::methods::MethodArgs;
use super::strings::format_braces;
use super::{Res, V, failed, text};
use crate::template::eval::charge;
use std::sync::Arc;

/// Python's notion of white space for `strip` and `split`.
fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

fn strip<'a>(text: &'a str, args: &MethodArgs, left: bool, right: bool) -> Res<&'a str> {
    let chars: Option<Vec<char>> = match args.opt(0, "chars") {
        None | Some(V::None) => None,
        Some(_) => Some(args.string(0, "chars")?.chars().collect()),
    };
    let matches = |c: char| chars.as_ref().map_or_else(|| is_space(c), |chars| chars.contains(&c));
    let mut out = text;
    if left {
        out = out.trim_start_matches(matches);
    }
    if right {
        out = out.trim_end_matches(matches);
    }
    Ok(out)
}

pub fn split_text(text: &str, separator: Option<&str>, most: i64, from_right: bool) -> Res<Vec<V>> {
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let parts: Vec<&str> = match separator {
        Some("") => return Err(failed("empty separator")),
        Some(separator) if from_right => {
            let mut parts: Vec<&str> = text.rsplitn(most.saturating_add(1), separator).collect();
            parts.reverse();
            parts
        }
        Some(separator) => text.splitn(most.saturating_add(1), separator).collect(),
        None if most == usize::MAX => text.split(is_space).filter(|part| !part.is_empty()).collect(),
        None => {
            let mut parts = Vec::new();
            let mut rest = text.trim_matches(is_space);
            while !rest.is_empty() && parts.len() < most {
                let found = if from_right { rest.rfind(is_space) } else { rest.find(is_space) };
                let Some(at) = found else { break };
                if from_right {
                    let width = rest[at..].chars().next().map_or(1, char::len_utf8);
                    parts.push(&rest[at + width..]);
                    rest = rest[..at].trim_end_matches(is_space);
                } else {
                    parts.push(&rest[..at]);
                    rest = rest[at..].trim_start_matches(is_space);
                }
            }
            if !rest.is_empty() {
                parts.push(if from_right { rest.trim_start_matches(is_space) } else { rest });
            }
            if from_right {
                parts.reverse();
            } else if let Some(last) = parts.last_mut()
                && most > 0
            {
                *last = last.trim_end_matches(is_space);
            }
            parts
        }
    };
    Ok(parts.into_iter().map(V::from).collect())
}

pub fn title(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut inside = false;
    for c in text.chars() {
        if inside {
            out.extend(c.to_lowercase());
        } else {
            out.extend(c.to_uppercase());
        }
        inside = c.is_alphabetic();
    }
    out
}

pub fn capitalize(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_uppercase().collect::<String>() + &chars.as_str().to_lowercase()
    })
}

pub fn center(text: &str, width: usize, fill: char) -> String {
    let length = text.chars().count();
    let missing = width.saturating_sub(length);
    // Python gives the odd one to the left side when the width is odd.
    let left = missing / 2 + (missing & width & 1);
    let fill = |n: usize| fill.to_string().repeat(n);
    format!("{}{text}{}", fill(left), fill(missing - left))
}

/// Lines as `str.splitlines` has them.
pub fn split_lines(text: &str, keep: bool) -> Vec<&str> {
    let mut lines = Vec::new();
    let mut start = 0;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let breaks = matches!(
            c,
            '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}'
        );
        if !breaks {
            continue;
        }
        let mut end = at + c.len_utf8();
        if c == '\r' && chars.peek().is_some_and(|(_, next)| *next == '\n') {
            chars.next();
            end += 1;
        }
        lines.push(&text[start..if keep { end } else { at }]);
        start = end;
    }
    if start < text.len() {
        lines.push(&text[start..]);
    }
    lines
}

fn fix_case(text: &str, upper: bool) -> bool {
    text.chars().any(|c| if upper { c.is_uppercase() } else { c.is_lowercase() })
        && !text.chars().any(|c| if upper { c.is_lowercase() } else { c.is_uppercase() })
}

pub(super) fn string_method(s: &Arc<str>, args: &MethodArgs) -> Res<V> {
    let text_of = |s: &str| V::str(s);
    let all = |test: fn(char) -> bool| V::Bool(!s.is_empty() && s.chars().all(test));
    let fill = |args: &MethodArgs| -> Res<char> {
        match args.opt(1, "fillchar") {
            None => Ok(' '),
            Some(_) => {
                let fill = args.string(1, "fillchar")?;
                let mut chars = fill.chars();
                match (chars.next(), chars.next()) {
                    (Some(c), None) => Ok(c),
                    _ => Err(failed("The fill character must be exactly one character long")),
                }
            }
        }
    };
    let width = |args: &MethodArgs| -> Res<usize> {
        args.need(0, "width")?;
        let width = usize::try_from(args.int(0, "width", 0)?).unwrap_or(0);
        charge(width)?;
        Ok(width)
    };
    let pad = |width: usize, c: char| c.to_string().repeat(width.saturating_sub(s.chars().count()));
    // The part between optional start and end, and how many characters stand before it.
    let window = |args: &MethodArgs| -> Res<(String, usize)> {
        let length = s.chars().count() as i64;
        let clamp = |i: i64| (if i < 0 { i + length } else { i }).clamp(0, length);
        let (start, end) = (clamp(args.int(1, "start", 0)?), clamp(args.int(2, "end", length)?));
        let part = s.chars().skip(start as usize).take((end - start).max(0) as usize).collect();
        Ok((part, start as usize))
    };
    let affix = |args: &MethodArgs, test: fn(&str, &str) -> bool| -> Res<V> {
        let (part, _) = window(args)?;
        match args.need(0, "prefix")? {
            V::Tuple(options) => {
                Ok(V::Bool(options.iter().any(|o| o.as_str().is_some_and(|o| test(&part, o)))))
            }
            V::Str(wanted) => Ok(V::Bool(test(&part, wanted))),
            other => Err(failed(format!(
                "{} first arg must be str or a tuple of str, not {}",
                args.name,
                other.type_name()
            ))),
        }
    };
    let find = |args: &MethodArgs, right: bool| -> Res<i64> {
        let (part, offset) = window(args)?;
        let wanted = args.string(0, "sub")?;
        let at = if right { part.rfind(wanted) } else { part.find(wanted) };
        Ok(at.map_or(-1, |at| (part[..at].chars().count() + offset) as i64))
    };
    Ok(match args.name {
        "upper" => text_of(&s.to_uppercase()),
        "lower" | "casefold" => text_of(&s.to_lowercase()),
        "title" => V::from(title(s)),
        "capitalize" => V::from(capitalize(s)),
        "swapcase" => V::from(
            s.chars()
                .flat_map(|c| -> Vec<char> {
                    if c.is_uppercase() { c.to_lowercase().collect() } else { c.to_uppercase().collect() }
                })
                .collect::<String>(),
        ),
        "strip" => text_of(strip(s, args, true, true)?),
        "lstrip" => text_of(strip(s, args, true, false)?),
        "rstrip" => text_of(strip(s, args, false, true)?),
        "split" | "rsplit" => {
            let separator = match args.opt(0, "sep") {
                None | Some(V::None) => None,
                Some(_) => Some(args.string(0, "sep")?),
            };
            V::list(split_text(s, separator, args.int(1, "maxsplit", -1)?, args.name == "rsplit")?)
        }
        "splitlines" => {
            let keep = args.opt(0, "keepends").map_or(Ok(false), V::truth)?;
            V::list(split_lines(s, keep).into_iter().map(V::from).collect())
        }
        "startswith" => affix(args, |text, wanted| text.starts_with(wanted))?,
        "endswith" => affix(args, |text, wanted| text.ends_with(wanted))?,
        "find" => V::Int(find(args, false)?),
        "rfind" => V::Int(find(args, true)?),
        "index" | "rindex" => match find(args, args.name == "rindex")? {
            -1 => return Err(failed("substring not found")),
            at => V::Int(at),
        },
        "count" => {
            let (part, _) = window(args)?;
            let wanted = args.string(0, "sub")?;
            let count =
                if wanted.is_empty() { part.chars().count() + 1 } else { part.matches(wanted).count() };
            V::from(count)
        }
        "replace" => {
            let (old, new) = (args.string(0, "old")?, args.string(1, "new")?);
            match usize::try_from(args.int(2, "count", -1)?) {
                Ok(count) => V::from(s.replacen(old, new, count)),
                Err(_) => V::from(s.replace(old, new)),
            }
        }
        "join" => {
            let mut out = String::new();
            for (i, item) in args.need(0, "iterable")?.items()?.iter().enumerate() {
                if i > 0 {
                    out.push_str(s);
                }
                match item {
                    V::Str(part) => out.push_str(part),
                    other => {
                        return Err(failed(format!(
                            "sequence item {i}: expected str instance, {} found",
                            other.type_name()
                        )));
                    }
                }
            }
            V::from(out)
        }
        "format" => V::from(format_braces(s, args.args, args.named)?),
        "format_map" => {
            let named = match args.need(0, "mapping")? {
                V::Dict(dict) => dict
                    .entries()?
                    .into_iter()
                    .filter_map(|(key, value)| Some((Arc::from(key.as_str()?), value)))
                    .collect(),
                _ => Vec::new(),
            };
            V::from(format_braces(s, &[], &named)?)
        }
        "ljust" => V::from(format!("{s}{}", pad(width(args)?, fill(args)?))),
        "rjust" => V::from(format!("{}{s}", pad(width(args)?, fill(args)?))),
        "center" => V::from(center(s, width(args)?, fill(args)?)),
        "zfill" => {
            let zeros = pad(width(args)?, '0');
            match s.strip_prefix(['-', '+']) {
                Some(rest) => V::from(format!("{}{zeros}{rest}", &s[..1])),
                None => V::from(format!("{zeros}{s}")),
            }
        }
        "partition" | "rpartition" => {
            let separator = args.string(0, "sep")?;
            let right = args.name == "rpartition";
            let found = if right { s.rsplit_once(separator) } else { s.split_once(separator) };
            let (before, middle, after) = match found {
                Some((before, after)) => (before, separator, after),
                None if right => ("", "", &**s),
                None => (&**s, "", ""),
            };
            V::tuple(vec![text_of(before), text_of(middle), text_of(after)])
        }
        "removeprefix" => text_of(s.strip_prefix(args.string(0, "prefix")?).unwrap_or(s)),
        "removesuffix" => text_of(s.strip_suffix(args.string(0, "suffix")?).unwrap_or(s)),
        "encode" => V::Bytes(s.as_bytes().into()),
        "expandtabs" => {
            let size = usize::try_from(args.int(0, "tabsize", 8)?).unwrap_or(0);
            charge(size.saturating_mul(s.matches('\t').count()))?;
            let mut out = String::new();
            let mut column = 0;
            for c in s.chars() {
                match c {
                    '\t' => {
                        let count = if size == 0 { 0 } else { size - column % size };
                        out.extend(std::iter::repeat_n(' ', count));
                        column += count;
                    }
                    '\n' | '\r' => {
                        out.push(c);
                        column = 0;
                    }
                    c => {
                        out.push(c);
                        column += 1;
                    }
                }
            }
            V::from(out)
        }
        "isdigit" | "isdecimal" | "isnumeric" => all(char::is_numeric),
        "isalpha" => all(char::is_alphabetic),
        "isalnum" => all(char::is_alphanumeric),
        "isspace" => all(is_space),
        "isascii" => V::Bool(s.is_ascii()),
        "isupper" => V::Bool(fix_case(s, true)),
        "islower" => V::Bool(fix_case(s, false)),
        "istitle" => V::Bool(s.chars().any(char::is_alphabetic) && title(s) == **s),
        "isprintable" => V::Bool(!s.chars().any(char::is_control)),
        "isidentifier" => {
            let mut chars = s.chars();
            V::Bool(
                chars.next().is_some_and(|c| c == '_' || c.is_alphabetic())
                    && chars.all(|c| c == '_' || c.is_alphanumeric()),
            )
        }
        other => return Err(failed(format!("'str' object has no attribute '{other}'"))),
    })
}

/// `', '.join(texts of items)`, for filters.
pub fn join_text(items: &[V], separator: &str) -> Res<String> {
    let mut out = String::new();
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            out.push_str(separator);
        }
        out.push_str(&text(item)?);
        if out.len() > 64 << 20 {
            return Err(failed("the joined text is too long"));
        }
    }
    Ok(out)
}
