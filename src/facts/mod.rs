//! Facts: probes and pure parsers.
