//! Python's operators.

use super::strings::format_percent;
use super::{Res, V, failed};
use crate::template::eval::{charge, charge_value, check_stack};
use crate::value::Value;
use num_bigint::BigInt;
use std::cmp::Ordering;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Arith {
    Add,
    Sub,
    Mul,
    Div,
    FloorDiv,
    Rem,
    Pow,
}

impl Arith {
    fn symbol(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Sub => "-",
            Self::Mul => "*",
            Self::Div => "/",
            Self::FloorDiv => "//",
            Self::Rem => "%",
            Self::Pow => "** or pow()",
        }
    }
}

/// Bits of the largest integer.
const LARGEST_INTEGER: u64 = 1_000_000;

/// `a op b`.
///
/// # Errors
/// Python's, in its words; missing operands.
pub fn arith(op: Arith, a: &V, b: &V) -> Res<V> {
    if let (V::Int(x), V::Int(y)) = (a, b)
        && let Some(result) = small(op, *x, *y)?
    {
        return Ok(result);
    }
    a.check()?;
    if let (Arith::Rem, V::Str(format)) = (op, a)
        && !format.contains('%')
        && b.is_missing()
    {
        return Ok(a.clone());
    }
    b.check()?;
    match (op, a, b) {
        (Arith::Add, V::Str(x), V::Str(y)) => {
            charge(x.len() + y.len())?;
            return Ok(V::from([&**x, &**y].concat()));
        }
        (Arith::Add, V::List(x), V::List(y)) => {
            let mut items = x.items()?;
            items.extend(y.items()?);
            let sum = V::list(items);
            charge_value(&sum)?;
            return Ok(sum);
        }
        (Arith::Add, V::Tuple(x), V::Tuple(y)) => {
            charge((x.len() + y.len()) * size_of::<V>())?;
            return Ok(V::Tuple(x.iter().chain(y.iter()).cloned().collect()));
        }
        (Arith::Add, V::Str(_), _) => {
            return Err(failed(format!("can only concatenate str (not \"{}\") to str", b.type_name())));
        }
        (Arith::Add, V::List(_), _) => {
            return Err(failed(format!("can only concatenate list (not \"{}\") to list", b.type_name())));
        }
        (Arith::Rem, V::Str(format), _) => return format_percent(format, b).map(V::from),
        (Arith::Mul, V::Str(_) | V::List(_) | V::Tuple(_), _) if b.as_i64().is_some() => return repeat(a, b),
        (Arith::Mul, _, V::Str(_) | V::List(_) | V::Tuple(_)) if a.as_i64().is_some() => return repeat(b, a),
        (Arith::Sub, V::Object(x), V::Object(y)) => {
            if let (Some(left), Some(right)) = (x.order_key(), y.order_key()) {
                return Ok(crate::template::globals::time_delta(left - right));
            }
        }
        _ => {}
    }
    if !a.is_number() || !b.is_number() {
        return Err(failed(format!(
            "unsupported operand type(s) for {}: '{}' and '{}'",
            op.symbol(),
            a.type_name(),
            b.type_name()
        )));
    }
    if let (Some(x), Some(y)) = (a.as_i64(), b.as_i64()) {
        if let Some(result) = small(op, x, y)? {
            return Ok(result);
        }
        return big(op, &BigInt::from(x), &BigInt::from(y));
    }
    if let (Some(x), Some(y)) = (as_big(a), as_big(b))
        && op != Arith::Div
    {
        return big(op, &x, &y);
    }
    let (Some(x), Some(y)) = (a.as_f64(), b.as_f64()) else { return Err(failed("not a number")) };
    float(op, x, y)
}

fn as_big(value: &V) -> Option<BigInt> {
    match value {
        V::Big(big) => Some((**big).clone()),
        other => other.as_i64().map(BigInt::from),
    }
}

/// Integers that fit; `None` when the result does not.
fn small(op: Arith, x: i64, y: i64) -> Res<Option<V>> {
    Ok(match op {
        Arith::Add => x.checked_add(y).map(V::Int),
        Arith::Sub => x.checked_sub(y).map(V::Int),
        Arith::Mul => x.checked_mul(y).map(V::Int),
        Arith::Div if y == 0 => return Err(failed("division by zero")),
        Arith::FloorDiv if y == 0 => return Err(failed("integer division or modulo by zero")),
        Arith::Rem if y == 0 => return Err(failed("integer modulo by zero")),
        Arith::Div => Some(V::Float(x as f64 / y as f64)),
        Arith::FloorDiv => x.checked_div_euclid(y).map(|_| V::Int((x as i128).div_floor_(y as i128) as i64)),
        Arith::Rem => {
            let (x, y) = (i128::from(x), i128::from(y));
            Some(V::Int((((x % y) + y) % y) as i64))
        }
        Arith::Pow if y < 0 && x == 0 => return Err(failed("0.0 cannot be raised to a negative power")),
        Arith::Pow if y < 0 => Some(V::Float((x as f64).powf(y as f64))),
        Arith::Pow => u32::try_from(y).ok().and_then(|y| x.checked_pow(y)).map(V::Int),
    })
}

trait FloorDiv {
    fn div_floor_(self, other: Self) -> Self;
}

impl FloorDiv for i128 {
    fn div_floor_(self, other: Self) -> Self {
        let quotient = self / other;
        if self % other != 0 && ((self < 0) != (other < 0)) { quotient - 1 } else { quotient }
    }
}

fn big(op: Arith, x: &BigInt, y: &BigInt) -> Res<V> {
    let zero = BigInt::from(0);
    let floor = |x: &BigInt, y: &BigInt| {
        let (quotient, remainder) = (x / y, x % y);
        if remainder != zero && ((remainder < zero) != (*y < zero)) {
            (quotient - 1, remainder + y)
        } else {
            (quotient, remainder)
        }
    };
    Ok(match op {
        Arith::Add => V::from(x + y),
        Arith::Sub => V::from(x - y),
        Arith::Mul if x.bits() + y.bits() > LARGEST_INTEGER => {
            return Err(failed("the product is too large"));
        }
        Arith::Mul => V::from(x * y),
        Arith::FloorDiv | Arith::Rem | Arith::Div if *y == zero => {
            return Err(failed("integer division or modulo by zero"));
        }
        Arith::FloorDiv => V::from(floor(x, y).0),
        Arith::Rem => V::from(floor(x, y).1),
        Arith::Div => {
            let float = |n: &BigInt| n.to_string().parse::<f64>().unwrap_or(f64::INFINITY);
            V::Float(float(x) / float(y))
        }
        Arith::Pow => {
            let exponent =
                u32::try_from(y).ok().filter(|e| u64::from(*e).saturating_mul(x.bits()) < LARGEST_INTEGER);
            match exponent {
                Some(exponent) => V::from(x.pow(exponent)),
                None => return Err(failed("the power is too large")),
            }
        }
    })
}

fn float(op: Arith, x: f64, y: f64) -> Res<V> {
    let zero = || failed(if op == Arith::Div { "float division by zero" } else { "float modulo" });
    Ok(V::Float(match op {
        Arith::Add => x + y,
        Arith::Sub => x - y,
        Arith::Mul => x * y,
        Arith::Div | Arith::FloorDiv | Arith::Rem if y == 0.0 => return Err(zero()),
        Arith::Div => x / y,
        Arith::FloorDiv => (x / y).floor(),
        Arith::Rem => {
            let remainder = x % y;
            // The divisor's sign, also that of nothing.
            match remainder {
                0.0 => 0.0_f64.copysign(y),
                _ if (remainder < 0.0) != (y < 0.0) => remainder + y,
                _ => remainder,
            }
        }
        Arith::Pow => match x.powf(y) {
            power if power.is_infinite() && x.is_finite() && y.is_finite() => {
                return Err(failed(match x == 0.0 {
                    true => "0.0 cannot be raised to a negative power",
                    false => "(34, 'Numerical result out of range')",
                }));
            }
            power => power,
        },
    }))
}

fn repeat(value: &V, times: &V) -> Res<V> {
    let times = usize::try_from(times.as_i64().unwrap_or(0)).unwrap_or(0);
    let length = match value {
        V::Str(s) => s.len(),
        other => other.len().unwrap_or(0),
    };
    let unit = if matches!(value, V::Str(_)) { 1 } else { size_of::<V>() };
    charge(length.saturating_mul(times).saturating_mul(unit))?;
    Ok(match value {
        V::Str(s) => V::from(s.repeat(times)),
        V::Tuple(items) => V::tuple(items.repeat_(times)),
        other => V::list(other.items()?.repeat_(times)),
    })
}

trait Repeat {
    fn repeat_(&self, times: usize) -> Vec<V>;
}

impl Repeat for [V] {
    fn repeat_(&self, times: usize) -> Vec<V> {
        std::iter::repeat_n(self, times).flatten().cloned().collect()
    }
}

/// `-value`.
pub fn negate(value: &V) -> Res<V> {
    value.check()?;
    Ok(match value {
        V::Int(i) => i.checked_neg().map_or_else(|| V::from(-BigInt::from(*i)), V::Int),
        V::Big(big) => V::from(-(**big).clone()),
        V::Bool(b) => V::Int(-i64::from(*b)),
        V::Float(f) => V::Float(-f),
        other => return Err(failed(format!("bad operand type for unary -: '{}'", other.type_name()))),
    })
}

/// `a == b`.
///
/// # Errors
/// Missing operands and members.
pub fn equal(a: &V, b: &V) -> Res<bool> {
    a.check()?;
    b.check()?;
    Ok(match (a, b) {
        (V::None, V::None) => true,
        (V::Str(x), V::Str(y)) => x == y,
        (V::Bytes(x), V::Bytes(y)) => x == y,
        (V::List(x), V::List(y)) => {
            std::sync::Arc::ptr_eq(x, y) || (x.len() == y.len() && equal_items(&x.items()?, &y.items()?)?)
        }
        (V::Tuple(x), V::Tuple(y)) => equal_items(x, y)?,
        (V::Dict(x), V::Dict(y)) => {
            if std::sync::Arc::ptr_eq(x, y) {
                return Ok(true);
            }
            if x.len() != y.len() {
                return Ok(false);
            }
            for (key, left) in x.entries()? {
                let same = match y.get(&key) {
                    Some(right) => equal(&left, &right?)?,
                    None => false,
                };
                if !same {
                    return Ok(false);
                }
            }
            true
        }
        (V::Object(x), V::Object(y)) => {
            std::sync::Arc::ptr_eq(x, y) || x.order_key().is_some_and(|key| Some(key) == y.order_key())
        }
        _ if a.is_number() && b.is_number() => match (as_big(a), as_big(b)) {
            (Some(x), Some(y)) => x == y,
            _ => a.as_f64() == b.as_f64(),
        },
        _ => false,
    })
}

fn equal_items(a: &[V], b: &[V]) -> Res<bool> {
    check_stack()?;
    // Lists that hold themselves many times over are compared for ever.
    charge(256)?;
    if a.len() != b.len() {
        return Ok(false);
    }
    for (x, y) in a.iter().zip(b) {
        if !equal(x, y)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The order of two values; `symbol` is for the error.
///
/// # Errors
/// Values that Python cannot order.
pub fn compare(a: &V, b: &V, symbol: &str) -> Res<Option<Ordering>> {
    a.check()?;
    b.check()?;
    Ok(match (a, b) {
        (V::Str(x), V::Str(y)) => Some(x.cmp(y)),
        (V::Bytes(x), V::Bytes(y)) => Some(x.cmp(y)),
        (V::Int(x), V::Int(y)) => Some(x.cmp(y)),
        (V::List(x), V::List(y)) => compare_items(&x.items()?, &y.items()?, symbol)?,
        (V::Tuple(x), V::Tuple(y)) => compare_items(x, y, symbol)?,
        (V::Object(x), V::Object(y)) if x.order_key().is_some() => x.order_key().partial_cmp(&y.order_key()),
        _ if a.is_number() && b.is_number() => match (as_big(a), as_big(b)) {
            (Some(x), Some(y)) => Some(x.cmp(&y)),
            _ => a.as_f64().partial_cmp(&b.as_f64()),
        },
        _ => {
            return Err(failed(format!(
                "'{symbol}' not supported between instances of '{}' and '{}'",
                a.type_name(),
                b.type_name()
            )));
        }
    })
}

fn compare_items(a: &[V], b: &[V], symbol: &str) -> Res<Option<Ordering>> {
    check_stack()?;
    for (x, y) in a.iter().zip(b) {
        if !equal(x, y)? {
            return compare(x, y, symbol);
        }
    }
    Ok(Some(a.len().cmp(&b.len())))
}

/// Sorts in place as Python does: stable, and an error where it has no order.
pub fn sort_values<T>(items: &mut [T], key: impl Fn(&T) -> &V) -> Res<()> {
    let mut error = None;
    items.sort_by(|a, b| match compare(key(a), key(b), "<") {
        Ok(order) => order.unwrap_or(Ordering::Equal),
        Err(problem) => {
            error.get_or_insert(problem);
            Ordering::Equal
        }
    });
    error.map_or(Ok(()), Err)
}

/// `item in container`.
pub fn contains(container: &V, item: &V) -> Res<bool> {
    // Nothing is compared with what is not there.
    if container.is_sequence() && container.len() == Some(0) {
        return Ok(false);
    }
    container.check()?;
    item.check()?;
    match container {
        V::Str(text) => match item {
            V::Str(part) => Ok(text.contains(&**part)),
            other => Err(failed(format!(
                "'in <string>' requires string as left operand, not {}",
                other.type_name()
            ))),
        },
        // Ranges and their like can be keys, but nobody made them one.
        V::Dict(_) if matches!(item, V::Object(_)) => Ok(false),
        V::Dict(dict) => Ok(dict.contains(&key_of(item)?)),
        V::List(_) | V::Tuple(_) | V::Object(_) | V::Bytes(_) => {
            let items = container.items().map_err(|_| not_container(container))?;
            for candidate in &items {
                if equal(candidate, item)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        _ => Err(not_container(container)),
    }
}

fn not_container(value: &V) -> super::TemplateError {
    failed(format!("argument of type '{}' is not iterable", value.type_name()))
}

/// A value as a key of a mapping.
///
/// # Errors
/// What Python cannot hash.
pub fn key_of(value: &V) -> Res<Value> {
    match value {
        V::List(_) | V::Dict(_) => Err(failed(format!("unhashable type: '{}'", value.type_name()))),
        other => other.to_value(),
    }
}
