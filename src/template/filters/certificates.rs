//! Filters of community.crypto.

use crate::certificate::{self, Encoding};
use crate::template::eval::Call;
use crate::template::object::{Res, V, failed, repr};
use num_bigint::{BigInt, Sign};

/// The name of Python's class, as Ansible 2.19 shows it.
fn class(value: &V) -> String {
    match value {
        V::List(_) => "ansible._internal._templating._lazy_containers._AnsibleLazyTemplateList".into(),
        V::Dict(_) => "ansible._internal._templating._lazy_containers._AnsibleLazyTemplateDict".into(),
        other => other.type_name().to_owned(),
    }
}

fn input(c: &Call) -> Res<String> {
    let name = c.name;
    let wrong = || failed(format!("The {name} input must be a text type, not <class '{}'>", class(&c.value)));
    c.value.as_str().map(str::to_owned).ok_or_else(wrong)
}

pub fn x509_certificate_info(c: &mut Call) -> Res<V> {
    let text = input(c)?;
    let encoding = match c.get(0) {
        None => Encoding::Ignore,
        Some(V::Str(name)) => match &**name {
            "ignore" => Encoding::Ignore,
            "idna" => Encoding::Idna,
            "unicode" => Encoding::Unicode,
            other => {
                return Err(failed(format!(
                    "The name_encoding option must be one of the values \"ignore\", \"idna\", or \"unicode\", not \
                     \"{other}\""
                )));
            }
        },
        Some(other) => {
            let class = class(other);
            return Err(failed(format!(
                "The name_encoding option must be of a text type, not <class '{class}'>"
            )));
        }
    };
    match certificate::info(&text, encoding) {
        Ok(info) => V::from_value(&info),
        Err(fault) => Err(failed(fault.to_string())),
    }
}

pub fn split_pem(c: &mut Call) -> Res<V> {
    Ok(V::list(certificate::split(&input(c)?).into_iter().map(V::from).collect()))
}

/// `00:11:22` as a number.
pub fn parse_serial(c: &mut Call) -> Res<V> {
    let Some(text) = c.value.as_str() else {
        let class = class(&c.value);
        return Err(failed(format!(
            "The input for the community.crypto.parse_serial filter must be a string; got <class '{class}'> instead"
        )));
    };
    let mut bytes = Vec::new();
    for (at, part) in text.split(':').enumerate() {
        let wrong = |why: &str| {
            let number = ordinal(at + 1);
            failed(format!("The {number} part '{part}' is not a hexadecimal number in range [0, 255]: {why}"))
        };
        let number = super::numbers::parse_int(part, 16).ok_or_else(|| {
            let shown = repr(&V::str(part)).unwrap_or_default();
            wrong(&format!("invalid literal for int() with base 16: {shown}"))
        })?;
        bytes.push(u8::try_from(number).map_err(|_| wrong("the value is not in range [0, 255]"))?);
    }
    Ok(V::from(BigInt::from_bytes_be(Sign::Plus, &bytes)))
}

fn ordinal(number: usize) -> String {
    let ending = match (number % 100, number % 10) {
        (11..=13, _) => "th",
        (_, 1) => "st",
        (_, 2) => "nd",
        (_, 3) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

/// A number as `00:11:22`.
pub fn to_serial(c: &mut Call) -> Res<V> {
    let number = match &c.value {
        V::Big(number) => (**number).clone(),
        V::Int(_) | V::Bool(_) => BigInt::from(c.value.as_i64().unwrap_or_default()),
        other => {
            let class = class(other);
            return Err(failed(format!(
                "The input for the community.crypto.to_serial filter must be an integer; got <class '{class}'> instead"
            )));
        }
    };
    let (sign, bytes) = number.to_bytes_be();
    if sign == Sign::Minus {
        return Err(failed("The input for the community.crypto.to_serial filter must not be negative"));
    }
    let pairs: Vec<String> = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
    Ok(V::from(pairs.join(":")))
}
