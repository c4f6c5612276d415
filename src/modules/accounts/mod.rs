//! Users, groups and their keys.

pub mod authorized_key;
pub mod group;
mod shadow;
mod ssh_key;
pub mod user;

use crate::facts::program;
use crate::modules::kit::{Command, Failure, Output, Target};

/// Runs one of the account tools.
///
/// # Errors
/// When the host does not have it, or it fails: with what it said, and its status.
fn run(host: &mut Target, name: &str, command: &Command) -> Result<Output, Failure> {
    let tool = command.argv.first().map(|word| word.to_string_lossy().into_owned()).unwrap_or_default();
    if program(&tool).is_none() {
        let paths = host.probe().variable("PATH").unwrap_or_default();
        return Err(Failure::new(format!("Failed to find required executable \"{tool}\" in paths: {paths}")));
    }
    let output = host.run(&command.clone().english())?;
    if output.success() {
        return Ok(output);
    }
    Err(Failure::new(output.stderr()).with("name", name).with("rc", output.rc))
}
