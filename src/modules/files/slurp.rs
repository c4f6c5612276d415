//! `slurp`: a file's content as a value.

use crate::modules::kit::{Applied, Failure, Module, Never, Plan, Probe, Target, error_at, os_error};
use crate::value::Value;
use base64::Engine;
use serde::Deserialize;
use std::io::ErrorKind;
use std::path::Path;

pub struct Slurp;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Args {
    /// The file.
    #[serde(alias = "path")]
    src: String,
}

impl Module for Slurp {
    const NAME: &'static str = "slurp";
    type Args = Args;
    type Todo = Never;

    fn plan(args: &Args, host: &Probe) -> Result<Plan<Never>, Failure> {
        let src = host.path(&args.src);
        if Path::new(&src).is_dir() {
            return Err(Failure::new(format!("Source is a directory and must be a file: {src}")));
        }
        let content = std::fs::read(&src).map_err(|error| {
            match error.kind() {
                ErrorKind::NotFound => Failure::new(format!("File not found: {src}")),
                ErrorKind::PermissionDenied => Failure::new(format!("File is not readable: {src}")),
                _ => return Failure::new(format!("unable to slurp file: {}", os_error(&error))),
            }
            .because(error_at(&error, &src))
        })?;
        let content = base64::engine::general_purpose::STANDARD.encode(content);
        Ok(Plan::unchanged(Value::object([
            ("content", Value::from(content)),
            ("source", src.into()),
            ("encoding", "base64".into()),
        ])))
    }

    fn apply(todo: Never, _: &mut Target) -> Result<Applied, Failure> {
        match todo {}
    }
}
