//! Facts and settings of the whole host.

pub mod async_status;
pub mod cron;
mod crontab;
pub mod getent;
pub mod hostname;
pub mod setup;
pub mod wait_for;
