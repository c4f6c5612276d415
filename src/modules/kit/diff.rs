//! Before and after of texts.

use super::Probe;
use crate::protocol::{Diff, INLINE_BLOB};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// As much of a large file as tells whether it is binary.
const BEGINNING: u64 = 8192;

/// For what is shown whatever its size.
pub const UNLIMITED: u64 = u64::MAX;

/// One side of a diff.
pub struct Side<'s> {
    /// `None` if there is nothing there.
    pub header: Option<String>,
    /// `None` if it is not known; of what is too large the beginning is enough.
    pub content: Option<&'s [u8]>,
    pub size: u64,
}

impl<'s> Side<'s> {
    pub fn new(header: impl Into<String>, content: &'s [u8]) -> Self {
        Self { header: Some(header.into()), content: Some(content), size: content.len() as u64 }
    }

    /// The side before a file exists.
    pub fn absent() -> Self {
        Self { header: None, content: Some(&[]), size: 0 }
    }

    fn binary(&self) -> bool {
        self.content.is_some_and(|content| content.contains(&0))
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(self.content.unwrap_or_default()).into_owned()
    }
}

/// The diff between two contents; sides that are larger than `limit` bytes or not text are named instead of shown.
pub fn texts(before: &Side, after: &Side, limit: u64) -> Diff {
    let mut skipped = String::new();
    // Of a file on the host the beginning is seen, whatever its size.
    let (destination, source) = (before.binary(), after.size <= limit && after.binary());
    for (binary, name) in [(destination, "destination"), (source, "source")] {
        if binary {
            skipped += &format!("diff skipped: {name} file appears to be binary\n");
        }
    }
    for (side, binary, name) in [(before, destination, "destination"), (after, source, "source")] {
        if !binary && (side.size > limit || side.content.is_none()) {
            // A content that did not travel with the request is not here before it is needed.
            let limit = if side.size > limit { limit } else { INLINE_BLOB as u64 };
            skipped += &format!("diff skipped: {name} file size is greater than {limit}\n");
        }
    }
    if !skipped.is_empty() {
        return Diff { prepared: Some(skipped), ..Diff::default() };
    }
    Diff {
        before_header: before.header.clone(),
        after_header: after.header.clone(),
        before: before.text().into(),
        after: after.text().into(),
        prepared: None,
    }
}

/// The content of a file for the diff of one that is sent; the beginning alone if it is larger than what is shown.
pub fn readable(host: &Probe, path: &Path) -> Option<Vec<u8>> {
    let size = std::fs::metadata(path).ok()?.len();
    if size <= host.diff_limit() {
        return host.read(path).ok().flatten();
    }
    let mut beginning = Vec::new();
    File::open(path).ok()?.take(BEGINNING).read_to_end(&mut beginning).ok()?;
    Some(beginning)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_text_is_named() {
        let diff = texts(&Side::absent(), &Side::new("/src", b"a\n"), 5);
        assert_eq!((diff.before_header, diff.after_header), (None, Some("/src".into())));
        assert_eq!((diff.before, diff.after), ("".into(), "a\n".into()));
        let diff = texts(&Side::new("d", b"\0"), &Side { header: None, content: None, size: 6 }, 5);
        assert_eq!(
            diff.prepared.as_deref(),
            Some(
                "diff skipped: destination file appears to be binary\n\
                 diff skipped: source file size is greater than 5\n"
            )
        );
    }
}
