//! Running what the user wrote: `command`, `shell`, `raw`, `script`, and modules that are programs.

pub mod command;
pub mod program;
pub mod raw;
pub mod script;

use crate::modules::kit::{Applied, Failure, Output};
use crate::value::Value;

/// The result of a program that was run as it is, without asking what it did.
fn ended(output: &Output) -> Result<Applied, Failure> {
    let result = Value::object([
        ("changed", Value::Bool(true)),
        ("rc", output.rc.into()),
        ("stdout", output.stdout().into()),
        ("stderr", output.stderr().into()),
    ]);
    if output.success() {
        return Ok(Applied::new(result));
    }
    let result = result.as_map().cloned().unwrap_or_default();
    Err(Failure { msg: "non-zero return code".into(), result, cause: None })
}
