//! Packages: `apt`, and the module that chooses by host.

pub mod apt;
mod apt_cache;
mod dpkg;
pub mod dpkg_selections;
pub mod package;
