//! What colours things are shown in: the settings `COLOR_…`.

use crate::diag::{Diagnostic, Severity};
use crate::source::Settings;

/// What a text is about, for its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    Ok,
    Changed,
    Skip,
    Included,
    Error,
    Unreachable,
    Warning,
    Deprecation,
    Verbose,
    Debug,
    DiffAdd,
    DiffRemove,
    DiffLines,
}

/// Each kind of text with its setting, in the order of [`Paint`].
const SETTINGS: &[(Paint, &str)] = &[
    (Paint::Ok, "COLOR_OK"),
    (Paint::Changed, "COLOR_CHANGED"),
    (Paint::Skip, "COLOR_SKIP"),
    (Paint::Included, "COLOR_INCLUDED"),
    (Paint::Error, "COLOR_ERROR"),
    (Paint::Unreachable, "COLOR_UNREACHABLE"),
    (Paint::Warning, "COLOR_WARN"),
    (Paint::Deprecation, "COLOR_DEPRECATE"),
    (Paint::Verbose, "COLOR_VERBOSE"),
    (Paint::Debug, "COLOR_DEBUG"),
    (Paint::DiffAdd, "COLOR_DIFF_ADD"),
    (Paint::DiffRemove, "COLOR_DIFF_REMOVE"),
    (Paint::DiffLines, "COLOR_DIFF_LINES"),
];

impl From<Severity> for Paint {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Error => Self::Error,
            Severity::Warning => Self::Warning,
            Severity::Deprecation => Self::Deprecation,
        }
    }
}

/// The names of colours and what stands for them between `ESC [` and `m`.
const NAMES: &[(&str, &str)] = &[
    ("black", "0;30"),
    ("red", "0;31"),
    ("green", "0;32"),
    ("yellow", "0;33"),
    ("blue", "0;34"),
    ("purple", "0;35"),
    ("magenta", "0;35"),
    ("cyan", "0;36"),
    ("bright gray", "0;37"),
    ("dark gray", "1;30"),
    ("bright red", "1;31"),
    ("bright green", "1;32"),
    ("bright yellow", "1;33"),
    ("bright blue", "1;34"),
    ("bright purple", "1;35"),
    ("bright magenta", "1;35"),
    ("bright cyan", "1;36"),
    ("white", "1;37"),
    ("normal", "0"),
];

/// The codes of all kinds of text.
#[derive(Clone, Debug)]
pub struct Palette(Vec<String>);

impl Palette {
    /// What the settings say; a warning for each that names no colour, which is shown as nothing special.
    pub fn of_settings(settings: &Settings) -> (Self, Vec<Diagnostic>) {
        let mut warnings = Vec::new();
        let codes = SETTINGS.iter().map(|(_, setting)| {
            let name = settings.str(setting).unwrap_or("normal");
            code(name).unwrap_or_else(|| {
                let text = format!("There is no colour '{name}', which the setting {setting} names.");
                let help = "name one of Ansible's, or colorNUMBER, rgbRGB, grayNUMBER";
                warnings.push(Diagnostic::warning("unknown-colour", text).help(help));
                "0".to_owned()
            })
        });
        let codes = codes.collect();
        (Self(codes), warnings)
    }

    fn code(&self, paint: Paint) -> &str {
        self.0.get(paint as usize).map_or("0", String::as_str)
    }

    /// Each line in the colour; a line break at the end stays behind it.
    pub fn paint(&self, text: &str, paint: Paint) -> String {
        let code = self.code(paint);
        let (lines, end) = text.strip_suffix('\n').map_or((text, ""), |lines| (lines, "\n"));
        let lines: Vec<String> = lines.split('\n').map(|line| format!("\x1b[{code}m{line}\x1b[0m")).collect();
        lines.join("\n") + end
    }
}

/// `colorN` and `grayN` count from 0; `rgbRGB` has three digits from 0 to 5.
fn code(name: &str) -> Option<String> {
    if let Some((_, code)) = NAMES.iter().find(|(other, _)| *other == name) {
        return Some((*code).to_owned());
    }
    let number = |text: &str| text.parse::<u32>().ok();
    let number = if let Some(text) = name.strip_prefix("color") {
        number(text)?
    } else if let Some(text) = name.strip_prefix("gray") {
        number(text)? + 232
    } else {
        let digits: Vec<u32> =
            name.strip_prefix("rgb")?.chars().map(|digit| digit.to_digit(6)).collect::<Option<_>>()?;
        let [red, green, blue] = digits[..] else { return None };
        16 + 36 * red + 6 * green + blue
    };
    Some(format!("38;5;{number}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_have_codes() {
        let cases = [
            ("green", Some("0;32")),
            ("bright purple", Some("1;35")),
            ("normal", Some("0")),
            ("color33", Some("38;5;33")),
            ("rgb255", Some("38;5;123")),
            ("gray5", Some("38;5;237")),
            ("rgb25", None),
            ("rgb269", None),
            ("grayish", None),
            ("nonsense", None),
        ];
        for (name, wanted) in cases {
            assert_eq!(code(name).as_deref(), wanted, "{name}");
        }
    }

    #[test]
    fn lines_are_painted_one_by_one() {
        let (palette, warnings) = Palette::of_settings(&Settings::defaults());
        assert!(warnings.is_empty());
        assert_eq!(palette.paint("a\n\n", Paint::Error), "\x1b[0;31ma\x1b[0m\n\x1b[0;31m\x1b[0m\n");
        assert_eq!(palette.paint("a", Paint::Unreachable), "\x1b[1;31ma\x1b[0m");
    }

    #[test]
    fn every_kind_has_a_colour_of_its_own_setting() {
        for (place, (paint, setting)) in SETTINGS.iter().enumerate() {
            assert_eq!(*paint as usize, place, "{setting}");
            assert!(Settings::defaults().str(setting).and_then(code).is_some(), "{setting}");
        }
    }
}
