//! Modules about files.

mod copy;
mod file;
mod stat;

pub use copy::Copy;
pub use file::FileModule;
pub use stat::Stat;
