//! Questions to a cluster's API.

use super::access::Access;
use crate::http::{self, Options};
use crate::template::object::{Res, failed};
use crate::value::{Value, from_json};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use ureq::Agent;

/// Bytes of one answer.
const LARGEST: u64 = 256 << 20;

/// What stands for itself in a path or query.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

pub struct Cluster {
    host: String,
    headers: Vec<(String, String)>,
    client: Agent,
}

/// A group of the API with its versions (`apps/v1`).
pub struct Group {
    pub name: String,
    versions: Vec<String>,
}

/// A kind of objects.
#[derive(Clone)]
pub struct Resource {
    group_version: String,
    kind: String,
    /// In addresses: the plural.
    name: String,
    singular: String,
    short_names: Vec<String>,
    pub namespaced: bool,
    /// How much can be done with it.
    verbs: usize,
}

enum Answer {
    Value(Value),
    Missing,
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value.get(key).and_then(Value::as_list).unwrap_or_default()
}

/// The address of a version's resources.
fn root(group_version: &str) -> String {
    match group_version.contains('/') {
        true => format!("/apis/{group_version}"),
        false => format!("/api/{group_version}"),
    }
}

impl Cluster {
    /// # Errors
    /// Certificates or keys that are none.
    pub fn open(access: Access) -> Res<Self> {
        let options = Options {
            agent: concat!("ekumen/", env!("CARGO_PKG_VERSION")).to_owned(),
            timeout: None,
            proxy: access.proxy,
            unix_socket: None,
            tls: access.tls,
        };
        let client = options.client().map_err(|error| failed(error.to_string()))?;
        Ok(Self { host: access.host, headers: access.headers, client })
    }

    fn ask(&self, path: &str) -> Res<Answer> {
        let url = format!("{}{path}", self.host);
        let no_answer =
            |error: &ureq::Error| failed(format!("no answer from {url}: {}", http::reason(error)));
        let mut request = self.client.get(&url).header("Accept", "application/json");
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let mut response = request.call().map_err(|error| no_answer(&error))?;
        let status = response.status();
        let body = response.body_mut().with_config().limit(LARGEST).read_to_string();
        let body = body.map_err(|error| no_answer(&error))?;
        match status.as_u16() {
            200..=299 => {
                let value = from_json(&body)
                    .map_err(|error| failed(format!("{url} did not answer with JSON: {error}")))?;
                Ok(Answer::Value(value))
            }
            404 => Ok(Answer::Missing),
            code => {
                let reason = status.canonical_reason().unwrap_or_default();
                Err(failed(format!("{code}\nReason: {reason}\nHTTP response body: {}", body.trim_end())))
            }
        }
    }

    fn value(&self, path: &str) -> Res<Value> {
        match self.ask(path)? {
            Answer::Value(value) => Ok(value),
            Answer::Missing => {
                Err(failed(format!("{}{path} is not there: is this a cluster's API?", self.host)))
            }
        }
    }

    /// What the server says of itself.
    ///
    /// # Errors
    /// No answer, or a refusal.
    pub fn version(&self) -> Res<Value> {
        self.value("/version")
    }

    /// All groups but the one without a name.
    ///
    /// # Errors
    /// No answer, or a refusal.
    pub fn groups(&self) -> Res<Vec<Group>> {
        let answer = self.value("/apis")?;
        let groups = list(&answer, "groups").iter().map(|group| Group {
            name: text(group, "name").to_owned(),
            versions: list(group, "versions")
                .iter()
                .map(|version| text(version, "groupVersion").to_owned())
                .collect(),
        });
        Ok(groups.collect())
    }

    /// The kinds of objects of one version; none where there is no such version.
    fn resources(&self, group_version: &str) -> Res<Vec<Resource>> {
        let Answer::Value(answer) = self.ask(&root(group_version))? else { return Ok(Vec::new()) };
        let resources =
            list(&answer, "resources").iter().filter(|resource| !text(resource, "name").contains('/'));
        let resources = resources.map(|resource| Resource {
            group_version: group_version.to_owned(),
            kind: text(resource, "kind").to_owned(),
            name: text(resource, "name").to_owned(),
            singular: match text(resource, "singularName") {
                "" => text(resource, "kind").to_lowercase(),
                name => name.to_owned(),
            },
            short_names: list(resource, "shortNames")
                .iter()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect(),
            namespaced: resource.get("namespaced").and_then(Value::as_bool).unwrap_or_default(),
            verbs: list(resource, "verbs").len(),
        });
        Ok(resources.collect())
    }

    /// Finds a kind by its name, else its plural or singular, else a short name. A version without a group (`v1`) is that of the
    /// nameless group, or of the only group that has such a kind.
    ///
    /// # Errors
    /// None or several, in Ansible's words.
    pub fn resource(&self, api_version: &str, kind: &str) -> Res<Resource> {
        let exact = self.resources(api_version)?;
        if let Some(found) = best(exact.iter().filter(|resource| resource.kind == kind)) {
            return Ok(found);
        }
        if !api_version.contains('/') {
            let suffix = format!("/{api_version}");
            let mut elsewhere = Vec::new();
            for group in self.groups()? {
                for version in group.versions.iter().filter(|version| version.ends_with(&suffix)) {
                    elsewhere.extend(
                        self.resources(version)?.into_iter().filter(|resource| resource.kind == kind),
                    );
                }
            }
            let first = elsewhere.first().map(|resource| resource.group_version.clone());
            if elsewhere.iter().all(|resource| Some(&resource.group_version) == first.as_ref())
                && let Some(found) = best(elsewhere.iter())
            {
                return Ok(found);
            }
        }
        let by_name = || exact.iter().find(|resource| resource.name == kind || resource.singular == kind);
        let by_short_name =
            || exact.iter().find(|resource| resource.short_names.iter().any(|name| name == kind));
        if let Some(found) = by_name().or_else(by_short_name) {
            return Ok(found.clone());
        }
        if let Some(item) = kind.strip_suffix("List")
            && exact.iter().any(|resource| resource.kind == item)
        {
            return Err(failed(format!("'{kind}' is a list of objects: ask for the kind '{item}'")));
        }
        Err(failed(format!(
            "No matches found for {{'prefix': None, 'api_version': '{api_version}', 'short_names': ['{kind}']}}"
        )))
    }

    fn address(resource: &Resource, namespace: Option<&str>) -> String {
        let namespace = namespace.map(|name| format!("/namespaces/{}", utf8_percent_encode(name, PLAIN)));
        format!("{}{}/{}", root(&resource.group_version), namespace.unwrap_or_default(), resource.name)
    }

    /// One object, if it is there.
    ///
    /// # Errors
    /// No answer, or a refusal.
    pub fn object(&self, resource: &Resource, namespace: Option<&str>, name: &str) -> Res<Option<Value>> {
        let path = format!("{}/{}", Self::address(resource, namespace), utf8_percent_encode(name, PLAIN));
        Ok(match self.ask(&path)? {
            Answer::Value(object) => Some(object),
            Answer::Missing => None,
        })
    }

    /// All objects that the selectors let through, each with its version and kind.
    ///
    /// # Errors
    /// No answer, or a refusal.
    pub fn objects(
        &self,
        resource: &Resource,
        namespace: Option<&str>,
        selectors: &[(&str, Option<String>)],
    ) -> Res<Vec<Value>> {
        let mut path = Self::address(resource, namespace);
        let mut mark = '?';
        for (name, selector) in selectors {
            if let Some(selector) = selector.as_ref().filter(|selector| !selector.is_empty()) {
                path += &format!("{mark}{name}={}", utf8_percent_encode(selector, PLAIN));
                mark = '&';
            }
        }
        let Answer::Value(answer) = self.ask(&path)? else { return Ok(Vec::new()) };
        let mut objects = Vec::new();
        for item in list(&answer, "items") {
            let mut item = item.as_map().cloned().unwrap_or_default();
            item.entry("apiVersion".into()).or_insert_with(|| Value::str(&resource.group_version));
            item.entry("kind".into()).or_insert_with(|| Value::str(&resource.kind));
            objects.push(Value::map(item));
        }
        Ok(objects)
    }
}

/// Of several that share a kind, the one that can do most.
fn best<'r>(resources: impl Iterator<Item = &'r Resource>) -> Option<Resource> {
    resources.max_by_key(|resource| resource.verbs).cloned()
}
