//! Regular expressions as Python's `re` reads them, over fancy-regex.

mod template;
mod translate;

use template::Template;

/// What Python's flags and the type of its patterns decide.
#[derive(Clone, Copy, Debug, Default)]
pub struct Flags {
    /// `^` and `$` match at every line.
    pub multiline: bool,
    /// `.` matches line ends, too.
    pub dotall: bool,
    /// `\w`, `\d` and `\s` know ASCII only, as in patterns of bytes.
    pub ascii: bool,
}

/// A compiled pattern.
#[derive(Debug)]
pub struct Regex {
    inner: fancy_regex::Regex,
    /// `(?m)` was asked for, by flag or in the pattern.
    pub multiline: bool,
}

/// Where a pattern matched, with its groups.
pub type Captures<'t> = fancy_regex::Captures<'t, str>;

impl Regex {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// What is wrong with it, in Python's words where they are known.
    pub fn new(pattern: &str, flags: Flags) -> Result<Self, String> {
        let translated = translate::translate(pattern, flags)?;
        let inner = fancy_regex::RegexBuilder::new(&translated.text)
            .backtrack_limit(10_000_000)
            .build()
            .map_err(|error| error.to_string())?;
        Ok(Self { inner, multiline: translated.multiline })
    }

    /// `re.search`: the first match anywhere.
    ///
    /// # Errors
    /// The pattern takes too long on this text.
    pub fn search<'t>(&self, text: &'t str) -> Result<Option<Captures<'t>>, String> {
        self.inner.captures(text).map_err(|error| error.to_string())
    }

    /// Whether the pattern matches anywhere; a pattern that takes too long does not.
    pub fn is_match(&self, text: &str) -> bool {
        self.inner.is_match(text).unwrap_or(false)
    }

    /// `re.match`: whether it matches at the start.
    pub fn matches_start(&self, text: &str) -> bool {
        // A match further on starts later; the leftmost one is found first.
        self.inner.find(text).ok().flatten().is_some_and(|found| found.start() == 0)
    }

    /// `re.subn`: every match replaced by the template, and how many there were.
    ///
    /// # Errors
    /// A bad template (Python's words), or a pattern that takes too long.
    pub fn substitute(&self, template: &str, text: &str) -> Result<(String, usize), String> {
        let template = Template::new(template)?;
        let mut out = String::with_capacity(text.len());
        let (mut position, mut copied, mut count) = (0, 0, 0);
        let mut last_empty = None;
        while position <= text.len() {
            let found = self.inner.captures_from_pos(text, position).map_err(|error| error.to_string())?;
            let Some(captures) = found else { break };
            let Some(whole) = captures.get(0) else { break };
            let empty = whole.start() == whole.end();
            if !(empty && last_empty == Some(whole.start())) {
                out.push_str(&text[copied..whole.start()]);
                template.expand(&captures, &mut out)?;
                copied = whole.end();
                count += 1;
            }
            position = whole.end();
            if empty {
                last_empty = Some(whole.start());
                position += text[whole.end()..].chars().next().map_or(1, char::len_utf8);
            }
        }
        out.push_str(&text[copied.min(text.len())..]);
        Ok((out, count))
    }
}

/// `match.expand`: the template with the groups of a match filled in.
///
/// # Errors
/// A bad template, in Python's words.
pub fn expand(template: &str, captures: &Captures) -> Result<String, String> {
    let mut out = String::new();
    Template::new(template)?.expand(captures, &mut out)?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn regex(pattern: &str) -> Regex {
        Regex::new(pattern, Flags::default()).expect(pattern)
    }

    #[test]
    fn patterns_are_pythons() {
        let cases: &[(&str, &str, bool)] = &[
            ("^a$", "a\n", true),
            ("^a\\Z", "a\n", false),
            ("a$", "a\nb", false),
            ("(?m)a$", "a\nb", true),
            ("{{ x }}", "{{ x }}", true),
            ("a{,2}b", "aab", true),
            ("^a{2}$", "aa", true),
            ("[[]x", "[x", true),
            ("[]a]+", "]", true),
            ("[^]a]", "]", false),
            ("[a&&b]", "&", true),
            ("[[:alpha:]]", "a", false),
            ("\\<a\\>", "<a>", true),
            ("(?P<n>a)(?P=n)", "aa", true),
            ("(a)\\1", "aa", true),
            ("a(?!b)", "ab", false),
            ("(?<=x)y", "xy", true),
            ("(?i)ABC", "abc", true),
            ("a(?#note)b", "ab", true),
            ("(?x) a b # c", "ab", true),
            ("\\x41\\u0042\\103", "ABC", true),
            ("[\\w.-]+@", "a.b-c@", true),
            ("\\/etc\\/\\#", "/etc/#", true),
            ("[a-]", "-", true),
            ("[\\]]", "]", true),
            ("a\\ b", "a b", true),
            ("^\\s*#?\\s*Port", "#Port 22", true),
        ];
        for (pattern, text, expected) in cases {
            assert_eq!(regex(pattern).is_match(text), *expected, "{pattern} on {text}");
        }
        let ascii = Regex::new("^\\w+$", Flags { ascii: true, ..Flags::default() }).expect("a pattern");
        assert!(!ascii.is_match("é") && ascii.is_match("e"));
    }

    #[test]
    fn bad_patterns_are_refused() {
        for pattern in ["(", "a)", "[a", "*a", "\\q"] {
            assert!(Regex::new(pattern, Flags::default()).is_err(), "{pattern}");
        }
        let error = Regex::new("ab\\q", Flags::default()).expect_err("a bad escape");
        assert_eq!(error, "bad escape \\q at position 2");
    }

    #[test]
    fn substitutions_are_pythons() {
        let cases: &[(&str, &str, &str, &str)] = &[
            ("b=(\\d)", "B=\\1\\g<1>", "b=2 b=3", "B=22 B=33"),
            ("(?P<k>\\w+)=", "\\g<k>:", "a=1", "a:1"),
            ("x*", "-", "abxd", "-a-b--d-"),
            ("a", "\\n\\t\\\\\\.", "a", "\n\t\\\\."),
            ("(a)|b", "<\\1>", "ab", "<a><>"),
            ("^", "# ", "a\nb", "# a\nb"),
        ];
        for (pattern, template, text, expected) in cases {
            let (found, _) = regex(pattern).substitute(template, text).expect("it works");
            assert_eq!(found, *expected, "{pattern}");
        }
        let error = regex("a").substitute("\\q", "a").expect_err("a bad escape");
        assert_eq!(error, "bad escape \\q at position 0");
        assert_eq!(regex("a").substitute("\\2", "a"), Err("invalid group reference 2 at position 1".into()));
    }
}
