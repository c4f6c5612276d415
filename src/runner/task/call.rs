//! Requests to hosts, and their answers.

use super::failure::template_failure;
use super::{State, Step, TaskRun};
use crate::actions::{AllBlobs, Blobs, Call};
use crate::protocol::{Mode, Outcome, TaskRequest};
use crate::runner::connect::Route;
use crate::runner::event::Event;
use crate::runner::result::TaskResult;
use crate::template::{Context, TemplateError, TemplateErrorKind};
use crate::transport::CallError;
use crate::value::{Value, py_str};
use std::sync::atomic::Ordering;

impl TaskRun<'_> {
    pub(super) fn request(
        &self,
        call: &Call,
        route: &Route,
        environment: &[(String, String)],
        context: &Context,
    ) -> Result<TaskRequest, TemplateError> {
        let timeout = self.timeout(context)?;
        Ok(TaskRequest {
            id: self.shared.next_id.fetch_add(1, Ordering::Relaxed),
            identity: route.identity.clone(),
            module: call.module.clone(),
            args: Value::map(call.args.clone()),
            mode: if call.check.unwrap_or(self.shared.options.check) { Mode::Check } else { Mode::Apply },
            diff: call.diff,
            environment: environment.to_vec(),
            timeout,
            blobs: call.blobs.inline(call.diff),
        })
    }

    /// `async`: with `poll` it is a task with a time limit. Without, nobody would wait for it, which is not there yet.
    fn background(&self, context: &Context) -> Result<Option<u32>, TemplateError> {
        let number = |value: Option<Value>| value.and_then(|value| py_str(&value).trim().parse::<u32>().ok());
        let Some(limit) = number(self.keyword(context, "async")?).filter(|limit| *limit > 0) else {
            return Ok(None);
        };
        if number(self.keyword(context, "poll")?) != Some(0) {
            return Ok(Some(limit));
        }
        Err(TemplateError {
            kind: TemplateErrorKind::Failed,
            message: "`async` with `poll: 0` is not available in this version: the task would have to run on after the play".into(),
            trace: self.task.attr("poll").map(|attr| attr.span.clone()).into_iter().collect(),
        })
    }

    /// `timeout`, in seconds; 0 is none.
    pub(super) fn timeout(&self, context: &Context) -> Result<Option<u32>, TemplateError> {
        const LONGEST: u32 = 100_000_000;
        if let Some(limit) = self.background(context)? {
            return Ok(Some(limit));
        }
        let Some(value) = self.keyword(context, "timeout")? else { return Ok(None) };
        let text = py_str(&value);
        match text.trim().parse::<i64>() {
            Ok(0) => Ok(None),
            Ok(seconds) if (1..=i64::from(LONGEST)).contains(&seconds) => Ok(u32::try_from(seconds).ok()),
            _ => Err(TemplateError {
                kind: TemplateErrorKind::Failed,
                message: format!("Timeout {text} is invalid, it must be between 0 and {LONGEST}."),
                trace: self.task.attr("timeout").map(|attr| attr.span.clone()).into_iter().collect(),
            }),
        }
    }

    /// Sends all pending calls; those for one connection go together, one after the other.
    pub(super) fn call_pending(&self, steps: &mut [Step]) {
        let mut next = 0;
        while next < steps.len() {
            let State::Pending(_, route, _) = &steps[next].state else {
                next += 1;
                continue;
            };
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
            let State::Pending(call, route, environment) = &step.state else { continue };
            match self.request(call, route, environment, &step.context) {
                Ok(request) => {
                    requests.push(request);
                    indices.push(index);
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
            Ok(outcomes) => outcomes.into_iter().map(|outcome| self.result_of(outcome)).collect::<Vec<_>>(),
            Err(error) => indices.iter().map(|_| TaskResult::unreachable(error.to_string())).collect(),
        }
        .into_iter();
        for index in indices {
            let step = &mut steps[index];
            let State::Pending(call, _, _) = &mut step.state else { continue };
            let mut result =
                outcomes.next().unwrap_or_else(|| TaskResult::failure("the host gave no answer"));
            if let Some(finish) = call.finish.take()
                && !result.unreachable
            {
                result = finish(result);
            }
            result.no_log = call.no_log;
            result.show_diff = call.diff;
            result.delegated = call.delegated.clone();
            step.state = State::Done(Box::new(result));
        }
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
        let describe = |_: &str| {};
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
        call.check = Some(call.check.unwrap_or(check));
        call.diff = diff;
        let request = match self.request(&call, route, environment, context) {
            Ok(request) => request,
            Err(error) => return template_failure(&error),
        };
        match self.send_requests(&route.target, &[request], vec![&call.blobs]) {
            Ok(outcomes) => {
                outcomes.into_iter().next().map(|outcome| self.result_of(outcome)).unwrap_or_default()
            }
            Err(error) => TaskResult::unreachable(error.to_string()),
        }
    }

    /// What a module could not tell without doing it is unknown in a drift check, but skipped in an ordinary one.
    fn result_of(&self, outcome: Outcome) -> TaskResult {
        let mut result = TaskResult::from_outcome(outcome);
        if result.unknown.is_some() && !self.shared.options.drift {
            result.unknown = None;
            result.skipped = true;
        }
        if result.skipped {
            result.data.entry("failed".into()).or_insert(false.into());
        }
        result
    }

    pub(super) fn reconnect(&self, route: &Route) -> Result<(), String> {
        self.shared.sessions.reset(&route.target);
        self.shared.sessions.with(&route.target, &|_| {}, |_| Ok(())).map_err(|error| error.to_string())
    }
}
