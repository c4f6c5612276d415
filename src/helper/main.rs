//! The helper's entry point; everything is in the library.

fn main() {
    std::process::exit(ekumen::helper::main());
}
