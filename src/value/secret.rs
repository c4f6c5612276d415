//! Secrets and the one place that keeps them out of every output.

use std::sync::{OnceLock, RwLock};

/// A text that must never be shown. It has no `Display`, `Debug` or `Serialize`; making one registers
/// its bytes with the [`Redactor`].
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        Redactor::global().add(&text);
        Self(text)
    }

    /// The text itself, for the one consumer that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// Replaces every registered secret in a text; it stands in front of all sinks.
#[derive(Default)]
pub struct Redactor {
    secrets: RwLock<Vec<String>>,
}

/// Shorter secrets would blot out ordinary words.
const SHORTEST: usize = 4;

impl Redactor {
    pub fn global() -> &'static Redactor {
        static GLOBAL: OnceLock<Redactor> = OnceLock::new();
        GLOBAL.get_or_init(Redactor::default)
    }

    pub fn add(&self, secret: &str) {
        if secret.len() < SHORTEST {
            return;
        }
        if let Ok(mut secrets) = self.secrets.write()
            && !secrets.iter().any(|known| known == secret)
        {
            secrets.push(secret.to_owned());
            // Longest first, so that a secret that contains another one goes whole.
            secrets.sort_by_key(|s| std::cmp::Reverse(s.len()));
        }
    }

    pub fn redact(&self, text: &str) -> String {
        let Ok(secrets) = self.secrets.read() else { return String::new() };
        secrets.iter().fold(text.to_owned(), |text, secret| {
            if text.contains(secret.as_str()) { text.replace(secret.as_str(), "********") } else { text }
        })
    }
}
