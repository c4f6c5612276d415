//! Not to be refused by sshd's `MaxStartups` (10 unauthenticated connections, by default): few at a time towards
//! one address, whatever the number of hosts behind it.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

const AT_ONCE: usize = 8;

static UNDER_WAY: Mutex<Option<HashMap<SocketAddr, usize>>> = Mutex::new(None);
static DONE: Condvar = Condvar::new();

/// The right to connect to an address; given back when it is dropped.
pub struct Turn(SocketAddr);

/// Waits until a connection to that address may start.
pub fn wait_for_turn(address: SocketAddr) -> Turn {
    let mut under_way = lock();
    loop {
        let count = under_way.get_or_insert_default().entry(address).or_default();
        if *count < AT_ONCE {
            *count += 1;
            return Turn(address);
        }
        under_way = DONE.wait(under_way).unwrap_or_else(PoisonError::into_inner);
    }
}

fn lock() -> MutexGuard<'static, Option<HashMap<SocketAddr, usize>>> {
    UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(count) = lock().as_mut().and_then(|under_way| under_way.get_mut(&self.0)) {
            *count -= 1;
        }
        DONE.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    #[test]
    fn few_at_a_time() {
        let address: SocketAddr = "192.0.2.1:22".parse().expect("an address");
        let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..4 * AT_ONCE {
                scope.spawn(|| {
                    let turn = wait_for_turn(address);
                    most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    std::thread::sleep(Duration::from_millis(2));
                    now.fetch_sub(1, Ordering::SeqCst);
                    drop(turn);
                });
            }
        });
        let most = most.into_inner();
        assert!((2..=AT_ONCE).contains(&most), "{most} at once");
    }
}
