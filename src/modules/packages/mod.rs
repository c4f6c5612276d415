//! Packages: a module for each manager, and one that chooses by host.

pub mod apt;
pub mod dnf;
pub mod dpkg_selections;
pub mod package;
pub mod pacman;
mod rpm;
