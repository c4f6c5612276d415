//! What an X.509 certificate says, as `community.crypto.x509_certificate_info` describes it.

pub mod idna;
mod keys;
mod names;
mod oids;
mod pem;

use crate::value::{Map, Value};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use blake2::{Blake2b512, Blake2s256};
use md5::Md5;
use num_bigint::{BigInt, BigUint};
use sha1::Sha1;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};
use sha3::{Sha3_224, Sha3_256, Sha3_384, Sha3_512};
use shake::digest::{ExtendableOutput, Update, XofReader};
use shake::{Shake128, Shake256};
use std::time::{SystemTime, UNIX_EPOCH};
use x509_parser::asn1_rs::{Any, FromDer};
use x509_parser::certificate::X509Certificate;
use x509_parser::time::ASN1Time;
use x509_parser::x509::X509Name;

pub use pem::split;

/// How the domain names of a certificate are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// As they are.
    #[default]
    Ignore,
    Idna,
    Unicode,
}

/// Why a certificate cannot be read, in the words that Ansible's users know.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Fault(pub String);

fn asn1(what: &str) -> Fault {
    Fault(format!("error parsing asn1 value: ParseError {{ kind: {what} }}"))
}

/// The elements of a sequence, with or without the sequence's own head.
fn items(data: &[u8]) -> Result<Vec<Any<'_>>, Fault> {
    let mut rest = data;
    let mut found = Vec::new();
    while !rest.is_empty() {
        let (after, any) = Any::from_der(rest).map_err(|_| asn1("InvalidValue"))?;
        found.push(any);
        rest = after;
    }
    Ok(found)
}

/// The elements of the one sequence that `data` is.
fn sequence(data: &[u8]) -> Result<Vec<Any<'_>>, Fault> {
    let (_, any) = Any::from_der(data).map_err(|_| asn1("InvalidValue"))?;
    items(any.data)
}

fn number(big: &BigInt) -> Value {
    i64::try_from(big).map_or_else(|_| Value::Big(big.to_string().into()), Value::Int)
}

/// A number in two's complement.
fn integer(bytes: &[u8]) -> Value {
    number(&BigInt::from_signed_bytes_be(bytes))
}

/// A number that has no sign.
fn unsigned(bytes: &[u8]) -> Value {
    number(&BigUint::from_bytes_be(bytes).into())
}

fn long(reader: impl ExtendableOutput) -> Vec<u8> {
    let mut out = vec![0; 32];
    reader.finalize_xof().read(&mut out);
    out
}

/// The digests of some bytes by all algorithms that every Python has, with `:` between their bytes.
fn fingerprints(data: &[u8]) -> Value {
    let digests: [(&str, Vec<u8>); 14] = [
        ("blake2b", Blake2b512::digest(data).to_vec()),
        ("blake2s", Blake2s256::digest(data).to_vec()),
        ("md5", Md5::digest(data).to_vec()),
        ("sha1", Sha1::digest(data).to_vec()),
        ("sha224", Sha224::digest(data).to_vec()),
        ("sha256", Sha256::digest(data).to_vec()),
        ("sha384", Sha384::digest(data).to_vec()),
        ("sha3_224", Sha3_224::digest(data).to_vec()),
        ("sha3_256", Sha3_256::digest(data).to_vec()),
        ("sha3_384", Sha3_384::digest(data).to_vec()),
        ("sha3_512", Sha3_512::digest(data).to_vec()),
        ("sha512", Sha512::digest(data).to_vec()),
        ("shake_128", long(Shake128::default().chain(data))),
        ("shake_256", long(Shake256::default().chain(data))),
    ];
    Value::object(digests.map(|(name, digest)| (name, names::colons(&digest))))
}

/// A part of a certificate that is an extension to it.
struct Extensions<'c, 'a>(&'c X509Certificate<'a>);

impl<'a> Extensions<'_, 'a> {
    /// The extension's content, and whether it is critical.
    fn get(&self, oid: &str) -> Option<(&'a [u8], bool)> {
        let found = self.0.extensions().iter().find(|extension| extension.oid.to_id_string() == oid);
        found.map(|extension| (extension.value, extension.critical))
    }

    /// What an extension says, and whether it is critical; nothing and no if it is not there.
    fn read(
        &self,
        oid: &str,
        read: impl Fn(&'a [u8]) -> Result<Value, Fault>,
    ) -> Result<(Value, Value), Fault> {
        match self.get(oid) {
            None => Ok((Value::Null, Value::Bool(false))),
            Some((content, critical)) => Ok((read(content)?, Value::Bool(critical))),
        }
    }
}

const USAGES: [&str; 9] = [
    "Digital Signature",
    "Non Repudiation",
    "Key Encipherment",
    "Data Encipherment",
    "Key Agreement",
    "Certificate Sign",
    "CRL Sign",
    "Encipher Only",
    "Decipher Only",
];

fn sorted(mut texts: Vec<String>) -> Value {
    texts.sort();
    Value::from(texts)
}

fn key_usage(content: &[u8]) -> Result<Value, Fault> {
    let (_, bits) = Any::from_der(content).map_err(|_| asn1("InvalidValue, location: [\"key_usage\"]"))?;
    let bytes = bits.data.get(1..).unwrap_or_default();
    let set = |at: usize| bytes.get(at / 8).is_some_and(|byte| byte & (0x80 >> (at % 8)) != 0);
    Ok(sorted(USAGES.iter().enumerate().filter(|(at, _)| set(*at)).map(|(_, name)| (*name).into()).collect()))
}

fn extended_key_usage(content: &[u8]) -> Result<Value, Fault> {
    let purposes = sequence(content)?;
    let names: Result<Vec<String>, Fault> = purposes
        .into_iter()
        .map(|purpose| {
            let oid = purpose.oid().map_err(|_| asn1("InvalidValue, location: [\"extended_key_usage\"]"))?;
            Ok(oids::name(&oid.to_id_string()).to_owned())
        })
        .collect();
    Ok(sorted(names?))
}

fn basic_constraints(content: &[u8]) -> Result<Value, Fault> {
    let mut authority = false;
    let mut length = None;
    for item in sequence(content)? {
        match item.tag().0 {
            1 => authority = item.data.first().is_some_and(|byte| *byte != 0),
            2 => length = Some(integer(item.data)),
            _ => return Err(asn1("UnexpectedTag, location: [\"basic_constraints\"]")),
        }
    }
    let mut out = vec![format!("CA:{}", if authority { "TRUE" } else { "FALSE" })];
    if let Some(length) = length {
        out.push(format!("pathlen:{}", crate::value::py_str(&length)));
    }
    Ok(Value::from(out))
}

/// Whether the server has to say that the certificate is not revoked.
fn must_staple(content: &[u8]) -> Result<Value, Fault> {
    const STATUS_REQUEST: i64 = 5;
    let features = sequence(content)?;
    Ok(Value::Bool(features.iter().any(|feature| integer(feature.data) == Value::Int(STATUS_REQUEST))))
}

/// The first address of a kind under which more is to be had.
fn access(extensions: &Extensions, kind: &str, encoding: Encoding) -> Result<Value, Fault> {
    let Some((content, _)) = extensions.get("1.3.6.1.5.5.7.1.1") else { return Ok(Value::Null) };
    for place in sequence(content)? {
        let [method, name] = &items(place.data)?[..] else { return Err(asn1("ShortData")) };
        let method = method.clone().oid().map_err(|_| asn1("InvalidValue"))?;
        if method.to_id_string() == kind
            && let Some(uri) = names::uri(name, encoding)?
        {
            return Ok(uri.into());
        }
    }
    Ok(Value::Null)
}

/// The key that signed: its identifier, the issuer of its certificate, and the serial number of that.
fn authority(extensions: &Extensions, encoding: Encoding) -> Result<[Value; 3], Fault> {
    let mut out = [Value::Null, Value::Null, Value::Null];
    if let Some((content, _)) = extensions.get("2.5.29.35") {
        for part in sequence(content)? {
            match part.tag().0 {
                0 => out[0] = names::colons(part.data).into(),
                1 => out[1] = names::general_names(part.data, encoding)?.into(),
                2 => out[2] = integer(part.data),
                _ => return Err(asn1("UnexpectedTag, location: [\"authority_key_identifier\"]")),
            }
        }
    }
    Ok(out)
}

/// A name as a mapping, in which the last of equal parts wins, and as a list.
fn name(name: &X509Name) -> Result<(Value, Value), Fault> {
    let mut by_name = Map::new();
    let mut ordered = Vec::new();
    for (oid, text) in names::parts(name)? {
        let part = Value::str(oids::name(&oid));
        ordered.push(Value::list(vec![part.clone(), text.as_str().into()]));
        by_name.insert(part, text.into());
    }
    Ok((Value::map(by_name), Value::list(ordered)))
}

fn time(time: &ASN1Time) -> String {
    let t = time.to_datetime();
    let (year, month, day) = t.to_calendar_date();
    let (hour, minute, second) = t.to_hms();
    format!("{year:04}{:02}{day:02}{hour:02}{minute:02}{second:02}Z", u8::from(month))
}

/// The first certificate of a text in PEM.
fn first(text: &str) -> Result<Vec<u8>, Fault> {
    let objects = pem::objects(text).map_err(|why| {
        Fault(format!(
            "Unable to load PEM file. See https://cryptography.io/en/latest/faq/#why-can-t-i-import-my-pem-file \
             for more details. {why}"
        ))
    })?;
    let certificate =
        objects.into_iter().find(|object| matches!(&*object.label, "CERTIFICATE" | "X509 CERTIFICATE"));
    certificate.map(|object| object.der).ok_or_else(|| {
        Fault(
            "Valid PEM but no BEGIN CERTIFICATE/END CERTIFICATE delimiters. Are you sure this is a certificate?"
                .into(),
        )
    })
}

/// All that the first certificate of a text in PEM says.
///
/// # Errors
/// A text that is no certificate, and what Ansible cannot read either.
pub fn info(text: &str, encoding: Encoding) -> Result<Value, Fault> {
    let der = first(text)?;
    let (rest, certificate) = X509Certificate::from_der(&der).map_err(|error| unreadable(&der, &error))?;
    if !rest.is_empty() {
        return Err(asn1("ExtraData"));
    }
    let extensions = Extensions(&certificate);
    let (subject, subject_ordered) = name(certificate.subject())?;
    let (issuer, issuer_ordered) = name(certificate.issuer())?;
    let (usage, usage_critical) = extensions.read("2.5.29.15", key_usage)?;
    let (purposes, purposes_critical) = extensions.read("2.5.29.37", extended_key_usage)?;
    let (constraints, constraints_critical) = extensions.read("2.5.29.19", basic_constraints)?;
    let (staple, staple_critical) = extensions.read("1.3.6.1.5.5.7.1.24", must_staple)?;
    let (alternatives, alternatives_critical) = extensions.read("2.5.29.17", |content| {
        let (_, all) = Any::from_der(content).map_err(|_| asn1("InvalidValue"))?;
        match all.tag() {
            x509_parser::asn1_rs::Tag::Sequence => Ok(names::general_names(all.data, encoding)?.into()),
            _ => Err(asn1("UnexpectedTag, location: [\"subject_alternative_name\"]")),
        }
    })?;
    let (subject_key, _) = extensions.read("2.5.29.14", |content| {
        let (_, key) = Any::from_der(content).map_err(|_| asn1("InvalidValue"))?;
        Ok(names::colons(key.data).into())
    })?;
    let [authority_key, authority_issuer, authority_serial] = authority(&extensions, encoding)?;
    let key = keys::read(certificate.public_key())?;
    let validity = certificate.validity();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let expired = validity.not_after.timestamp() < i64::try_from(now).unwrap_or(i64::MAX);
    let by_oid = certificate.extensions().iter().map(|extension| {
        let content = STANDARD.encode(extension.value);
        let entry = Value::object([("critical", Value::Bool(extension.critical)), ("value", content.into())]);
        (extension.oid.to_id_string(), entry)
    });
    let algorithm = certificate.signature_algorithm.algorithm.to_id_string();
    Ok(Value::object([
        ("signature_algorithm", oids::name(&algorithm).into()),
        ("subject", subject),
        ("subject_ordered", subject_ordered),
        ("issuer", issuer),
        ("issuer_ordered", issuer_ordered),
        ("version", (certificate.version().0 + 1).into()),
        ("key_usage", usage),
        ("key_usage_critical", usage_critical),
        ("extended_key_usage", purposes),
        ("extended_key_usage_critical", purposes_critical),
        ("basic_constraints", constraints),
        ("basic_constraints_critical", constraints_critical),
        ("ocsp_must_staple", staple),
        ("ocsp_must_staple_critical", staple_critical),
        ("subject_alt_name", alternatives),
        ("subject_alt_name_critical", alternatives_critical),
        ("not_before", time(&validity.not_before).into()),
        ("not_after", time(&validity.not_after).into()),
        ("expired", expired.into()),
        ("public_key", pem::write("PUBLIC KEY", &key.der).into()),
        ("public_key_type", key.kind.into()),
        ("public_key_data", key.data),
        ("public_key_fingerprints", fingerprints(&key.der)),
        ("fingerprints", fingerprints(&der)),
        ("subject_key_identifier", subject_key),
        ("authority_key_identifier", authority_key),
        ("authority_cert_issuer", authority_issuer),
        ("authority_cert_serial_number", authority_serial),
        ("serial_number", integer(certificate.raw_serial())),
        ("extensions_by_oid", Value::object(by_oid)),
        ("ocsp_uri", access(&extensions, "1.3.6.1.5.5.7.48.1", encoding)?),
        ("issuer_uri", access(&extensions, "1.3.6.1.5.5.7.48.2", encoding)?),
    ]))
}

/// Why bytes are no certificate.
fn unreadable(der: &[u8], error: &dyn std::fmt::Display) -> Fault {
    // What is cut off is the most frequent fault: how many bytes are missing.
    let missing = match Any::from_der(der) {
        Err(x509_parser::nom::Err::Incomplete(x509_parser::nom::Needed::Size(more))) => Some(more.get()),
        _ => None,
    };
    match missing {
        Some(needed) => asn1(&format!("ShortData {{ needed: {needed} }}")),
        None => asn1(&error.to_string()),
    }
}
