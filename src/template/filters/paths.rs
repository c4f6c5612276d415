//! Filters of paths.

use crate::template::context::expand_home;
use crate::template::eval::Call;
use crate::template::object::{Res, V, failed};
use std::path::Path;

pub fn basename(path: &str) -> String {
    path.rsplit('/').next().unwrap_or("").to_owned()
}

pub fn dirname(path: &str) -> String {
    match path.rfind('/') {
        None => String::new(),
        Some(at) => {
            let head = &path[..=at];
            if head.chars().all(|c| c == '/') {
                head.to_owned()
            } else {
                head.trim_end_matches('/').to_owned()
            }
        }
    }
}

pub fn splitext(c: &mut Call) -> Res<V> {
    let path = c.path()?;
    let base_start = path.rfind('/').map_or(0, |at| at + 1);
    // Dots at the beginning of a name make no extension.
    let name = &path[base_start..];
    let leading = name.len() - name.trim_start_matches('.').len();
    let (head, tail) = match name[leading..].rfind('.') {
        Some(at) => path.split_at(base_start + leading + at),
        None => (&*path, ""),
    };
    Ok(V::tuple(vec![V::str(head), V::str(tail)]))
}

/// `os.path.normpath`.
pub fn normal(path: &str) -> String {
    if path.is_empty() {
        return ".".to_owned();
    }
    let root = if path.starts_with("//") && !path.starts_with("///") {
        "//"
    } else if path.starts_with('/') {
        "/"
    } else {
        ""
    };
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if !root.is_empty() => {}
            other => parts.push(other),
        }
    }
    let joined = format!("{root}{}", parts.join("/"));
    if joined.is_empty() { ".".to_owned() } else { joined }
}

pub fn expanduser(c: &mut Call) -> Res<V> {
    let path = c.path()?;
    if path == "~" {
        return Ok(V::from(std::env::home_dir().map_or(path, |home| home.display().to_string())));
    }
    Ok(V::from(expand_home(&path).display().to_string()))
}

pub fn expandvars(c: &mut Call) -> Res<V> {
    let input = c.path()?;
    let mut out = String::new();
    let mut rest = &*input;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let (name, length) = match after.strip_prefix('{') {
            Some(inner) => match inner.find('}') {
                Some(end) => (&inner[..end], end + 2),
                None => ("", 0),
            },
            None => {
                let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len());
                (&after[..end], end)
            }
        };
        match std::env::var(name) {
            Ok(value) if !name.is_empty() => out.push_str(&value),
            _ => out.push_str(&rest[at..at + 1 + length]),
        }
        rest = &after[length..];
    }
    out.push_str(rest);
    Ok(V::from(out))
}

/// Links resolved as far as the path exists.
fn real(path: &str) -> String {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| Path::new(path).to_owned());
    let mut existing = absolute.clone();
    let mut tail = Vec::new();
    loop {
        if let Ok(real) = existing.canonicalize() {
            let mut out = real;
            out.extend(tail.iter().rev());
            return normal(&out.display().to_string());
        }
        match (existing.file_name().map(ToOwned::to_owned), existing.parent().map(ToOwned::to_owned)) {
            (Some(name), Some(parent)) => {
                tail.push(name);
                existing = parent;
            }
            _ => return normal(&absolute.display().to_string()),
        }
    }
}

pub fn realpath(c: &mut Call) -> Res<V> {
    Ok(V::from(real(&c.path()?)))
}

pub fn relpath(c: &mut Call) -> Res<V> {
    let absolute = |path: &str| {
        let path = std::path::absolute(path).unwrap_or_else(|_| Path::new(path).to_owned());
        normal(&path.display().to_string())
    };
    let (path, start) = (absolute(&c.path()?), absolute(&c.text_or(0, ".")?));
    let split =
        |path: &str| path.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect::<Vec<_>>();
    let (path, start) = (split(&path), split(&start));
    let common = path.iter().zip(&start).take_while(|(a, b)| a == b).count();
    let mut parts = vec!["..".to_owned(); start.len() - common];
    parts.extend_from_slice(&path[common..]);
    Ok(V::from(if parts.is_empty() { ".".to_owned() } else { parts.join("/") }))
}

fn part_of_path(part: &V) -> Res<String> {
    match part {
        V::Str(part) => Ok(part.to_string()),
        V::Missing(missing) => Err(missing.error()),
        other => {
            let class = other.type_name();
            Err(failed(format!("expected str, bytes or os.PathLike object, not {class}")))
        }
    }
}

pub fn path_join(c: &mut Call) -> Res<V> {
    let parts: Vec<String> = match &c.value {
        V::Str(part) => vec![part.to_string()],
        V::List(_) | V::Tuple(_) => {
            let items = c.value.items()?;
            items.iter().try_for_each(V::check)?;
            items.iter().map(part_of_path).collect::<Res<_>>()?
        }
        other => {
            return Err(failed(format!(
                "|path_join expects string or sequence, got {} instead.",
                other.type_name()
            )));
        }
    };
    if parts.is_empty() {
        return Err(failed("join() missing 1 required positional argument: 'a'"));
    }
    let mut out = String::new();
    for part in parts {
        if part.starts_with('/') {
            out = part;
        } else {
            if !out.is_empty() && !out.ends_with('/') {
                out.push('/');
            }
            out.push_str(&part);
        }
    }
    Ok(V::from(out))
}

pub fn commonpath(c: &mut Call) -> Res<V> {
    if !matches!(c.value, V::List(_) | V::Tuple(_) | V::Object(_)) {
        let class = c.value.type_name();
        return Err(failed(format!("|commonpath expects sequence, got <class '{class}'> instead.")));
    }
    let paths: Vec<String> = c.value.items()?.iter().map(part_of_path).collect::<Res<_>>()?;
    if paths.is_empty() {
        return Err(failed("commonpath() arg is an empty sequence"));
    }
    let absolute = paths.iter().filter(|path| path.starts_with('/')).count();
    if absolute != 0 && absolute != paths.len() {
        return Err(failed("Can't mix absolute and relative paths"));
    }
    let split = |path: &String| {
        path.split('/').filter(|part| !part.is_empty() && *part != ".").map(str::to_owned).collect::<Vec<_>>()
    };
    let mut common = paths.first().map(split).unwrap_or_default();
    for path in &paths {
        let parts = split(path);
        let same = common.iter().zip(&parts).take_while(|(a, b)| a == b).count();
        common.truncate(same);
    }
    Ok(V::from(format!("{}{}", if absolute > 0 { "/" } else { "" }, common.join("/"))))
}

pub fn fileglob(c: &mut Call) -> Res<V> {
    let pattern = c.path()?;
    let found = glob::glob(&pattern).map_err(|error| failed(error.to_string()))?;
    let files = found.flatten().filter(|path| path.is_file()).map(|path| V::from(path.display().to_string()));
    Ok(V::list(files.collect()))
}

/// Folder and name of a Windows path.
pub fn windows(path: &str) -> (&str, &str) {
    let start = drive(path).0.len();
    let at = path[start..].rfind(['\\', '/']).map_or(start, |at| start + at + 1);
    path.split_at(at)
}

fn drive(path: &str) -> (&str, &str) {
    match path.as_bytes() {
        [letter, b':', ..] if letter.is_ascii_alphabetic() => path.split_at(2),
        _ => ("", path),
    }
}

pub fn win_dirname(c: &mut Call) -> Res<V> {
    let path = c.path()?;
    let (head, _) = windows(&path);
    let (letter, rest) = drive(head);
    let trimmed = rest.trim_end_matches(['\\', '/']);
    Ok(V::from(format!("{letter}{}", if trimmed.is_empty() { rest } else { trimmed })))
}

pub fn win_splitdrive(c: &mut Call) -> Res<V> {
    let path = c.path()?;
    let (letter, rest) = drive(&path);
    Ok(V::tuple(vec![V::str(letter), V::str(rest)]))
}
