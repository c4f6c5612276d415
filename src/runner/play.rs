//! A playbook's plays, one after the other: hosts, batches, facts, prompts.

use super::event::{Event, Reporter, Tally, TaskInfo};
use super::handlers;
use super::play_keywords::{batches, check_keywords, play_text, play_value};
use super::play_scope::{exported_by, play_scope, role_names};
use super::pool::Pool;
use super::result::{Effect, TaskResult};
use super::shared::Shared;
use super::strategy::Walks;
use super::walk::Walk;
use crate::diag::{Diagnostic, Severity, Span, did_you_mean};
use crate::playbook::{ActionKind, Attr, Block, Item, Level, LevelKind, Play, Playbook, Task};
use crate::template::{Context, Term};
use crate::value::{Value, py_str};
use crate::vars::{PlayHosts, PlayScope};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::io;
use std::sync::{Arc, RwLock};

/// A play while it runs.
pub struct PlayRun {
    pub play: Arc<Play>,
    pub scope: Arc<PlayScope>,
    /// Includes of roles add to them.
    pub handlers: RwLock<Arc<Vec<Arc<Task>>>>,
    pub strategy: Strategy,
    /// The strategy `debug`: failures are talked about.
    pub debugs: bool,
}

impl PlayRun {
    /// Each batch plays the play anew: roles, handlers and variables that includes have brought are not there yet.
    fn forget_includes(&self) {
        if let Ok(mut handlers) = self.handlers.write() {
            *handlers = Arc::new(handlers::flatten(&self.play.handlers));
        }
        if let Ok(mut names) = self.scope.role_names.write() {
            *names = role_names(self.play.roles.iter());
        }
        if let Ok(mut exported) = self.scope.exported.write() {
            *exported = Arc::new(exported_by(&self.play));
        }
    }
}

/// The names that `strategy` may have.
const STRATEGIES: &[&str] = &["linear", "free", "host_pinned", "debug"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    Linear,
    Free,
    /// As `free`, but only as many hosts as there are forks are under way: each goes to its end before another begins.
    HostPinned,
}

/// How a run ended.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    pub failed: bool,
    pub unreachable: bool,
    /// `max_fail_percentage` ended the last batch.
    pub limit_reached: bool,
    pub changed: bool,
    pub unknown: bool,
    /// A play's pattern (or `--limit`, or `--tags`) selected nothing at all in the whole run.
    pub nothing_ran: bool,
    /// The run could not go on; the diagnostics were reported.
    pub broken: Option<Broken>,
    pub interrupted: bool,
}

/// What a run broke at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// It only showed while running.
    Running,
    /// The content of a file, or a play's keywords.
    Content,
    /// One of a few words was asked for, and it is none of them.
    Option,
}

/// Runs playbooks and tells reporters.
pub struct Runner<'r> {
    pub shared: Arc<Shared>,
    pub(super) reporters: Vec<&'r mut dyn Reporter>,
    pub(super) tally: BTreeMap<String, Tally>,
    pub(super) failed: HashSet<String>,
    pub(super) unreachable: HashSet<String>,
    pub(super) pool: Pool,
    pub(super) verdict: Verdict,
    /// `--step`, until the user says to continue.
    pub(super) asking: bool,
    /// `--start-at-task` has not been reached yet.
    pub(super) waiting_for_start: bool,
    /// What `add_host` and `group_by` have added to the inventory: by which host and where.
    pub(super) added: Vec<(Arc<str>, Effect, Span)>,
    /// The user left in the debugger: nothing more is shown.
    pub(super) quit: bool,
    pub(super) completed_roles: HashSet<(String, String)>,
    /// `end_play`: no further batch of the play.
    pub(super) play_ended: bool,
    /// The hosts of the batch, with those that were out before it began.
    pub(super) batch_size: usize,
    /// Roles of which at least one task ran on a host: only those count as complete.
    pub(super) begun_roles: HashSet<(String, String)>,
}

/// Why a run stops at once.
pub(super) enum Stop {
    /// No further play.
    Playbook,
    /// What the play asked for makes no sense: it only showed while running.
    Broken(Box<Diagnostic>),
    /// Wrong content in a file that was loaded while running.
    Content(Box<Diagnostic>),
    /// A word that is none of those there are.
    Option(Box<Diagnostic>),
}

impl<'r> Runner<'r> {
    /// # Errors
    /// When no thread can be started.
    pub fn new(shared: Arc<Shared>, reporters: Vec<&'r mut dyn Reporter>) -> io::Result<Self> {
        let pool = Pool::new(shared.options.forks)?;
        let (asking, waiting_for_start) = (shared.options.step, shared.options.start_at.is_some());
        Ok(Self {
            shared,
            reporters,
            tally: BTreeMap::new(),
            failed: HashSet::new(),
            unreachable: HashSet::new(),
            pool,
            verdict: Verdict { nothing_ran: true, ..Verdict::default() },
            asking,
            waiting_for_start,
            quit: false,
            added: vec![],
            completed_roles: HashSet::new(),
            begun_roles: HashSet::new(),
            play_ended: false,
            batch_size: 0,
        })
    }

    pub(super) fn emit(&mut self, event: &Event) {
        for reporter in &mut self.reporters {
            reporter.on(event);
        }
    }

    /// What the loader and the templates noticed meanwhile.
    pub(super) fn emit_warnings(&mut self) {
        let mut problems = self.shared.loader.take_problems();
        problems.extend(self.shared.store.take_problems());
        problems.extend(self.shared.engine.take_warnings());
        for problem in problems {
            self.emit(&Event::Problem(problem));
        }
    }

    /// A host is done with a task; what it has to warn of comes first.
    pub(super) fn emit_result(&mut self, host: Arc<str>, task: Arc<TaskInfo>, result: Arc<TaskResult>) {
        self.emit_warnings();
        // Those of a loop's items came with them.
        if result.items.is_none() {
            result.problems().into_iter().for_each(|problem| self.emit(&Event::Problem(problem)));
        }
        let task = task.of_result(&result);
        self.emit(&Event::Result { host, task, result });
    }

    /// Runs a playbook; the recap is not shown yet ([`Runner::finish`] does).
    pub fn run(&mut self, playbook: &Playbook) {
        self.emit_warnings();
        self.emit(&Event::Start { playbook: playbook.path.clone(), plays: playbook.plays.len() });
        for (number, play) in playbook.plays.iter().enumerate() {
            if self.shared.stopping() {
                break;
            }
            // An imported play has its own `playbook_dir`, and what is beside that.
            if number == 0 || self.shared.playbook_dir() != play.directory {
                self.shared.enter(&play.directory);
            }
            match self.play(play) {
                Ok(()) => {}
                Err(Stop::Playbook) => break,
                Err(Stop::Broken(problem)) => {
                    self.broken(&problem);
                    break;
                }
                Err(Stop::Content(problem)) => {
                    self.broken(&problem);
                    self.verdict.broken = Some(Broken::Content);
                    break;
                }
                Err(Stop::Option(problem)) => {
                    self.broken(&problem);
                    self.verdict.broken = Some(Broken::Option);
                    break;
                }
            }
        }
        if self.verdict.broken.is_none() {
            self.end(playbook);
        }
    }

    fn end(&mut self, playbook: &Playbook) {
        self.emit_warnings();
        let lost: BTreeSet<&String> = self.failed.union(&self.unreachable).collect();
        let lost = lost.into_iter().cloned().collect();
        self.emit(&Event::End { playbook: playbook.path.clone(), lost });
    }

    fn broken(&mut self, problem: &Diagnostic) {
        self.emit_warnings();
        self.emit(&Event::Problem(problem.clone()));
        self.verdict.broken = Some(Broken::Running);
    }

    /// The recap and the verdict. Ansible shows no recap of a run that broke or was left in the debugger.
    pub fn finish(mut self, recap_if_broken: bool) -> Verdict {
        self.emit_warnings();
        if let Some(wanted) = self.shared.options.start_at.as_ref().filter(|_| self.waiting_for_start) {
            let text = format!(
                "No matching task \"{wanted}\" found. Note: --start-at-task can only follow static includes."
            );
            self.emit(&Event::Problem(Diagnostic::error("no-start", text)));
        }
        if recap_if_broken || !(self.verdict.broken.is_some() || self.quit) {
            let tally = std::mem::take(&mut self.tally);
            self.emit(&Event::Recap(tally));
        }
        self.verdict.interrupted = self.shared.stopping();
        self.verdict.clone()
    }

    fn play(&mut self, play: &Arc<Play>) -> Result<(), Stop> {
        let prompts = self.vars_prompts(play)?;
        let early = self.shared.known_scope(play, prompts.clone()).map_err(Stop::vars_files)?;
        let context = self.shared.play_context(play, Some(&early), "");
        self.shared.loader.look_at_play(play);
        self.emit_warnings();
        check_keywords(play, &context)?;
        let pattern = play_value("hosts", &play.hosts, &context)?;
        let pattern = match &pattern {
            Value::List(items) => items.iter().map(py_str).collect::<Vec<_>>().join(","),
            other => py_str(other),
        };
        let name = match &play.name {
            Some(attr) => py_str(&play_value("name", attr, &context)?),
            None => String::new(),
        };
        let name = if name.is_empty() { pattern.clone() } else { name };
        let selected = self
            .shared
            .store
            .inventory
            .read()
            .map_err(|_| Stop::Playbook)?
            .select(&pattern, self.shared.options.limit.as_deref());
        let (hosts, warnings) =
            selected.map_err(|problem| Stop::Broken(Box::new(problem.at(&play.hosts.span))))?;
        for warning in warnings {
            self.emit(&Event::Problem(warning));
        }
        let all_hosts: Vec<String> = hosts;
        let batches = batches(play, &context, &all_hosts)?;
        let scope = Arc::new(PlayScope {
            hosts: PlayHosts::new(&all_hosts, self.failed.union(&self.unreachable).cloned()),
            // What does not depend on a host was read.
            vars_files: RwLock::new(early.vars_files.read().map(|files| files.clone()).unwrap_or_default()),
            ..play_scope(play, &name, prompts, &all_hosts)
        });
        self.shared.loader.run_play(play, &scope).map_err(Stop::vars_files)?;
        let named = play_text(play, &context, "strategy")?
            .or_else(|| self.shared.settings.str("DEFAULT_STRATEGY").map(str::to_owned));
        let strategy = match named.as_deref().map(|name| name.rsplit('.').next().unwrap_or(name)) {
            Some("free") => Strategy::Free,
            Some("host_pinned") => Strategy::HostPinned,
            None | Some("linear" | "debug" | "mitogen_linear") => Strategy::Linear,
            Some(other) => {
                let written = named.as_deref().unwrap_or(other);
                let message = format!("Invalid play strategy specified: {written}");
                let place = play.level.find("strategy").map_or(&play.span, |attr| &attr.span);
                let mut problem = Diagnostic::error("unknown-strategy", message).at(place);
                if let Some(near) = did_you_mean(other, STRATEGIES.iter().copied()) {
                    problem = problem.help(format!("did you mean `{near}`?"));
                }
                return Err(Stop::Broken(Box::new(problem)));
            }
        };
        let run = Arc::new(PlayRun {
            play: play.clone(),
            scope: scope.clone(),
            handlers: RwLock::new(Arc::new(handlers::flatten(&play.handlers))),
            strategy,
            debugs: named.as_deref().is_some_and(|name| name.rsplit('.').next() == Some("debug")),
        });
        let check_mode = play
            .level
            .find("check_mode")
            .and_then(|attr| context.render(&attr.term).ok()?.ansible_bool())
            .unwrap_or(self.shared.options.check);
        self.emit(&Event::Play { name, check_mode, place: play.span.clone() });
        if all_hosts.is_empty() {
            self.emit(&Event::NoHostsMatched);
            return Ok(());
        }
        let host: Arc<str> = Arc::from(all_hosts[0].as_str());
        let sections = self.selection(&run, &self.sections(play, &context)?, &host)?;
        // What the play says wins over the command line.
        let force_handlers = match play.level.find("force_handlers") {
            Some(attr) => {
                context.render(&attr.term).ok().and_then(|value| value.ansible_bool()).unwrap_or(false)
            }
            None => self.shared.options.force_handlers || self.shared.settings.bool("DEFAULT_FORCE_HANDLERS"),
        };
        let gathers_if_needed = self.shared.settings.str("DEFAULT_GATHERING") == Some("smart")
            && matches!(sections.main.first(), Some(Item::Block(block)) if is_gathering(block));
        let mut first = true;
        let mut too_many = false;
        for batch in batches {
            self.verdict.limit_reached = false;
            // Who failed with others and was rescued shows as a failure of the run only if that goes on.
            self.verdict.failed |= !self.failed.is_empty();
            self.batch_size = batch.len();
            let batch: Vec<String> = batch
                .into_iter()
                .filter(|host| !self.failed.contains(host) && !self.unreachable.contains(host))
                .collect();
            if !first {
                let name = scope.name.clone();
                self.emit(&Event::Play { name, check_mode, place: play.span.clone() });
                run.forget_includes();
            }
            first = false;
            let selected = match self.shared.store.inventory.read() {
                Ok(inventory) => inventory.select(&pattern, self.shared.options.limit.as_deref()),
                Err(_) => return Err(Stop::Playbook),
            };
            let selected = selected.map_or_else(|_| all_hosts.clone(), |(hosts, _)| hosts);
            scope.hosts.begin_batch(&batch, self.failed.union(&self.unreachable).cloned(), &selected);
            for host in &batch {
                self.shared.store.host(host);
            }
            let (errors, warnings): (Vec<_>, Vec<_>) = self
                .shared
                .store
                .take_problems()
                .into_iter()
                .partition(|problem| problem.severity == Severity::Error);
            warnings.into_iter().for_each(|warning| self.emit(&Event::Problem(warning)));
            if !errors.is_empty() {
                return Err(Stop::problems(errors));
            }
            self.vars_files(&run, &batch)?;
            let before = self.failed.len() + self.unreachable.len();
            let mut walks: Vec<(Arc<str>, Walk)> = batch
                .iter()
                .map(|host| {
                    let mut walk = Walk::new(sections.clone(), force_handlers);
                    // `gathering = smart`: what is known is not asked again.
                    if gathers_if_needed && self.shared.store.has_facts(host) {
                        walk.advance();
                    }
                    (Arc::from(host.as_str()), walk)
                })
                .collect();
            if self.waiting_for_start {
                self.go_to_start(&run, &mut walks);
            }
            self.completed_roles.clear();
            self.begun_roles.clear();
            self.play_ended = false;
            let broke = self.run_batch(&run, &sections, walks)?;
            too_many |= self.verdict.limit_reached;
            // `clear_host_errors` may have taken back what went wrong meanwhile.
            self.verdict.unreachable |= batch.iter().any(|host| self.unreachable.contains(host));
            let now = self.failed.len() + self.unreachable.len() - before;
            if broke || now == self.batch_size || self.shared.stopping() {
                return Err(Stop::Playbook);
            }
            if self.play_ended {
                break;
            }
        }
        // The batches to come have their turn after `max_fail_percentage`, the plays to come do not.
        if too_many { Err(Stop::Playbook) } else { Ok(()) }
    }

    /// `--start-at-task`: the play begins there, or nothing of it runs. What is included while it runs is not searched.
    fn go_to_start(&mut self, run: &Arc<PlayRun>, walks: &mut Walks) {
        let mut found = false;
        for (host, walk) in walks.iter_mut() {
            found |= walk.start_at(|task| {
                let context = self.task_context(run, task, host);
                self.is_start(&self.info(task, &context))
            });
        }
        if found {
            self.waiting_for_start = false;
        } else {
            walks.clear();
        }
    }

    fn sections(&self, play: &Arc<Play>, context: &Context) -> Result<Arc<Block>, Stop> {
        let mut main = Vec::new();
        if let Some(task) = self.gathering(play, context)? {
            let block = Block {
                level: play.level.clone(),
                name: None,
                main: vec![Item::Task(Arc::new(task))],
                rescue: vec![],
                always: vec![],
                span: play.span.clone(),
            };
            main.push(Item::Block(Arc::new(block)));
        }
        main.extend([&play.pre_tasks, &play.tasks, &play.post_tasks].map(|block| Item::Block(block.clone())));
        Ok(Arc::new(Block {
            level: play.level.clone(),
            name: None,
            main,
            rescue: vec![],
            always: vec![],
            span: play.span.clone(),
        }))
    }

    /// The task that gathers facts, if the play wants it.
    fn gathering(&self, play: &Arc<Play>, context: &Context) -> Result<Option<Task>, Stop> {
        let policy = self
            .shared
            .settings
            .str("DEFAULT_GATHERING")
            .map(str::to_owned)
            .unwrap_or_else(|| "implicit".into());
        let wanted = match play.level.find("gather_facts") {
            Some(attr) => play_value("gather_facts", attr, context)?.ansible_bool().unwrap_or(true),
            None => policy != "explicit",
        };
        if !wanted {
            return Ok(None);
        }
        let mut args: Vec<(Term, Term)> = Vec::new();
        for name in ["gather_subset", "gather_timeout", "fact_path"] {
            if let Some(attr) = play.level.find(name) {
                args.push((Term::Const(Value::str(name)), attr.term.clone()));
            }
        }
        let mut level = Level::empty(LevelKind::Task, Some(play.level.clone()));
        // Whoever tags the play says when.
        if level.all_tags().is_empty() {
            level.tags = vec![Attr { term: Term::Const("always".into()), span: play.span.clone() }];
        }
        Ok(Some(Task {
            name: Some(Attr { term: Term::Const("Gathering Facts".into()), span: play.span.clone() }),
            args: Term::Map(args.into()),
            implicit: true,
            ..Task::made("gather_facts", ActionKind::Action, level, &play.span)
        }))
    }

    /// Reads `vars_files` for each host, since names may hold its variables.
    pub(super) fn vars_files(&mut self, run: &Arc<PlayRun>, hosts: &[String]) -> Result<(), Stop> {
        self.shared.read_vars_files(&run.play, &run.scope, hosts).map_err(Stop::vars_files)?;
        hosts.iter().for_each(|host| self.shared.loader.look_at_files(&run.scope, host));
        self.emit_warnings();
        Ok(())
    }
}

/// Whether a block is the one that gathers facts before everything else.
fn is_gathering(block: &Block) -> bool {
    matches!(&block.main[..], [Item::Task(task)] if task.implicit && task.action.short == "gather_facts")
}

impl Stop {
    fn vars_files(problem: Diagnostic) -> Self {
        match problem.code {
            "vars-files-type" | "unreadable-file" => Stop::Content(Box::new(problem)),
            _ => Stop::Broken(Box::new(problem)),
        }
    }

    pub(super) fn problems(problems: Vec<Diagnostic>) -> Self {
        let first = problems.into_iter().find(|problem| problem.severity == Severity::Error);
        match first {
            Some(problem) => Stop::Broken(Box::new(problem)),
            None => Stop::Playbook,
        }
    }
}
