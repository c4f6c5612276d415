//! What dnf says that it is going to do: the table of its transaction.

use crate::modules::packages::rpm::Package;

/// What a transaction installs and removes.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Transaction {
    /// Installed or upgraded.
    pub installed: Vec<Package>,
    pub downgraded: Vec<Package>,
    /// Removed, replaced and upgraded ones among them.
    pub removed: Vec<Package>,
    /// Those of the removed that go because they need others of them.
    pub dependents: Vec<Package>,
    /// Words that stand for no package, and were passed over.
    pub unavailable: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Section {
    Install,
    Upgrade,
    Downgrade,
    Remove,
    RemoveDependent,
    Other,
}

impl Section {
    /// From a line without indentation that ends in a colon.
    fn of(title: &str) -> Self {
        match title {
            "Installing"
            | "Installing dependencies"
            | "Installing weak dependencies"
            | "Installing group/module packages" => Self::Install,
            "Upgrading" => Self::Upgrade,
            "Downgrading" => Self::Downgrade,
            "Removing dependent packages" => Self::RemoveDependent,
            _ if title.starts_with("Removing") && !title.to_lowercase().contains("group") => Self::Remove,
            _ => Self::Other,
        }
    }
}

impl Transaction {
    /// Reads what dnf 4 or 5 printed; `before` is what was installed.
    pub fn parse(text: &str, before: &[Package]) -> Self {
        let mut found = Self::default();
        let mut section = Section::Other;
        for line in text.lines() {
            if let Some(word) = line.strip_prefix("No match for argument: ") {
                found.unavailable.push(word.to_owned());
            }
            if !line.starts_with(' ') {
                section = line.strip_suffix(':').map_or(Section::Other, Section::of);
                continue;
            }
            let words: Vec<&str> = line.split_whitespace().collect();
            match (section, words.as_slice()) {
                (Section::Other, _) => {}
                (_, ["replacing", package, evr]) => {
                    // dnf 4: `name.architecture version-release`.
                    if let Some((name, architecture)) = package.rsplit_once('.') {
                        found.replace(Package::new(name, architecture, evr));
                    }
                }
                (_, ["replacing", name, architecture, evr, ..]) => {
                    found.replace(Package::new(name, architecture, evr));
                }
                (_, [name, architecture, evr, _repository, ..]) => {
                    found.add(section, Package::new(name, architecture, evr), before);
                }
                _ => {}
            }
        }
        found
    }

    fn add(&mut self, section: Section, package: Package, before: &[Package]) {
        if matches!(section, Section::Upgrade | Section::Downgrade) {
            let same = |old: &&Package| old.name == package.name;
            let exactly = |old: &&Package| same(old) && old.architecture == package.architecture;
            let mut old = before.iter();
            let old = old.clone().find(exactly).or_else(|| old.find(same));
            old.cloned().into_iter().for_each(|old| self.replace(old));
        }
        match section {
            Section::Install | Section::Upgrade => self.installed.push(package),
            Section::Downgrade => self.downgraded.push(package),
            Section::Remove => self.removed.push(package),
            Section::RemoveDependent => {
                self.dependents.push(package.clone());
                self.removed.push(package);
            }
            Section::Other => {}
        }
    }

    /// dnf 5 names what it replaces, dnf 4 does so only where the name changes.
    fn replace(&mut self, package: Package) {
        if !self.removed.contains(&package) {
            self.removed.push(package);
        }
    }

    /// Whether no package comes or goes.
    pub fn is_empty(&self) -> bool {
        self.installed.is_empty() && self.downgraded.is_empty() && self.removed.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOUR: &str = "\
Last metadata expiration check: 0:00:01 ago on Sat Nov 21 08:21:14 2026.
No match for argument: ek-nowhere
Dependencies resolved.
================================================================================
 Package             Architecture      Version          Repository         Size
================================================================================
Installing:
 ek-needs            noarch            1.0-1            tests             6.4 k
     replacing  ek-former.noarch 1.0-1
Upgrading:
 libek-two           noarch            1.2-1            tests             6.3 k
Installing dependencies:
 ek-epoch            noarch            1:1.0-1          tests             6.3 k
Removing dependent packages:
 ek-hello            noarch            1.0-1            @tests             43  
Installing Groups:
 Tools of the tests and more of them
Skipping packages with broken dependencies:
 ek-impossible       noarch            1.0-1            tests             6.4 k

Transaction Summary
================================================================================
Install  2 Packages
";

    const FIVE: &str = "\
Package                Arch   Version Repository      Size
Removing dependent packages:
 ek-hello              noarch 0:1.0-1 tests       43.0   B
Upgrading:
 libek-two             noarch 0:1.2-1 tests       16.0   B
   replacing libek-two noarch 0:1.0-1 tests       16.0   B
Installing:
 ek-needs              noarch 0:1.0-1 tests       15.0   B
   replacing ek-former noarch 0:1.0-1 tests       15.0   B
Installing dependencies:
 ek-epoch              noarch 1:1.0-1 tests       15.0   B
Installing groups:
 Tools of the tests and more of them

Transaction Summary:
 Installing:         1 package
";

    #[test]
    fn tables_of_both_generations_say_the_same() {
        let before =
            [Package::new("ek-hello", "noarch", "1.0-1"), Package::new("libek-two", "noarch", "1.0-1")];
        let said = |text| {
            let found = Transaction::parse(text, &before);
            let shown = |packages: &[Package]| {
                let mut shown: Vec<String> = packages.iter().map(ToString::to_string).collect();
                shown.sort();
                shown
            };
            (shown(&found.installed), shown(&found.removed), found.unavailable)
        };
        let installed = ["ek-epoch-1:1.0-1.noarch", "ek-needs-1.0-1.noarch", "libek-two-1.2-1.noarch"];
        let removed = ["ek-former-1.0-1.noarch", "ek-hello-1.0-1.noarch", "libek-two-1.0-1.noarch"];
        for (text, unavailable) in [(FOUR, vec!["ek-nowhere"]), (FIVE, vec![])] {
            let found = said(text);
            assert_eq!(found.0, installed);
            assert_eq!(found.1, removed);
            assert_eq!(found.2, unavailable);
        }
    }

    #[test]
    fn nothing_is_nothing() {
        let text = "Dependencies resolved.\nNothing to do.\nComplete!\n";
        assert!(Transaction::parse(text, &[]).is_empty());
        let text = "Upgrading Groups:\n Tools of the tests\n\nTransaction Summary\n";
        assert!(Transaction::parse(text, &[]).is_empty());
    }
}
