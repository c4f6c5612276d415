//! `version`: loose, strict, semantic and PEP 440 comparison.

use crate::template::eval::Call;
use crate::template::object::{Res, V, failed};
use std::cmp::Ordering;

pub fn version(c: &mut Call) -> Res<bool> {
    // Nothing has no version, nor has zero.
    let text = |value: Option<&V>| match value {
        Some(value) if value.truth()? => crate::template::object::text(value),
        _ => Ok(String::new()),
    };
    let (left, right) = (text(Some(&c.value))?, text(c.get(0))?);
    let operator = c.text_or(1, "eq")?;
    let mut kind = c.text_or(3, "")?;
    if c.given(2).is_some() && !kind.is_empty() {
        return Err(failed("Cannot specify both 'strict' and 'version_type'"));
    }
    if kind.is_empty() {
        kind = if c.flag(2)? { "strict".into() } else { "loose".into() };
    }
    if left.is_empty() {
        return Err(failed("Input version value cannot be empty"));
    }
    if right.is_empty() {
        return Err(failed("Version parameter to compare against cannot be empty"));
    }
    let order = compare_versions(&left, &right, &kind)?;
    Ok(match &*operator {
        "==" | "=" | "eq" => order == Ordering::Equal,
        "!=" | "<>" | "ne" => order != Ordering::Equal,
        "<" | "lt" => order == Ordering::Less,
        "<=" | "le" => order != Ordering::Greater,
        ">" | "gt" => order == Ordering::Greater,
        ">=" | "ge" => order != Ordering::Less,
        _ => {
            return Err(failed(format!(
                "Invalid operator type ({operator}). Must be one of '==', '=', 'eq', '!=', '<>', 'ne', '>', \
                 'gt', '>=', 'ge', '<', 'lt', '<=', 'le'"
            )));
        }
    })
}

/// The order of two versions of a kind (`loose`, `strict`, `semver`, `semantic`, `pep440`).
///
/// # Errors
/// Texts that are no versions of that kind.
pub fn compare_versions(left: &str, right: &str, kind: &str) -> Res<Ordering> {
    let bad = |text: &str| failed(format!("Version comparison failed: invalid version number '{text}'"));
    Ok(match kind {
        "loose" => compare_loose(left, right)?,
        "strict" => {
            let parse = |text: &str| strict(text).ok_or_else(|| bad(text));
            parse(left)?.cmp(&parse(right)?)
        }
        "semver" | "semantic" => {
            let parse = |text: &str| {
                semantic(text).ok_or_else(|| {
                    failed(format!("Version comparison failed: invalid semantic version '{text}'"))
                })
            };
            parse(left)?.cmp(&parse(right)?)
        }
        "pep440" => {
            let parse = |text: &str| {
                pep440(text)
                    .ok_or_else(|| failed(format!("Version comparison failed: Invalid version: '{text}'")))
            };
            parse(left)?.cmp(&parse(right)?)
        }
        other => {
            return Err(failed(format!(
                "Invalid version type ({other}). Must be one of loose, strict, semver, semantic, pep440"
            )));
        }
    })
}

/// Whether a version is one of those that PEP 440's specifiers mean (`>=2.15,!=2.16.*`); `None` if a part is none of its words.
pub fn satisfies(version: &str, specifiers: &str) -> Option<bool> {
    let own = pep440(version)?;
    for specifier in specifiers.split(',').map(str::trim).filter(|text| !text.is_empty()) {
        let operators = ["~=", "===", "==", "!=", "<=", ">=", "<", ">"];
        let operator = operators.into_iter().find(|operator| specifier.starts_with(operator))?;
        let wanted = specifier[operator.len()..].trim();
        let begins = |release: &str| {
            let parts: Vec<u64> = release.split('.').map(|part| part.parse().ok()).collect::<Option<_>>()?;
            let mut has = own.1.clone();
            has.resize(has.len().max(parts.len()), 0);
            Some(has.starts_with(&parts))
        };
        let order = || Some(own.cmp(&pep440(wanted)?));
        let fits = match (operator, wanted.strip_suffix(".*")) {
            ("==", Some(release)) => begins(release)?,
            ("!=", Some(release)) => !begins(release)?,
            ("~=", None) => order()? != Ordering::Less && begins(wanted.rsplit_once('.')?.0)?,
            ("==" | "===", None) => order()? == Ordering::Equal,
            ("!=", None) => order()? != Ordering::Equal,
            ("<", None) => order()? == Ordering::Less,
            ("<=", None) => order()? != Ordering::Greater,
            (">", None) => order()? == Ordering::Greater,
            (">=", None) => order()? != Ordering::Less,
            _ => return None,
        };
        if !fits {
            return Some(false);
        }
    }
    Some(true)
}

#[derive(PartialEq, Eq, Debug)]
enum Piece {
    Number(u128),
    Word(String),
}

/// Runs of digits and of lower-case letters; dots separate, everything else stands for itself.
fn loose(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut chars = text.chars().peekable();
    let class = |c: char| match c {
        '0'..='9' => 0,
        'a'..='z' => 1,
        '.' => 2,
        _ => 3,
    };
    while let Some(c) = chars.next() {
        let kind = class(c);
        if kind == 2 {
            continue;
        }
        let mut piece = c.to_string();
        while chars.peek().is_some_and(|next| class(*next) == kind) {
            piece.extend(chars.next());
        }
        pieces.push(match piece.parse() {
            Ok(number) if kind == 0 => Piece::Number(number),
            _ => Piece::Word(piece),
        });
    }
    pieces
}

fn compare_loose(left: &str, right: &str) -> Res<Ordering> {
    let (a, b) = (loose(left), loose(right));
    for (x, y) in a.iter().zip(&b) {
        let order = match (x, y) {
            (Piece::Number(x), Piece::Number(y)) => x.cmp(y),
            (Piece::Word(x), Piece::Word(y)) => x.cmp(y),
            (x, _) => {
                let (one, other) =
                    if matches!(x, Piece::Number(_)) { ("int", "str") } else { ("str", "int") };
                return Err(failed(format!(
                    "Version comparison failed: '<' not supported between instances of '{one}' and '{other}'"
                )));
            }
        };
        if order != Ordering::Equal {
            return Ok(order);
        }
    }
    Ok(a.len().cmp(&b.len()))
}

/// `1.2[.3][a4]`: without a pre-release is later.
fn strict(text: &str) -> Option<([u64; 3], (bool, char, u64))> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (numbers, tail) = text.split_at(end);
    let parts: Vec<u64> = numbers.split('.').map(str::parse).collect::<Result<_, _>>().ok()?;
    if !(2..=3).contains(&parts.len()) {
        return None;
    }
    let numbers = [parts[0], parts[1], parts.get(2).copied().unwrap_or(0)];
    let mut chars = tail.chars();
    let last = match chars.next() {
        None => (true, ' ', 0),
        Some(letter @ ('a' | 'b')) => (false, letter, chars.as_str().parse().ok()?),
        Some(_) => return None,
    };
    Some((numbers, last))
}

#[derive(PartialEq, Eq)]
struct Semantic {
    numbers: [u64; 3],
    pre: Vec<Result<u64, String>>,
}

impl PartialOrd for Semantic {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Semantic {
    fn cmp(&self, other: &Self) -> Ordering {
        let identifiers = |x: &Result<u64, String>, y: &Result<u64, String>| match (x, y) {
            (Ok(x), Ok(y)) => x.cmp(y),
            (Ok(_), Err(_)) => Ordering::Less,
            (Err(_), Ok(_)) => Ordering::Greater,
            (Err(x), Err(y)) => x.cmp(y),
        };
        self.numbers.cmp(&other.numbers).then_with(|| match (self.pre.is_empty(), other.pre.is_empty()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Greater,
            (false, true) => Ordering::Less,
            (false, false) => self
                .pre
                .iter()
                .zip(&other.pre)
                .map(|(x, y)| identifiers(x, y))
                .find(|order| *order != Ordering::Equal)
                .unwrap_or_else(|| self.pre.len().cmp(&other.pre.len())),
        })
    }
}

fn semantic(text: &str) -> Option<Semantic> {
    let text = text.split('+').next()?;
    let (core, pre) = match text.split_once('-') {
        Some((core, pre)) => (core, Some(pre)),
        None => (text, None),
    };
    let parts: Vec<u64> = core.split('.').map(str::parse).collect::<Result<_, _>>().ok()?;
    let numbers = parts.try_into().ok()?;
    let pre = pre.map_or_else(Vec::new, |pre| {
        pre.split('.').map(|part| part.parse().map_err(|_| part.to_owned())).collect()
    });
    Some(Semantic { numbers, pre })
}

/// A key that orders as PEP 440 does: epoch, release, pre, post, dev, local.
type Pep440 = (u64, Vec<u64>, (i8, String, u64), i64, (bool, u64), Vec<(bool, u64, String)>);

fn pep440(text: &str) -> Option<Pep440> {
    let text = text.trim().to_lowercase();
    let pattern = r"\Av?(?:(\d+)!)?(\d+(?:\.\d+)*)(?:[-_.]?(alpha|beta|preview|pre|rc|a|b|c)[-_.]?(\d*))?(?:-(\d+)|[-_.]?(post|rev|r)[-_.]?(\d*))?(?:[-_.]?(dev)[-_.]?(\d*))?(?:\+([a-z0-9]+(?:[-_.][a-z0-9]+)*))?\z";
    let regex = crate::template::regex::compile(pattern, crate::template::regex::Flags::default()).ok()?;
    let found = regex.captures(&text).ok()??;
    let group = |i: usize| found.get(i).map(|m| m.as_str());
    let number = |i: usize| group(i).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
    let mut release: Vec<u64> = group(2)?.split('.').filter_map(|part| part.parse().ok()).collect();
    while release.len() > 1 && release.last() == Some(&0) {
        release.pop();
    }
    let has_post = group(5).is_some() || group(6).is_some();
    let has_dev = group(8).is_some();
    let pre = match group(3) {
        Some("alpha" | "a") => (0, "a".to_owned(), number(4)),
        Some("beta" | "b") => (0, "b".to_owned(), number(4)),
        Some(_) => (0, "rc".to_owned(), number(4)),
        None if !has_post && has_dev => (-1, String::new(), 0),
        None => (1, String::new(), 0),
    };
    let post = if has_post { number(5).max(number(7)) as i64 } else { -1 };
    let dev = if has_dev { (false, number(9)) } else { (true, 0) };
    let local = group(10).map_or_else(Vec::new, |local| {
        local
            .split(['-', '_', '.'])
            .map(|part| match part.parse() {
                Ok(number) => (true, number, String::new()),
                Err(_) => (false, 0, part.to_owned()),
            })
            .collect()
    });
    Some((number(1), release, pre, post, dev, local))
}

#[cfg(test)]
mod specifiers {
    use super::satisfies;

    #[test]
    fn versions_satisfy_specifiers() {
        for (specifiers, expected) in [
            (">=2.15", Some(true)),
            (">=2.9,<2.19", Some(false)),
            (">=2.9, !=2.19.*", Some(false)),
            ("==2.19.*", Some(true)),
            ("~=2.18", Some(true)),
            ("~=2.18.1", Some(false)),
            ("<3,>=2.20", Some(false)),
            ("==2.19.14", Some(true)),
            ("", Some(true)),
            ("2.15", None),
            (">=two", None),
        ] {
            assert_eq!(satisfies("2.19.14", specifiers), expected, "{specifiers}");
        }
    }
}
