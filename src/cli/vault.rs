//! Vault passwords from files, programs and prompts.

use crate::diag::Diagnostic;
use crate::source::vault::{Vault, VaultSecret};
use crate::value::Secret;
use std::path::Path;

/// The passwords of `--vault-id` and `--vault-password-file` values: `[LABEL@]SOURCE`, where the source is a file, a
/// program, or `prompt`.
///
/// # Errors
/// A source that gives no password.
pub fn open(sources: &[String], id_match: bool) -> Result<Vault, Diagnostic> {
    let secrets = sources.iter().map(|source| secret(source)).collect::<Result<Vec<_>, _>>()?;
    Ok(Vault::new(secrets, id_match))
}

fn secret(text: &str) -> Result<VaultSecret, Diagnostic> {
    let (id, source) = match text.split_once('@') {
        Some((id, source)) => (id, source),
        None => ("default", text),
    };
    let id = if id.is_empty() { "default" } else { id }.to_owned();
    let password = match source {
        "prompt" | "prompt_ask_vault_pass" => {
            let prompt = if id == "default" {
                "Vault password: ".to_owned()
            } else {
                format!("Vault password ({id}): ")
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
                return Err(Diagnostic::error(
                    "vault",
                    format!("The vault password file {} was not found", expanded.display()),
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
