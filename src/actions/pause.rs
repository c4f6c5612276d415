//! `pause`: waits for a time or for the user.

use super::contract::text;
use super::{Action, Prepared, Scene};
use crate::diag::Diagnostic;
use crate::runner::{Answer, Cause, Question, TaskResult};
use crate::value::{Map, Value, py_repr, py_str};
use std::time::Instant;

pub struct Pause;

impl Action for Pause {
    fn prepare(&self, args: Map, scene: &Scene) -> Prepared {
        let number = |name: &str| match args.get(name).filter(|value| !value.is_null()) {
            None => Ok(None),
            Some(value) => match py_str(value).trim().parse::<f64>() {
                Ok(number) => Ok(Some(number)),
                Err(_) => Err(format!(
                    "argument '{name}' is of type {} and we were unable to convert to int: invalid literal for int() with base 10: {}",
                    value.type_name(),
                    py_repr(value)
                )),
            },
        };
        let (minutes, seconds) = match (number("minutes"), number("seconds")) {
            (Ok(minutes), Ok(seconds)) => (minutes, seconds),
            (Err(message), _) | (_, Err(message)) => return Prepared::refused(message),
        };
        if minutes.is_some() && seconds.is_some() {
            return Prepared::refused("parameters are mutually exclusive: minutes|seconds");
        }
        let echo = match args.get("echo").filter(|value| !value.is_null()) {
            None => true,
            Some(value) => match value.ansible_bool() {
                Some(echo) => echo,
                None => {
                    return Prepared::refused(format!(
                        "argument 'echo' is of type {} and we were unable to convert to bool: The value {} is not a valid boolean. \
                         Valid booleans include: 0, 1, 'no', '0', 'off', 'f', 'yes', 't', 'false', 'y', 'n', 'on', '1', 'true'",
                        value.type_name(),
                        py_repr(value)
                    ));
                }
            },
        };
        let wait = minutes
            .map(|minutes| minutes * 60.0)
            .or(seconds)
            .map(|seconds| (seconds as i64).max(1).unsigned_abs());
        let name = scene
            .task
            .name
            .as_ref()
            .and_then(|name| scene.context.render(&name.term).ok())
            .map(|name| py_str(&name))
            .unwrap_or_else(|| "pause".into());
        let start = Instant::now();
        let started = jiff::Zoned::now();
        let mut question = question(&name, text(&args, "prompt"), wait, echo);
        let limit = scene.timeout.filter(|limit| wait.is_none_or(|wait| u64::from(*limit) < wait));
        question.seconds = limit.map(u64::from).or(wait);
        let mut warnings = vec![];
        let input = match ((scene.prompt)(&question), limit) {
            (Answer::TimeUp, Some(limit)) => return Prepared::Done(timed_out(limit)),
            (answer, _) => answer,
        };
        let input = match input {
            Answer::Text(text) => text,
            Answer::Continued | Answer::TimeUp => String::new(),
            Answer::Nobody => {
                let text = "Not waiting for response to prompt as stdin is not interactive";
                warnings.push(Diagnostic::warning("pause", text));
                String::new()
            }
            Answer::Aborted => {
                let result = TaskResult::broken("", Cause::new("user requested abort!", None));
                return Prepared::Done(result.with("changed", false));
            }
        };
        let (elapsed, unit) = match seconds {
            None => (start.elapsed().as_secs_f64() / 60.0, "minutes"),
            Some(_) => (start.elapsed().as_secs_f64(), "seconds"),
        };
        let rounded = (elapsed * 100.0).round() / 100.0;
        let stamp = |time: &jiff::Zoned| time.strftime("%Y-%m-%d %H:%M:%S.%6f").to_string();
        let delta = start.elapsed().as_secs() as i64;
        let pairs = [
            ("changed", Value::Bool(false)),
            ("delta", Value::Int(delta)),
            ("echo", echo.into()),
            ("rc", 0.into()),
            ("start", Value::from(stamp(&started))),
            ("stderr", "".into()),
            ("stdout", Value::from(format!("Paused for {} {unit}", crate::value::float_repr(rounded)))),
            ("stop", Value::from(stamp(&jiff::Zoned::now()))),
            ("user_input", Value::from(input)),
        ];
        let data = pairs.into_iter().map(|(key, value)| (Value::str(key), value)).collect();
        Prepared::Done(TaskResult { warnings, ..TaskResult::ok(data) })
    }
}

fn timed_out(seconds: u32) -> TaskResult {
    let cause = Cause::new(format!("Timed out after {seconds} second(s)."), None);
    TaskResult::broken("", cause)
        .with("changed", false)
        .with("timedout", crate::helper::timed_out_mark(seconds))
}

const KEYS: &str = "(ctrl+C then 'C' = continue early, ctrl+C then 'A' = abort)";

fn question(name: &str, prompt: Option<String>, wait: Option<u64>, echo: bool) -> Question {
    let hidden = if echo { "" } else { " (output is hidden)" };
    let pausing = wait.map(|seconds| format!("Pausing for {seconds} seconds{hidden}"));
    let (intro, text) = match (prompt, pausing) {
        (Some(prompt), pausing) => {
            (pausing.map(|pausing| format!("{pausing}\n{KEYS}\r")), format!("[{name}]\n{prompt}{hidden}:"))
        }
        (None, Some(pausing)) => (Some(pausing), KEYS.to_owned()),
        (None, None) => (None, format!("[{name}]\nPress enter to continue, Ctrl+C to interrupt{hidden}:")),
    };
    Question { intro, text, echo, seconds: wait }
}
