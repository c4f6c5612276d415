//! Kubeconfig files: clusters, users, and contexts that put them together.

use super::access::{Known, read};
use crate::diag::errno;
use crate::template::TemplateError;
use crate::template::filters::load_yaml;
use crate::template::object::{Res, failed};
use crate::value::{Value, from_json};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where a configuration is.
pub enum Place {
    Given(Value),
    /// Paths, separated by colons: the first one to name something decides.
    File(String),
}

impl Place {
    /// What `KUBECONFIG` says, or the user's file.
    pub fn default_of(paths: Option<String>) -> Self {
        let home = || std::env::home_dir().unwrap_or_default().join(".kube/config").display().to_string();
        Self::File(paths.unwrap_or_else(home))
    }
}

pub fn invalid(why: &str) -> TemplateError {
    failed(format!("Could not create API client: Invalid kube-config file. {why}"))
}

/// One file of a configuration.
struct Part {
    content: Value,
    /// Where its relative paths start.
    folder: PathBuf,
}

struct Config {
    parts: Vec<Part>,
    /// As it was given, for errors.
    name: String,
}

/// A named entry, and where its paths start.
struct Entry<'c> {
    value: &'c Value,
    folder: &'c Path,
}

/// What a configuration knows of its current context, or of another.
///
/// # Errors
/// Nothing there, entries that are not there, a credential that cannot be had.
pub fn load(place: Place, context: Option<&str>) -> Res<Known> {
    let config = Config::read(place)?;
    let context = match context {
        Some(name) => name.to_owned(),
        None => {
            let mut current =
                config.parts.iter().filter_map(|part| part.content.get("current-context")?.as_str());
            let current = current.next().map(str::to_owned);
            current.ok_or_else(|| invalid(&format!("Expected key current-context in {}", config.name)))?
        }
    };
    let context = config.entry("contexts", "context", &context)?;
    let named = |key: &str| context.value.get(key).and_then(Value::as_str).unwrap_or_default();
    let cluster = config.entry("clusters", "cluster", named("cluster"))?;
    let mut known = match named("user") {
        "" => Known::default(),
        user => who(&config.entry("users", "user", user)?)?,
    };
    known.host = cluster.text("server");
    known.authority = cluster.data("certificate-authority")?;
    known.verify = cluster.value.get("insecure-skip-tls-verify").and_then(Value::as_bool).map(|skip| !skip);
    known.server_name = cluster.text("tls-server-name");
    known.proxy = cluster.text("proxy-url");
    Ok(known)
}

impl Config {
    fn read(place: Place) -> Res<Self> {
        let (parts, name) = match place {
            Place::Given(content) => {
                (vec![Part { content, folder: PathBuf::new() }], "kube-config".to_owned())
            }
            Place::File(paths) => {
                let mut parts = Vec::new();
                for path in paths.split(':').filter(|path| !path.is_empty()) {
                    let path = crate::template::context::expand_home(path);
                    if path.exists() {
                        let content = String::from_utf8_lossy(&read(&path)?).into_owned();
                        let content = load_yaml(&content, true)
                            .map_err(|error| failed(format!("{}: {}", path.display(), error.message)))?;
                        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
                        parts.extend(
                            content.into_iter().map(|content| Part { content, folder: folder.clone() }),
                        );
                    }
                }
                (parts, paths)
            }
        };
        if parts.iter().all(|part| part.content.is_null()) {
            return Err(invalid("No configuration found."));
        }
        Ok(Self { parts, name })
    }

    fn entry(&self, list: &str, key: &str, name: &str) -> Res<Entry<'_>> {
        for part in &self.parts {
            let entries = part.content.get(list).and_then(Value::as_list).unwrap_or_default();
            let found = entries.iter().find(|entry| entry.get("name").and_then(Value::as_str) == Some(name));
            if let Some(value) = found.and_then(|entry| entry.get(key)) {
                return Ok(Entry { value, folder: &part.folder });
            }
        }
        Err(invalid(&format!("Expected object with name {name} in {}/{list} list", self.name)))
    }
}

impl Entry<'_> {
    fn text(&self, key: &str) -> Option<String> {
        self.value.get(key).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
    }

    /// Bytes that are there themselves, in Base64, or in a file.
    fn data(&self, key: &str) -> Res<Option<Vec<u8>>> {
        if let Some(data) = self.text(&format!("{key}-data")) {
            let bytes = STANDARD.decode(data.split_whitespace().collect::<String>());
            return bytes.map(Some).map_err(|error| invalid(&format!("{key}-data: {error}")));
        }
        self.text(key).map(|path| read(&self.folder.join(path))).transpose()
    }
}

/// Who asks.
fn who(user: &Entry) -> Res<Known> {
    let mut known = Known {
        token: user.text("token"),
        login: user.text("username").zip(user.text("password")),
        certificate: user.data("client-certificate")?,
        key: user.data("client-key")?,
        ..Known::default()
    };
    if known.token.is_none()
        && let Some(path) = user.text("tokenFile")
    {
        known.token = Some(String::from_utf8_lossy(&read(&user.folder.join(path))?).trim().to_owned());
    }
    if let Some(name) = user.value.path(&["auth-provider", "name"]).and_then(Value::as_str) {
        return Err(invalid(&format!("The auth-provider '{name}' is not available: use 'exec' or a token.")));
    }
    if let Some(exec) = user.value.get("exec") {
        let status = credential(exec, user.folder)?;
        let text = |key: &str| status.get(key).and_then(Value::as_str).map(str::to_owned);
        known.token = text("token").or(known.token);
        if let (Some(certificate), Some(key)) = (text("clientCertificateData"), text("clientKeyData")) {
            known.certificate = Some(certificate.into_bytes());
            known.key = Some(key.into_bytes());
        }
    }
    Ok(known)
}

/// The `status` of the credential that a command prints.
#[allow(clippy::disallowed_methods, reason = "runs on the control machine, as the user's kubeconfig says")]
fn credential(exec: &Value, folder: &Path) -> Res<Value> {
    let text =
        |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let list = |key: &str| exec.get(key).and_then(Value::as_list).unwrap_or_default();
    let name = text(exec, "command");
    let mut command = Command::new(&name);
    command.args(list("args").iter().filter_map(Value::as_str)).stdin(Stdio::null()).stderr(Stdio::inherit());
    if folder.is_dir() {
        command.current_dir(folder);
    }
    for variable in list("env") {
        command.env(text(variable, "name"), text(variable, "value"));
    }
    let about = Value::object([
        ("apiVersion", Value::from(text(exec, "apiVersion"))),
        ("kind", Value::str("ExecCredential")),
        ("spec", Value::object([("interactive", false)])),
    ]);
    command.env("KUBERNETES_EXEC_INFO", crate::value::to_json(&about));
    let failed = |why: &str| invalid(&format!("The command '{name}' of the user's credential {why}"));
    let output = command.output().map_err(|error| failed(&format!("cannot be run: {}", errno(&error))))?;
    if !output.status.success() {
        return Err(failed(&format!("failed: {}", output.status)));
    }
    let printed = from_json(&String::from_utf8_lossy(&output.stdout)).ok();
    let status = printed.and_then(|printed| printed.get("status").cloned());
    status.ok_or_else(|| failed("did not print a credential"))
}
