//! `ping`: proves that Python can be used, if somebody said which.

use super::{Action, Call, Prepared, Scene};
use crate::source::settings::Name;
use crate::value::{Map, Value, py_str};

pub struct Ping;

impl Action for Ping {
    /// What it calls may be a job.
    fn ignores_async(&self) -> bool {
        true
    }

    fn prepare(&self, mut args: Map, scene: &Scene) -> Prepared {
        if scene.settings.surroundings().name == Name::Ansible
            && let Some(python) = named_python(scene)
        {
            args.insert("_python".into(), Value::from(python));
        }
        Prepared::Call(Call { may_be_job: true, ..Call::new("ping", args) })
    }
}

/// The interpreter that a variable or the configuration names. That of the control machine, which `localhost` has of its
/// own, is nobody's choice.
fn named_python(scene: &Scene) -> Option<String> {
    let variable = |name: &str| scene.context.variable(name).ok().flatten().map(|value| py_str(&value));
    let configured = || scene.settings.str("INTERPRETER_PYTHON").map(str::to_owned);
    let chosen = variable("ansible_python_interpreter").or_else(configured)?;
    let own = variable("ansible_playbook_python");
    Some(chosen).filter(|chosen| !chosen.starts_with("auto") && Some(chosen) != own.as_ref())
}
