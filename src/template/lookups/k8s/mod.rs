//! The lookup `kubernetes.core.k8s`: objects of a Kubernetes cluster.

mod access;
mod cluster;
mod kubeconfig;

use super::Lookup;
use crate::diag::errno;
use crate::template::filters::load_yaml;
use crate::template::object::{Res, V, failed, text};
use crate::value::Value;
use access::Access;
use cluster::Cluster;

/// What to look for.
#[derive(Default)]
struct Wanted {
    kind: String,
    api_version: String,
    name: Option<String>,
    namespace: Option<String>,
}

/// `lookup('kubernetes.core.k8s', …)`.
///
/// # Errors
/// No kind, no such kind, no access, what the cluster refuses.
pub fn k8s(lookup: &mut Lookup) -> Res<Vec<V>> {
    let access = Access::read(lookup)?;
    let cluster = Cluster::open(access)?;
    match lookup.text("cluster_info")?.as_deref() {
        Some("version") => {
            let version = Value::object([("kubernetes", cluster.version()?)]);
            return Ok(vec![V::from_value(&version)?]);
        }
        Some("api_groups") => {
            let mut groups = vec![Value::str("")];
            groups.extend(cluster.groups()?.iter().map(|group| Value::str(&group.name)));
            return Ok(vec![V::from_value(&Value::list(groups))?]);
        }
        _ => {}
    }
    let wanted = wanted(lookup)?;
    let resource = cluster.resource(&wanted.api_version, &wanted.kind)?;
    let namespace = wanted.namespace.as_deref().filter(|_| resource.namespaced);
    if let Some(name) = &wanted.name {
        let found = cluster.object(&resource, namespace, name)?;
        return found.iter().map(V::from_value).collect();
    }
    let selectors = [
        ("labelSelector", lookup.text("label_selector")?),
        ("fieldSelector", lookup.text("field_selector")?),
    ];
    cluster.objects(&resource, namespace, &selectors)?.iter().map(V::from_value).collect()
}

/// The options; a definition's own words come first.
fn wanted(lookup: &Lookup) -> Res<Wanted> {
    let given =
        |name: &str| -> Res<Option<String>> { Ok(lookup.text(name)?.filter(|text| !text.is_empty())) };
    let definition = match (lookup.option("resource_definition"), given("src")?) {
        (_, Some(path)) => {
            let content = std::fs::read_to_string(&path)
                .map_err(|error| failed(format!("{}: '{path}'", errno(&error))))?;
            load_yaml(&content, false)?.into_iter().next()
        }
        (Some(V::Str(content)), None) => load_yaml(content, false)?.into_iter().next(),
        (Some(definition), None) => Some(definition.to_value()?),
        (None, None) => None,
    };
    let defined = |path: &[&str]| {
        let value = definition.as_ref()?.path(path)?;
        value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let kind = match defined(&["kind"]) {
        Some(kind) => kind,
        None => given("kind")?.ok_or_else(|| {
            failed(
                "Error: no Kind specified. Use the 'kind' parameter, or provide an object YAML configuration using the \
                 'resource_definition' parameter.",
            )
        })?,
    };
    let api_version = match defined(&["apiVersion"]) {
        Some(version) => version,
        None => given("api_version")?.unwrap_or_else(|| "v1".to_owned()),
    };
    let name =
        defined(&["metadata", "name"]).map_or_else(|| given("resource_name"), |name| Ok(Some(name)))?;
    let namespace =
        defined(&["metadata", "namespace"]).map_or_else(|| given("namespace"), |name| Ok(Some(name)))?;
    Ok(Wanted { kind, api_version, name, namespace })
}

/// A list of texts, or one.
fn texts(value: Option<&V>) -> Res<Vec<String>> {
    match value {
        None | Some(V::None) => Ok(Vec::new()),
        Some(V::Str(one)) => Ok(vec![one.to_string()]),
        Some(list) => list.items()?.iter().map(text).collect(),
    }
}
