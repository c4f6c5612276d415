//! Words of a command line, as Python's `shlex` splits and quotes them (the crate of that name knows
//! comments, which Ansible does not want, and says nothing about errors).

/// Splits a line into words: quotes and backslashes as in a POSIX shell, no comments, no expansion.
///
/// # Errors
/// Python's words for an unfinished quote or escape.
pub fn split(text: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' | '\r' | '\n' => words.extend(word.take()),
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next() {
                        Some('\'') => break,
                        Some(c) => word.push(c),
                        None => return Err("No closing quotation".into()),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next() {
                        Some('"') => break,
                        Some('\\') => match chars.next() {
                            Some(c @ ('"' | '\\')) => word.push(c),
                            Some(c) => word.extend(['\\', c]),
                            None => return Err("No closing quotation".into()),
                        },
                        Some(c) => word.push(c),
                        None => return Err("No closing quotation".into()),
                    }
                }
            }
            '\\' => match chars.next() {
                Some(c) => word.get_or_insert_default().push(c),
                None => return Err("No escaped character".into()),
            },
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Ok(words)
}

/// One word, quoted so that a shell reads exactly this word.
pub fn quote(word: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || "@%+=:,./-_".contains(c);
    if !word.is_empty() && word.chars().all(safe) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\"'\"'"))
}

/// Words as one line that a shell splits into the same words.
pub fn join<S: AsRef<str>>(words: impl IntoIterator<Item = S>) -> String {
    words.into_iter().map(|word| quote(word.as_ref())).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_as_python_does() {
        let cases: [(&str, &[&str]); 7] = [
            ("echo a  b", &["echo", "a", "b"]),
            ("a\\ b \"c d\"'e' # no comment", &["a b", "c de", "#", "no", "comment"]),
            ("x '' \"\"", &["x", "", ""]),
            ("\"a\\\"b\\n\" 'a\\b'", &["a\"b\\n", "a\\b"]),
            ("a\nb\tc", &["a", "b", "c"]),
            ("", &[]),
            ("a\\'b", &["a'b"]),
        ];
        for (line, words) in cases {
            assert_eq!(
                split(line).as_deref(),
                Ok(words.iter().map(|w| w.to_string()).collect::<Vec<_>>().as_slice()),
                "{line}"
            );
        }
        assert_eq!(split("a 'b"), Err("No closing quotation".into()));
        assert_eq!(split("a \\"), Err("No escaped character".into()));
    }

    #[test]
    fn what_is_quoted_splits_into_itself() {
        for word in ["", "a b", "it's", "$HOME", "plain-1.2/x", "a\nb", "\"q\"", "é"] {
            assert_eq!(split(&quote(word)), Ok(vec![word.to_owned()]));
        }
        assert_eq!(join(["/bin/sh", "-c", "echo $0"]), "/bin/sh -c 'echo $0'");
    }
}
