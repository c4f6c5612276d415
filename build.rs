//! Builds the helper (the program that runs on hosts) and hands it, compressed, to the CLI.
//!
//! The helper is built by a second cargo, static, in a target folder of its own under `OUT_DIR`, so that one
//! `cargo build` or `cargo install --path .` gives one program that works. Two variables change that:
//!
//! - `EKUMEN_HELPER_BIN`: a prebuilt helper for this machine's architecture, embedded instead of building one;
//! - `EKUMEN_HELPERS_DIR`: a folder with prebuilt helpers for other architectures, in files named
//!   `ekumen-helper-aarch64` and so on (as `uname -m` says it), embedded beside it.

#![allow(clippy::disallowed_methods, clippy::disallowed_macros)] // The home of the nested cargo; it speaks by printing.

use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::env;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the helper is made of; a change elsewhere does not rebuild it.
const SOURCES: &[&str] = &[
    "src/value",
    "src/diag",
    "src/protocol",
    "src/modules",
    "src/facts",
    "src/helper",
    "src/lib.rs",
    "Cargo.toml",
    "Cargo.lock",
    "build.rs",
];

fn main() -> Result<(), Box<dyn Error>> {
    for source in SOURCES {
        println!("cargo::rerun-if-changed={source}");
    }
    for name in ["EKUMEN_HELPER_BIN", "EKUMEN_HELPERS_DIR"] {
        println!("cargo::rerun-if-env-changed={name}");
    }
    // The nested build comes through here, too, and must not start a third one.
    if env::var_os("CARGO_FEATURE_CLI").is_none() {
        return Ok(());
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    let mut helpers = BTreeMap::new();
    if let Some(folder) = env::var_os("EKUMEN_HELPERS_DIR") {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            if let Some(arch) =
                entry.file_name().to_str().and_then(|name| name.strip_prefix("ekumen-helper-"))
            {
                println!("cargo::rerun-if-changed={}", entry.path().display());
                helpers.insert(arch.to_owned(), entry.path());
            }
        }
    }
    let (arch, os) = (env::var("CARGO_CFG_TARGET_ARCH")?, env::var("CARGO_CFG_TARGET_OS")?);
    if let Some(prebuilt) = env::var_os("EKUMEN_HELPER_BIN").filter(|path| !path.is_empty()) {
        println!("cargo::rerun-if-changed={}", Path::new(&prebuilt).display());
        helpers.insert(arch, prebuilt.into());
    } else if os == "linux" {
        helpers.insert(arch.clone(), build_helper(&arch, &out)?);
    }
    write_table(&helpers, &out)
}

/// Runs the nested cargo; where the program is.
fn build_helper(arch: &str, out: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let target = format!("{arch}-unknown-linux-gnu");
    let profile = if env::var("PROFILE")? == "release" { "helper" } else { "helper-dev" };
    let folder = out.join("helper");
    let mut cargo = Command::new(env::var_os("CARGO").ok_or("cargo sets CARGO")?);
    // What the outer cargo says to this script would make the inner one build something else.
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        let keep = ["CARGO_HOME", "CARGO_HTTP_", "CARGO_NET_", "CARGO_REGISTR", "RUSTUP_"];
        let drop =
            ["CARGO", "RUST", "CLIPPY_ARGS", "DEP_", "OUT_DIR", "TARGET", "HOST", "PROFILE", "OPT_LEVEL"];
        if drop.iter().any(|prefix| text.starts_with(prefix))
            && !keep.iter().any(|prefix| text.starts_with(prefix))
        {
            cargo.env_remove(&name);
        }
    }
    cargo
        .env("RUSTFLAGS", "-C target-feature=+crt-static")
        .args(["build", "--quiet", "--bin", "ekumen-helper", "--no-default-features", "--features", "helper"])
        .args(["--target", &target, "--profile", profile, "--target-dir"])
        .arg(&folder)
        .arg("--manifest-path")
        .arg(Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("Cargo.toml"));
    let output = cargo.output()?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        return Err(format!("the helper does not build:\n{text}").into());
    }
    Ok(folder.join(target).join(profile).join("ekumen-helper"))
}

/// Gzip, which every host can undo. A release travels to many hosts: that is worth some seconds more here.
fn pack(program: &[u8], profile: &str) -> Result<Vec<u8>, Box<dyn Error>> {
    if profile == "release" {
        let once = zopfli::Options { iteration_count: NonZeroU64::MIN, ..zopfli::Options::default() };
        let mut packed = Vec::new();
        zopfli::compress(once, zopfli::Format::Gzip, program, &mut packed)?;
        return Ok(packed);
    }
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(program)?;
    Ok(encoder.finish()?)
}

/// Compresses the helpers and writes the Rust table that `transport` includes.
fn write_table(helpers: &BTreeMap<String, PathBuf>, out: &Path) -> Result<(), Box<dyn Error>> {
    let mut table = String::from("&[\n");
    for (arch, path) in helpers {
        let program = fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        let packed = out.join(format!("ekumen-helper-{arch}.gz"));
        fs::write(&packed, pack(&program, &env::var("PROFILE")?)?)?;
        let digest = Sha256::digest(&program).iter().fold(String::new(), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        });
        writeln!(
            table,
            "    Embedded {{ arch: {arch:?}, sha256: {digest:?}, size: {}, packed: include_bytes!({:?}) }},",
            program.len(),
            packed.display().to_string(),
        )?;
    }
    table.push_str("]\n");
    fs::write(out.join("helpers.rs"), table)?;
    Ok(())
}
