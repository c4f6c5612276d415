use ekumen::source::{Node, NodeKind, yaml};
use std::io::BufRead;
fn main() {
    for line in std::io::stdin().lock().lines() {
        let line = line.unwrap();
        match yaml::load(std::path::Path::new(&line)) {
            Ok(l) => println!(
                "{}",
                serde_json::json!({"p": line, "v": j(&l.node), "w": l.warnings.iter().map(|w| w.summary.clone()).collect::<Vec<_>>() })
            ),
            Err(e) => println!(
                "{}",
                serde_json::json!({"p": line, "e": e.summary, "at": e.span.map(|s| format!("{}:{}", s.line, s.column))})
            ),
        }
    }
}
fn j(n: &Node) -> serde_json::Value {
    use serde_json::json;
    match &n.kind {
        NodeKind::Null => json!(null),
        NodeKind::Bool(b) => json!(b),
        NodeKind::Int(i) => json!(i),
        NodeKind::Float(f) => json!(format!("f:{f:?}")),
        NodeKind::Str(s) => json!(&**s),
        NodeKind::Unsafe(s) => json!({"U": &**s}),
        NodeKind::Vault(s) => json!({"V": &**s}),
        NodeKind::List(l) => json!(l.iter().map(j).collect::<Vec<_>>()),
        NodeKind::Map(m) => json!({"M": m.iter().map(|(k, v)| json!([j(k), j(v)])).collect::<Vec<_>>()}),
    }
}
