//! Times as Python prints them.

use jiff::{Zoned, tz::TimeZone};
use std::time::Duration;

/// Now, in the zone of the task: its `TZ`, else the host's.
pub fn now(host: &super::Probe) -> Zoned {
    let named = host.variable("TZ").filter(|name| !name.is_empty());
    let zone = named.and_then(|name| {
        TimeZone::get(name.trim_start_matches(':')).or_else(|_| TimeZone::posix(&name)).ok()
    });
    Zoned::now().with_time_zone(zone.unwrap_or_else(TimeZone::system))
}

/// `2026-11-21 02:04:42.274529`, as Python prints a `datetime`.
pub fn python(moment: &Zoned) -> String {
    moment.strftime("%Y-%m-%d %H:%M:%S.%6f").to_string()
}

/// `0:00:01.004979`, as Python prints a `timedelta`.
pub fn python_delta(delta: Duration) -> String {
    let seconds = delta.as_secs();
    let (days, rest) = (seconds / 86400, seconds % 86400);
    let days = match days {
        0 => String::new(),
        1 => "1 day, ".into(),
        many => format!("{many} days, "),
    };
    format!("{days}{}:{:02}:{:02}.{:06}", rest / 3600, rest / 60 % 60, rest % 60, delta.subsec_micros())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_look_like_pythons() {
        let moment: Zoned = "2026-11-21T02:04:42.0745291[UTC]".parse().expect("a time");
        assert_eq!(python(&moment), "2026-11-21 02:04:42.074529");
        assert_eq!(python_delta(Duration::from_micros(1_004_979)), "0:00:01.004979");
        assert_eq!(python_delta(Duration::from_secs(90_061)), "1 day, 1:01:01.000000");
    }
}
