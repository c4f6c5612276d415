//! Who takes part in a play, as its tasks see it.

use crate::value::Value;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The hosts of a play and of its current batch. The lists are made once per change, not once per question: with a
/// thousand hosts every one of them may ask.
pub struct PlayHosts {
    names: Vec<Arc<str>>,
    state: Mutex<State>,
}

struct State {
    batch: Vec<Arc<str>>,
    /// Hosts that `add_host` made during this batch: they count as hosts of the play, though nothing runs on them.
    added: Vec<Arc<str>>,
    /// Hosts that failed or could not be reached, and how often: each `clear_host_errors` takes back one time.
    gone: HashMap<Arc<str>, u32>,
    /// The lists as they are until somebody leaves or comes.
    lists: Option<Lists>,
}

#[derive(Clone)]
struct Lists {
    all: Value,
    live: Value,
    live_batch: Value,
}

impl PlayHosts {
    /// Hosts in the order of the play, and those that are out from the start.
    pub fn new(names: &[String], gone: impl IntoIterator<Item = String>) -> Self {
        let names: Vec<Arc<str>> = names.iter().map(|name| Arc::from(name.as_str())).collect();
        let gone = gone.into_iter().map(|name| (Arc::from(name), 1)).collect();
        let state = Mutex::new(State { batch: names.clone(), added: vec![], gone, lists: None });
        Self { names, state }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Whoever panicked with the lock left whole lists behind.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everyone, in the order of the play: `ansible_play_hosts_all`.
    pub fn all(&self) -> Value {
        self.lists().all
    }

    /// The same names, to walk over.
    pub fn names(&self) -> &[Arc<str>] {
        &self.names
    }

    /// Those still in it: `ansible_play_hosts`.
    pub fn live(&self) -> Value {
        self.lists().live
    }

    /// Those of the batch still in it: `ansible_play_batch`.
    pub fn live_batch(&self) -> Value {
        self.lists().live_batch
    }

    fn lists(&self) -> Lists {
        let mut state = self.state();
        if let Some(lists) = &state.lists {
            return lists.clone();
        }
        let there = |name: &&Arc<str>| !state.gone.contains_key(*name);
        let all = || self.names.iter().chain(&state.added);
        let lists = Lists {
            all: list(all()),
            live: list(all().filter(there)),
            live_batch: list(state.batch.iter().filter(there)),
        };
        state.lists = Some(lists.clone());
        lists
    }

    /// The next batch begins. Those that are out now stay that; who ended in an earlier batch counts again. Of the hosts
    /// that the run made, those that the play's pattern selects (`selected`) are the play's.
    pub fn begin_batch(&self, names: &[String], out: impl IntoIterator<Item = String>, selected: &[String]) {
        let mut state = self.state();
        state.gone = out.into_iter().map(|name| (Arc::from(name), 1)).collect();
        state.batch = names.iter().map(|name| Arc::from(name.as_str())).collect();
        let made = selected.iter().map(|name| Arc::from(name.as_str()));
        state.added = made.filter(|name| !self.names.contains(name)).collect();
        state.lists = None;
    }

    /// `add_host` made a host.
    pub fn add(&self, host: &str) {
        let mut state = self.state();
        if !self.names.iter().chain(&state.added).any(|name| **name == *host) {
            state.added.push(Arc::from(host));
            state.lists = None;
        }
    }

    /// A host failed, or could not be reached.
    pub fn leave(&self, host: &str) {
        let mut state = self.state();
        *state.gone.entry(Arc::from(host)).or_insert(0) += 1;
        state.lists = None;
    }

    /// `meta: clear_host_errors`: all are back but those that ended.
    pub fn forgive(&self, ended: impl Iterator<Item = Arc<str>>) {
        let mut state = self.state();
        state.gone.retain(|_, times| {
            *times -= 1;
            *times > 0
        });
        state.gone.extend(ended.map(|host| (host, 1)));
        state.lists = None;
    }
}

fn list<'a>(names: impl Iterator<Item = &'a Arc<str>>) -> Value {
    Value::list(names.map(|name| Value::Str(name.clone())).collect())
}

#[cfg(test)]
mod tests {
    use super::PlayHosts;
    use crate::value::Value;

    #[test]
    fn hosts_leave_and_come_back() {
        let names = ["a", "b", "c"].map(str::to_owned);
        let of = |names: &[&str]| Value::from(names.to_vec());
        let hosts = PlayHosts::new(&names, ["c".to_owned()]);
        assert_eq!(hosts.all(), of(&["a", "b", "c"]));
        assert_eq!(hosts.live(), of(&["a", "b"]));
        hosts.begin_batch(&names[..1], ["c".to_owned()], &[]);
        assert_eq!(hosts.live_batch(), of(&["a"]));
        hosts.leave("a");
        assert_eq!((hosts.live(), hosts.live_batch()), (of(&["b"]), of(&[])));
        hosts.forgive(std::iter::empty());
        assert_eq!((hosts.live(), hosts.live_batch()), (of(&["a", "b", "c"]), of(&["a"])));
        hosts.leave("a");
        hosts.begin_batch(&names[1..2], [], &[]);
        assert_eq!((hosts.live(), hosts.live_batch()), (of(&["a", "b", "c"]), of(&["b"])));
    }
}
