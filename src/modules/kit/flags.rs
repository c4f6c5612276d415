//! The flags of `chattr` and `lsattr`, asked from the kernel.

use super::Failure;
use rustix::fs::{IFlags, Mode, OFlags};
use std::path::Path;

/// Bit of the kernel, letter of `lsattr`, name in Ansible's results; in the order `lsattr` prints them.
const FLAGS: &[(u32, char, &str)] = &[
    (0x0000_0001, 's', "secured_deletion"),
    (0x0000_0002, 'u', "undelete"),
    (0x0000_0008, 'S', "synchronous_updates"),
    (0x0001_0000, 'D', "synchronous_directory_updates"),
    (0x0000_0010, 'i', "immutable"),
    (0x0000_0020, 'a', "append"),
    (0x0000_0040, 'd', "nodump"),
    (0x0000_0080, 'A', "noatime"),
    (0x0000_0004, 'c', "compressed"),
    (0x0000_0800, 'E', "encrypted"),
    (0x0000_4000, 'j', "journaled"),
    (0x0000_1000, 'I', "indexed"),
    (0x0000_8000, 't', "notail"),
    (0x0002_0000, 'T', "topdir"),
    (0x0008_0000, 'e', "extents"),
    (0x0080_0000, 'C', "nocow"),
    (0x0200_0000, 'x', "dax"),
    (0x4000_0000, 'F', "casefold"),
    (0x1000_0000, 'N', "inline"),
    (0x2000_0000, 'P', "project"),
    (0x0010_0000, 'V', "verity"),
    (0x0000_0400, 'm', "nocompress"),
];

/// Flags that no `chattr` changes.
const FIXED: &str = "eEINV";

/// The flags of a file or directory as letters; `None` where the file system has none.
pub fn letters(path: &Path) -> Option<String> {
    read(path)
        .map(|bits| FLAGS.iter().filter(|(bit, ..)| bits & bit != 0).map(|(_, letter, _)| *letter).collect())
}

/// Ansible's names of flag letters.
pub fn names(letters: &str) -> Vec<&'static str> {
    let name = |letter| FLAGS.iter().find(|(_, known, _)| *known == letter).map(|(.., name)| *name);
    letters.chars().filter_map(name).collect()
}

/// The generation number of the inode, as `lsattr -v` prints it.
pub fn version(path: &Path) -> Option<u32> {
    let file = open(path)?;
    generation(&file).ok()
}

/// What a file's flags become by `change` (`+i`, `-a`, `=e`, `i`), as letters in `lsattr`'s order.
///
/// # Errors
/// A letter that is no flag.
pub fn changed(current: &str, change: &str) -> Result<String, Failure> {
    let (operator, wanted) = match change.chars().next() {
        Some(operator @ ('+' | '-' | '=')) => (operator, &change[1..]),
        _ => ('=', change),
    };
    if let Some(unknown) = wanted.chars().find(|letter| FLAGS.iter().all(|(_, known, _)| known != letter)) {
        return Err(Failure::new("chattr failed").with("details", format!("unknown attribute `{unknown}`")));
    }
    let keep = |letter: char| match operator {
        '+' => current.contains(letter) || wanted.contains(letter),
        '-' => current.contains(letter) && !wanted.contains(letter),
        _ => wanted.contains(letter) || (current.contains(letter) && FIXED.contains(letter)),
    };
    Ok(FLAGS.iter().map(|(_, letter, _)| *letter).filter(|letter| keep(*letter)).collect())
}

/// Gives a file these flags.
///
/// # Errors
/// Ansible's sentence with the reason.
pub fn set(path: &Path, letters: &str) -> Result<(), Failure> {
    let failed = |why: String| Failure::new("chattr failed").with("details", why);
    let file = open(path).ok_or_else(|| failed(format!("cannot open {}", path.display())))?;
    let bits = FLAGS.iter().filter(|(_, letter, _)| letters.contains(*letter)).map(|(bit, ..)| bit).sum();
    rustix::fs::ioctl_setflags(&file, IFlags::from_bits_retain(bits))
        .map_err(|error| failed(super::os_error(&error.into())))
}

fn read(path: &Path) -> Option<u32> {
    Some(rustix::fs::ioctl_getflags(open(path)?).ok()?.bits())
}

/// Only regular files and directories: opening a device or a pipe can have effects.
fn open(path: &Path) -> Option<std::os::fd::OwnedFd> {
    let kind = std::fs::symlink_metadata(path).ok()?.file_type();
    if !kind.is_file() && !kind.is_dir() {
        return None;
    }
    rustix::fs::open(
        path,
        OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC,
        Mode::empty(),
    )
    .ok()
}

/// `FS_IOC_GETVERSION`: rustix has no safe function for it, and the number is in no file.
#[allow(unsafe_code)]
fn generation(file: &std::os::fd::OwnedFd) -> rustix::io::Result<u32> {
    const GET_VERSION: rustix::ioctl::Opcode = rustix::ioctl::opcode::read::<std::ffi::c_long>(b'v', 1);
    // SAFETY: the opcode is the one of `_IOR('v', 1, long)`; the kernel writes an `int` there, which a zeroed
    // `c_long` has room for (rustix hands out uninitialised memory otherwise, hence `Updater`).
    let mut value: std::ffi::c_long = 0;
    unsafe {
        let request = rustix::ioctl::Updater::<GET_VERSION, std::ffi::c_long>::new(&mut value);
        rustix::ioctl::ioctl(file, request)?;
    }
    let bytes = value.to_ne_bytes();
    Ok(u32::from_ne_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_of_flags() {
        let cases =
            [("e", "+i", "ie"), ("ie", "-i", "e"), ("iAe", "=A", "Ae"), ("ie", "a", "ae"), ("e", "", "e")];
        for (current, change, expected) in cases {
            assert_eq!(changed(current, change).expect("known letters"), expected, "{current} {change}");
        }
        assert!(changed("e", "+q").is_err());
        assert_eq!(names("ie"), ["immutable", "extents"]);
    }
}
