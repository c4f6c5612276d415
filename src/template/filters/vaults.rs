//! Filters that encrypt and decrypt texts as `ansible-vault` does.

use crate::diag::{Diagnostic, Severity};
use crate::source::vault::{self, Vault, VaultSecret};
use crate::template::eval::Call;
use crate::template::object::{Res, V, failed, text};
use crate::value::Secret;
use crate::value::marks::{self, Mark};
use std::sync::Arc;

/// The name of a secret that has none.
const DEFAULT_ID: &str = "filter_default";

fn secret(c: &Call) -> Res<Secret> {
    match c.need(0)? {
        V::Str(secret) => Ok(Secret::new(secret.to_string())),
        other => {
            let class = other.type_name();
            Err(failed(format!(
                "Secret passed is required to be a string, instead we got <class '{class}'>."
            )))
        }
    }
}

fn input<'a>(c: &'a Call, verb: &str) -> Res<&'a str> {
    c.value.as_str().ok_or_else(|| {
        failed(format!("Can only {verb} strings, instead we got <class '{}'>.", c.value.type_name()))
    })
}

/// The argument `vault_id`, or `vaultid` as it was called once.
fn vault_id(c: &Call, new: usize, old: usize) -> Res<String> {
    let Some(older) = c.given(old) else { return c.text_or(new, DEFAULT_ID) };
    let engine = c.eval.ctx.engine();
    let what = "Use of undocumented `vaultid`. This feature will be removed from ansible-core version 2.20. Use `vault_id` instead.";
    engine.warn(Diagnostic::new(Severity::Deprecation, "vaultid", what));
    if c.given(new).is_some() {
        engine.warn(Diagnostic::warning("vaultid", "Ignoring vaultid as vault_id is already set."));
        return c.text_or(new, DEFAULT_ID);
    }
    text(older).map(|id| id.to_string())
}

/// `text | vault(secret, salt, vault_id, wrap_object)`; with the last, the text itself, which YAML shows encrypted.
pub fn vault(c: &mut Call) -> Res<V> {
    let secret = secret(c)?;
    let plain = input(c, "vault")?;
    let salt = c.given(1).map(text).transpose()?;
    let id = vault_id(c, 2, 4)?;
    let sealed =
        vault::encrypt(plain.as_bytes(), &secret, Some(&id), salt.as_ref().map(|salt| salt.as_bytes()));
    let sealed = sealed.map_err(|error| failed(format!("Unable to encrypt: {error}")))?;
    if !c.flag(3)? {
        return Ok(V::from(sealed));
    }
    let wrapped: Arc<str> = plain.into();
    marks::mark(&wrapped, Mark::Vaulted(sealed.into()));
    Ok(V::Str(wrapped))
}

/// `text | unvault(secret, vault_id)`: a text that is no vault stays as it is.
pub fn unvault(c: &mut Call) -> Res<V> {
    let password = secret(c)?;
    let cipher = match &c.value {
        V::Str(text) => marks::cipher(text),
        V::Missing(missing) => Some(missing.sealed.clone().ok_or_else(|| missing.error())?),
        _ => None,
    };
    let sealed = match &cipher {
        Some(sealed) => sealed,
        None => input(c, "unvault")?,
    };
    if !vault::is_encrypted(sealed.as_bytes()) {
        return Ok(c.value.clone());
    }
    let opener = Vault::new(vec![VaultSecret { id: vault_id(c, 1, 2)?, password }], false);
    match opener.decrypt(sealed) {
        Ok((plain, _)) => Ok(V::from(String::from_utf8_lossy(&plain).into_owned())),
        Err(error) => Err(failed(format!("Unable to decrypt: {error}"))),
    }
}
