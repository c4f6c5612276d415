//! Compiling.

use super::object::{Res, V};
use super::syntax::ir::Program;
use super::syntax::{self, Named, Problem, Source, Syntax};
use super::{TemplateError, TemplateErrorKind, Term, filters, lookups, tests};
use crate::diag::{Diagnostic, Severity, SourceFile, Span, did_you_mean};
use crate::source::vault::{self, Vault};
use crate::source::{Node, NodeKind};
use crate::value::marks::{self, Mark};
use crate::value::{Map, Value};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::SystemTime;

/// Choices that hold for a whole run.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Conditions that are not boolean are taken by their truth, with a warning
    /// (`ALLOW_BROKEN_CONDITIONALS`).
    pub allow_broken_conditionals: bool,
    /// Templates in the texts of expressions are texts (`ALLOW_EMBEDDED_TEMPLATES` is off).
    pub plain_constants: bool,
    /// What becomes of a text that looks like a template and was written by no author.
    pub untrusted: Untrusted,
    /// Opens encrypted variables and files.
    pub vault: Arc<Vault>,
    /// Whether there is a module or action of a name; nobody knows where this is not given.
    pub is_module: Option<fn(&str) -> bool>,
    /// Where options of lookups are set.
    pub config: Option<Arc<crate::source::settings::Settings>>,
}

/// Such a text is never rendered; some want to know where one comes along.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Untrusted {
    #[default]
    Ignore,
    Warn,
    Refuse,
}

/// Filters, calls and loop rounds of one rendering, unless the engine was made with another number.
const STEPS: u64 = 10_000_000;

/// A template file, and when it was changed last.
type CachedFile = (Option<SystemTime>, Arc<FileTemplate>);

/// The template language: filters, tests, lookups, settings. One for a whole run.
pub struct Engine {
    settings: Settings,
    pub(super) steps: u64,
    warnings: Mutex<Vec<Diagnostic>>,
    files: Mutex<HashMap<PathBuf, CachedFile>>,
    routes: OnceLock<Routes>,
}

/// Where the full name of a plugin of a collection leads.
pub struct PluginRoute {
    /// The name it has now.
    pub name: String,
    /// What is to be said of the one it was asked for by.
    pub notes: Vec<Diagnostic>,
    /// Why it leads nowhere.
    pub end: Option<String>,
}

/// What collections say of their plugins.
type Routes = Box<dyn Fn(Named, &str) -> PluginRoute + Send + Sync>;

/// A text with `{{ }}`, `{% %}` or `{# #}` in it, compiled when first needed.
pub struct Template {
    pub(super) source: Arc<Source>,
    program: OnceLock<Result<Program, TemplateError>>,
    /// Newlines at the end of the text: Jinja drops one, Ansible puts it back.
    newlines: usize,
    /// The encrypted text that it stands for, where that could not be opened.
    pub(super) sealed: Option<Arc<str>>,
}

/// A template file (the `template` action and lookup), with its own whitespace options.
pub struct FileTemplate {
    pub(super) source: Arc<Source>,
    pub(super) program: Program,
}

impl Term {
    /// A template that stands in a text of an expression; its place is that of the expression.
    pub(super) fn embedded(text: &str) -> Self {
        Term::Template(Arc::new(Template::new(text, &Span::synthetic("<expression>", text))))
    }
}

impl Template {
    pub(super) fn new(text: &str, span: &Span) -> Self {
        let source = Source::of_text(text, span);
        let newlines = trailing_newlines(text);
        Self { source: Arc::new(source), program: OnceLock::new(), newlines, sealed: None }
    }

    /// An encrypted text that cannot be opened: using it is an error.
    fn closed(span: &Span, sealed: Arc<str>, message: String) -> Self {
        let template = Self { sealed: Some(sealed), ..Self::new("", span) };
        let kind = TemplateErrorKind::Failed;
        let error = TemplateError::new(kind, message, vec![span.clone()]);
        // A cell that was made a moment ago is empty.
        let _ = template.program.set(Err(error));
        template
    }

    pub(super) fn text(&self) -> &str {
        &self.source.text
    }

    pub(super) fn program(&self) -> Result<&Program, &TemplateError> {
        let compiled = self.program.get_or_init(|| {
            syntax::template(&self.source.text, &self.source.syntax)
                .map_err(|problems| self.source.error("template", problems))
        });
        compiled.as_ref()
    }

    pub(super) fn with_newlines(&self, value: V) -> V {
        with_newlines(value, self.newlines)
    }
}

/// A text with at least as many newlines at its end as its template has.
pub(super) fn with_newlines(value: V, newlines: usize) -> V {
    match &value {
        V::Str(text) if newlines > 0 => {
            let has = trailing_newlines(text);
            if has >= newlines {
                return value;
            }
            V::from(format!("{text}{}", "\n".repeat(newlines - has)))
        }
        _ => value,
    }
}

pub(super) fn trailing_newlines(text: &str) -> usize {
    text.len() - text.trim_end_matches('\n').len()
}

pub(super) fn default_syntax() -> &'static Arc<Syntax> {
    static SYNTAX: OnceLock<Arc<Syntax>> = OnceLock::new();
    SYNTAX.get_or_init(Arc::default)
}

impl Source {
    /// A text inside a file, with the usual delimiters.
    pub(super) fn of_text(text: &str, span: &Span) -> Self {
        Self {
            text: text.into(),
            span: span.clone(),
            whole_file: false,
            first_line: 1,
            syntax: default_syntax().clone(),
        }
    }

    /// For lookups that no template asked for.
    pub(super) fn nowhere() -> Self {
        Self::of_text("", &Span::synthetic("<unknown>", ""))
    }

    fn error(&self, what: &str, problems: Vec<Problem>) -> TemplateError {
        let first = problems.into_iter().next();
        let (message, pos) = first.map_or_else(Default::default, |p| (p.message, p.pos));
        let message = format!("Syntax error in {what}: {message}");
        TemplateError::new(TemplateErrorKind::Syntax, message, vec![self.place(pos)])
    }
}

/// The code of syntax errors in templates and expressions.
pub(super) const SYNTAX: &str = "template-syntax";

/// The codes of names that nobody knows.
pub(super) const UNKNOWN: [&str; 3] = ["unknown-filter", "unknown-test", "unknown-lookup"];

pub(super) fn diagnostic(what: &str, source: &Source, problem: &Problem) -> Diagnostic {
    let place = source.place(problem.pos);
    let summary = format!("Syntax error in {what}: {}", problem.message);
    let Some((kind, name)) = &problem.unknown else {
        return Diagnostic::error(SYNTAX, summary).at(&place);
    };
    let (code, near) = match kind {
        Named::Filter => (UNKNOWN[0], did_you_mean(filters::short_name(name), filters::names())),
        Named::Test => (UNKNOWN[1], did_you_mean(filters::short_name(name), tests::names())),
        Named::Lookup => (UNKNOWN[2], did_you_mean(filters::short_name(name), lookups::names())),
    };
    let summary = match kind {
        Named::Lookup => problem.message.clone(),
        _ => summary,
    };
    let severity = if problem.doubtful { Severity::Warning } else { Severity::Error };
    let found = Diagnostic::new(severity, code, summary).at(&place);
    match near {
        Some(near) => found.help(format!("did you mean `{near}`?")),
        // Plugins of collections are Python, but for those that are built in.
        None if name.contains('.') && !name.starts_with("ansible.builtin.") => {
            found.help("it is not among the plugins of collections that are built in")
        }
        None => found,
    }
}

/// Whether a text must be rendered.
pub(super) fn is_template(text: &str) -> bool {
    text.contains('{') && (text.contains("{{") || text.contains("{%") || text.contains("{#"))
}

impl Engine {
    pub fn new() -> Arc<Self> {
        Self::with_settings(Settings::default())
    }

    pub fn with_settings(settings: Settings) -> Arc<Self> {
        Self::with_limit(settings, STEPS)
    }

    /// `steps`: filters, calls and loop rounds that one rendering may take; more is taken to be endless.
    pub fn with_limit(settings: Settings, steps: u64) -> Arc<Self> {
        let (warnings, files, routes) = Default::default();
        Arc::new(Self { settings, steps, warnings, files, routes })
    }

    /// Says how to ask collections for other names of their plugins; the first word counts.
    pub fn set_routes(&self, routes: impl Fn(Named, &str) -> PluginRoute + Send + Sync + 'static) {
        let _ = self.routes.set(Box::new(routes));
    }

    /// The name that a plugin has now; what there is to say of the old one is said.
    pub(super) fn route(&self, named: Named, name: &str) -> Result<String, TemplateError> {
        let Some(routes) = self.routes.get() else { return Ok(name.to_owned()) };
        let route = routes(named, name);
        route.notes.into_iter().for_each(|note| self.warn(note));
        match route.end {
            None => Ok(route.name),
            Some(why) => {
                let message = format!("The {} plugin '{name}' failed to load: {why}", named.word());
                // It is as if the text could not be read.
                Err(TemplateError::new(TemplateErrorKind::Syntax, message, vec![]))
            }
        }
    }

    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Something to warn about, once for the whole run.
    pub fn warn(&self, warning: Diagnostic) {
        let mut warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        if !warnings.contains(&warning) {
            warnings.push(warning);
        }
    }

    /// Everything there was to warn about since the last call, each thing once.
    pub fn take_warnings(&self) -> Vec<Diagnostic> {
        std::mem::take(&mut *self.warnings.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The value that a node means. Never fails: a syntax error is kept and reported when the template is
    /// rendered, or by [`Engine::check`].
    pub fn compile(&self, node: &Node) -> Term {
        match &node.kind {
            NodeKind::Str(text) if is_template(text) => {
                Term::Template(Arc::new(Template::new(text, &node.span)))
            }
            NodeKind::List(items) => {
                let terms: Vec<Term> = items.iter().map(|item| self.compile(item)).collect();
                if terms.iter().all(|term| matches!(term, Term::Const(_))) {
                    Term::Const(Value::list(terms.into_iter().map(constant).collect()))
                } else {
                    Term::List(terms.into())
                }
            }
            NodeKind::Map(entries) => {
                let terms: Vec<(Term, Term)> =
                    entries.iter().map(|(key, value)| (self.compile(key), self.compile(value))).collect();
                let is_const = |term: &Term| matches!(term, Term::Const(_));
                if terms.iter().all(|(key, value)| is_const(key) && is_const(value)) {
                    let entries = terms.into_iter().map(|(key, value)| (constant(key), constant(value)));
                    Term::Const(Value::map(entries.collect::<Map>()))
                } else {
                    Term::Map(terms.into())
                }
            }
            NodeKind::Unsafe(_) => Term::Data(node.to_value()),
            NodeKind::Vault(sealed) => match self.settings.vault.decrypt(sealed) {
                Ok((plain, _)) => {
                    let text: Arc<str> = String::from_utf8_lossy(&plain).into();
                    marks::mark(&text, Mark::Vaulted(sealed.clone()));
                    self.compile(&Node::new(NodeKind::Str(text), node.span.clone()))
                }
                Err(error) => {
                    let message = format!("Attempt to use undecryptable variable: {error}");
                    Term::Template(Arc::new(Template::closed(&node.span, sealed.clone(), message)))
                }
            },
            NodeKind::Str(text) => {
                marks::author_at(text, Some(&node.span));
                Term::Const(Value::Str(text.clone()))
            }
            _ => Term::Const(node.to_value()),
        }
    }

    /// The content of a file of the control machine, decrypted if it is a vault.
    ///
    /// # Errors
    /// It cannot be read or decrypted; one sentence.
    pub fn read_file(&self, path: &Path) -> Result<Vec<u8>, String> {
        let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
        if !vault::is_encrypted(&bytes) {
            return Ok(bytes);
        }
        let opened = self.settings.vault.decrypt(&String::from_utf8_lossy(&bytes));
        opened.map(|(plain, _)| plain).map_err(|error| format!("{error} for {}", path.display()))
    }

    /// Every syntax error, unknown filter and unknown test in a term, with what was meant where that can be
    /// guessed; as warnings those that matter only if a branch is taken.
    pub fn check(&self, term: &Term) -> Vec<Diagnostic> {
        match term {
            Term::Const(_) | Term::Data(_) => Vec::new(),
            Term::List(terms) => terms.iter().flat_map(|term| self.check(term)).collect(),
            Term::Map(terms) => terms
                .iter()
                .flat_map(|(key, value)| {
                    let mut found = self.check(key);
                    found.extend(self.check(value));
                    found
                })
                .collect(),
            Term::Template(template) => match template.program() {
                Ok(program) => program
                    .suspects
                    .iter()
                    .map(|problem| diagnostic("template", &template.source, problem))
                    .collect(),
                // All problems, where running it would only tell the first.
                Err(_) => match syntax::template(&template.source.text, &template.source.syntax) {
                    Ok(_) => Vec::new(),
                    Err(problems) => {
                        problems.iter().map(|p| diagnostic("template", &template.source, p)).collect()
                    }
                },
            },
        }
    }

    /// The problem of a lookup (`with_NAME`) that there is not.
    pub fn check_lookup(&self, name: &str, span: &Span) -> Option<Diagnostic> {
        if lookups::exists(name) {
            return None;
        }
        let summary = format!("The lookup plugin '{name}' was not found.");
        let found = Diagnostic::error(UNKNOWN[2], summary).at(span);
        Some(match did_you_mean(filters::short_name(name), lookups::names()) {
            Some(near) => found.help(format!("did you mean `with_{near}`?")),
            None => found,
        })
    }

    /// A template file's text; `options` are the `template` module's (`trim_blocks`, `lstrip_blocks`,
    /// `variable_start_string`, …), over which a `#jinja2:` header wins.
    ///
    /// # Errors
    /// Syntax errors, unknown filters and tests, with their place in the file.
    pub fn compile_file(&self, path: &Path, text: &str, options: &Value) -> Result<FileTemplate, Diagnostic> {
        let mut syntax = Syntax { raw_strings: false, ..Syntax::default() };
        if let Value::Map(options) = options {
            for (name, value) in options.iter() {
                apply_option(&mut syntax, name.as_str().unwrap_or(""), value);
            }
        }
        let mut body = text;
        let mut first_line = 1;
        if let Some(header) = text.strip_prefix("#jinja2:") {
            let (line, rest) = header.split_once('\n').unwrap_or((header, ""));
            for part in line.split(',') {
                let refused = |words: String| {
                    let file = Arc::new(SourceFile { path: path.to_owned(), text: text.into() });
                    Diagnostic::error(SYNTAX, format!("Syntax error in template: {words}"))
                        .at(&Span::new(&file, 1, 1, 0))
                };
                if part.trim().is_empty() {
                    return Err(refused("Empty '#jinja2:' override pair not allowed.".into()));
                }
                let Some((name, value)) = part.split_once(':') else {
                    let words =
                        format!("Missing key-value separator `:` in '#jinja2:' override pair '{part}'.");
                    return Err(refused(words));
                };
                if !OPTIONS.contains(&name.trim()) {
                    return Err(refused(format!("Invalid '#jinja2:' override key '{}'.", name.trim())));
                }
                apply_option(&mut syntax, name.trim(), &literal(value.trim()));
            }
            body = rest;
            first_line = 2;
        }
        let file = Arc::new(SourceFile { path: path.to_owned(), text: text.into() });
        let source = Source {
            text: body.into(),
            span: Span::new(&file, 1, 1, 0),
            whole_file: true,
            first_line,
            syntax: Arc::new(syntax),
        };
        match syntax::template(body, &source.syntax) {
            Ok(program) => Ok(FileTemplate { source: Arc::new(source), program }),
            Err(problems) => Err(problems.first().map_or_else(
                || Diagnostic::error(SYNTAX, "Syntax error in template"),
                |problem| diagnostic("template", &source, problem),
            )),
        }
    }

    /// A template that another one includes, with the options of that one; compiled once while unchanged.
    pub(super) fn load_file(&self, path: &Path, syntax: &Arc<Syntax>) -> Res<Arc<FileTemplate>> {
        let changed = std::fs::metadata(path).and_then(|meta| meta.modified()).ok();
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, file)) = files.get(path)
            && *known == changed
            && Arc::ptr_eq(&file.source.syntax, syntax)
        {
            return Ok(file.clone());
        }
        let text = self.read_file(path).map_err(|error| {
            super::object::failed(format!("Unable to read the template '{}': {error}", path.display()))
        })?;
        let text = String::from_utf8_lossy(&text).into_owned();
        let source = Source {
            text: text.as_str().into(),
            span: Span::new(&Arc::new(SourceFile { path: path.to_owned(), text: text.into() }), 1, 1, 0),
            whole_file: true,
            first_line: 1,
            syntax: syntax.clone(),
        };
        let program = syntax::template(&source.text, syntax).map_err(|p| source.error("template", p))?;
        let file = Arc::new(FileTemplate { source: Arc::new(source), program });
        files.insert(path.to_owned(), (changed, file.clone()));
        Ok(file)
    }
}

fn constant(term: Term) -> Value {
    match term {
        Term::Const(value) => value,
        _ => Value::Null,
    }
}

/// A Python literal of a `#jinja2:` header.
fn literal(text: &str) -> Value {
    match text {
        "True" | "true" | "yes" => Value::Bool(true),
        "False" | "false" | "no" => Value::Bool(false),
        other => {
            let inner = other
                .strip_prefix('\'')
                .and_then(|rest| rest.strip_suffix('\''))
                .or_else(|| other.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')));
            // A quoted `'True'` counts as true as well.
            match inner {
                Some("True") => Value::Bool(true),
                Some("False") => Value::Bool(false),
                Some(inner) => Value::str(inner),
                None => Value::str(other),
            }
        }
    }
}

/// What a `#jinja2:` header may say.
const OPTIONS: &[&str] = &[
    "block_end_string",
    "block_start_string",
    "comment_end_string",
    "comment_start_string",
    "keep_trailing_newline",
    "line_comment_prefix",
    "line_statement_prefix",
    "lstrip_blocks",
    "newline_sequence",
    "trim_blocks",
    "variable_end_string",
    "variable_start_string",
];

fn apply_option(syntax: &mut Syntax, name: &str, value: &Value) {
    let flag = value.ansible_bool();
    let text = value.as_str().filter(|text| !text.is_empty());
    match name {
        "trim_blocks" => syntax.trim_blocks = flag.unwrap_or(syntax.trim_blocks),
        "lstrip_blocks" => syntax.lstrip_blocks = flag.unwrap_or(syntax.lstrip_blocks),
        "keep_trailing_newline" => {
            syntax.keep_trailing_newline = flag.unwrap_or(syntax.keep_trailing_newline)
        }
        _ => {
            let slot = match name {
                "block_start_string" => &mut syntax.block.0,
                "block_end_string" => &mut syntax.block.1,
                "variable_start_string" => &mut syntax.variable.0,
                "variable_end_string" => &mut syntax.variable.1,
                "comment_start_string" => &mut syntax.comment.0,
                "comment_end_string" => &mut syntax.comment.1,
                "line_statement_prefix" => &mut syntax.line.0,
                "line_comment_prefix" => &mut syntax.line.1,
                _ => return,
            };
            if let Some(text) = text {
                text.clone_into(slot);
            }
        }
    }
}

impl Engine {
    /// A term as its author wrote it, for names that cannot be rendered.
    pub fn source_of(&self, term: &Term) -> String {
        match term {
            Term::Template(template) => template.source.text.to_string(),
            Term::Const(value) | Term::Data(value) => crate::value::py_str(value),
            Term::List(_) | Term::Map(_) => String::new(),
        }
    }
}
