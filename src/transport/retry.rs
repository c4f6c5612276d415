//! Which failed connections are tried again, and when.

use std::time::{Duration, Instant};

/// How long a server that closes at the door (`MaxStartups`) is asked again, whatever the number of retries.
const DOOR_PATIENCE: Duration = Duration::from_secs(20);

/// What OpenSSH says, and both transports say after it, when a server closes before it has said who it is.
const AT_THE_DOOR: &[&str] =
    &["kex_exchange_identification", "Connection closed by remote host\r\nConnection closed"];

/// What may be better the next time.
const NETWORK: &[&str] = &[
    "Connection timed out",
    "Connection refused",
    "Connection reset",
    "Connection closed by",
    "No route to host",
    "Network is unreachable",
    "Could not resolve hostname",
    "timed out",
];

/// The attempts to open one connection.
pub struct Attempts {
    started: Instant,
    at_the_door: u32,
    failed: u32,
}

impl Attempts {
    pub fn new() -> Self {
        Self { started: Instant::now(), at_the_door: 0, failed: 0 }
    }

    /// After a failure with that message: how long to wait before the next attempt, if there is to be one. `retries`
    /// is how many the user allows.
    pub fn pause(&mut self, message: &str, retries: u32) -> Option<Duration> {
        if super::interrupt::requested() {
            return None;
        }
        let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
        if says(AT_THE_DOOR) {
            self.at_the_door += 1;
            return (self.started.elapsed() < DOOR_PATIENCE).then(|| jitter(self.at_the_door - 1));
        }
        if !says(NETWORK) || self.failed >= retries {
            return None;
        }
        // As Ansible does: 0, 1, 3, 7 … 30 seconds.
        let seconds = (1u64 << self.failed.min(5)) - 1;
        self.failed += 1;
        Some(Duration::from_secs(seconds.min(30)))
    }
}

/// Longer each time, and never the same for two: those who were refused together must not come back together.
fn jitter(failed: u32) -> Duration {
    let mut random = [0u8; 2];
    // Without random bytes everybody waits equally long, which still works.
    let _ = rustix::rand::getrandom(&mut random, rustix::rand::GetRandomFlags::empty());
    let base = 100u64 << failed.min(5);
    Duration::from_millis(base / 2 + u64::from(u16::from_le_bytes(random)) % base)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_tried_again() {
        let refused = "ssh: connect to host web port 22: Connection refused";
        let mut attempts = Attempts::new();
        assert_eq!(attempts.pause(refused, 0), None);
        assert_eq!(attempts.pause(refused, 3), Some(Duration::ZERO));
        assert_eq!(attempts.pause(refused, 3), Some(Duration::from_secs(1)));
        assert_eq!(attempts.pause(refused, 3), Some(Duration::from_secs(3)));
        assert_eq!(attempts.pause(refused, 3), None);
        assert_eq!(attempts.pause("Host key verification failed.", 9), None);
        assert_eq!(attempts.pause("ann@web: Permission denied (publickey).", 9), None);
        let door = "kex_exchange_identification: Connection closed by remote host";
        assert!(attempts.pause(door, 0).is_some_and(|pause| pause >= Duration::from_millis(50)));
    }
}
