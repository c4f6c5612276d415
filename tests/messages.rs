//! Every sentence that a `Diagnostic` is made of is seen by a test: the constant part of its text occurs in one of the snapshots of
//! `tests/errors`, in another recorded case, or in a test's own text. Who adds an error adds a case.

use std::fs;
use std::path::{Path, PathBuf};

/// What no case can bring about, and why.
const NOT_SHOWN: &[(&str, &str)] = &[
    ("no password could be read: ", "a terminal that breaks while a password is typed"),
    ("no vault password could be read: ", "the same"),
    ("Unable to read limit file ", "a file that is there but cannot be read; tests may run as root"),
    (" is null, which cannot be written as TOML", "`ekumen inventory --toml`: not an error of a run"),
];

/// Shorter pieces are found by chance.
const SHORTEST: usize = 10;

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    entries.sort();
    for path in entries {
        match path.is_dir() {
            true => files(&path, found),
            false => found.push(path),
        }
    }
}

/// The text literals in Rust source, as written, up to the end of the call that begins before `source`.
fn literals(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut depth = 1;
    let mut chars = source.chars();
    while let Some(c) = chars.next() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            '"' => {
                let mut text = String::new();
                while let Some(c) = chars.next().filter(|c| *c != '"') {
                    match (c, if c == '\\' { chars.next() } else { None }) {
                        ('\\', Some('n')) => text.push('\n'),
                        ('\\', Some('\n')) => {
                            let rest = chars.as_str().trim_start();
                            chars = rest.chars();
                        }
                        ('\\', Some(escaped)) => text.push(escaped),
                        _ => text.push(c),
                    }
                }
                found.push(text);
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    found
}

/// The longest piece of a format's text that is the same whatever is put in.
fn constant_part(text: &str) -> String {
    let holes = fancy_regex::Regex::new(r"\{[^{}]*\}").expect("an expression");
    let pieces = holes.split(text).map(|piece| piece.expect("no limit is reached").trim().to_owned());
    pieces.max_by_key(String::len).unwrap_or_default()
}

/// The texts of one call: those in it, or those of the variable that it is given, which was made shortly before.
fn texts(source: &str, at: usize) -> Vec<String> {
    let inside = literals(&source[at..]);
    // The first names the kind of problem.
    if inside.len() > 1 {
        return inside[1..].to_vec();
    }
    let call: String = source[at..].chars().take_while(|c| *c != ')').collect();
    let last = call.rsplit(',').map(str::trim).find(|word| !word.is_empty()).unwrap_or_default();
    let name: String = last.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
    let before = &source[..at];
    match before.rfind(&format!("let {name}")) {
        Some(start) if !name.is_empty() && !source[start..at].contains("fn ") => {
            let statement = &source[start..at];
            let end = statement.find(";\n").unwrap_or(statement.len());
            literals(&statement[..end])
        }
        _ => vec![],
    }
}

#[test]
fn every_message_is_seen_by_a_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut seen = String::new();
    let mut recorded = Vec::new();
    files(&root.join("tests"), &mut recorded);
    for path in recorded.iter().filter(|path| !path.ends_with("messages.rs")) {
        seen += &String::from_utf8_lossy(&fs::read(path).expect("a file"));
    }
    let mut sources = Vec::new();
    files(&root.join("src"), &mut sources);
    let mut messages = Vec::new();
    for path in sources.iter().filter(|path| path.extension().is_some_and(|end| end == "rs")) {
        let source = fs::read_to_string(path).expect("source is text");
        let (source, tests) = source.split_once("#[cfg(test)]\nmod ").unwrap_or((&source, ""));
        seen += tests;
        for word in ["Diagnostic::error(", "Diagnostic::warning("] {
            for (start, _) in source.match_indices(word) {
                let line = source[..start].lines().count();
                let place = format!("{}:{line}", path.strip_prefix(root).expect("it is inside").display());
                let parts = texts(source, start + word.len()).into_iter().map(|text| constant_part(&text));
                messages
                    .extend(parts.filter(|part| part.len() >= SHORTEST).map(|part| (place.clone(), part)));
            }
        }
    }
    assert!(messages.len() > 100, "the messages are found: {}", messages.len());
    let excused = |part: &str| NOT_SHOWN.iter().any(|(text, _)| text.trim() == part);
    let missing: Vec<String> = messages
        .iter()
        .filter(|(_, part)| !seen.contains(part.as_str()) && !excused(part))
        .map(|(place, part)| format!("{place}: {part}"))
        .collect();
    assert!(
        missing.is_empty(),
        "{} of {} texts are seen by no test:\n{}",
        missing.len(),
        messages.len(),
        missing.join("\n")
    );
    for (text, _) in NOT_SHOWN {
        assert!(messages.iter().any(|(_, part)| part == text.trim()), "`{text}` is no message any more");
    }
}
