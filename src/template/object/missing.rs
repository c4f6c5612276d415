//! Values that are not there: they do not exist, or what was to make them failed.

use super::{TemplateError, TemplateErrorKind};
use crate::template::term::Failure;
use std::ops::Deref;
use std::sync::Arc;

/// Why there is no value, kept until somebody uses it.
pub struct Missing {
    /// With the place where it was found missing, when that was in the template of another variable.
    why: TemplateError,
    /// The encrypted text that nobody could open.
    pub sealed: Option<Arc<str>>,
}

impl Deref for Missing {
    type Target = Failure;

    fn deref(&self) -> &Failure {
        &self.why
    }
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
        Self::captured(TemplateError::new(TemplateErrorKind::Undefined, message, Vec::new()))
    }

    /// Something failed: an error for whoever uses the result, also for those that ask whether it is there.
    pub fn captured(why: TemplateError) -> Self {
        Self { why, sealed: None }
    }

    pub fn sealed(self, sealed: Option<Arc<str>>) -> Self {
        Self { sealed, ..self }
    }

    /// Whether something failed, and not only does not exist.
    pub fn is_failure(&self) -> bool {
        self.kind != TemplateErrorKind::Undefined
    }

    pub fn error(&self) -> TemplateError {
        self.why.clone()
    }
}
