//! Runs plays: strategies, tasks, loops, handlers.
