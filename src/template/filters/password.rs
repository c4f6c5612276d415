//! Password hashes, and the randomness they need.

use crate::template::eval::Call;
use crate::template::object::{Res, V, failed};
use sha_crypt::Params;

/// Characters of a salt.
const SALT: &[u8] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

fn random_bytes(count: usize) -> Res<Vec<u8>> {
    let mut bytes = vec![0; count];
    let mut filled = 0;
    while filled < count {
        match rustix::rand::getrandom(&mut bytes[filled..], rustix::rand::GetRandomFlags::empty()) {
            Ok(0) | Err(_) => return Err(failed("the system gives no random numbers")),
            Ok(more) => filled += more,
        }
    }
    Ok(bytes)
}

/// `length` characters out of `alphabet`, each equally likely; with a seed always the same ones.
///
/// # Errors
/// An empty alphabet; no randomness.
pub fn random_password(alphabet: &[char], length: usize, seed: Option<&str>) -> Res<String> {
    if alphabet.is_empty() {
        return Err(failed("no characters to make a password of"));
    }
    // Bytes that would make some characters likelier than others are thrown away.
    let size = alphabet.len() as u32;
    let limit = u32::MAX - u32::MAX % size;
    let mut out = String::new();
    let mut round = 0u64;
    while out.chars().count() < length {
        let bytes = match seed {
            Some(seed) => {
                use sha2::{Digest, Sha512};
                round += 1;
                Sha512::digest(format!("{round}:{seed}").as_bytes()).to_vec()
            }
            None => random_bytes(256)?,
        };
        for chunk in bytes.chunks_exact(4) {
            let number = u32::from_le_bytes([chunk[0], chunk[1], chunk[2], chunk[3]]);
            if number < limit && out.chars().count() < length {
                out.push(alphabet[(number % size) as usize]);
            }
        }
    }
    Ok(out)
}

/// A password hashed for `/etc/shadow`.
///
/// # Errors
/// A kind of hash or a salt that is not possible.
pub fn hash_password(
    secret: &str,
    kind: &str,
    salt: Option<&str>,
    salt_size: Option<usize>,
    rounds: Option<u32>,
) -> Res<String> {
    let kind = match kind {
        "sha512" | "sha512_crypt" => "sha512",
        "sha256" | "sha256_crypt" => "sha256",
        other => return Err(failed(format!("crypt does not support '{other}' algorithm"))),
    };
    let salt = match salt {
        Some(salt) => salt.to_owned(),
        None => {
            let alphabet: Vec<char> = SALT.iter().map(|b| char::from(*b)).collect();
            random_password(&alphabet, salt_size.unwrap_or(16), None)?
        }
    };
    if !salt.bytes().all(|b| SALT.contains(&b)) {
        return Err(failed("invalid characters in salt"));
    }
    if salt.len() > 16 {
        return Err(failed(format!("invalid salt size supplied ({}), expected at most 16", salt.len())));
    }
    // Ansible's defaults are those of passlib, written out in the hash unless they are crypt's own.
    let default = if kind == "sha512" { 656_000 } else { 535_000 };
    let rounds = rounds.unwrap_or(default);
    if !(1000..=999_999_999).contains(&rounds) {
        return Err(failed(format!("the number of rounds must be between 1000 and 999999999, not {rounds}")));
    }
    let params = Params::new(rounds).map_err(|error| failed(error.to_string()))?;
    let (id, body) = match kind {
        "sha512" => {
            let digest = sha_crypt::sha512_crypt(secret.as_bytes(), salt.as_bytes(), params);
            ("6", encode(&digest, 21, (22, 43, 1), &[63]))
        }
        _ => {
            let digest = sha_crypt::sha256_crypt(secret.as_bytes(), salt.as_bytes(), params);
            ("5", encode(&digest, 10, (21, 1, 11), &[31, 30]))
        }
    };
    let rounds = if rounds == 5000 { String::new() } else { format!("rounds={rounds}$") };
    Ok(format!("${id}${rounds}{salt}${body}"))
}

/// crypt's own Base64 over its own order of the digest's bytes: triples that start at 0, `third` and two
/// thirds, each next one turned by a place; `second` is the second triple, which fixes the turn.
fn encode(digest: &[u8], third: usize, second: (usize, usize, usize), rest: &[usize]) -> String {
    let mut out = String::new();
    let mut push = |mut bits: u32, count: usize| {
        for _ in 0..count {
            out.push(char::from(SALT[(bits & 63) as usize]));
            bits >>= 6;
        }
    };
    let mut triple = [0, third, third * 2];
    // Which column of the first triple the second one begins with.
    let turn = triple.iter().position(|at| at + 1 == second.0).unwrap_or(0);
    for _ in 0..third {
        let [a, b, c] = triple.map(|at| u32::from(digest[at]));
        push(a << 16 | b << 8 | c, 4);
        triple = [triple[turn] + 1, triple[(turn + 1) % 3] + 1, triple[(turn + 2) % 3] + 1];
    }
    match rest {
        [last] => push(u32::from(digest[*last]), 2),
        [a, b] => push(u32::from(digest[*a]) << 8 | u32::from(digest[*b]), 3),
        _ => {}
    }
    out
}

pub fn password_hash(c: &mut Call) -> Res<V> {
    let kind = c.text_or(0, "sha512")?;
    let salt = c.text(1)?;
    let salt_size = c.given(2).map(|_| c.int_or(2, 16)).transpose()?.and_then(|n| usize::try_from(n).ok());
    let rounds = c.given(3).map(|_| c.int_or(3, 0)).transpose()?.and_then(|n| u32::try_from(n).ok());
    let secret = match &c.value {
        V::Str(text) => text.to_string(),
        other => crate::template::object::text(other)?,
    };
    hash_password(&secret, &kind, salt.as_deref(), salt_size, rounds).map(V::from)
}
