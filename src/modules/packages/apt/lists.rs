//! The lists of what can be had: how old they are, and refreshing them.

use super::Args;
use super::command::apt_get;
use crate::modules::kit::{Failure, Output, Target};
use crate::value::{Map, Value};
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Whether the lists are to be refreshed, and are old enough for it.
pub(super) fn wants_update(args: &Args) -> bool {
    let wanted = args.update_cache.unwrap_or(args.cache_valid_time > 0);
    if !wanted || args.cache_valid_time == 0 {
        return wanted;
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    u64::try_from(cache_time()).unwrap_or(0) + args.cache_valid_time <= now
}

/// When the lists were refreshed last, in seconds since the epoch.
pub(super) fn cache_time() -> i64 {
    let files = ["/var/lib/apt/periodic/update-success-stamp", "/var/lib/apt/lists"];
    files.iter().find_map(|path| std::fs::metadata(path).ok()).map_or(0, |data| data.mtime())
}

pub(super) fn cache_facts(updated: bool) -> Map {
    let facts =
        Value::object([("cache_updated", Value::Bool(updated)), ("cache_update_time", cache_time().into())]);
    facts.as_map().cloned().unwrap_or_default()
}

pub(super) fn refresh(args: &Args, host: &mut Target) -> Result<(), Failure> {
    let words = ["-o", "APT::Update::Error-Mode=any", "update"].map(str::to_owned);
    let mut output = Output::default();
    for attempt in 0..args.update_cache_retries.max(1) {
        output = host.run(&apt_get(args, &words))?;
        if output.success() {
            return Ok(());
        }
        if attempt + 1 < args.update_cache_retries {
            let delay = (1u64 << attempt.min(10)).min(args.update_cache_retry_max_delay);
            std::thread::sleep(Duration::from_secs(delay));
        }
    }
    let text = output.stderr();
    // In the words of apt's library: no blank after the letter.
    let complaints = text.lines().filter(|line| line.starts_with(['E', 'W']));
    let reason = complaints.map(|line| line.replacen(": ", ":", 1)).collect::<Vec<_>>().join(", ");
    let reason = if reason.is_empty() { text.trim().to_owned() } else { reason };
    let retries = args.update_cache_retries;
    Err(Failure::new(format!("Failed to update apt cache after {retries} retries: {reason}")))
}
