//! `package`: which manager it is to be, as far as arguments and variables say so; the host knows otherwise.

use super::contract::text;
use super::{Action, Call, Prepared, Scene};
use crate::modules::packages::package;
use crate::value::{Map, Value, py_str};

pub struct Package;

impl Action for Package {
    /// What it calls may be a job.
    fn ignores_async(&self) -> bool {
        true
    }

    fn prepare(&self, mut args: Map, scene: &Scene) -> Prepared {
        let said = |manager: &String| manager != "auto";
        let variable = |name: &str| scene.context.variable(name).ok().flatten();
        // Facts are those of this host, not of one that the task is delegated to.
        let fact = || match scene.task.attr("delegate_to") {
            None => variable("ansible_facts")?.get("pkg_mgr").map(py_str),
            Some(_) => None,
        };
        let manager = text(&args, "use")
            .filter(said)
            .or_else(|| variable("ansible_package_use").map(|value| py_str(&value)).filter(said))
            .or_else(|| fact().filter(said));
        if let Some(manager) = manager {
            if let Some(refusal) = package::refusal(&manager) {
                return Prepared::refused(refusal);
            }
            args.insert("use".into(), Value::from(manager));
        }
        Prepared::Call(Call { may_be_job: true, ..Call::new("package", args) })
    }
}
