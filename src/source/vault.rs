//! Ansible Vault: texts and files encrypted with a password (formats 1.1 and 1.2, cipher AES256).

use crate::value::Secret;
use aes::Aes256;
use ctr::Ctr128BE;
use ctr::cipher::{KeyIvInit, StreamCipher};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex};

const HEADER: &str = "$ANSIBLE_VAULT";
const ITERATIONS: u32 = 10_000;
const BLOCK: usize = 16;

/// Why a text cannot be decrypted; the words are Ansible's.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum VaultError {
    #[error("Input is not vault encrypted data.")]
    Plain,
    #[error("Attempting to decrypt but no vault secrets found.")]
    NoSecrets,
    #[error("Decryption failed (no vault secrets were found that could decrypt).")]
    WrongSecrets,
    #[error("Vault envelope format error: {0}")]
    Envelope(&'static str),
    #[error("Cipher '{0}' could not be found.")]
    Cipher(String),
    #[error("Vault vaulttext format error: {0}")]
    Body(&'static str),
    #[error("the system has no random numbers: {0}")]
    Random(String),
}

/// A password and the name it goes by (`--vault-id dev@file`).
#[derive(Clone)]
pub struct VaultSecret {
    pub id: String,
    pub password: Secret,
}

impl fmt::Debug for VaultSecret {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "VaultSecret({})", self.id)
    }
}

/// The passwords of a run.
#[derive(Clone, Default)]
pub struct Vault {
    secrets: Vec<VaultSecret>,
    /// Only a password whose name the text carries is tried (`DEFAULT_VAULT_ID_MATCH`).
    id_match: bool,
    /// What was decrypted, and the number of the password: a key takes milliseconds, and a group's variable is
    /// read for every host.
    opened: Arc<Mutex<HashMap<String, Opened>>>,
}

/// Plain bytes, and the number of the password that opened them.
type Opened = (Vec<u8>, usize);

/// The names of the passwords, and nothing else.
impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.debug_tuple("Vault").field(&self.secrets).finish()
    }
}

/// Whether a text or file is a vault.
pub fn is_encrypted(bytes: &[u8]) -> bool {
    bytes.starts_with(HEADER.as_bytes())
}

/// Whether a file is a vault; no more of it is read than tells.
///
/// # Errors
/// When it cannot be read.
pub fn is_encrypted_file(path: &std::path::Path) -> std::io::Result<bool> {
    use std::io::Read;
    let mut start = Vec::with_capacity(HEADER.len());
    std::fs::File::open(path)?.take(HEADER.len() as u64).read_to_end(&mut start)?;
    Ok(is_encrypted(&start))
}

impl Vault {
    pub fn new(secrets: Vec<VaultSecret>, id_match: bool) -> Self {
        Self { secrets, id_match, opened: Arc::default() }
    }

    pub fn is_empty(&self) -> bool {
        self.secrets.is_empty()
    }

    pub fn secrets(&self) -> &[VaultSecret] {
        &self.secrets
    }

    /// The plain bytes, and the name of the password that opened them.
    ///
    /// # Errors
    /// See [`VaultError`].
    pub fn decrypt(&self, text: &str) -> Result<(Vec<u8>, &str), VaultError> {
        if !is_encrypted(text.as_bytes()) {
            return Err(VaultError::Plain);
        }
        if self.secrets.is_empty() {
            return Err(VaultError::NoSecrets);
        }
        if let Some((plain, secret)) = self.opened.lock().ok().and_then(|opened| opened.get(text).cloned()) {
            return Ok((plain, &self.secrets[secret].id));
        }
        let (id, body) = envelope(text)?;
        let sealed = Sealed::parse(&body)?;
        let named = |secret: &VaultSecret| id.is_some_and(|id| id == secret.id);
        let is_candidate = |secret: &VaultSecret| !(self.id_match && id.is_some()) || named(secret);
        let mut order: Vec<usize> =
            (0..self.secrets.len()).filter(|at| is_candidate(&self.secrets[*at])).collect();
        order.sort_by_key(|at| !named(&self.secrets[*at]));
        for at in order {
            let secret = &self.secrets[at];
            if let Some(plain) = sealed.open(secret.password.expose()) {
                if let Ok(mut opened) = self.opened.lock() {
                    opened.insert(text.to_owned(), (plain.clone(), at));
                }
                return Ok((plain, &secret.id));
            }
        }
        Err(VaultError::WrongSecrets)
    }
}

/// Encrypts bytes: format 1.2 with an `id`, 1.1 without (or with the id `default`). `salt` is random unless given
/// (`VAULT_ENCRYPT_SALT`, for results that can be compared).
///
/// # Errors
/// The system has no random numbers.
pub fn encrypt(
    plain: &[u8],
    password: &Secret,
    id: Option<&str>,
    salt: Option<&[u8]>,
) -> Result<String, VaultError> {
    let salt = match salt {
        Some(salt) => salt.to_vec(),
        None => random_salt()?,
    };
    let keys = Keys::derive(password.expose(), &salt);
    let padding = BLOCK - plain.len() % BLOCK;
    let mut sealed = plain.to_vec();
    sealed.extend(std::iter::repeat_n(padding as u8, padding));
    keys.apply(&mut sealed);
    let body = hex(format!("{}\n{}\n{}", hex(&salt), hex(&keys.mac(&sealed)), hex(&sealed)).as_bytes());
    let mut out = match id.filter(|id| *id != "default") {
        Some(id) => format!("{HEADER};1.2;AES256;{id}\n"),
        None => format!("{HEADER};1.1;AES256\n"),
    };
    for line in body.as_bytes().chunks(80) {
        out.push_str(&String::from_utf8_lossy(line));
        out.push('\n');
    }
    Ok(out)
}

fn random_salt() -> Result<Vec<u8>, VaultError> {
    let mut salt = vec![0; 32];
    let filled = rustix::rand::getrandom(&mut salt, rustix::rand::GetRandomFlags::empty())
        .map_err(|error| VaultError::Random(error.to_string()))?;
    if filled < salt.len() {
        return Err(VaultError::Random("too few of them".into()));
    }
    Ok(salt)
}

/// The header's vault id, and the body as bytes.
fn envelope(text: &str) -> Result<(Option<&str>, Vec<u8>), VaultError> {
    let mut lines = text.lines();
    let mut fields = lines.next().unwrap_or_default().trim().split(';');
    if fields.next() != Some(HEADER) {
        return Err(VaultError::Envelope("the text does not start with $ANSIBLE_VAULT"));
    }
    let (Some(version), Some(cipher)) = (fields.next(), fields.next()) else {
        return Err(VaultError::Envelope("list index out of range"));
    };
    if cipher.trim() != "AES256" {
        return Err(VaultError::Cipher(cipher.trim().to_owned()));
    }
    let id = fields.next().map(str::trim).filter(|_| version.trim() == "1.2");
    let body: String = lines.map(str::trim).collect();
    let body = unhex(&body).ok_or(VaultError::Body("Non-hexadecimal digit found"))?;
    Ok((id, body))
}

struct Sealed {
    salt: Vec<u8>,
    mac: Vec<u8>,
    data: Vec<u8>,
}

impl Sealed {
    fn parse(body: &[u8]) -> Result<Self, VaultError> {
        let parts: Vec<&[u8]> = body.splitn(3, |b| *b == b'\n').collect();
        let [salt, mac, data] = parts[..] else {
            return Err(VaultError::Body(match parts.len() {
                1 => "not enough values to unpack (expected 3, got 1)",
                _ => "not enough values to unpack (expected 3, got 2)",
            }));
        };
        let part = |part: &[u8]| {
            std::str::from_utf8(part)
                .ok()
                .and_then(|text| unhex(text.trim()))
                .ok_or(VaultError::Body("Non-hexadecimal digit found"))
        };
        Ok(Self { salt: part(salt)?, mac: part(mac)?, data: part(data)? })
    }

    fn open(&self, password: &str) -> Option<Vec<u8>> {
        let keys = Keys::derive(password, &self.salt);
        Hmac::<Sha256>::new_from_slice(&keys.mac_key)
            .ok()?
            .chain_update(&self.data)
            .verify_slice(&self.mac)
            .ok()?;
        let mut plain = self.data.clone();
        keys.apply(&mut plain);
        let padding = usize::from(*plain.last()?);
        let length = plain.len().checked_sub(padding).filter(|_| (1..=BLOCK).contains(&padding))?;
        plain.truncate(length);
        Some(plain)
    }
}

struct Keys {
    cipher_key: [u8; 32],
    mac_key: [u8; 32],
    counter: [u8; BLOCK],
}

impl Keys {
    fn derive(password: &str, salt: &[u8]) -> Self {
        let bytes = pbkdf2::pbkdf2_hmac_array::<Sha256, 80>(password.as_bytes(), salt, ITERATIONS);
        let mut keys = Self { cipher_key: [0; 32], mac_key: [0; 32], counter: [0; BLOCK] };
        keys.cipher_key.copy_from_slice(&bytes[..32]);
        keys.mac_key.copy_from_slice(&bytes[32..64]);
        keys.counter.copy_from_slice(&bytes[64..]);
        keys
    }

    fn apply(&self, data: &mut [u8]) {
        Ctr128BE::<Aes256>::new(&self.cipher_key.into(), &self.counter.into()).apply_keystream(data);
    }

    fn mac(&self, data: &[u8]) -> Vec<u8> {
        match Hmac::<Sha256>::new_from_slice(&self.mac_key) {
            Ok(mac) => mac.chain_update(data).finalize().into_bytes().to_vec(),
            // HMAC takes keys of every length.
            Err(_) => Vec::new(),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    digits
        .chunks(2)
        .map(|pair| {
            let digit = |b: u8| char::from(b).to_digit(16);
            u8::try_from(digit(pair[0])? * 16 + digit(pair[1])?).ok()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by ansible-vault 2.19 with the password `secret`; the text is `hello: world\n`.
    const PLAIN: &str = "$ANSIBLE_VAULT;1.1;AES256
30336537666564323933666364636162393863363063353234303931336565363466633464363837
6332373938353964626635306231646138643938613936340a643866376466346630326532323463
65643534666632616363643663373662356237656235383033653032666166396535383739636661
6438333061303739620a373665623465313236333231653162373662316366663562336531326365
3238
";
    const NAMED: &str = "$ANSIBLE_VAULT;1.2;AES256;dev
30303166343965333364616237626136363038626464366338316632626266333131353338633239
3361333362313532623464626234616162323839313462320a363666396538383864646334626437
63666164393361636637626333396331643334356662663030633634313631666565646434623131
6437313263323638350a646330623664386539373265333536313032396639646533373734363733
6235
";

    fn vault(passwords: &[(&str, &str)], id_match: bool) -> Vault {
        let secret = |(id, password): &(&str, &str)| VaultSecret {
            id: (*id).to_owned(),
            password: Secret::new(*password),
        };
        Vault::new(passwords.iter().map(secret).collect(), id_match)
    }

    #[test]
    fn what_ansible_encrypted_is_decrypted() {
        let both = vault(&[("a", "other"), ("dev", "secret")], false);
        for text in [PLAIN, NAMED] {
            assert_eq!(both.decrypt(text), Ok((b"hello: world\n".to_vec(), "dev")));
        }
        assert_eq!(vault(&[("a", "secret")], false).decrypt(NAMED).map(|found| found.1), Ok("a"));
        assert_eq!(vault(&[("a", "secret")], true).decrypt(NAMED), Err(VaultError::WrongSecrets));
        assert_eq!(vault(&[("a", "other")], false).decrypt(PLAIN), Err(VaultError::WrongSecrets));
    }

    #[test]
    fn what_is_encrypted_here_comes_back() {
        let password = Secret::new("secret");
        for text in ["", "x", "exactly sixteen!", "a longer text, with ünïcode\n"] {
            let sealed = encrypt(text.as_bytes(), &password, Some("dev"), None).expect("random numbers");
            assert!(sealed.starts_with("$ANSIBLE_VAULT;1.2;AES256;dev\n"));
            assert!(sealed.lines().all(|line| line.len() <= 80));
            let opened = vault(&[("default", "secret")], false);
            assert_eq!(opened.decrypt(&sealed), Ok((text.as_bytes().to_vec(), "default")));
        }
    }

    #[test]
    fn errors_are_ansibles() {
        let vault = vault(&[("a", "secret")], false);
        for (text, error) in [
            (
                "$ANSIBLE_VAULT;1.1;AES256\n61",
                "Vault vaulttext format error: not enough values to unpack (expected 3, got 1)",
            ),
            ("$ANSIBLE_VAULT;1.0;AES\n61", "Cipher 'AES' could not be found."),
            ("$ANSIBLE_VAULT;1.1", "Vault envelope format error: list index out of range"),
            ("$ANSIBLE_VAULT;1.1;AES256\n6", "Vault vaulttext format error: Non-hexadecimal digit found"),
        ] {
            assert_eq!(vault.decrypt(text).expect_err(text).to_string(), error);
        }
        assert_eq!(Vault::default().decrypt(PLAIN), Err(VaultError::NoSecrets));
    }
}
