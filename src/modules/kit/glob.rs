//! Shell-style patterns as Python's `fnmatch` and `glob` have them.

use std::path::{Path, PathBuf};

/// Whether `pattern` has anything special in it.
pub fn is_pattern(pattern: &str) -> bool {
    pattern.contains(['*', '?', '['])
}

/// Whether the whole of `name` matches (`*`, `?`, `[seq]`, `[!seq]`; nothing is special about `/` or dots).
pub fn fnmatch(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    let (mut p, mut n) = (0, 0);
    // Where to go on when what follows the last star did not match.
    let mut retry: Option<(usize, usize)> = None;
    loop {
        let step = match pattern.get(p) {
            Some('*') => {
                retry = Some((p + 1, n));
                p += 1;
                continue;
            }
            None => (n == name.len()).then_some(p),
            Some(_) => name.get(n).and_then(|c| one(&pattern, p, *c)),
        };
        match (step, retry) {
            (Some(_), _) if p == pattern.len() => return true,
            (Some(next), _) => {
                p = next;
                n += 1;
            }
            (None, Some((after, from))) if from < name.len() => {
                retry = Some((after, from + 1));
                p = after;
                n = from + 1;
            }
            (None, _) => return false,
        }
    }
}

/// Matches one character against the pattern at `p`; where the pattern goes on.
fn one(pattern: &[char], p: usize, c: char) -> Option<usize> {
    match pattern[p] {
        '?' => Some(p + 1),
        '[' => match set(pattern, p) {
            Some((negated, members, next)) => (contains(members, c) != negated).then_some(next),
            // An unclosed bracket stands for itself.
            None => (c == '[').then_some(p + 1),
        },
        literal => (literal == c).then_some(p + 1),
    }
}

fn set(pattern: &[char], p: usize) -> Option<(bool, &[char], usize)> {
    let negated = pattern.get(p + 1) == Some(&'!');
    let start = p + 1 + usize::from(negated);
    // A bracket that comes first belongs to the set.
    let end = pattern.iter().skip(start + 1).position(|c| *c == ']')? + start + 1;
    Some((negated, &pattern[start..end], end + 1))
}

fn contains(members: &[char], c: char) -> bool {
    let mut rest = members;
    while let [first, tail @ ..] = rest {
        match tail {
            ['-', last, after @ ..] => {
                if *first <= c && c <= *last {
                    return true;
                }
                rest = after;
            }
            _ => {
                if *first == c {
                    return true;
                }
                rest = tail;
            }
        }
    }
    false
}

/// The existing paths that match, sorted; `*` and `?` do not match a leading dot. A relative pattern is
/// looked up in `directory`; the paths come back as relative as the pattern is.
pub fn glob(pattern: &str, directory: &Path) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::from(if pattern.starts_with('/') { "/" } else { "" })];
    for part in pattern.split('/').filter(|part| !part.is_empty()) {
        let mut next = Vec::new();
        for base in &found {
            if !is_pattern(part) {
                let path = base.join(part);
                if directory.join(&path).symlink_metadata().is_ok() {
                    next.push(path);
                }
                continue;
            }
            let here = directory.join(base);
            let mut names: Vec<String> =
                std::fs::read_dir(if here.as_os_str().is_empty() { Path::new(".") } else { &here })
                    .into_iter()
                    .flatten()
                    .flatten()
                    .filter_map(|entry| entry.file_name().into_string().ok())
                    .filter(|name| fnmatch(part, name) && (part.starts_with('.') || !name.starts_with('.')))
                    .collect();
            names.sort_unstable();
            next.extend(names.into_iter().map(|name| base.join(name)));
        }
        found = next;
    }
    if pattern.ends_with('/') {
        found.retain(|path| directory.join(path).is_dir());
    }
    if pattern.is_empty() { Vec::new() } else { found }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_as_in_python() {
        let cases = [
            ("*", "", true),
            ("a*c", "abc", true),
            ("a*c", "abd", false),
            ("a*b*c", "aXbYbZc", true),
            ("?", "", false),
            ("ansible_*_mb", "ansible_memfree_mb", true),
            ("eth[0-2]", "eth1", true),
            ("eth[!0-2]", "eth1", false),
            ("[]x]", "]", true),
            ("[a", "[a", true),
            ("[z-a]", "m", false),
            ("ab", "abc", false),
            ("abc", "ab", false),
            ("a**", "abc", true),
        ];
        for (pattern, name, expected) in cases {
            assert_eq!(fnmatch(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn paths_are_found() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        for name in ["b.conf", "a.conf", ".hidden.conf", "c.txt"] {
            std::fs::write(directory.path().join(name), "").expect("a file");
        }
        std::fs::create_dir(directory.path().join("d")).expect("a directory");
        std::fs::write(directory.path().join("d/x"), "").expect("a file");
        let names = |pattern: &str| {
            glob(pattern, directory.path()).iter().map(|p| p.display().to_string()).collect::<Vec<_>>()
        };
        assert_eq!(names("*.conf"), ["a.conf", "b.conf"]);
        assert_eq!(names(".*"), [".hidden.conf"]);
        assert_eq!(names("*/x"), ["d/x"]);
        assert_eq!(names("*/"), ["d"]);
        assert_eq!(names("nothing"), Vec::<String>::new());
        let absolute = format!("{}/c.*", directory.path().display());
        assert_eq!(glob(&absolute, Path::new("/")).len(), 1);
    }
}
