//! Any text as a template and as a condition.
#![no_main]

#[path = "../entries.rs"]
#[allow(dead_code)] // Each target has one of its entries.
mod entries;

libfuzzer_sys::fuzz_target!(|text: &str| entries::render(text));
