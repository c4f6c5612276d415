//! Templates and expressions: what an author wrote, compiled once, rendered against a [`Scope`].
//!
//! minijinja reads the text; everything after that is here, because conditions must not take an unknown or
//! missing value for false and Python's semantics (mutable lists, lazy variables, its texts and errors) are
//! not those of minijinja's machine. To add a filter, test or lookup, write its function in the file of its
//! family and give it a line in the table of that folder's `mod.rs`.

mod context;
mod encodings;
mod engine;
mod eval;
mod expr;
mod filters;
mod globals;
mod lookups;
mod object;
mod place;
mod random;
mod regex;
mod scope;
mod syntax;
mod term;
mod tests;
pub mod yaml_dump;

pub use context::Context;
pub use engine::{Engine, FileTemplate, PluginRoute, Settings, Template, Untrusted};
pub use expr::Expr;
pub use filters::explain_json;
pub use scope::{LookupEnv, Scope, Var};
pub use syntax::Named;
pub use term::{TemplateError, TemplateErrorKind, Term};
pub use tests::satisfies;

use crate::value::Value;
use std::sync::{Arc, OnceLock};

fn omit_text() -> &'static Arc<str> {
    static OMIT: OnceLock<Arc<str>> = OnceLock::new();
    OMIT.get_or_init(|| Arc::from("<<Omit>>"))
}

/// The placeholder for an argument that is not given. It is known by its identity, not by its text, so no
/// data can be taken for it.
pub fn omit() -> Value {
    Value::Str(omit_text().clone())
}

pub fn is_omit(value: &Value) -> bool {
    matches!(value, Value::Str(text) if Arc::ptr_eq(text, omit_text()))
}

/// A text in an encoding that Python has a name for.
///
/// # Errors
/// An encoding that is not known, and characters that it does not have.
pub fn encode(text: &str, encoding: &str) -> Result<Vec<u8>, TemplateError> {
    encodings::encode(text, encoding)
}

/// The salt of a hash: a text, or how long one to make.
#[derive(Clone, Copy, Debug, Default)]
pub struct Salt<'a> {
    pub text: Option<&'a str>,
    pub size: Option<usize>,
}

/// What the filter `password_hash` gives for a scheme (`sha512_crypt` or `sha512`), with a salt of its own.
///
/// # Errors
/// A scheme that is not known.
pub fn password_hash(text: &str, scheme: &str, salt: Salt) -> Result<String, TemplateError> {
    let recipe = filters::password::Recipe { salt: salt.text, salt_size: salt.size, ..Default::default() };
    filters::password::hash_password(text, scheme, &recipe)
}
