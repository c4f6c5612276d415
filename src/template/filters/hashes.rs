//! Checksums and identifiers.

use crate::template::eval::Call;
use crate::template::object::{Res, V, failed};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};

fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().map(|b| format!("{b:02x}")).collect()
}

/// The digest of bytes in hexadecimal; `None` for a kind there is not.
pub fn digest_of(kind: &str, data: &[u8]) -> Option<String> {
    Some(match kind {
        "md5" => hex(Md5::digest(data)),
        "sha1" => hex(Sha1::digest(data)),
        "sha224" => hex(Sha224::digest(data)),
        "sha256" => hex(Sha256::digest(data)),
        "sha384" => hex(Sha384::digest(data)),
        "sha512" => hex(Sha512::digest(data)),
        _ => return None,
    })
}

fn bytes(c: &Call) -> Res<Vec<u8>> {
    match &c.value {
        V::Bytes(bytes) => Ok(bytes.to_vec()),
        _ => Ok(c.input()?.into_bytes()),
    }
}

pub fn digest(c: &mut Call, kind: &str) -> Res<V> {
    digest_of(kind, &bytes(c)?).map(V::from).ok_or_else(|| failed(format!("unsupported hash type {kind}")))
}

pub fn hash(c: &mut Call) -> Res<V> {
    let kind = c.text_or(0, "sha1")?;
    digest(c, &kind)
}

/// Ansible's own name space.
const NAMESPACE: &str = "361E6D51-FAEC-444A-9079-341386DA8E2E";

pub fn to_uuid(c: &mut Call) -> Res<V> {
    let namespace = c.text_or(0, NAMESPACE)?;
    let namespace = uuid::Uuid::parse_str(&namespace)
        .map_err(|error| failed(format!("Invalid value '{namespace}' for 'namespace': {error}")))?;
    Ok(V::from(uuid::Uuid::new_v5(&namespace, c.input()?.as_bytes()).to_string()))
}
