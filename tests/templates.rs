//! Templates against the answers of the real ansible-core (`tests/templates/*.json`, made by
//! `generate.py` from the `.txt` beside each).

use ekumen::diag::Span;
use ekumen::source::{Node, NodeKind, yaml};
use ekumen::template::{Context, Engine, LookupEnv, Scope, Settings, TemplateError, Term, Var};
use ekumen::value::{Value, from_json, to_json};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

struct Vars(BTreeMap<Arc<str>, Term>);

impl Scope for Vars {
    fn get(&self, name: &str) -> Option<Var> {
        self.0.get(name).cloned().map(Var::Term)
    }

    fn names(&self) -> Vec<Arc<str>> {
        self.0.keys().cloned().collect()
    }
}

fn text_node(text: &str) -> Node {
    Node::new(NodeKind::Str(text.into()), Span::synthetic("<unknown>", text))
}

fn answer(engine: &Arc<Engine>, vars: &Node, case: &str) -> Result<Value, String> {
    let terms = vars.as_map().into_iter().flatten();
    let scope = Vars(terms.map(|(k, v)| (Arc::from(k.as_str().unwrap_or("")), engine.compile(v))).collect());
    let ctx = Context::new(engine, Arc::new(scope), Arc::new(LookupEnv::default()));
    let result = if let Some(condition) = case.strip_prefix("? ") {
        let expr = engine.compile_expr(&text_node(condition)).map_err(|error| error.summary)?;
        ctx.condition(&expr).map(Value::Bool)
    } else if let Some(rest) = case.strip_prefix("@ ") {
        let (options, text) = rest.split_once("} ").ok_or("no options")?;
        let options = yaml::parse_text("options", &format!("{options}}}")).map_err(|error| error.summary)?;
        let file = engine.compile_file(Path::new("/t/x.j2"), text, &options.node.to_value());
        ctx.render_file_value(&file.map_err(|error| error.summary)?)
    } else {
        ctx.render(&engine.compile(&text_node(case)))
    };
    result.map_err(TemplateError::into_message)
}

/// Equal in type as well: 1 is not 1.0, and keys of JSON are texts.
fn same(ours: &Value, theirs: &Value) -> bool {
    to_json(ours) == to_json(theirs)
}

#[test]
fn templates_give_what_ansible_gives() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/templates");
    // Other cases than those of the repository, such as those that `random_cases.py` makes.
    let folder = std::env::var_os("EKUMEN_TEMPLATE_CASES").map_or_else(|| here.clone(), Into::into);
    let mut names: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    let known = fs::read_to_string(here.join("known-differences")).unwrap_or_default();
    let known: Vec<String> = known
        .lines()
        .filter(|line| !line.starts_with("# ") && !line.is_empty())
        .map(|l| l.replace('⏎', "\n"))
        .collect();
    let engine = Engine::with_settings(Settings {
        is_module: Some(ekumen::playbook::is_available),
        ..Settings::default()
    });
    let (mut all, mut wrong, mut expected_wrong) = (0, 0, 0);
    let mut words = 0;
    for path in names.iter().filter(|path| path.extension().is_some_and(|e| e == "json")) {
        let source = fs::read_to_string(path.with_extension("txt")).unwrap();
        let (head, _) = source.split_once("\n---\n").unwrap();
        let vars = yaml::parse_text("vars", head).unwrap().node;
        let answers = from_json(&fs::read_to_string(path).unwrap()).unwrap();
        for expected in answers.as_list().unwrap() {
            let case = expected.get("case").and_then(Value::as_str).unwrap();
            let ours = answer(&engine, &vars, case);
            all += 1;
            let good = match (&ours, expected.get("value"), expected.get("error").and_then(Value::as_str)) {
                (Ok(ours), Some(theirs), _) => same(ours, theirs),
                (Err(ours), None, Some(theirs)) => {
                    // Python's own words differ from version to version; that it fails is what counts.
                    if ours != theirs && std::env::var_os("WORDS").is_some() {
                        words += 1;
                        println!("words: {case:?}\n   ours: {ours}\n theirs: {theirs}");
                    }
                    !theirs.ends_with("is undefined") || ours == theirs
                }
                _ => false,
            };
            if known.iter().any(|known| known == case) {
                assert!(!good, "no difference any more: {case:?}");
                expected_wrong += 1;
            } else if !good {
                wrong += 1;
                let theirs = expected.get("value").map_or_else(
                    || format!("error: {}", expected.get("error").and_then(Value::as_str).unwrap_or("")),
                    to_json,
                );
                let ours = ours.map_or_else(|error| format!("error: {error}"), |value| to_json(&value));
                println!(
                    "{}: {case:?}\n   ours: {ours}\n theirs: {theirs}",
                    path.file_stem().unwrap().display()
                );
            }
        }
    }
    println!("{all} cases, {wrong} wrong, {expected_wrong} known differences, {words} worded otherwise");
    assert!(all > 300, "the cases are missing");
    assert_eq!(wrong, 0, "see the differences above");
}
