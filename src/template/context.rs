//! A scope to render in, and the values of its lazy variables.

use super::engine::{
    Engine, FileTemplate, Template, Untrusted, is_template, trailing_newlines, with_newlines,
};
use super::eval::{Args, Eval, Out, StackGuard, check_stack};
use super::expr::{TRUST, UNTRUSTED};
use super::object::{Dict, List, Missing, Res, V, failed, text, unknown};
use super::syntax::Source;
use super::{Expr, LookupEnv, Scope, TemplateError, TemplateErrorKind, Term, Var, is_omit, lookups};
use crate::diag::{Diagnostic, Span};
use crate::value::{Map, Value, marks, py_str};
use std::cell::RefCell;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// An engine, a scope and a place to look for files: everything a rendering needs. Cheap to clone. Values
/// of lazy variables are kept for the life of the context (make one per host and task).
#[derive(Clone)]
pub struct Context(pub(super) Ctx, #[expect(dead_code, reason = "it works when it is dropped")] Arc<Owner>);

/// Every scope that was entered from a context, itself included.
type Family = Mutex<Vec<Weak<Inner>>>;

/// Lazy collections that are remembered hold the scope that remembers them: neither would ever go. So what was remembered
/// is forgotten with the last copy of the context.
struct Owner(Arc<Family>);

impl Drop for Owner {
    fn drop(&mut self) {
        let family = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        for inner in family.iter().filter_map(Weak::upgrade) {
            let remembered = std::mem::take(&mut *inner.memo.lock().unwrap_or_else(PoisonError::into_inner));
            drop(remembered);
        }
    }
}

/// What is inside a [`Context`]: lazy collections and views of other scopes hold one too.
#[derive(Clone)]
pub struct Ctx(Arc<Inner>);

struct Inner {
    engine: Arc<Engine>,
    scope: Arc<dyn Scope>,
    env: Arc<LookupEnv>,
    memo: Mutex<HashMap<Arc<str>, V>>,
    family: Arc<Family>,
}

impl Inner {
    /// A scope that is known to its family.
    fn new(
        engine: Arc<Engine>,
        scope: Arc<dyn Scope>,
        env: Arc<LookupEnv>,
        family: &Arc<Family>,
    ) -> Arc<Self> {
        let inner = Arc::new(Self { engine, scope, env, memo: Mutex::default(), family: family.clone() });
        family.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(&inner));
        inner
    }
}

/// Variables nested deeper than this are a loop, or might as well be one.
const DEEPEST: usize = 60;

thread_local! {
    /// The templates of variables being rendered on this thread: the context's and the template's address.
    static RENDERING: RefCell<Vec<(usize, usize)>> = const { RefCell::new(Vec::new()) };
}

struct Rendering;

impl Rendering {
    fn enter(ctx: &Ctx, template: &Arc<Template>) -> Res<Self> {
        let key = (Arc::as_ptr(&ctx.0) as usize, Arc::as_ptr(template) as usize);
        RENDERING.with_borrow_mut(|stack| {
            if stack.len() >= DEEPEST || stack.contains(&key) {
                return Err(failed("Recursive loop detected in template: maximum recursion depth exceeded"));
            }
            stack.push(key);
            Ok(Self)
        })
    }
}

impl Drop for Rendering {
    fn drop(&mut self) {
        RENDERING.with_borrow_mut(|stack| {
            stack.pop();
        });
    }
}

impl Ctx {
    pub fn engine(&self) -> &Arc<Engine> {
        &self.0.engine
    }

    pub fn env(&self) -> &LookupEnv {
        &self.0.env
    }

    pub fn names(&self) -> Vec<Arc<str>> {
        self.0.scope.names()
    }

    pub fn has(&self, name: &str) -> bool {
        self.0.scope.get(name).is_some()
    }

    /// What Python calls the mapping that the scope is.
    pub fn type_name(&self) -> &'static str {
        self.0.scope.type_name()
    }

    /// What to say of a name that is not there.
    pub fn absent(&self, name: &str) -> Option<String> {
        self.0.scope.absent(name)
    }

    pub fn scope_get(&self, name: &str) -> Option<Var> {
        self.0.scope.get(name)
    }

    pub fn scope_place(&self, name: &str) -> Option<Span> {
        self.0.scope.place(name)
    }

    fn memo(&self) -> std::sync::MutexGuard<'_, HashMap<Arc<str>, V>> {
        self.0.memo.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A variable's value; `None` if there is none of that name.
    ///
    /// # Errors
    /// Its template's, except that a missing value stays one.
    pub fn variable(&self, name: &str) -> Res<Option<V>> {
        if let Some(value) = self.memo().get(name) {
            return Ok(Some(value.fresh()));
        }
        let value = match self.0.scope.get(name) {
            None => return Ok(None),
            Some(Var::Value(value)) | Some(Var::Term(Term::Const(value) | Term::Data(value))) => {
                return V::from_value(&value).map(Some);
            }
            Some(Var::Term(term)) => self.value_of(&term)?,
            Some(Var::Scope(scope)) => V::Dict(Arc::new(Dict::scope(self.inside(scope)))),
        };
        self.memo().insert(name.into(), value.clone());
        Ok(Some(value.fresh()))
    }

    /// The same engine and files with another scope.
    fn inside(&self, scope: Arc<dyn Scope>) -> Ctx {
        Ctx(Inner::new(self.0.engine.clone(), scope, self.0.env.clone(), &self.0.family))
    }

    /// An authored value in this scope; collections stay lazy.
    ///
    /// # Errors
    /// Its template's, except that a missing value stays one.
    pub fn value_of(&self, term: &Term) -> Res<V> {
        Ok(match term {
            Term::Const(value) | Term::Data(value) => V::from_value(value)?,
            Term::List(terms) => V::List(Arc::new(List::lazy(terms.clone(), self.clone()))),
            Term::Map(terms) => V::Dict(Arc::new(Dict::lazy(terms, self.clone()))),
            Term::Template(template) => {
                check_stack()?;
                let _rendering = Rendering::enter(self, template)?;
                match self.run_template(template) {
                    Ok(value) => value,
                    Err(error) if error.kind == TemplateErrorKind::Unknown => return Err(error),
                    Err(error) => {
                        let missing = Missing::captured(rendering(error, "template"));
                        V::Missing(Arc::new(missing.sealed(template.sealed.clone())))
                    }
                }
            }
        })
    }

    fn run_template(&self, template: &Template) -> Res<V> {
        let program = template.program().map_err(TemplateError::clone)?;
        let mut eval = Eval::new(self, &template.source);
        // `{{ expression }}` alone needs no output.
        if let [super::syntax::ir::Stmt::Emit(ex)] = &program.body[..] {
            let value = eval.expr(ex)?;
            if let V::Missing(missing) = &value {
                let mut error = missing.error();
                error.trace.push(template.source.place(ex.pos));
                return Err(error);
            }
            return Ok(template.with_newlines(value));
        }
        let mut out = Out::default();
        eval.body_of(program, &mut out)?;
        Ok(template.with_newlines(out.finish()))
    }

    /// A template file by name, as `include` finds it.
    ///
    /// # Errors
    /// Its syntax error, or a file that cannot be read.
    pub fn load_template(&self, name: &str, from: &Source) -> Res<Option<Arc<FileTemplate>>> {
        let here = from.span.file.path.parent().filter(|_| from.whole_file).map(PathBuf::from);
        let mut candidates: Vec<PathBuf> = here.into_iter().map(|dir| dir.join(name)).collect();
        candidates.extend(self.candidates("templates", name));
        for path in candidates {
            if path.is_file() {
                return self.0.engine.load_file(&path, &from.syntax).map(Some);
            }
        }
        Ok(None)
    }

    /// Where a file of this kind may be, in the order of the search.
    pub fn candidates(&self, kind: &str, name: &str) -> Vec<PathBuf> {
        let name = expand_home(name);
        if name.is_absolute() {
            return vec![name];
        }
        let mut out = Vec::new();
        for dir in &self.0.env.search_path {
            out.push(dir.join(kind).join(&name));
            out.push(dir.join(&name));
        }
        if self.0.env.search_path.is_empty() {
            out.push(name);
        }
        out
    }

    /// A template file: text, or the value of its one expression.
    ///
    /// # Errors
    /// With the innermost place that failed.
    pub fn render_file(&self, file: &FileTemplate, extra: &[(Arc<str>, V)]) -> Res<V> {
        let mut eval = Eval::new(self, &file.source);
        for (name, value) in extra {
            eval.define(name, value.clone());
        }
        let mut out = Out::default();
        eval.run(file, &mut out)?;
        let value = out.finish();
        if file.source.syntax.keep_trailing_newline {
            return Ok(value);
        }
        Ok(with_newlines(value, trailing_newlines(&file.source.text)))
    }
}

/// Ansible's words around Python's, where nobody has put others around them yet.
pub(super) fn rendering(mut error: TemplateError, what: &str) -> TemplateError {
    let worded = ["Error rendering", "Recursive loop", "Syntax error", "Conditional result"];
    if error.kind == TemplateErrorKind::Failed
        && !error.message.contains(" plugin '")
        && !worded.iter().any(|start| error.message.starts_with(start))
    {
        error.message = format!("Error rendering {what}: {}", error.message);
    }
    error
}

pub fn expand_home(name: &str) -> PathBuf {
    match (name.strip_prefix("~/"), std::env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(name),
    }
}

/// Whether a text that no author wrote looks like a template.
fn holds_template(value: &Value) -> bool {
    match value {
        Value::Str(text) => is_template(text) && !marks::is_authored(text),
        Value::List(items) => items.iter().any(holds_template),
        Value::Map(map) => map.values().any(holds_template),
        _ => false,
    }
}

/// Takes members that are `omit` out, at every depth. Most data has none and is not copied.
fn without_omit(value: Value) -> Value {
    fn has_omit(value: &Value) -> bool {
        match value {
            Value::List(items) => items.iter().any(|item| is_omit(item) || has_omit(item)),
            Value::Map(map) => map.values().any(|item| is_omit(item) || has_omit(item)),
            _ => false,
        }
    }
    if !has_omit(&value) {
        return value;
    }
    match value {
        Value::List(items) => {
            Value::list(items.iter().filter(|item| !is_omit(item)).cloned().map(without_omit).collect())
        }
        Value::Map(map) => Value::map(
            map.iter()
                .filter(|(_, item)| !is_omit(item))
                .map(|(key, item)| (key.clone(), without_omit(item.clone())))
                .collect::<Map>(),
        ),
        other => other,
    }
}

/// What leaves the template layer: data without `omit` members and without unknown results.
fn export(value: &V) -> Res<Value> {
    let value = value.to_value()?;
    match value.unknown() {
        Some(why) => Err(unknown(why)),
        None => Ok(without_omit(value)),
    }
}

/// What stands in place of a missing value where somebody looks at it.
fn told(error: TemplateError, missing: &mut Vec<TemplateError>) -> Value {
    let text = format!("<< error {} - {} >>", missing.len() + 1, error.message);
    missing.push(error);
    Value::str(text)
}

/// The value, with `told` for all that is missing in it.
fn to_show(value: &V, missing: &mut Vec<TemplateError>) -> Res<Value> {
    check_stack()?;
    match value {
        V::List(_) | V::Tuple(_) => {
            let items = value.items()?;
            let shown = items.iter().map(|item| to_show(item, missing));
            let shown = shown.filter(|item| !item.as_ref().is_ok_and(is_omit));
            Ok(Value::list(shown.collect::<Res<_>>()?))
        }
        V::Dict(dict) => {
            let mut map = Map::new();
            for (key, item) in dict.entries()? {
                let shown = to_show(&item, missing)?;
                if !is_omit(&shown) {
                    map.insert(key, shown);
                }
            }
            Ok(Value::map(map))
        }
        other => match other.to_value() {
            Err(error) if error.kind == TemplateErrorKind::Undefined => Ok(told(error, missing)),
            value => value,
        },
    }
}

impl Context {
    pub fn new(engine: &Arc<Engine>, scope: Arc<dyn Scope>, env: Arc<LookupEnv>) -> Self {
        let family = Arc::default();
        Self(Ctx(Inner::new(engine.clone(), scope, env, &family)), Arc::new(Owner(family)))
    }

    /// The term's value, all templates rendered, all the way down. Members that are `omit` are left out; a
    /// term that is nothing but `omit` gives that placeholder.
    ///
    /// # Errors
    /// See [`TemplateError`].
    pub fn render(&self, term: &Term) -> Result<Value, TemplateError> {
        let _stack = StackGuard::new();
        match term {
            Term::Const(value) | Term::Data(value) => match value.unknown() {
                Some(why) => Err(unknown(why)),
                None => Ok(value.clone()),
            },
            // No lazy collection is needed where everything is rendered at once.
            Term::List(terms) => {
                let mut out = Vec::with_capacity(terms.len());
                for term in terms.iter() {
                    let value = self.render(term)?;
                    if !is_omit(&value) {
                        out.push(value);
                    }
                }
                Ok(Value::list(out))
            }
            Term::Map(terms) => {
                let mut out = Map::with_capacity(terms.len());
                for (key, term) in terms.iter() {
                    let key = key.written();
                    let value = self.render(term)?;
                    if !is_omit(&value) {
                        out.insert(key, value);
                    }
                }
                Ok(Value::map(out))
            }
            Term::Template(template) => export(&self.0.value_of(term)?.need()?).map_err(|mut error| {
                if error.trace.is_empty() {
                    error.trace.push(template.source.span.clone());
                }
                error
            }),
        }
        .and_then(|value| match term {
            Term::Template(template) => self.distrusted(value, &template.source.span),
            _ => Ok(value),
        })
    }

    /// The value, unless it holds what looks like a template, and nobody wants that to pass.
    fn distrusted(&self, value: Value, place: &Span) -> Result<Value, TemplateError> {
        let engine = self.0.engine();
        match engine.settings().untrusted {
            Untrusted::Ignore => {}
            _ if !holds_template(&value) => {}
            Untrusted::Warn => {
                engine.warn(Diagnostic::warning("untrusted-template", UNTRUSTED).help(TRUST));
            }
            Untrusted::Refuse => {
                let error = TemplateError::new(TemplateErrorKind::Failed, UNTRUSTED, vec![place.clone()]);
                return Err(error.with_help(TRUST));
            }
        }
        Ok(value)
    }

    /// The expression's value.
    ///
    /// # Errors
    /// See [`TemplateError`].
    pub fn eval(&self, expr: &Expr) -> Result<Value, TemplateError> {
        let _stack = StackGuard::new();
        self.distrusted(export(&self.eval_lazy(expr)?)?, &expr.0.span)
    }

    /// The expression's value for somebody to look at: in place of each missing value stands what is said of it. Those are given, too.
    ///
    /// # Errors
    /// See [`TemplateError`]; but not for missing values.
    pub fn eval_to_show(&self, expr: &Expr) -> Result<(Value, Vec<TemplateError>), TemplateError> {
        let _stack = StackGuard::new();
        let mut missing = Vec::new();
        let value = match self.eval_lazy(expr) {
            Err(error) if error.kind == TemplateErrorKind::Undefined => told(error, &mut missing),
            value => to_show(&value?, &mut missing)?,
        };
        match value.unknown() {
            Some(why) => Err(unknown(why)),
            None => Ok((self.distrusted(without_omit(value), &expr.0.span)?, missing)),
        }
    }

    /// What an author wrote in the variable that a template names and does nothing else with.
    fn authored_variable(&self, template: &Template) -> Res<Option<Term>> {
        use super::syntax::ir::{Ex, Kind, Stmt};
        let program = template.program().map_err(TemplateError::clone)?;
        let [Stmt::Emit(Ex { kind: Kind::Var(name), .. })] = &program.body[..] else { return Ok(None) };
        Ok(match self.0.scope_get(name) {
            Some(Var::Term(term)) => Some(term),
            _ => None,
        })
    }

    /// The term that a template which only names a variable stands for, as its author wrote it; any other term as it is.
    pub fn authored(&self, term: &Term) -> Term {
        let mut term = term.clone();
        for _ in 0..DEEPEST {
            let Term::Template(template) = &term else { break };
            match self.authored_variable(template) {
                Ok(Some(inner)) => term = inner,
                _ => break,
            }
        }
        term
    }

    /// Whether there is a variable of that name.
    pub fn has(&self, name: &str) -> bool {
        self.0.has(name)
    }

    /// The names of all variables.
    pub fn names(&self) -> Vec<Arc<str>> {
        self.0.names()
    }

    /// A variable's value; `None` if there is none of that name.
    ///
    /// # Errors
    /// See [`TemplateError`].
    pub fn variable(&self, name: &str) -> Result<Option<Value>, TemplateError> {
        let _stack = StackGuard::new();
        match self.0.variable(name)? {
            Some(value) => export(&value.need()?).map(Some),
            None => Ok(None),
        }
    }

    /// A template file rendered to text.
    ///
    /// # Errors
    /// See [`TemplateError`].
    pub fn render_file(&self, template: &FileTemplate) -> Result<String, TemplateError> {
        let _stack = StackGuard::new();
        match self.0.render_file(template, &[])?.need()? {
            // Nothing but `None`, or nothing at all.
            V::None => Ok(String::new()),
            value @ (V::Tuple(_) | V::List(_) | V::Dict(_)) => Ok(py_str(&export(&value)?)),
            value => text(&value),
        }
    }

    /// A template file rendered as the `template` lookup does it: a file that is one expression alone gives
    /// that value.
    ///
    /// # Errors
    /// See [`TemplateError`].
    pub fn render_file_value(&self, template: &FileTemplate) -> Result<Value, TemplateError> {
        let _stack = StackGuard::new();
        export(&self.0.render_file(template, &[])?.need()?)
    }

    /// Runs a lookup by name, as `with_NAME` and `query` do: always a list.
    ///
    /// # Errors
    /// See [`TemplateError`]; an unknown name is `Failed`.
    pub fn lookup(&self, name: &str, terms: &[Value], options: &Value) -> Result<Vec<Value>, TemplateError> {
        let _stack = StackGuard::new();
        let source = Arc::new(Source::nowhere());
        let mut eval = Eval::new(&self.0, &source);
        let mut args = Args::of(terms.iter().map(V::from_value).collect::<Res<_>>()?);
        if let Value::Map(map) = options {
            for (key, value) in map.iter() {
                if let Value::Str(key) = key {
                    args.named.push((key.clone(), V::from_value(value)?));
                }
            }
        }
        lookups::run(&mut eval, name, args)?.iter().map(export).collect()
    }

    /// Everything the engine had to warn about since the last call.
    pub fn take_warnings(&self) -> Vec<Diagnostic> {
        self.0.engine().take_warnings()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::yaml::parse_text;

    /// A mapping that is lazy, and a view of the same variables.
    struct Vars(Term);

    impl Scope for Vars {
        fn get(&self, name: &str) -> Option<Var> {
            match name {
                "lazy" => Some(Var::Term(self.0.clone())),
                "view" => Some(Var::Scope(Arc::new(Vars(self.0.clone())))),
                _ => None,
            }
        }

        fn names(&self) -> Vec<Arc<str>> {
            vec!["lazy".into(), "view".into()]
        }
    }

    #[test]
    fn nothing_is_kept_when_a_context_goes() {
        let engine = Engine::new();
        let term = |text: &str| engine.compile(&parse_text("test", text).expect("valid").node);
        let scope = Arc::new(Vars(term("{a: '{{ 1 + 1 }}'}")));
        let context = Context::new(&engine, scope.clone(), Arc::default());
        let copy = context.clone();
        let value = context.render(&term("'{{ lazy.a }} {{ view.lazy.a }} {{ view.view.lazy.a }}'"));
        assert_eq!(value.expect("renders"), Value::str("2 2 2"));
        drop(context);
        assert!(copy.render(&term("'{{ lazy.a }}'")).is_ok());
        drop(copy);
        assert_eq!(Arc::strong_count(&scope), 1);
    }
}
