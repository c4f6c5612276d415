//! Filters of URLs.

use crate::template::eval::Call;
use crate::template::object::{Res, V, failed, text};
use crate::value::Value;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// What Python's `quote` leaves alone: letters, digits, `_.-~` and the slash.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'_').remove(b'.').remove(b'-').remove(b'~').remove(b'/');
/// In a query the slash goes too.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'_').remove(b'.').remove(b'-').remove(b'~');

pub fn urlencode(c: &mut Call) -> Res<V> {
    let query = |value: &V| -> Res<String> {
        Ok(utf8_percent_encode(&text(value)?, QUERY).to_string().replace("%20", "+"))
    };
    let pairs: Vec<(V, V)> = match &c.value {
        V::Dict(dict) => {
            dict.entries()?.into_iter().map(|(k, v)| Ok((V::from_value(&k)?, v))).collect::<Res<_>>()?
        }
        V::List(_) | V::Tuple(_) => c
            .value
            .items()?
            .iter()
            .map(|pair| {
                let pair = pair.items()?;
                match &pair[..] {
                    [key, value] => Ok((key.clone(), value.clone())),
                    _ => Err(failed("urlencode needs pairs")),
                }
            })
            .collect::<Res<_>>()?,
        V::Object(object) if object.is_range() => {
            return Err(failed("cannot unpack non-iterable int object"));
        }
        other => return Ok(V::from(utf8_percent_encode(&text(other)?, PATH).to_string())),
    };
    let parts: Vec<String> = pairs
        .iter()
        .map(|(key, value)| Ok(format!("{}={}", query(key)?, query(value)?)))
        .collect::<Res<_>>()?;
    Ok(V::from(parts.join("&")))
}

pub fn urldecode(c: &mut Call) -> Res<V> {
    let input = c.text_with("replace")?.replace('+', " ");
    Ok(V::from(percent_decode_str(&input).decode_utf8_lossy().into_owned()))
}

pub fn urlsplit(c: &mut Call) -> Res<V> {
    // As Python: line breaks and tabs are no part of addresses.
    let nothing = match &c.value {
        V::None | V::Bool(false) | V::Int(0) => true,
        V::Tuple(items) => items.is_empty(),
        _ => false,
    };
    let url = if nothing { String::new() } else { c.text_with("decode")? }.replace(['\n', '\r', '\t'], "");
    let (rest, fragment) = url.split_once('#').unwrap_or((&url, ""));
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (scheme, rest) = match rest.split_once(':') {
        Some((scheme, after))
            if scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c)) =>
        {
            (scheme.to_ascii_lowercase(), after)
        }
        _ => (String::new(), rest),
    };
    let (netloc, path) = match rest.strip_prefix("//") {
        Some(after) => after.split_at(after.find('/').unwrap_or(after.len())),
        None => ("", rest),
    };
    let (user, host) = match netloc.rsplit_once('@') {
        Some((user, host)) => (Some(user), host),
        None => (None, netloc),
    };
    let (username, password) = match user.map(|user| user.split_once(':').unwrap_or((user, "\0"))) {
        Some((name, "\0")) => (V::str(name), V::None),
        Some((name, password)) => (V::str(name), V::str(password)),
        None => (V::None, V::None),
    };
    let (hostname, port) = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, after)) => (address, after.strip_prefix(':')),
        None => match host.split_once(':') {
            Some((name, port)) => (name, Some(port)),
            None => (host, None),
        },
    };
    let port = match port.filter(|port| !port.is_empty()) {
        Some(port) => V::Int(
            port.parse()
                .map_err(|_| failed(format!("Port could not be cast to integer value as '{port}'")))?,
        ),
        None => V::None,
    };
    let hostname = if hostname.is_empty() { V::None } else { V::from(hostname.to_lowercase()) };
    let parts = [
        ("fragment", V::str(fragment)),
        ("hostname", hostname),
        ("netloc", V::str(netloc)),
        ("password", password),
        ("path", V::str(path)),
        ("port", port),
        ("query", V::str(query)),
        ("scheme", V::from(scheme)),
        ("username", username),
    ];
    // Python takes nothing for bytes.
    let parts = parts.map(|(name, value)| match value {
        V::Str(_) if nothing => (name, V::Bytes([].into())),
        value => (name, value),
    });
    match c.text(0)? {
        None => Ok(V::dict(parts.into_iter().map(|(name, value)| (Value::str(name), value)).collect())),
        Some(wanted) => match parts.into_iter().find(|(name, _)| *name == wanted) {
            Some((_, value)) => Ok(value),
            None => Err(failed(format!("urlsplit: unknown URL component: {wanted}"))),
        },
    }
}
