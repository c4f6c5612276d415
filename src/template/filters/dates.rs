//! Dates and times.

use super::numbers::parse_float;
use crate::template::eval::{Args, Call, Eval};
use crate::template::object::{Object, Res, V, failed};
use crate::value::Value;
use jiff::civil;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

/// A `datetime`: a date and a time of day, without a zone.
pub struct DateTime(pub civil::DateTime);

impl DateTime {
    fn micros(&self) -> i128 {
        let zoned = self.0.to_zoned(TimeZone::UTC).map(|zoned| zoned.timestamp().as_microsecond());
        i128::from(zoned.unwrap_or(0))
    }

    fn iso(&self, separator: char) -> String {
        let t = self.0;
        let mut out = format!(
            "{:04}-{:02}-{:02}{separator}{:02}:{:02}:{:02}",
            t.year(),
            t.month(),
            t.day(),
            t.hour(),
            t.minute(),
            t.second()
        );
        let micros = t.subsec_nanosecond() / 1000;
        if micros != 0 {
            out.push_str(&format!(".{micros:06}"));
        }
        out
    }
}

impl Object for DateTime {
    fn type_name(&self) -> &str {
        "datetime"
    }

    fn get(&self, name: &str) -> Option<V> {
        let t = self.0;
        Some(V::Int(match name {
            "year" => t.year().into(),
            "month" => t.month().into(),
            "day" => t.day().into(),
            "hour" => t.hour().into(),
            "minute" => t.minute().into(),
            "second" => t.second().into(),
            "microsecond" => (t.subsec_nanosecond() / 1000).into(),
            _ => return None,
        }))
    }

    fn method(&self, _: &mut Eval, name: &str, args: &Args) -> Option<Res<V>> {
        let zoned = || self.0.to_zoned(TimeZone::system()).map_err(|error| failed(error.to_string()));
        Some(match name {
            "strftime" => {
                let format =
                    args.positional.first().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default();
                zoned().and_then(|zoned| strftime(&format, &zoned)).map(V::from)
            }
            "timestamp" => zoned().map(|zoned| V::Float(zoned.timestamp().as_microsecond() as f64 / 1e6)),
            "isoformat" => Ok(V::from(self.iso('T'))),
            "weekday" => Ok(V::Int(self.0.weekday().to_monday_zero_offset().into())),
            "isoweekday" => Ok(V::Int(self.0.weekday().to_monday_one_offset().into())),
            "date" => Ok(V::object(DateTime(self.0.date().to_datetime(civil::Time::midnight())))),
            _ => return None,
        })
    }

    fn text(&self) -> String {
        self.iso(' ')
    }

    fn to_value(&self) -> Res<Value> {
        Ok(Value::from(self.iso('T')))
    }

    fn order_key(&self) -> Option<i128> {
        Some(self.micros())
    }
}

/// A `timedelta`.
pub struct TimeDelta(pub i128);

impl Object for TimeDelta {
    fn type_name(&self) -> &str {
        "timedelta"
    }

    fn get(&self, name: &str) -> Option<V> {
        let day = 86_400_000_000;
        let (days, rest) = (self.0.div_euclid(day), self.0.rem_euclid(day));
        Some(V::Int(match name {
            "days" => days as i64,
            "seconds" => (rest / 1_000_000) as i64,
            "microseconds" => (rest % 1_000_000) as i64,
            _ => return None,
        }))
    }

    fn method(&self, _: &mut Eval, name: &str, _: &Args) -> Option<Res<V>> {
        (name == "total_seconds").then(|| Ok(V::Float(self.0 as f64 / 1e6)))
    }

    fn truth(&self) -> bool {
        self.0 != 0
    }

    fn text(&self) -> String {
        let day = 86_400_000_000;
        let (days, rest) = (self.0.div_euclid(day), self.0.rem_euclid(day));
        let seconds = rest / 1_000_000;
        let mut out = match days {
            0 => String::new(),
            1 | -1 => format!("{days} day, "),
            _ => format!("{days} days, "),
        };
        out.push_str(&format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60));
        if rest % 1_000_000 != 0 {
            out.push_str(&format!(".{:06}", rest % 1_000_000));
        }
        out
    }

    fn order_key(&self) -> Option<i128> {
        Some(self.0)
    }
}

/// A moment in the words of `strftime(3)`.
///
/// # Errors
/// A format that is none.
pub fn strftime(format: &str, moment: &Zoned) -> Res<String> {
    // jiff knows microseconds by another letter.
    let micros = format!("{:06}", moment.subsec_nanosecond() / 1000);
    let format = format.replace("%f", &micros);
    jiff::fmt::strtime::format(&*format, moment).map_err(|error| failed(format!("Invalid format: {error}")))
}

pub fn strftime_filter(c: &mut Call) -> Res<V> {
    if !matches!(c.value, V::Str(_)) {
        return Err(failed(format!("strftime() argument 1 must be str, not {}", c.value.type_name())));
    }
    let utc = c.flag(1)?;
    let zone = if utc { TimeZone::UTC } else { TimeZone::system() };
    let moment = match c.given(0) {
        None => Timestamp::now(),
        Some(value) => {
            let seconds = match value {
                V::Str(text) => parse_float(text),
                other => other.as_f64(),
            };
            let seconds = seconds.ok_or_else(|| failed("Invalid value for epoch value (second)"))?;
            Timestamp::from_microsecond((seconds * 1e6) as i64).map_err(|error| failed(error.to_string()))?
        }
    };
    strftime(&c.input()?, &moment.to_zoned(zone)).map(V::from)
}

pub fn to_datetime(c: &mut Call) -> Res<V> {
    let format = c.text_or(0, "%Y-%m-%d %H:%M:%S")?;
    let input = c.input()?;
    // `%f` takes one to six digits of a fraction in Python.
    let format = format.replace("%f", "%N").replace(".%N", "%.f");
    let parsed = jiff::fmt::strtime::parse(&*format, &*input)
        .map_err(|_| failed(format!("time data '{input}' does not match format '{format}'")))?;
    let date = parsed.to_date().unwrap_or(civil::date(1900, 1, 1));
    let time = parsed.to_time().unwrap_or(civil::Time::midnight());
    Ok(V::object(DateTime(date.to_datetime(time))))
}

/// `now(utc=False, fmt=None)`.
pub fn now(args: &Args) -> Res<V> {
    let utc = args.get(0, "utc").map_or(Ok(false), V::truth)?;
    let zone = if utc { TimeZone::UTC } else { TimeZone::system() };
    let moment = Timestamp::now().to_zoned(zone);
    match args.get(1, "fmt") {
        Some(V::Str(format)) => strftime(format, &moment).map(V::from),
        _ => {
            let t = moment.datetime();
            let micros = t.subsec_nanosecond() / 1000 * 1000;
            let t = t.with().subsec_nanosecond(micros).build().map_err(|error| failed(error.to_string()))?;
            Ok(V::object(DateTime(t)))
        }
    }
}
