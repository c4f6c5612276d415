//! Where a cluster is and who asks: arguments, `K8S_AUTH_…` variables of the environment, a kubeconfig, or the account
//! of the pod that the program runs in.

use super::kubeconfig;
use super::texts;
use crate::diag::errno;
use crate::http::{Proxy, Tls};
use crate::template::lookups::Lookup;
use crate::template::object::{Res, V, failed};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::path::Path;

/// The account of a pod.
const ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// How to reach a cluster.
#[derive(Debug, Default)]
pub struct Access {
    /// The address, without a slash at the end.
    pub host: String,
    pub headers: Vec<(String, String)>,
    pub proxy: Proxy,
    pub tls: Tls,
}

/// What is known of an access, from any source.
#[derive(Debug, Default)]
pub struct Known {
    pub host: Option<String>,
    pub token: Option<String>,
    pub login: Option<(String, String)>,
    /// PEM.
    pub certificate: Option<Vec<u8>>,
    /// PEM.
    pub key: Option<Vec<u8>>,
    /// PEM.
    pub authority: Option<Vec<u8>>,
    pub verify: Option<bool>,
    pub server_name: Option<String>,
    pub proxy: Option<String>,
}

/// A text of one of these arguments, or of a variable of the environment.
fn given(lookup: &Lookup, names: &[&str], environment: &'static str) -> Res<Option<String>> {
    for name in names {
        if let Some(text) = lookup.text(name)?.filter(|text| !text.is_empty()) {
            return Ok(Some(text));
        }
    }
    let settings = &lookup.eval.ctx.engine().settings().config;
    let text = settings.as_ref().and_then(|settings| settings.of_plugin(environment, ""));
    Ok(text.map(|(text, _)| text.to_owned()).filter(|text| !text.is_empty()))
}

fn file(path: Option<String>) -> Res<Option<Vec<u8>>> {
    path.map(|path| read(Path::new(&path))).transpose()
}

/// # Errors
/// The file cannot be read.
pub fn read(path: &Path) -> Res<Vec<u8>> {
    let error = |error| failed(format!("{}: '{}'", errno(&error), path.display()));
    std::fs::read(path).map_err(error)
}

impl Known {
    fn of_arguments(lookup: &Lookup) -> Res<Self> {
        let user = given(lookup, &["username"], "K8S_AUTH_USERNAME")?;
        let password = given(lookup, &["password"], "K8S_AUTH_PASSWORD")?;
        let verify = given(lookup, &["validate_certs", "verify_ssl"], "K8S_AUTH_VERIFY_SSL")?;
        Ok(Self {
            host: given(lookup, &["host"], "K8S_AUTH_HOST")?,
            token: given(lookup, &["api_key"], "K8S_AUTH_API_KEY")?,
            login: user.zip(password),
            certificate: file(given(lookup, &["client_cert", "cert_file"], "K8S_AUTH_CERT_FILE")?)?,
            key: file(given(lookup, &["client_key", "key_file"], "K8S_AUTH_KEY_FILE")?)?,
            authority: file(given(lookup, &["ca_cert", "ssl_ca_cert"], "K8S_AUTH_SSL_CA_CERT")?)?,
            // Only a clear no turns it off.
            verify: verify.map(|text| crate::value::Value::str(text).ansible_bool() != Some(false)),
            server_name: None,
            proxy: given(lookup, &["proxy"], "K8S_AUTH_PROXY")?,
        })
    }

    /// Whether nothing else needs to be asked.
    fn is_enough(&self) -> bool {
        let who =
            self.token.is_some() || self.login.is_some() || self.certificate.is_some() && self.key.is_some();
        self.host.is_some() && who
    }

    /// The account of the pod that the program runs in.
    fn of_pod(lookup: &Lookup) -> Res<Option<Self>> {
        let host = given(lookup, &[], "KUBERNETES_SERVICE_HOST")?;
        let port = given(lookup, &[], "KUBERNETES_SERVICE_PORT")?;
        let (Some(host), Some(port)) = (host, port) else { return Ok(None) };
        let token = Path::new(ACCOUNT).join("token");
        if !token.exists() {
            return Ok(None);
        }
        let host = if host.contains(':') { format!("[{host}]") } else { host };
        Ok(Some(Self {
            host: Some(format!("https://{host}:{port}")),
            token: Some(String::from_utf8_lossy(&read(&token)?).trim().to_owned()),
            authority: Some(read(&Path::new(ACCOUNT).join("ca.crt"))?),
            ..Self::default()
        }))
    }

    /// These, and what is missing from others.
    fn or(self, other: Self) -> Self {
        // A certificate of one source and a key of another do not belong together.
        let (certificate, key) = match self.certificate.is_some() || self.key.is_some() {
            true => (self.certificate, self.key),
            false => (other.certificate, other.key),
        };
        Self {
            host: self.host.or(other.host),
            token: self.token.or(other.token),
            login: self.login.or(other.login),
            certificate,
            key,
            authority: self.authority.or(other.authority),
            verify: self.verify.or(other.verify),
            server_name: self.server_name.or(other.server_name),
            proxy: self.proxy.or(other.proxy),
        }
    }
}

impl Access {
    /// # Errors
    /// Files that cannot be read; no address anywhere.
    pub fn read(lookup: &Lookup) -> Res<Self> {
        let mut known = Known::of_arguments(lookup)?;
        let context = given(lookup, &["context"], "K8S_AUTH_CONTEXT")?;
        let config = match lookup.option("kubeconfig") {
            Some(config @ V::Dict(_)) => Some(kubeconfig::Place::Given(config.to_value()?)),
            _ => given(lookup, &["kubeconfig"], "K8S_AUTH_KUBECONFIG")?.map(kubeconfig::Place::File),
        };
        if !known.is_enough() {
            let of_pod = match config.is_some() || context.is_some() {
                true => None,
                false => Known::of_pod(lookup)?,
            };
            let more = match of_pod {
                Some(account) => account,
                None => {
                    let paths = given(lookup, &[], "KUBECONFIG")?;
                    let place = config.unwrap_or_else(|| kubeconfig::Place::default_of(paths));
                    kubeconfig::load(place, context.as_deref())?
                }
            };
            known = known.or(more);
        }
        let mut headers = Vec::new();
        if let Some(token) = &known.token {
            headers.push(("Authorization".to_owned(), format!("Bearer {token}")));
        } else if let Some((user, password)) = &known.login {
            let token = STANDARD.encode(format!("{user}:{password}"));
            headers.push(("Authorization".to_owned(), format!("Basic {token}")));
        }
        if let Some(user) = given(lookup, &["impersonate_user"], "K8S_AUTH_IMPERSONATE_USER")? {
            headers.push(("Impersonate-User".to_owned(), user));
        }
        for group in texts(lookup.option("impersonate_groups"))? {
            headers.push(("Impersonate-Group".to_owned(), group));
        }
        let host = known.host.ok_or_else(|| kubeconfig::invalid("No configuration found."))?;
        let host = if host.contains("://") { host } else { format!("http://{host}") };
        Ok(Self {
            host: host.trim_end_matches('/').to_owned(),
            headers,
            proxy: known.proxy.map_or(Proxy::Environment, Proxy::At),
            tls: Tls {
                unverified: known.verify == Some(false),
                roots: known.authority,
                identity: known.certificate.zip(known.key),
                server_name: known.server_name,
                ..Tls::default()
            },
        })
    }
}
