//! Facts that outlive a run: a file per host, in the form of Ansible's cache plugins `jsonfile` and `yaml`.

use crate::diag::Diagnostic;
use crate::source::Settings;
use crate::source::yaml::parse_text;
use crate::template::yaml_dump::{YamlStyle, dump};
use crate::value::{Map, Value, from_json, to_json};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Json,
    Yaml,
}

/// A folder of facts.
#[derive(Clone, Debug)]
pub struct FactCache {
    format: Format,
    folder: PathBuf,
    prefix: String,
    /// Older ones are forgotten; `None` is never.
    lifetime: Option<Duration>,
}

/// Ansible's name for the form of the content.
const SCHEMA: &str = "s1_";

impl FactCache {
    /// The cache of the settings (`fact_caching`); `None` for `memory`, which lasts for one run.
    ///
    /// # Errors
    /// A plugin that is not there, or no folder: a warning, and facts last for one run.
    pub fn of_settings(settings: &Settings) -> Result<Option<Self>, Diagnostic> {
        let name = settings.str("CACHE_PLUGIN").unwrap_or("memory");
        let short =
            ["ansible.builtin.", "community.general."].iter().find_map(|start| name.strip_prefix(start));
        let format = match short.unwrap_or(name) {
            "memory" => return Ok(None),
            "jsonfile" => Format::Json,
            "yaml" => Format::Yaml,
            _ => {
                let what = format!("Unable to load the cache plugin '{name}'.");
                let help = "`memory`, `jsonfile` and `yaml` are there; facts are kept for this run only";
                return Err(Diagnostic::warning("fact-cache", what).help(help));
            }
        };
        let Some(folder) = settings.str("CACHE_PLUGIN_CONNECTION").filter(|folder| !folder.is_empty()) else {
            let what = format!("Required config '_uri' for '{name}' cache plugin not provided.");
            let help = "set `fact_caching_connection` to the folder of the cache";
            return Err(Diagnostic::warning("fact-cache", what).help(help));
        };
        let folder = match (folder.strip_prefix("~/"), std::env::home_dir()) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => settings.surroundings().working_directory.join(folder),
        };
        let seconds = u64::try_from(settings.int("CACHE_PLUGIN_TIMEOUT")).unwrap_or(0);
        // The default is meant for caches in databases; files have no prefix unless somebody asks for one.
        let prefix = settings.str("CACHE_PLUGIN_PREFIX").filter(|_| settings.is_set("CACHE_PLUGIN_PREFIX"));
        Ok(Some(Self {
            format,
            folder,
            prefix: prefix.unwrap_or_default().to_owned(),
            lifetime: (seconds > 0).then(|| Duration::from_secs(seconds)),
        }))
    }

    /// The facts of a host, if there are any that are not too old.
    ///
    /// # Errors
    /// The file cannot be read as facts; a warning.
    pub fn load(&self, host: &str) -> Result<Option<Map>, Diagnostic> {
        let Some(path) = self.path(host) else { return Ok(None) };
        let Ok(meta) = path.metadata() else { return Ok(None) };
        let age = meta.modified().ok().and_then(|time| SystemTime::now().duration_since(time).ok());
        if self.lifetime.zip(age).is_some_and(|(lifetime, age)| age > lifetime) {
            return Ok(None);
        }
        let broken = |why: String| {
            let what = format!(
                "error in '{}' cache plugin while trying to read {}: {why}",
                self.name(),
                path.display()
            );
            Diagnostic::warning("fact-cache", what)
        };
        let text = std::fs::read_to_string(&path).map_err(|error| broken(error.to_string()))?;
        let outer = match self.format {
            Format::Json => from_json(&text).map_err(broken)?,
            Format::Yaml => {
                parse_text("fact cache", &text).map_err(|problem| broken(problem.summary))?.node.to_value()
            }
        };
        let payload = outer.as_map().and_then(|map| map.get("__payload__")).and_then(Value::as_str);
        let Some(payload) = payload else { return Err(broken("it has no __payload__".into())) };
        match plain(from_json(payload).map_err(broken)?) {
            Value::Map(facts) => Ok(Some(std::sync::Arc::unwrap_or_clone(facts))),
            _ => Err(broken("it is no mapping".into())),
        }
    }

    /// Writes a host's facts, readable for nobody else (they may hold secrets of the environment).
    ///
    /// # Errors
    /// The file cannot be written; a warning.
    pub fn store(&self, host: &str, facts: &Map) -> Result<(), Diagnostic> {
        let Some(path) = self.path(host) else { return Ok(()) };
        let payload = to_json(&Value::map(facts.clone()));
        let outer = Value::object([("__payload__", Value::from(payload))]);
        let text = match self.format {
            Format::Json => to_json(&outer),
            Format::Yaml => dump(&outer, &YamlStyle { flow: Some(false), ..YamlStyle::default() }),
        };
        self.write(&path, &text).map_err(|error| {
            let what = format!(
                "error in '{}' cache plugin while trying to write to {}: {error}",
                self.name(),
                path.display()
            );
            Diagnostic::warning("fact-cache", what)
        })
    }

    /// Whole or not at all: a file of its own that takes the place of the old one.
    fn write(&self, path: &Path, text: &str) -> std::io::Result<()> {
        std::fs::create_dir_all(&self.folder)?;
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let temporary = self.folder.join(format!(".{name}.{}", std::process::id()));
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&temporary)?;
        file.write_all(text.as_bytes())?;
        std::fs::rename(&temporary, path)
    }

    /// Forgets a host's facts.
    pub fn forget(&self, host: &str) {
        if let Some(path) = self.path(host) {
            drop(std::fs::remove_file(path));
        }
    }

    fn name(&self) -> &'static str {
        match self.format {
            Format::Json => "jsonfile",
            Format::Yaml => "yaml",
        }
    }

    /// A host's file; none for names that would lead out of the folder.
    fn path(&self, host: &str) -> Option<PathBuf> {
        let is_safe = !host.is_empty() && !host.contains(['/', '\0']);
        is_safe.then(|| self.folder.join(format!("{}{SCHEMA}{host}", self.prefix)))
    }
}

/// The value without Ansible's tags: `{"value": …, "tags": […], "__ansible_type": "_AnsibleTagged…"}`.
fn plain(value: Value) -> Value {
    match value {
        Value::Map(map) => {
            let tagged = map.get("__ansible_type").is_some();
            match map.get("value").filter(|_| tagged) {
                Some(value) => plain(value.clone()),
                None => {
                    Value::map(map.iter().map(|(key, value)| (key.clone(), plain(value.clone()))).collect())
                }
            }
        }
        Value::List(items) => Value::list(items.iter().cloned().map(plain).collect()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache(folder: &Path, format: Format) -> FactCache {
        FactCache {
            format,
            folder: folder.join("new"),
            prefix: "p_".into(),
            lifetime: Some(Duration::from_secs(60)),
        }
    }

    #[test]
    fn facts_come_back() {
        let folder = tempfile::tempdir().expect("a folder");
        let facts = Map::from([("ansible_os".into(), Value::str("{{ x }}")), ("n".into(), 1.into())]);
        for format in [Format::Json, Format::Yaml] {
            let cache = cache(folder.path(), format);
            assert_eq!(cache.load("h").expect("nothing is no error"), None);
            cache.store("h", &facts).expect("written");
            assert_eq!(cache.load("h").expect("readable"), Some(facts.clone()));
            assert_eq!(cache.load("../h").expect("not looked for"), None);
            let path = cache.path("h").expect("a name");
            assert_eq!(path.file_name().and_then(|name| name.to_str()), Some("p_s1_h"));
            let mode =
                std::os::unix::fs::PermissionsExt::mode(&path.metadata().expect("there").permissions());
            assert_eq!(mode & 0o777, 0o600);
            let old = FactCache { lifetime: Some(Duration::ZERO), ..cache.clone() };
            std::thread::sleep(Duration::from_millis(10));
            assert_eq!(old.load("h").expect("too old"), None);
            cache.forget("h");
            assert_eq!(cache.load("h").expect("gone"), None);
        }
    }

    #[test]
    fn ansibles_tags_are_taken_off() {
        let folder = tempfile::tempdir().expect("a folder");
        let cache = cache(folder.path(), Format::Json);
        std::fs::create_dir_all(&cache.folder).expect("a folder");
        let written = r#"{"__payload__": "{\"module_setup\": true, \"mine\": {\"value\": [{\"value\": 1, \"tags\": [{\"path\": \"/p.yml\", \"line_num\": 6, \"col_num\": 25, \"__ansible_type\": \"Origin\"}], \"__ansible_type\": \"_AnsibleTaggedInt\"}], \"tags\": [], \"__ansible_type\": \"_AnsibleTaggedList\"}}"}"#;
        std::fs::write(cache.path("h").expect("a name"), written).expect("written");
        let facts = cache.load("h").expect("readable").expect("there");
        assert_eq!(to_json(&Value::map(facts)), r#"{"module_setup": true, "mine": [1]}"#);
        std::fs::write(cache.path("h").expect("a name"), "[1").expect("written");
        assert!(
            cache
                .load("h")
                .expect_err("broken")
                .summary
                .starts_with("error in 'jsonfile' cache plugin while trying to read ")
        );
    }
}
