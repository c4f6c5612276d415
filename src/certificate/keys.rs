//! Public keys in certificates.

use super::{Fault, asn1, integer, items, unsigned};
use crate::value::Value;
use x509_parser::asn1_rs::{Any, FromDer, Oid, Tag};
use x509_parser::x509::SubjectPublicKeyInfo;

/// A public key as it is shown.
pub struct Key {
    /// `RSA`, `ECC`, …
    pub kind: String,
    pub data: Value,
    /// What its fingerprints are of.
    pub der: Vec<u8>,
}

/// Curves by their identifiers, with their size in bits.
const CURVES: &[(&str, &str, i64)] = &[
    ("1.2.840.10045.3.1.1", "secp192r1", 192),
    ("1.3.132.0.33", "secp224r1", 224),
    ("1.2.840.10045.3.1.7", "secp256r1", 256),
    ("1.3.132.0.34", "secp384r1", 384),
    ("1.3.132.0.35", "secp521r1", 521),
    ("1.3.132.0.10", "secp256k1", 256),
    ("1.3.36.3.3.2.8.1.1.7", "brainpoolP256r1", 256),
    ("1.3.36.3.3.2.8.1.1.11", "brainpoolP384r1", 384),
    ("1.3.36.3.3.2.8.1.1.13", "brainpoolP512r1", 512),
];

const RSA: &str = "1.2.840.113549.1.1.1";
const RSA_PSS: &str = "1.2.840.113549.1.1.10";
/// The algorithm of an RSA key in DER, as keys for one padding only are shown, too.
const RSA_ALGORITHM: &[u8] =
    &[0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];

/// The bits of a number in DER.
fn size(number: &[u8]) -> i64 {
    let zeros: u32 = match number.iter().position(|byte| *byte != 0) {
        None => return 0,
        Some(at) => u32::try_from(at).unwrap_or(u32::MAX) * 8 + number[at].leading_zeros(),
    };
    i64::try_from(number.len()).unwrap_or(i64::MAX) * 8 - i64::from(zeros)
}

fn numbers<'a>(sequence: &'a [u8], count: usize) -> Result<Vec<Any<'a>>, Fault> {
    let numbers = items(sequence)?;
    let good =
        numbers.len() >= count && numbers.iter().take(count).all(|number| number.tag() == Tag::Integer);
    good.then_some(numbers).ok_or_else(|| asn1("InvalidValue"))
}

fn sequence(data: &[u8]) -> Result<&[u8], Fault> {
    let (_, any) = Any::from_der(data).map_err(|_| asn1("InvalidValue"))?;
    Ok(any.data)
}

/// The key, as Ansible describes it.
///
/// # Errors
/// A curve or kind of key that Ansible does not know either, or data that is none.
pub fn read(info: &SubjectPublicKeyInfo) -> Result<Key, Fault> {
    let kind = info.algorithm.algorithm.to_id_string();
    let bits: &[u8] = &info.subject_public_key.data;
    let parameters = info.algorithm.parameters.as_ref();
    let mut der = info.raw.to_vec();
    let nothing = || Value::object::<&str, Value>([]);
    let (kind, data) = match kind.as_str() {
        RSA | RSA_PSS => {
            let numbers = numbers(sequence(bits)?, 2)?;
            if kind == RSA_PSS {
                der = rewritten(bits);
            }
            let data = Value::object([
                ("size", Value::Int(size(numbers[0].data))),
                ("modulus", integer(numbers[0].data)),
                ("exponent", integer(numbers[1].data)),
            ]);
            ("RSA", data)
        }
        "1.2.840.10040.4.1" => {
            let domain = numbers(parameters.ok_or_else(|| asn1("ShortData"))?.data, 3)?;
            let (_, y) = Any::from_der(bits).map_err(|_| asn1("InvalidValue"))?;
            let data = Value::object([
                ("size", Value::Int(size(domain[0].data))),
                ("p", integer(domain[0].data)),
                ("q", integer(domain[1].data)),
                ("g", integer(domain[2].data)),
                ("y", integer(y.data)),
            ]);
            ("DSA", data)
        }
        "1.2.840.10045.2.1" => ("ECC", curve(parameters, bits)?),
        "1.3.101.110" => ("X25519", nothing()),
        "1.3.101.111" => ("X448", nothing()),
        "1.3.101.112" => ("Ed25519", nothing()),
        "1.3.101.113" => ("Ed448", nothing()),
        other => return Err(Fault(format!("Unknown key type: {other}"))),
    };
    Ok(Key { kind: kind.into(), data, der })
}

/// The point on its curve; one that is shortened to one coordinate is not read.
fn curve(parameters: Option<&Any>, bits: &[u8]) -> Result<Value, Fault> {
    let named =
        parameters.filter(|any| any.tag() == Tag::Oid).map(|any| Oid::new(any.data.into()).to_id_string());
    let named = named
        .ok_or_else(|| Fault("ECDSA keys with explicit parameters are unsupported at this time".into()))?;
    let Some((_, name, size)) = CURVES.iter().find(|(oid, ..)| *oid == named) else {
        return Err(Fault(format!("Curve {named} is not supported")));
    };
    let Some((4, point)) = bits.split_first().filter(|(_, point)| point.len() % 2 == 0) else {
        return Err(Fault("Unsupported elliptic curve point type".into()));
    };
    let (x, y) = point.split_at(point.len() / 2);
    Ok(Value::object([
        ("curve", Value::from(*name)),
        ("x", unsigned(x)),
        ("y", unsigned(y)),
        ("exponent_size", Value::Int(*size)),
    ]))
}

/// An RSA key in DER without what else its algorithm says.
fn rewritten(bits: &[u8]) -> Vec<u8> {
    let mut string = element(3, &[&[0], bits].concat());
    let mut body = RSA_ALGORITHM.to_vec();
    body.append(&mut string);
    element(0x30, &body)
}

fn element(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = body.len().to_be_bytes();
    let length = &length[length.iter().position(|byte| *byte != 0).unwrap_or(length.len() - 1)..];
    let mut out = vec![tag];
    if body.len() < 128 {
        out.extend(length);
    } else {
        out.push(0x80 | length.len() as u8);
        out.extend(length);
    }
    out.extend(body);
    out
}
