//! From text to a program: minijinja's lexer and parser read the text, `lower` turns its tree into ours,
//! with filters and tests looked up and strings as Ansible reads them.

mod depth;
pub mod ir;
mod lower;
mod prepare;
mod problem;
mod source;

pub use lower::{expression, loop_name, template};
pub use problem::{Named, Problem, of_collection};
pub use source::Source;

use minijinja::syntax::SyntaxConfig;

/// Delimiters and white space rules of one template.
#[derive(Clone, Debug)]
pub struct Syntax {
    pub block: (String, String),
    pub variable: (String, String),
    pub comment: (String, String),
    /// What begins a line that is a statement or a comment; empty for none.
    pub line: (String, String),
    pub trim_blocks: bool,
    pub lstrip_blocks: bool,
    pub keep_trailing_newline: bool,
    /// Backslashes in the strings of `{{ }}` are what they are (texts in YAML, not template files).
    pub raw_strings: bool,
}

impl Default for Syntax {
    fn default() -> Self {
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        Self {
            block: pair("{%", "%}"),
            variable: pair("{{", "}}"),
            comment: pair("{#", "#}"),
            line: pair("", ""),
            trim_blocks: true,
            lstrip_blocks: false,
            keep_trailing_newline: false,
            raw_strings: true,
        }
    }
}

impl Syntax {
    fn config(&self) -> Result<SyntaxConfig, minijinja::Error> {
        let mut builder = SyntaxConfig::builder();
        if self.block.0 != "{%"
            || self.variable.0 != "{{"
            || self.comment.0 != "{#"
            || self.block.1 != "%}"
            || self.variable.1 != "}}"
            || self.comment.1 != "#}"
        {
            builder.block_delimiters(self.block.0.clone(), self.block.1.clone());
            builder.variable_delimiters(self.variable.0.clone(), self.variable.1.clone());
            builder.comment_delimiters(self.comment.0.clone(), self.comment.1.clone());
        }
        if !self.line.0.is_empty() {
            builder.line_statement_prefix(self.line.0.clone());
        }
        if !self.line.1.is_empty() {
            builder.line_comment_prefix(self.line.1.clone());
        }
        builder
            .trim_blocks(self.trim_blocks)
            .lstrip_blocks(self.lstrip_blocks)
            .keep_trailing_newline(self.keep_trailing_newline)
            .build()
    }
}
