//! `constructed`: variables and groups made of the variables of earlier sources.

use super::{authored, error};
use crate::diag::Diagnostic;
use crate::inventory::load::Loading;
use crate::inventory::model::Vars;
use crate::source::{Node, NodeKind};
use crate::template::{Context, LookupEnv, Scope, TemplateError, Var};
use crate::value::{Value, py_str};
use crate::vars::Terms;
use std::sync::Arc;

/// What a configuration says.
struct Config {
    strict: bool,
    leading_separator: bool,
    use_vars_plugins: bool,
    use_extra_vars: bool,
    compose: Vec<(Node, Node)>,
    groups: Vec<(Node, Node)>,
    keyed: Vec<Keyed>,
}

/// An entry of `keyed_groups`.
struct Keyed {
    key: Node,
    prefix: String,
    separator: String,
    parent: Option<Node>,
    default: Option<Value>,
    trailing_separator: bool,
}

/// Adds to every host that is known so far what the configuration makes of its variables.
///
/// # Errors
/// Options that contradict each other or are of the wrong kind; with `strict`, expressions that fail. What was made
/// before the error stays.
pub fn parse(loading: &mut Loading, config: &Node) -> Result<(), Diagnostic> {
    let path = config.span.file.path.display().to_string();
    let failed = |problem: Diagnostic| Diagnostic {
        summary: format!("Failed to parse '{path}': {}", problem.summary),
        ..problem
    };
    let settings = Config::read(loading, config).map_err(failed)?;
    for host in loading.host_names() {
        settings.construct(loading, &host).map_err(failed)?;
    }
    Ok(())
}

impl Config {
    fn read(loading: &Loading, config: &Node) -> Result<Self, Diagnostic> {
        let truth = |name: &str, default: bool| match config.get(name) {
            Some(node) => node.to_value().ansible_bool().unwrap_or(default),
            None => default,
        };
        let entries = |name: &str| match config.get(name).map(|node| (&node.kind, node)) {
            None | Some((NodeKind::Null, _)) => Ok(Vec::new()),
            Some((NodeKind::Map(entries), _)) => Ok(entries.clone()),
            Some((_, node)) => {
                let what = format!("the option '{name}' must be a mapping, not {}", node.describe());
                Err(error(what, node))
            }
        };
        let mut keyed = Vec::new();
        if let Some(list) = config.get("keyed_groups").filter(|node| !node.is_null()) {
            let Some(items) = list.as_list() else {
                return Err(error(
                    format!("the option 'keyed_groups' must be a list, not {}", list.describe()),
                    list,
                ));
            };
            keyed = items.iter().map(Keyed::read).collect::<Result<_, _>>()?;
        }
        Ok(Self {
            strict: truth("strict", false),
            leading_separator: truth("leading_separator", true),
            use_vars_plugins: truth("use_vars_plugins", false),
            use_extra_vars: truth("use_extra_vars", loading.use_extra_vars),
            compose: entries("compose")?,
            groups: entries("groups")?,
            keyed,
        })
    }

    fn construct(&self, loading: &mut Loading, host: &str) -> Result<(), Diagnostic> {
        let (context, vars) = self.context(loading, host)?;
        for (name, expression) in &self.compose {
            let name = py_str(&name.to_value());
            let given = |name: &str| {
                let extra = loading.extra.get(name).filter(|_| self.use_extra_vars);
                let extra = extra.map(|term| Node::from_value(&term.written(), &expression.span));
                extra.or_else(|| vars.get(name).cloned())
            };
            let made = match expression.as_str().and_then(|text| authored(text, given)) {
                Some(node) => Ok(node),
                None => evaluate(loading, &context, expression)
                    .map(|value| Node::from_data(&value, &expression.span)),
            };
            match made {
                Ok(node) => loading.host_var(host, &name, node),
                Err(why) if self.strict => {
                    return Err(error(format!("Could not set {name} for host {host}: {why}"), expression));
                }
                Err(_) => {}
            }
        }
        // What was composed can be used from here on.
        let (context, _) = self.context(loading, host)?;
        for (name, condition) in &self.groups {
            let name = py_str(&name.to_value());
            match holds(loading, &context, condition) {
                Ok(true) => {
                    let group = loading.safe_group(&name);
                    loading.host(host, Some(group), None, &condition.span);
                }
                Ok(false) => {}
                Err(why) if self.strict => {
                    return Err(error(
                        format!("Could not add host {host} to group {name}: {why}"),
                        condition,
                    ));
                }
                Err(_) => {}
            }
        }
        for keyed in &self.keyed {
            self.keyed_group(loading, &context, host, keyed)?;
        }
        Ok(())
    }

    fn keyed_group(
        &self,
        loading: &mut Loading,
        context: &Context,
        host: &str,
        keyed: &Keyed,
    ) -> Result<(), Diagnostic> {
        let value = match evaluate(loading, context, &keyed.key) {
            Ok(value) => value,
            Err(why) if self.strict => {
                let key = py_str(&keyed.key.to_value());
                let what = format!("Could not generate group for host {host} from {key} entry: {why}");
                return Err(error(what, &keyed.key));
            }
            Err(_) => return Ok(()),
        };
        let names = keyed.names(&value).map_err(|what| error(what, &keyed.key))?;
        if names.is_empty() && self.strict && is_nothing(&value) {
            let key = py_str(&keyed.key.to_value());
            let what = format!("No key or key resulted empty for {key} in host {host}, invalid entry");
            return Err(error(what, &keyed.key));
        }
        let separator =
            if keyed.prefix.is_empty() && !self.leading_separator { "" } else { &keyed.separator };
        for name in names {
            let name = format!("{}{separator}{name}", keyed.prefix);
            if name.is_empty() {
                return Err(error("Invalid empty/false group name provided: ", &keyed.key));
            }
            let group = loading.safe_group(&name);
            loading.host(host, Some(group), None, &keyed.key.span);
            let Some(parent) = &keyed.parent else { continue };
            let rendered = context.render(&loading.engine.compile(parent));
            let parent_name = match rendered {
                Ok(name) => py_str(&name),
                Err(why) if self.strict => {
                    let what = format!(
                        "Could not generate parent group {} for group {name}: {}",
                        py_str(&parent.to_value()),
                        why.message
                    );
                    return Err(error(what, parent));
                }
                Err(_) => continue,
            };
            let parent_group = loading.safe_group(&parent_name);
            loading.link(parent_group, group).map_err(|what| error(what, parent))?;
        }
        Ok(())
    }

    /// A host's variables as the sources so far give them.
    fn context(&self, loading: &Loading, host: &str) -> Result<(Context, Vars), Diagnostic> {
        let vars = loading.vars_of(host, self.use_vars_plugins)?;
        let terms =
            vars.iter().map(|(name, node)| (name.clone(), loading.engine.compile(node), None)).collect();
        let scope = HostScope {
            terms,
            extra: self.use_extra_vars.then(|| loading.extra.clone()),
            magic: loading.magic_of(host),
        };
        let context = Context::new(&loading.engine, Arc::new(scope), Arc::new(LookupEnv::default()));
        Ok((context, vars))
    }
}

impl Keyed {
    fn read(node: &Node) -> Result<Self, Diagnostic> {
        const KNOWN: [&str; 6] =
            ["parent_group", "prefix", "separator", "key", "default_value", "trailing_separator"];
        let Some(entries) = node.as_map() else {
            return Err(error("keyed groups must be a dictionary or a list of dictionaries", node));
        };
        if let Some((key, _)) =
            entries.iter().find(|(key, _)| !key.as_str().is_some_and(|key| KNOWN.contains(&key)))
        {
            let what =
                format!("keyed groups have no option '{}': {}", py_str(&key.to_value()), KNOWN.join(", "));
            return Err(error(what, key));
        }
        let given = |name: &str| node.get(name).filter(|node| !node.is_null());
        let text = |name: &str, default: &str| {
            given(name).map_or_else(|| default.to_owned(), |node| py_str(&node.to_value()))
        };
        let default = given("default_value").map(Node::to_value);
        let trailing = given("trailing_separator").map(|node| node.to_value().ansible_bool().unwrap_or(true));
        if default.is_some() && trailing.is_some() {
            return Err(error(
                "parameters are mutually exclusive for keyed groups: default_value|trailing_separator",
                node,
            ));
        }
        Ok(Self {
            key: node.get("key").cloned().unwrap_or_else(|| Node::new(NodeKind::Null, node.span.clone())),
            prefix: text("prefix", ""),
            separator: text("separator", "_"),
            parent: given("parent_group").cloned(),
            default,
            trailing_separator: trailing.unwrap_or(true),
        })
    }

    /// The names that a value gives, without the prefix: none if it says nothing.
    fn names(&self, value: &Value) -> Result<Vec<String>, String> {
        let said = |value: &Value| match &self.default {
            Some(default) if is_empty(value) => py_str(default),
            _ => py_str(value),
        };
        Ok(match value {
            _ if is_empty(value) => self.default.iter().map(py_str).collect(),
            _ if is_nothing(value) => Vec::new(),
            Value::Str(text) => vec![text.to_string()],
            Value::List(items) => items.iter().map(said).collect(),
            Value::Map(entries) => entries
                .iter()
                .map(|(key, value)| {
                    if is_empty(value) && !self.trailing_separator {
                        return py_str(key);
                    }
                    format!("{}{}{}", py_str(key), self.separator, said(value))
                })
                .collect(),
            other => {
                return Err(format!(
                    "Invalid group name format, expected a string or a list of them or dictionary, got: <class '{}'>",
                    other.type_name()
                ));
            }
        })
    }
}

/// What `default_value` stands for.
fn is_empty(value: &Value) -> bool {
    matches!(value, Value::Null) || value.as_str() == Some("")
}

/// What makes no group: everything that Python takes for false.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) | Value::Int(0) => true,
        Value::Float(number) => *number == 0.0,
        Value::Str(text) => text.is_empty(),
        Value::List(items) => items.is_empty(),
        Value::Map(entries) => entries.is_empty(),
        _ => false,
    }
}

fn evaluate(loading: &Loading, context: &Context, expression: &Node) -> Result<Value, String> {
    let text = Node::new(NodeKind::Str(py_str(&expression.to_value()).into()), expression.span.clone());
    let expr = loading.engine.compile_expr(&text).map_err(|problem| problem.summary)?;
    context.eval(&expr).map_err(TemplateError::into_message)
}

fn holds(loading: &Loading, context: &Context, condition: &Node) -> Result<bool, String> {
    let expr = loading.engine.compile_expr(condition).map_err(|problem| problem.summary)?;
    context.condition(&expr).map_err(TemplateError::into_message)
}

/// The variables of one host, while the inventory is being read.
struct HostScope {
    terms: Terms,
    /// `-e`, where they count.
    extra: Option<Arc<Terms>>,
    magic: Vec<(&'static str, Value)>,
}

impl Scope for HostScope {
    fn get(&self, name: &str) -> Option<Var> {
        if let Some(term) = self.extra.as_ref().and_then(|extra| extra.get(name)) {
            return Some(Var::Term(term.clone()));
        }
        if let Some((_, value)) = self.magic.iter().find(|(known, _)| *known == name) {
            return Some(Var::Value(value.clone()));
        }
        self.terms.get(name).cloned().map(Var::Term)
    }

    fn names(&self) -> Vec<Arc<str>> {
        let mut names: Vec<Arc<str>> = self.terms.keys().cloned().collect();
        names.extend(self.extra.iter().flat_map(|extra| extra.keys().cloned()));
        names.extend(self.magic.iter().map(|(name, _)| Arc::from(*name)));
        names.sort_unstable();
        names.dedup();
        names
    }
}
