//! What one rendering may use.

use super::super::object::{Res, V, failed};
use std::cell::Cell;

/// Bytes of text of one rendering.
const OUTPUT: usize = 64 << 20;
/// Nested expressions, macros, includes and loops.
const DEPTH: usize = 1000;

pub struct Limits {
    /// How many steps are left, and were given.
    steps: (u64, u64),
    depth: usize,
}

impl Limits {
    pub fn new(steps: u64) -> Self {
        Self { steps: (steps, steps), depth: 0 }
    }

    pub fn step(&mut self) -> Res<()> {
        match self.steps.0.checked_sub(1) {
            Some(left) => self.steps.0 = left,
            None => {
                let most = self.steps.1;
                return Err(failed(format!("the template takes more than {most} steps: it may never end")));
            }
        }
        Ok(())
    }

    pub fn enter(&mut self) -> Res<()> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(failed("maximum recursion depth exceeded"));
        }
        check_stack()
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

/// Bytes of stack that one rendering may use, whatever it nests: half of what a worker thread has.
const STACK: usize = 1 << 20;

thread_local! {
    /// Where the stack was when the outermost rendering of this thread began; 0 outside of one.
    static BASE: Cell<usize> = const { Cell::new(0) };
}

/// Marks the beginning of a rendering on the stack, for as long as it lives.
pub struct StackGuard {
    outermost: bool,
}

impl StackGuard {
    pub fn new() -> Self {
        let outermost = BASE.get() == 0;
        if outermost {
            BASE.set(address());
            SPENT.set(0);
        }
        Self { outermost }
    }
}

impl Drop for StackGuard {
    fn drop(&mut self) {
        if self.outermost {
            BASE.set(0);
        }
    }
}

/// Bytes of the largest text or list that one step may build.
const LARGEST: usize = 64 << 20;
/// Bytes of large values that one rendering may build altogether, with those it is done with.
const BUDGET: usize = 1 << 30;

thread_local! {
    /// What the outermost rendering of this thread has built so far.
    static SPENT: Cell<usize> = const { Cell::new(0) };
}

/// Refuses to build values that would fill the memory. To be asked before a value is built whose size has
/// nothing to do with that of its operands, and after one is whose size has.
pub fn charge(bytes: usize) -> Res<()> {
    if bytes > LARGEST {
        return Err(failed(format!("a value of {} MiB is too large", bytes >> 20)));
    }
    let spent = SPENT.get().saturating_add(bytes);
    SPENT.set(spent);
    if spent > BUDGET {
        return Err(failed(format!("the template builds more than {} GiB of values", BUDGET >> 30)));
    }
    Ok(())
}

/// The same for a value that is there: its own size, not that of what it holds.
pub fn charge_value(value: &V) -> Res<()> {
    match value {
        V::Str(text) => charge(text.len()),
        V::List(list) => charge(list.len().saturating_mul(size_of::<V>())),
        V::Tuple(items) => charge(items.len().saturating_mul(size_of::<V>())),
        _ => Ok(()),
    }
}

/// Where the stack is now.
#[inline(never)]
fn address() -> usize {
    let here = 0u8;
    std::ptr::from_ref(std::hint::black_box(&here)).addr()
}

/// Refuses to nest deeper when the stack is used up: recursion in templates and in data that contains itself.
pub fn check_stack() -> Res<()> {
    let base = BASE.get();
    if base != 0 && base.abs_diff(address()) > STACK {
        return Err(failed("maximum recursion depth exceeded"));
    }
    Ok(())
}
