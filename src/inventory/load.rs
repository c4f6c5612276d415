//! Inventory sources: which reader takes which.

use super::files::VarsFiles;
use super::model::{ALL, Inventory, UNGROUPED, Vars};
use super::pattern::{Mismatch, is_localhost};
use super::{ini, layers, plugins, range, script, structured, toml};
use crate::diag::{Diagnostic, Diagnostics, Severity, Span};
use crate::source::{Node, NodeKind, Settings, yaml};
use crate::template::Engine;
use crate::value::{Value, str_repr};
use crate::vars::{Terms, VARIABLE_NAMES, is_word};
use fancy_regex::Regex;
use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

/// Loads the sources of `-i` (or of the setting `DEFAULT_HOST_LIST` when there are none): files, folders,
/// programs, lists of hosts with a comma in them.
///
/// # Errors
/// Only where the settings make an unreadable source an error; otherwise it is a warning, as in Ansible.
pub fn load(sources: &[String], settings: &Settings) -> Result<(Inventory, Diagnostics), Diagnostics> {
    load_with(sources, settings, &Given::default())
}

/// What inventories may need of the command line.
pub struct Given {
    /// Knows the vault passwords.
    pub reader: yaml::Reader,
    pub engine: Arc<Engine>,
    /// `-e`, for plugins that are told to use them.
    pub extra: Arc<Terms>,
}

impl Default for Given {
    fn default() -> Self {
        Self { reader: yaml::Reader::default(), engine: Engine::new(), extra: Arc::default() }
    }
}

/// As [`load`], with vault passwords and variables.
///
/// # Errors
/// See [`load`]; the error comes after what there was to warn of before it.
pub fn load_with(
    sources: &[String],
    settings: &Settings,
    given: &Given,
) -> Result<(Inventory, Diagnostics), Diagnostics> {
    let mut diagnostics = Vec::new();
    match read(sources, settings, given, &mut diagnostics) {
        Ok(inventory) => Ok((inventory, diagnostics)),
        Err(error) => {
            diagnostics.push(error);
            Err(diagnostics)
        }
    }
}

fn read(
    sources: &[String],
    settings: &Settings,
    given: &Given,
    diagnostics: &mut Diagnostics,
) -> Result<Inventory, Diagnostic> {
    let mut inventory = Inventory {
        merge_hashes: settings.str("DEFAULT_HASH_BEHAVIOUR") == Some("merge"),
        precedence: precedence(settings, diagnostics),
        mismatch: match settings.str("HOST_PATTERN_MISMATCH") {
            Some("error") => Mismatch::Error,
            Some("ignore") => Mismatch::Ignore,
            _ => Mismatch::Warning,
        },
        files: Arc::new(VarsFiles::new(settings.list("YAML_FILENAME_EXTENSIONS"), given.reader.clone())),
        ..Inventory::default()
    };
    let configured = settings.list("DEFAULT_HOST_LIST");
    let sources = if sources.is_empty() { &configured } else { sources };
    let mut patterns = Vec::new();
    for pattern in settings.list("INVENTORY_IGNORE_PATTERNS").iter().filter(|pattern| !pattern.is_empty()) {
        patterns.push(Regex::new(pattern).map_err(|error| {
            Diagnostic::error(
                "invalid-setting",
                format!("Invalid value '{pattern}' for config 'INVENTORY_IGNORE_PATTERNS': {error}"),
            )
        })?);
    }
    let mut loading = Loading {
        inventory: &mut inventory,
        reader: &given.reader,
        engine: given.engine.clone(),
        extra: given.extra.clone(),
        use_extra_vars: settings.bool("INVENTORY_USE_EXTRA_VARS"),
        diagnostics,
        source: Source::default(),
        known_groups: 0,
        enabled: settings
            .list("INVENTORY_ENABLED")
            .iter()
            .map(|name| plugins::short(name).to_owned())
            .collect(),
        extensions: settings.list("YAML_FILENAME_EXTENSIONS"),
        ignored_extensions: settings.list("INVENTORY_IGNORE_EXTS"),
        ignored_patterns: patterns,
        any_is_failed: settings.bool("INVENTORY_ANY_UNPARSED_IS_FAILED"),
        show_stderr: settings.bool("script.always_show_stderr"),
        group_names: settings.str("TRANSFORM_INVALID_GROUP_CHARS").unwrap_or("never").to_owned(),
        bad_group_name: false,
        clashes: BTreeSet::new(),
    };
    loading.forget_unknown_plugins()?;
    let mut parsed = false;
    for source in sources {
        let is_list = source.contains(',') && !Path::new(source).exists();
        if is_list && let Some(plugin) = loading.list_plugin() {
            match loading.host_list(source, plugin == "advanced_host_list") {
                Ok(()) => {
                    loading.remark(format!("Parsed {source} inventory source with {plugin} plugin"));
                    loading.reconcile();
                    parsed = true;
                }
                Err(what) => {
                    loading.note(format!("Failed to parse inventory with '{plugin}' plugin: {what}"));
                    loading.unparsed(source)?;
                }
            }
            continue;
        }
        if is_list {
            loading.unparsed(source)?;
            continue;
        }
        let path = absolute(&settings.surroundings().working_directory, source);
        // The default is there on few machines, and nobody asked for it.
        if path == Path::new("/etc/ansible/hosts") && !path.exists() {
            continue;
        }
        let dir =
            if path.is_dir() { path.clone() } else { path.parent().unwrap_or(Path::new("/")).to_owned() };
        if !loading.inventory.source_dirs.contains(&dir) {
            loading.inventory.source_dirs.push(dir);
        }
        if loading.path(&path)? {
            loading.reconcile();
            parsed = true;
        }
    }
    if loading.bad_group_name && matches!(loading.group_names.as_str(), "never" | "always") {
        let what = match loading.group_names.as_str() {
            "never" => {
                "Invalid characters were found in group names but not replaced, use -vvvv to see details"
            }
            _ => {
                "Invalid characters were found in group names and automatically replaced, use -vvvv to see details"
            }
        };
        loading.note(what.to_owned());
    }
    let Loading { diagnostics, clashes, .. } = loading;
    for name in &clashes {
        diagnostics.push(Diagnostic::warning(
            "host-named-as-group",
            format!("Found both group and host with same name: {name}"),
        ));
    }
    if !parsed {
        if settings.bool("INVENTORY_UNPARSED_IS_FAILED") {
            return Err(Diagnostic::error(
                "no-inventory",
                "No inventory was parsed, please check your configuration and options.",
            ));
        }
        if settings.bool("INVENTORY_UNPARSED_WARNING") {
            diagnostics.push(Diagnostic::warning(
                "no-inventory",
                "No inventory was parsed, only implicit localhost is available",
            ));
        }
    }
    Ok(inventory)
}

/// A name with nothing but letters, digits and underscores, the first no digit.
fn safe_name(name: &str) -> String {
    let valid = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut safe: String = name.chars().map(|c| if valid(c) { c } else { '_' }).collect();
    if safe.starts_with(|c: char| c.is_ascii_digit()) {
        safe.replace_range(..1, "_");
    }
    safe
}

fn precedence(settings: &Settings, diagnostics: &mut Diagnostics) -> Vec<String> {
    let mut steps = settings.list("VARIABLE_PRECEDENCE");
    steps.retain(|step| {
        let known = layers::DEFAULT_PRECEDENCE.contains(&step.as_str());
        if !known {
            let text = format!("Ignoring unknown variable precedence entry: {step}");
            diagnostics.push(Diagnostic::warning("precedence", text));
        }
        known
    });
    steps
}

fn absolute(base: &Path, source: &str) -> PathBuf {
    let source = match source.strip_prefix("~/") {
        Some(rest) => std::env::home_dir().unwrap_or_default().join(rest),
        None => PathBuf::from(source),
    };
    let mut clean = PathBuf::new();
    for part in base.join(source).components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                clean.pop();
            }
            part => clean.push(part),
        }
    }
    clean
}

/// Where the hosts that are being read come from.
#[derive(Clone, Default)]
struct Source {
    file: Option<Arc<str>>,
    dir: Option<Arc<str>>,
}

/// An inventory that is being read, with what its readers share.
pub(super) struct Loading<'a> {
    inventory: &'a mut Inventory,
    reader: &'a yaml::Reader,
    /// For plugins that evaluate expressions.
    pub engine: Arc<Engine>,
    pub extra: Arc<Terms>,
    /// Whether plugins use them unless they are told.
    pub use_extra_vars: bool,
    diagnostics: &'a mut Diagnostics,
    source: Source,
    /// Groups with a lower number were there before the file that is being read.
    known_groups: usize,
    enabled: Vec<String>,
    extensions: Vec<String>,
    ignored_extensions: Vec<String>,
    ignored_patterns: Vec<Regex>,
    any_is_failed: bool,
    /// Whether inventory programs that succeed are to be heard.
    show_stderr: bool,
    group_names: String,
    bad_group_name: bool,
    /// Names that are both a host's and a group's.
    clashes: BTreeSet<Arc<str>>,
}

impl Loading<'_> {
    pub fn note(&mut self, what: String) {
        self.diagnostics.push(Diagnostic::warning("inventory", what));
    }

    pub fn warn(&mut self, what: String, place: &Span) {
        self.diagnostics.push(Diagnostic::warning("inventory", what).at(place));
    }

    /// What stands in a group's place and is none.
    pub fn no_group(&mut self, name: &str, place: &Span) {
        self.warn(format!("Skipping '{name}' as this is not a valid group definition"), place);
    }

    pub fn deprecated(&mut self, what: String, place: &Span) {
        self.diagnostics.push(Diagnostic::new(Severity::Deprecation, "inventory", what).at(place));
    }

    /// What an inventory program has said, if that is to be shown.
    pub fn say(&mut self, what: &str) {
        if self.show_stderr && !what.is_empty() {
            self.diagnostics.push(Diagnostic::new(Severity::Error, "inventory", what));
        }
    }

    /// The group of that name, made if need be; the name may be changed (`TRANSFORM_INVALID_GROUP_CHARS`).
    pub fn group(&mut self, name: &str) -> usize {
        let valid = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if !name.is_empty() && name.chars().all(valid) && !name.starts_with(|c: char| c.is_ascii_digit()) {
            return self.inventory.group_id(name);
        }
        self.bad_group_name = true;
        if matches!(self.group_names.as_str(), "always" | "silently") {
            return self.inventory.group_id(&safe_name(name));
        }
        self.inventory.group_id(name)
    }

    /// As [`Loading::group`], with characters replaced that a group's name should not have: for names that are made of data.
    pub fn safe_group(&mut self, name: &str) -> usize {
        self.inventory.group_id(&safe_name(name))
    }

    /// Puts a host into a group.
    pub fn enlist(&mut self, group: usize, host: usize) {
        self.inventory.enlist(group, host);
    }

    /// All hosts so far, in the order they were found.
    pub fn host_names(&self) -> Vec<Arc<str>> {
        self.inventory.hosts.iter().map(|host| host.name.clone()).collect()
    }

    /// The variables that a host has so far; those of `group_vars` and `host_vars` if `files` says so.
    ///
    /// # Errors
    /// A variables file that cannot be read.
    pub fn vars_of(&self, host: &str, files: bool) -> Result<Vars, Diagnostic> {
        let mut layers = self.inventory.var_layers(host, None)?;
        layers.retain(|layer| files || layer.file.is_none());
        Ok(self.inventory.merged(&layers))
    }

    /// What the engine says of a host at this time.
    pub fn magic_of(&self, host: &str) -> Vec<(&'static str, Value)> {
        let groups = self.inventory.groups_of(host).into_iter();
        let place = self.inventory.host(host);
        vec![
            ("inventory_hostname", Value::str(host)),
            ("inventory_hostname_short", Value::str(host.split('.').next().unwrap_or(host))),
            ("inventory_file", place.and_then(|host| host.inventory_file.clone()).into()),
            ("inventory_dir", place.and_then(|host| host.inventory_dir.clone()).into()),
            ("group_names", Value::list(groups.map(|group| Value::Str(group.name.clone())).collect())),
        ]
    }

    pub fn known_group(&self, name: &str) -> Option<usize> {
        self.inventory.group_index.get(name).copied()
    }

    /// Whether another source (or the beginning) defined the group.
    pub fn is_known(&self, group: usize) -> bool {
        group < self.known_groups
    }

    pub fn group_name(&self, group: usize) -> Arc<str> {
        self.inventory.groups[group].name.clone()
    }

    pub fn link(&mut self, parent: usize, child: usize) -> Result<(), String> {
        if parent == child {
            return Err("can't add group to itself".into());
        }
        if self.inventory.link(parent, child) {
            return Ok(());
        }
        let (parent, child) = (self.group_name(parent), self.group_name(child));
        Err(format!("Adding group '{child}' as child to '{parent}' creates a recursive dependency loop."))
    }

    /// A host in a group (`all` without one), made if need be; its number.
    pub fn host(&mut self, name: &str, group: Option<usize>, port: Option<u16>, place: &Span) -> usize {
        let known = self.inventory.hosts.len();
        let id = self.inventory.host_id(name);
        if self.inventory.hosts.len() > known {
            if is_localhost(name) {
                let first = self.inventory.hosts[..id].iter().find(|host| is_localhost(&host.name));
                if let Some(first) = first {
                    let what = format!(
                        "A duplicate localhost-like entry was found ({name}). First found localhost was {}",
                        first.name
                    );
                    self.note(what);
                }
            }
            let host = &mut self.inventory.hosts[id];
            host.inventory_file.clone_from(&self.source.file);
            host.inventory_dir.clone_from(&self.source.dir);
            // Only what makes a host known sets its port.
            if let Some(port) = port {
                let port = Node::new(NodeKind::Int(port.into()), place.clone());
                self.inventory.set_host_var(id, "ansible_port", port);
            }
        }
        self.inventory.enlist(group.unwrap_or(ALL), id);
        id
    }

    pub fn host_var(&mut self, host: &str, name: &str, value: Node) {
        self.check_name(name, &value.span);
        // Where a group has the host's name, the variables of both are the group's, as in Ansible.
        if let Some(&id) = self.inventory.group_index.get(host) {
            self.inventory.set_group_var(id, name, value);
        } else if let Some(&id) = self.inventory.host_index.get(host) {
            self.inventory.set_host_var(id, name, value);
        }
    }

    /// A variable that templates cannot name.
    fn check_name(&mut self, name: &str, place: &Span) {
        if !is_word(name) {
            let what = format!(
                "Accepting inventory variable with invalid name {}. This feature will be removed from ansible-core version 2.23.",
                str_repr(name)
            );
            let problem = Diagnostic::new(Severity::Deprecation, "variable-name", what).at(place);
            self.diagnostics.push(problem.help(VARIABLE_NAMES));
        }
    }

    pub fn group_var(&mut self, group: usize, name: &str, value: Node) {
        self.check_name(name, &value.span);
        self.inventory.set_group_var(group, name, value);
    }

    /// After a source that could be read; of one that could not, groups stay unattached, as in Ansible.
    fn reconcile(&mut self) {
        let clashes = self.inventory.reconcile();
        self.clashes.extend(clashes);
    }

    /// The enabled plugin that reads lists of hosts.
    fn list_plugin(&self) -> Option<&'static str> {
        let known = ["host_list", "advanced_host_list"];
        self.enabled.iter().find_map(|name| known.into_iter().find(|known| name == known))
    }

    fn host_list(&mut self, source: &str, ranges: bool) -> Result<(), String> {
        self.source = Source { file: Some(source.into()), dir: None };
        let place = Span::synthetic("<inventory list>", source);
        for pattern in source.split(',').map(str::trim).filter(|pattern| !pattern.is_empty()) {
            let (name, port) = range::host_and_port(pattern);
            let names = match range::expand(name) {
                Ok(names) if ranges => names,
                Err(error) if ranges && error.starts_with("invalid literal") => {
                    return Err(format!("Invalid data from string, could not parse: {error}"));
                }
                Err(error) if ranges => {
                    self.remark(format!("Unable to parse address from hostname, leaving unchanged: {error}"));
                    vec![name.to_owned()]
                }
                _ => vec![name.to_owned()],
            };
            for name in names {
                self.host(&name, Some(UNGROUPED), port, &place);
            }
        }
        Ok(())
    }

    fn remark(&mut self, text: String) {
        self.inventory.remarks.push(text);
    }

    /// Leaves out the plugins that there are not.
    fn forget_unknown_plugins(&mut self) -> Result<(), Diagnostic> {
        let (known, unknown) =
            std::mem::take(&mut self.enabled).into_iter().partition(|name| plugins::is_known(name));
        self.enabled = known;
        let unknown: Vec<String> = unknown;
        unknown
            .iter()
            .for_each(|name| self.note(format!("Failed to load inventory plugin, skipping {name}")));
        if self.enabled.is_empty() {
            let what = "No inventory plugins available to generate inventory, make sure you have at least one enabled.";
            return Err(Diagnostic::error("no-inventory-plugins", what));
        }
        Ok(())
    }

    /// A source that nobody could read.
    fn unparsed(&mut self, source: &str) -> Result<(), Diagnostic> {
        if self.any_is_failed {
            let what = format!("Completely failed to parse inventory source {source}");
            return Err(Diagnostic::error("unparsed-inventory", what));
        }
        self.note(format!("Unable to parse {source} as an inventory source"));
        Ok(())
    }

    /// A file or a folder; true if it could be read.
    fn path(&mut self, path: &Path) -> Result<bool, Diagnostic> {
        if path.is_dir() {
            let mut names: Vec<String> = std::fs::read_dir(path)
                .map(|entries| {
                    entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect()
                })
                .unwrap_or_default();
            names.sort();
            let mut parsed = false;
            for name in names {
                if !self.is_ignored(&name) {
                    parsed |= self.path(&path.join(name))?;
                }
            }
            if !parsed {
                self.unparsed(&path.to_string_lossy())?;
            }
            return Ok(parsed);
        }
        self.known_groups = self.inventory.groups.len();
        self.source = Source {
            file: Some(path.to_string_lossy().into()),
            dir: path.parent().map(|dir| dir.to_string_lossy().into()),
        };
        match self.file(path) {
            Ok(()) => Ok(true),
            Err(failures) => {
                self.diagnostics.extend(failures);
                self.unparsed(&path.to_string_lossy())?;
                Ok(false)
            }
        }
    }

    fn is_ignored(&self, name: &str) -> bool {
        name.starts_with('.')
            || matches!(name, "host_vars" | "group_vars" | "vars_plugins")
            || self
                .ignored_extensions
                .iter()
                .any(|extension| !extension.is_empty() && name.ends_with(extension.as_str()))
            || self.ignored_patterns.iter().any(|pattern| pattern.is_match(name).unwrap_or(false))
    }

    /// Every enabled reader that may be the right one, until one succeeds; else what each had to say.
    fn file(&mut self, path: &Path) -> Result<(), Diagnostics> {
        // `/dev/null` is an inventory without hosts.
        if !path.exists() || path.is_dir() {
            return Err(Vec::new());
        }
        let mut failures = Vec::new();
        let executable = path.metadata().is_ok_and(|metadata| metadata.permissions().mode() & 0o111 != 0);
        let has_extension = path.extension().is_some();
        let yaml_extension = self.extensions.iter().any(|end| path.to_string_lossy().ends_with(end.as_str()));
        let is_toml = path.extension().is_some_and(|end| end == "toml");
        let is_config = path.extension().is_some_and(|end| end == "config");
        let mut text = None;
        for name in self.enabled.clone() {
            let config = |loading: &mut Self, run: &dyn Fn(&mut Self, &Node) -> Result<(), Diagnostic>| {
                let loaded = loading.reader.load(path)?;
                loading.diagnostics.extend(loaded.warnings);
                run(loading, &loaded.node)
            };
            let outcome = match name.as_str() {
                "auto" if yaml_extension => match self.reader.load(path) {
                    // What is no configuration is for the other readers.
                    Ok(loaded) if loaded.node.get("plugin").is_none() => continue,
                    Err(_) => continue,
                    Ok(_) => config(self, &plugins::auto),
                },
                "constructed" | "generator" if yaml_extension || !has_extension || is_config => {
                    config(self, &|loading, node| plugins::run(loading, &name, node).unwrap_or(Ok(())))
                }
                "toml" if is_toml => self.reader.read(path).and_then(|file| toml::parse(self, &file)),
                "script" if executable => script::parse(self, path),
                "yaml" if yaml_extension || !has_extension => match self.reader.load(path) {
                    Ok(loaded) => structured::parse(self, &loaded.node)
                        .map(|()| self.diagnostics.extend(loaded.warnings)),
                    Err(error) => Err(error),
                },
                "ini" if !is_toml => match text.get_or_insert_with(|| self.reader.read(path)).clone() {
                    Ok(file) => ini::parse(self, &file),
                    Err(error) => Err(error),
                },
                _ => continue,
            };
            match outcome {
                Ok(()) => {
                    let source = path.display();
                    self.remark(format!("Parsed {source} inventory source with {name} plugin"));
                    return Ok(());
                }
                Err(mut error) => {
                    error.severity = crate::diag::Severity::Warning;
                    error.summary =
                        format!("Failed to parse inventory with '{name}' plugin: {}", error.summary);
                    failures.push(error);
                }
            }
        }
        if failures.len() > 1 {
            // What the right reader said is worth telling; what the others made of the file is noise.
            let wanted = if executable {
                "'script'"
            } else if is_toml {
                "'toml'"
            } else if yaml_extension && failures.iter().any(|failure| failure.summary.contains("'auto'")) {
                "'auto'"
            } else if yaml_extension {
                "'yaml'"
            } else {
                "'ini'"
            };
            failures.retain(|failure| failure.summary.contains(wanted));
        }
        Err(failures)
    }
}
