//! `password`: made once, kept in a file.

use super::Lookup;
use crate::source::args::parse_kv;
use crate::template::context::expand_home;
use crate::template::filters::{Recipe, hash_password, random_password};
use crate::template::object::{Res, V, failed, text};
use crate::value::Secret;
use std::fs;
use std::io::{Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

struct Wish {
    length: usize,
    chars: Vec<String>,
    encrypt: Option<String>,
    ident: Option<String>,
    seed: Option<String>,
}

pub fn password(lookup: &mut Lookup) -> Res<Vec<V>> {
    let mut out = Vec::new();
    for term in lookup.texts()? {
        let mut wish = Wish {
            length: 20,
            chars: vec!["ascii_letters".into(), "digits".into(), ".,:-_".into()],
            encrypt: None,
            ident: None,
            seed: None,
        };
        for (name, value) in &lookup.options {
            match (&**name, value) {
                ("chars", V::List(_) | V::Tuple(_)) => {
                    wish.chars = value.items()?.iter().map(text).collect::<Res<_>>()?;
                }
                (_, V::None) => {}
                _ => set(&mut wish, name, &text(value)?)?,
            }
        }
        let (path, options) = match term.find(' ') {
            Some(at) if term[at..].contains('=') => (&term[..at], &term[at + 1..]),
            _ => (&*term, ""),
        };
        for (name, value) in parse_kv(options, false).map_err(failed)? {
            set(&mut wish, &name, &value)?;
        }
        let base = &lookup.eval.ctx.env().playbook_dir;
        let path = expand_home(path);
        let path = if path.is_absolute() { path } else { base.join(path) };
        out.push(V::from(keep(&path, &wish)?));
    }
    Ok(out)
}

fn set(wish: &mut Wish, name: &str, value: &str) -> Res<()> {
    match name {
        "length" => {
            wish.length = value.parse().map_err(|_| {
                let value = crate::value::str_repr(value);
                failed(format!(
                    "Config 'length' for 'password' lookup plugin from 'Direct' has an invalid value: \
                     Invalid value provided for 'integer': {value}"
                ))
            })?;
        }
        "chars" => {
            // Sets are separated by commas; a comma itself is written as `,,`.
            let marked = value.replace(",,", "\u{0}");
            wish.chars =
                marked.split(',').filter(|s| !s.is_empty()).map(|s| s.replace('\u{0}', ",")).collect();
        }
        "encrypt" => wish.encrypt = (!value.is_empty() && value != "False").then(|| value.to_owned()),
        "ident" => wish.ident = Some(value.to_owned()),
        "seed" => wish.seed = Some(value.to_owned()),
        other => return Err(failed(format!("Unrecognized parameter(s) given to password lookup: {other}"))),
    }
    Ok(())
}

fn alphabet(sets: &[String]) -> Vec<char> {
    let lower = "abcdefghijklmnopqrstuvwxyz";
    let mut out = String::new();
    for set in sets {
        match &**set {
            "ascii_letters" => {
                out.push_str(lower);
                out.push_str(&lower.to_uppercase());
            }
            "ascii_lowercase" => out.push_str(lower),
            "ascii_uppercase" => out.push_str(&lower.to_uppercase()),
            "digits" => out.push_str("0123456789"),
            "hexdigits" => out.push_str("0123456789abcdefABCDEF"),
            "octdigits" => out.push_str("01234567"),
            "punctuation" => out.push_str("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"),
            "whitespace" => out.push_str(" \t\n\r\u{b}\u{c}"),
            other => out.push_str(other),
        }
    }
    let mut seen = Vec::new();
    for c in out.chars() {
        if !seen.contains(&c) {
            seen.push(c);
        }
    }
    seen
}

/// The password of the file, made and written if there is none.
fn keep(path: &Path, wish: &Wish) -> Res<String> {
    let chars = alphabet(&wish.chars);
    if path == Path::new("/dev/null") {
        return finish(&random_password(&chars, wish.length, wish.seed.as_deref())?, None, wish)
            .map(|(text, _)| text);
    }
    let wrong = |error: std::io::Error| failed(format!("{}: {error}", path.display()));
    if let Some(parent) = path.parent() {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(parent).map_err(wrong)?;
    }
    let mut file = fs::OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(wrong)?;
    // Hosts render at the same time: one makes the password, the others read it.
    file.lock().map_err(wrong)?;
    let mut content = String::new();
    file.read_to_string(&mut content).map_err(wrong)?;
    let content = content.trim_end_matches('\n');
    let (plain, salt) = match content.rsplit_once(" salt=") {
        Some((plain, salt)) => {
            (plain.to_owned(), Some(salt.split(" ident=").next().unwrap_or(salt).to_owned()))
        }
        None => (content.to_owned(), None),
    };
    let made = plain.is_empty();
    let plain = if made { random_password(&chars, wish.length, wish.seed.as_deref())? } else { plain };
    let (result, used) = finish(&plain, salt.as_deref(), wish)?;
    if made || (used.is_some() && salt.is_none()) {
        let mut line = plain.clone();
        if let Some(salt) = &used {
            line.push_str(&format!(" salt={salt}"));
        }
        if let Some(ident) = &wish.ident {
            line.push_str(&format!(" ident={ident}"));
        }
        file.set_len(0).map_err(wrong)?;
        file.rewind().map_err(wrong)?;
        file.write_all(format!("{line}\n").as_bytes()).map_err(wrong)?;
    }
    Ok(result)
}

/// The password as it is wanted, and the salt that was used.
fn finish(plain: &str, salt: Option<&str>, wish: &Wish) -> Res<(String, Option<String>)> {
    let _ = Secret::new(plain);
    let Some(kind) = &wish.encrypt else { return Ok((plain.to_owned(), None)) };
    let salt = match salt {
        Some(salt) => salt.to_owned(),
        None => {
            let chars = alphabet(&["ascii_letters".into(), "digits".into(), "./".into()]);
            let length = match &**kind {
                "md5" | "md5_crypt" => 8,
                "blowfish" | "bcrypt" => 22,
                _ => 16,
            };
            random_password(&chars, length, wish.seed.as_deref())?
        }
    };
    let recipe = Recipe { salt: Some(&salt), ident: wish.ident.as_deref(), ..Recipe::default() };
    let hashed = hash_password(plain, kind, &recipe)?;
    Ok((hashed, Some(salt)))
}
