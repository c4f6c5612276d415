//! The threads that render tasks and wait for hosts: as many as forks, whatever the number of cores, since they wait most of
//! their time. They are started when they are needed and sleep while there is nothing to do; threads that look for work in
//! each other's queues, as a pool for computing has them, would take more time for looking than for working.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::{io, process, thread};

/// Bytes of stack of each thread: templates may nest deep.
const STACK: usize = 8 << 20;

type Job = Box<dyn FnOnce() + Send>;

/// Threads that take jobs in the order in which they come.
pub struct Pool {
    queue: Arc<Queue>,
    most: usize,
}

#[derive(Default)]
struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    threads: usize,
    /// Threads that wait for a job.
    idle: usize,
    closed: bool,
}

impl Pool {
    /// A pool of at most so many threads; one at least.
    ///
    /// # Errors
    /// When not even the first thread can be started.
    pub fn new(most: usize) -> io::Result<Self> {
        let pool = Self { queue: Arc::default(), most: most.max(1) };
        pool.start(&mut pool.queue.state())?;
        Ok(pool)
    }

    /// Runs a job as soon as a thread is free.
    pub fn spawn(&self, job: impl FnOnce() + Send + 'static) {
        let mut state = self.queue.state();
        state.jobs.push_back(Box::new(job));
        // A thread that the system refuses is no loss: those that are there take the job.
        if state.jobs.len() > state.idle && state.threads < self.most && self.start(&mut state).is_ok() {
            return;
        }
        drop(state);
        self.queue.changed.notify_one();
    }

    fn start(&self, state: &mut State) -> io::Result<()> {
        let queue = self.queue.clone();
        let name = format!("fork-{}", state.threads);
        thread::Builder::new().name(name).stack_size(STACK).spawn(move || queue.work())?;
        state.threads += 1;
        Ok(())
    }
}

impl Drop for Pool {
    /// Lets the threads go once all jobs are done, without waiting for them.
    fn drop(&mut self) {
        self.queue.state().closed = true;
        self.queue.changed.notify_all();
    }
}

impl Queue {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        while let Some(job) = self.next() {
            // Whoever waits for the job would wait for ever. What went wrong has been printed.
            if catch_unwind(AssertUnwindSafe(job)).is_err() {
                process::abort();
            }
        }
    }

    fn next(&self) -> Option<Job> {
        let mut state = self.state();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                return Some(job);
            }
            if state.closed {
                return None;
            }
            state.idle += 1;
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::sync::mpsc;

    /// Names of the threads that run jobs which all wait for each other.
    fn together(pool: &Pool, count: usize) -> BTreeSet<String> {
        let (names, named) = mpsc::channel();
        let gates: Vec<_> = (0..count)
            .map(|_| {
                let (open, gate) = mpsc::channel::<()>();
                let names = names.clone();
                pool.spawn(move || {
                    names.send(thread::current().name().unwrap_or_default().to_owned()).expect("heard");
                    gate.recv().ok();
                });
                open
            })
            .collect();
        let running = (0..count).map(|_| named.recv().expect("it runs")).collect();
        drop(gates);
        running
    }

    #[test]
    fn jobs_run_side_by_side_and_threads_are_used_again() {
        let pool = Pool::new(4).expect("threads");
        assert_eq!(together(&pool, 4).len(), 4);
        assert_eq!(together(&pool, 4).len(), 4);
        assert_eq!(pool.queue.state().threads, 4);
    }

    #[test]
    fn few_jobs_need_few_threads() {
        let pool = Pool::new(100).expect("threads");
        together(&pool, 3);
        let threads = pool.queue.state().threads;
        assert!((3..=4).contains(&threads), "{threads}");
    }

    #[test]
    fn more_jobs_than_threads_come_in_order() {
        let pool = Pool::new(1).expect("a thread");
        let (said, heard) = mpsc::channel();
        for number in 0..50 {
            let said = said.clone();
            pool.spawn(move || said.send(number).expect("heard"));
        }
        drop((pool, said));
        assert_eq!(heard.iter().collect::<Vec<_>>(), (0..50).collect::<Vec<_>>());
    }
}
