//! Host-side halves of tasks, one file each, in families. To add one: write the file, implement
//! [`kit::Module`], add a line to [`registry`].

mod accounts;
pub mod commands;
pub mod files;
pub mod kit;
pub mod packages;
mod ping;
pub mod registry;
mod services;
mod system;
