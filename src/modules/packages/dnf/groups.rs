//! Groups of packages (`@name`).

use super::command::{Dnf, Generation};
use super::failure::failed;
use crate::modules::kit::{Failure, Probe};

/// A group that the repositories have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    pub id: String,
    /// A group of groups.
    pub environment: bool,
    pub installed: bool,
}

/// The group of that identifier or name.
///
/// # Errors
/// There is none (dnf 5 says so itself, where it matters), or dnf cannot be asked.
pub fn find(dnf: &Dnf, name: &str, host: &Probe) -> Result<Option<Group>, Failure> {
    if dnf.generation == Generation::Five {
        let ask = |words: &[&str]| -> Result<_, Failure> {
            Ok(listed(&host.query(&dnf.question(words.iter().copied()))?.stdout(), name))
        };
        return Ok(match ask(&["group", "list", "--hidden"])? {
            Some(group) => Some(group),
            None => ask(&["environment", "list"])?.map(|group| Group { environment: true, ..group }),
        });
    }
    let known = host.query(&dnf.question(["group", "info", "--verbose", "--", name]))?;
    let Some((id, title, environment)) = identified(&known.stdout()) else {
        return Err(failed(dnf.generation, format!("No group {name} available."), None));
    };
    let there = host.query(&dnf.question(["group", "list", "--installed"]))?;
    let installed = there.stdout().lines().any(|line| line.trim() == title);
    Ok(Some(Group { id, environment, installed }))
}

/// From the table of dnf 5: identifier, name, whether it is installed.
fn listed(text: &str, name: &str) -> Option<Group> {
    text.lines().skip(1).find_map(|line| {
        let (id, rest) = line.split_once(' ')?;
        let (title, installed) = rest.trim().rsplit_once(' ')?;
        let group = || Group { id: id.to_owned(), environment: false, installed: installed == "yes" };
        (id == name || title.trim() == name).then(group)
    })
}

/// From what dnf 4 says about a group: identifier, name, whether it is an environment.
fn identified(text: &str) -> Option<(String, String, bool)> {
    let field = |key: &str| text.lines().find_map(|line| line.trim_start().strip_prefix(key));
    if let Some(id) = field("Group-Id: ") {
        return Some((id.to_owned(), field("Group: ").unwrap_or_default().to_owned(), false));
    }
    let id = field("Environment-Id: ")?;
    Some((id.to_owned(), field("Environment Group: ").unwrap_or_default().to_owned(), true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_found_in_what_dnf_says() {
        let text =
            "DNF version: 4.14.0\nGroup: Tools of the tests\n Group-Id: ek-tools\n Mandatory Packages:\n";
        assert_eq!(identified(text), Some(("ek-tools".into(), "Tools of the tests".into(), false)));
        let text = "Environment Group: Desk of the tests\n Environment-Id: ek-desk\n";
        assert_eq!(identified(text), Some(("ek-desk".into(), "Desk of the tests".into(), true)));
        assert_eq!(identified("DNF version: 4.14.0\n"), None);
        let text = "ID                   Name               Installed\nek-tools             Tools of the tests        yes\n";
        let group = Group { id: "ek-tools".into(), environment: false, installed: true };
        for (name, found) in [("ek-tools", true), ("Tools of the tests", true), ("ek", false)] {
            assert_eq!(listed(text, name), found.then(|| group.clone()), "{name}");
        }
    }
}
