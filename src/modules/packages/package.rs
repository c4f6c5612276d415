//! `package`: packages under whatever manages them here.

use super::apt;
use crate::facts;
use crate::modules::kit::{Applied, Failure, Module, Plan, Probe, Target, args};
use crate::value::{Map, Value};
use serde::Deserialize;

pub struct Package;

/// The arguments that every manager has; others go to the manager as they are.
#[derive(Deserialize)]
pub struct Args {
    #[serde(default, rename = "use")]
    manager: Option<String>,
    #[serde(flatten)]
    others: Map,
}

impl Module for Package {
    const NAME: &'static str = "package";
    type Args = Args;
    type Todo = apt::Todo;

    fn plan(args: &Args, host: &Probe) -> Result<Plan<apt::Todo>, Failure> {
        let manager = match args.manager.as_deref() {
            None | Some("auto") => facts::package_manager(),
            Some(name) => name.rsplit('.').next().unwrap_or(name).to_owned(),
        };
        match manager.as_str() {
            "apt" => {
                let parsed: apt::Args =
                    args::parse("apt", &Value::map(args.others.clone())).map_err(Failure::new)?;
                apt::plan(&parsed, host)
            }
            "unknown" => Err(Failure::new(
                "Could not detect which package manager to use. Try gathering facts or setting the \"use\" option.",
            )),
            // In Ansible's words, and as for Ansible where a collection is missing: there is no such module here.
            _ => Err(Failure::new(format!(
                "Could not find a matching action for the \"{}\" package manager.",
                args.manager.as_deref().filter(|name| *name != "auto").unwrap_or(&manager)
            ))),
        }
    }

    fn apply(todo: apt::Todo, host: &mut Target) -> Result<Applied, Failure> {
        apt::apply(todo, host)
    }
}
