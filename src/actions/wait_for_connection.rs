//! `wait_for_connection`: tries until the host can be used.

use super::{Action, Call, Prepared, Scene};
use crate::runner::TaskResult;
use crate::value::{Map, Value, py_str};
use std::time::{Duration, Instant};

pub struct WaitForConnection;

impl Action for WaitForConnection {
    fn prepare(&self, args: Map, scene: &Scene) -> Prepared {
        if scene.check {
            return Prepared::Done(TaskResult { skipped: true, ..TaskResult::default() });
        }
        let seconds = |name: &str, default: u64| match args.get(name) {
            Some(value) => py_str(value).trim().parse::<u64>().unwrap_or(default),
            None => default,
        };
        let start = Instant::now();
        let limit = Duration::from_secs(seconds("timeout", 600));
        std::thread::sleep(Duration::from_secs(seconds("delay", 0)));
        let mut last = String::new();
        loop {
            let tried = (scene.reconnect)().and_then(|()| {
                let answer = (scene.call)(Call::new("ping", Map::new()));
                if answer.failed || answer.unreachable { Err(answer.msg()) } else { Ok(()) }
            });
            match tried {
                Ok(()) => {
                    let elapsed = Value::Int(start.elapsed().as_secs() as i64);
                    return Prepared::Done(
                        TaskResult::default().with("elapsed", elapsed).with("changed", false),
                    );
                }
                Err(message) => last = if message.is_empty() { last } else { message },
            }
            if start.elapsed() >= limit {
                let elapsed = Value::Int(start.elapsed().as_secs() as i64);
                return Prepared::Done(
                    TaskResult::failure(format!("timed out waiting for ping module test: {last}"))
                        .with("elapsed", elapsed),
                );
            }
            std::thread::sleep(Duration::from_secs(seconds("sleep", 1)));
        }
    }
}
