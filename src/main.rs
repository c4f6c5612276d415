//! The command line's entry point; everything is in the library.

fn main() {
    // `ssh` runs this program to ask it for a password.
    if let Some(code) = ekumen::transport::askpass_main() {
        std::process::exit(code);
    }
    std::process::exit(ekumen::cli::main());
}
