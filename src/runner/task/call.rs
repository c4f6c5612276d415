//! Requests to hosts, and their answers.

use super::failure::template_failure;
use super::invocation::invocation;
use super::{State, Step, TaskRun};
use crate::actions::{AllBlobs, Blobs, Call};
use crate::playbook::integer;
use crate::protocol::{Job, Mode, Outcome, TaskRequest};
use crate::runner::connect::Route;
use crate::runner::event::Event;
use crate::runner::result::{Cause, NO_TRACEBACK, TaskResult};
use crate::source::Settings;
use crate::template::{Context, TemplateError, TemplateErrorKind};
use crate::transport::CallError;
use crate::value::{Map, Value, py_str};
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How long after its time a job is asked for once more.
const LAST_QUESTION: Duration = Duration::from_millis(500);

/// How the helper's words for a module that ended without a word begin.
const CRASHED: &str = "Task failed: Module failed: ";

/// `async` with its `poll`, in seconds; 0 does not wait at all.
#[derive(Clone, Copy)]
struct Background {
    limit: u32,
    poll: u32,
}

/// Where background jobs leave their results on the host.
pub fn async_folder(settings: &Settings, context: &Context) -> String {
    let own = context.variable("ansible_async_dir").ok().flatten();
    own.map(|folder| py_str(&folder))
        .or_else(|| settings.str("sh.async_dir").map(str::to_owned))
        .unwrap_or_else(|| "~/.ansible_async".into())
}

/// Twelve digits that no other job on the host has.
fn job_number(host: &str, id: u64) -> u64 {
    RandomState::new().hash_one((host, id, std::process::id())) % 1_000_000_000_000
}

impl TaskRun<'_> {
    /// Takes the arguments out of the call: loops have many of them.
    pub(super) fn request(
        &self,
        call: &mut Call,
        route: &Route,
        environment: &[(String, String)],
        context: &Context,
    ) -> Result<TaskRequest, TemplateError> {
        let timeout = self.timeout(context)?;
        let diff = call.diff.then_some(self.shared.options.diff_limit);
        Ok(TaskRequest {
            id: self.shared.next_id.fetch_add(1, Ordering::Relaxed),
            identity: route.identity.clone(),
            module: call.module.clone(),
            args: Value::map(std::mem::take(&mut call.args)),
            mode: if call.check.unwrap_or(self.shared.options.check) { Mode::Check } else { Mode::Apply },
            diff,
            environment: environment.to_vec(),
            timeout,
            blobs: call.blobs.inline(diff),
            job: self.background(context)?.filter(|_| call.may_be_job).map(|_| {
                let number = job_number(self.host, self.shared.next_id.fetch_add(1, Ordering::Relaxed));
                Box::new(Job { folder: async_folder(&self.shared.settings, context), number })
            }),
        })
    }

    /// `async` and `poll`, in seconds.
    fn background(&self, context: &Context) -> Result<Option<Background>, TemplateError> {
        let number = |value: Option<Value>| value.as_ref().and_then(integer);
        let Some(limit) = number(self.keyword(context, "async")?).filter(|limit| *limit != 0) else {
            return Ok(None);
        };
        // Nobody waits for what may take less than no time.
        let Ok(limit) = u32::try_from(limit) else { return Ok(Some(Background { limit: 1, poll: 0 })) };
        let poll = match number(self.keyword(context, "poll")?).and_then(|poll| u32::try_from(poll).ok()) {
            Some(poll) => poll,
            None => u32::try_from(self.shared.settings.int("DEFAULT_POLL_INTERVAL")).unwrap_or(15),
        };
        Ok(Some(Background { limit, poll }))
    }

    pub(super) fn is_background(&self, context: &Context) -> Result<bool, TemplateError> {
        Ok(self.background(context)?.is_some())
    }

    /// Whether it runs in the background while this waits for it.
    pub(super) fn is_polled(&self, context: &Context) -> bool {
        matches!(self.background(context), Ok(Some(Background { poll: 1.., .. })))
    }

    /// Waits for a job that has begun, asking every now and then.
    fn wait_for_job(&self, started: TaskResult, route: &Route, context: &Context) -> TaskResult {
        let Ok(Some(Background { limit, poll: 1.. })) = self.background(context) else { return started };
        let Some(id) = started.data.get("ansible_job_id").map(py_str) else { return started };
        let Ok(environment) = self.environment(context) else { return started };
        let say = |text: String| (self.send)(Event::Message(text));
        let shown = if self.hides(context).unwrap_or(true) { "None" } else { &id };
        let ask = |mode: &str| {
            let mut args = Map::new();
            args.insert("jid".into(), Value::str(&id));
            args.insert("mode".into(), mode.into());
            args.insert("_async_dir".into(), async_folder(&self.shared.settings, context).into());
            let answer =
                self.call_now(Call::new("async_status", args), route, &environment, false, false, context);
            crate::actions::async_status::as_the_job_ended(answer)
        };
        let poll = self.background(context).ok().flatten().map_or(1, |background| background.poll.max(1));
        let mut left = i64::from(limit);
        // The job ends itself when its time is up: so one more question shortly after.
        while left > -i64::from(poll) && !self.shared.stopping() {
            let rest = if left > 0 { Duration::from_secs(poll.into()) } else { LAST_QUESTION };
            self.shared.sleep(rest);
            left -= i64::from(poll);
            let answer = ask("status");
            // A connection that is lost meanwhile is no reason to give up: the job goes on without it.
            if answer.unreachable {
                continue;
            }
            if answer.failed || answer.data.get("finished").is_some_and(Value::truthy) {
                let word = if answer.failed { "FAILED" } else { "OK" };
                say(format!("ASYNC {word} on {}: jid={shown}", self.host));
                ask("cleanup");
                return answer;
            }
            say(format!("ASYNC POLL on {}: jid={shown} started=True finished=False", self.host));
        }
        TaskResult::failure(format!("async task did not complete within the requested time - {limit}s"))
            .with("async_result", started.registered())
    }

    /// `timeout`, in seconds; 0 is none.
    pub(super) fn timeout(&self, context: &Context) -> Result<Option<u32>, TemplateError> {
        const LONGEST: u32 = 100_000_000;
        if let Some(background) = self.background(context)? {
            return Ok(Some(background.limit));
        }
        let Some(value) = self.keyword(context, "timeout")? else { return Ok(None) };
        match integer(&value) {
            None | Some(0) => Ok(None),
            Some(seconds) if (1..=i64::from(LONGEST)).contains(&seconds) => Ok(u32::try_from(seconds).ok()),
            Some(seconds) => Err(TemplateError::new(
                TemplateErrorKind::Failed,
                format!("Timeout {seconds} is invalid, it must be between 0 and {LONGEST}."),
                self.task.attr("timeout").map(|attr| attr.span.clone()).into_iter().collect(),
            )),
        }
    }

    /// Sends all pending calls; those for one connection go together, one after the other.
    pub(super) fn call_pending(&self, steps: &mut [Step]) {
        let mut next = 0;
        while next < steps.len() {
            let State::Pending(call, route, _) = &steps[next].state else {
                next += 1;
                continue;
            };
            if let Some(mut failure) = route.refusal() {
                failure.no_log = call.no_log;
                failure.delegated = call.delegated.clone();
                steps[next].state = State::Done(Box::new(failure));
                continue;
            }
            let connection = route.target.connection();
            let target = route.target.clone();
            let end = steps[next..]
                .iter()
                .position(|step| matches!(&step.state, State::Pending(_, route, _) if route.target.connection() != connection))
                .map_or(steps.len(), |offset| next + offset);
            self.call_group(&mut steps[next..end], &target);
            next = end;
        }
    }

    pub(super) fn call_group(&self, steps: &mut [Step], target: &crate::transport::Target) {
        let mut requests = Vec::new();
        let mut indices = Vec::new();
        for (index, step) in steps.iter_mut().enumerate() {
            let State::Pending(call, route, environment) = &mut step.state else { continue };
            // A program tells its arguments itself, or not at all.
            let shows = self.shows_invocation() && call.by_module && call.module != "program";
            let invocation = shows.then(|| invocation(&call.module, &call.args));
            match self.request(call, route, environment, &step.context) {
                Ok(request) => {
                    requests.push(request);
                    indices.push((index, invocation));
                }
                Err(error) => step.state = State::Done(Box::new(template_failure(&error))),
            }
        }
        let blobs: Vec<&Blobs> = steps
            .iter()
            .filter_map(|step| match &step.state {
                State::Pending(call, _, _) => Some(&call.blobs),
                State::Done(_) => None,
            })
            .collect();
        let outcomes = self.send_requests(target, &requests, blobs);
        let mut outcomes = match outcomes {
            Ok(outcomes) => {
                let by_module = |(index, _): &(usize, _)| match &steps[*index].state {
                    State::Pending(call, _, _) => call.by_module,
                    State::Done(_) => true,
                };
                let outcomes = outcomes.into_iter().zip(indices.iter().map(by_module));
                outcomes.map(|(outcome, by_module)| self.result_of(outcome, by_module)).collect::<Vec<_>>()
            }
            Err(error) => indices.iter().map(|_| TaskResult::unreachable(error.to_string())).collect(),
        }
        .into_iter();
        for (index, invocation) in indices {
            let step = &mut steps[index];
            let State::Pending(call, _, _) = &step.state else { continue };
            let mut result =
                outcomes.next().unwrap_or_else(|| TaskResult::failure("the host gave no answer"));
            if call.may_be_job
                && !result.failed
                && let State::Pending(_, route, _) = &step.state
            {
                result = self.wait_for_job(result, route, &step.context);
            }
            let State::Pending(call, _, _) = &mut step.state else { continue };
            if let Some(finish) = call.finish.take()
                && !result.unreachable
            {
                result = finish(result);
            }
            // A job that has only begun does not show it.
            let begun = call.may_be_job && result.data.get("finished").is_some_and(|it| !it.truthy());
            if let Some(invocation) = invocation.filter(|_| !result.unreachable && !begun) {
                result.data.insert("invocation".into(), invocation);
            }
            result.no_log = call.no_log;
            result.show_diff = call.diff;
            result.sends_file = call.sends_file;
            result.delegated = call.delegated.clone();
            step.state = State::Done(Box::new(result));
        }
    }

    /// Whether somebody sees `invocation`: whoever wants to see everything, and who asks for the results of a loop (or is shown them
    /// when one of its items finds nobody there).
    fn shows_invocation(&self) -> bool {
        let verbosity = self.shared.options.verbosity;
        verbosity >= 3 || self.task.looping.is_some() && (verbosity >= 1 || self.task.register.is_some())
    }

    pub(super) fn send_requests(
        &self,
        target: &crate::transport::Target,
        requests: &[TaskRequest],
        blobs: Vec<&Blobs>,
    ) -> Result<Vec<crate::protocol::Outcome>, CallError> {
        if requests.is_empty() {
            return Ok(vec![]);
        }
        let live = |text: &str| (self.send)(Event::Output { host: self.host.clone(), text: text.to_owned() });
        let store = AllBlobs { blobs, live: &live };
        let remarks = self.shared.options.remarks;
        let say = |text: &str, level: u8| {
            let text = format!("<{}> {text}", target.address);
            (self.send)(Event::Remark { text, level });
        };
        let describe = |how: &str| {
            // That another program carries the connection is worth a word.
            let level = if how.starts_with("openssh") { 1 } else { 3 };
            if remarks >= level {
                say(how, level);
            }
            if remarks >= 3 && how.starts_with("local") {
                say("EXEC ekumen-helper", 3);
            }
        };
        if remarks >= 3 {
            let identities = requests.iter().filter_map(|request| request.identity.as_deref());
            identities
                .filter_map(crate::helper::escalate::shown)
                .for_each(|command| say(&format!("EXEC {command}"), 3));
        }
        self.shared.sessions.with(target, &describe, |session| {
            let silence = session.silence();
            session.call(requests, &store, silence)
        })
    }

    pub(super) fn call_now(
        &self,
        mut call: Call,
        route: &Route,
        environment: &[(String, String)],
        check: bool,
        diff: bool,
        context: &Context,
    ) -> TaskResult {
        if let Some(failure) = route.refusal() {
            return failure;
        }
        call.check = Some(call.check.unwrap_or(check));
        call.diff = diff;
        let request = match self.request(&mut call, route, environment, context) {
            Ok(request) => request,
            Err(error) => return template_failure(&error),
        };
        match self.send_requests(&route.target, &[request], vec![&call.blobs]) {
            Ok(outcomes) => {
                let outcome = outcomes.into_iter().next();
                outcome.map(|outcome| self.result_of(outcome, call.by_module)).unwrap_or_default()
            }
            Err(error) => TaskResult::unreachable(error.to_string()),
        }
    }

    /// What a module could not tell without doing it is unknown in a drift check, but skipped in an ordinary one.
    fn result_of(&self, outcome: Outcome, by_module: bool) -> TaskResult {
        let mut result = TaskResult::from_outcome(outcome);
        if result.failed {
            explain(&mut result, by_module);
        }
        if result.unknown.is_some() && !self.shared.options.drift {
            result.unknown = None;
            result.skipped = true;
        }
        result
    }

    pub(super) fn reconnect(&self, route: &Route) -> Result<(), String> {
        if let Some(failure) = route.refusal() {
            return Err(failure.msg());
        }
        self.shared.sessions.reset(&route.target);
        self.shared.sessions.with(&route.target, &|_| {}, |_| Ok(())).map_err(|error| error.to_string())
    }
}

/// What a failure has to tell that the host did not say.
fn explain(result: &mut TaskResult, by_module: bool) {
    let msg = result.msg();
    if result.data.contains_key("timedout") {
        // Nobody knows what it would have come to.
        result.causes = vec![Cause::new(msg, None)];
    } else if msg.starts_with(CRASHED) {
        // It said nothing itself.
        result.data.shift_remove("msg");
        result.headline = Some(msg);
    }
    if by_module {
        result.data.entry("exception".into()).or_insert_with(|| NO_TRACEBACK.into());
    }
}
