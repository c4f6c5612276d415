//! `include_vars`: variables from files, while the play runs.

use super::contract::{text, truth};
use super::{Action, Prepared, Scene};
use crate::runner::{Effect, TaskResult};
use crate::source::{Node, NodeKind};
use crate::template::Term;
use crate::value::{Map, Value, py_str};
use crate::vars::Terms;
use fancy_regex::Regex;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub struct IncludeVars;

impl Action for IncludeVars {
    fn prepare(&self, args: Map, scene: &Scene) -> Prepared {
        if let Err(why) = check(&args) {
            return Prepared::Done(TaskResult::stopped(format!("Task failed: {why}")));
        }
        match load(&args, scene) {
            Ok(result) => Prepared::Done(result),
            Err(message) => {
                let headline = Some(format!("Task failed: {message}"));
                let failure = TaskResult { headline, ..TaskResult::failure(message.clone()) };
                Prepared::Done(
                    failure
                        .with("ansible_facts", Value::map(Map::new()))
                        .with("ansible_included_var_files", Value::list(vec![]))
                        .with("changed", false)
                        .with("message", message),
                )
            }
        }
    }
}

/// What is wrong with the arguments themselves.
fn check(args: &Map) -> Result<(), String> {
    const KNOWN: &[&str] = &[
        "_raw_params",
        "depth",
        "dir",
        "extensions",
        "file",
        "files_matching",
        "hash_behaviour",
        "ignore_files",
        "ignore_unknown_extensions",
        "name",
    ];
    if let Some(stranger) = args.keys().map(py_str).find(|key| !KNOWN.contains(&key.as_str())) {
        return Err(format!("{stranger} is not a valid option in include_vars"));
    }
    let file = args.contains_key("file") || args.contains_key("_raw_params");
    match file && args.contains_key("dir") {
        true => Err("You are mixing file only and dir only arguments, these are incompatible".into()),
        false => Ok(()),
    }
}

fn load(args: &Map, scene: &Scene) -> Result<TaskResult, String> {
    // A block of text ends with a newline.
    let raw = text(args, "_raw_params").map(|raw| raw.trim_end_matches('\n').to_owned());
    let file = text(args, "file").or(raw);
    let dir = text(args, "dir");
    let files = match (&file, &dir) {
        (Some(file), _) => vec![scene.find("vars", file)?],
        (None, Some(dir)) => directory(dir, args, scene)?,
        (None, None) => return Err("Could not find file on the Ansible Controller.\nIf you are using a module and expect the file to exist on the remote, see the remote_src option".into()),
    };
    let mut nodes: Vec<(Arc<str>, Node)> = Vec::new();
    for path in &files {
        let loaded = scene.loader.read_vars(path).map_err(|problem| match &problem.span {
            // That it is the whole file goes without saying.
            _ if problem.code == "vault" => {
                problem.summary.trim_end_matches(&format!(" for {}", path.display())).to_owned()
            }
            Some(span) => format!("{} ({span})", problem.summary),
            None => problem.summary.clone(),
        })?;
        scene.loader.put_back(loaded.warnings);
        match loaded.node.kind {
            NodeKind::Null => {}
            NodeKind::Map(entries) => {
                for (key, value) in entries {
                    let name: Arc<str> = Arc::from(py_str(&key.to_value()));
                    match nodes.iter_mut().find(|(known, _)| *known == name) {
                        Some(entry) => entry.1 = value,
                        None => nodes.push((name, value)),
                    }
                }
            }
            _ => return Err(format!("{} must be stored as a dictionary/hash", path.display())),
        }
    }
    if let Some(name) = text(args, "name") {
        let span = scene.task.span.clone();
        let entries = nodes
            .into_iter()
            .map(|(key, value)| (Node::new(NodeKind::Str(key), value.span.clone()), value))
            .collect();
        nodes = vec![(Arc::from(name), Node::new(NodeKind::Map(entries), span))];
    }
    let shown: Map = nodes.iter().map(|(name, node)| (Value::str(name), node.to_value())).collect();
    // Ansible takes any other word for `replace`.
    let merges = text(args, "hash_behaviour").as_deref() == Some("merge");
    let terms: Terms = nodes
        .iter()
        .map(|(name, node)| {
            let term = scene.engine.compile(node);
            // Into what the variable is now.
            let old = scene.context.variable(name).ok().flatten().filter(|_| merges);
            let term = old.map_or_else(|| term.clone(), |old| term.merged_over(&Term::Data(old)));
            (name.clone(), term, Some(node.span.clone()))
        })
        .collect();
    let included = files.iter().map(|path| Value::str(path.to_string_lossy())).collect();
    let mut result = TaskResult::default()
        .with("ansible_facts", Value::map(shown))
        .with("ansible_included_var_files", Value::list(included))
        .with("changed", false);
    result.effects.push(Effect::IncludeVars(Arc::new(terms)));
    Ok(result)
}

/// The files of a folder, in order of their names, then those of each folder inside, all that is in it before the next.
fn directory(dir: &str, args: &Map, scene: &Scene) -> Result<Vec<PathBuf>, String> {
    let root = scene.find("vars", dir).map_err(|_| {
        let level = &scene.task.level;
        let beside = match &level.role {
            Some(role) => role.path.join("vars"),
            None => level.directory.clone().unwrap_or_else(|| scene.env.playbook_dir.clone()),
        };
        format!("{} directory does not exist", beside.join(dir).display())
    })?;
    if !root.is_dir() {
        return Err(format!("{} is not a directory", root.display()));
    }
    let list = |name: &str| match args.get(name) {
        Some(Value::List(items)) => items.iter().map(py_str).collect::<Vec<_>>(),
        Some(Value::Null) | None => vec![],
        Some(other) => py_str(other).split(',').map(|part| part.trim().to_owned()).collect(),
    };
    let regex =
        |text: &str| Regex::new(text).map_err(|error| format!("{text} is no regular expression: {error}"));
    let ignore = list("ignore_files").iter().map(|text| regex(text)).collect::<Result<Vec<_>, _>>()?;
    let matching = text(args, "files_matching").map(|text| regex(&text)).transpose()?;
    let mut extensions = list("extensions");
    if extensions.is_empty() {
        extensions = ["yaml", "yml", "json"].map(str::to_owned).to_vec();
    }
    let lenient = truth(args, "ignore_unknown_extensions", false);
    let depth = args.get("depth").and_then(Value::as_i64).unwrap_or(0);
    let mut files = Vec::new();
    let mut folders = vec![(root, 1i64)];
    while !folders.is_empty() {
        let (folder, level) = folders.remove(0);
        let mut inside = Vec::new();
        let mut entries: Vec<PathBuf> = std::fs::read_dir(&folder)
            .map_err(|error| format!("{}: {error}", folder.display()))?
            .flatten()
            .map(|entry| entry.path())
            .collect();
        entries.sort();
        for path in entries {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            if path.is_dir() {
                if depth == 0 || level < depth {
                    inside.push((path, level + 1));
                }
                continue;
            }
            let hit = |regex: &Regex| regex.is_match(&name).unwrap_or(false);
            if ignore.iter().any(hit) || matching.as_ref().is_some_and(|regex| !hit(regex)) {
                continue;
            }
            let extension = Path::new(&name)
                .extension()
                .map(|extension| extension.to_string_lossy().into_owned())
                .unwrap_or_default();
            if extensions.contains(&extension) {
                files.push(path);
            } else if !lenient {
                return Err(format!(
                    "{} does not have a valid extension: {}",
                    path.display(),
                    extensions.join(", ")
                ));
            }
        }
        folders.splice(0..0, inside);
    }
    Ok(files)
}
