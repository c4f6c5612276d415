//! JSON, YAML and Base64.

use crate::diag::{Diagnostic, Severity};
use crate::source::yaml;
use crate::template::encodings::{decode, encode};
use crate::template::eval::{Call, charge, check_stack};
use crate::template::object::{Res, V, failed, text};
use crate::template::yaml_dump::{self, YamlStyle};
use crate::template::{TemplateErrorKind, is_omit};
use crate::value::{JsonStyle, Value, from_json as parse_json, marks, str_repr};
use base64::Engine;
use base64::engine::GeneralPurposeConfig;
use base64::engine::general_purpose::{GeneralPurpose, STANDARD, URL_SAFE};

fn named<'a>(c: &'a Call, name: &str) -> Option<&'a V> {
    c.named.iter().find(|(known, _)| &**known == name).map(|(_, value)| value)
}

fn flag(c: &Call, name: &str, default: bool) -> Res<bool> {
    named(c, name).map_or(Ok(default), V::truth)
}

fn width_of(value: Option<&V>) -> Res<Option<usize>> {
    match value {
        None | Some(V::None) => Ok(None),
        Some(value) => {
            let number = value.as_i64().or_else(|| value.as_str().and_then(|s| s.trim().parse().ok()));
            let number = number.ok_or_else(|| failed("indent must be a number"))?;
            let width = usize::try_from(number).unwrap_or(0);
            if width > 1000 {
                return Err(failed("an indentation of more than 1000 columns is too wide"));
            }
            Ok(Some(width))
        }
    }
}

/// Data for a serialiser: `omit` (which `refusal` is for) and unknown members have no place in it.
fn data(value: &V, refusal: &str) -> Res<Value> {
    if omits(value)? {
        return Err(failed(refusal));
    }
    let value = value.to_value()?;
    match value.unknown() {
        Some(why) => Err(crate::template::object::unknown(why)),
        None => Ok(value),
    }
}

fn json(c: &Call, mut style: JsonStyle) -> Res<V> {
    style.ascii = flag(c, "ensure_ascii", true)?;
    if let Some(separators) = named(c, "separators") {
        let parts: Vec<String> = separators.items()?.iter().map(text).collect::<Res<_>>()?;
        style.compact = parts.first().is_some_and(|s| s == ",") && parts.get(1).is_some_and(|s| s == ":");
    }
    // Ranges are no data, but JSON takes them.
    let value = match data(&c.value, NO_JSON) {
        Err(error) if error.kind == TemplateErrorKind::Failed => data(&ranges_as_lists(&c.value)?, NO_JSON)?,
        value => value?,
    };
    Ok(V::from(style.write(&value)))
}

/// Whether there is an `omit` among the members.
pub(super) fn omits(value: &V) -> Res<bool> {
    check_stack()?;
    // What holds itself twice at every level is looked at as often as it would be written.
    if matches!(value, V::List(_) | V::Tuple(_) | V::Dict(_)) {
        charge(160)?;
    }
    let any = |items: &mut dyn Iterator<Item = V>| -> Res<bool> {
        for item in items {
            if omits(&item)? {
                return Ok(true);
            }
        }
        Ok(false)
    };
    match value {
        V::Str(text) => Ok(is_omit(&Value::Str(text.clone()))),
        V::List(list) if !list.is_data() => any(&mut list.items()?.into_iter()),
        V::Tuple(items) => any(&mut items.iter().cloned()),
        V::Dict(dict) if !dict.is_data() => any(&mut dict.entries()?.into_values()),
        _ => Ok(false),
    }
}

/// What the serialisers say of a member that is `omit`.
const NO_JSON: &str = "Object of type '_OmitType' is not JSON serializable by the 'tagless' profile.";
const NO_YAML: &str = "('cannot represent an object', <<Omit>>)";

/// The value with lists in place of ranges.
fn ranges_as_lists(value: &V) -> Res<V> {
    check_stack()?;
    charge(160)?;
    Ok(match value {
        V::Object(object) if object.is_range() => V::list(value.items()?),
        V::List(_) | V::Tuple(_) => V::list(value.items()?.iter().map(ranges_as_lists).collect::<Res<_>>()?),
        V::Dict(dict) => {
            let entries = dict.entries()?.into_iter();
            V::dict(entries.map(|(key, item)| Ok((key, ranges_as_lists(&item)?))).collect::<Res<_>>()?)
        }
        other => other.clone(),
    })
}

pub fn to_json(c: &mut Call) -> Res<V> {
    let style = JsonStyle {
        indent: width_of(named(c, "indent"))?,
        sort_keys: flag(c, "sort_keys", false)?,
        ..JsonStyle::default()
    };
    json(c, style)
}

pub fn to_nice_json(c: &mut Call) -> Res<V> {
    let indent = width_of(c.given(0))?.unwrap_or(4);
    let style = JsonStyle { indent: Some(indent), sort_keys: c.flag_or(1, true)?, ..JsonStyle::default() };
    json(c, style)
}

pub fn from_json(c: &mut Call) -> Res<V> {
    let text = match &c.value {
        V::Str(text) => text.to_string(),
        V::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        other => {
            return Err(failed(format!(
                "the JSON object must be str, bytes or bytearray, not {}",
                other.type_name()
            )));
        }
    };
    match parse_json(&text) {
        Ok(value) => match named(c, "profile") {
            Some(V::Str(profile)) if &**profile == "inventory_legacy" && is_authored(&c.value) => {
                V::from_value(&legacy(value))
            }
            _ => V::from_value(&value),
        },
        Err(message) => Err(failed(super::json_errors::explain(&text).unwrap_or(message))),
    }
}

fn is_authored(value: &V) -> bool {
    matches!(value, V::Str(text) if marks::is_authored(text))
}

/// What an inventory program prints: its texts are an author's, but for those that say that they are not.
fn legacy(value: Value) -> Value {
    match value {
        Value::Str(text) => {
            marks::author(&text);
            Value::Str(text)
        }
        Value::List(items) => Value::list(items.iter().cloned().map(legacy).collect()),
        Value::Map(map) => match map.get("__ansible_unsafe") {
            Some(text) if map.len() == 1 => text.clone(),
            _ => Value::map(map.iter().map(|(key, item)| (key.clone(), legacy(item.clone()))).collect()),
        },
        other => other,
    }
}

fn yaml_style(c: &Call) -> Res<YamlStyle> {
    let mut style = YamlStyle { vault_tags: true, ..YamlStyle::default() };
    for (name, value) in &c.named {
        match &**name {
            "indent" => style.indent = width_of(Some(value))?.unwrap_or(2),
            "width" => style.width = width_of(Some(value))?.unwrap_or(80),
            "sort_keys" => style.sort_keys = value.truth()?,
            "allow_unicode" => style.allow_unicode = value.truth()?,
            "explicit_start" => style.explicit_start = value.truth()?,
            "explicit_end" => style.explicit_end = value.truth()?,
            "default_style" => style.default_style = text(value)?.chars().next(),
            // Accepted by PyYAML without a difference for plain data.
            "canonical" | "encoding" | "line_break" | "version" | "tags" => {}
            other => return Err(failed(format!("dump_all() got an unexpected keyword argument '{other}'"))),
        }
    }
    Ok(style)
}

pub fn to_yaml(c: &mut Call) -> Res<V> {
    let mut style = yaml_style(c)?;
    style.flow = c.given(0).map(V::truth).transpose()?;
    Ok(V::from(yaml_dump::dump(&data(&c.value, NO_YAML)?, &style)))
}

pub fn to_nice_yaml(c: &mut Call) -> Res<V> {
    let mut style = yaml_style(c)?;
    style.indent = width_of(c.given(0))?.unwrap_or(4);
    style.flow = Some(c.flag(1)?);
    Ok(V::from(yaml_dump::dump(&data(&c.value, NO_YAML)?, &style)))
}

/// All documents of a YAML text.
///
/// # Errors
/// The parser's.
pub fn load_yaml(text: &str, single: bool) -> Res<Vec<Value>> {
    use crate::diag::SourceFile;
    let file = std::sync::Arc::new(SourceFile { path: "<text>".into(), text: text.into() });
    let loaded =
        if single { yaml::parse(&file).map(|document| vec![document]) } else { yaml::parse_all(&file) };
    let loaded = loaded.map_err(|diagnostic| failed(diagnostic.summary))?;
    Ok(loaded.iter().map(|document| document.node.to_value()).collect())
}

/// That a filter has nothing to read.
fn no_text(c: &Call, filter: &str) {
    let message = format!(
        "The {filter} filter ignored non-string input of type {}. This feature will be removed from ansible-core version 2.23.",
        str_repr(c.value.type_name())
    );
    c.eval.ctx.engine().warn(Diagnostic::new(Severity::Deprecation, "no-text", message));
}

pub fn from_yaml(c: &mut Call) -> Res<V> {
    match &c.value {
        V::Str(text) => match load_yaml(text, true)?.first() {
            Some(value) => V::from_value(value),
            None => Ok(V::None),
        },
        // Nothing to parse: data goes through.
        other => {
            no_text(c, "from_yaml");
            Ok(other.clone())
        }
    }
}

pub fn from_yaml_all(c: &mut Call) -> Res<V> {
    match &c.value {
        V::Str(text) => {
            let documents: Vec<V> = load_yaml(text, false)?.iter().map(V::from_value).collect::<Res<_>>()?;
            Ok(V::list(documents))
        }
        V::None => Ok(V::list(Vec::new())),
        other => {
            no_text(c, "from_yaml_all");
            Ok(other.clone())
        }
    }
}

pub fn b64encode(c: &mut Call) -> Res<V> {
    let bytes = match &c.value {
        V::Bytes(bytes) => bytes.to_vec(),
        _ => encode(&c.input()?, &c.text_or(0, "utf-8")?)?,
    };
    Ok(V::from(if c.flag(1)? { URL_SAFE.encode(bytes) } else { STANDARD.encode(bytes) }))
}

pub fn b64decode(c: &mut Call) -> Res<V> {
    let url_safe = c.flag(1)?;
    // Python skips what is not of the alphabet.
    let text: String = c
        .input()?
        .chars()
        .map(|ch| match ch {
            '-' if url_safe => '+',
            '_' if url_safe => '/',
            other => other,
        })
        .filter(|ch| ch.is_ascii_alphanumeric() || matches!(ch, '+' | '/' | '='))
        .collect();
    let lenient = GeneralPurpose::new(
        &base64::alphabet::STANDARD,
        GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
    );
    let bytes = lenient.decode(&text).map_err(|_| failed("Incorrect padding"))?;
    Ok(V::from(decode(&bytes, &c.text_or(0, "utf-8")?)?))
}
