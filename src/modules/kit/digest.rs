//! Checksums of files and texts.

use super::Failure;
use std::io::Read;
use std::path::Path;

/// The algorithms that modules offer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Algorithm {
    Md5,
    #[default]
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

impl Algorithm {
    /// The checksum of all that `reader` has, in lower-case hex.
    ///
    /// # Errors
    /// What the reader says.
    pub fn of_reader(self, reader: impl Read) -> std::io::Result<String> {
        match self {
            Self::Md5 => hash::<md5::Md5>(reader),
            Self::Sha1 => hash::<sha1::Sha1>(reader),
            Self::Sha224 => hash::<sha2::Sha224>(reader),
            Self::Sha256 => hash::<sha2::Sha256>(reader),
            Self::Sha384 => hash::<sha2::Sha384>(reader),
            Self::Sha512 => hash::<sha2::Sha512>(reader),
        }
    }

    /// The checksum of a text.
    pub fn of_bytes(self, bytes: &[u8]) -> String {
        self.of_reader(bytes).unwrap_or_default()
    }

    /// The checksum of a file's content.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub fn of_file(self, path: &Path) -> Result<String, Failure> {
        std::fs::File::open(path).and_then(|file| self.of_reader(file)).map_err(|error| {
            Failure::new(format!("cannot read {}: {}", path.display(), super::os_error(&error)))
        })
    }
}

/// SHA-1, the checksum of results.
///
/// # Errors
/// Why the file cannot be read.
pub fn sha1_file(path: &Path) -> Result<String, Failure> {
    Algorithm::Sha1.of_file(path)
}

fn hash<D: sha1::Digest>(mut reader: impl Read) -> std::io::Result<String> {
    let mut hasher = D::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => hasher.update(&buffer[..count]),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(hex(&hasher.finalize()))
}

/// Lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        for digit in [byte >> 4, byte & 15] {
            out.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_sums() {
        assert_eq!(Algorithm::Sha1.of_bytes(b"abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
        assert_eq!(Algorithm::Md5.of_bytes(b""), "d41d8cd98f00b204e9800998ecf8427e");
        assert!(Algorithm::Sha256.of_bytes(b"abc").starts_with("ba7816bf8f01cfea"));
    }
}
