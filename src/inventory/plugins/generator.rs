//! `generator`: a host for every combination of the members of layers.

use super::{authored, error};
use crate::diag::Diagnostic;
use crate::inventory::load::Loading;
use crate::source::{Node, NodeKind};
use crate::template::{Context, LookupEnv, Scope, Term, Var};
use crate::value::py_str;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A value for each layer.
type Nodes = BTreeMap<Arc<str>, Node>;

/// Makes the hosts and their groups.
///
/// # Errors
/// A part that is missing or of the wrong kind, a template that fails, groups that would contain each other.
pub fn parse(loading: &mut Loading, config: &Node) -> Result<(), Diagnostic> {
    let Some(layers) = config.get("layers").and_then(Node::as_map) else {
        return Err(error("a generator needs `layers`, a mapping of lists", config));
    };
    let Some(hosts) = config.get("hosts").filter(|node| node.as_map().is_some()) else {
        return Err(error("a generator needs `hosts`, a mapping with `name` and `parents`", config));
    };
    let Some(name) = hosts.get("name") else {
        return Err(error("`hosts` of a generator needs a `name`", hosts));
    };
    for member in product(layers)? {
        let member = Member::new(loading, member);
        let host = member.render(loading, name)?;
        let id = loading.host(&host, None, None, &name.span);
        let parents = hosts.get("parents").and_then(Node::as_list).unwrap_or_default();
        for parent in parents {
            let group = parent_group(loading, &member, parent)?;
            loading.enlist(group, id);
        }
    }
    Ok(())
}

/// A group with its own parents and variables.
fn parent_group(loading: &mut Loading, member: &Member, parent: &Node) -> Result<usize, Diagnostic> {
    let Some(name) = parent.get("name") else {
        return Err(error("Element has a parent with no name element", parent));
    };
    let name = member.render(loading, name)?;
    let group = loading.group(&name);
    for (key, value) in parent.get("vars").and_then(Node::as_map).unwrap_or_default() {
        let value = match value.as_str() {
            Some(text) => {
                let name = text.trim().strip_prefix("{{").and_then(|text| text.strip_suffix("}}"));
                match name.and_then(|name| authored(name, |name| member.nodes.get(name).cloned())) {
                    Some(node) => node,
                    None => {
                        Node::new(NodeKind::Unsafe(member.render(loading, value)?.into()), value.span.clone())
                    }
                }
            }
            None => value.clone(),
        };
        loading.group_var(group, &py_str(&key.to_value()), value);
    }
    for grandparent in parent.get("parents").and_then(Node::as_list).unwrap_or_default() {
        let above = parent_group(loading, member, grandparent)?;
        loading.link(above, group).map_err(|what| error(what, grandparent))?;
    }
    Ok(group)
}

/// Every combination, the last layer changing fastest.
fn product(layers: &[(Node, Node)]) -> Result<Vec<Nodes>, Diagnostic> {
    let mut all = vec![Nodes::new()];
    for (key, values) in layers {
        let Some(values) = values.as_list() else {
            return Err(error("a layer of a generator is a list", values));
        };
        let name: Arc<str> = py_str(&key.to_value()).into();
        all = all
            .into_iter()
            .flat_map(|member| {
                let name = &name;
                values.iter().map(move |value| {
                    let mut member = member.clone();
                    member.insert(name.clone(), value.clone());
                    member
                })
            })
            .collect();
    }
    Ok(all)
}

/// One combination.
struct Member {
    nodes: Arc<Nodes>,
    context: Context,
}

impl Member {
    fn new(loading: &Loading, nodes: Nodes) -> Self {
        let nodes = Arc::new(nodes);
        let scope = MemberScope(nodes.clone());
        let context = Context::new(&loading.engine, Arc::new(scope), Arc::new(LookupEnv::default()));
        Self { nodes, context }
    }

    fn render(&self, loading: &Loading, node: &Node) -> Result<String, Diagnostic> {
        let rendered = self.context.render(&loading.engine.compile(node));
        rendered.map(|value| py_str(&value)).map_err(|why| error(why.into_message(), node))
    }
}

/// A combination's values as variables.
struct MemberScope(Arc<Nodes>);

impl Scope for MemberScope {
    fn get(&self, name: &str) -> Option<Var> {
        self.0.get(name).map(|node| Var::Term(Term::Const(node.to_value())))
    }

    fn names(&self) -> Vec<Arc<str>> {
        self.0.keys().cloned().collect()
    }
}
