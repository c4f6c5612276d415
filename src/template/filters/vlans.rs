//! Filters of ansible.netcommon for the configuration of switches.

use super::password::{Recipe, hash_password};
use crate::template::eval::Call;
use crate::template::object::{Res, V, failed};

/// Numbers of VLANs as the lines of a configuration: `1,3-5`, each as long as it may be.
pub fn vlan_parser(c: &mut Call) -> Res<V> {
    let mut lengths = [c.int_or(0, 48)?, c.int_or(1, 44)?].into_iter();
    let no_number = || failed("'<' not supported between instances of 'str' and 'int'");
    if !c.value.is_sequence() {
        return Err(no_number());
    }
    let mut vlans = Vec::new();
    for item in c.value.items()? {
        vlans.push(item.as_i64().ok_or_else(no_number)?);
    }
    vlans.sort_unstable();
    vlans.dedup();
    let (Some(first), Some(last)) = (vlans.first(), vlans.last()) else {
        return Err(failed("list index out of range"));
    };
    if *first < 1 || *last > 4094 {
        return Err(failed("Valid VLAN range is 1-4094"));
    }
    let mut parts: Vec<String> = Vec::new();
    for run in vlans.chunk_by(|a, b| a + 1 == *b) {
        match run {
            [first, .., last] if run.len() > 2 => parts.push(format!("{first}-{last}")),
            few => parts.extend(few.iter().map(i64::to_string)),
        }
    }
    let first_length = lengths.next().unwrap_or(0);
    let other_length = lengths.next().unwrap_or(0);
    let mut lines: Vec<String> = Vec::new();
    for part in parts {
        let longest = if lines.len() < 2 { first_length } else { other_length };
        match lines.last_mut() {
            Some(line) if (line.len() + 1 + part.len()) as i64 <= longest => {
                line.push(',');
                line.push_str(&part);
            }
            _ => lines.push(part),
        }
    }
    Ok(V::list(lines.into_iter().map(V::from).collect()))
}

/// The reverse: all numbers of `1,3-5`.
pub fn vlan_expander(c: &mut Call) -> Res<V> {
    let number = |text: &str| {
        let number = text.trim().parse::<i64>();
        number.map_err(|_| failed(format!("invalid literal for int() with base 10: '{text}'")))
    };
    let mut vlans = Vec::new();
    for part in c.input()?.split(',') {
        match part.split('-').collect::<Vec<_>>()[..] {
            [one] => vlans.push(number(one)?),
            [first, last] => {
                let (first, last) = (number(first)?, number(last)?);
                let count = usize::try_from(last.saturating_sub(first).saturating_add(1)).unwrap_or(0);
                crate::template::eval::charge(count.saturating_mul(size_of::<V>()))?;
                vlans.extend(first..=last);
            }
            _ => return Err(failed("too many values to unpack (expected 2)")),
        }
    }
    vlans.sort_unstable();
    Ok(V::list(vlans.into_iter().map(V::Int).collect()))
}

/// The salt in a hash of the kind `$1$salt$hash`.
fn salt_of(hash: &str) -> Res<&str> {
    match hash.split('$').collect::<Vec<_>>()[..] {
        [_, _, salt, _] => Ok(salt),
        _ => Err(failed(format!("Could not parse salt out password correctly from {hash}"))),
    }
}

pub fn hash_salt(c: &mut Call) -> Res<V> {
    let hash = c.input()?;
    salt_of(&hash).map(V::str)
}

const SALT: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789./";

/// A password as `secret 5` of a configuration has it.
fn type5(password: &str, salt: &str) -> Res<String> {
    if salt.chars().any(|c| !SALT.contains(c)) {
        return Err(failed(format!("type5_pw salt used inproper characters, must be one of {SALT}")));
    }
    let recipe = Recipe { salt: Some(salt), salt_size: Some(4), ..Recipe::default() };
    hash_password(password, "md5_crypt", &recipe)
}

pub fn type5_pw(c: &mut Call) -> Res<V> {
    type5(&c.input()?, &c.text_or(0, "")?).map(V::from)
}

/// Whether a password is that of a hash; with `return_original`, the hash if it is.
pub fn comp_type5(c: &mut Call) -> Res<V> {
    let hash = c.text_or(0, "")?;
    if type5(&c.input()?, salt_of(&hash)?)? != hash {
        return Ok(V::Bool(false));
    }
    Ok(if c.flag(1)? { V::from(hash) } else { V::Bool(true) })
}
