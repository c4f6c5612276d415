//! Password hashes, and the randomness they need.

use crate::template::eval::Call;
use crate::template::object::{Res, V, failed};
use crate::template::random::{Random, random_bytes};
use sha_crypt::Params;

/// Characters of a salt.
const SALT: &[u8] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// `length` characters out of `alphabet`, each equally likely; with a seed always the same ones.
///
/// # Errors
/// An empty alphabet; no randomness.
pub fn random_password(alphabet: &[char], length: usize, seed: Option<&str>) -> Res<String> {
    if alphabet.is_empty() {
        return Err(failed("no characters to make a password of"));
    }
    crate::template::eval::charge(length)?;
    if let Some(seed) = seed {
        let mut random = Random::of_text(seed);
        return Ok((0..length).map(|_| alphabet[random.index(alphabet.len())]).collect());
    }
    // Bytes that would make some characters likelier than others are thrown away.
    let size = alphabet.len() as u32;
    let limit = u32::MAX - u32::MAX % size;
    let mut out = Vec::with_capacity(length);
    while out.len() < length {
        let bytes = random_bytes(256)?;
        for chunk in bytes.chunks_exact(4) {
            let number = u32::from_le_bytes([chunk[0], chunk[1], chunk[2], chunk[3]]);
            if number < limit && out.len() < length {
                out.push(alphabet[(number % size) as usize]);
            }
        }
    }
    Ok(out.into_iter().collect())
}

/// What a password hash is made with.
#[derive(Default)]
pub struct Recipe<'a> {
    pub salt: Option<&'a str>,
    pub salt_size: Option<usize>,
    pub rounds: Option<u32>,
    /// The variant of bcrypt: `2a`, `2b` or `2y`.
    pub ident: Option<&'a str>,
}

/// A password hashed for `/etc/shadow`, in one of the four ways that `crypt` and Ansible have in common.
///
/// # Errors
/// A kind of hash or a salt that is not possible.
pub fn hash_password(secret: &str, kind: &str, recipe: &Recipe) -> Res<String> {
    let (name, longest) = match kind {
        "sha512" | "sha512_crypt" => ("sha512_crypt", 16),
        "sha256" | "sha256_crypt" => ("sha256_crypt", 16),
        "md5" | "md5_crypt" => ("md5_crypt", 8),
        "blowfish" | "bcrypt" => return blowfish(secret, recipe),
        other => {
            return Err(failed(format!(
                "{other} is not in the list of supported passlib algorithms: md5, blowfish, sha256, sha512"
            )));
        }
    };
    let salt = salt(recipe, longest)?;
    if !salt.bytes().all(|b| SALT.contains(&b)) {
        return Err(failed(format!("Could not hash the secret: invalid characters in {name} salt")));
    }
    if salt.len() > longest {
        let message =
            format!("Could not hash the secret: salt too large ({name} requires <= {longest} chars)");
        return Err(failed(message));
    }
    if name == "md5_crypt" {
        if recipe.rounds.is_some() {
            return Err(failed("md5_crypt has no rounds"));
        }
        return Ok(md5_crypt(secret.as_bytes(), &salt));
    }
    // Ansible's defaults are those of passlib, written out in the hash unless they are crypt's own.
    let default = if name == "sha512_crypt" { 656_000 } else { 535_000 };
    let rounds = recipe.rounds.unwrap_or(default);
    if !(1000..=999_999_999).contains(&rounds) {
        return Err(failed(format!(
            "Could not hash the secret: rounds must be between 1000 and 999999999, not {rounds}"
        )));
    }
    let params = Params::new(rounds).map_err(|error| failed(error.to_string()))?;
    let (id, body) = match name {
        "sha512_crypt" => {
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

/// The salt that was given, or one of the usual length.
fn salt(recipe: &Recipe, usual: usize) -> Res<String> {
    match recipe.salt.filter(|salt| !salt.is_empty()) {
        Some(salt) => Ok(salt.to_owned()),
        None => {
            let alphabet: Vec<char> = SALT.iter().map(|b| char::from(*b)).collect();
            random_password(&alphabet, recipe.salt_size.unwrap_or(usual), None)
        }
    }
}

/// The digits of bcrypt's own Base64.
const BCRYPT: &[u8] = b"./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

fn blowfish(secret: &str, recipe: &Recipe) -> Res<String> {
    use bcrypt::Version;
    let version = match recipe.ident.unwrap_or("2b").trim_matches('$') {
        "2a" => Version::TwoA,
        "2b" => Version::TwoB,
        "2y" => Version::TwoY,
        other => return Err(failed(format!("'{other}' is no variant of bcrypt: 2a, 2b and 2y are"))),
    };
    let rounds = recipe.rounds.unwrap_or(12);
    let salt = match recipe.salt {
        None => random_bytes(16)?,
        Some(text) => {
            if text.len() != 22 {
                return Err(failed(format!(
                    "Could not hash the secret: a salt of bcrypt has 22 characters, not {}",
                    text.len()
                )));
            }
            let digits = text.bytes().map(|b| BCRYPT.iter().position(|known| *known == b));
            let Some(digits) = digits.collect::<Option<Vec<usize>>>() else {
                return Err(failed("Could not hash the secret: invalid characters in bcrypt salt"));
            };
            let mut bits =
                digits.iter().flat_map(|digit| (0..6).rev().map(move |at| (digit >> at) as u8 & 1));
            (0..16).map(|_| bits.by_ref().take(8).fold(0, |byte, bit| byte << 1 | bit)).collect()
        }
    };
    let salt: [u8; 16] = salt.try_into().map_err(|_| failed("a salt of bcrypt has 16 bytes"))?;
    if secret.len() > 72 || secret.contains('\0') {
        return Err(failed("bcrypt takes passwords of at most 72 bytes, and none of them zero"));
    }
    bcrypt::hash_with_salt(secret, rounds, salt)
        .map(|parts| parts.format_for_version(version))
        .map_err(|error| failed(format!("Could not hash the secret: {error}")))
}

/// The oldest of crypt's digests, a thousand rounds of MD5.
fn md5_crypt(secret: &[u8], salt: &str) -> String {
    use md5::{Digest, Md5};
    let inner = Md5::new().chain_update(secret).chain_update(salt).chain_update(secret).finalize();
    let mut first = Md5::new().chain_update(secret).chain_update(b"$1$").chain_update(salt);
    for at in (0..secret.len()).step_by(16) {
        first.update(&inner[..(secret.len() - at).min(16)]);
    }
    let mut length = secret.len();
    while length > 0 {
        first.update(if length & 1 == 1 { b"\0" } else { &secret[..1] });
        length >>= 1;
    }
    let mut digest = first.finalize();
    for round in 0..1000 {
        let mut next = Md5::new();
        if round % 2 == 1 {
            next.update(secret)
        } else {
            next.update(digest)
        }
        if round % 3 != 0 {
            next.update(salt);
        }
        if round % 7 != 0 {
            next.update(secret);
        }
        if round % 2 == 1 {
            next.update(digest)
        } else {
            next.update(secret)
        }
        digest = next.finalize();
    }
    let mut out = format!("$1${salt}$");
    for [a, b, c] in [[0, 6, 12], [1, 7, 13], [2, 8, 14], [3, 9, 15], [4, 10, 5]] {
        push_digits(
            &mut out,
            u32::from(digest[a]) << 16 | u32::from(digest[b]) << 8 | u32::from(digest[c]),
            4,
        );
    }
    push_digits(&mut out, u32::from(digest[11]), 2);
    out
}

fn push_digits(out: &mut String, mut bits: u32, count: usize) {
    for _ in 0..count {
        out.push(char::from(SALT[(bits & 63) as usize]));
        bits >>= 6;
    }
}

/// crypt's own Base64 over its own order of the digest's bytes: triples that start at 0, `third` and two
/// thirds, each next one turned by a place; `second` is the second triple, which fixes the turn.
fn encode(digest: &[u8], third: usize, second: (usize, usize, usize), rest: &[usize]) -> String {
    let mut out = String::new();
    let mut push = |bits: u32, count: usize| push_digits(&mut out, bits, count);
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
    let salt_size = match c.given(2).map(|_| c.int_or(2, 16)).transpose() {
        Ok(size) => size.and_then(|size| usize::try_from(size).ok()),
        Err(_) => return Err(failed("salt_size must be an integer")),
    };
    let rounds = c.given(3).map(|_| c.int_or(3, 0)).transpose()?.and_then(|n| u32::try_from(n).ok());
    let ident = c.text(4)?;
    let V::Str(secret) = &c.value else {
        return Err(failed(format!("secret must be unicode or bytes, not {}", c.value.type_name())));
    };
    let recipe = Recipe { salt: salt.as_deref(), salt_size, rounds, ident: ident.as_deref() };
    hash_password(secret, &kind, &recipe).map(V::from)
}
