//! Tests (`x is name`): one table, one line per test.

mod files;
mod network;
mod results;
mod types;
mod version;

pub use types::undefined as is_undefined;
pub use version::{compare_versions, satisfies};

use super::eval::{Call, Params};
use super::object::{Res, V, compare, contains, equal, failed};
use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::OnceLock;

/// A test: its names, parameters and function.
pub struct TestDef {
    pub names: &'static [&'static str],
    pub params: Params,
    pub run: fn(&mut Call) -> Res<bool>,
}

const fn test(
    names: &'static [&'static str],
    params: &'static str,
    run: fn(&mut Call) -> Res<bool>,
) -> TestDef {
    TestDef { names, params: Params(params), run }
}

#[rustfmt::skip]
static TESTS: &[TestDef] = &[
    test(&["defined"], "!", |c| Ok(!types::undefined(&c.value))),
    test(&["undefined"], "!", |c| Ok(types::undefined(&c.value))),
    test(&["string"], "", |c| Ok(matches!(c.value, V::Str(_)))),
    test(&["none"], "", |c| Ok(matches!(c.value, V::None))),
    test(&["boolean"], "", |c| Ok(matches!(c.value, V::Bool(_)))),
    test(&["true"], "", |c| Ok(matches!(c.value, V::Bool(true)))),
    test(&["false"], "", |c| Ok(matches!(c.value, V::Bool(false)))),
    test(&["integer"], "", |c| Ok(matches!(c.value, V::Int(_) | V::Big(_)))),
    test(&["float"], "", |c| Ok(matches!(c.value, V::Float(_)))),
    test(&["number"], "", |c| Ok(c.value.is_number())),
    test(&["mapping"], "", |c| Ok(matches!(c.value, V::Dict(_)))),
    test(&["sequence"], "", |c| Ok(c.value.len().is_some())),
    test(&["iterable"], "", |c| Ok(c.value.items().is_ok())),
    test(&["callable"], "", |c| Ok(matches!(&c.value, V::Object(object) if object.callable()))),
    test(&["escaped"], "", |_| Ok(false)),
    test(&["truthy"], "convert_bool?", types::truthy),
    test(&["falsy"], "convert_bool?", |c| types::truthy(c).map(|truth| !truth)),
    test(&["even"], "", |c| types::remainder_is(c, &V::Int(2), 0)),
    test(&["odd"], "", |c| types::remainder_is(c, &V::Int(2), 1)),
    test(&["divisibleby"], "num", |c| types::remainder_is(c, c.need(0)?, 0)),
    test(&["lower"], "", |c| { let s = c.input()?; Ok(s.to_lowercase() == s && s.to_uppercase() != s) }),
    test(&["upper"], "", |c| { let s = c.input()?; Ok(s.to_uppercase() == s && s.to_lowercase() != s) }),
    test(&["nan", "isnan"], "", types::nan),
    test(&["filter"], "", |c| types::named(c, |name| super::filters::find(name).is_some())),
    test(&["test"], "", |c| types::named(c, |name| find(name).is_some())),
    test(&["eq", "equalto", "=="], "other", |c| same(&c.value, c.need(0)?)),
    test(&["ne", "!="], "other", |c| same(&c.value, c.need(0)?).map(|same| !same)),
    test(&["lt", "lessthan", "<"], "other", |c| order(c, "<", |o| o == Ordering::Less)),
    test(&["le", "<="], "other", |c| order(c, "<=", |o| o != Ordering::Greater)),
    test(&["gt", "greaterthan", ">"], "other", |c| order(c, ">", |o| o == Ordering::Greater)),
    test(&["ge", ">="], "other", |c| order(c, ">=", |o| o != Ordering::Less)),
    test(&["in"], "seq", |c| has(c.need(0)?, &c.value)),
    test(&["contains"], "value", |c| has(&c.value, c.need(0)?)),
    test(&["sameas"], "other", types::same_as),
    test(&["all"], "", |c| { for v in c.value.items()? { if !v.truth()? { return Ok(false); } } Ok(true) }),
    test(&["any"], "", |c| { for v in c.value.items()? { if v.truth()? { return Ok(true); } } Ok(false) }),
    test(&["subset", "issubset"], "b", |c| types::subset(&c.value, c.need(0)?)),
    test(&["superset", "issuperset"], "b", |c| types::subset(c.need(0)?, &c.value)),
    test(&["match"], "pattern? ignorecase? multiline?", |c| types::matches(c, "match")),
    test(&["search"], "pattern? ignorecase? multiline?", |c| types::matches(c, "search")),
    test(&["regex"], "pattern? ignorecase? multiline? match_type?", |c| types::matches(c, "regex")),
    test(&["uri"], "schemes?", types::uri),
    test(&["url"], "schemes?", types::url),
    test(&["urn"], "", types::urn),
    test(&["vault_encrypted"], "!!", types::is_vaulted),
    test(&["vaulted_file"], "", files::vaulted),
    test(&["version", "version_compare"], "version operator? strict? version_type?", version::version),
    test(&["succeeded", "success", "successful"], "", |c| results::failed_flag(c, "succeeded").map(|f| !f)),
    test(&["failed", "failure"], "", |c| results::failed_flag(c, "failed")),
    test(&["changed", "change"], "", results::changed),
    test(&["skipped", "skip"], "", |c| results::flag(c, "skipped", "skipped")),
    test(&["unreachable"], "", |c| results::flag(c, "unreachable", "unreachable")),
    test(&["reachable"], "", |c| results::flag(c, "reachable", "unreachable").map(|flag| !flag)),
    test(&["timedout"], "", results::timed_out),
    test(&["started"], "", results::started),
    test(&["finished"], "", results::finished),
    test(&["file", "is_file"], "", |c| files::kind(c, |m| m.is_file())),
    test(&["directory", "is_dir"], "", |c| files::kind(c, |m| m.is_dir())),
    test(&["exists"], "", |c| files::kind(c, |_| true)),
    test(&["link", "is_link"], "", files::link),
    test(&["link_exists"], "", files::link_exists),
    test(&["mount", "is_mount"], "", files::mount),
    test(&["abs", "is_abs"], "", |c| Ok(c.path()?.starts_with('/'))),
    test(&["same_file", "is_same_file"], "path", files::same_file),
    // Ansible's internal ones.
    test(&["ansible._protomatter.tagged"], "", |c| Ok(types::mark(&c.value).is_some())),
    test(&["ansible._protomatter.tagged_with"], "tag_name", types::tagged_with),
    // Of community.general.
    test(&["community.general.a_module"], "", types::a_module),
    test(&["community.general.ansible_type"], "dtype alias?", types::ansible_type),
    test(&["community.general.fqdn_valid"], "min_labels? allow_underscores?", network::fqdn_valid),
    // Of ansible.utils.
    test(&["ansible.utils.ip"], "", |c| network::ip(c, None)),
    test(&["ansible.utils.ip_address"], "", |c| network::ip_address(c, None)),
    test(&["ansible.utils.ipv4"], "", |c| network::ip(c, Some(false))),
    test(&["ansible.utils.ipv4_address"], "", |c| network::ip_address(c, Some(false))),
    test(&["ansible.utils.ipv4_hostmask"], "", |c| network::mask(c, true)),
    test(&["ansible.utils.ipv4_netmask"], "", |c| network::mask(c, false)),
    test(&["ansible.utils.ipv6"], "", |c| network::ip(c, Some(true))),
    test(&["ansible.utils.ipv6_address"], "", |c| network::ip_address(c, Some(true))),
    test(&["ansible.utils.ipv6_ipv4_mapped"], "", network::mapped),
    test(&["ansible.utils.ipv6_sixtofour"], "", network::six_to_four),
    test(&["ansible.utils.ipv6_teredo"], "", network::teredo),
    test(&["ansible.utils.loopback"], "", network::loopback),
    test(&["ansible.utils.mac"], "", network::mac),
    test(&["ansible.utils.multicast"], "", network::multicast),
    test(&["ansible.utils.private"], "", network::private),
    test(&["ansible.utils.public"], "", network::public),
    test(&["ansible.utils.reserved"], "", network::reserved),
    test(&["ansible.utils.resolvable"], "", network::resolvable),
    test(&["ansible.utils.unspecified"], "", network::unspecified),
    test(&["ansible.utils.subnet_of", "ansible.utils.in_network"], "other", network::subnet_of),
    test(&["ansible.utils.supernet_of"], "other", network::supernet_of),
    test(&["ansible.utils.in_any_network"], "networks", |c| network::networks_around(c).map(|n| n > 0)),
    test(&["ansible.utils.validate"], "* **", super::filters::validate_test),
    test(&["ansible.utils.in_one_network"], "networks", |c| network::networks_around(c).map(|n| n == 1)),
];

/// A test by its name, with or without `ansible.builtin.`.
pub fn find(name: &str) -> Option<&'static TestDef> {
    static INDEX: OnceLock<HashMap<&'static str, &'static TestDef>> = OnceLock::new();
    let index =
        INDEX.get_or_init(|| TESTS.iter().flat_map(|def| def.names.iter().map(move |n| (*n, def))).collect());
    index.get(super::filters::short_name(name)).copied()
}

/// The names of all tests, for guessing what was meant.
pub fn names() -> impl Iterator<Item = &'static str> {
    TESTS.iter().flat_map(|def| def.names.iter().copied())
}

/// What a comparison looks at first, the items of a list or mapping, is there.
fn surface(value: &V) -> Res<()> {
    match value {
        V::List(_) | V::Tuple(_) => value.items()?.iter().try_for_each(V::check),
        V::Dict(dict) => dict.entries()?.values().try_for_each(V::check),
        _ => value.check(),
    }
}

/// Whether two values are equal; what is missing in a part of them matters as soon as that part is looked at.
fn same(a: &V, b: &V) -> Res<bool> {
    super::eval::check_stack()?;
    surface(a)?;
    surface(b)?;
    match (a, b) {
        (V::List(_), V::List(_)) | (V::Tuple(_), V::Tuple(_)) if a.len() == b.len() => {
            for (a, b) in a.items()?.iter().zip(&b.items()?) {
                if !same(a, b)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        (V::Dict(a), V::Dict(b)) if a.len() == b.len() => {
            for (key, a) in a.entries()? {
                match b.get(&key).transpose()? {
                    Some(b) if same(&a, &b)? => {}
                    _ => return Ok(false),
                }
            }
            Ok(true)
        }
        _ => equal(a, b),
    }
}

/// Whether a container has an item.
fn has(container: &V, item: &V) -> Res<bool> {
    // Of a mapping only the keys are looked at.
    if !matches!(container, V::Dict(_)) {
        surface(container)?;
    }
    surface(item)?;
    if container.is_sequence() {
        for candidate in container.items()? {
            if same(&candidate, item)? {
                return Ok(true);
            }
        }
        return Ok(false);
    }
    contains(container, item)
}

fn order(c: &Call, symbol: &str, holds: fn(Ordering) -> bool) -> Res<bool> {
    let (a, b) = (&c.value, c.need(0)?);
    surface(a)?;
    surface(b)?;
    if let (V::List(_), V::List(_)) | (V::Tuple(_), V::Tuple(_)) = (a, b) {
        // The first items that differ decide.
        for (a, b) in a.items()?.iter().zip(&b.items()?) {
            if !same(a, b)? {
                return Ok(compare(a, b, symbol)?.is_some_and(holds));
            }
        }
    }
    Ok(compare(a, b, symbol)?.is_some_and(holds))
}

/// A mapping, or the error of a test for results.
fn result_of<'a>(c: &'a Call, test: &str) -> Res<&'a super::object::Dict> {
    match &c.value {
        V::Dict(dict) => Ok(dict),
        _ => Err(failed(format!("The '{test}' test expects a dictionary"))),
    }
}
