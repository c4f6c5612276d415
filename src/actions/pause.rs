//! `pause`: waits for a time or for the user.

use super::contract::{text, truth};
use super::{Action, Prepared, Scene};
use crate::runner::TaskResult;
use crate::value::{Map, Value, py_str};
use std::time::Instant;

pub struct Pause;

impl Action for Pause {
    fn prepare(&self, args: Map, scene: &Scene) -> Prepared {
        let number = |name: &str| match args.get(name).filter(|value| !value.is_null()) {
            None => Ok(None),
            Some(value) => match py_str(value).trim().parse::<f64>() {
                Ok(number) => Ok(Some(number)),
                Err(_) => Err(format!(
                    "non-integer value given for prompt duration:\ninvalid literal for int() with base 10: '{}'",
                    py_str(value)
                )),
            },
        };
        let (minutes, seconds) = match (number("minutes"), number("seconds")) {
            (Ok(minutes), Ok(seconds)) => (minutes, seconds),
            (Err(message), _) | (_, Err(message)) => return Prepared::failed(message),
        };
        if minutes.is_some() && seconds.is_some() {
            return Prepared::failed("parameters are mutually exclusive: minutes|seconds");
        }
        let wait = minutes
            .map(|minutes| minutes * 60.0)
            .or(seconds)
            .map(|seconds| (seconds as i64).max(1).unsigned_abs());
        let echo = truth(&args, "echo", true);
        let custom = text(&args, "prompt");
        let name = scene
            .task
            .name
            .as_ref()
            .and_then(|name| scene.context.render(&name.term).ok())
            .map(|name| py_str(&name))
            .unwrap_or_else(|| "pause".into());
        let start = Instant::now();
        let started = jiff::Zoned::now();
        // Nobody can press a key where there is no terminal.
        let keys = match std::io::IsTerminal::is_terminal(&std::io::stdin()) {
            true => "\n(ctrl+C then 'C' = continue early, ctrl+C then 'A' = abort)\r",
            false => "",
        };
        let text = match (&custom, wait) {
            (Some(custom), _) => format!("[{name}]\n{custom}:"),
            (None, None) => format!("[{name}]\nPress enter to continue, Ctrl+C to interrupt:"),
            (None, Some(seconds)) => format!("Pausing for {seconds} seconds{keys}"),
        };
        let input = (scene.prompt)(&text, echo, wait);
        let (elapsed, unit) = match minutes {
            Some(_) => (start.elapsed().as_secs_f64() / 60.0, "minutes"),
            None => (start.elapsed().as_secs_f64(), "seconds"),
        };
        let rounded = (elapsed * 100.0).round() / 100.0;
        let stamp = |time: &jiff::Zoned| time.strftime("%Y-%m-%d %H:%M:%S.%6f").to_string();
        let delta = if minutes.is_some() { elapsed as i64 } else { start.elapsed().as_secs() as i64 };
        let pairs = [
            ("changed", Value::Bool(false)),
            ("delta", Value::Int(delta)),
            ("echo", echo.into()),
            ("rc", 0.into()),
            ("start", Value::from(stamp(&started))),
            ("stderr", "".into()),
            ("stdout", Value::from(format!("Paused for {} {unit}", crate::value::float_repr(rounded)))),
            ("stop", Value::from(stamp(&jiff::Zoned::now()))),
            ("user_input", Value::from(input.unwrap_or_default())),
        ];
        Prepared::Done(TaskResult::ok(
            pairs.into_iter().map(|(key, value)| (Value::str(key), value)).collect(),
        ))
    }
}
