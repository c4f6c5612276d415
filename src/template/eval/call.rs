//! Calls: functions, methods, macros, filters and tests, and how their arguments are matched.

use super::{Eval, Out};
use crate::template::filters::{self, FilterDef};
use crate::template::lookups;
use crate::template::object::{self, Object, Res, V, call_method, failed, has_method, text};
use crate::template::syntax::ir::{Arg, Ex, Kind, Macro, Pos, Routed};
use crate::template::syntax::{Named, Problem, Source, of_collection};
use crate::template::tests::{self, TestDef};
use crate::template::{TemplateError, TemplateErrorKind};
use std::sync::Arc;

/// Arguments as written.
#[derive(Default, Clone)]
pub struct Args {
    pub positional: Vec<V>,
    pub named: Vec<(Arc<str>, V)>,
}

impl Args {
    pub fn of(positional: Vec<V>) -> Self {
        Self { positional, named: Vec::new() }
    }

    pub fn get(&self, index: usize, name: &str) -> Option<&V> {
        self.positional.get(index).or_else(|| self.keyword(name))
    }

    pub fn keyword(&self, name: &str) -> Option<&V> {
        self.named.iter().find(|(known, _)| &**known == name).map(|(_, value)| value)
    }

    /// The first argument that does not exist.
    pub fn missing(&self) -> Option<&V> {
        self.positional
            .iter()
            .chain(self.named.iter().map(|(_, value)| value))
            .find(|value| value.is_missing())
    }
}

/// The parameters of a filter or test as one text: names with blanks between; `?` after an optional one,
/// `*` for more positional, `**` for any named arguments; `!` in front if missing values are welcome, `!!` if
/// failures are, too.
#[derive(Clone, Copy)]
pub struct Params(pub &'static str);

impl Params {
    pub fn takes_missing(self) -> bool {
        self.0.starts_with('!')
    }

    fn takes_failures(self) -> bool {
        self.0.starts_with("!!")
    }

    fn names(self) -> impl Iterator<Item = &'static str> {
        self.0.trim_start_matches('!').split_ascii_whitespace()
    }

    /// The parameters proper: name, and whether it may be left out.
    fn plain(self) -> impl Iterator<Item = (&'static str, bool)> {
        self.names()
            .filter(|name| !name.starts_with('*'))
            .map(|name| (name.trim_end_matches('?'), name.ends_with('?')))
    }

    fn takes(self, sign: &str) -> bool {
        self.names().any(|name| name == sign)
    }

    /// Arguments in the order of the parameters.
    fn bind(self, function: &str, args: Args) -> Res<Bound> {
        let mut bound = Bound { slots: Vec::new(), more: Vec::new(), named: Vec::new() };
        if args.positional.is_empty() && args.named.is_empty() && self.0.is_empty() {
            return Ok(bound);
        }
        let count = self.plain().count();
        if args.named.is_empty() && count == 0 && self.takes("*") {
            bound.more = args.positional;
            return Ok(bound);
        }
        bound.slots.resize(count, None);
        let given = args.positional.len() + 1;
        for (i, value) in args.positional.into_iter().enumerate() {
            match bound.slots.get_mut(i) {
                Some(slot) => *slot = Some(value),
                None if self.takes("*") => bound.more.push(value),
                None => {
                    return Err(failed(format!(
                        "{function}() takes {} positional arguments but {given} were given",
                        count + 1
                    )));
                }
            }
        }
        for (name, value) in args.named {
            match self.plain().position(|(known, _)| *known == *name) {
                Some(i) if bound.slots[i].is_some() => {
                    return Err(failed(format!("{function}() got multiple values for argument '{name}'")));
                }
                Some(i) => bound.slots[i] = Some(value),
                None if self.takes("**") => bound.named.push((name, value)),
                None => {
                    return Err(failed(format!("{function}() got an unexpected keyword argument '{name}'")));
                }
            }
        }
        for ((name, optional), slot) in self.plain().zip(&bound.slots) {
            if slot.is_none() && !optional {
                return Err(failed(format!("{function}() missing 1 required positional argument: '{name}'")));
            }
        }
        Ok(bound)
    }
}

struct Bound {
    slots: Vec<Option<V>>,
    more: Vec<V>,
    named: Vec<(Arc<str>, V)>,
}

/// One use of a filter or test.
pub struct Call<'e, 'a> {
    pub eval: &'e mut Eval<'a>,
    pub name: &'static str,
    pub value: V,
    /// Positional arguments beyond the parameters.
    pub more: Vec<V>,
    /// Named arguments that are no parameters.
    pub named: Vec<(Arc<str>, V)>,
    slots: Vec<Option<V>>,
}

impl Call<'_, '_> {
    pub fn get(&self, index: usize) -> Option<&V> {
        self.slots.get(index).and_then(Option::as_ref)
    }

    /// An argument that is there and is not `None`.
    pub fn given(&self, index: usize) -> Option<&V> {
        self.get(index).filter(|value| !matches!(value, V::None))
    }

    pub fn need(&self, index: usize) -> Res<&V> {
        self.get(index).ok_or_else(|| failed(format!("{}: an argument is missing", self.name)))
    }

    /// The text of an argument.
    pub fn text(&self, index: usize) -> Res<Option<String>> {
        self.given(index).map(text).transpose()
    }

    pub fn text_or(&self, index: usize, default: &str) -> Res<String> {
        Ok(self.text(index)?.unwrap_or_else(|| default.to_owned()))
    }

    pub fn flag(&self, index: usize) -> Res<bool> {
        self.get(index).map_or(Ok(false), V::truth)
    }

    pub fn flag_or(&self, index: usize, default: bool) -> Res<bool> {
        self.given(index).map_or(Ok(default), V::truth)
    }

    pub fn int_or(&self, index: usize, default: i64) -> Res<i64> {
        match self.given(index) {
            None => Ok(default),
            Some(value) => value
                .as_i64()
                .or_else(|| value.as_str().and_then(|text| text.trim().parse().ok()))
                .ok_or_else(|| {
                    failed(format!("'{}' object cannot be interpreted as an integer", value.type_name()))
                }),
        }
    }

    /// The value as a path, which only a text can be.
    pub fn path(&self) -> Res<String> {
        match &self.value {
            V::Str(text) => Ok(text.to_string()),
            V::Bytes(bytes) => Ok(String::from_utf8_lossy(bytes).into_owned()),
            other => {
                Err(failed(format!("expected str, bytes or os.PathLike object, not {}", other.type_name())))
            }
        }
    }

    /// The value's text if it is one; `method` is what Python would miss.
    pub fn text_with(&self, method: &str) -> Res<String> {
        match &self.value {
            V::Str(text) => Ok(text.to_string()),
            other => Err(failed(format!("'{}' object has no attribute '{method}'", other.type_name()))),
        }
    }

    /// The value's text.
    pub fn input(&self) -> Res<String> {
        text(&self.value)
    }
}

impl Eval<'_> {
    pub(super) fn call(&mut self, callee: &Ex, args: &[Arg]) -> Res<V> {
        if let Kind::Attr(receiver, name) = &callee.kind {
            let receiver = self.expr(receiver)?;
            if receiver.is_missing() {
                return Ok(receiver);
            }
            let args = self.args(args)?;
            if has_method(&receiver, name) {
                self.limits.step()?;
                let result = call_method(&receiver, name, &args.positional, &args.named)?;
                super::charge_value(&result)?;
                return Ok(result);
            }
            if let V::Object(object) = &receiver
                && let Some(result) = object.clone().method(self, name, &args)
            {
                return result;
            }
            let function = object::attribute(&receiver, name)?;
            return self.call_value(&function, args);
        }
        let function = self.expr(callee)?;
        if function.is_missing() {
            return Ok(function);
        }
        let args = self.args(args)?;
        self.call_value(&function, args)
    }

    /// Calls a function, macro or other callable.
    ///
    /// # Errors
    /// Its own; a missing function.
    pub fn call_value(&mut self, function: &V, args: Args) -> Res<V> {
        match function {
            V::Missing(_) => Ok(function.clone()),
            V::Object(object) => {
                self.limits.step()?;
                object.clone().call(self, args)
            }
            other => Err(failed(format!("'{}' object is not callable", other.type_name()))),
        }
    }

    /// Applies a filter. A missing value, as input or argument, goes through to whoever uses the result.
    ///
    /// # Errors
    /// The filter's own.
    pub fn filter(&mut self, def: &'static FilterDef, value: V, args: Args) -> Res<V> {
        if !def.params.takes_missing() {
            if value.is_missing() {
                return Ok(value);
            }
            if let Some(missing) = args.missing() {
                return Ok(missing.clone());
            }
        } else if value.failure().is_some() && !def.params.takes_failures() {
            return Ok(value);
        }
        self.limits.step()?;
        let name = def.names[0];
        let result = def.params.bind(name, args).and_then(|bound| {
            (def.run)(&mut Call {
                eval: self,
                name,
                value,
                more: bound.more,
                named: bound.named,
                slots: bound.slots,
            })
        });
        if let Ok(value) = &result {
            super::charge_value(value)?;
        }
        match result {
            Ok(V::Object(object)) if object.is_range() => V::Object(object).items().map(V::list),
            result => result.map_err(|error| explain(error, "filter", name)),
        }
    }

    /// Applies a test.
    ///
    /// # Errors
    /// The test's own; a missing value.
    /// A filter whose name is a value.
    pub fn filter_named(&self, name: &str) -> Res<&'static FilterDef> {
        let now = self.now_called(Named::Filter, name)?;
        filters::find(&now).ok_or_else(|| failed(format!("No filter named '{name}'.")))
    }

    /// A test whose name is a value.
    pub fn test_named(&self, name: &str) -> Res<&'static TestDef> {
        let now = self.now_called(Named::Test, name)?;
        tests::find(&now).ok_or_else(|| failed(format!("No test named '{name}'.")))
    }

    /// The name that a plugin has now, where only its collection knows it.
    pub fn now_called(&self, named: Named, name: &str) -> Res<String> {
        let known = match named {
            Named::Filter => filters::find(name).is_some(),
            Named::Test => tests::find(name).is_some(),
            Named::Lookup => lookups::exists(name),
        };
        match !known && of_collection(name) {
            true => self.ctx.engine().route(named, name),
            false => Ok(name.to_owned()),
        }
    }

    /// A filter or test by the name that its collection has for it now.
    pub fn routed(&mut self, routed: &Routed, value: V) -> Res<V> {
        let Routed { named, name, in_template, args, .. } = routed;
        let now = self.ctx.engine().route(*named, name)?;
        let unknown = || {
            let what = if *in_template { "template" } else { "expression" };
            let problem = Problem::unknown(*named, name, Pos::default(), false);
            let message = format!("Syntax error in {what}: {}", problem.message);
            TemplateError::new(TemplateErrorKind::Syntax, message, vec![])
        };
        match named {
            Named::Test => {
                let def = tests::find(&now).ok_or_else(unknown)?;
                let args = self.args(args)?;
                self.test(def, value, args).map(V::Bool)
            }
            _ => {
                let def = filters::find(&now).ok_or_else(unknown)?;
                let args = self.args(args)?;
                self.filter(def, value, args)
            }
        }
    }

    pub fn test(&mut self, def: &'static TestDef, value: V, args: Args) -> Res<bool> {
        if !def.params.takes_missing() {
            value.check()?;
            if let Some(V::Missing(missing)) = args.missing() {
                return Err(missing.error());
            }
        } else if let Some(failure) = value.failure()
            && !def.params.takes_failures()
        {
            return Err(failure.error());
        }
        self.limits.step()?;
        let name = def.names[0];
        let result = def.params.bind(name, args).and_then(|bound| {
            (def.run)(&mut Call {
                eval: self,
                name,
                value,
                more: bound.more,
                named: bound.named,
                slots: bound.slots,
            })
        });
        result.map_err(|error| explain(error, "test", name))
    }
}

/// Ansible's words around a plugin's failure.
fn explain(mut error: TemplateError, kind: &str, name: &str) -> TemplateError {
    use crate::template::TemplateErrorKind::Failed;
    if error.kind == Failed && !error.message.contains(" plugin '") && error.trace.is_empty() {
        let collection = if name.contains('.') { "" } else { "ansible.builtin." };
        error.message = format!("The {kind} plugin '{collection}{name}' failed: {}", error.message);
    }
    error
}

/// A macro with the names it sees.
pub struct MacroObject {
    pub definition: Arc<Macro>,
    pub(super) env: Arc<super::Env>,
    pub source: Arc<Source>,
}

impl Object for MacroObject {
    fn type_name(&self) -> &str {
        "Macro"
    }

    fn callable(&self) -> bool {
        true
    }

    fn text(&self) -> String {
        format!("<Macro '{}'>", self.definition.name)
    }

    fn get(&self, name: &str) -> Option<V> {
        match name {
            "name" => Some(V::Str(self.definition.name.clone())),
            "arguments" => {
                Some(V::tuple(self.definition.args.iter().map(|arg| V::Str(arg.clone())).collect()))
            }
            _ => None,
        }
    }

    fn call(&self, eval: &mut Eval, args: Args) -> Res<V> {
        eval.run_macro(self, args)
    }
}

impl Eval<'_> {
    fn run_macro(&mut self, callee: &MacroObject, args: Args) -> Res<V> {
        let definition = &callee.definition;
        let env = super::Env::child(&callee.env);
        let mut positional = args.positional.into_iter();
        let mut named = args.named;
        let first_default = definition.args.len() - definition.defaults.len().min(definition.args.len());
        // Defaults may use the arguments before them.
        let outer = std::mem::replace(&mut self.env, env.clone());
        let outer_source = std::mem::replace(&mut self.source, callee.source.clone());
        let outer_locals = std::mem::take(&mut self.locals);
        let result = (|| {
            for (i, name) in definition.args.iter().enumerate() {
                // A default that names its own argument means no variable outside.
                env.set(name.clone(), V::Missing(Arc::new(object::Missing::variable(name))));
                let given = positional.next().or_else(|| {
                    let at = named.iter().position(|(known, _)| known == name)?;
                    Some(named.remove(at).1)
                });
                let value = match given {
                    Some(value) => value,
                    None if i >= first_default => self.expr(&definition.defaults[i - first_default])?,
                    None => V::Missing(Arc::new(object::Missing::hint(format!(
                        "parameter '{name}' was not provided"
                    )))),
                };
                env.set(name.clone(), value);
            }
            if let Some(at) = named.iter().position(|(name, _)| &**name == "caller") {
                env.set("caller".into(), named.remove(at).1);
            }
            let more: Vec<V> = positional.collect();
            let name = &definition.name;
            if !more.is_empty() && !definition.more.0 {
                return Err(failed(format!(
                    "macro '{name}' takes not more than {} argument(s)",
                    definition.args.len()
                )));
            }
            if let Some((unknown, _)) = named.first()
                && !definition.more.1
            {
                return Err(failed(format!("macro '{name}' takes no keyword argument '{unknown}'")));
            }
            if definition.more.0 {
                env.set("varargs".into(), V::tuple(more));
            }
            if definition.more.1 {
                let kwargs =
                    named.into_iter().map(|(name, value)| (crate::value::Value::Str(name), value)).collect();
                env.set("kwargs".into(), V::dict(kwargs));
            }
            self.limits.enter()?;
            let mut out = Out::default();
            let done = self.body(&definition.body, &mut out);
            self.limits.leave();
            done?;
            Ok(out.finish())
        })();
        self.env = outer;
        self.source = outer_source;
        self.locals = outer_locals;
        result
    }
}
