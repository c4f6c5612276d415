//! What is known of a play before it has hosts, for names of what is imported and for the play's own keywords; and its
//! `vars_files`.

use super::level::{Attr, Level, LevelKind, Vars};
use super::loader::Loader;
use super::play::Play;
use super::role::Role;
use crate::diag::{Diagnostic, Span};
use crate::template::{Context, LookupEnv, TemplateErrorKind};
use crate::value::{Value, py_str};
use crate::vars::{Exported, PlayScope, TaskScope, Terms};
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// No host: what is seen without one.
const NOBODY: &str = "";

/// The play that is being loaded, or that runs.
pub(super) struct Current {
    scope: Arc<PlayScope>,
    level: Arc<Level>,
    vars_files: Vec<Attr>,
    directory: PathBuf,
    /// Its `vars_files` were read, as far as they do not depend on a host.
    read: AtomicBool,
    /// It runs: what includes bring along is added by who includes it.
    runs: bool,
}

/// What the whole play sees of a role that is public.
pub fn exported(role: &Role) -> Exported {
    Exported { name: role.name.as_str().into(), vars: role.vars.clone(), defaults: role.defaults.clone() }
}

impl Loader {
    /// The play that is loaded from here on.
    pub(super) fn begin(&self, level: &Arc<Level>, name: &str, vars_files: Vec<Attr>, directory: &Path) {
        self.enter_play(Some(Current {
            scope: Arc::new(PlayScope::new(name, level.clone())),
            level: level.clone(),
            vars_files,
            directory: directory.to_owned(),
            read: AtomicBool::new(false),
            runs: false,
        }));
    }

    /// The play that runs from here on: names of what its includes import are rendered in its scope. Reads `vars_files` as far
    /// as they do not depend on a host.
    ///
    /// # Errors
    /// An entry of `vars_files` that names no file, or a file that cannot be read.
    pub fn run_play(&self, play: &Play, scope: &Arc<PlayScope>) -> Result<(), Diagnostic> {
        let read = scope.vars_files.read().is_ok_and(|files| files.contains_key(NOBODY));
        self.enter_play(Some(Current {
            scope: scope.clone(),
            level: play.level.clone(),
            vars_files: play.vars_files.clone(),
            directory: play.directory.clone(),
            read: AtomicBool::new(read),
            runs: true,
        }));
        self.read_known()
    }

    pub(super) fn enter_play(&self, play: Option<Current>) {
        if let Ok(mut current) = self.current.write() {
            *current = play.map(Arc::new);
        }
    }

    fn current(&self) -> Option<Arc<Current>> {
        self.current.read().ok()?.clone()
    }

    /// From here on the play that is being loaded sees these roles' variables.
    pub(super) fn export(&self, roles: &[Arc<Role>]) {
        let Some(current) = self.current().filter(|current| !current.runs) else { return };
        if let Ok(mut slot) = current.scope.exported.write() {
            let public = roles.iter().filter(|role| role.public).flat_map(Role::with_dependencies);
            *slot = Arc::new(slot.iter().cloned().chain(public.map(|role| exported(&role))).collect());
        }
    }

    /// What is known where there is no host, to what stands at a level.
    pub(super) fn known_context(&self, level: &Arc<Level>) -> Context {
        let scope = self.current().map(|current| current.scope.clone());
        self.context_of(level, scope)
    }

    fn context_of(&self, level: &Arc<Level>, scope: Option<Arc<PlayScope>>) -> Context {
        let mut view = TaskScope::host(&self.store, NOBODY, &self.magic);
        view.layers = Some(level.clone());
        view.play = scope;
        let env = LookupEnv { playbook_dir: self.directory(), ..LookupEnv::default() };
        Context::new(&self.engine, Arc::new(view), Arc::new(env))
    }

    /// Looks at the variables that a play itself sees, those that are asked for included.
    pub fn look_at_play(&self, play: &Play) {
        self.look(&play.level);
        let prompts = play.prompts.iter().map(|prompt| (prompt.name.as_str(), Some(&prompt.place)));
        self.store.reserved(prompts).into_iter().for_each(|warning| self.problem(warning));
    }

    /// Looks at the variables that a level of the current play sees: reads `vars_files` and tells of names that variables should
    /// not have. Ansible does so whenever it needs variables.
    pub fn look(&self, level: &Level) {
        if let Err(problem) = self.read_known() {
            self.problem(problem);
        }
        let mut found: Vec<(&str, Option<&Span>)> = Vec::new();
        let current = self.current();
        let scope = current.as_ref().map(|current| &current.scope);
        let exported = scope.and_then(|scope| Some(scope.exported.read().ok()?.clone())).unwrap_or_default();
        let files = scope.and_then(|scope| scope.vars_files.read().ok()?.get(NOBODY).cloned());
        let role: Vec<Arc<Role>> = level.role.iter().flat_map(Role::with_dependencies).collect();
        let mut levels: Vec<&Level> = level.chain().collect();
        levels.reverse();
        let (plays, inner): (Vec<&Level>, Vec<&Level>) =
            levels.into_iter().partition(|level| level.kind == LevelKind::Play);
        // In the order in which they win, what loses first.
        exported.iter().for_each(|role| found.extend(role.defaults.reserved()));
        role.iter().for_each(|role| found.extend(role.defaults.reserved()));
        plays.iter().for_each(|level| found.extend(level.vars.reserved()));
        files.iter().flat_map(|files| files.iter()).for_each(|file| found.extend(file.reserved()));
        exported.iter().for_each(|role| found.extend(role.vars.reserved()));
        role.iter().for_each(|role| found.extend(role.vars.reserved()));
        // Of a task or block, these two are no variables to Ansible.
        let told = |(name, _): &(&str, Option<&Span>)| !matches!(*name, "tags" | "when");
        inner.iter().for_each(|level| found.extend(level.vars.reserved().filter(told)));
        role.iter().for_each(|role| found.extend(role.params.reserved()));
        found.extend(self.store.extra.reserved());
        let mut names = HashSet::new();
        found.retain(|(name, _)| names.insert(*name));
        for warning in self.store.reserved(found.into_iter()) {
            self.problem(warning);
        }
    }

    /// Reads the current play's `vars_files`, as far as they do not depend on a host.
    fn read_known(&self) -> Result<(), Diagnostic> {
        let Some(current) = self.current() else { return Ok(()) };
        if current.read.swap(true, Ordering::Relaxed) {
            return Ok(());
        }
        let context = |_: &str| self.context_of(&current.level, Some(current.scope.clone()));
        let hosts = [NOBODY.to_owned()];
        self.vars_files(&current.vars_files, &current.directory, &current.scope, &hosts, &context)
    }

    /// Reads `vars_files` for each host, since names may hold its variables. A list in the list means the first file that exists.
    ///
    /// # Errors
    /// An entry that names no file, or a file that cannot be read.
    pub fn read_vars_files(
        &self,
        play: &Play,
        scope: &Arc<PlayScope>,
        hosts: &[String],
        context: &dyn Fn(&str) -> Context,
    ) -> Result<(), Diagnostic> {
        self.vars_files(&play.vars_files, &play.directory, scope, hosts, context)
    }

    fn vars_files(
        &self,
        entries: &[Attr],
        directory: &Path,
        scope: &Arc<PlayScope>,
        hosts: &[String],
        context: &dyn Fn(&str) -> Context,
    ) -> Result<(), Diagnostic> {
        if entries.is_empty() {
            return Ok(());
        }
        let mut cache: HashMap<PathBuf, Arc<Terms>> = HashMap::new();
        for host in hosts {
            let context = context(host);
            let mut found = Vec::new();
            let keep = |found: &[Arc<Terms>]| {
                if let Ok(mut slot) = scope.vars_files.write() {
                    slot.insert(Arc::from(host.as_str()), Arc::new(found.to_vec()));
                }
            };
            for attr in entries {
                let Some(path) = self.vars_file_of(attr, directory, &context)? else { continue };
                if let Some(terms) = cache.get(&path) {
                    found.push(terms.clone());
                } else {
                    let terms = Arc::new(self.load_vars_file(&path)?);
                    cache.insert(path, terms.clone());
                    found.push(terms);
                }
                // The next one's name may depend on what this one says.
                keep(&found);
            }
            // Read anew, there may be none where there were some.
            keep(&found);
        }
        Ok(())
    }

    /// The file that an entry of `vars_files` means; `None` if it depends on what is not known or is not there, which is said.
    fn vars_file_of(
        &self,
        attr: &Attr,
        directory: &Path,
        context: &Context,
    ) -> Result<Option<PathBuf>, Diagnostic> {
        let Some(value) = rendered(attr, context)? else {
            let text = "skipping vars_files item due to an undefined variable";
            self.problem(Diagnostic::warning("vars-files", text).at(&attr.span));
            return Ok(None);
        };
        let candidates = file_names(attr, &value)?;
        let paths = file_paths(directory, &candidates);
        let found = paths.iter().find(|path| path.exists()).cloned();
        if found.is_none() && !candidates.is_empty() {
            let searched: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
            // ansible-core 2.19 goes on without a word.
            let message = format!("vars file {} was not found", candidates.join(", "));
            self.problem(
                Diagnostic::warning("vars-file-not-found", message)
                    .at(&attr.span)
                    .help(format!("searched: {}", searched.join(", "))),
            );
        }
        Ok(found)
    }

    fn load_vars_file(&self, path: &Path) -> Result<Terms, Diagnostic> {
        let loaded = self.read_vars(path).map_err(|problem| {
            if problem.code == "unreadable-file" {
                return problem;
            }
            let why = problem.summary.trim_end_matches(&format!(" for {}", path.display()));
            let summary = format!("Invalid vars_files file '{}': {why}", path.display());
            Diagnostic { summary, code: "vars-file", ..problem }
        })?;
        self.put_back(loaded.warnings);
        let entries = loaded.node.as_map().unwrap_or_default().iter();
        let terms: Vars = entries
            .map(|(key, node)| {
                (Arc::from(py_str(&key.to_value())), self.engine.compile(node), Some(key.span.clone()))
            })
            .collect();
        Ok(terms)
    }

    /// Tells of names in the `vars_files` of a host that variables should not have.
    pub fn look_at_files(&self, scope: &PlayScope, host: &str) {
        let files = scope.vars_files.read().ok().and_then(|files| files.get(host).cloned());
        for file in files.iter().flat_map(|files| files.iter()) {
            self.store.reserved(file.reserved()).into_iter().for_each(|warning| self.problem(warning));
        }
    }
}

/// What an entry of `vars_files` says; `None` where it depends on what is not there yet.
///
/// # Errors
/// It is no template.
fn rendered(attr: &Attr, context: &Context) -> Result<Option<Value>, Diagnostic> {
    match context.render(&attr.term) {
        Err(error) if error.kind == TemplateErrorKind::Syntax => {
            let place = error.trace.first().unwrap_or(&attr.span);
            Err(Diagnostic::error("vars-files", &*error.message).at(place))
        }
        rendered => Ok(rendered.ok()),
    }
}

/// Where these files of `vars_files` may be.
fn file_paths(directory: &Path, names: &[String]) -> Vec<PathBuf> {
    let paths = names.iter().flat_map(|name| [directory.join("vars").join(name), directory.join(name)]);
    // Without a slash at the end, where a name is empty.
    paths.map(|path| path.components().collect()).collect()
}

/// The files of which an entry of `vars_files` means the first that is there.
///
/// # Errors
/// It is neither a text nor a list of texts (which nobody but an author can make it).
fn file_names(attr: &Attr, value: &Value) -> Result<Vec<String>, Diagnostic> {
    let items = match value {
        Value::List(items) if attr.term.items().is_some() => items,
        Value::Null => return Ok(vec![]),
        other => std::slice::from_ref(other),
    };
    match items.iter().find(|item| item.as_str().is_none()) {
        Some(other) => {
            let text = format!("Invalid `vars_files` value of type '{}'.", other.type_name());
            let help = "A `vars_files` value should either be a string or list of strings.";
            Err(Diagnostic::error("vars-files-type", text).at(&attr.span).help(help))
        }
        None => Ok(items.iter().map(py_str).collect()),
    }
}
