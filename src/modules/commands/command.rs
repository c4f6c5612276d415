//! `command` and `shell`: run a program, or a line of shell, once or until a file says that it is done.

use crate::modules::kit::{
    Applied, Command, Failure, Module, Plan, Probe, Target, clock, error_at_bytes,
    glob::{self, is_pattern},
    words,
};
use crate::value::{Map, Value};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// `command`: no shell is involved.
pub struct RunCommand;

/// `shell`: `/bin/sh -c`, or what `ansible_shell_executable` says.
pub struct RunShell;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Args {
    /// The free form: what stands after `command:`.
    #[serde(default)]
    _raw_params: Option<String>,
    #[serde(default)]
    _uses_shell: bool,
    /// The shell where the task names none (`ansible_shell_executable`).
    _shell: Option<String>,
    /// The command as a list of words.
    argv: Option<Vec<String>>,
    /// Change into this directory first.
    chdir: Option<String>,
    /// The command as one text.
    cmd: Option<String>,
    /// A file or glob pattern; if it exists, the command is not run.
    creates: Option<String>,
    /// The shell to use (`shell` only).
    executable: Option<String>,
    /// Replace `$VARIABLES` and `~` in arguments (`command` only).
    #[serde(default = "yes")]
    expand_argument_vars: bool,
    /// A file or glob pattern; if it does not exist, the command is not run.
    removes: Option<String>,
    /// What the command reads.
    stdin: Option<String>,
    #[serde(default = "yes")]
    stdin_add_newline: bool,
    /// Cut line ends off the end of the output.
    #[serde(default = "yes")]
    strip_empty_ends: bool,
}

fn yes() -> bool {
    true
}

/// A command, ready to run.
pub struct Todo {
    command: Command,
    /// As the result shows it: a text for a shell, a list otherwise.
    shown: Value,
    strip: bool,
    warning: Option<String>,
}

impl Module for RunCommand {
    const NAME: &'static str = "command";
    type Args = Args;
    type Todo = Todo;

    fn plan(args: &Args, host: &Probe) -> Result<Plan<Todo>, Failure> {
        plan(args, args._uses_shell, host)
    }

    fn apply(todo: Todo, host: &mut Target) -> Result<Applied, Failure> {
        apply(todo, host)
    }
}

impl Module for RunShell {
    const NAME: &'static str = "shell";
    type Args = Args;
    type Todo = Todo;

    fn plan(args: &Args, host: &Probe) -> Result<Plan<Todo>, Failure> {
        plan(args, true, host)
    }

    fn apply(todo: Todo, host: &mut Target) -> Result<Applied, Failure> {
        apply(todo, host)
    }
}

fn plan(args: &Args, shell: bool, host: &Probe) -> Result<Plan<Todo>, Failure> {
    let mut todo = todo(args, shell, host)?;
    let directory = match args.chdir.as_deref().filter(|path| !path.is_empty()) {
        Some(path) => {
            let path = host.path(path);
            enter(path.as_ref()).map_err(|error| {
                let mut failure = Failure::new("Unable to change directory before execution.")
                    .because(error_at_bytes(&error, &path));
                failure.result = outcome(&todo.shown, "");
                failure.with("rc", Value::Null)
            })?;
            todo.command.directory = Some(path.clone().into());
            PathBuf::from(path)
        }
        None => PathBuf::from("."),
    };
    let creates = args.creates.as_deref().map(|path| host.path(path)).filter(|path| !path.is_empty());
    let removes = args.removes.as_deref().map(|path| host.path(path)).filter(|path| !path.is_empty());
    let not_run = |what: String, tense: &str| {
        let mut result = outcome(&todo.shown, "");
        result
            .insert("msg".into(), format!("{tense} run command since {}", what.replacen('|', "'", 2)).into());
        result.insert("stdout".into(), format!("skipped, since {}", what.replace('|', "")).into());
        Plan::Unchanged { result }
    };
    let tense = host.wording("Did not", "Would not");
    if let Some(path) = &creates
        && exists(path, &directory)
    {
        return Ok(not_run(format!("|{path}| exists"), tense));
    }
    if let Some(path) = &removes
        && !exists(path, &directory)
    {
        return Ok(not_run(format!("|{path}| does not exist"), tense));
    }
    let mut result = outcome(&todo.shown, "Command would have run if not in check mode");
    if creates.is_some() || removes.is_some() {
        return Ok(Plan::Change { todo, diff: Vec::new(), result });
    }
    result.insert("skipped".into(), true.into());
    let why = "only running the command tells whether it changes anything".to_owned();
    Ok(Plan::Unknown { todo, why, result })
}

/// The members that every result of this family has, before anything was run.
fn outcome(shown: &Value, msg: &str) -> Map {
    let result = Value::object([
        ("cmd", shown.clone()),
        ("delta", Value::Null),
        ("end", Value::Null),
        ("msg", msg.into()),
        ("rc", Value::Int(0)),
        ("start", Value::Null),
        ("stderr", "".into()),
        ("stdout", "".into()),
    ]);
    result.as_map().cloned().unwrap_or_default()
}

/// Whether we can change into that directory.
fn enter(path: &Path) -> std::io::Result<()> {
    use rustix::fs::{Access, access};
    if !path.metadata()?.is_dir() {
        return Err(rustix::io::Errno::NOTDIR.into());
    }
    Ok(access(path, Access::EXEC_OK)?)
}

fn exists(path: &str, directory: &Path) -> bool {
    if is_pattern(path) {
        return !glob::glob(path, directory).is_empty();
    }
    directory.join(path).symlink_metadata().is_ok()
}

fn todo(args: &Args, shell: bool, host: &Probe) -> Result<Todo, Failure> {
    let raw = args._raw_params.as_deref().filter(|text| !text.is_empty());
    match [raw.is_some(), args.cmd.is_some(), args.argv.is_some()].iter().filter(|given| **given).count() {
        0 => return Err(Failure::new("one of the following is required: _raw_params, cmd, argv")),
        1 => (),
        _ => return Err(Failure::new("parameters are mutually exclusive: _raw_params|cmd|argv")),
    }
    let mut warning = None;
    let executable = args.executable.as_deref().filter(|path| !path.is_empty()).map(|path| host.path(path));
    let text = raw.or(args.cmd.as_deref());
    let (words, shown): (Vec<String>, Value) = match text {
        Some(line) if shell => {
            let own = args._shell.as_deref().filter(|path| !path.is_empty()).unwrap_or("/bin/sh");
            let sh = executable.unwrap_or_else(|| own.to_owned());
            (vec![sh, "-c".into(), line.to_owned()], line.into())
        }
        _ => {
            if let Some(path) = executable {
                warning = Some(format!(
                    "As of Ansible 2.4, the parameter 'executable' is no longer supported with the 'command' \
                     module. Not using '{path}'."
                ));
            }
            let words = match text {
                Some(line) => words::split(line).map_err(Failure::new)?,
                None => args.argv.clone().unwrap_or_default(),
            };
            let shown = Value::from(words.clone());
            let expand = |word: String| if args.expand_argument_vars { host.path(&word) } else { word };
            (words.into_iter().map(expand).collect(), shown)
        }
    };
    if words.first().is_none_or(String::is_empty) {
        return Err(Failure::new("no command given").with("rc", Value::Int(256)));
    }
    let mut command = Command { only_path: true, ..Command::new(words) };
    command.stdin = args.stdin.as_ref().map(|text| {
        let newline = if args.stdin_add_newline { "\n" } else { "" };
        format!("{text}{newline}").into_bytes()
    });
    Ok(Todo { command, shown, strip: args.strip_empty_ends, warning })
}

fn apply(todo: Todo, host: &mut Target) -> Result<Applied, Failure> {
    if let Some(warning) = todo.warning {
        host.warn(warning);
    }
    let start = clock::now(&host.probe());
    let started = Instant::now();
    let output = host.run(&todo.command).map_err(|failure| {
        let words = todo.command.argv.iter().map(|word| word.to_string_lossy());
        let program = todo.command.argv.first().map(|program| program.to_string_lossy());
        let errno =
            failure.result.get("errno").and_then(Value::as_i64).and_then(|errno| errno.try_into().ok());
        let errno = errno.unwrap_or_else(|| rustix::io::Errno::NOENT.raw_os_error());
        let error = std::io::Error::from_raw_os_error(errno);
        Failure::new("Error executing command.")
            .because(error_at_bytes(&error, &program.unwrap_or_default()))
            .with("cmd", words::join(words))
            .with("rc", i64::from(errno))
            .with("stdout", "")
            .with("stderr", "")
    })?;
    let delta = started.elapsed();
    let end = start.saturating_add(delta);
    let strip = |text: String| {
        if todo.strip { text.trim_end_matches(['\r', '\n']).to_owned() } else { text }
    };
    let msg = if output.success() { "" } else { "non-zero return code" };
    let result = Value::object([
        ("changed", Value::Bool(true)),
        ("stdout", strip(output.stdout()).into()),
        ("stderr", strip(output.stderr()).into()),
        ("rc", output.rc.into()),
        ("cmd", todo.shown),
        ("start", clock::python(&start).into()),
        ("end", clock::python(&end).into()),
        ("delta", clock::python_delta(delta).into()),
        ("msg", msg.into()),
    ]);
    if output.success() {
        return Ok(Applied::new(result));
    }
    Err(Failure { msg: msg.into(), result: result.as_map().cloned().unwrap_or_default(), cause: None })
}
