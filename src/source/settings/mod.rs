//! Settings: `ansible.cfg`, environment and flags to values that know where they come from.

mod convert;
mod deprecated;
mod ini;
mod table;
#[cfg(test)]
mod tests;

pub use table::{Row, TABLE, plugin_type};

use crate::diag::{Diagnostic, Diagnostics, Span};
use crate::source::yaml;
use crate::value::Value;
use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};

/// What a setting's text means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Bool,
    Int,
    Float,
    Str,
    /// One of these.
    Choice(&'static [&'static str]),
    /// Separated by commas.
    List,
    /// A path; relative to the file it is written in, or to the working directory.
    Path,
    /// Paths separated by colons.
    PathSpec,
    /// Paths separated by commas.
    PathList,
}

/// Where a value was set. Its text is what `ansible-config dump` prints between parentheses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    Default,
    File(Span),
    /// The variable's name.
    Environment(&'static str),
    /// The flag as it is written (`--forks`).
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(span) => write!(f, "{}", span.file.path.display()),
            Self::Environment(name) => write!(f, "env: {name}"),
            Self::Flag(flag) => write!(f, "cli: {flag}"),
        }
    }
}

/// Under whose name the program runs; some defaults differ (`docs/differences.md`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Name {
    Ansible,
    #[default]
    Ekumen,
}

/// What settings are read from.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    pub variables: HashMap<String, String>,
    pub working_directory: PathBuf,
    pub home: PathBuf,
    pub name: Name,
}

impl Surroundings {
    /// The process's own.
    pub fn of_process(name: Name) -> Self {
        let variables: HashMap<String, String> = std::env::vars_os()
            .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let home = std::env::home_dir().unwrap_or_else(|| PathBuf::from("/"));
        let working_directory = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"));
        Self { variables, working_directory, home, name }
    }
}

/// All settings.
#[derive(Clone, Debug)]
pub struct Settings {
    values: HashMap<&'static str, (Value, Origin)>,
    config_file: Option<PathBuf>,
    entries: ini::Entries,
    surroundings: Surroundings,
}

static NULL: Value = Value::Null;

impl Settings {
    /// Reads the first configuration file found (`ANSIBLE_CONFIG`, `./ansible.cfg`, `~/.ansible.cfg`,
    /// `/etc/ansible/ansible.cfg`) and the environment. Unknown keys are ignored, as Ansible does.
    ///
    /// # Errors
    /// The file cannot be read or parsed; a value does not have its setting's type.
    pub fn load(surroundings: Surroundings) -> Result<(Self, Diagnostics), Diagnostic> {
        let mut warnings = Vec::new();
        let config_file = find_config_file(&surroundings, &mut warnings);
        let entries = match &config_file {
            Some(path) => ini::parse(&yaml::read(path)?)?,
            None => ini::Entries::new(),
        };
        let values = HashMap::with_capacity(TABLE.len());
        let mut settings = Self { values, config_file, entries, surroundings };
        // The other defaults are made of this one.
        let home = TABLE.iter().filter(|row| row.name == "ANSIBLE_HOME");
        for row in home.chain(TABLE) {
            let found = settings.resolve(row)?;
            settings.values.insert(row.name, found);
        }
        warnings.extend(deprecated::warnings(&settings));
        Ok((settings, warnings))
    }

    /// Defaults only: no file, no environment.
    pub fn defaults() -> Self {
        let surroundings = Surroundings {
            working_directory: PathBuf::from("/"),
            home: PathBuf::from("/root"),
            ..Surroundings::default()
        };
        let mut settings =
            Self { values: HashMap::new(), config_file: None, entries: ini::Entries::new(), surroundings };
        for row in TABLE.iter().filter(|row| row.name == "ANSIBLE_HOME").chain(TABLE) {
            let default = settings.default(row);
            settings.values.insert(row.name, (default, Origin::Default));
        }
        settings
    }

    fn resolve(&self, row: &Row) -> Result<(Value, Origin), Diagnostic> {
        let variables = &self.surroundings.variables;
        for name in row.env.iter().rev() {
            if let Some(text) = variables.get(*name)
                && !(text.is_empty() && matches!(row.kind, Kind::Int | Kind::Float))
            {
                let base = self.surroundings.working_directory.clone();
                let origin = Origin::Environment(name);
                let value = self.convert(row, text, &base).map_err(|why| invalid(row, &origin, &why))?;
                return Ok((value, origin));
            }
        }
        for key in row.ini.iter().rev() {
            if let Some((text, span)) = self.entries.get(*key) {
                let base = span.file.path.parent().unwrap_or(Path::new("/")).to_owned();
                let origin = Origin::File(span.clone());
                let value = self.convert(row, text, &base).map_err(|why| invalid(row, &origin, &why))?;
                return Ok((value, origin));
            }
        }
        Ok((self.default(row), Origin::Default))
    }

    fn default(&self, row: &Row) -> Value {
        if row.name == "DEFAULT_FORKS" && self.surroundings.name == Name::Ekumen {
            return Value::Int(50);
        }
        let home = self.str("ANSIBLE_HOME").unwrap_or_default();
        match row.default {
            "~" => Value::Null,
            "" if row.kind == Kind::List => Value::list(Vec::new()),
            text => self
                .convert(row, &text.replace("{{HOME}}", home), &self.surroundings.working_directory)
                .unwrap_or_default(),
        }
    }

    fn convert(&self, row: &Row, text: &str, base: &Path) -> Result<Value, convert::Invalid> {
        convert::convert(row.kind, text, base, &self.surroundings)
    }

    /// A flag's value, over everything else.
    pub fn set_flag(&mut self, name: &str, value: impl Into<Value>, flag: &str) {
        if let Some(row) = TABLE.iter().find(|row| row.name == name) {
            self.values.insert(row.name, (value.into(), Origin::Flag(flag.to_owned())));
        }
    }

    /// The value of a setting (`DEFAULT_FORKS`, `ssh.retries`); `Null` when there is no such setting.
    pub fn get(&self, name: &str) -> &Value {
        debug_assert!(
            self.values.is_empty() || TABLE.iter().any(|row| row.name == name),
            "no setting {name}"
        );
        self.values.get(name).map_or(&NULL, |(value, _)| value)
    }

    pub fn origin(&self, name: &str) -> &Origin {
        self.values.get(name).map_or(&Origin::Default, |(_, origin)| origin)
    }

    /// Whether the user set it, in a file, the environment or by a flag.
    pub fn is_set(&self, name: &str) -> bool {
        *self.origin(name) != Origin::Default
    }

    pub fn bool(&self, name: &str) -> bool {
        self.get(name).truthy()
    }

    /// 0 when it is not set and has no default.
    pub fn int(&self, name: &str) -> i64 {
        self.get(name).as_i64().unwrap_or_default()
    }

    pub fn float(&self, name: &str) -> f64 {
        match self.get(name) {
            Value::Float(f) => *f,
            other => other.as_i64().unwrap_or_default() as f64,
        }
    }

    pub fn str(&self, name: &str) -> Option<&str> {
        self.get(name).as_str()
    }

    pub fn list(&self, name: &str) -> Vec<String> {
        let items = self.get(name).as_list().unwrap_or_default();
        items.iter().filter_map(Value::as_str).map(str::to_owned).collect()
    }

    pub fn path(&self, name: &str) -> Option<PathBuf> {
        self.str(name).map(PathBuf::from)
    }

    pub fn paths(&self, name: &str) -> Vec<PathBuf> {
        self.list(name).into_iter().map(PathBuf::from).collect()
    }

    /// The file that was read.
    pub fn config_file(&self) -> Option<&Path> {
        self.config_file.as_deref()
    }

    /// What the file sets (`section.key`), known or not, in its order.
    pub fn written(&self) -> Vec<&str> {
        let mut places: Vec<(&String, u32)> =
            self.entries.iter().map(|(place, (_, span))| (place, span.line)).collect();
        places.sort_by_key(|(_, line)| *line);
        places.into_iter().map(|(place, _)| place.as_str()).collect()
    }

    /// What an option that is not in the table is set to: a variable of the environment, else a `section.key`.
    pub fn of_plugin(&self, environment: &'static str, place: &str) -> Option<(&str, Origin)> {
        if let Some(text) = self.surroundings.variables.get(environment) {
            return Some((text, Origin::Environment(environment)));
        }
        self.entries.get(place).map(|(text, span)| (convert::unquote(text), Origin::File(span.clone())))
    }

    pub fn surroundings(&self) -> &Surroundings {
        &self.surroundings
    }

    /// Every setting of the table with its value and origin, in the table's order.
    pub fn all(&self) -> impl Iterator<Item = (&'static Row, &Value, &Origin)> {
        TABLE.iter().map(|row| (row, self.get(row.name), self.origin(row.name)))
    }
}

fn invalid(row: &Row, origin: &Origin, why: &convert::Invalid) -> Diagnostic {
    // What errors call the setting.
    let label = match row.name.split_once('.') {
        Some((plugin, option)) => format!("'{option}' for '{plugin}' {} plugin", plugin_type(plugin)),
        None => format!("'{}'", row.name),
    };
    let summary = match why {
        convert::Invalid::Type(what) => {
            format!("Config {label} from '{origin}' has an invalid value: {what}")
        }
        convert::Invalid::Choice { given, valid } => {
            format!("Invalid value '{given}' for config {label}. Valid values are: {}", valid.join(", "))
        }
    };
    let diagnostic = Diagnostic::error("invalid-setting", summary);
    match origin {
        Origin::File(span) => diagnostic.at(span),
        _ => diagnostic,
    }
}

fn find_config_file(surroundings: &Surroundings, warnings: &mut Diagnostics) -> Option<PathBuf> {
    let mut candidates = Vec::new();
    if let Some(given) = surroundings.variables.get("ANSIBLE_CONFIG").filter(|path| !path.is_empty()) {
        let path = surroundings.working_directory.join(convert::expand(given, surroundings));
        candidates.push(if path.is_dir() { path.join("ansible.cfg") } else { path });
    }
    let here = surroundings.working_directory.join("ansible.cfg");
    let named = candidates.iter().any(|path| path.is_file());
    if is_world_writable(&surroundings.working_directory) {
        if !named && here.is_file() {
            warnings.push(Diagnostic::warning(
                "world-writable-directory",
                format!(
                    "Ansible is being run in a world writable directory ({}), ignoring it as an ansible.cfg source. \
                     For more information see https://docs.ansible.com/ansible/devel/reference_appendices/config.html#cfg-in-world-writable-dir",
                    surroundings.working_directory.display()
                ),
            ));
        }
    } else {
        candidates.push(here);
    }
    candidates.push(surroundings.home.join(".ansible.cfg"));
    candidates.push(PathBuf::from("/etc/ansible/ansible.cfg"));
    candidates.into_iter().find(|path| path.is_file())
}

fn is_world_writable(directory: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    directory.metadata().is_ok_and(|metadata| metadata.permissions().mode() & 0o002 != 0)
}
