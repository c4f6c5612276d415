//! Filters of ansible.netcommon that read what network devices print, as a file says how.

mod aces;
mod cli;
mod path;
mod spec;
mod textfsm;
mod xml;

pub use aces::pop_ace;
pub use cli::parse_cli;
pub use textfsm::parse_cli_textfsm;
pub use xml::parse_xml;
