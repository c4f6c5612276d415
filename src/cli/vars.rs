//! `ekumen vars`: what a variable comes to for a host, where that was written, and what it overrode.

use super::exit;
use super::options::{Common, print, print_error};
use super::run::{load, usage};
use super::setup::{Setup, setup, show};
use crate::diag::did_you_mean;
use crate::playbook::{Block, Item, Level, LevelKind, Play, Role, RoleRequest};
use crate::runner::play_scope;
use crate::source::settings::Name;
use crate::template::yaml_dump::{YamlStyle, dump};
use crate::template::{Context, LookupEnv, Scope, TemplateError, Term, Var};
use crate::value::{Redactor, Value, py_str, to_json, to_json_pretty};
use crate::vars::{Layer, Origin, TaskScope};
use clap::Parser;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Prints a variable's value for a host, the file and line it came from, and what it overrode; without a name, all
/// variables. Nothing is run: facts are not gathered, and what tasks would set is not known.
#[derive(Parser, Debug)]
#[command(disable_version_flag = true)]
struct Args {
    /// The host
    host: String,
    /// The variable; all of them without it
    name: Option<String>,
    /// Inventory: a file, a folder, or hosts separated by commas
    #[arg(short = 'i', long = "inventory", value_name = "INVENTORY")]
    inventory: Vec<String>,
    /// Variables: key=value, YAML, JSON, or @FILE
    #[arg(short = 'e', long = "extra-vars", value_name = "EXTRA_VARS")]
    extra_vars: Vec<String>,
    /// As a task of this playbook sees it (of its first play for the host, unless --play names another)
    #[arg(short = 'p', long, value_name = "FILE")]
    playbook: Option<PathBuf>,
    /// The play's name
    #[arg(long, value_name = "NAME", requires = "playbook")]
    play: Option<String>,
    /// As tasks of this role see it
    #[arg(long, value_name = "NAME")]
    role: Option<String>,
    /// As the task of this name sees it
    #[arg(long, value_name = "NAME", requires = "playbook", conflicts_with = "role")]
    task: Option<String>,
    /// Also what the engine itself provides (groups, inventory_hostname, …)
    #[arg(long)]
    all: bool,
    /// As JSON
    #[arg(long)]
    json: bool,
    /// Ask for vault passwords
    #[arg(short = 'J', long = "ask-vault-password", visible_alias = "ask-vault-pass")]
    ask_vault_password: bool,
    /// A file (or program) with a vault password
    #[arg(long = "vault-password-file", visible_alias = "vault-pass-file", value_name = "FILE")]
    vault_password_files: Vec<String>,
    /// A vault identity: LABEL@FILE
    #[arg(long = "vault-id", value_name = "ID")]
    vault_ids: Vec<String>,
}

pub fn main(args: Vec<String>) -> i32 {
    let args = match Args::try_parse_from(args) {
        Ok(args) => args,
        Err(error) => return usage(&error, Name::Ekumen),
    };
    let common = Common {
        inventory: args.inventory.clone(),
        extra_vars: args.extra_vars.clone(),
        ask_vault_password: args.ask_vault_password,
        vault_password_files: args.vault_password_files.clone(),
        vault_ids: args.vault_ids.clone(),
        ..Common::default()
    };
    let mut setup = match setup(&common, Name::Ekumen, |_| {}) {
        Ok(setup) => setup,
        Err(code) => return code,
    };
    std::mem::take(&mut setup.warnings).iter().for_each(show);
    match answer(&args, &setup) {
        Ok((text, code)) => {
            print(&Redactor::global().redact(&text));
            code
        }
        Err(code) => code,
    }
}

/// The text for standard output and the exit code.
fn answer(args: &Args, setup: &Setup) -> Result<(String, i32), i32> {
    let scope = scope(args, setup)?;
    for problem in setup.shared.store.take_problems().into_iter().chain(setup.shared.loader.take_problems()) {
        show(&problem);
        if problem.severity == crate::diag::Severity::Error {
            return Err(exit::CONTENT);
        }
    }
    let env = LookupEnv {
        playbook_dir: setup.shared.playbook_dir(),
        search_path: vec![setup.shared.playbook_dir()],
        hosts: setup.shared.host_names(),
        settings: setup.shared.lookup_settings.clone(),
    };
    let context = Context::new(&setup.shared.engine, Arc::new(scope.clone()), Arc::new(env));
    let names: Vec<Arc<str>> = match &args.name {
        Some(name) => vec![Arc::from(name.as_str())],
        None => scope.names(),
    };
    let mut variables = Vec::new();
    for name in names {
        let origins = scope.origins(&name);
        let provided = origins.first().is_none_or(|origin| origin.layer.number().is_none());
        if provided && args.name.is_none() && !args.all {
            continue;
        }
        let value = origins.first().map(|_| value_of(&context, &name));
        let Some(value) = value else {
            let known = scope.names();
            let near = did_you_mean(&name, known.iter().map(|name| &**name));
            let hint = near.map(|near| format!(" (did you mean `{near}`?)")).unwrap_or_default();
            print_error(&format!("[ERROR]: {} has no variable `{name}`{hint}\n", args.host));
            return Err(exit::NOTHING);
        };
        variables.push(Variable { name, value, origins });
    }
    let failed = args.name.is_some() && variables.iter().any(|variable| variable.value.is_err());
    let text = match (args.json, &args.name) {
        (true, Some(_)) => variables.iter().map(|one| to_json_pretty(&one.json(&args.host)) + "\n").collect(),
        (true, None) => {
            let all = variables.iter().map(|one| one.json(&args.host)).collect();
            to_json_pretty(&Value::list(all)) + "\n"
        }
        (false, Some(_)) => variables.iter().map(Variable::text).collect(),
        (false, None) => table(&variables, setup.look.width),
    };
    Ok((text, if failed { exit::FAILED } else { exit::OK }))
}

/// The host's view, in the play, role or task that was asked for.
fn scope(args: &Args, setup: &Setup) -> Result<TaskScope, i32> {
    let shared = &setup.shared;
    let wrong = |what: String, code: i32| {
        print_error(&format!("[ERROR]: {what}\n"));
        code
    };
    if let Ok(mut inventory) = shared.store.inventory.write()
        && inventory.host(&args.host).is_none()
    {
        if crate::inventory::is_localhost(&args.host) {
            inventory.implicit_localhost(&args.host);
        } else {
            let near = did_you_mean(&args.host, inventory.hosts().map(|host| &*host.name));
            let hint = near.map(|near| format!(" (did you mean `{near}`?)")).unwrap_or_default();
            let what = format!("there is no host `{}` in the inventory{hint}", args.host);
            return Err(wrong(what, exit::NOTHING));
        }
    }
    let Some(path) = &args.playbook else {
        if let (Ok(here), Ok(mut slot)) = (std::env::current_dir(), shared.store.playbook_dir.write()) {
            *slot = here;
        }
        let mut scope = TaskScope::host(&shared.store, &args.host, &shared.magic);
        if let Some(name) = &args.role {
            let top = Arc::new(Level::empty(LevelKind::Play, None));
            scope.layers = Some(role_level(setup, name, None, &top)?);
        }
        return Ok(scope);
    };
    let playbooks = load(setup, std::slice::from_ref(path), Name::Ekumen)?;
    if let (Ok(path), Ok(mut slot)) = (std::path::absolute(path), shared.store.playbook_dir.write()) {
        *slot = path.parent().map(Path::to_owned).unwrap_or_default();
    }
    for play in playbooks.iter().flat_map(|(_, playbook)| &playbook.plays) {
        let context = shared.known_context(play).map_err(|problem| {
            show(&problem);
            exit::CONTENT
        })?;
        let text = |term: &Term| context.render(term).ok().map(|value| py_str(&value)).unwrap_or_default();
        let hosts = match context.render(&play.hosts.term) {
            Ok(Value::List(items)) => items.iter().map(py_str).collect::<Vec<_>>().join(","),
            Ok(value) => py_str(&value),
            Err(_) => continue,
        };
        let name = play.name.as_ref().map_or_else(|| hosts.clone(), |attr| text(&attr.term));
        let selected = shared.store.inventory.read().ok().and_then(|all| all.select(&hosts, None).ok());
        let selected = selected.map(|(hosts, _)| hosts).unwrap_or_default();
        if !selected.contains(&args.host) || args.play.as_ref().is_some_and(|wanted| *wanted != name) {
            continue;
        }
        let level = match (&args.role, &args.task) {
            (Some(role), _) => role_level(setup, role, Some(play), &play.level)?,
            (None, Some(task)) => match task_level(play, task, &context) {
                Some(level) => level,
                None => continue,
            },
            (None, None) => play.level.clone(),
        };
        let mut scope = TaskScope::host(&shared.store, &args.host, &shared.magic);
        let plays = Arc::new(play_scope(play, &name, crate::vars::Terms::new(), &selected));
        shared.read_vars_files(play, &plays, std::slice::from_ref(&args.host)).map_err(|problem| {
            show(&problem);
            exit::CONTENT
        })?;
        scope.play = Some(plays);
        scope.layers = Some(level);
        return Ok(scope);
    }
    let play = args.play.as_ref().map_or_else(|| "no play".to_owned(), |name| format!("no play `{name}`"));
    let mut what = format!("{play} of {} is for the host `{}`", path.display(), args.host);
    if let Some(task) = &args.task {
        what =
            format!("{what} and has a task `{task}` (files that tasks include while they run are not read)");
    }
    Err(wrong(what, exit::NOTHING))
}

/// A level inside the role: as the play uses it, else as it stands in its folder.
fn role_level(
    setup: &Setup,
    name: &str,
    play: Option<&Play>,
    parent: &Arc<Level>,
) -> Result<Arc<Level>, i32> {
    let is_it = |role: &Arc<Role>| role.name == name || role.display_name() == name;
    let role = play.and_then(|play| {
        let all = play.roles.iter().flat_map(|role| role.with_dependencies());
        all.into_iter().find(|role| is_it(role)).or_else(|| {
            let blocks = [&play.pre_tasks, &play.tasks, &play.post_tasks];
            blocks.into_iter().find_map(|block| {
                find(block, &mut |level| level.role.as_ref().filter(|role| is_it(role)).cloned())
            })
        })
    });
    let role = match role {
        Some(role) => role,
        None => {
            let request = RoleRequest { name: name.to_owned(), by_task: true, ..RoleRequest::default() };
            let place = crate::diag::Span::synthetic("<command line>", name);
            let role = setup.shared.loader.role(&request, parent, &place);
            role.ok_or_else(|| {
                setup.shared.loader.take_problems().iter().for_each(show);
                exit::CONTENT
            })?
        }
    };
    Ok(Arc::new(Level { role: Some(role), ..Level::empty(LevelKind::Role, Some(parent.clone())) }))
}

fn task_level(play: &Play, name: &str, context: &Context) -> Option<Arc<Level>> {
    [&play.pre_tasks, &play.tasks, &play.post_tasks]
        .into_iter()
        .find_map(|block| task_in(block, name, context))
}

fn task_in(block: &Block, name: &str, context: &Context) -> Option<Arc<Level>> {
    block.main.iter().chain(&block.rescue).chain(&block.always).find_map(|item| match item {
        Item::Block(block) => task_in(block, name, context),
        Item::Task(task) => {
            let term = &task.name.as_ref()?.term;
            let shown = py_str(&context.render(term).unwrap_or_else(|_| term.written()));
            let with_role = task.level.role.as_ref().map(|role| format!("{} : {shown}", role.display_name()));
            (shown == name || with_role.as_deref() == Some(name)).then(|| task.level.clone())
        }
    })
}

/// The first answer that a task's level gives.
fn find<T>(block: &Block, ask: &mut dyn FnMut(&Level) -> Option<T>) -> Option<T> {
    block.main.iter().chain(&block.rescue).chain(&block.always).find_map(|item| match item {
        Item::Block(block) => find(block, ask),
        Item::Task(task) => ask(&task.level),
    })
}

fn value_of(context: &Context, name: &str) -> Result<Value, String> {
    context.variable(name).map(|value| value.unwrap_or(Value::Null)).map_err(TemplateError::into_message)
}

struct Variable {
    name: Arc<str>,
    /// Or why it has none.
    value: Result<Value, String>,
    origins: Vec<Origin>,
}

impl Variable {
    fn text(&self) -> String {
        let mut out = match &self.value {
            Ok(value @ (Value::Map(_) | Value::List(_))) if !is_empty(value) => {
                let text = dump(value, &YamlStyle { flow: Some(false), ..YamlStyle::default() });
                let indented: String = text.lines().map(|line| format!("  {line}\n")).collect();
                format!("{}:\n{indented}", self.name)
            }
            Ok(value) => format!("{}: {}\n", self.name, shown(value)),
            Err(why) => format!("{}: (no value: {why})\n", self.name),
        };
        let written = self.origins.iter().map(|origin| written(&origin.var));
        let rows: Vec<[String; 4]> = self
            .origins
            .iter()
            .zip(written)
            .enumerate()
            .map(|(number, (origin, written))| {
                let mark = match number {
                    0 => "from",
                    // Mappings of several places add up.
                    _ if origin.counts => "and",
                    _ => "over",
                };
                [mark.to_owned(), place(origin), layer(origin), shown(&written)]
            })
            .collect();
        out.push('\n');
        out.push_str(&columns(&rows, 2));
        out
    }

    fn json(&self, host: &str) -> Value {
        let origins = self.origins.iter().map(|origin| {
            let (file, line, column) = match &origin.place {
                Some(place) => {
                    (Value::str(place.file.path.to_string_lossy()), place.line.into(), place.column.into())
                }
                None => (Value::Null, Value::Null, Value::Null),
            };
            Value::object([
                ("layer", Value::str(origin.layer.to_string())),
                ("precedence", origin.layer.number().map(i64::from).into()),
                ("owner", origin.owner.clone().into()),
                ("file", file),
                ("line", line),
                ("column", column),
                ("written", written(&origin.var)),
                ("effective", Value::Bool(origin.counts)),
            ])
        });
        let mut answer = vec![("host", Value::str(host)), ("name", Value::str(&self.name))];
        match &self.value {
            Ok(value) => answer.push(("value", value.clone())),
            Err(why) => answer.push(("error", Value::str(why))),
        }
        answer.push(("origins", Value::list(origins.collect())));
        Value::map(answer.into_iter().map(|(key, value)| (Value::str(key), value)).collect())
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Map(map) => map.is_empty(),
        Value::List(items) => items.is_empty(),
        _ => false,
    }
}

/// One line of JSON, which is YAML too; texts that need no quotes have none.
fn shown(value: &Value) -> String {
    match value {
        Value::Str(text) => {
            let plain = dump(value, &YamlStyle { flow: Some(true), ..YamlStyle::default() });
            let plain = plain.trim_end_matches('\n').trim_end_matches("\n...").to_owned();
            if plain == **text { plain } else { to_json(value) }
        }
        _ => to_json(value),
    }
}

/// The value as its author wrote it.
fn written(var: &Var) -> Value {
    match var {
        Var::Value(value) => value.clone(),
        Var::Term(term) => term.written(),
        Var::Scope(_) => Value::Null,
    }
}

/// File and line, relative to the working directory where it is below that.
fn place(origin: &Origin) -> String {
    let Some(place) = &origin.place else { return "-".to_owned() };
    let path = &place.file.path;
    let here = std::env::current_dir().ok();
    let short = here.as_deref().and_then(|here| path.strip_prefix(here).ok()).unwrap_or(path);
    // What was given on the command line has no lines.
    match path.to_string_lossy().starts_with('<') {
        true => short.display().to_string(),
        false => format!("{}:{}", short.display(), place.line),
    }
}

fn layer(origin: &Origin) -> String {
    match (&origin.owner, origin.layer) {
        (Some(owner), Layer::RoleDefaults | Layer::RoleVars | Layer::RoleParams) => {
            format!("{} ({owner})", origin.layer)
        }
        (Some(owner), Layer::InventoryGroup) => format!("{} (group {owner})", origin.layer),
        (Some(owner), layer) => format!("{layer} ({owner})"),
        (None, layer) => layer.to_string(),
    }
}

/// Rows with all columns but the last as wide as their widest cell.
fn columns<const N: usize>(rows: &[[String; N]], indent: usize) -> String {
    let width = |column: usize| {
        rows.iter().map(|row| console::measure_text_width(&row[column])).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..N).map(width).collect();
    let mut out = String::new();
    for row in rows {
        let mut line = " ".repeat(indent);
        for (column, cell) in row.iter().enumerate() {
            line.push_str(cell);
            if column + 1 < N {
                line.push_str(&" ".repeat(widths[column] - console::measure_text_width(cell) + 2));
            }
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// One line per variable: name, value (cut where it is long), place, how many places it overrode.
fn table(variables: &[Variable], width: usize) -> String {
    let rows: Vec<[String; 3]> = variables
        .iter()
        .map(|one| {
            let value = match &one.value {
                Ok(value) => shown(value),
                Err(why) => format!("(no value: {why})"),
            };
            let value = value.replace('\n', " ");
            let value = console::truncate_str(&value, (width / 2).max(20), "…").into_owned();
            let first = one.origins.first().map(|origin| match &origin.place {
                Some(_) => place(origin),
                None => layer(origin),
            });
            let losers = match one.origins.len() {
                0 | 1 => String::new(),
                count => format!(" (over {})", count - 1),
            };
            [one.name.to_string(), value, format!("{}{losers}", first.unwrap_or_default())]
        })
        .collect();
    columns(&rows, 0)
}
