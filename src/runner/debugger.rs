//! The task debugger (`debugger`, strategy `debug`): looks at a task that is done, changes it and runs it again.

use super::event::{Event, TaskInfo};
use super::play::{PlayRun, Runner};
use super::prompts;
use super::result::TaskResult;
use super::round::{Job, Reply};
use crate::diag::Span;
use crate::playbook::{Level, LevelKind, Task};
use crate::source::{Node, NodeKind};
use crate::template::{Context, TemplateError};
use crate::value::{Map, Redactor, Value, py_repr, py_str};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc;

const HELP: &str = "
Documented commands (type help <topic>):
========================================
EOF  c  continue  h  help  p  pprint  q  quit  r  redo  u  update_task
";

/// What the user wants next.
enum Next {
    Redo,
    Continue,
    Quit,
}

/// What the user has changed.
#[derive(Default)]
struct Changes {
    /// Arguments by name; `None` takes one away.
    args: Vec<(String, Option<Value>)>,
    vars: Map,
    /// The variables that count: those at the last `update_task`.
    applied: Map,
}

/// A command line, taken apart.
enum Command {
    Print(String),
    SetArgument(String, String),
    DropArgument(String),
    SetVariable(String, String),
    Update,
    Help,
    Nothing,
    Go(Next),
    Unknown(String),
}

impl Runner<'_> {
    /// Whether the debugger is wanted for a result.
    fn wants_debugger(&self, run: &PlayRun, task: &Task, context: &Context, result: &TaskResult) -> bool {
        let settings = &self.shared.settings;
        let failed = result.failed && !(result.ignored && settings.bool("TASK_DEBUGGER_IGNORE_ERRORS"));
        let everywhere = run.debugs || settings.bool("ENABLE_TASK_DEBUGGER");
        let said = task.attr("debugger").and_then(|attr| context.render(&attr.term).ok());
        match said.as_ref().and_then(Value::as_str) {
            Some("never") => false,
            _ if everywhere && (failed || result.unreachable) => true,
            Some("always") => true,
            Some("on_failed") => failed,
            Some("on_unreachable") => result.unreachable,
            Some("on_skipped") => result.skipped,
            _ => false,
        }
    }

    /// Talks about a result, if that is wanted; the result that counts in the end.
    pub(super) fn debugged(
        &mut self,
        run: &Arc<PlayRun>,
        task: &Arc<Task>,
        info: &Arc<TaskInfo>,
        host: &Arc<str>,
        mut result: TaskResult,
    ) -> TaskResult {
        let everywhere = run.debugs || self.shared.settings.bool("ENABLE_TASK_DEBUGGER");
        if !everywhere && task.attr("debugger").is_none() {
            return result;
        }
        let info = &info.named_by(task, &result);
        let mut changes = Changes::default();
        loop {
            let current = Arc::new(changes.apply(self, task));
            let context = self.task_context(run, &current, host);
            if !self.wants_debugger(run, task, &context, &result) {
                return result;
            }
            self.emit(&Event::Terminal { wanted: true });
            let next = self.converse(run, &current, info, host, &result, &mut changes);
            self.emit(&Event::Terminal { wanted: false });
            match next {
                Next::Continue => return result,
                Next::Quit => {
                    prompts::say("User interrupted execution\n");
                    self.shared.interrupted.store(true, Ordering::Relaxed);
                    self.quit = true;
                    return result;
                }
                Next::Redo => {
                    let again = Arc::new(changes.apply(self, task));
                    result = self.again(run, &again, info, host);
                }
            }
        }
    }

    /// Runs the task on one host once more and shows what comes of it.
    fn again(
        &mut self,
        run: &Arc<PlayRun>,
        task: &Arc<Task>,
        info: &Arc<TaskInfo>,
        host: &Arc<str>,
    ) -> TaskResult {
        let (sender, receiver) = mpsc::channel();
        let job =
            Job { run: run.clone(), task: task.clone(), info: info.clone(), host: host.clone(), index: 0 };
        job.run(&self.shared, &sender);
        drop(sender);
        let mut result = TaskResult::failure("the task gave no result");
        for reply in receiver {
            match reply {
                Reply::Event(_, event) => self.emit(&event),
                Reply::Done(_, done) => result = *done,
            }
        }
        let shown = Arc::new(result.clone());
        self.emit_result(host.clone(), info.clone(), shown);
        result
    }

    fn converse(
        &self,
        run: &Arc<PlayRun>,
        task: &Arc<Task>,
        info: &TaskInfo,
        host: &Arc<str>,
        result: &TaskResult,
        changes: &mut Changes,
    ) -> Next {
        let context = self.task_context(run, task, host);
        let kind = if info.handler { "HANDLER" } else { "TASK" };
        let prompt = format!("[{host}] {kind}: {} (debug)> ", info.name);
        while let Some(line) = prompts::read_line(&prompt, true) {
            let view = |changes: &Changes| self.view(task, info, host, &context, result, changes);
            let evaluate = |text: &str, changes: &Changes| {
                let place = Span::synthetic("<debugger>", text);
                let node = Node::new(NodeKind::Str(text.into()), place);
                let expr = self.shared.engine.compile_expr(&node).map_err(|problem| problem.summary)?;
                self.job(run, task, host)
                    .context(&self.shared, view(changes))
                    .eval(&expr)
                    .map_err(TemplateError::into_message)
            };
            let said = match command(&line) {
                Command::Go(next) => return next,
                Command::Nothing => Ok(None),
                Command::Help => Ok(Some(HELP.to_owned())),
                Command::Update => {
                    changes.applied = changes.vars.clone();
                    changes.args.clear();
                    Ok(None)
                }
                Command::Print(text) if text == "task" => Ok(Some(format!("TASK: {}", info.name))),
                Command::Print(text) if text == "host" => Ok(Some(host.to_string())),
                Command::Print(text) => evaluate(&text, changes).map(|value| Some(pretty(&value))),
                Command::SetArgument(name, text) => evaluate(&text, changes).map(|value| {
                    changes.set_argument(name, Some(value));
                    None
                }),
                Command::DropArgument(name) => {
                    changes.set_argument(name, None);
                    Ok(None)
                }
                Command::SetVariable(name, text) => evaluate(&text, changes).map(|value| {
                    changes.vars.insert(name.into(), value);
                    None
                }),
                Command::Unknown(text) => Err(format!("there is no command `{text}` (`help` lists them)")),
            };
            match said {
                Ok(None) => {}
                Ok(Some(text)) => prompts::say(&format!("{}\n", Redactor::global().redact(&text))),
                Err(message) => prompts::say(&format!("***{message}\n")),
            }
        }
        Next::Quit
    }

    /// What expressions see: `task`, `task_vars`, `host`, `result`.
    fn view(
        &self,
        task: &Task,
        info: &TaskInfo,
        host: &str,
        context: &Context,
        result: &TaskResult,
        changes: &Changes,
    ) -> Map {
        let mut args = Map::new();
        for (key, node) in task.args_node.as_map().unwrap_or_default() {
            let term = self.shared.engine.compile(node);
            args.insert(key.to_value(), context.render(&term).unwrap_or_else(|_| node.to_value()));
        }
        for (name, value) in &changes.args {
            match value {
                Some(value) => drop(args.insert(Value::str(name), value.clone())),
                None => drop(args.shift_remove(name.as_str())),
            }
        }
        let mut vars = Map::new();
        for name in context.names() {
            // The host's variables as far as they can be had.
            if let Ok(Some(value)) = context.variable(&name) {
                vars.insert(Value::str(&*name), value);
            }
        }
        vars.extend(changes.vars.clone());
        let task = Value::object([
            ("name", Value::str(&info.own_name)),
            ("action", Value::str(&task.action.written)),
            ("args", Value::map(args)),
        ]);
        let shown = if result.no_log {
            Value::object([("censored", Value::Bool(true))])
        } else {
            result.registered()
        };
        let pairs =
            [("task", task), ("task_vars", Value::map(vars)), ("host", host.into()), ("result", shown)];
        pairs.into_iter().map(|(name, value)| (Value::str(name), value)).collect()
    }
}

impl Changes {
    fn set_argument(&mut self, name: String, value: Option<Value>) {
        self.args.retain(|(known, _)| *known != name);
        self.args.push((name, value));
    }

    /// The task with what was changed. What was typed may be a template: its author sits at the keyboard.
    fn apply(&self, runner: &Runner, task: &Task) -> Task {
        let mut changed = task.clone();
        let place = &task.args_span;
        if !self.args.is_empty() {
            let mut entries = task.args_node.as_map().unwrap_or_default().to_vec();
            for (name, value) in &self.args {
                entries.retain(|(key, _)| key.as_str() != Some(name));
                if let Some(value) = value {
                    let key = Node::new(NodeKind::Str(name.as_str().into()), place.clone());
                    entries.push((key, Node::from_value(value, place)));
                }
            }
            let node = Node::new(NodeKind::Map(entries), place.clone());
            changed.args = runner.shared.engine.compile(&node);
            changed.args_node = Arc::new(node);
        }
        if !self.applied.is_empty() {
            let mut level = Level::empty(LevelKind::Task, Some(task.level.clone()));
            for (name, value) in &self.applied {
                let node = Node::from_value(value, place);
                level.vars.insert(py_str(name), runner.shared.engine.compile(&node), None);
            }
            changed.level = Arc::new(level);
        }
        changed
    }
}

fn command(line: &str) -> Command {
    let line = line.trim();
    let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    match word {
        "" => return Command::Nothing,
        "c" | "continue" => return Command::Go(Next::Continue),
        "r" | "redo" => return Command::Go(Next::Redo),
        "q" | "quit" | "EOF" => return Command::Go(Next::Quit),
        "u" | "update_task" => return Command::Update,
        "h" | "help" | "?" => return Command::Help,
        "p" | "pprint" => return Command::Print(rest.trim().to_owned()),
        _ => {}
    }
    if word == "del"
        && let Some((name, "")) = key_of(rest.trim(), "task.args")
    {
        return Command::DropArgument(name);
    }
    let assigned = |rest: &str| rest.trim_start().strip_prefix('=').map(|text| text.trim().to_owned());
    if let Some((name, rest)) = key_of(line, "task.args")
        && let Some(text) = assigned(rest)
    {
        return Command::SetArgument(name, text);
    }
    if let Some((name, rest)) = key_of(line, "task_vars")
        && let Some(text) = assigned(rest)
    {
        return Command::SetVariable(name, text);
    }
    Command::Unknown(word.to_owned())
}

/// `NAME["key"]` and what follows it.
fn key_of<'t>(text: &'t str, name: &str) -> Option<(String, &'t str)> {
    let inner = text.strip_prefix(name)?.trim_start().strip_prefix('[')?.trim_start();
    let quote = inner.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let (key, rest) = inner[1..].split_once(quote)?;
    Some((key.to_owned(), rest.trim_start().strip_prefix(']')?))
}

/// Python's text of a value, the entries of a long mapping below one another.
fn pretty(value: &Value) -> String {
    let line = py_repr(value);
    match value.as_map() {
        Some(map) if line.len() > 80 => {
            let mut entries: Vec<String> =
                map.iter().map(|(key, value)| format!("{}: {}", py_repr(key), py_repr(value))).collect();
            entries.sort();
            format!("{{{}}}", entries.join(",\n "))
        }
        _ => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_lines_are_understood() {
        let shown = |line: &str| match command(line) {
            Command::Print(text) => format!("print {text}"),
            Command::SetArgument(name, text) => format!("argument {name} is {text}"),
            Command::DropArgument(name) => format!("no argument {name}"),
            Command::SetVariable(name, text) => format!("variable {name} is {text}"),
            Command::Update => "update".into(),
            Command::Help => "help".into(),
            Command::Nothing => "nothing".into(),
            Command::Go(Next::Redo) => "redo".into(),
            Command::Go(Next::Continue) => "continue".into(),
            Command::Go(Next::Quit) => "quit".into(),
            Command::Unknown(word) => format!("unknown {word}"),
        };
        for (line, wanted) in [
            ("p task.args['x']", "print task.args['x']"),
            ("task.args['msg'] = 'a = b'", "argument msg is 'a = b'"),
            ("task.args[\"that\"]=[]", "argument that is []"),
            ("del task.args['x']", "no argument x"),
            ("task_vars['a b'] = 1", "variable a b is 1"),
            ("  ", "nothing"),
            ("u", "update"),
            ("redo", "redo"),
            ("c", "continue"),
            ("EOF", "quit"),
            ("import os", "unknown import"),
        ] {
            assert_eq!(shown(line), wanted, "{line}");
        }
    }
}
