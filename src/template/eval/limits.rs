//! What one rendering may use.

use super::super::object::{Res, failed};

/// Statements and loop rounds of one rendering.
const STEPS: u64 = 50_000_000;
/// Bytes of text of one rendering.
const OUTPUT: usize = 256 << 20;
/// Nested expressions, macros, includes and loops.
const DEPTH: usize = 400;

#[derive(Default)]
pub struct Limits {
    steps: u64,
    depth: usize,
}

impl Limits {
    pub fn step(&mut self) -> Res<()> {
        self.steps += 1;
        if self.steps > STEPS {
            return Err(failed(format!("the template takes more than {STEPS} steps: it may never end")));
        }
        Ok(())
    }

    pub fn enter(&mut self) -> Res<()> {
        self.depth += 1;
        if self.depth > DEPTH {
            // The matching `leave` calls happen while the error travels up.
            return Err(failed("maximum recursion depth exceeded"));
        }
        Ok(())
    }

    pub fn leave(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    pub fn output(length: usize) -> Res<()> {
        if length > OUTPUT {
            return Err(failed(format!("the template prints more than {} MiB", OUTPUT >> 20)));
        }
        Ok(())
    }
}
