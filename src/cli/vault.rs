//! Vault passwords from files, programs and prompts.

use crate::diag::Diagnostic;
use crate::source::Settings;
use crate::source::vault::{Vault, VaultSecret};
use crate::value::Secret;
use std::path::Path;

/// What the command line says about vault passwords.
pub struct Keys<'a> {
    /// `--vault-id`: `[LABEL@]SOURCE`, where the source is a file, a program, or `prompt`.
    pub ids: &'a [String],
    /// `--vault-password-file`: files and programs.
    pub files: &'a [String],
    /// `--ask-vault-pass`.
    pub ask: bool,
}

/// The passwords of the settings and those of the command line.
///
/// # Errors
/// A source that gives no password.
pub fn open(keys: &Keys, settings: &Settings) -> Result<Vault, Diagnostic> {
    let mut sources = settings.list("DEFAULT_VAULT_IDENTITY_LIST");
    sources.extend_from_slice(keys.ids);
    sources.extend_from_slice(keys.files);
    sources
        .extend(settings.path("DEFAULT_VAULT_PASSWORD_FILE").map(|path| path.to_string_lossy().into_owned()));
    if keys.ask {
        sources.push(format!("default@{ASKED}"));
    }
    named(&sources, settings.bool("DEFAULT_VAULT_ID_MATCH"))
}

/// The passwords of these sources, and of no others.
///
/// # Errors
/// A source that gives no password.
pub fn named(sources: &[String], id_match: bool) -> Result<Vault, Diagnostic> {
    let secrets = sources.iter().map(|source| secret(source)).collect::<Result<Vec<_>, _>>()?;
    Ok(Vault::new(secrets, id_match))
}

/// A prompt that does not say whose password it wants.
const ASKED: &str = "prompt_ask_vault_pass";

fn secret(text: &str) -> Result<VaultSecret, Diagnostic> {
    let (id, source) = match text.split_once('@') {
        Some((id, source)) => (id, source),
        None => ("default", text),
    };
    let id = if id.is_empty() { "default" } else { id }.to_owned();
    let password = match source {
        "prompt" | ASKED => {
            let prompt = match source {
                ASKED => "Vault password: ".to_owned(),
                _ => format!("Vault password ({id}): "),
            };
            rpassword::prompt_password(prompt).map(Secret::new).map_err(|error| {
                Diagnostic::error("vault", format!("no vault password could be read: {error}"))
            })?
        }
        file => {
            let expanded = match (file.strip_prefix("~/"), std::env::home_dir()) {
                (Some(rest), Some(home)) => home.join(rest),
                _ => file.into(),
            };
            if !expanded.exists() {
                let shown = std::path::absolute(&expanded).unwrap_or_else(|_| expanded.clone());
                return Err(Diagnostic::error(
                    "vault",
                    format!("The vault password file {} was not found", shown.display()),
                ));
            }
            program_or_file(&expanded, &id)?
        }
    };
    Ok(VaultSecret { id, password })
}

/// A program's output or a file's content, its newline at the end cut.
fn program_or_file(path: &Path, id: &str) -> Result<Secret, Diagnostic> {
    let is_client = path.file_stem().is_some_and(|name| name.to_string_lossy().ends_with("-client"));
    let arguments = if is_client { vec!["--vault-id".to_owned(), id.to_owned()] } else { vec![] };
    super::setup::password_source(path, &arguments)
}
