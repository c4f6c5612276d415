//! The helpers that this program carries, one per architecture (`build.rs` makes the table).

use flate2::read::GzDecoder;
use std::io::Read;
use std::sync::OnceLock;

/// A helper, ready to be sent.
pub struct Embedded {
    /// As `uname -m` says it.
    pub arch: &'static str,
    /// Of the program, lower-case hex.
    pub sha256: &'static str,
    /// Of the program, in bytes.
    pub size: usize,
    /// The program, gzipped.
    pub packed: &'static [u8],
}

static HELPERS: &[Embedded] = include!(concat!(env!("OUT_DIR"), "/helpers.rs"));

/// Every helper there is.
pub fn all() -> &'static [Embedded] {
    HELPERS
}

/// The helper for an architecture.
pub fn find(arch: &str) -> Option<&'static Embedded> {
    HELPERS.iter().find(|helper| helper.arch == arch)
}

impl Embedded {
    /// The program itself.
    ///
    /// # Errors
    /// If this program's own file is damaged.
    pub fn unpack(&self) -> std::io::Result<Vec<u8>> {
        let mut program = Vec::with_capacity(self.size);
        GzDecoder::new(self.packed).read_to_end(&mut program)?;
        Ok(program)
    }
}

/// The program for this machine, unpacked once.
pub fn own() -> Result<&'static [u8], String> {
    static OWN: OnceLock<Result<Vec<u8>, String>> = OnceLock::new();
    OWN.get_or_init(|| {
        let arch = std::env::consts::ARCH;
        let helper = find(arch).ok_or_else(|| missing(arch))?;
        helper.unpack().map_err(|error| format!("the helper inside of this program is damaged: {error}"))
    })
    .as_ref()
    .map(Vec::as_slice)
    .map_err(Clone::clone)
}

/// What to do about an architecture without a helper.
pub fn missing(arch: &str) -> String {
    let known: Vec<_> = HELPERS.iter().map(|helper| helper.arch).collect();
    format!(
        "This build of Ekumen has no helper for the architecture {arch} (it has: {}). Build one on such a machine \
         (cargo build --bin ekumen-helper --no-default-features --features helper --profile helper), put it \
         into a folder as ekumen-helper-{arch}, and build Ekumen with EKUMEN_HELPERS_DIR naming that folder.",
        if known.is_empty() { "none".to_owned() } else { known.join(", ") }
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn helpers_are_small_and_whole() {
        // What a slow line has to carry before the first task. Without optimization it is for developers only.
        let (plain, packed) =
            if cfg!(debug_assertions) { (12_000_000, 4_000_000) } else { (4_200_000, 1_800_000) };
        for helper in all() {
            assert!(helper.packed.len() <= packed, "{} has {} bytes", helper.arch, helper.packed.len());
            assert!(helper.size <= plain, "{} has {} bytes unpacked", helper.arch, helper.size);
            assert_eq!(helper.unpack().expect("ours").len(), helper.size);
        }
    }
}
