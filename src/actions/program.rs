//! Modules that are programs of the project, in any language: a file of a `library` folder or of a collection.

use super::{Action, Call, Prepared, Scene};
use crate::modules::commands::program::Style;
use crate::runner::TaskResult;
use crate::value::{Map, Value, py_str};

pub struct Program;

impl Action for Program {
    /// What it calls may be a job.
    fn ignores_async(&self) -> bool {
        true
    }

    fn prepare(&self, args: Map, scene: &Scene) -> Prepared {
        let action = &scene.task.action;
        let Some((path, program)) =
            action.foreign.as_ref().and_then(|foreign| Some((&foreign.path, foreign.program.as_ref()?)))
        else {
            return Prepared::failed(format!("the module {} is no program", action.written));
        };
        let interpreter = match &program.interpreter {
            Some(line) => Value::from(interpreter(line, scene)),
            None if program.style == Style::Binary => Value::Null,
            None => {
                let name = &action.short;
                let text = format!("Task failed: module ({name}) is missing interpreter line");
                return Prepared::Done(TaskResult::stopped(text));
            }
        };
        let mut call = Call::new("program", Map::new());
        call.may_be_job = true;
        // It decides itself, and is told what is wanted.
        call.check = (scene.check && program.knows_checks).then_some(false);
        let digest = match scene.files(&Map::new()).add(path, &mut call.blobs) {
            Ok((digest, _)) => digest,
            Err(message) => return Prepared::failed(message),
        };
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        let members = [
            ("digest", Value::from(digest)),
            ("name", Value::from(name.unwrap_or_default())),
            ("module", Value::str(&action.short)),
            ("style", program.style.word().into()),
            ("interpreter", interpreter),
            ("arguments", Value::map(told(args, scene))),
        ];
        call.args = members.into_iter().map(|(key, value)| (Value::str(key), value)).collect();
        Prepared::Call(call)
    }
}

/// The program that runs the file: its first line's, unless a variable (`ansible_perl_interpreter`) names another.
fn interpreter(line: &str, scene: &Scene) -> String {
    let mut words = line.split_whitespace();
    let first = words.next().and_then(|program| program.rsplit('/').next()).unwrap_or_default();
    // `#!/usr/bin/env perl`
    let named = if first == "env" { words.next().unwrap_or(first) } else { first };
    // `python3.11` is `python`.
    let kind = if named.starts_with("python") { "python" } else { named };
    let variable = scene.context.variable(&format!("ansible_{kind}_interpreter")).ok().flatten();
    let chosen = variable.map(|value| py_str(&value)).filter(|text| !text.starts_with("auto"));
    chosen.unwrap_or_else(|| line.to_owned())
}

/// The arguments, and what Ansible tells a module of the run.
fn told(mut args: Map, scene: &Scene) -> Map {
    let settings = scene.settings;
    let special: Vec<Value> = settings.list("DEFAULT_SELINUX_SPECIAL_FS").iter().map(Value::str).collect();
    let shell = scene.context.variable("ansible_shell_executable").ok().flatten();
    let more = [
        ("check_mode", scene.check.into()),
        ("no_log", scene.no_log.into()),
        ("debug", settings.bool("DEFAULT_DEBUG").into()),
        ("diff", scene.diff.into()),
        ("verbosity", Value::from(i64::from(scene.verbosity))),
        ("version", crate::vars::ANSIBLE_VERSION.into()),
        ("module_name", Value::str(&scene.task.action.written)),
        ("syslog_facility", settings.str("DEFAULT_SYSLOG_FACILITY").unwrap_or("LOG_USER").into()),
        ("selinux_special_fs", Value::list(special)),
        ("socket", Value::Null),
        ("shell_executable", shell.unwrap_or_else(|| "/bin/sh".into())),
        ("keep_remote_files", false.into()),
        // The host knows better.
        ("tmpdir", Value::Null),
        ("remote_tmp", settings.str("sh.remote_tmp").unwrap_or("~/.ansible/tmp").into()),
        ("ignore_unknown_opts", false.into()),
        ("target_log_info", Value::Null),
        ("tracebacks_for", Value::list(vec![])),
    ];
    args.extend(more.into_iter().map(|(name, value)| (Value::from(format!("_ansible_{name}")), value)));
    args
}
