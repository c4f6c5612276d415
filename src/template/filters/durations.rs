//! `'1h 30m' | community.general.to_seconds` and its like.

use crate::template::eval::Call;
use crate::template::object::{Res, V, failed};

/// Milliseconds of a unit, `None` if there is none of that name.
fn unit(name: &str, year: f64, month: f64) -> Option<f64> {
    const DAY: f64 = 86_400_000.0;
    let singular = match name {
        "s" | "ms" => name,
        _ => name.strip_suffix('s').unwrap_or(name),
    };
    Some(match singular {
        "ms" | "msec" | "msecond" | "millisecond" => 1.0,
        "m" if name == "ms" => 1.0,
        "s" | "sec" | "second" => 1000.0,
        "m" | "min" | "minute" => 60_000.0,
        "h" | "hour" => 3_600_000.0,
        "d" | "day" => DAY,
        "w" | "week" => 7.0 * DAY,
        "mo" | "month" => month * DAY,
        "y" | "year" => year * DAY,
        _ => return None,
    })
}

/// `to_time_unit(unit)`, and the filters named after a unit.
pub fn to_unit(c: &mut Call, wanted: Option<&str>) -> Res<V> {
    let days = |name: &str, default: f64| -> Res<f64> {
        match c.named.iter().find(|(known, _)| &**known == name) {
            None => Ok(default),
            Some((_, value)) => {
                value.as_f64().ok_or_else(|| failed(format!("{name} must be a number of days")))
            }
        }
    };
    let (year, month) = (days("year", 365.0)?, days("month", 30.0)?);
    if let Some((other, _)) = c.named.iter().find(|(name, _)| !matches!(&**name, "year" | "month" | "unit")) {
        return Err(failed(format!("to_time_unit() got unknown keyword argument: {other}")));
    }
    let named = c.named.iter().find(|(name, _)| &**name == "unit").map(|(_, value)| value);
    let wanted = match (wanted, c.more.first().or(named)) {
        (Some(wanted), _) => wanted.to_owned(),
        (None, Some(wanted)) => crate::template::object::text(wanted)?,
        (None, None) => "ms".to_owned(),
    };
    let Some(divisor) = unit(&wanted, year, month) else {
        return Err(failed(format!(
            "to_time_unit() can not convert to the following unit: {wanted}. Available units (singular or \
             plural): millisecond, msec, msecond, sec, second, hour, min, minute, day, week, month, year. \
             Available short units: ms, s, m, h, d, w, mo, y"
        )));
    };
    let V::Str(human) = &c.value else {
        if matches!(c.value, V::Int(0)) {
            return Ok(V::Int(0));
        }
        return Err(failed(format!("'{}' object has no attribute 'split'", c.value.type_name())));
    };
    if &**human == "0" {
        return Ok(V::Int(0));
    }
    let mut total = 0.0;
    for part in human.split_whitespace() {
        let at = part.find(|c: char| !c.is_ascii_digit() && c != '-').unwrap_or(part.len());
        let (count, name) = part.split_at(at);
        let milliseconds = count.parse::<i64>().ok().zip(unit(&name.to_lowercase(), year, month));
        let Some((count, size)) = milliseconds else {
            return Err(failed(format!("to_time_unit() can not interpret following string: {human}")));
        };
        total += count as f64 * size;
    }
    // Twelve decimals, as the original rounds.
    let rounded = format!("{:.12}", total / divisor).parse().unwrap_or(0.0);
    Ok(V::Float(rounded))
}
