//! Plays, blocks, tasks, roles, handlers: parse, then link.
