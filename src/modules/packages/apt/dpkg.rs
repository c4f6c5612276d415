//! What dpkg has installed, read from its status file; and how Debian compares versions.

use std::cmp::Ordering;

/// A package that dpkg knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    pub name: String,
    pub architecture: String,
    pub version: String,
    /// Whether it is there, or only its configuration files are.
    pub state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Installed,
    ConfigFiles,
}

/// All packages of the status file.
#[derive(Debug, Default)]
pub struct Status {
    pub packages: Vec<Installed>,
    /// The host's own architecture, as far as `dpkg` itself tells it.
    pub native: String,
}

impl Status {
    /// Reads the text of `/var/lib/dpkg/status`.
    pub fn parse(text: &str) -> Self {
        let packages: Vec<Installed> = text.split("\n\n").filter_map(paragraph).collect();
        let own = packages.iter().find(|package| package.name == "dpkg");
        let native = own.map(|package| package.architecture.clone()).unwrap_or_default();
        Self { packages, native }
    }

    /// The package of that name (`tree`, `tree:i386`), if anything of it is there.
    pub fn find(&self, name: &str) -> Option<&Installed> {
        let (name, architecture) = match name.split_once(':') {
            Some((name, architecture)) => (name, Some(architecture)),
            None => (name, None),
        };
        let fits = |package: &&Installed| match architecture {
            None | Some("native") => package.architecture == self.native || package.architecture == "all",
            Some("any") => true,
            Some(wanted) => {
                package.architecture == wanted || package.architecture == "all" && wanted == self.native
            }
        };
        let mut named = self.packages.iter().filter(|package| package.name == name);
        named.clone().find(|p| fits(p) && p.state == State::Installed).or_else(|| named.find(fits))
    }

    /// The version of a package that is installed.
    pub fn version(&self, name: &str) -> Option<&str> {
        self.find(name)
            .filter(|package| package.state == State::Installed)
            .map(|package| package.version.as_str())
    }
}

fn paragraph(text: &str) -> Option<Installed> {
    let (mut name, mut status, mut version, mut architecture) = (None, None, None, None);
    for line in text.lines() {
        let slot = match line.split_once(": ") {
            Some(("Package", value)) => (&mut name, value),
            Some(("Status", value)) => (&mut status, value),
            Some(("Version", value)) => (&mut version, value),
            Some(("Architecture", value)) => (&mut architecture, value),
            _ => continue,
        };
        slot.0.get_or_insert(slot.1);
    }
    let state = match status?.rsplit(' ').next()? {
        "installed" | "triggers-pending" | "triggers-awaited" => State::Installed,
        "config-files" => State::ConfigFiles,
        // Half of it is there: not installed, but there is something to do.
        _ => return None,
    };
    Some(Installed {
        name: name?.to_owned(),
        architecture: architecture.unwrap_or_default().to_owned(),
        version: version.unwrap_or_default().to_owned(),
        state,
    })
}

/// Compares versions as dpkg does.
pub fn compare(a: &str, b: &str) -> Ordering {
    let epoch = |version: &str| match version.split_once(':') {
        Some((epoch, rest)) => (epoch.parse::<u64>().unwrap_or(0), rest.to_owned()),
        None => (0, version.to_owned()),
    };
    let revision = |version: &str| match version.rsplit_once('-') {
        Some((upstream, revision)) => (upstream.to_owned(), revision.to_owned()),
        None => (version.to_owned(), String::new()),
    };
    let ((epoch_a, a), (epoch_b, b)) = (epoch(a), epoch(b));
    let ((a, revision_a), (b, revision_b)) = (revision(&a), revision(&b));
    epoch_a.cmp(&epoch_b).then_with(|| part(&a, &b)).then_with(|| part(&revision_a, &revision_b))
}

/// Runs of other characters, then of digits, in turn; `~` comes before everything, letters before the rest.
fn part(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    let weight = |c: Option<&u8>| match c {
        Some(b'~') => -1,
        Some(c) if c.is_ascii_digit() => 0,
        None => 0,
        Some(c) if c.is_ascii_alphabetic() => i32::from(*c),
        Some(c) => i32::from(*c) + 256,
    };
    while !a.is_empty() || !b.is_empty() {
        while a.first().is_some_and(|c| !c.is_ascii_digit()) || b.first().is_some_and(|c| !c.is_ascii_digit())
        {
            match weight(a.first()).cmp(&weight(b.first())) {
                Ordering::Equal => {}
                other => return other,
            }
            a = a.get(1..).unwrap_or_default();
            b = b.get(1..).unwrap_or_default();
        }
        let digits = |text: &mut &[u8]| {
            let count = text.iter().take_while(|c| c.is_ascii_digit()).count();
            let (number, rest) = text.split_at(count);
            *text = rest;
            String::from_utf8_lossy(number).trim_start_matches('0').to_owned()
        };
        let (number_a, number_b) = (digits(&mut a), digits(&mut b));
        match number_a.len().cmp(&number_b.len()).then_with(|| number_a.cmp(&number_b)) {
            Ordering::Equal => {}
            other => return other,
        }
    }
    Ordering::Equal
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = "Package: dpkg\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.21\n\n\
        Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2.36-9\nDepends: x\n\n\
        Package: libc6\nStatus: install ok installed\nArchitecture: i386\nVersion: 2.36-9\n\n\
        Package: old\nStatus: deinstall ok config-files\nArchitecture: all\nVersion: 1\n\n\
        Package: held\nStatus: hold ok installed\nArchitecture: all\nVersion: 2\n";

    #[test]
    fn packages_are_found_by_name_and_architecture() {
        let status = Status::parse(STATUS);
        assert_eq!(status.version("libc6"), Some("2.36-9"));
        assert_eq!(status.version("libc6:i386"), Some("2.36-9"));
        assert_eq!(status.version("dpkg:i386"), None);
        assert_eq!(status.version("held:amd64"), Some("2"));
        assert_eq!(status.version("old"), None);
        assert_eq!(status.find("old").map(|p| p.state), Some(State::ConfigFiles));
        assert_eq!(status.version("lib"), None);
    }

    #[test]
    fn versions_are_ordered() {
        for (low, high) in [
            ("1.0", "1.1"),
            ("1.9", "1.10"),
            ("1.0~rc1", "1.0"),
            ("1.0-1", "1.0-1+b1"),
            ("1.0-1", "1.0-2"),
            ("9", "1:1"),
            ("1.0a", "1.0+"),
            ("1.0", "1.0a"),
        ] {
            assert_eq!(compare(low, high), Ordering::Less, "{low} {high}");
            assert_eq!(compare(high, low), Ordering::Greater, "{high} {low}");
        }
        assert_eq!(compare("1.00-1", "1.0-1"), Ordering::Equal);
    }
}
