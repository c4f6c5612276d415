//! `package`: packages under whatever manages them here.

use super::{apt, dnf, pacman};
use crate::facts;
use crate::modules::kit::{Applied, Failure, Module, Plan, Probe, Target, args, front};
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

/// Why a task fails under that manager, if it has no module: in Ansible's words, as where a collection is missing.
pub fn refusal(manager: &str) -> Option<String> {
    (!front::behind(Package::NAME).contains(&short(manager))).then(|| unknown(manager))
}

fn unknown(manager: &str) -> String {
    format!("Could not find a matching action for the \"{manager}\" package manager.")
}

/// The name without the collection.
fn short(manager: &str) -> &str {
    let collections = ["ansible.builtin.", "ansible.legacy.", "community.general."];
    collections.iter().find_map(|collection| manager.strip_prefix(collection)).unwrap_or(manager)
}

/// What the manager's module wants to do.
type Todo = Box<dyn FnOnce(&mut Target) -> Result<Applied, Failure>>;

impl Module for Package {
    const NAME: &'static str = "package";
    type Args = Args;
    type Todo = Todo;

    fn plan(args: &Args, host: &Probe) -> Result<Plan<Todo>, Failure> {
        let manager = match args.manager.as_deref() {
            None | Some("auto") => facts::package_manager(),
            Some(name) => name.to_owned(),
        };
        let args = Value::map(front::arguments(&args.others, short(&manager)));
        match short(&manager) {
            "apt" => plan::<apt::Apt>(&args, host),
            "dnf" => plan::<dnf::DnfModule>(&args, host),
            "dnf5" => plan::<dnf::Dnf5Module>(&args, host),
            "pacman" => plan::<pacman::Pacman>(&args, host),
            _ => Err(Failure::new(unknown(&manager))),
        }
    }

    fn apply(todo: Todo, host: &mut Target) -> Result<Applied, Failure> {
        todo(host)
    }
}

fn plan<M: Module>(args: &Value, host: &Probe) -> Result<Plan<Todo>, Failure>
where
    M::Todo: 'static,
{
    let args: M::Args = args::parse(&format!("ansible.legacy.{}", M::NAME), args).map_err(Failure::new)?;
    Ok(M::plan(&args, host)?.map(|todo| Box::new(move |host: &mut Target| M::apply(todo, host)) as Todo))
}
