//! Filters of ansible.netcommon that read what network devices print, as a file says how.

mod cli;
mod path;
mod spec;
mod textfsm;
mod xml;

pub use cli::parse_cli;
pub use textfsm::parse_cli_textfsm;
pub use xml::parse_xml;
