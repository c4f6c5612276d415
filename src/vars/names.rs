//! What a variable can be called.

/// What Python does not take for a name, and what YAML takes for something else.
const NO_NAMES: &[&str] = &[
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def",
    "del", "elif", "else", "except", "false", "finally", "for", "from", "global", "if", "import", "in", "is",
    "lambda", "none", "nonlocal", "not", "or", "pass", "raise", "return", "true", "try", "while", "with",
    "yield",
];

/// What a variable's name has to be.
pub const VARIABLE_NAMES: &str = "Variable names must be strings starting with a letter or underscore character, and \
    contain only letters, numbers and underscores.";

/// Whether a text can be the name of a variable.
pub fn is_identifier(name: &str) -> bool {
    !NO_NAMES.contains(&name) && is_word(name)
}

/// Whether a text looks like the name of a variable, be it a word that is none.
pub fn is_word(name: &str) -> bool {
    name.chars().next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}
