//! Who takes part in a play, as its tasks see it.

use crate::value::Value;
use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The hosts of a play and of its current batch. The lists are made once per change, not once per question: with a
/// thousand hosts every one of them may ask.
pub struct PlayHosts {
    all: Value,
    names: Vec<Arc<str>>,
    state: Mutex<State>,
}

struct State {
    batch: Vec<Arc<str>>,
    /// Hosts that failed or could not be reached.
    gone: HashSet<Arc<str>>,
    /// Of the play and of the batch, until somebody leaves.
    live: Option<(Value, Value)>,
}

impl PlayHosts {
    /// Hosts in the order of the play, and those that are out from the start.
    pub fn new(names: &[String], gone: impl IntoIterator<Item = String>) -> Self {
        let names: Vec<Arc<str>> = names.iter().map(|name| Arc::from(name.as_str())).collect();
        let gone = gone.into_iter().map(Arc::from).collect();
        let state = Mutex::new(State { batch: names.clone(), gone, live: None });
        Self { all: list(names.iter()), names, state }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Whoever panicked with the lock left whole lists behind.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everyone, in the order of the play: `ansible_play_hosts_all`.
    pub fn all(&self) -> Value {
        self.all.clone()
    }

    /// The same names, to walk over.
    pub fn names(&self) -> &[Arc<str>] {
        &self.names
    }

    /// Those still in it: `ansible_play_hosts`.
    pub fn live(&self) -> Value {
        self.lists().0
    }

    /// Those of the batch still in it: `ansible_play_batch`.
    pub fn live_batch(&self) -> Value {
        self.lists().1
    }

    fn lists(&self) -> (Value, Value) {
        let mut state = self.state();
        if let Some(live) = &state.live {
            return live.clone();
        }
        let there = |names: &[Arc<str>]| list(names.iter().filter(|name| !state.gone.contains(*name)));
        let live = (there(&self.names), there(&state.batch));
        state.live = Some(live.clone());
        live
    }

    /// The next batch begins.
    pub fn begin_batch(&self, names: &[String]) {
        let mut state = self.state();
        state.batch = names.iter().map(|name| Arc::from(name.as_str())).collect();
        state.live = None;
    }

    /// A host failed, or could not be reached.
    pub fn leave(&self, host: &str) {
        let mut state = self.state();
        state.gone.insert(Arc::from(host));
        state.live = None;
    }

    /// `meta: clear_host_errors`: all are back but those that ended.
    pub fn forgive(&self, ended: impl Iterator<Item = Arc<str>>) {
        let mut state = self.state();
        state.gone = ended.collect();
        state.live = None;
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
        hosts.begin_batch(&names[..1]);
        assert_eq!(hosts.live_batch(), of(&["a"]));
        hosts.leave("a");
        assert_eq!((hosts.live(), hosts.live_batch()), (of(&["b"]), of(&[])));
        hosts.forgive(std::iter::empty());
        assert_eq!((hosts.live(), hosts.live_batch()), (of(&["a", "b", "c"]), of(&["a"])));
    }
}
