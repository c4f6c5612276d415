//! Modules that moved from Ansible to collections, and still answer to their short names.

use std::collections::HashMap;
use std::sync::LazyLock;

static MOVED: LazyLock<HashMap<&'static str, String>> = LazyLock::new(|| {
    let mut moved = HashMap::new();
    for line in include_str!("moved.txt").lines().filter(|line| !line.starts_with('#')) {
        let Some((collection, names)) = line.split_once(": ") else { continue };
        for name in names.split(' ') {
            let (old, new) = name.split_once('=').unwrap_or((name, name));
            moved.insert(old, format!("{collection}.{new}"));
        }
    }
    moved
});

/// The full name of a module that was known by this short name.
pub fn full_name(short: &str) -> Option<&'static str> {
    MOVED.get(short).map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::full_name;

    #[test]
    fn short_names_of_old_are_known() {
        for (short, full) in [
            ("docker_container", Some("community.docker.docker_container")),
            ("authorized_key", Some("ansible.posix.authorized_key")),
            ("aci_intf_policy_mcp", Some("cisco.aci.aci_interface_policy_mcp")),
            ("copy", None),
            ("docker_contaner", None),
        ] {
            assert_eq!(full_name(short), full, "{short}");
        }
    }
}
