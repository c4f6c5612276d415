//! Texts as bytes in other encodings than UTF-8, by the names that Python has for them.

use super::object::{Res, failed};
use encoding_rs::Encoding;

/// A name as it is compared: `Latin_1` is `latin-1`.
fn canonical(name: &str) -> String {
    name.trim().to_ascii_lowercase().replace(['_', ' '], "-")
}

fn unknown(name: &str) -> super::TemplateError {
    failed(format!("unknown encoding: {name}"))
}

fn table(name: &str) -> Option<&'static Encoding> {
    let name = canonical(name);
    // Python says `cp932`, and has dashes where the web has none.
    let web = match name.as_str() {
        "cp932" | "ms932" => "shift_jis",
        "cp949" => "euc-kr",
        "cp936" | "ms936" => "gbk",
        "cp950" => "big5",
        "shift-jis" | "sjis" => "shift_jis",
        other => other,
    };
    Encoding::for_label(web.as_bytes()).or_else(|| Encoding::for_label(web.replace('-', "_").as_bytes()))
}

/// # Errors
/// An encoding that is not known, and characters that it does not have.
pub fn encode(text: &str, name: &str) -> Res<Vec<u8>> {
    let below = |limit: u32, codec: &str| {
        let byte = |(at, c): (usize, char)| {
            u8::try_from(u32::from(c)).ok().filter(|byte| u32::from(*byte) < limit).ok_or_else(|| {
                failed(format!(
                    "'{codec}' codec can't encode character '\\u{:04x}' in position {at}: ordinal not in range({limit})",
                    u32::from(c)
                ))
            })
        };
        text.chars().enumerate().map(byte).collect()
    };
    Ok(match canonical(name).as_str() {
        "utf-8" | "utf8" | "u8" => text.as_bytes().to_vec(),
        "utf-8-sig" => [b"\xef\xbb\xbf", text.as_bytes()].concat(),
        "ascii" | "us-ascii" => return below(128, "ascii"),
        "latin-1" | "latin1" | "latin" | "iso-8859-1" | "iso8859-1" | "l1" => return below(256, "latin-1"),
        "utf-16-le" | "utf-16le" => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        "utf-16-be" | "utf-16be" => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        "utf-16" | "utf16" => {
            [0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect()
        }
        "utf-32-le" | "utf-32le" => text.chars().flat_map(|c| u32::from(c).to_le_bytes()).collect(),
        "utf-32-be" | "utf-32be" => text.chars().flat_map(|c| u32::from(c).to_be_bytes()).collect(),
        _ => {
            let encoding = table(name).ok_or_else(|| unknown(name))?;
            let (bytes, _, replaced) = encoding.encode(text);
            if replaced {
                return Err(failed(format!("'{name}' codec can't encode all characters of the text")));
            }
            bytes.into_owned()
        }
    })
}

/// # Errors
/// An encoding that is not known. Bytes that it does not have become U+FFFD.
pub fn decode(bytes: &[u8], name: &str) -> Res<String> {
    let wide = |bytes: &[u8], big: bool| {
        let unit = |pair: &[u8]| match big {
            true => u16::from_be_bytes([pair[0], pair[1]]),
            false => u16::from_le_bytes([pair[0], pair[1]]),
        };
        String::from_utf16_lossy(&bytes.chunks_exact(2).map(unit).collect::<Vec<u16>>())
    };
    Ok(match canonical(name).as_str() {
        "utf-8" | "utf8" | "u8" | "ascii" | "us-ascii" => String::from_utf8_lossy(bytes).into_owned(),
        "utf-8-sig" => {
            String::from_utf8_lossy(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)).into_owned()
        }
        "latin-1" | "latin1" | "latin" | "iso-8859-1" | "iso8859-1" | "l1" => {
            bytes.iter().map(|byte| char::from(*byte)).collect()
        }
        "utf-16-le" | "utf-16le" => wide(bytes, false),
        "utf-16-be" | "utf-16be" => wide(bytes, true),
        "utf-16" | "utf16" => match bytes {
            [0xfe, 0xff, rest @ ..] => wide(rest, true),
            [0xff, 0xfe, rest @ ..] => wide(rest, false),
            rest => wide(rest, false),
        },
        _ => {
            let encoding = table(name).ok_or_else(|| unknown(name))?;
            encoding.decode_without_bom_handling(bytes).0.into_owned()
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_back() {
        for name in ["utf-8", "UTF_16", "utf-16-be", "latin_1", "cp1252", "windows-1252", "iso-8859-15"] {
            let bytes = encode("é ü", name).expect(name);
            assert_eq!(decode(&bytes, name).expect(name), "é ü", "{name}");
        }
        assert_eq!(encode("\u{201c}", "windows-1252").expect("it is there"), [0x93]);
        assert_eq!(encode("語", "shift_jis").expect("it is there"), [0x8c, 0xea]);
    }

    #[test]
    fn what_cannot_be_is_said() {
        let words = |text, name| encode(text, name).expect_err("it fails").message.clone();
        assert_eq!(words("x", "nope"), "unknown encoding: nope");
        assert_eq!(
            words("aé", "ascii"),
            "'ascii' codec can't encode character '\\u00e9' in position 1: ordinal not in range(128)"
        );
        assert_eq!(words("語", "cp1252"), "'cp1252' codec can't encode all characters of the text");
    }
}
