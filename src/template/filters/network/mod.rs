//! Addresses: the filters of `ansible.utils` that used to be called by their short names.

pub mod hardware;
pub mod ipaddr;
pub mod net;
pub mod subnets;
