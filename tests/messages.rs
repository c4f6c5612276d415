//! Every sentence that a `Diagnostic` is made of is seen by a test: the constant part of its text occurs in one of the snapshots of
//! `tests/errors`, in another recorded case, or in a test's own text. Who adds an error adds a case.
//!
//! No two places make the same sentence (a test for one would pass for the other), and a place that passes on what something else
//! says names the case that shows it.

use std::fs;
use std::path::{Path, PathBuf};

/// What no case can bring about, and why.
const NOT_SHOWN: &[(&str, &str)] = &[
    ("no password could be read: ", "a terminal that breaks while a password is typed"),
    ("no threads could be started:", "a machine that is out of memory"),
    ("no vault password could be read: ", "the same"),
    ("Unable to read limit file ", "a file that is there but cannot be read; tests may run as root"),
    (" is null, which cannot be written as TOML", "`ekumen inventory --toml`: not an error of a run"),
];

/// Functions that make a `Diagnostic` of a text that they are given: the file, how calls of them begin, and the code that they give it, where
/// they stand in that file themselves.
const MAKERS: &[(&str, &str, &str)] = &[
    ("src/cli/inventory.rs", "wrong(", "usage"),
    ("src/inventory/load.rs", "self.note(", "inventory"),
    ("src/inventory/load.rs", "self.warn(", "inventory"),
    ("src/inventory/load.rs", "self.deprecated(", "inventory"),
    ("src/inventory/plugins/constructed.rs", " error(", ""),
    ("src/inventory/plugins/constructed.rs", "(error(", ""),
    ("src/inventory/plugins/generator.rs", "(error(", ""),
    ("src/inventory/plugins/mod.rs", "(error(", "bad-inventory"),
    ("src/inventory/script.rs", "loading.deprecated(", ""),
    ("src/inventory/structured.rs", "(error(", "bad-inventory"),
    ("src/inventory/structured.rs", "loading.warn(", ""),
    ("src/inventory/toml.rs", "(fail(", "bad-inventory"),
    ("src/inventory/toml.rs", "loading.note(", ""),
    ("src/template/engine.rs", "refused(", ""),
];

/// Where the words of something else are passed on: the file, the code of the problem, the test that shows it, and what it shows.
const PASSED_ON: &[(&str, &str, &str, &str)] = &[
    (
        "src/cli/extra_vars.rs",
        "extra-vars",
        "tests/errors/unbalanced_extra_vars.txt",
        "failed at splitting arguments",
    ),
    (
        "src/cli/adhoc.rs",
        "no-hosts",
        "tests/warnings/host_pattern_mismatch.txt",
        "No hosts matched, nothing to do",
    ),
    ("src/cli/setup.rs", "log", "tests/errors/bad_log_path.txt", "[ERROR]: log file at '/proc/nowhere/log'"),
    (
        "src/cli/setup.rs",
        "log",
        "tests/errors/bad_log_path.txt",
        "[WARNING]: log file at '/proc/nowhere/log'",
    ),
    ("src/cli/vault_command.rs", "vault", "tests/vault/expected.txt", "[ERROR]: input is already encrypted"),
    (
        "src/inventory/script.rs",
        "bad-inventory",
        "tests/errors/inventory_script_bad_hosts.txt",
        "Value contains 'web.hosts'",
    ),
    (
        "src/inventory/show.rs",
        "vault",
        "tests/inventory_command.rs",
        "Attempting to decrypt but no vault secrets found.",
    ),
    (
        "src/playbook/args.rs",
        "malformed-arguments",
        "tests/errors/unbalanced_quotes.txt",
        "failed at splitting arguments",
    ),
    (
        "src/playbook/parse_import.rs",
        "file-not-found",
        "tests/errors/missing_import.txt",
        "Could not find or access '{dir}/missing.yml'",
    ),
    (
        "src/playbook/terms.rs",
        "code",
        "tests/errors/undefined_in_static_import.txt",
        "'nowhere' is undefined",
    ),
    (
        "src/report/choose.rs",
        "callback",
        "tests/warnings/callbacks.txt",
        "[DEPRECATION WARNING]: community.general.yaml has been deprecated.",
    ),
    (
        "src/report/minimal.rs",
        "no-hosts",
        "tests/warnings/localhost_warning.txt",
        "No hosts matched, nothing to do",
    ),
    (
        "src/runner/include.rs",
        "file-not-found",
        "tests/errors/missing_included_file.txt",
        "Could not find or access '{dir}/nope.yml'",
    ),
    (
        "src/runner/meta.rs",
        "condition",
        "tests/errors/undefined_in_meta_condition.txt",
        "Error while evaluating conditional: 'nowhere' is undefined",
    ),
    (
        "src/playbook/known.rs",
        "vars-files",
        "tests/errors/template_in_vars_files.txt",
        "Syntax error in template",
    ),
    ("src/runner/result.rs", "module", "tests/errors/module_that_warns.txt", "[WARNING]: beware of it"),
    (
        "src/runner/result.rs",
        "module",
        "tests/errors/module_that_warns.txt",
        "[DEPRECATION WARNING]: it is old",
    ),
    (
        "src/runner/round.rs",
        "notify",
        "tests/errors/notify_depends_on_what_is_registered.txt",
        "object of type 'dict' has no attribute 'name'",
    ),
    (
        "src/runner/strategy.rs",
        "run-once",
        "tests/errors/undefined_in_run_once.txt",
        "[ERROR]: 'nowhere' is undefined",
    ),
    (
        "src/runner/strategy.rs",
        "throttle",
        "tests/errors/bad_throttle_text.txt",
        "Failed to convert the throttle value to an integer: 'nowhere' is undefined",
    ),
    ("src/runner/tags.rs", "tags", "tests/errors/undefined_in_tags.txt", "[ERROR]: 'nowhere' is undefined"),
    (
        "src/runner/vars_prompt.rs",
        "prompt",
        "tests/errors/undefined_in_prompt.txt",
        "[ERROR]: 'nowhere' is undefined",
    ),
    (
        "src/template/context.rs",
        "untrusted-template",
        "tests/warnings/untrusted_templates.txt",
        "[WARNING]: Encountered untrusted template or expression.",
    ),
    ("src/template/engine.rs", "severity", "tests/errors/unknown_filter.txt", "Syntax error in "),
    (
        "src/template/expr.rs",
        "SYNTAX",
        "tests/errors/broken_template_in_conditional.txt",
        "[ERROR]: Syntax error in template: unexpected",
    ),
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

/// The code of a problem, or what stands in its place.
fn code_of(source: &str, at: usize) -> String {
    let call: String = source[at..].chars().take_while(|c| *c != ')').collect();
    let mut words = call.split(',').map(str::trim);
    let code = words.find(|word| !word.starts_with("Severity::")).unwrap_or_default();
    code.trim_matches('"').to_owned()
}

/// The texts of one call: those in it after the first `skipped`, or those of the variable that it is given, which was made shortly before.
fn texts(source: &str, at: usize, skipped: usize) -> Vec<String> {
    let inside = literals(&source[at..]);
    let call: String = source[at..].chars().take_while(|c| *c != ')').collect();
    // The first names the kind of problem, unless a constant does.
    let code = call.split(',').map(str::trim).find(|word| !word.starts_with("Severity::"));
    let skipped = skipped.min(usize::from(code.is_some_and(|code| code.starts_with('"'))));
    if inside.len() > skipped {
        return inside[skipped..].to_vec();
    }
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
    let continued = fancy_regex::Regex::new(r"\\\n\s*").expect("an expression");
    let mut sources = Vec::new();
    files(&root.join("src"), &mut sources);
    // Place, constant part, the whole as it is written.
    let mut messages: Vec<(String, String, String)> = Vec::new();
    let mut silent: Vec<(String, String)> = Vec::new();
    for path in sources.iter().filter(|path| path.extension().is_some_and(|end| end == "rs")) {
        let source = fs::read_to_string(path).expect("source is text");
        let (source, tests) = source.split_once("#[cfg(test)]\nmod ").unwrap_or((&source, ""));
        seen += tests;
        let file = path.strip_prefix(root).expect("it is inside").display().to_string();
        let makers: Vec<&str> =
            MAKERS.iter().filter(|(known, ..)| *known == file).map(|(_, call, _)| *call).collect();
        for word in ["Diagnostic::error(", "Diagnostic::warning(", "Diagnostic::new("].iter().chain(&makers) {
            for (start, _) in source.match_indices(word) {
                let place = format!("{file}:{}", source[..start].matches('\n').count() + 1);
                let at = start + word.len();
                // What is handed to a maker has no code in front of it.
                let texts = match makers.contains(word) {
                    true => texts(source, at, 0),
                    false => texts(source, at, 1),
                };
                let parts = texts.into_iter().map(|text| (constant_part(&text), text));
                let parts: Vec<_> = parts.filter(|(part, _)| part.len() >= SHORTEST).collect();
                let code = code_of(source, at);
                let makes = MAKERS.iter().any(|(known, _, made)| *known == file && *made == code);
                if parts.is_empty() && !makers.contains(word) && !makes {
                    silent.push((place.clone(), code));
                }
                messages.extend(parts.into_iter().map(|(part, text)| (place.clone(), part, text)));
            }
        }
    }
    // Texts that go on in the next line.
    let seen = continued.replace_all(&seen, "").into_owned();
    assert!(messages.len() > 100, "the messages are found: {}", messages.len());
    let mut problems: Vec<String> = Vec::new();
    let excused = |part: &str| NOT_SHOWN.iter().any(|(text, _)| text.trim() == part);
    for (place, part, _) in &messages {
        if !seen.contains(part.as_str()) && !excused(part) {
            problems.push(format!("{place}: no test sees `{part}`"));
        }
    }
    messages.sort_by(|a, b| a.2.cmp(&b.2));
    for pair in messages.windows(2).filter(|pair| pair[0].2 == pair[1].2 && pair[0].0 != pair[1].0) {
        problems.push(format!("{} says the same as {}: `{}`", pair[0].0, pair[1].0, pair[0].2));
    }
    for (text, _) in NOT_SHOWN {
        if !messages.iter().any(|(_, part, _)| part == text.trim()) {
            problems.push(format!("`{text}` is no message any more"));
        }
    }
    let mut unused: Vec<_> = PASSED_ON.iter().collect();
    for (place, code) in &silent {
        let file = place.split(':').next().unwrap_or_default();
        match unused.iter().position(|(known, word, ..)| *known == file && word == code) {
            None => problems.push(format!("{place}: which test shows what is passed on as {code}?")),
            Some(at) => {
                let (_, _, test, text) = unused.remove(at);
                if !fs::read_to_string(root.join(test)).is_ok_and(|content| content.contains(text)) {
                    problems.push(format!("{place}: {test} does not have `{text}`"));
                }
            }
        }
    }
    problems.extend(unused.iter().map(|entry| format!("nothing is passed on: {entry:?}")));
    assert!(problems.is_empty(), "{}\n{}", problems.len(), problems.join("\n"));
}
