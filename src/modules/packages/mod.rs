//! Packages: `apt`, and the module that chooses by host.

pub mod apt;
pub mod dpkg_selections;
pub mod package;
