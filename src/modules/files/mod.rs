//! Modules about files.

mod assemble;
mod blockinfile;
mod copy;
mod fetch;
mod file;
mod find;
mod info;
mod lineinfile;
mod replace;
mod slurp;
mod stat;
mod tempfile;

pub use assemble::{Assemble, joined};
pub use blockinfile::BlockInFile;
pub use copy::Copy;
pub use fetch::{Fetch, SOURCE};
pub use file::FileModule;
pub use find::Find;
pub use lineinfile::LineInFile;
pub use replace::Replace;
pub use slurp::Slurp;
pub use stat::Stat;
pub use tempfile::TempFile;
