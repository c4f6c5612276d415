//! Values that do not exist.

use super::{TemplateError, TemplateErrorKind};
use crate::diag::Span;

/// Why a value does not exist, kept until somebody uses it.
pub struct Missing {
    pub message: String,
    /// Where it was found missing, when that was in the template of another variable.
    pub trace: Vec<Span>,
}

impl Missing {
    pub fn variable(name: &str) -> Self {
        Self::hint(format!("'{name}' is undefined"))
    }

    /// `member` is the attribute's name, or the index or key as Python prints it.
    pub fn member(type_name: &str, member: &str) -> Self {
        Self::hint(format!("object of type '{type_name}' has no attribute {member}"))
    }

    pub fn hint(message: impl Into<String>) -> Self {
        Self { message: message.into(), trace: Vec::new() }
    }

    pub fn error(&self) -> TemplateError {
        TemplateError {
            kind: TemplateErrorKind::Undefined,
            message: self.message.clone(),
            trace: self.trace.clone(),
        }
    }
}
