//! The host's clock.

use super::{Facts, Sources};
use crate::modules::kit::clock;
use crate::value::Value;
use jiff::{Zoned, tz::TimeZone};

pub fn facts(sources: &Sources) -> Facts {
    let mut facts = Facts::new();
    facts.set("date_time", date_time(&clock::now(sources.probe)));
    facts
}

fn date_time(now: &Zoned) -> Value {
    let local = |format: &str| now.strftime(format).to_string();
    let utc = now.with_time_zone(TimeZone::UTC);
    let epoch = now.timestamp().as_second().to_string();
    let (standard, summer) = abbreviations(now);
    Value::object([
        ("year", local("%Y")),
        ("month", local("%m")),
        ("weekday", local("%A")),
        ("weekday_number", local("%w")),
        ("weeknumber", local("%W")),
        ("day", local("%d")),
        ("hour", local("%H")),
        ("minute", local("%M")),
        ("second", local("%S")),
        ("epoch", epoch.clone()),
        ("epoch_int", epoch),
        ("date", local("%Y-%m-%d")),
        ("time", local("%H:%M:%S")),
        ("iso8601_micro", utc.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()),
        ("iso8601", utc.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()),
        ("iso8601_basic", local("%Y%m%dT%H%M%S%6f")),
        ("iso8601_basic_short", local("%Y%m%dT%H%M%S")),
        ("tz", local("%Z")),
        ("tz_dst", summer.unwrap_or(standard)),
        ("tz_offset", local("%z")),
    ])
}

/// The zone's abbreviations this year, without and with daylight saving.
fn abbreviations(now: &Zoned) -> (String, Option<String>) {
    let mut found = (local_name(now), None);
    for month in 1..=12 {
        let Ok(moment) = now.with().day(1).month(month).build() else { continue };
        let info = now.time_zone().to_offset_info(moment.timestamp());
        match info.dst().is_dst() {
            true => found.1 = Some(info.abbreviation().to_owned()),
            false => found.0 = info.abbreviation().to_owned(),
        }
    }
    found
}

fn local_name(now: &Zoned) -> String {
    now.strftime("%Z").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_has_all_its_forms() {
        let moment: Zoned = "2026-07-05T03:04:05.000123[Europe/Berlin]".parse().expect("a time");
        let facts = date_time(&moment);
        for (key, expected) in [
            ("weekday", "Sunday"),
            ("weekday_number", "0"),
            ("weeknumber", "26"),
            ("iso8601", "2026-07-05T01:04:05Z"),
            ("iso8601_micro", "2026-07-05T01:04:05.000123Z"),
            ("iso8601_basic", "20260705T030405000123"),
            ("tz", "CEST"),
            ("tz_dst", "CEST"),
            ("tz_offset", "+0200"),
            ("epoch", "1783213445"),
        ] {
            assert_eq!(facts.get(key).and_then(Value::as_str), Some(expected), "{key}");
        }
    }
}
