//! Domain names in the letters of their language and in ASCII (RFC 3492).

use unicode_normalization::UnicodeNormalization;

const BASE: u32 = 36;
const DIGITS: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";

fn adapt(delta: u32, points: u32, first: bool) -> u32 {
    let mut delta = if first { delta / 700 } else { delta / 2 };
    delta += delta / points;
    let mut k = 0;
    while delta > 455 {
        delta /= BASE - 1;
        k += BASE;
    }
    k + (BASE * delta) / (delta + 38)
}

fn threshold(k: u32, bias: u32) -> u32 {
    k.saturating_sub(bias).clamp(1, 26)
}

/// The letters that follow `xn--`, decoded.
fn decode(label: &str) -> Option<String> {
    let (mut out, digits): (Vec<char>, &str) = match label.rsplit_once('-') {
        Some((plain, digits)) => (plain.chars().collect(), digits),
        None => (Vec::new(), label),
    };
    let (mut n, mut i, mut bias) = (128u32, 0u32, 72u32);
    let mut digits = digits.bytes();
    while digits.len() > 0 {
        let before = i;
        let mut weight = 1u32;
        let mut k = BASE;
        loop {
            let digit = match digits.next()? {
                letter @ b'a'..=b'z' => u32::from(letter - b'a'),
                letter @ b'A'..=b'Z' => u32::from(letter - b'A'),
                digit @ b'0'..=b'9' => u32::from(digit - b'0') + 26,
                _ => return None,
            };
            i = i.checked_add(digit.checked_mul(weight)?)?;
            let least = threshold(k, bias);
            if digit < least {
                break;
            }
            weight = weight.checked_mul(BASE - least)?;
            k += BASE;
        }
        let points = u32::try_from(out.len()).ok()? + 1;
        bias = adapt(i - before, points, before == 0);
        n = n.checked_add(i / points)?;
        i %= points;
        out.insert(i as usize, char::from_u32(n)?);
        i += 1;
    }
    Some(out.into_iter().collect())
}

/// Letters as what follows `xn--`.
fn encode(label: &str) -> Option<String> {
    let points: Vec<u32> = label.chars().map(u32::from).collect();
    let mut out: String = label.chars().filter(char::is_ascii).collect();
    let plain = u32::try_from(out.len()).ok()?;
    let mut done = plain;
    if plain > 0 {
        out.push('-');
    }
    let digit = |value: u32| DIGITS.get(value as usize).copied().map(char::from);
    let (mut n, mut delta, mut bias) = (128u32, 0u32, 72u32);
    while (done as usize) < points.len() {
        let next = points.iter().copied().filter(|point| *point >= n).min()?;
        delta = delta.checked_add((next - n).checked_mul(done + 1)?)?;
        n = next;
        for point in &points {
            if *point < n {
                delta = delta.checked_add(1)?;
            }
            if *point == n {
                let mut rest = delta;
                let mut k = BASE;
                loop {
                    let least = threshold(k, bias);
                    if rest < least {
                        break;
                    }
                    out.push(digit(least + (rest - least) % (BASE - least))?);
                    rest = (rest - least) / (BASE - least);
                    k += BASE;
                }
                out.push(digit(rest)?);
                bias = adapt(delta, done + 1, done == plain);
                delta = 0;
                done += 1;
            }
        }
        delta += 1;
        n += 1;
    }
    Some(out)
}

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
        encode(&folded).map(|coded| format!("xn--{coded}")).ok_or_else(|| {
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
        let decoded = decode(coded);
        let valid = decoded.filter(|text| {
            !text.is_ascii() && encode(text).is_some_and(|again| again.eq_ignore_ascii_case(coded))
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
