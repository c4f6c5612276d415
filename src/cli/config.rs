//! `ekumen config`, `ansible-config`: the settings, and where each was set.

use super::exit;
use super::options::{print, print_error};
use super::setup::show;
use crate::source::Settings;
use crate::source::settings::{Kind, Name, Origin, Row, Surroundings, TABLE, plugin_type};
use crate::template::yaml_dump::{YamlStyle, dump};
use crate::value::{Map, Value, py_str, to_json_pretty};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Shows settings, and where they come from.
#[derive(Parser, Debug)]
#[command(disable_version_flag = true)]
struct Options {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand, Debug)]
enum Action {
    /// List all settings with their types, defaults and places
    List(Common),
    /// Show the value and the origin of each setting
    Dump(Common),
    /// Show the configuration file
    View(Common),
    /// Print a configuration file with all settings
    Init(Common),
    /// Find settings in the configuration file, or in the environment, that nobody knows
    Validate(Common),
}

#[derive(Args, Debug)]
struct Common {
    /// The configuration file, instead of the one that would be found
    #[arg(short = 'c', long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// `base`, `all`, or the name of a plugin's type
    #[arg(short = 't', long = "type", value_name = "TYPE", default_value = "base")]
    kind: String,
    /// How to print it
    #[arg(short = 'f', long)]
    format: Option<Format>,
    /// For `dump`: only what is not as by default
    #[arg(long, visible_alias = "changed-only")]
    only_changed: bool,
    /// For `init`: every line a comment
    #[arg(long)]
    disabled: bool,
    /// More words
    #[arg(short, long, action = clap::ArgAction::Count)]
    verbose: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Display,
    Json,
    Yaml,
    Ini,
    Env,
}

pub fn main(args: Vec<String>, name: Name) -> i32 {
    let options = match Options::try_parse_from(args) {
        Ok(options) => options,
        Err(error) => return super::run::usage(&error, name),
    };
    let (Action::List(common)
    | Action::Dump(common)
    | Action::View(common)
    | Action::Init(common)
    | Action::Validate(common)) = &options.action;
    let mut surroundings = Surroundings::of_process(name);
    if let Some(file) = &common.config {
        if !file.is_file() {
            print_error(&format!(
                "[ERROR]: The provided configuration file is missing or not accessible: {}\n",
                file.display()
            ));
            return exit::ERROR;
        }
        surroundings.variables.insert("ANSIBLE_CONFIG".into(), file.display().to_string());
    }
    // What is wrong in it is what `validate` and `view` are for.
    let settings = match Settings::load(surroundings) {
        Ok((settings, warnings)) => {
            warnings.iter().for_each(show);
            settings
        }
        Err(problem) => {
            show(&problem);
            return exit::of_settings(name);
        }
    };
    match &options.action {
        Action::List(common) => list(common),
        Action::Dump(common) => dumped(common, &settings),
        Action::View(_) => return view(&settings),
        Action::Init(common) => init(common),
        Action::Validate(common) => return validate(common, &settings),
    }
    exit::OK
}

/// A plugin's option is told by its prefix; the rest is everybody's.
fn plugin(row: &Row) -> Option<(&'static str, &'static str)> {
    row.name.split_once('.')
}

fn wanted(common: &Common, row: &Row) -> bool {
    match (common.kind.as_str(), plugin(row)) {
        ("all", _) | ("base", None) => true,
        (kind, Some((plugin, _))) => kind == plugin_type(plugin),
        _ => false,
    }
}

fn dumped(common: &Common, settings: &Settings) {
    let mut entries: Vec<(&str, Option<&str>, Value, String)> = settings
        .all()
        .filter(|(row, _, _)| row.name != "CONFIG_FILE")
        .filter(|(row, _, origin)| {
            wanted(common, row) && !(common.only_changed && **origin == Origin::Default)
        })
        .map(|(row, value, origin)| {
            let (plugin, name) = plugin(row).map_or((None, row.name), |(plugin, name)| (Some(plugin), name));
            (name, plugin, value.clone(), origin.to_string())
        })
        .collect();
    if matches!(common.kind.as_str(), "base" | "all") {
        let file = settings.config_file().map_or(Value::Null, |file| Value::str(file.to_string_lossy()));
        entries.push(("CONFIG_FILE", None, file, String::new()));
    }
    entries.sort_by(|a, b| (a.1.map(plugin_type), a.1, a.0).cmp(&(b.1.map(plugin_type), b.1, b.0)));
    match common.format.unwrap_or(Format::Display) {
        Format::Display | Format::Ini | Format::Env => {
            let mut out = String::new();
            let mut last = None;
            for (name, plugin, value, origin) in &entries {
                if *plugin != last {
                    let kind = plugin.map(plugin_type);
                    if kind != last.map(plugin_type)
                        && let Some(kind) = kind
                    {
                        let title = format!("{}:", kind.to_uppercase());
                        out.push_str(&format!("\n{title}\n{}\n", "=".repeat(title.len() - 1)));
                    }
                    let title = format!("{}:", plugin.unwrap_or_default());
                    out.push_str(&format!("\n{title}\n{}\n", "_".repeat(title.len() - 1)));
                    last = *plugin;
                }
                out.push_str(&format!("{name}({origin}) = {}\n", py_str(value)));
            }
            print(&out);
        }
        format => {
            let maps = entries.into_iter().map(|(name, plugin, value, origin)| {
                let mut map: Map = Map::new();
                map.insert("name".into(), name.into());
                map.insert("origin".into(), origin.into());
                if let Some(plugin) = plugin {
                    map.insert("plugin".into(), plugin.into());
                }
                map.insert("value".into(), value);
                Value::map(map)
            });
            print_data(&Value::list(maps.collect()), format);
        }
    }
}

fn print_data(value: &Value, format: Format) {
    match format {
        Format::Json => print(&(to_json_pretty(value) + "\n")),
        _ => print(&dump(value, &YamlStyle { flow: Some(false), ..YamlStyle::default() })),
    }
}

/// Ansible's word for what a setting holds.
fn type_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Bool => "boolean",
        Kind::Int => "integer",
        Kind::Float => "float",
        Kind::Str | Kind::Choice(_) => "string",
        Kind::List => "list",
        Kind::Path => "path",
        Kind::PathSpec => "pathspec",
        Kind::PathList => "pathlist",
    }
}

fn list(common: &Common) {
    let settings = TABLE.iter().filter(|row| wanted(common, row)).map(|row| {
        let places = row.ini.iter().filter_map(|place| place.split_once('.'));
        let ini = places.map(|(section, key)| Value::object([("key", key), ("section", section)])).collect();
        let env = row.env.iter().map(|name| Value::object([("name", *name)])).collect();
        let mut map: Map = Map::new();
        map.insert("default".into(), if row.default == "~" { Value::Null } else { row.default.into() });
        map.insert("env".into(), Value::list(env));
        map.insert("ini".into(), Value::list(ini));
        if let Kind::Choice(choices) = row.kind {
            map.insert("choices".into(), choices.to_vec().into());
        }
        map.insert("type".into(), type_of(row.kind).into());
        (Value::str(row.name), Value::map(map))
    });
    let format = common.format.unwrap_or(Format::Yaml);
    print_data(&Value::map(settings.collect()), format);
}

fn view(settings: &Settings) -> i32 {
    let Some(file) = settings.config_file() else {
        print_error("[ERROR]: Invalid or no config file was supplied\n");
        return exit::ERROR;
    };
    match std::fs::read(file) {
        Ok(bytes) => {
            print(&String::from_utf8_lossy(&bytes));
            exit::OK
        }
        Err(error) => {
            print_error(&format!("[ERROR]: Failed to open config file {}: {error}\n", file.display()));
            exit::ERROR
        }
    }
}

/// A configuration file (or, as `env`, the start of a script) with the defaults.
fn init(common: &Common) {
    let mark = if common.disabled { ";" } else { "" };
    let default = |row: &Row| if row.default == "~" { "" } else { row.default }.to_owned();
    let rows = || TABLE.iter().filter(|row| wanted(common, row));
    let mut out = String::new();
    if common.format == Some(Format::Env) {
        let mark = if common.disabled { "# " } else { "" };
        for row in rows() {
            if let Some(name) = row.env.first() {
                out.push_str(&format!("# ({})\n{mark}{name}={}\n\n", type_of(row.kind), default(row)));
            }
        }
    } else {
        let mut sections: Vec<&str> = Vec::new();
        let place = |row: &Row| row.ini.first().and_then(|place| place.split_once('.'));
        for (section, _) in rows().filter_map(place) {
            if !sections.contains(&section) {
                sections.push(section);
            }
        }
        for section in sections {
            out.push_str(&format!("[{section}]\n"));
            for row in rows() {
                if let Some((_, key)) = place(row).filter(|(own, _)| *own == section) {
                    out.push_str(&format!("# ({})\n{mark}{key}={}\n\n", type_of(row.kind), default(row)));
                }
            }
            out.push('\n');
        }
    }
    print(&out);
}

fn validate(common: &Common, settings: &Settings) -> i32 {
    let mut problems = Vec::new();
    if common.format == Some(Format::Env) {
        let known = |name: &str| TABLE.iter().any(|row| row.env.contains(&name));
        let variables = &settings.surroundings().variables;
        let mut strange: Vec<&String> = variables
            .keys()
            .filter(|name| name.starts_with("ANSIBLE_") && *name != "ANSIBLE_CONFIG" && !known(name))
            .collect();
        strange.sort();
        problems
            .extend(strange.into_iter().map(|name| format!("Found unknown environment variable '{name}'.")));
    } else {
        for place in settings.written() {
            let Some((section, key)) =
                place.split_once('.').filter(|(section, _)| !section.starts_with("galaxy_server"))
            else {
                continue;
            };
            let file = settings.config_file().map(|file| file.display().to_string()).unwrap_or_default();
            let known = TABLE.iter().flat_map(|row| row.ini).any(|known| *known == place);
            let prefix = format!("{section}.");
            if !TABLE.iter().flat_map(|row| row.ini).any(|known| known.starts_with(&prefix)) {
                problems.push(format!("Found unknown section '{section}' in '{file}."));
            } else if !known {
                problems.push(format!("Found unknown key '{key}' in section '{section}' in '{file}."));
            }
        }
        problems.dedup();
    }
    problems.iter().for_each(|problem| print_error(&format!("[ERROR]: {problem}\n")));
    if problems.is_empty() {
        print("All configurations seem valid!\n");
        return exit::OK;
    }
    exit::ERROR
}
