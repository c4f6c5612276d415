//! Texts of files: lines, and bytes that are no UTF-8.

/// Stands for the byte 0x80 + n that is not part of valid UTF-8 (a private-use character nobody writes).
const STRAY: u32 = 0x10_FE00;

/// Bytes as text; what is no UTF-8 becomes characters that [`encode`] turns back.
pub fn decode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        let stray = chunk.invalid().iter().filter_map(|byte| char::from_u32(STRAY + u32::from(*byte)));
        text.extend(stray);
    }
    text
}

/// The bytes of a text that came from [`decode`].
pub fn encode(text: &str) -> Vec<u8> {
    if !text.contains(|c| u32::from(c) >= STRAY) {
        return text.as_bytes().to_vec();
    }
    let mut bytes = Vec::with_capacity(text.len());
    for c in text.chars() {
        match u32::from(c).checked_sub(STRAY).and_then(|code| u8::try_from(code).ok()) {
            Some(byte) if byte >= 0x80 => bytes.push(byte),
            _ => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    bytes
}

/// The lines with their ends.
pub fn lines(text: &str) -> Vec<String> {
    text.split_inclusive('\n').map(str::to_owned).collect()
}

/// A line without its end.
pub fn bare(line: &str) -> &str {
    line.trim_end_matches(['\r', '\n'])
}

/// Makes sure that a line has an end.
pub fn terminate(line: &mut String) {
    if !line.ends_with('\n') {
        line.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_bytes_survive() {
        for bytes in [&b"plain\n"[..], b"latin \xe9\xff\n", b"\xf0\x9f\x98", "é\u{10FFFD}".as_bytes()] {
            assert_eq!(encode(&decode(bytes)), bytes);
        }
    }

    #[test]
    fn lines_keep_their_ends() {
        assert_eq!(lines("a\r\nb\n\nc"), ["a\r\n", "b\n", "\n", "c"]);
        assert_eq!(bare("a\r\n"), "a");
        assert!(lines("").is_empty());
    }
}
