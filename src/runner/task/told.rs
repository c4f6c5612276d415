//! What `ansible_failed_task` tells of a task.

use super::TaskRun;
use crate::playbook::Condition;
use crate::value::{Map, Value};

/// The keywords that are told as they come out, and what they are where nobody says anything.
fn keywords() -> [(&'static str, Value); 26] {
    let nothing = || Value::list(vec![]);
    [
        ("any_errors_fatal", false.into()),
        ("async", 0.into()),
        ("become", false.into()),
        ("become_exe", Value::Null),
        ("become_flags", Value::Null),
        ("become_method", "sudo".into()),
        ("become_user", Value::Null),
        ("check_mode", false.into()),
        ("collections", nothing()),
        ("connection", "ssh".into()),
        ("debugger", Value::Null),
        ("delay", Value::Float(5.0)),
        ("delegate_facts", Value::Null),
        ("delegate_to", Value::Null),
        ("diff", false.into()),
        ("ignore_errors", Value::Null),
        ("ignore_unreachable", Value::Null),
        ("no_log", false.into()),
        ("poll", 15.into()),
        ("port", Value::Null),
        ("remote_user", Value::Null),
        ("retries", Value::Null),
        ("run_once", Value::Null),
        ("tags", nothing()),
        ("throttle", 0.into()),
        ("timeout", 0.into()),
    ]
}

impl TaskRun<'_> {
    /// The task, its arguments and keywords rendered (what cannot be is as it was written). Arguments that `no_log` hides are left out.
    pub(in crate::runner) fn told(&self, name: String) -> Value {
        let task = self.task;
        let context = self.context(Map::new());
        let hidden = self.hides(&context).unwrap_or(true);
        let args = match context.render(&task.args) {
            _ if hidden => Value::map(Map::new()),
            Ok(args) => args,
            Err(_) => task.args.written(),
        };
        let texts = |conditions: &[Condition]| {
            Value::list(conditions.iter().map(|condition| condition.value.clone()).collect())
        };
        let optional = |conditions: &Option<Vec<Condition>>| texts(conditions.as_deref().unwrap_or_default());
        let vars = task.level.vars.iter().map(|(name, term)| {
            let value = context.render(term).unwrap_or_else(|_| term.written());
            (Value::str(name), if hidden { term.written() } else { value })
        });
        let mut told: Map = keywords()
            .into_iter()
            .map(|(name, default)| {
                let value = self.keyword(&context, name).ok().flatten().filter(|value| !value.is_null());
                (Value::str(name), value.unwrap_or(default))
            })
            .collect();
        let looping = task.looping.as_ref();
        told.extend([
            ("name".into(), name.into()),
            ("action".into(), Value::str(&task.action.written)),
            ("args".into(), args),
            ("vars".into(), Value::map(vars.collect())),
            ("when".into(), texts(&task.level.when)),
            ("changed_when".into(), optional(&task.changed_when)),
            ("failed_when".into(), optional(&task.failed_when)),
            ("until".into(), texts(&task.until)),
            ("register".into(), task.register.as_ref().map_or(Value::Null, |name| Value::str(&**name))),
            ("loop".into(), looping.and_then(|it| context.render(&it.items).ok()).unwrap_or_default()),
            (
                "loop_with".into(),
                looping.and_then(|it| it.lookup.as_ref()).map_or(Value::Null, |name| Value::str(&**name)),
            ),
        ]);
        Value::map(told)
    }
}
