//! The command line's entry point; everything is in the library.

fn main() {
    // `ssh` runs this program to ask it for a password.
    if let Some(code) = ekumen::transport::askpass_main() {
        std::process::exit(code);
    }
    share_heaps();
    std::process::exit(ekumen::cli::main());
}

/// glibc gives threads heaps of their own and keeps what was freed in each: with a thread per host that doubles the memory of
/// a run. Two heaps are enough for threads that mostly wait.
#[allow(unsafe_code)]
fn share_heaps() {
    #[cfg(target_env = "gnu")]
    // SAFETY: a setting of the allocator, made before there is a second thread.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 2);
    }
}
