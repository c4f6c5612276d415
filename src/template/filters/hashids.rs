//! Short names for numbers (<https://hashids.org>).

use crate::template::eval::Call;
use crate::template::object::{Res, V, failed};
use harsh::Harsh;

/// The coder for `salt`, `alphabet` and `min_length`.
fn coder(c: &Call) -> Res<Harsh> {
    let mut builder = Harsh::builder();
    if let Some(salt) = c.text(0)? {
        builder = builder.salt(salt);
    }
    if c.given(1).is_some() {
        let letters = match c.given(1) {
            Some(list) if list.is_sequence() => {
                list.items()?.iter().map(crate::template::object::text).collect::<Res<String>>()?
            }
            _ => c.text_or(1, "")?,
        };
        builder = builder.alphabet(letters);
    }
    let length = usize::try_from(c.int_or(2, 0)?).unwrap_or(0);
    crate::template::eval::charge(length)?;
    builder.length(length).build().map_err(|_| failed("Alphabet must contain at least 16 unique characters."))
}

pub fn encode(c: &mut Call) -> Res<V> {
    let coder = coder(c)?;
    let items = match &c.value {
        V::List(_) | V::Tuple(_) | V::Str(_) => c.value.items()?,
        V::Int(_) | V::Bool(_) => vec![c.value.clone()],
        V::Float(number) => vec![V::Int(*number as i64)],
        other => {
            return Err(failed(format!(
                "Data to encode must by a tuple or list of ints: int() argument must be a string, a bytes-like \
                 object or a real number, not '{}'",
                other.type_name()
            )));
        }
    };
    // What is no natural number has no name.
    let numbers: Option<Vec<u64>> =
        items.iter().map(|item| item.as_i64().and_then(|number| u64::try_from(number).ok())).collect();
    Ok(V::from(numbers.map(|numbers| coder.encode(&numbers)).unwrap_or_default()))
}

pub fn decode(c: &mut Call) -> Res<V> {
    let coder = coder(c)?;
    let numbers = c.value.as_str().and_then(|name| coder.decode(name).ok()).unwrap_or_default();
    let numbers =
        numbers.into_iter().map(|number| i64::try_from(number).map_or(V::Float(number as f64), V::Int));
    Ok(V::list(numbers.collect()))
}
