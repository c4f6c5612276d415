//! Who does what next: `linear` keeps all hosts in step, `free` lets each go its own way.

use super::event::{Event, TaskInfo};
use super::play::{PlayRun, Runner, Stop, Strategy};
use super::result::TaskResult;
use super::round::{Job, Reply};
use super::tags::tags_of;
use super::task::action_of;
use super::walk::{Cursor, Place, Walk};
use crate::diag::Diagnostic;
use crate::playbook::{ActionKind, Block, Task, number};
use crate::template::{Context, Term};
use crate::value::{Map, Value, py_str};
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

/// Actions that run once for all hosts of a step, by their nature.
const BYPASS_HOST_LOOP: &[&str] = &["add_host", "pause"];

/// Hosts with their ways through the play.
pub(super) type Walks = Vec<(Arc<str>, Walk)>;

impl Runner<'_> {
    /// Runs one batch to its end; true if the playbook stops here.
    pub(super) fn run_batch(
        &mut self,
        run: &Arc<PlayRun>,
        sections: &Block,
        mut walks: Walks,
    ) -> Result<bool, Stop> {
        let broke = match run.strategy {
            Strategy::Linear => self.linear(run, sections, &mut walks)?,
            Strategy::Free | Strategy::HostPinned => self.free(run, &mut walks)?,
        };
        for (host, _) in walks.iter().filter(|(_, walk)| walk.failed()) {
            self.failed.insert(host.to_string());
            self.verdict.failed = true;
        }
        Ok(broke)
    }

    fn linear(&mut self, run: &Arc<PlayRun>, sections: &Block, walks: &mut Walks) -> Result<bool, Stop> {
        let mut cursor = Cursor::new(sections);
        loop {
            if self.shared.stopping() {
                return Ok(true);
            }
            let handlers = run.handlers.read().map(|handlers| handlers.clone()).unwrap_or_default();
            let quiet = !walks.iter().any(|(_, walk)| walk.is_flushing());
            let mut hosts: Vec<usize> = Vec::with_capacity(walks.len());
            let mut next: Vec<(Arc<Task>, Place)> = Vec::with_capacity(walks.len());
            for (index, (_, walk)) in walks.iter_mut().enumerate() {
                if let Some(peeked) = walk.peek(&handlers, quiet) {
                    hosts.push(index);
                    next.push(peeked);
                }
            }
            let Some(task) = cursor.step(&next) else { return Ok(false) };
            let here = next.iter().map(|(of, _)| Arc::ptr_eq(of, &task));
            let group: Vec<usize> =
                hosts.into_iter().zip(here).filter(|(_, here)| *here).map(|(index, _)| index).collect();
            if self.step(run, walks, &task, &group)? {
                return Ok(true);
            }
        }
    }

    /// One task on the hosts of `group`; true if the playbook stops here.
    fn step(
        &mut self,
        run: &Arc<PlayRun>,
        walks: &mut Walks,
        task: &Arc<Task>,
        group: &[usize],
    ) -> Result<bool, Stop> {
        group.iter().for_each(|index| walks[*index].1.step());
        let (skip, group): (Vec<usize>, Vec<usize>) =
            group.iter().copied().partition(|index| self.role_done(task, &walks[*index].0));
        skip.into_iter().for_each(|index| walks[index].1.advance());
        // Those that are done with the role are out of it, even as the one host of `run_once`.
        let Some(first) = group.first().map(|index| walks[*index].0.clone()) else { return Ok(false) };
        let context = self.task_context(run, task, &first);
        self.shared.loader.look(&task.level);
        self.emit_warnings();
        if task.action.kind == ActionKind::Meta {
            let stops = self.meta(run, walks, task, &group)?;
            self.too_many_failed(run, walks, task, &[], &[]);
            return Ok(stops);
        }
        let info = Arc::new(self.info(task, &context));
        if self.asking && !self.confirmed(&info) {
            group.iter().for_each(|index| walks[*index].1.advance());
            return Ok(false);
        }
        // These change the run itself: once is enough.
        let action = action_of(&self.shared, task, &context).unwrap_or_else(|_| task.action.clone());
        let for_all = BYPASS_HOST_LOOP.contains(&action.short.as_str());
        let once = for_all || self.runs_once(task, &context)?;
        self.emit_warnings();
        self.emit(&Event::Task(info.clone()));
        let hosts: Vec<Arc<str>> =
            if once { vec![first] } else { group.iter().map(|index| walks[*index].0.clone()).collect() };
        let throttle = self.throttle(task, &context)?;
        let mut results: Vec<(Arc<str>, TaskResult)> = Vec::with_capacity(hosts.len());
        let asks = action.short == "pause";
        if asks {
            self.emit(&Event::Terminal { wanted: true });
        }
        for chunk in hosts.chunks(throttle.min(hosts.len().max(1))) {
            results.extend(self.scatter(run, task, &info, chunk));
            if self.quit {
                return Ok(true);
            }
        }
        if asks {
            self.emit(&Event::Terminal { wanted: false });
        }
        self.absorb(run, walks, task, &info, &group, results, once)?;
        Ok(false)
    }

    /// Sends a task to hosts and gathers what they say, events in the order of the hosts.
    fn scatter(
        &mut self,
        run: &Arc<PlayRun>,
        task: &Arc<Task>,
        info: &Arc<TaskInfo>,
        hosts: &[Arc<str>],
    ) -> Vec<(Arc<str>, TaskResult)> {
        self.verdict.nothing_ran = false;
        let (sender, receiver) = mpsc::channel();
        for (index, host) in hosts.iter().enumerate() {
            self.submit(
                Job { run: run.clone(), task: task.clone(), info: info.clone(), host: host.clone(), index },
                &sender,
            );
            self.emit(&Event::Begin { host: host.clone(), task: info.clone() });
        }
        drop(sender);
        let mut waiting: Vec<Vec<Event>> = hosts.iter().map(|_| Vec::new()).collect();
        let mut results: Vec<Option<TaskResult>> = hosts.iter().map(|_| None).collect();
        let mut shown = 0;
        while let Some(reply) = self.next_reply(&receiver) {
            match reply {
                Reply::Event(_, event @ Event::Output { .. }) => self.emit(&event),
                Reply::Event(index, event) if index == shown => self.emit(&event),
                Reply::Event(index, event) => waiting[index].push(event),
                // What the interrupt itself tore down is no result.
                Reply::Done(_, result) if result.unreachable && self.shared.stopping() => {}
                Reply::Done(index, result) => {
                    results[index] = Some(*result);
                    // Whatever is complete up to here can be shown now.
                    while shown < hosts.len() {
                        for event in std::mem::take(&mut waiting[shown]) {
                            self.emit(&event);
                        }
                        let Some(result) = &results[shown] else { break };
                        self.look_at_result(task, result);
                        let result = Arc::new(result.clone());
                        self.emit_result(hosts[shown].clone(), info.clone(), result);
                        if let Some(result) = results[shown].take() {
                            results[shown] = Some(self.debugged(run, task, info, &hosts[shown], result));
                        }
                        if self.quit {
                            return vec![];
                        }
                        shown += 1;
                    }
                }
            }
        }
        self.interrupted_at(info, hosts, &results);
        hosts.iter().cloned().zip(results).filter_map(|(host, result)| Some((host, result?))).collect()
    }

    /// After an interrupt: which hosts had not finished what.
    fn interrupted_at(&mut self, info: &TaskInfo, hosts: &[Arc<str>], results: &[Option<TaskResult>]) {
        let busy: Vec<&str> = hosts
            .iter()
            .zip(results)
            .filter(|(_, result)| result.is_none())
            .map(|(host, _)| host.as_ref())
            .collect();
        if !busy.is_empty() {
            self.emit(&Event::Message(format!(
                "\ninterrupted while [{}] ran on: {}",
                info.name,
                busy.join(", ")
            )));
        }
    }

    /// The next thing that a thread says; `None` when all are done, or when the user wants to stop.
    fn next_reply(&self, receiver: &mpsc::Receiver<Reply>) -> Option<Reply> {
        loop {
            match receiver.recv_timeout(Duration::from_millis(100)) {
                Ok(reply) => return Some(reply),
                Err(mpsc::RecvTimeoutError::Disconnected) => return None,
                Err(mpsc::RecvTimeoutError::Timeout) if self.shared.stopping() => return None,
                Err(mpsc::RecvTimeoutError::Timeout) => {}
            }
        }
    }

    fn submit(&self, job: Job, sender: &mpsc::Sender<Reply>) {
        let (shared, sender) = (self.shared.clone(), sender.clone());
        self.pool.spawn(move || job.run(&shared, &sender));
    }

    fn free(&mut self, run: &Arc<PlayRun>, walks: &mut Walks) -> Result<bool, Stop> {
        let (sender, receiver) = mpsc::channel();
        let mut busy: HashMap<usize, (Arc<Task>, Arc<TaskInfo>)> = HashMap::new();
        let mut events: HashMap<usize, Vec<Event>> = HashMap::new();
        let most = match run.strategy {
            Strategy::HostPinned => self.shared.options.forks.max(1),
            _ => usize::MAX,
        };
        let mut under_way: HashSet<usize> = HashSet::new();
        loop {
            let mut made_room = false;
            for index in 0..walks.len() {
                if !under_way.contains(&index) && under_way.len() >= most {
                    continue;
                }
                while !busy.contains_key(&index) && !self.shared.stopping() {
                    let handlers = run.handlers.read().map(|handlers| handlers.clone()).unwrap_or_default();
                    let Some((task, _)) = walks[index].1.peek(&handlers, true) else {
                        made_room |= under_way.remove(&index);
                        break;
                    };
                    under_way.insert(index);
                    let host = walks[index].0.clone();
                    walks[index].1.step();
                    let context = self.task_context(run, &task, &host);
                    if self.role_done(&task, &host) {
                        walks[index].1.advance();
                        continue;
                    }
                    self.shared.loader.look(&task.level);
                    self.emit_warnings();
                    if task.action.kind == ActionKind::Meta {
                        if self.meta(run, walks, &task, &[index])? {
                            return Ok(true);
                        }
                        continue;
                    }
                    self.check_free(run, &task, &context)?;
                    let limit = self.throttle(&task, &context)?;
                    if busy.values().filter(|(other, _)| Arc::ptr_eq(other, &task)).count() >= limit {
                        // One of the hosts that are at it makes room.
                        break;
                    }
                    let info = Arc::new(self.info(&task, &context));
                    self.verdict.nothing_ran = false;
                    self.submit(
                        Job {
                            run: run.clone(),
                            task: task.clone(),
                            info: info.clone(),
                            host: host.clone(),
                            index,
                        },
                        &sender,
                    );
                    self.emit(&Event::Begin { host, task: info.clone() });
                    busy.insert(index, (task, info));
                }
            }
            if busy.is_empty() {
                if made_room && !self.shared.stopping() {
                    continue;
                }
                return Ok(self.shared.stopping());
            }
            match self.next_reply(&receiver) {
                None => return Ok(true),
                Some(Reply::Event(_, event @ Event::Output { .. })) => self.emit(&event),
                Some(Reply::Event(index, event)) => events.entry(index).or_default().push(event),
                Some(Reply::Done(index, result)) => {
                    let Some((task, info)) = busy.remove(&index) else { continue };
                    for event in events.remove(&index).unwrap_or_default() {
                        self.emit(&event);
                    }
                    let host = walks[index].0.clone();
                    self.look_at_result(&task, &result);
                    self.emit_result(host.clone(), info.clone(), Arc::new((*result).clone()));
                    let result = self.debugged(run, &task, &info, &host, *result);
                    if self.quit {
                        return Ok(true);
                    }
                    self.absorb(run, walks, &task, &info, &[index], vec![(host, result)], false)?;
                }
            }
        }
    }

    pub(super) fn job(&self, run: &Arc<PlayRun>, task: &Arc<Task>, host: &Arc<str>) -> Job {
        let info = Arc::new(TaskInfo::of(task, String::new()));
        Job { run: run.clone(), task: task.clone(), info, host: host.clone(), index: 0 }
    }

    pub(super) fn task_context(&self, run: &Arc<PlayRun>, task: &Arc<Task>, host: &Arc<str>) -> Context {
        self.job(run, task, host).context(&self.shared, Map::new())
    }

    /// What `--tags` and `--skip-tags` leave of a block.
    pub(super) fn selection(
        &self,
        run: &Arc<PlayRun>,
        block: &Arc<Block>,
        host: &Arc<str>,
    ) -> Result<Arc<Block>, Stop> {
        let wrong = RefCell::new(None);
        let left = self.shared.options.tags.prune(block, &|task| {
            let context = self.task_context(run, task, host);
            tags_of(&task.level, &context).unwrap_or_else(|problem| {
                wrong.borrow_mut().get_or_insert(problem);
                vec![]
            })
        });
        match wrong.into_inner() {
            Some(problem) => Err(Stop::Broken(Box::new(problem))),
            None => Ok(left),
        }
    }

    /// A role runs once per host and play, unless it allows duplicates.
    fn role_done(&self, task: &Task, host: &str) -> bool {
        match &task.level.role {
            Some(role) if !role.allow_duplicates && !task.is_handler => {
                self.completed_roles.contains(&(host.to_owned(), role.fingerprint.clone()))
            }
            _ => false,
        }
    }

    pub(super) fn info(&self, task: &Arc<Task>, context: &Context) -> TaskInfo {
        let name = match &task.name {
            Some(name) if task.action.kind == ActionKind::Meta && !task.is_handler => {
                self.shared.engine.source_of(&name.term)
            }
            // A name that cannot be rendered is shown as it was written.
            Some(name) => match context.render(&name.term) {
                Ok(value) => py_str(&value),
                Err(_) => self.shared.engine.source_of(&name.term),
            },
            None => String::new(),
        };
        let (name, named) = match name.trim() {
            "" => (unnamed(task), false),
            _ => (name, true),
        };
        let shown = match &task.level.role {
            Some(role) if task.action.kind != ActionKind::IncludeRole => {
                format!("{} : {name}", role.display_name())
            }
            _ => name.clone(),
        };
        let own_name = if named { name } else { shown.clone() };
        let mut info = TaskInfo { own_name, ..TaskInfo::of(task, shown) };
        // A template may hide them for some host only: for none, then.
        let hidden = task.attr("no_log").map_or(self.shared.no_log_by_default, |attr| {
            matches!(attr.term, Term::Template(_)) || self.truth(task, context, "no_log")
        });
        if self.shared.settings.bool("DISPLAY_ARGS_TO_STDOUT") && !hidden {
            let args = task.args.written();
            let args = args.as_map().into_iter().flatten();
            let args: Vec<String> =
                args.map(|(key, value)| format!("{}={}", py_str(key), py_str(value))).collect();
            info.args = (!args.is_empty()).then(|| args.join(", "));
        }
        // A template may say something else for each host: one of them may be in check mode.
        info.check_mode = task.attr("check_mode").map_or(self.shared.options.check, |attr| {
            matches!(attr.term, Term::Template(_)) || self.truth(task, context, "check_mode")
        });
        info
    }

    pub(super) fn truth(&self, task: &Task, context: &Context, name: &str) -> bool {
        task.attr(name)
            .and_then(|attr| context.render(&attr.term).ok())
            .and_then(|value| value.ansible_bool())
            .unwrap_or(false)
    }

    /// `run_once`, which has to be known before anything runs.
    fn runs_once(&self, task: &Task, context: &Context) -> Result<bool, Stop> {
        let Some(attr) = task.attr("run_once") else { return Ok(false) };
        let value = context.render(&attr.term).map_err(|error| {
            let place = error.trace.first().unwrap_or(&attr.span);
            Stop::Broken(Box::new(Diagnostic::error("run-once", &*error.message).at(place)))
        })?;
        Ok(value.ansible_bool().unwrap_or(false))
    }

    /// What makes no sense where each host goes its own way.
    fn check_free(&mut self, run: &Arc<PlayRun>, task: &Task, context: &Context) -> Result<(), Stop> {
        if BYPASS_HOST_LOOP.contains(&task.action.short.as_str()) {
            let text = format!(
                "The '{}' module bypasses the host loop, which is currently not supported in the free strategy and would \
                 instead execute for every host in the inventory list.",
                task.action.written
            );
            return Err(Stop::Broken(Box::new(Diagnostic::error("free-strategy", text).at(&task.span))));
        }
        if run.play.level.find("max_fail_percentage").is_some() {
            let text = "Using max_fail_percentage with the free strategy is not supported, as tasks are executed independently \
                        on each host";
            self.emit(&Event::Problem(Diagnostic::warning("free-strategy", text)));
        }
        if self.runs_once(task, context)? {
            let text = "Using run_once with the free strategy is not currently supported. This task will still be executed \
                        for every host in the inventory list.";
            self.emit(&Event::Problem(Diagnostic::warning("free-strategy", text)));
        }
        if task.truth_as_written("any_errors_fatal").unwrap_or(false) {
            let text = "Using any_errors_fatal with the free strategy is not supported, as tasks are executed independently \
                        on each host";
            self.emit(&Event::Problem(Diagnostic::warning("free-strategy", text)));
        }
        Ok(())
    }

    /// How many hosts at once; 0 and nothing mean all.
    fn throttle(&self, task: &Task, context: &Context) -> Result<usize, Stop> {
        let Some(attr) = task.attr("throttle") else { return Ok(usize::MAX) };
        let broken =
            |message: String| Stop::Broken(Box::new(Diagnostic::error("throttle", message).at(&attr.span)));
        let value = context.render(&attr.term).map_err(|error| {
            broken(format!("Failed to convert the throttle value to an integer: {}", error.message))
        })?;
        let number = match &value {
            Value::Str(text) => text
                .trim()
                .parse::<i64>()
                .map_err(|_| format!("invalid literal for int() with base 10: '{text}'")),
            other => number(other).map(|number| number as i64).ok_or_else(|| {
                let kind = other.type_name();
                format!("int() argument must be a string, a bytes-like object or a real number, not '{kind}'")
            }),
        };
        match number {
            Ok(limit) => Ok(usize::try_from(limit).ok().filter(|limit| *limit > 0).unwrap_or(usize::MAX)),
            Err(why) => Err(broken(format!("Failed to convert the throttle value to an integer: {why}"))),
        }
    }

    /// Whether this is the task that `--start-at-task` means.
    pub(super) fn is_start(&self, info: &TaskInfo) -> bool {
        let Some(wanted) = &self.shared.options.start_at else { return true };
        let short = info.name.split_once(" : ").map_or(info.name.as_str(), |(_, name)| name);
        let matches = |text: &str| {
            glob::Pattern::new(wanted).is_ok_and(|pattern| pattern.matches(text)) || text == wanted
        };
        !info.implicit && (matches(&info.name) || matches(short))
    }

    /// `--step`.
    fn confirmed(&mut self, info: &TaskInfo) -> bool {
        let prompt = format!("Perform task: TASK: {} (N)o/(y)es/(c)ontinue: ", info.name);
        self.emit(&Event::Terminal { wanted: true });
        let answer = super::prompts::read_line(&prompt, true).unwrap_or_default().to_lowercase();
        self.emit(&Event::Terminal { wanted: false });
        // What was asked stands above what comes of it, as wide as the names of tasks.
        self.emit(&Event::Message(format!("\n{prompt:*<80}")));
        match answer.as_str() {
            "y" | "yes" => true,
            "c" | "continue" => {
                self.asking = false;
                true
            }
            _ => false,
        }
    }
}

/// What a task without a name is called: its action, and the role for `include_role`.
fn unnamed(task: &Task) -> String {
    let role = ["name", "role"].iter().find_map(|key| task.args_node.get(key)).and_then(|name| name.as_str());
    match (task.action.kind, role) {
        (ActionKind::IncludeRole, Some(role)) => format!("{} : {role}", task.action.written),
        _ => task.action.written.clone(),
    }
}

impl TaskInfo {
    pub(super) fn of(task: &Task, name: String) -> Self {
        Self {
            own_name: name.clone(),
            name,
            action: task.action.short.clone(),
            span: task.span.clone(),
            args: None,
            handler: task.is_handler,
            check_mode: false,
            implicit: task.implicit,
            task: std::ptr::from_ref(task).addr(),
        }
    }
}
