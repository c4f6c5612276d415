//! Scopes and precedence of variables.
