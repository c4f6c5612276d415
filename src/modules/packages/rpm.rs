//! What rpm has installed, which words name it, and how it compares versions.

use crate::modules::kit::glob::{fnmatch, is_pattern};
use crate::modules::kit::{Command, Failure, Probe};
use std::cmp::Ordering;
use std::fmt;

/// A package in one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    pub name: String,
    /// `0` where the package names none.
    pub epoch: String,
    pub version: String,
    pub release: String,
    pub architecture: String,
}

/// `name-version-release.architecture`, with the epoch where there is one.
impl fmt::Display for Package {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}-{}.{}", self.name, self.evr(), self.architecture)
    }
}

impl Package {
    /// From a name, an architecture and `[epoch:]version-release`.
    pub fn new(name: &str, architecture: &str, evr: &str) -> Self {
        let (epoch, rest) = evr.split_once(':').unwrap_or(("0", evr));
        let (version, release) = rest.split_once('-').unwrap_or((rest, ""));
        let owned = |part: &str| part.to_owned();
        Self {
            name: owned(name),
            epoch: owned(epoch),
            version: owned(version),
            release: owned(release),
            architecture: owned(architecture),
        }
    }

    /// From `name|epoch|version|release|architecture`, as our queries ask for it.
    pub fn parse(line: &str) -> Option<Self> {
        let mut fields = line.trim_end().split('|').map(str::to_owned);
        Some(Self {
            name: fields.next()?,
            epoch: fields.next().map(|epoch| if epoch == "(none)" { "0".into() } else { epoch })?,
            version: fields.next()?,
            release: fields.next()?,
            architecture: fields.next()?,
        })
    }

    /// `[epoch:]version-release`.
    pub fn evr(&self) -> String {
        match self.epoch.as_str() {
            "0" => format!("{}-{}", self.version, self.release),
            epoch => format!("{epoch}:{}-{}", self.version, self.release),
        }
    }

    /// Whether a word of the user names it: `name`, `name.arch`, `name-version`, …, with wildcards, or `name >= version`.
    pub fn is(&self, word: &str) -> bool {
        if let Some((name, relation, version)) = relation(word) {
            return name == self.name && relation.contains(&self.compare_to(version));
        }
        let Self { name, epoch, version, release, architecture } = self;
        let fits = |form: &str| if is_pattern(word) { fnmatch(word, form) } else { word == form };
        fits(name)
            || fits(&format!("{name}.{architecture}"))
            || fits(&format!("{name}-{version}"))
            || fits(&format!("{name}-{version}-{release}"))
            || fits(&format!("{name}-{version}-{release}.{architecture}"))
            || fits(&format!("{name}-{epoch}:{version}"))
            || fits(&format!("{name}-{epoch}:{version}-{release}"))
            || fits(&format!("{name}-{epoch}:{version}-{release}.{architecture}"))
    }

    /// How its version compares to `[epoch:]version[-release]`; what is not given does not count.
    fn compare_to(&self, wanted: &str) -> Ordering {
        let (epoch, rest) = wanted.split_once(':').unwrap_or((self.epoch.as_str(), wanted));
        let (version, release) = rest.split_once('-').unwrap_or((rest, self.release.as_str()));
        compare(&self.epoch, epoch)
            .then_with(|| compare(&self.version, version))
            .then_with(|| compare(&self.release, release))
    }

    /// How its version compares to that of another.
    pub fn compare(&self, other: &Self) -> Ordering {
        compare(&self.epoch, &other.epoch)
            .then_with(|| compare(&self.version, &other.version))
            .then_with(|| compare(&self.release, &other.release))
    }
}

/// `name >= version`, with blanks around the sign.
fn relation(word: &str) -> Option<(&str, &'static [Ordering], &str)> {
    use Ordering::{Equal, Greater, Less};
    let mut parts = word.split_whitespace();
    let (name, sign, version) = (parts.next()?, parts.next()?, parts.next()?);
    let relation: &'static [Ordering] = match sign {
        "=" | "==" => &[Equal],
        ">=" => &[Equal, Greater],
        "<=" => &[Equal, Less],
        ">" => &[Greater],
        "<" => &[Less],
        _ => return None,
    };
    parts.next().is_none().then_some((name, relation, version))
}

/// What a query answers, a package on a line.
pub const FORMAT: &str = "%{NAME}|%{EPOCH}|%{VERSION}|%{RELEASE}|%{ARCH}\n";

/// All packages, of the host itself or of what is installed under `root`, in the order of their names.
///
/// # Errors
/// When rpm cannot be asked.
pub fn installed(host: &Probe, root: Option<&str>) -> Result<Vec<Package>, Failure> {
    let mut packages = query(host, root, &["-qa"])?;
    packages.retain(|package| package.name != "gpg-pubkey");
    packages.sort_by(|a, b| a.name.cmp(&b.name).then_with(|| a.compare(b)));
    Ok(packages)
}

/// The packages that provide a name or own a file.
///
/// # Errors
/// When rpm cannot be asked.
pub fn providers(host: &Probe, root: Option<&str>, what: &str) -> Result<Vec<Package>, Failure> {
    query(host, root, &["-q", "--whatprovides", what])
}

/// What is in a package file; `None` if rpm cannot read it.
///
/// # Errors
/// When rpm cannot be asked.
pub fn file(host: &Probe, path: &str) -> Result<Option<Package>, Failure> {
    Ok(query(host, None, &["-qp", "--nosignature", path])?.pop())
}

fn query(host: &Probe, root: Option<&str>, words: &[&str]) -> Result<Vec<Package>, Failure> {
    let mut argv = vec!["rpm"];
    if let Some(root) = root {
        argv.extend(["--root", root]);
    }
    let (options, operands) = words.split_at(words.iter().take_while(|word| word.starts_with('-')).count());
    argv.extend(options);
    argv.extend(["--qf", FORMAT]);
    argv.extend(operands);
    let output = host.query(&Command::new(argv).english())?;
    Ok(output.stdout().lines().filter_map(Package::parse).collect())
}

/// Compares versions as rpm does: runs of letters or digits in turn, what stands between them does not count; `~` comes
/// before everything, `^` after the end and before anything else.
pub fn compare(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    loop {
        let separator = |c: &u8| !c.is_ascii_alphanumeric() && !matches!(c, b'~' | b'^');
        a = &a[a.iter().take_while(|c| separator(c)).count()..];
        b = &b[b.iter().take_while(|c| separator(c)).count()..];
        let (first_a, first_b) = (a.first().copied(), b.first().copied());
        match (first_a, first_b) {
            (Some(b'~'), Some(b'~')) | (Some(b'^'), Some(b'^')) => {
                (a, b) = (&a[1..], &b[1..]);
                continue;
            }
            (Some(b'~'), _) => return Ordering::Less,
            (_, Some(b'~')) => return Ordering::Greater,
            (Some(b'^'), None) => return Ordering::Greater,
            (None, Some(b'^')) => return Ordering::Less,
            (Some(b'^'), _) => return Ordering::Less,
            (_, Some(b'^')) => return Ordering::Greater,
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(_), Some(_)) => {}
        }
        let numeric = first_a.is_some_and(|c| c.is_ascii_digit());
        let run = |text: &[u8]| {
            text.iter().take_while(|c| c.is_ascii_alphanumeric() && c.is_ascii_digit() == numeric).count()
        };
        let (run_a, run_b) = (run(a), run(b));
        if run_b == 0 {
            // A number is newer than letters.
            return if numeric { Ordering::Greater } else { Ordering::Less };
        }
        let (part_a, part_b) = (&a[..run_a], &b[..run_b]);
        let order = if numeric {
            let significant =
                |part: &[u8]| part.iter().skip_while(|c| **c == b'0').copied().collect::<Vec<u8>>();
            let (part_a, part_b) = (significant(part_a), significant(part_b));
            part_a.len().cmp(&part_b.len()).then_with(|| part_a.cmp(&part_b))
        } else {
            part_a.cmp(part_b)
        };
        if order != Ordering::Equal {
            return order;
        }
        (a, b) = (&a[run_a..], &b[run_b..]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered() {
        for (low, high) in [
            ("1.0", "1.1"),
            ("1.9", "1.10"),
            ("1.0~rc1", "1.0"),
            ("1.0", "1.0^git1"),
            ("1.0^git1", "1.0.1"),
            ("1.0^git1", "1.0^git2"),
            ("1.0a", "1.0.1"),
            ("1.0", "1.0a"),
            ("abc", "1"),
            ("2.el8", "10.el8"),
            ("1.0~rc1", "1.0~rc1^git1"),
        ] {
            assert_eq!(compare(low, high), Ordering::Less, "{low} {high}");
            assert_eq!(compare(high, low), Ordering::Greater, "{high} {low}");
        }
        for same in [("1.05", "1.5"), ("1_0", "1.0"), ("", "")] {
            assert_eq!(compare(same.0, same.1), Ordering::Equal, "{same:?}");
        }
    }

    #[test]
    fn words_name_packages() {
        let package = Package::parse("ek-hello|(none)|2.0|1.fc41|noarch").expect("a package");
        assert_eq!(package.to_string(), "ek-hello-2.0-1.fc41.noarch");
        for (word, names) in [
            ("ek-hello", true),
            ("ek-*", true),
            ("ek", false),
            ("ek-hello.noarch", true),
            ("ek-hello-2.0", true),
            ("ek-hello-2", false),
            ("ek-hello-2.0-1.fc41", true),
            ("ek-hello-0:2.0-1.fc41.noarch", true),
            ("ek-hello-2.0-1.fc40.noarch", false),
            ("ek-hello >= 1.1", true),
            ("ek-hello = 2.0", true),
            ("ek-hello = 2.0-1.fc40", false),
            ("ek-hello < 2", false),
            ("ek-other >= 1", false),
        ] {
            assert_eq!(package.is(word), names, "{word}");
        }
        let package = Package::new("ek-epoch", "noarch", "1:1.0-1");
        assert_eq!(package.to_string(), "ek-epoch-1:1.0-1.noarch");
        assert!(package.is("ek-epoch > 0:7") && package.is("ek-epoch-1.0"));
    }
}
