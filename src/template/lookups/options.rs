//! The options of lookups as their documentation lists them: an argument, else a variable, the environment, the
//! configuration file; each with a type. What has none here is taken as it is.

use super::Lookup;
use crate::template::TemplateError;
use crate::template::object::{Res, V, failed, repr, text};

/// The type of an option, with the word that Ansible has for it.
#[derive(Clone, Copy)]
pub enum Kind {
    /// What is neither true nor false is false.
    Bool,
    Float,
    Int(&'static str),
    Str(&'static str),
    /// A text is split at commas.
    List,
    Dict(&'static str),
    Choice(&'static [&'static str]),
}

/// One option. Empty texts stand for places it cannot be set in.
pub struct Opt {
    pub name: &'static str,
    pub kind: Kind,
    pub variable: &'static str,
    pub environment: &'static str,
    /// `section.key`
    pub ini: &'static str,
}

/// An option that only an argument sets.
const fn argument(name: &'static str, kind: Kind) -> Opt {
    Opt { name, kind, variable: "", environment: "", ini: "" }
}

const fn set(
    name: &'static str,
    kind: Kind,
    variable: &'static str,
    environment: &'static str,
    ini: &'static str,
) -> Opt {
    Opt { name, kind, variable, environment, ini }
}

const INT: Kind = Kind::Int("int");
const STR: Kind = Kind::Str("str");
const STRING: Kind = Kind::Str("string");

pub static NONE: &[Opt] = &[];

pub static BINARY_FILE: &[Opt] = &[argument("not_exist", Kind::Choice(&["error", "empty", "empty_str"]))];

pub static CONFIG: &[Opt] = &[
    argument("on_missing", Kind::Choice(&["error", "warn", "skip"])),
    argument(
        "plugin_type",
        Kind::Choice(&[
            "become",
            "cache",
            "callback",
            "cliconf",
            "connection",
            "httpapi",
            "inventory",
            "lookup",
            "netconf",
            "shell",
            "vars",
        ]),
    ),
    argument("plugin_name", STRING),
    argument("show_origin", Kind::Bool),
];

pub static CSVFILE: &[Opt] = &[argument("col", INT), argument("keycol", INT)];

pub static DNS: &[Opt] = &[
    argument(
        "type",
        Kind::Choice(&[
            "A",
            "AAAA",
            "CAA",
            "CNAME",
            "DNAME",
            "DNSKEY",
            "DS",
            "HINFO",
            "HTTPS",
            "LOC",
            "MX",
            "NAPTR",
            "NS",
            "NSEC",
            "NSEC3",
            "NSEC3PARAM",
            "PTR",
            "RP",
            "RRSIG",
            "SOA",
            "SPF",
            "SRV",
            "SSHFP",
            "SVCB",
            "TLSA",
            "TXT",
        ]),
    ),
    argument("query_retry", INT),
    argument("query_timeout", Kind::Float),
    argument("search", Kind::Bool),
    argument("server", Kind::List),
    argument("servfail_retries", INT),
    argument("nxdomain_handling", Kind::Choice(&["empty", "fail", "message"])),
];

pub static FILE: &[Opt] = &[argument("rstrip", Kind::Bool), argument("lstrip", Kind::Bool)];

pub static INI: &[Opt] = &[
    argument("type", Kind::Choice(&["ini", "properties"])),
    argument("re", Kind::Bool),
    argument("allow_no_value", Kind::Bool),
    argument("allow_none", Kind::Bool),
    argument("interpolation", Kind::Bool),
];

#[rustfmt::skip]
pub static MERGE_VARIABLES: &[Opt] = &[
    set("pattern_type", Kind::Choice(&["prefix", "suffix", "regex"]), "", "ANSIBLE_MERGE_VARIABLES_PATTERN_TYPE", "merge_variables_lookup.pattern_type"),
    set("override", Kind::Choice(&["error", "warn", "ignore"]), "", "ANSIBLE_MERGE_VARIABLES_OVERRIDE", "merge_variables_lookup.override"),
];

pub static PASSWORD: &[Opt] =
    &[argument("ident", STRING), argument("length", Kind::Int("integer")), argument("seed", STR)];

pub static RANDOM_PET: &[Opt] =
    &[argument("words", INT), argument("length", INT), argument("prefix", STR), argument("separator", STR)];

pub static RANDOM_STRING: &[Opt] = &[
    argument("length", INT),
    argument("upper", Kind::Bool),
    argument("lower", Kind::Bool),
    argument("numbers", Kind::Bool),
    argument("special", Kind::Bool),
    argument("min_lower", INT),
    argument("min_upper", INT),
    argument("min_numeric", INT),
    argument("min_special", INT),
    argument("override_special", STR),
    argument("override_all", STR),
    argument("ignore_similar_chars", Kind::Bool),
    argument("similar_chars", STR),
    argument("seed", STR),
    argument("base64", Kind::Bool),
];

pub static TEMPLATE: &[Opt] = &[
    argument("convert_data", Kind::Bool),
    argument("variable_start_string", STR),
    argument("variable_end_string", STR),
    argument("jinja2_native", Kind::Bool),
    argument("template_vars", Kind::Dict("dict")),
    argument("comment_start_string", STR),
    argument("comment_end_string", STR),
    argument("trim_blocks", Kind::Bool),
];

#[rustfmt::skip]
pub static URL: &[Opt] = &[
    argument("validate_certs", Kind::Bool),
    argument("split_lines", Kind::Bool),
    argument("use_proxy", Kind::Bool),
    argument("username", STRING),
    argument("password", STRING),
    argument("headers", Kind::Dict("dictionary")),
    set("force", Kind::Bool, "ansible_lookup_url_force", "ANSIBLE_LOOKUP_URL_FORCE", "url_lookup.force"),
    set("timeout", Kind::Float, "ansible_lookup_url_timeout", "ANSIBLE_LOOKUP_URL_TIMEOUT", "url_lookup.timeout"),
    set("http_agent", STRING, "ansible_lookup_url_agent", "ANSIBLE_LOOKUP_URL_AGENT", "url_lookup.agent"),
    set("force_basic_auth", Kind::Bool, "ansible_lookup_url_force_basic_auth", "ANSIBLE_LOOKUP_URL_FORCE_BASIC_AUTH", "url_lookup.force_basic_auth"),
    set("follow_redirects", Kind::Choice(&["all", "none", "safe", "urllib2", "no", "yes"]), "ansible_lookup_url_follow_redirects", "ANSIBLE_LOOKUP_URL_FOLLOW_REDIRECTS", "url_lookup.follow_redirects"),
    set("use_gssapi", Kind::Bool, "ansible_lookup_url_use_gssapi", "ANSIBLE_LOOKUP_URL_USE_GSSAPI", "url_lookup.use_gssapi"),
    set("use_netrc", Kind::Bool, "ansible_lookup_url_use_netrc", "ANSIBLE_LOOKUP_URL_USE_NETRC", "url_lookup.use_netrc"),
    set("unix_socket", STRING, "ansible_lookup_url_unix_socket", "ANSIBLE_LOOKUP_URL_UNIX_SOCKET", "url_lookup.unix_socket"),
    set("ca_path", STRING, "ansible_lookup_url_ca_path", "ANSIBLE_LOOKUP_URL_CA_PATH", "url_lookup.ca_path"),
    set("unredirected_headers", Kind::List, "ansible_lookup_url_unredir_headers", "ANSIBLE_LOOKUP_URL_UNREDIR_HEADERS", "url_lookup.unredirected_headers"),
    set("ciphers", Kind::List, "ansible_lookup_url_ciphers", "ANSIBLE_LOOKUP_URL_CIPHERS", "url_lookup.ciphers"),
];

/// Checks the arguments of a lookup against its options, and adds those that are set elsewhere.
///
/// # Errors
/// A value that is not of its option's type, with its place.
pub fn apply(lookup: &mut Lookup, name: &str, table: &'static [Opt]) -> Res<()> {
    for option in table {
        let given = given(lookup, option)?;
        // An argument that is nothing is as good as none.
        lookup.options.retain(|(known, _)| **known != *option.name);
        let Some((value, origin)) = given else { continue };
        let typed = option.typed(&value, |wrong| option.refusal(&value, wrong, name, &origin))?;
        lookup.options.push((option.name.into(), typed));
    }
    Ok(())
}

/// What is wrong with a value.
enum Wrong {
    Type(&'static str),
    Choice(&'static [&'static str]),
}

/// What an option is set to, and where.
fn given(lookup: &Lookup, option: &Opt) -> Res<Option<(V, String)>> {
    if let Some(value) = lookup.option(option.name).filter(|value| !matches!(value, V::None)) {
        return Ok(Some((value.clone(), "Direct".to_owned())));
    }
    let ctx = &lookup.eval.ctx;
    if !option.variable.is_empty()
        && let Some(value) = ctx.variable(option.variable)?
    {
        return Ok(Some((value.need()?, format!("var: {}", option.variable))));
    }
    let Some(settings) = &ctx.engine().settings().config else { return Ok(None) };
    let found = settings.of_plugin(option.environment, option.ini);
    Ok(found.map(|(text, origin)| (V::str(text), origin.to_string())))
}

/// As Ansible calls a plugin: `'url' lookup plugin`.
fn plugin(name: &str) -> String {
    match name.rsplit_once('.') {
        Some((collection, name)) if collection != "ansible.builtin" => {
            format!("'ansible_collections.{collection}.plugins.lookup.{name}' lookup plugin")
        }
        _ => format!("'{}' lookup plugin", name.rsplit('.').next().unwrap_or(name)),
    }
}

impl Opt {
    fn typed(&self, value: &V, wrong: impl Fn(Wrong) -> TemplateError) -> Res<V> {
        let number = || {
            let number = value.as_f64().or_else(|| value.as_str().and_then(|text| text.trim().parse().ok()));
            number.filter(|number| number.is_finite())
        };
        match self.kind {
            Kind::Bool => Ok(V::Bool(value.to_value()?.ansible_bool().unwrap_or(false))),
            Kind::Float => number().map(V::Float).ok_or_else(|| wrong(Wrong::Type("float"))),
            Kind::Int(word) => {
                let whole = number().filter(|number| number.fract() == 0.0 && number.abs() < 9e15);
                whole.map(|number| V::Int(number as i64)).ok_or_else(|| wrong(Wrong::Type(word)))
            }
            Kind::Str(word) => match value {
                V::Str(_) => Ok(value.clone()),
                V::Bool(_) | V::Int(_) | V::Float(_) => text(value).map(V::str),
                _ => Err(wrong(Wrong::Type(word))),
            },
            Kind::List => match value {
                V::Str(names) => Ok(V::list(names.split(',').map(|name| V::str(name.trim())).collect())),
                V::List(_) => Ok(value.clone()),
                _ => Err(wrong(Wrong::Type("list"))),
            },
            Kind::Dict(word) => match value {
                V::Dict(_) => Ok(value.clone()),
                _ => Err(wrong(Wrong::Type(word))),
            },
            Kind::Choice(choices) => match value.as_str() {
                Some(choice) if choices.contains(&choice) => Ok(value.clone()),
                _ => Err(wrong(Wrong::Choice(choices))),
            },
        }
    }

    fn refusal(&self, value: &V, wrong: Wrong, name: &str, origin: &str) -> TemplateError {
        let (option, plugin) = (self.name, plugin(name));
        match wrong {
            Wrong::Choice(choices) => {
                let shown = text(value).unwrap_or_default();
                failed(format!("Invalid value '{shown}' for config '{option}' for {plugin}."))
                    .with_help(format!("Valid values are: {}", choices.join(", ")))
                    .linked(None, false)
            }
            Wrong::Type(kind) => {
                let shown = repr(value).unwrap_or_default();
                failed(format!(
                    "Config '{option}' for {plugin} from '{origin}' has an invalid value: \
                     Invalid value provided for '{kind}': {shown}"
                ))
            }
        }
    }
}
