//! The keywords of plays, roles, blocks, tasks and handlers: one table.

/// Where a keyword may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Places(u8);

impl Places {
    pub const PLAY: Self = Self(1);
    pub const ROLE: Self = Self(2);
    pub const BLOCK: Self = Self(4);
    pub const TASK: Self = Self(8);
    pub const HANDLER: Self = Self(16);

    const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub fn contains(self, place: Self) -> bool {
        self.0 & place.0 != 0
    }

    /// In a user's words.
    pub fn name(self) -> &'static str {
        match self {
            Self::PLAY => "Play",
            Self::ROLE => "RoleInclude",
            Self::BLOCK => "Block",
            Self::HANDLER => "Handler",
            _ => "Task",
        }
    }
}

/// A keyword and where it may stand.
pub struct Keyword {
    pub name: &'static str,
    pub places: Places,
}

const TASK: Places = Places::TASK.or(Places::HANDLER);
const BLOCK: Places = Places::BLOCK.or(TASK);
const ALL: Places = Places::PLAY.or(Places::ROLE).or(BLOCK);

macro_rules! keywords {
    ($($name:literal $places:expr;)*) => { &[$(Keyword { name: $name, places: $places }),*] };
}

/// Every keyword of ansible-core 2.19 (its documentation, "Playbook Keywords").
pub static KEYWORDS: &[Keyword] = keywords! {
    "action" TASK;
    "any_errors_fatal" ALL;
    "args" TASK;
    "async" TASK;
    "become" ALL;
    "become_exe" ALL;
    "become_flags" ALL;
    "become_method" ALL;
    "become_user" ALL;
    "changed_when" TASK;
    "check_mode" ALL;
    "collections" ALL;
    "connection" ALL;
    "debugger" ALL;
    "delay" TASK;
    "delegate_facts" Places::ROLE.or(BLOCK);
    "delegate_to" Places::ROLE.or(BLOCK);
    "diff" ALL;
    "environment" ALL;
    "fact_path" Places::PLAY;
    "failed_when" TASK;
    "force_handlers" Places::PLAY;
    "gather_facts" Places::PLAY;
    "gather_subset" Places::PLAY;
    "gather_timeout" Places::PLAY;
    "handlers" Places::PLAY;
    "hosts" Places::PLAY;
    "ignore_errors" ALL;
    "ignore_unreachable" ALL;
    "listen" Places::HANDLER;
    "local_action" TASK;
    "loop" TASK;
    "loop_control" TASK;
    "max_fail_percentage" Places::PLAY;
    "module_defaults" ALL;
    "name" ALL;
    "no_log" ALL;
    "notify" BLOCK;
    "order" Places::PLAY;
    "poll" TASK;
    "port" ALL;
    "post_tasks" Places::PLAY;
    "pre_tasks" Places::PLAY;
    "register" TASK;
    "remote_user" ALL;
    "retries" TASK;
    "roles" Places::PLAY;
    "run_once" ALL;
    "serial" Places::PLAY;
    "strategy" Places::PLAY;
    "tags" ALL;
    "tasks" Places::PLAY;
    "throttle" ALL;
    "timeout" ALL;
    "until" TASK;
    "user" Places::PLAY;
    "validate_argspec" Places::PLAY;
    "vars" ALL;
    "vars_files" Places::PLAY;
    "vars_prompt" Places::PLAY;
    "when" Places::ROLE.or(BLOCK);
    "block" Places::BLOCK;
    "rescue" Places::BLOCK;
    "always" Places::BLOCK;
    "role" Places::ROLE;
    "import_playbook" Places::PLAY;
};

/// The keyword of that name.
pub fn keyword(name: &str) -> Option<&'static Keyword> {
    KEYWORDS.iter().find(|keyword| keyword.name == name)
}

/// The names that may stand at `place`.
pub fn names_at(place: Places) -> impl Iterator<Item = &'static str> {
    KEYWORDS.iter().filter(move |keyword| keyword.places.contains(place)).map(|keyword| keyword.name)
}
