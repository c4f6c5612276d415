//! What the fuzz targets do with a text, and `tests/hostile.rs` with its mutations: it may be refused, but nothing may panic, hang or
//! take more memory than the limits allow.

use ekumen::diag::Span;
use ekumen::source::{Node, NodeKind, yaml};
use ekumen::template::{Context, Engine, LookupEnv, Scope, Settings, Term, Var};
use ekumen::value::Value;
use std::sync::{Arc, OnceLock};

/// Words of what reaches outside: files, programs, the network. Texts with them are left out.
const OUTSIDE: [&str; 7] = ["lookup", "query", "q(", "include", "import", "extends", "fileglob"];

struct Vars(Vec<(&'static str, Term)>);

impl Scope for Vars {
    fn get(&self, name: &str) -> Option<Var> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, term)| Var::Term(term.clone()))
    }

    fn names(&self) -> Vec<Arc<str>> {
        self.0.iter().map(|(name, _)| Arc::from(*name)).collect()
    }
}

/// Few steps: a text that wants many ends soon.
fn engine() -> &'static Arc<Engine> {
    static ENGINE: OnceLock<Arc<Engine>> = OnceLock::new();
    ENGINE.get_or_init(|| Engine::with_limit(Settings::default(), 100_000))
}

fn node(text: &str) -> Node {
    Node::new(NodeKind::Str(text.into()), Span::synthetic("any.yml", text))
}

/// A YAML document, and everything in it compiled.
pub fn load(text: &str) {
    if let Ok(loaded) = yaml::parse_text("any.yml", text) {
        let engine = engine();
        let _ = engine.check(&engine.compile(&loaded.node));
    }
}

/// A template and a condition.
pub fn render(text: &str) {
    if OUTSIDE.iter().any(|word| text.contains(word)) {
        return;
    }
    let engine = engine();
    let list = engine.compile(&node("{{ [1, 2, 3] }}"));
    let scope = Vars(vec![("l", list), ("s", Term::Const(Value::str("text")))]);
    let context = Context::new(engine, Arc::new(scope), Arc::new(LookupEnv::default()));
    let term = engine.compile(&node(text));
    let _ = engine.check(&term);
    let _ = context.render(&term);
    if let Ok(condition) = engine.compile_expr(&node(text)) {
        let _ = context.condition(&condition);
    }
}
