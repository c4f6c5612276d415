//! The file that says what `parse_cli` and `parse_xml` look for: `vars` with the shapes of what they find, `keys` with
//! the members of their result.

use crate::diag::Diagnostic;
use crate::source::yaml;
use crate::template::eval::Call;
use crate::template::object::{Res, V, failed, python_literal};

use crate::template::{Context, Engine, LookupEnv, Scope, TemplateError, TemplateErrorKind, Var};
use crate::value::{Map, Value, py_str};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// The path and the text of the file that an argument names.
pub fn read(c: &Call, plugin: &str) -> Res<(PathBuf, String)> {
    let message = format!(
        "The '{plugin}' filter is deprecated and will be removed in a future release after 2027-02-01. Use \
         'ansible.utils.cli_parse' instead."
    );
    c.eval.ctx.engine().warn(Diagnostic::warning("filter", message));
    let Some(name) = c.text(0)? else {
        return Err(failed("stat: path should be string, bytes, os.PathLike or integer, not NoneType"));
    };
    let path = PathBuf::from(&name);
    if !path.exists() {
        return Err(failed(format!("unable to locate {plugin} template: {name}")));
    }
    let bytes = c.eval.ctx.engine().read_file(&path).map_err(|error| failed(format!("{name}: {error}")))?;
    Ok((path, String::from_utf8_lossy(&bytes).into_owned()))
}

/// What a template of the file sees: its variables, and what was found as `item`.
struct Names(BTreeMap<Arc<str>, Value>);

impl Scope for Names {
    fn get(&self, name: &str) -> Option<Var> {
        self.0.get(name).cloned().map(Var::Value)
    }

    fn names(&self) -> Vec<Arc<str>> {
        self.0.keys().cloned().collect()
    }
}

pub struct Spec {
    engine: Arc<Engine>,
    path: PathBuf,
    vars: BTreeMap<Arc<str>, Value>,
    keys: Map,
}

impl Spec {
    pub fn load(c: &Call, plugin: &str) -> Res<Self> {
        let (path, text) = read(c, plugin)?;
        let document = yaml::parse_text(&path.to_string_lossy(), &text)
            .map_err(|problem| failed(format!("{}: {}", path.display(), problem.summary)))?;
        let document = document.node.to_value();
        let Some(members) = document.as_map() else {
            return Err(failed(match document {
                Value::List(_) => "list indices must be integers or slices, not str".to_owned(),
                other => format!("'{}' object is not subscriptable", other.type_name()),
            }));
        };
        let keys = match members.get("keys") {
            None => return Err(failed("'keys'")),
            Some(Value::Map(keys)) => (**keys).clone(),
            Some(other) => return Err(no_attribute(other, "items")),
        };
        let vars = members.get("vars").and_then(Value::as_map).into_iter().flatten();
        let vars = vars.filter_map(|(name, value)| Some((name.as_str()?.into(), value.clone()))).collect();
        Ok(Self { engine: c.eval.ctx.engine().clone(), path, vars, keys })
    }

    /// The members of the result: each name with what the file says of it, and its value, where the name of a
    /// variable stands for that.
    pub fn keys(&self) -> impl Iterator<Item = Res<(&Value, &Map, Value)>> {
        self.keys.iter().map(|(name, attributes)| {
            let Some(attributes) = attributes.as_map() else {
                return Err(failed(format!("'{}' object is not subscriptable", attributes.type_name())));
            };
            let value = attributes.get("value").ok_or_else(|| failed("'value'"))?;
            // What needs more than the variables waits for what is found.
            let value = self.rendered(value, &self.vars).unwrap_or_else(|_| value.clone());
            Ok((name, attributes, value))
        })
    }

    /// A text with templates rendered, and read as Python's literal if it is one.
    fn rendered(&self, value: &Value, names: &BTreeMap<Arc<str>, Value>) -> Res<Value> {
        let Some(text) = value.as_str() else { return Ok(value.clone()) };
        if !["{{", "{%", "{#"].iter().any(|sign| text.contains(sign)) {
            return Ok(value.clone());
        }
        let text = text.strip_suffix('\n').unwrap_or(text);
        let file = self.engine.compile_file(&self.path, text, &Value::Null);
        let file = file.map_err(|problem| failed(problem.summary))?;
        let context =
            Context::new(&self.engine, Arc::new(Names(names.clone())), Arc::new(LookupEnv::default()));
        let text = py_str(&context.render_file_value(&file).map_err(plain)?);
        if text.is_empty() {
            return Ok(Value::Null);
        }
        match python_literal(&text) {
            Ok(literal) => literal.to_value(),
            Err(_) => Ok(Value::str(text)),
        }
    }

    fn with(&self, item: &Value) -> BTreeMap<Arc<str>, Value> {
        let mut names = self.vars.clone();
        names.insert("item".into(), item.clone());
        names
    }

    /// A value for one item.
    ///
    /// # Errors
    /// Its template's.
    pub fn of_item(&self, value: &Value, item: &Value) -> Res<Value> {
        self.rendered(value, &self.with(item))
    }

    /// A mapping's members for one item; if `lenient`, nothing for those that cannot be rendered.
    pub fn members(&self, members: &Map, item: &Value, lenient: bool) -> Res<Value> {
        let names = self.with(item);
        let members = members.iter().map(|(name, value)| {
            let rendered = self.rendered(value, &names);
            Ok((name.clone(), if lenient { rendered.unwrap_or(Value::Null) } else { rendered? }))
        });
        members.collect::<Res<Map>>().map(Value::map)
    }

    /// Where a shape has `key` and `values`: the key and the values of one item.
    pub fn keyed(&self, shape: &Map, key: &Value, item: &Value) -> Res<(Value, Value)> {
        let key = self.of_item(key, item)?;
        if matches!(key, Value::List(_) | Value::Map(_)) {
            let class = key.type_name();
            return Err(failed(format!("unhashable type: '{class}'")));
        }
        let values = shape.get("values").ok_or_else(|| failed("'values'"))?;
        let values = values.as_map().ok_or_else(|| no_attribute(values, "items"))?;
        Ok((key, self.members(values, item, false)?))
    }

    /// All items in the shape that the file gives them: a mapping if it has a `key`, else a list.
    pub fn shaped(&self, shape: &Map, items: &[Value]) -> Res<Value> {
        let Some(key) = shape.get("key") else {
            let members = items.iter().map(|item| self.members(shape, item, false));
            return members.collect::<Res<Vec<Value>>>().map(Value::list);
        };
        let keyed = items.iter().map(|item| self.keyed(shape, key, item));
        keyed.collect::<Res<Map>>().map(Value::map)
    }
}

/// What goes wrong in a template of the file is an error of the filter, in the words of Jinja alone.
fn plain(error: TemplateError) -> TemplateError {
    if error.kind == TemplateErrorKind::Unknown {
        return error;
    }
    let message = error.message.clone();
    let Some((class, rest)) = message.strip_prefix("object of type '").and_then(|m| m.split_once('\''))
    else {
        return failed(message);
    };
    failed(match class {
        "NoneType" => format!("'None'{rest}"),
        class => format!("'{class} object'{rest}"),
    })
}

fn no_attribute(value: &Value, name: &str) -> TemplateError {
    failed(format!("'{}' object has no attribute '{name}'", value.type_name()))
}

/// The text to parse; `refusal` is what is said of anything else.
pub fn input<'c>(c: &'c Call, refusal: &str) -> Res<&'c str> {
    match &c.value {
        V::Str(text) => Ok(text),
        other => Err(failed(format!("{refusal} <class '{}'>", other.type_name()))),
    }
}
