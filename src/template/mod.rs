//! Templates and expressions: what an author wrote, compiled once, rendered against a [`Scope`].

mod engine;
mod scope;
mod term;

pub use engine::{Context, Engine, Expr, FileTemplate, Template};
pub use scope::{LookupEnv, Scope, Var};
pub use term::{TemplateError, TemplateErrorKind, Term};
