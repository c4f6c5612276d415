//! Domain names in the letters of their language and in ASCII (RFC 3492).

use idna::punycode::{decode_to_string, encode_str};
use unicode_normalization::UnicodeNormalization;

/// A domain name label by label.
fn labels(name: &str, of: impl Fn(&str) -> Result<String, String>) -> Result<String, String> {
    let done: Result<Vec<String>, String> = name.split('.').map(of).collect();
    Ok(done?.join("."))
}

/// In ASCII.
///
/// # Errors
/// A label that cannot be written so.
pub fn to_ascii(name: &str) -> Result<String, String> {
    labels(name, |label| {
        if label.is_ascii() {
            return Ok(label.to_owned());
        }
        let folded: String = label.to_lowercase().nfc().collect();
        encode_str(&folded).map(|coded| format!("xn--{coded}")).ok_or_else(|| {
            format!("Error while transforming part \"{label}\" of DNS name \"{name}\" to IDNA")
        })
    })
}

/// In the letters of its language.
///
/// # Errors
/// A label that says it is coded and is not.
pub fn to_unicode(name: &str) -> Result<String, String> {
    labels(name, |label| {
        let Some(coded) =
            label.get(..4).filter(|start| start.eq_ignore_ascii_case("xn--")).map(|_| &label[4..])
        else {
            return Ok(label.to_owned());
        };
        let decoded = decode_to_string(coded);
        let valid = decoded.filter(|text| {
            !text.is_ascii() && encode_str(text).is_some_and(|again| again.eq_ignore_ascii_case(coded))
        });
        valid.ok_or_else(|| {
            format!(
                "Error while transforming part \"{label}\" of IDNA DNS name \"{name}\" to Unicode. IDNA2008 \
                 transformation resulted in \"Invalid A-label\""
            )
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back() {
        for (unicode, ascii) in [
            ("bücher.example", "xn--bcher-kva.example"),
            ("*.straße.de", "*.xn--strae-oqa.de"),
            ("हिन्दी.परीक्षा", "xn--j2bd4cyah0f.xn--11b5bs3a9aj6g"),
            ("他们为什么不说中文", "xn--ihqwcrb4cv8a8dqg056pqjye"),
            ("ü", "xn--tda"),
            ("plain", "plain"),
            ("", ""),
        ] {
            assert_eq!(to_ascii(unicode).as_deref(), Ok(ascii));
            assert_eq!(to_unicode(ascii).as_deref(), Ok(unicode));
        }
        assert_eq!(to_ascii("BÜCHER").as_deref(), Ok("xn--bcher-kva"));
        for wrong in ["xn--zz", "xn--", "xn--a-", "xn--99999999999", "xn--é"] {
            assert!(to_unicode(wrong).is_err(), "{wrong}");
        }
    }
}
