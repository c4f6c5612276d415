//! SELinux contexts, through the extended attribute that holds them; nothing happens where SELinux is off.

use super::{Command, Failure, Probe};
use std::path::Path;

const ATTRIBUTE: &str = "security.selinux";

/// Whether the kernel enforces or logs SELinux policy.
pub fn enabled() -> bool {
    Path::new("/sys/fs/selinux/enforce").exists()
}

/// The context of a file (`user:role:type:level`), links not followed.
pub fn context(path: &Path) -> Option<String> {
    let mut buffer = vec![0; 1024];
    let length = rustix::fs::lgetxattr(path, ATTRIBUTE, &mut buffer[..]).ok()?;
    let text = String::from_utf8_lossy(&buffer[..length]);
    Some(text.trim_end_matches('\0').to_owned())
}

/// The context the policy has for a path, by the host's `matchpathcon`.
pub fn default_context(host: &Probe, path: &Path) -> Option<String> {
    let mut command = Command::new(["matchpathcon", "-n"]).english();
    command.argv.push(path.into());
    let output = host.query(&command).ok().filter(super::Output::success)?;
    let context = output.stdout().trim().to_owned();
    (context.contains(':') && context != "<<none>>").then_some(context)
}

/// Changes the context of a file, links not followed.
///
/// # Errors
/// Ansible's sentence with the reason.
pub fn set_context(path: &Path, context: &str) -> Result<(), Failure> {
    let mut value = context.as_bytes().to_vec();
    value.push(0);
    rustix::fs::lsetxattr(path, ATTRIBUTE, &value, rustix::fs::XattrFlags::empty()).map_err(|error| {
        Failure::new("invalid selinux context")
            .with("path", path.to_string_lossy().as_ref())
            .with("details", super::os_error(&error.into()))
            .with("new_context", context)
    })
}

/// `wanted` (user, role, type, level) over `current`; parts that are not wanted stay, `_default` asks the policy.
pub fn merge(current: &str, wanted: &[Option<String>; 4], policy: impl FnOnce() -> Option<String>) -> String {
    let parts = |context: &str| -> Vec<String> { context.splitn(4, ':').map(str::to_owned).collect() };
    let defaults = if wanted.iter().any(|part| part.as_deref() == Some("_default")) {
        policy().map(|context| parts(&context)).unwrap_or_default()
    } else {
        Vec::new()
    };
    let mut merged = parts(current);
    for (index, part) in wanted.iter().enumerate() {
        let part = match part.as_deref() {
            Some("_default") => defaults.get(index).map(String::as_str),
            other => other,
        };
        let Some(part) = part else { continue };
        if index < merged.len() {
            merged[index] = part.to_owned();
        } else if index == merged.len() {
            // A context without a level can be given one.
            merged.push(part.to_owned());
        }
    }
    merged.join(":")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_merged() {
        let wanted = [None, None, Some("etc_t".into()), Some("_default".into())];
        let merged = merge("u:r:tmp_t:s1:c0", &wanted, || Some("x:y:z:s0".into()));
        assert_eq!(merged, "u:r:etc_t:s0");
        assert_eq!(merge("u:r:t", &[None, None, None, Some("s0".into())], || None), "u:r:t:s0");
    }
}
