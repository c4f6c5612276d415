//! The layers of `src/lib.rs`: a lower one never imports a higher one.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The table in the documentation of `src/lib.rs`: each module's layer.
fn layers(root: &Path) -> BTreeMap<String, u32> {
    let text = fs::read_to_string(root.join("src/lib.rs")).expect("the library");
    let mut layers = BTreeMap::new();
    for line in text.lines() {
        let Some((number, names)) = line.strip_prefix("//! ").and_then(|rest| rest.split_once(". ")) else {
            continue;
        };
        let Ok(number) = number.parse() else { continue };
        // What is in brackets explains, it does not list.
        let names = names.split('(').next().unwrap_or_default();
        for name in names.split("[`").skip(1).filter_map(|rest| rest.split_once("`]")).map(|(name, _)| name) {
            layers.insert(name.to_owned(), number);
        }
    }
    layers
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// The modules of the crate that a text names, with the lines: `use crate::a::…`, `use crate::{a::…, b}` and `crate::a::f()` alike.
fn imports(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices("crate::") {
        let line_start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
        if text[line_start..at].contains("//") || text[line_start..at].ends_with("pub(in ") {
            continue;
        }
        let line = text[..at].matches('\n').count() + 1;
        let rest = &text[at + "crate::".len()..];
        if let Some(group) = rest.strip_prefix('{') {
            let mut depth = 0;
            let mut start = 0;
            let mut parts = Vec::new();
            for (index, letter) in group.char_indices() {
                match letter {
                    '{' => depth += 1,
                    '}' if depth == 0 => {
                        parts.push(&group[start..index]);
                        break;
                    }
                    '}' => depth -= 1,
                    ',' if depth == 0 => {
                        parts.push(&group[start..index]);
                        start = index + 1;
                    }
                    _ => {}
                }
            }
            found.extend(parts.into_iter().map(|part| (line, first_name(part))));
        } else {
            found.push((line, first_name(rest)));
        }
    }
    found.retain(|(_, name)| !name.is_empty());
    found
}

fn first_name(path: &str) -> String {
    path.trim_start().chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect()
}

#[test]
fn imports_are_found() {
    let text = "use crate::a::B;\nuse crate::{b::{C, D}, e, f::g};\n// crate::no\nlet x = crate::h::f();\nuse super::k;\n";
    let found: Vec<_> = imports(text).into_iter().map(|(line, name)| format!("{line}{name}")).collect();
    assert_eq!(found, ["1a", "2b", "2e", "2f", "4h"]);
}

#[test]
fn lower_layers_never_import_higher_ones() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let layers = layers(root);
    assert!(layers.len() >= 15 && layers["diag"] == 0 && layers["cli"] == 7, "the table is read: {layers:?}");
    let mut offences = Vec::new();
    let mut checked = 0;
    for file in sources(&root.join("src")) {
        let place = file.strip_prefix(root.join("src")).expect("it is in src");
        let own = place.components().next().expect("a name").as_os_str().to_string_lossy().into_owned();
        let own = own.trim_end_matches(".rs").to_owned();
        if own == "lib" || own == "main" {
            continue;
        }
        let Some(layer) = layers.get(&own) else {
            offences.push(format!("src/{}: `{own}` is in no layer of src/lib.rs", place.display()));
            continue;
        };
        let text = fs::read_to_string(&file).expect("a source file");
        for (line, name) in imports(&text) {
            let Some(other) = layers.get(&name) else { continue };
            checked += 1;
            // The helper is of its own layer, but stands on few others.
            let allowed = match own.as_str() {
                "helper" => {
                    ["helper", "modules", "facts", "protocol", "value", "diag"].contains(&name.as_str())
                }
                "modules" => *other == 0 || ["modules", "facts"].contains(&name.as_str()),
                _ => other <= layer,
            };
            if !allowed {
                offences.push(format!(
                    "src/{}:{line}: {own} (layer {layer}) imports {name} (layer {other})",
                    place.display()
                ));
            }
        }
    }
    assert!(checked > 200, "imports were found: {checked}");
    assert!(offences.is_empty(), "{}", offences.join("\n"));
}
