//! Ending everything that waits for a host, when the user says so.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// How often whoever waits looks whether to go on.
pub const INTERVAL: Duration = Duration::from_millis(200);

static FLAG: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// Names the flag that, once true, makes every waiting [`Session::open`](super::Session::open) and
/// [`Session::call`](super::Session::call) fail within a moment; the hosts end what they were doing. The first flag
/// named stays.
pub fn stop_when(flag: Arc<AtomicBool>) {
    let _ = FLAG.set(flag);
}

pub fn requested() -> bool {
    FLAG.get().is_some_and(|flag| flag.load(Ordering::Relaxed))
}
