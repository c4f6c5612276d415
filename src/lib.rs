//! Ekumen: an agentless orchestrator that runs Ansible playbooks over SSH, without Ansible or Python.
//!
//! Layers, lower never imports higher (`tests/layers.rs` reads the `use` lines):
//!
//! 0. [`diag`], [`value`], [`protocol`], [`certificate`], [`http`]
//! 1. [`source`]: YAML and settings on the control machine
//! 2. [`template`]: templates, filters, tests, lookups
//! 3. [`vars`], [`inventory`]
//! 4. [`playbook`], [`modules`], [`facts`], [`transport`], [`helper`] (the last with modules, facts and protocol only)
//! 5. [`actions`], [`runner`]
//! 6. [`report`], [`ledger`]
//! 7. [`cli`]
//!
//! `ARCHITECTURE.md` has the map and the reasons, and says how to add each kind of thing.

pub mod diag;
pub mod facts;
pub mod helper;
pub mod modules;
pub mod protocol;
pub mod value;

#[cfg(feature = "cli")]
pub mod actions;
#[cfg(feature = "cli")]
pub mod certificate;
#[cfg(feature = "cli")]
pub mod cli;
#[cfg(feature = "cli")]
pub mod http;
#[cfg(feature = "cli")]
pub mod inventory;
#[cfg(feature = "cli")]
pub mod playbook;
#[cfg(feature = "cli")]
pub mod report;
#[cfg(feature = "cli")]
pub mod runner;
#[cfg(feature = "cli")]
pub mod source;
#[cfg(feature = "cli")]
pub mod template;
#[cfg(feature = "cli")]
pub mod transport;
#[cfg(feature = "cli")]
pub mod vars;
