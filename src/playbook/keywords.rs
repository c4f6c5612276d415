//! The keywords of plays, roles, blocks, tasks and handlers: one table.

use crate::value::Value;

/// Where a keyword may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Places(u8);

impl Places {
    pub const PLAY: Self = Self(1);
    pub const ROLE: Self = Self(2);
    pub const BLOCK: Self = Self(4);
    pub const TASK: Self = Self(8);
    pub const HANDLER: Self = Self(16);
    /// `include_tasks` and `include_role`.
    pub const INCLUDE: Self = Self(32);
    /// `import_playbook`.
    pub const PLAYBOOK: Self = Self(64);

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
            Self::PLAYBOOK => "PlaybookInclude",
            _ => "Task",
        }
    }
}

/// What a keyword's value has to be. Texts and names are looked at while loading, the others when a task or play is about to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Truth,
    Integer,
    Number,
    Percent,
    Text,
    /// A text or a list of texts, without templates.
    Names,
    /// A text or a list of texts.
    Texts,
    /// `module_defaults`.
    Defaults,
    /// What it has to be is known where it is used.
    Other,
}

impl Kind {
    /// Whether a rendered value can be read as that; if not, the type's name as Ansible says it.
    ///
    /// # Errors
    /// The name of the type that it should have been.
    pub fn check(self, value: &Value) -> Result<(), &'static str> {
        let (fits, name) = match self {
            Self::Truth => (value.ansible_bool().is_some(), "bool"),
            Self::Integer => (integer(value).is_some(), "int"),
            Self::Number => (number(value).is_some(), "float"),
            Self::Percent => (percent(value).is_some(), "percent"),
            Self::Text | Self::Names | Self::Texts | Self::Defaults | Self::Other => (true, ""),
        };
        if fits || value.is_null() { Ok(()) } else { Err(name) }
    }
}

/// A whole number, or its text.
pub fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Bool(truth) => Some(i64::from(*truth)),
        Value::Int(number) => Some(*number),
        Value::Float(number) if number.fract() == 0.0 && number.abs() < 1e15 => Some(*number as i64),
        Value::Str(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// A number, or its text.
pub fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Float(number) => Some(*number),
        Value::Str(text) => text.trim().parse().ok(),
        other => integer(other).map(|number| number as f64),
    }
}

/// A share in per cent: a number, or a text with or without its sign.
pub fn percent(value: &Value) -> Option<f64> {
    match value {
        Value::Str(text) => text.strip_suffix('%').unwrap_or(text).trim().parse().ok(),
        other => number(other),
    }
    .filter(|number: &f64| number.is_finite())
}

/// The moments of `debugger`.
const MOMENTS: &[&str] = &["always", "never", "on_failed", "on_skipped", "on_unreachable"];

/// What is wrong with a value of `debugger`. One that is no text has no effect.
pub fn debugger_fault(value: &Value) -> Option<String> {
    let word = value.as_str().filter(|word| !word.is_empty() && !MOMENTS.contains(word))?;
    let moments = MOMENTS.join(", ");
    Some(format!("'{word}' is not a valid value for debugger. Must be one of {moments}"))
}

/// A keyword, where it may stand and what it takes.
pub struct Keyword {
    pub name: &'static str,
    pub places: Places,
    pub kind: Kind,
}

const TASK: Places = Places::TASK.or(Places::HANDLER);
const BLOCK: Places = Places::BLOCK.or(TASK);
const ANY: Places = Places::PLAY.or(Places::ROLE).or(BLOCK);
/// What an imported playbook's plays inherit.
const ALL: Places = ANY.or(Places::PLAYBOOK);

macro_rules! keywords {
    ($($name:literal $places:expr, $kind:ident;)*) => { &[$(Keyword { name: $name, places: $places, kind: Kind::$kind }),*] };
}

/// Every keyword of ansible-core 2.19 (its documentation, "Playbook Keywords").
pub static KEYWORDS: &[Keyword] = keywords! {
    "action" TASK.or(Places::INCLUDE), Other;
    "any_errors_fatal" ALL, Truth;
    "args" TASK.or(Places::INCLUDE), Other;
    "async" TASK, Integer;
    "become" ALL, Truth;
    "become_exe" ALL, Text;
    "become_flags" ALL, Text;
    "become_method" ALL, Text;
    "become_user" ALL, Text;
    "changed_when" TASK, Other;
    "check_mode" ALL, Truth;
    "collections" ANY.or(Places::INCLUDE), Names;
    "connection" ALL, Text;
    "debugger" ALL.or(Places::INCLUDE), Text;
    "delay" TASK, Number;
    "delegate_facts" Places::ROLE.or(BLOCK), Truth;
    "delegate_to" Places::ROLE.or(BLOCK), Text;
    "diff" ALL, Truth;
    "environment" ALL, Other;
    "fact_path" Places::PLAY, Text;
    "failed_when" TASK, Other;
    "force_handlers" Places::PLAY, Truth;
    "gather_facts" Places::PLAY, Truth;
    "gather_subset" Places::PLAY, Texts;
    "gather_timeout" Places::PLAY, Integer;
    "handlers" Places::PLAY, Other;
    "hosts" Places::PLAY, Other;
    "ignore_errors" ALL.or(Places::INCLUDE), Truth;
    "ignore_unreachable" ALL, Truth;
    "listen" Places::HANDLER, Other;
    "local_action" TASK.or(Places::INCLUDE), Other;
    "loop" TASK.or(Places::INCLUDE), Other;
    "loop_control" TASK.or(Places::INCLUDE), Other;
    "max_fail_percentage" Places::PLAY, Percent;
    "module_defaults" ALL, Defaults;
    "name" ALL.or(Places::INCLUDE), Text;
    "no_log" ALL.or(Places::INCLUDE), Truth;
    "notify" BLOCK, Other;
    "order" Places::PLAY, Text;
    "poll" TASK, Integer;
    "port" ALL, Integer;
    "post_tasks" Places::PLAY, Other;
    "pre_tasks" Places::PLAY, Other;
    "register" TASK.or(Places::INCLUDE), Other;
    "remote_user" ALL, Text;
    "retries" TASK, Integer;
    "roles" Places::PLAY, Other;
    "run_once" ALL.or(Places::INCLUDE), Truth;
    "serial" Places::PLAY, Other;
    "strategy" Places::PLAY, Text;
    "tags" ALL.or(Places::INCLUDE), Other;
    "tasks" Places::PLAY, Other;
    "throttle" ALL, Integer;
    "timeout" ALL.or(Places::INCLUDE), Integer;
    "until" TASK, Other;
    "user" Places::PLAY, Text;
    "vars" ALL.or(Places::INCLUDE), Other;
    "vars_files" Places::PLAY, Other;
    "vars_prompt" Places::PLAY, Other;
    "when" Places::ROLE.or(Places::PLAYBOOK).or(BLOCK).or(Places::INCLUDE), Other;
    "block" Places::BLOCK, Other;
    "rescue" Places::BLOCK, Other;
    "always" Places::BLOCK, Other;
    "role" Places::ROLE, Other;
    "import_playbook" Places::PLAY.or(Places::PLAYBOOK), Other;
};

/// The members of `loop_control` and what they take.
pub static LOOP_CONTROL: &[(&str, Kind)] = &[
    ("loop_var", Kind::Text),
    ("index_var", Kind::Text),
    ("label", Kind::Text),
    ("pause", Kind::Number),
    ("extended", Kind::Truth),
    ("extended_allitems", Kind::Truth),
    ("break_when", Kind::Other),
];

/// The keyword of that name.
pub fn keyword(name: &str) -> Option<&'static Keyword> {
    KEYWORDS.iter().find(|keyword| keyword.name == name)
}

/// The names that may stand at `place`.
pub fn names_at(place: Places) -> impl Iterator<Item = &'static str> {
    KEYWORDS.iter().filter(move |keyword| keyword.places.contains(place)).map(|keyword| keyword.name)
}
