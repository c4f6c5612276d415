//! The callbacks `timer` and `profile_tasks` of `ansible.posix`: how long it took.

use super::sink::Sink;
use crate::runner::{Event, Reporter};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The time of the whole run, at its end.
pub struct Timer {
    sink: Arc<Sink>,
    start: Instant,
}

impl Timer {
    pub fn new(sink: Arc<Sink>) -> Self {
        Self { sink, start: Instant::now() }
    }
}

/// `0 days, 0 hours, 0 minutes, 1 seconds`.
fn spelled(time: Duration) -> String {
    let seconds = time.as_secs();
    format!(
        "{} days, {} hours, {} minutes, {} seconds",
        seconds / 86_400,
        seconds / 3_600 % 24,
        seconds / 60 % 60,
        seconds % 60
    )
}

impl Reporter for Timer {
    fn on(&mut self, event: &Event) {
        if let Event::Recap(_) = event {
            self.sink.line(&heading("PLAYBOOK RECAP"), None);
            self.sink.line(&format!("Playbook run took {}", spelled(self.start.elapsed())), None);
        }
    }
}

/// The time of each task, as it begins and summed up at the end.
pub struct ProfileTasks {
    sink: Arc<Sink>,
    options: ProfileOptions,
    start: Instant,
    /// Tasks in order, with the moment each began and the time it took.
    tasks: Vec<(String, Instant, Duration)>,
}

/// How much of it is shown.
#[derive(Clone, Copy, Debug)]
pub struct ProfileOptions {
    /// Tasks in the summary.
    pub limit: usize,
    pub summary_only: bool,
    pub order: Order,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Descending,
    Ascending,
    None,
}

impl ProfileTasks {
    pub fn new(sink: Arc<Sink>, options: ProfileOptions) -> Self {
        Self { sink, options, start: Instant::now(), tasks: vec![] }
    }

    /// The task before has ended; the line that says when, and how long it was.
    fn end_of_task(&mut self) -> String {
        let last = match self.tasks.last_mut() {
            Some((_, start, time)) => {
                *time = start.elapsed();
                *time
            }
            None => self.start.elapsed(),
        };
        let now = jiff::Zoned::now().strftime("%A %d %B %Y  %H:%M:%S %z").to_string();
        fill(&format!("{now} ({})       {} ", clock(last), clock(self.start.elapsed())), '*')
    }

    fn summary(&self) -> Vec<String> {
        let mut tasks: Vec<&(String, Instant, Duration)> = self.tasks.iter().collect();
        match self.options.order {
            Order::Descending => tasks.sort_by_key(|(_, _, time)| std::cmp::Reverse(*time)),
            Order::Ascending => tasks.sort_by_key(|(_, _, time)| *time),
            Order::None => {}
        }
        let line = |(name, _, time): &&(String, Instant, Duration)| {
            let time = format!(" {:.2}s", time.as_secs_f64());
            format!("{:-<70}{time:->9}", format!("{name} "))
        };
        tasks.iter().take(self.options.limit).map(line).collect()
    }
}

fn heading(title: &str) -> String {
    format!("\n{}", fill(&format!("{title} "), '*').trim_end())
}

/// A line of 79 characters and a space.
fn fill(text: &str, with: char) -> String {
    let count = 79usize.saturating_sub(text.chars().count());
    format!("{text}{} ", with.to_string().repeat(count))
}

/// `0:00:01.946`.
fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    format!("{}:{:02}:{:02}.{:03}", seconds / 3_600, seconds / 60 % 60, seconds % 60, time.subsec_millis())
}

impl Reporter for ProfileTasks {
    fn on(&mut self, event: &Event) {
        match event {
            Event::Task(info) => {
                let line = self.end_of_task();
                if !self.options.summary_only {
                    self.sink.line(&line, None);
                }
                self.tasks.push((info.name.clone(), Instant::now(), Duration::ZERO));
            }
            Event::Recap(_) => {
                let line = self.end_of_task();
                self.sink.line(&heading("TASKS RECAP"), None);
                self.sink.line(&line, None);
                self.sink.line(&fill("", '='), None);
                self.summary().iter().for_each(|line| self.sink.line(line, None));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_ansible_does() {
        let long = Duration::from_millis(90_061_007);
        assert_eq!(spelled(long), "1 days, 1 hours, 1 minutes, 1 seconds");
        assert_eq!(clock(long), "25:01:01.007");
        assert_eq!(heading("TASKS RECAP").trim_start().len(), 79);
    }

    #[test]
    fn the_summary_is_sorted_and_limited() {
        let sink = Arc::new(Sink::new(None, false));
        let options = ProfileOptions { limit: 2, summary_only: true, order: Order::Descending };
        let mut profile = ProfileTasks::new(sink, options);
        for (name, time) in [("a", 10), ("b", 1_500), ("c", 20)] {
            profile.tasks.push((name.into(), Instant::now(), Duration::from_millis(time)));
        }
        let lines = profile.summary();
        let wanted = [
            "b -------------------------------------------------------------------- 1.50s",
            "c -------------------------------------------------------------------- 0.02s",
        ];
        assert_eq!(lines.iter().map(|line| line.replacen("---", "", 1)).collect::<Vec<_>>(), wanted);
    }
}
