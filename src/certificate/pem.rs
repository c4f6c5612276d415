//! Texts between `-----BEGIN X-----` and `-----END X-----`.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

const DASHES: &str = "-----";

/// What stands between a label and its end.
pub struct Object {
    pub label: String,
    pub der: Vec<u8>,
}

fn base64() -> GeneralPurpose {
    GeneralPurpose::new(
        &STANDARD,
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
    )
}

/// All objects of a text, in its order.
///
/// # Errors
/// What is wrong, in the words of the library that Ansible uses.
pub fn objects(text: &str) -> Result<Vec<Object>, String> {
    let malformed = || "MalformedFraming".to_owned();
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("-----BEGIN ") {
        let after = &rest[start + "-----BEGIN ".len()..];
        let (label, body) = after.split_once(DASHES).ok_or_else(malformed)?;
        let (body, after) = body.split_once("-----END ").ok_or_else(malformed)?;
        let (end, after) = after.split_once(DASHES).ok_or_else(malformed)?;
        if label != end {
            return Err(format!("MismatchedTags({label:?}, {end:?})"));
        }
        // Headers, such as `Proc-Type: 4,ENCRYPTED`, end with an empty line.
        let body = body.trim_start().replace("\r\n", "\n");
        let body =
            body.split_once("\n\n").map_or(body.as_str(), |(headers, rest)| match headers.contains(':') {
                true => rest,
                false => &body,
            });
        let packed: String = body.chars().filter(|c| !c.is_ascii_whitespace()).collect();
        let der = base64().decode(packed).map_err(|error| format!("InvalidData({error})"))?;
        found.push(Object { label: label.to_owned(), der });
        rest = after;
    }
    match found.is_empty() {
        true => Err(malformed()),
        false => Ok(found),
    }
}

/// An object as a text.
pub fn write(label: &str, der: &[u8]) -> String {
    let packed = base64().encode(der);
    let mut out = format!("-----BEGIN {label}-----\n");
    let mut rest = packed.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(64));
        out.push_str(line);
        out.push('\n');
        rest = after;
    }
    out.push_str(&format!("-----END {label}-----\n"));
    out
}

/// The objects of a text as texts: whole lines from one that begins with `-----BEGIN ` to one that begins with `-----END `.
/// Empty lines between are left out.
pub fn split(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut open: Option<String> = None;
    for line in text.split_inclusive('\n') {
        let bare = line.trim_end_matches(['\r', '\n']);
        if bare.trim().is_empty() {
            continue;
        }
        if bare.starts_with("-----BEGIN ") && bare.ends_with(DASHES) && open.is_none() {
            open = Some(String::new());
        }
        let Some(object) = &mut open else { continue };
        object.push_str(line);
        if bare.starts_with("-----END ") && bare.ends_with(DASHES) {
            found.extend(open.take());
        }
    }
    found
}
