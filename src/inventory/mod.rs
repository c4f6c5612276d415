//! Hosts and groups, patterns, one file per source format.
