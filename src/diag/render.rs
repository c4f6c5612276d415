//! Diagnostics for people: the cause, the place with its source lines and a caret, the help.

use super::{Diagnostic, Severity, Span};
use std::fmt::Write;

/// The whole text, with a newline at its end, and an empty line after several. The first line is Ansible's (`[ERROR]: …`), which scripts look for.
pub fn render(diagnostic: &Diagnostic) -> String {
    let word = match diagnostic.severity {
        Severity::Error => "ERROR",
        Severity::Warning => "WARNING",
        Severity::Deprecation => "DEPRECATION WARNING",
    };
    let mut out = format!("[{word}]: {}\n", diagnostic.summary);
    if let Some(span) = &diagnostic.span {
        out.push_str(&excerpt(span));
    }
    for (span, note) in &diagnostic.related {
        place(&mut out, note, span);
    }
    if let Some(help) = &diagnostic.help {
        let gap = if diagnostic.span.is_some() || !diagnostic.related.is_empty() { "\n" } else { "" };
        let _ = writeln!(out, "{gap}Help: {help}");
    }
    if out.trim_end().contains('\n') {
        out.push('\n');
    }
    out
}

/// `Origin: …` with the lines around the place and a caret.
pub fn excerpt(span: &Span) -> String {
    let mut out = String::new();
    place(&mut out, "Origin", span);
    out
}

/// How long a line of an excerpt is at most, in characters.
const WIDTH: usize = 120;

/// Two lines before the place, the line itself, the caret.
fn place(out: &mut String, title: &str, span: &Span) {
    let _ = writeln!(out, "{title}: {span}");
    let lines: Vec<&str> = span.file.text.lines().collect();
    let Some(line) = (span.line as usize).checked_sub(1).filter(|line| *line < lines.len()) else { return };
    out.push('\n');
    let digits = span.line.to_string().len();
    let first = line.saturating_sub(2);
    for (number, text) in lines.iter().enumerate().take(line + 1).skip(first) {
        let mut shown = format!("{:>digits$} {text}", number + 1);
        // Ansible's width; but what the caret points at stays.
        let pointed = if number == line { digits + 1 + span.column as usize } else { 0 };
        if let Some((cut, _)) = shown.char_indices().nth(WIDTH - 3)
            && shown[cut..].chars().nth(3).is_some()
            && pointed <= WIDTH - 3
        {
            shown.truncate(cut);
            shown.push_str("...");
        }
        let _ = writeln!(out, "{}", shown.trim_end());
    }
    // A tab before the place must be a tab before the caret.
    let before: String = lines[line]
        .chars()
        .take((span.column as usize).saturating_sub(1))
        .map(|c| if c == '\t' { '\t' } else { ' ' })
        .collect();
    let _ = writeln!(out, "{:digits$} {before}^ column {}", "", span.column);
}

#[cfg(test)]
mod tests {
    use super::super::SourceFile;
    use super::*;
    use std::sync::Arc;

    #[test]
    fn the_place_is_shown_with_a_caret() {
        let text = "- hosts: all\n  tasks:\n    - comand: ls\n";
        let file = Arc::new(SourceFile { path: "/p/site.yml".into(), text: text.into() });
        let diagnostic = Diagnostic::error("unknown-module", "there is no module `comand`")
            .at(&Span::new(&file, 3, 7, 6))
            .help("did you mean `command`?");
        assert_eq!(
            render(&diagnostic),
            "[ERROR]: there is no module `comand`\nOrigin: /p/site.yml:3:7\n\n1 - hosts: all\n2   tasks:\n3     - comand: ls\n        ^ column 7\n\nHelp: did you mean `command`?\n\n"
        );
    }
}
