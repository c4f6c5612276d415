//! What could be installed: the answers of `apt-cache`.

use crate::modules::kit::{Command, Failure, Probe};
use std::collections::BTreeMap;

/// What `apt-cache policy` knows of a package.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Policy {
    pub candidate: Option<String>,
    /// All versions that can be had, the preferred first.
    pub versions: Vec<String>,
}

/// Asks for many packages at once; those that apt does not know are missing.
///
/// # Errors
/// When `apt-cache` cannot be run.
pub fn policies(
    host: &Probe,
    names: &[String],
    release: Option<&str>,
) -> Result<BTreeMap<String, Policy>, Failure> {
    if names.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut words = vec!["apt-cache".to_owned()];
    if let Some(release) = release {
        words.extend(["-t".into(), release.to_owned()]);
    }
    words.extend(["policy".to_owned(), "--".into()]);
    words.extend(names.iter().cloned());
    let output = host.query(&Command::new(words).english())?;
    Ok(parse(&output.stdout()))
}

fn parse(text: &str) -> BTreeMap<String, Policy> {
    let mut found: BTreeMap<String, Policy> = BTreeMap::new();
    let mut current: Option<&mut Policy> = None;
    for line in text.lines() {
        if !line.starts_with(' ') {
            let name = line.trim_end_matches(':').to_owned();
            current = Some(found.entry(name).or_default());
            continue;
        }
        let Some(policy) = &mut current else { continue };
        if let Some(candidate) = line.strip_prefix("  Candidate: ") {
            policy.candidate = Some(candidate.trim().to_owned()).filter(|version| version != "(none)");
        } else if line.starts_with(" *** ") || line.starts_with("     ") && !line.starts_with("      ") {
            // ` *** 1.0 100` and `     1.0 500` are versions; where they come from is deeper.
            policy.versions.extend(line.trim_start_matches([' ', '*']).split(' ').next().map(str::to_owned));
        }
    }
    found
}

/// The real packages that provide a virtual one.
///
/// # Errors
/// When `apt-cache` cannot be run.
pub fn providers(host: &Probe, name: &str) -> Result<Vec<String>, Failure> {
    let output = host.query(&Command::new(["apt-cache", "showpkg", "--", name]).english())?;
    Ok(reverse_provides(&output.stdout()))
}

fn reverse_provides(text: &str) -> Vec<String> {
    let list = text.lines().skip_while(|line| !line.starts_with("Reverse Provides:")).skip(1);
    let mut names: Vec<String> =
        list.filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// The names of all packages that apt knows.
///
/// # Errors
/// When `apt-cache` cannot be run.
pub fn names(host: &Probe, prefix: &str) -> Result<Vec<String>, Failure> {
    let output = host.query(&Command::new(["apt-cache", "pkgnames", "--", prefix]))?;
    let mut names: Vec<String> = output.stdout().lines().map(str::to_owned).collect();
    names.sort_unstable();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_are_read() {
        let text = "tree:\n  Installed: 2.1.0-1\n  Candidate: 2.1.0-1\n  Version table:\n *** 2.1.0-1 500\n        500 http://deb bookworm/main amd64 Packages\n        100 /var/lib/dpkg/status\n     2.0.0-1 500\n        500 http://deb bullseye/main\nawk:\n  Installed: (none)\n  Candidate: (none)\n  Version table:\n";
        let found = parse(text);
        assert_eq!(found["tree"].candidate.as_deref(), Some("2.1.0-1"));
        assert_eq!(found["tree"].versions, ["2.1.0-1", "2.0.0-1"]);
        assert_eq!(found["awk"], Policy::default());
        assert_eq!(found.len(), 2);
    }

    #[test]
    fn providers_are_read() {
        let text = "Package: awk\nVersions: \nReverse Depends: \nDependencies: \nReverse Provides: \ngawk 1:5 (= )\nmawk 1.3 (= )\nmawk 1.2 (= )\n";
        assert_eq!(reverse_provides(text), ["gawk", "mawk"]);
    }
}
