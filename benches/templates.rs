//! How long templates take: for each case of `templates.json` the nanoseconds to render it warm, and to compile and
//! render it, as lines of JSON; of those alone whose names contain the argument, if there is one. `templates.py` runs
//! this beside Jinja2 and prints the ratios.

use ekumen::diag::Span;
use ekumen::source::{Node, NodeKind};
use ekumen::template::{Context, Engine, LookupEnv, Scope, Term, Var};
use ekumen::value::{Value, from_json};
use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

struct Vars(BTreeMap<Arc<str>, Value>);

impl Scope for Vars {
    fn get(&self, name: &str) -> Option<Var> {
        self.0.get(name).cloned().map(Var::Value)
    }

    fn names(&self) -> Vec<Arc<str>> {
        self.0.keys().cloned().collect()
    }
}

/// The best of several rounds, in nanoseconds for each call.
fn measure(mut call: impl FnMut()) -> f64 {
    let mut best = f64::INFINITY;
    let mut times = 1u32;
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_millis(600) {
        let round = Instant::now();
        for _ in 0..times {
            call();
        }
        let took = round.elapsed();
        best = best.min(took.as_nanos() as f64 / f64::from(times));
        if took < Duration::from_millis(10) {
            times = times.saturating_mul(2);
        }
    }
    best
}

fn main() {
    let data = from_json(include_str!("templates.json")).expect("the cases are JSON");
    let vars = data.get("vars").and_then(Value::as_map).expect("there are variables");
    let scope: Arc<dyn Scope> = Arc::new(Vars(
        vars.iter().map(|(name, value)| (Arc::from(name.as_str().unwrap_or("")), value.clone())).collect(),
    ));
    let env = Arc::new(LookupEnv::default());
    let wanted = std::env::args().skip(1).find(|arg| !arg.starts_with('-')).unwrap_or_default();
    for case in data.get("cases").and_then(Value::as_list).expect("there are cases") {
        let text = case.get("template").and_then(Value::as_str).expect("a template");
        let name = case.get("name").and_then(Value::as_str).expect("a name");
        if !name.contains(&wanted) {
            continue;
        }
        let node = Node::new(NodeKind::Str(text.into()), Span::synthetic("bench.yml", text));
        let engine = Engine::new();
        let term = engine.compile(&node);
        // One context is one task on one host: it is part of every rendering.
        let render = |term: &Term| Context::new(&engine, scope.clone(), env.clone()).render(term);
        let result = render(&term).expect("it renders");
        let warm = measure(|| {
            black_box(render(&term).expect("it renders"));
        });
        let cold = measure(|| {
            black_box(render(&engine.compile(&node)).expect("it renders"));
        });
        let shown = ekumen::value::to_json(&result);
        println!(
            "{{\"name\": {}, \"warm\": {warm:.0}, \"cold\": {cold:.0}, \"result\": {shown}}}",
            ekumen::value::to_json(&Value::str(name))
        );
    }
}
