//! What all threads of a run share.

use super::connect::Sessions;
use super::tags::Selection;
use crate::playbook::Loader;
use crate::source::Settings;
use crate::template::Engine;
use crate::transport::TransportKind;
use crate::value::{Secret, Value};
use crate::vars::{Magic, Store};
use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// What the command line asked for.
#[derive(Clone, Default)]
pub struct RunOptions {
    pub check: bool,
    pub diff: bool,
    /// Files that are sent are shown in diffs up to this size in bytes.
    pub diff_limit: u64,
    /// Results that depend on what a check cannot know are *unknown* (`ekumen drift`), not *skipping*.
    pub drift: bool,
    pub verbosity: u8,
    /// As much is remarked on; more than `verbosity` if the log wants to know more than the terminal.
    pub remarks: u8,
    pub forks: usize,
    pub limit: Option<String>,
    pub tags: Selection,
    pub start_at: Option<String>,
    pub step: bool,
    pub force_handlers: bool,
    pub connection: Option<String>,
    pub transport: Option<TransportKind>,
    pub user: Option<String>,
    pub password: Option<Secret>,
    pub private_key: Option<String>,
    pub ssh_common_args: Option<String>,
    pub ssh_extra_args: Option<String>,
    pub timeout: Option<u64>,
    pub become_it: bool,
    pub become_method: Option<String>,
    pub become_user: Option<String>,
    pub become_password: Option<Secret>,
    pub no_cache: bool,
}

/// One run's parts.
pub struct Shared {
    pub options: RunOptions,
    pub settings: Arc<Settings>,
    pub engine: Arc<Engine>,
    pub loader: Arc<Loader>,
    pub store: Arc<Store>,
    pub magic: Arc<Magic>,
    pub sessions: Sessions,
    /// Of the files that are sent to hosts.
    pub digests: std::sync::Arc<crate::actions::Digests>,
    pub next_id: AtomicU64,
    pub no_log_by_default: bool,
    pub lookup_settings: Arc<BTreeMap<String, Value>>,
    /// In a drift check: hosts on which something would change or is unknown, so that what fails after it may fail for that reason.
    pub unsettled: Mutex<HashSet<Arc<str>>>,
    /// Set by a signal: no new task is started.
    pub interrupted: Arc<AtomicBool>,
}

impl Shared {
    pub fn stopping(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }

    /// Sleeps, but not through an interrupt.
    pub fn sleep(&self, time: Duration) {
        let end = Instant::now() + time;
        while !self.stopping() {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            std::thread::sleep(left.min(Duration::from_millis(100)));
        }
    }

    pub fn playbook_dir(&self) -> PathBuf {
        self.store.playbook_dir.read().map(|dir| dir.clone()).unwrap_or_default()
    }

    /// The plays that follow are of a playbook in that folder.
    pub fn enter(&self, directory: &Path) {
        self.loader.enter(directory);
        self.store.refresh_all();
    }

    pub fn inventory_has(&self, host: &str) -> bool {
        self.store.inventory.read().is_ok_and(|inventory| inventory.host(host).is_some())
    }

    pub fn host_names(&self) -> Arc<Vec<String>> {
        self.store.inventory.read().map(|inventory| inventory.host_names()).unwrap_or_default()
    }

    /// Asks the user, or waits.
    pub fn prompt(&self, question: &super::Question) -> super::Answer {
        super::prompts::ask(self, question)
    }
}
