//! Runs plays. The main thread decides (where each host stands, what comes next) and is the only one that
//! changes variables; a pool of `forks` threads renders and calls, one host per thread at a time.

mod connect;
mod debugger;
mod event;
mod handlers;
mod include;
mod meta;
mod play;
mod play_keywords;
mod play_scope;
mod pool;
mod prompts;
mod result;
mod round;
mod shared;
mod strategy;
mod tags;
mod task;
mod vars_prompt;
mod walk;

pub use connect::{Sessions, is_local_name};
pub use event::{Event, Reporter, Tally, TaskInfo};
pub use play::{Broken, PlayRun, Runner, Verdict};
pub use play_keywords::check_play;
pub use play_scope::play_scope;
pub use prompts::{Answer, Question};
pub use result::{Cause, Delegate, Effect, Include, TaskResult};
pub use shared::{RunOptions, Shared};
pub use tags::{Selection, tags_of};
pub use task::{async_folder, canonical, condition_error, template_failure};
