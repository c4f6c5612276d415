//! `meta`: tasks that steer the run itself.

use super::event::Event;
use super::play::{PlayRun, Runner, Stop, Strategy};
use super::result::TaskResult;
use super::strategy::Walks;
use super::task::conditional_text;
use crate::diag::{Diagnostic, did_you_mean};
use crate::playbook::Task;
use crate::value::py_str;
use std::sync::Arc;

const KNOWN: &[&str] = &[
    "clear_facts",
    "clear_host_errors",
    "end_batch",
    "end_host",
    "end_play",
    "end_role",
    "flush_handlers",
    "noop",
    "refresh_inventory",
    "reset_connection",
    "role_complete",
];

/// These are decided once, for all hosts.
const ONCE: &[&str] = &["clear_facts", "clear_host_errors", "end_batch", "end_play", "refresh_inventory"];

/// These run whatever `when` says.
const UNCONDITIONAL: &[&str] = &["noop", "refresh_inventory", "reset_connection"];

/// What `-v` shows of one that its `when` kept from running.
fn skip_result(name: &str, host: &str, role: &str) -> TaskResult {
    let left_out = match name {
        "flush_handlers" => format!(", not running handlers for {host}"),
        "clear_facts" => format!(", not clearing facts and fact cache for {host}"),
        "clear_host_errors" => format!(", not clearing host error state for {host}"),
        "end_play" => ", continuing play".to_owned(),
        "end_batch" => ", continuing current batch".to_owned(),
        "end_host" => format!(", continuing execution for {host}"),
        "end_role" => format!("continuing role {role} for {host}"),
        _ => String::new(),
    };
    let msg = match name {
        "end_host" => format!("end_host conditional evaluated to false, continuing execution for {host}"),
        _ => name.to_owned(),
    };
    let result = TaskResult { skipped: true, ..TaskResult::default() };
    result.with("msg", msg).with("skip_reason", format!("{name} conditional evaluated to False{left_out}"))
}

/// What is to be done, as it was written: nothing of a meta task is rendered.
fn meta_name(task: &Task) -> String {
    task.args.written().get("_raw_params").map(py_str).unwrap_or_default().trim().to_owned()
}

impl Runner<'_> {
    /// Does what a meta task says for the hosts of `group`; true if the playbook stops here.
    pub(super) fn meta(
        &mut self,
        run: &Arc<PlayRun>,
        walks: &mut Walks,
        task: &Arc<Task>,
        group: &[usize],
    ) -> Result<bool, Stop> {
        let name = meta_name(task);
        if !KNOWN.contains(&name.as_str()) {
            self.show_heading(run, walks, task, group[0]);
            let mut problem =
                Diagnostic::error("unknown-meta", format!("invalid meta action requested: {name}"))
                    .at(&task.args_span);
            if let Some(near) = did_you_mean(&name, KNOWN.iter().copied()) {
                problem = problem.help(format!("did you mean `{near}`?"));
            }
            return Err(Stop::Broken(Box::new(problem)));
        }
        let conditional = !task.implicit && !UNCONDITIONAL.contains(&name.as_str());
        let in_vain =
            (!conditional && task.level.conditions().next().is_some() && !task.implicit).then(|| {
                let text = format!("{name} task does not support when conditional");
                Event::Problem(Diagnostic::warning("meta-when", text))
            });
        if ONCE.contains(&name.as_str()) {
            self.show_heading(run, walks, task, group[0]);
            in_vain.iter().for_each(|warning| self.emit(warning));
            let decides = !conditional || self.holds(run, walks, task, group[0])?;
            self.announce(run, walks, task, group[0], &name, decides);
            group.iter().for_each(|index| walks[*index].1.advance());
            if decides {
                self.meta_for_all(run, walks, &name)?;
            }
            return Ok(false);
        }
        for index in group.iter().copied() {
            self.show_heading(run, walks, task, index);
            in_vain.iter().for_each(|warning| self.emit(warning));
            let holds = !conditional || self.holds(run, walks, task, index)?;
            self.announce(run, walks, task, index, &name, holds);
            let (host, walk) = &mut walks[index];
            if !holds {
                walk.advance();
                continue;
            }
            match name.as_str() {
                "flush_handlers" => {
                    let host = host.clone();
                    let context = self.task_context(run, task, &host);
                    let handlers = run.handlers.read().map(|handlers| handlers.clone()).unwrap_or_default();
                    walks[index].1.flush(|name| super::handlers::find(&handlers, name, &context));
                    self.announce_handlers(run, walks, index);
                    if !task.implicit {
                        self.remark(format!("META: triggered running handlers for {host}"));
                    }
                }
                "end_host" => {
                    walk.end();
                    let host = host.clone();
                    self.gone(run, &host);
                }
                "end_role" => match &task.level.role {
                    Some(role) => walk.end_role(role.id),
                    None => {
                        return Err(Stop::Broken(Box::new(
                            Diagnostic::error(
                                "end-role-outside",
                                "Cannot execute 'end_role' from outside of a role",
                            )
                            .at(&task.args_span),
                        )));
                    }
                },
                "role_complete" => {
                    if let Some(role) = &task.level.role
                        && self.begun_roles.contains(&(host.to_string(), role.fingerprint.clone()))
                    {
                        self.completed_roles.insert((host.to_string(), role.fingerprint.clone()));
                    }
                    walk.advance();
                }
                "reset_connection" => {
                    walk.advance();
                    let host = host.clone();
                    let context = self.task_context(run, task, &host);
                    if let Ok(route) = super::connect::route(&self.shared, task, &context, &context, &host) {
                        self.shared.sessions.reset(&route.target);
                    }
                }
                _ => walk.advance(),
            }
        }
        Ok(false)
    }

    /// A line for who wants to know more.
    pub(super) fn remark(&mut self, text: String) {
        if self.shared.options.remarks >= 2 {
            self.emit(&Event::Remark { text, level: 2 });
        }
    }

    /// The handlers that are about to run on a host.
    fn announce_handlers(&mut self, run: &Arc<PlayRun>, walks: &Walks, index: usize) {
        if self.shared.options.remarks < 2 {
            return;
        }
        let (host, walk) = &walks[index];
        let host = host.clone();
        let handlers = run.handlers.read().map(|handlers| handlers.clone()).unwrap_or_default();
        for handler in walk.flushing().iter().filter_map(|index| handlers.get(*index)) {
            let context = self.task_context(run, handler, &host);
            let name = self.info(handler, &context).name;
            self.remark(format!("NOTIFIED HANDLER {name} for {host}"));
        }
    }

    /// Its heading stands there even if its condition breaks.
    fn show_heading(&mut self, run: &Arc<PlayRun>, walks: &Walks, task: &Arc<Task>, index: usize) {
        if !task.implicit && run.strategy == Strategy::Linear {
            let context = self.task_context(run, task, &walks[index].0);
            let info = Arc::new(self.info(task, &context));
            self.emit(&Event::Task(info));
        }
    }

    /// A meta task that somebody wrote is shown for each host it is done for, as Ansible does.
    fn announce(
        &mut self,
        run: &Arc<PlayRun>,
        walks: &Walks,
        task: &Arc<Task>,
        index: usize,
        name: &str,
        holds: bool,
    ) {
        if task.implicit {
            return;
        }
        let host = walks[index].0.clone();
        let context = self.task_context(run, task, &host);
        let info = Arc::new(self.info(task, &context));
        if !holds {
            let role = task.level.role.as_ref().map(|role| role.display_name()).unwrap_or_default();
            let no_log = self.truth(task, &context, "no_log");
            let result = TaskResult { no_log, ..skip_result(name, &host, &role) };
            let reason = result.data.get("skip_reason").map(py_str).unwrap_or_default();
            self.remark(format!("META: {reason}"));
            self.emit(&Event::Result { host, task: info, result: Arc::new(result) });
            return;
        }
        let done = match name {
            // It is told when its handlers are known.
            "flush_handlers" => return,
            // Nobody tells of it.
            "end_role" => return,
            "clear_facts" => "facts cleared".to_owned(),
            "clear_host_errors" => "cleared host errors".to_owned(),
            "end_batch" => "ending batch".to_owned(),
            "end_host" => format!("ending play for {host}"),
            "end_play" => "ending play".to_owned(),
            "refresh_inventory" => "inventory successfully refreshed".to_owned(),
            "reset_connection" => "reset connection".to_owned(),
            other => other.to_owned(),
        };
        self.remark(format!("META: {done}"));
    }

    fn holds(
        &mut self,
        run: &Arc<PlayRun>,
        walks: &Walks,
        task: &Arc<Task>,
        index: usize,
    ) -> Result<bool, Stop> {
        let context = self.task_context(run, task, &walks[index].0);
        for condition in task.level.conditions() {
            match context.condition(&condition.expr) {
                Ok(true) => {}
                Ok(false) => return Ok(false),
                // In a drift check it cannot be known; going on shows more than stopping.
                Err(error) if error.kind == crate::template::TemplateErrorKind::Unknown => return Ok(false),
                Err(error) => {
                    return Err(Stop::Broken(Box::new(
                        Diagnostic::error("condition", conditional_text(&error)).at(&condition.span),
                    )));
                }
            }
        }
        Ok(true)
    }

    fn meta_for_all(&mut self, run: &Arc<PlayRun>, walks: &mut Walks, name: &str) -> Result<(), Stop> {
        match name {
            "end_play" | "end_batch" => {
                self.play_ended |= name == "end_play";
                walks.iter_mut().for_each(|(_, walk)| walk.end());
            }
            "clear_facts" => {
                run.scope.hosts.names().iter().for_each(|host| self.shared.store.clear_facts(host))
            }
            "clear_host_errors" => {
                for (host, walk) in walks.iter_mut() {
                    walk.forgive();
                    self.failed.remove(host.as_ref());
                    self.unreachable.remove(host.as_ref());
                }
                let ended = walks.iter().filter(|(_, walk)| walk.ended).map(|(host, _)| host.clone());
                run.scope.hosts.forgive(ended);
            }
            "refresh_inventory" => {
                let sources = self.shared.magic.inventory_sources.clone();
                let given = crate::inventory::Given {
                    reader: self.shared.store.reader.clone(),
                    engine: self.shared.engine.clone(),
                    extra: self.shared.store.extra.clone(),
                };
                match crate::inventory::load_with(&sources, &self.shared.settings, &given) {
                    Ok((inventory, warnings)) => {
                        if let Ok(mut slot) = self.shared.store.inventory.write() {
                            *slot = inventory;
                        }
                        self.add_again();
                        warnings.into_iter().for_each(|warning| self.emit(&Event::Problem(warning)));
                        self.shared.store.refresh_all();
                    }
                    Err(mut problems) => {
                        let error = problems.pop();
                        problems.into_iter().for_each(|problem| self.emit(&Event::Problem(problem)));
                        if let Some(error) = error {
                            return Err(Stop::Broken(Box::new(error)));
                        }
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }
}
