//! Modules that are programs of the project, in any language: a file of a `library` folder or of a collection.

use super::{Action, Call, Prepared, Scene};
use crate::modules::commands::program::Style;
use crate::runner::TaskResult;
use crate::value::{Map, Value, py_str};

pub struct Program;

/// What a program must mention to be trusted with a check.
const CHECK_MODE: &[u8] = b"_ansible_check_mode";

impl Action for Program {
    /// What it calls may be a job.
    fn ignores_async(&self) -> bool {
        true
    }

    fn prepare(&self, args: Map, scene: &Scene) -> Prepared {
        let action = &scene.task.action;
        let Some(foreign) = &action.foreign else {
            return Prepared::failed(format!("the module {} has no file", action.written));
        };
        let bytes = match std::fs::read(&foreign.path) {
            Ok(bytes) => bytes,
            Err(error) => {
                return Prepared::failed(format!("cannot read {}: {error}", foreign.path.display()));
            }
        };
        let (style, interpreter) = match Style::of(&bytes) {
            Style::Binary => (Style::Binary, Value::Null),
            style => match interpreter(&bytes, scene) {
                Some(interpreter) => (style, interpreter),
                None => {
                    let name = &action.short;
                    return Prepared::Done(TaskResult::stopped(format!(
                        "Task failed: module ({name}) is missing interpreter line"
                    )));
                }
            },
        };
        let knows_checks = contains(&bytes, CHECK_MODE);
        let mut call = Call::new("program", Map::new());
        call.may_be_job = true;
        // It decides itself, and is told what is wanted.
        call.check = (scene.check && knows_checks).then_some(false);
        let told = told(args, scene);
        let name = foreign.path.file_name().map(|name| name.to_string_lossy().into_owned());
        let members = [
            ("digest", Value::from(call.blobs.add_bytes(bytes))),
            ("name", Value::from(name.unwrap_or_default())),
            ("module", Value::str(&action.short)),
            ("style", style.word().into()),
            ("interpreter", interpreter),
            ("arguments", Value::map(told)),
        ];
        call.args = members.into_iter().map(|(key, value)| (Value::str(key), value)).collect();
        Prepared::Call(call)
    }
}

/// The program that runs the file: its first line's, unless a variable (`ansible_perl_interpreter`) names another.
/// `None` without a first line that names one.
fn interpreter(bytes: &[u8], scene: &Scene) -> Option<Value> {
    let line = bytes.split(|byte| *byte == b'\n').next()?.strip_prefix(b"#!")?;
    let line = String::from_utf8_lossy(line);
    let program = line.split_whitespace().next()?;
    let named = match program.rsplit('/').next()? {
        // `#!/usr/bin/env perl`
        "env" => line.split_whitespace().nth(1)?,
        name => name,
    };
    // `python3.11` is `python`.
    let kind = if named.starts_with("python") { "python" } else { named };
    let variable = scene.context.variable(&format!("ansible_{kind}_interpreter")).ok().flatten();
    let chosen = variable.map(|value| py_str(&value)).filter(|text| !text.starts_with("auto"));
    Some(Value::str(chosen.as_deref().unwrap_or(line.trim())))
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

fn contains(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window == word)
}
