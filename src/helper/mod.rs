//! The program that runs on a host: session loop, become relay.

/// Runs the helper on stdin and stdout until its input ends; the exit code.
pub fn main() -> i32 {
    0
}
