//! Playbooks as data: plays, blocks, tasks, roles, handlers. [`Loader`] parses files and links them (modules,
//! arguments, roles, static imports); nothing here runs anything.

mod action;
mod action_groups;
mod args;
pub mod arguments;
mod collections;
mod keywords;
mod known;
mod layers;
mod level;
mod library;
mod links;
mod load_role;
mod loader;
mod moved;
mod parse_import;
mod parse_loop;
mod parse_play;
mod parse_task;
mod play;
mod plugin_filters;
mod role;
mod task_files;
mod tasks;
mod terms;

pub use action::{ActionKind, ActionName, is_available, is_free_form, resolve};
pub use action_groups::module_defaults;
pub use arguments::ACTIONS;
pub use keywords::{Keyword, Kind, LOOP_CONTROL, Places, debugger_fault, integer, keyword, number, percent};
pub use known::exported;
pub use level::{Attr, Condition, Level, LevelKind, Tags, Vars};
pub use library::{Foreign, Library, cannot_run};
pub use loader::{Loader, RoleRequest, TaskFile};
pub use play::{Play, Playbook, PromptSpec, SerialItem};
pub use plugin_filters::rejected_modules;
pub use role::{Role, RoleId};
pub use task_files::Way;
pub use tasks::{Block, Item, Loop, LoopControl, Task};
pub use terms::unconverted;
