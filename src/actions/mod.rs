//! Control-side halves of tasks, one file each.
