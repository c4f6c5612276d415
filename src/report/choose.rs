//! Which reporters a run has: `stdout_callback`, `callbacks_enabled`.

use super::layout::Format;
use super::retry::RetryFiles;
use super::sink::Sink;
use super::timing::{Order, ProfileOptions, ProfileTasks, Timer};
use super::{Human, Json, Look, Minimal, Tree};
use crate::diag::{Diagnostic, Severity, did_you_mean};
use crate::runner::{Event, Reporter};
use crate::source::Settings;
use std::sync::Arc;

/// Several reporters, told one after the other.
pub struct Reporters(Vec<Box<dyn Reporter>>);

impl Reporters {
    /// What `ansible` prints, in one line for each host if that is wanted; the warning that this will go.
    pub fn of_one_task(
        one_line: bool,
        has_hosts: bool,
        look: Look,
        sink: &Arc<Sink>,
    ) -> (Self, Option<Diagnostic>) {
        let mut reporter = Minimal::new(look, one_line, sink.clone());
        if !has_hosts {
            reporter = reporter.without_hosts();
        }
        (Self(vec![Box::new(reporter)]), one_line.then(|| will_go("oneline")))
    }

    /// Adds the callback `tree`; the warning that it will go.
    pub fn with_tree(&mut self, settings: &Settings, look: Look, sink: &Arc<Sink>) -> Option<Diagnostic> {
        add_tree(&mut self.0, settings, look, sink)
    }
}

impl Reporter for Reporters {
    fn on(&mut self, event: &Event) {
        self.0.iter_mut().for_each(|reporter| reporter.on(event));
    }
}

const COMPACT_YAML_GOES: &str = "community.general.yaml has been deprecated. The plugin has been superseded by the option \
    `result_format=yaml` in callback plugin ansible.builtin.default from ansible-core 2.13 onwards. This feature will be removed \
    from collection 'community.general' version 12.0.0.";

/// The stdout callbacks that there are, by their short names.
const STDOUT: &[&str] = &["default", "minimal", "oneline", "json", "debug", "yaml", "null"];

/// A callback without the collection it comes from.
fn short(name: &str) -> &str {
    ["ansible.builtin.", "ansible.legacy.", "ansible.posix.", "community.general."]
        .iter()
        .find_map(|collection| name.strip_prefix(collection))
        .unwrap_or(name)
}

/// The reporters that the settings ask for, and warnings about those that there are not.
///
/// # Errors
/// A stdout callback that does not exist.
pub fn of_settings(
    settings: &Settings,
    look: Look,
    sink: &Arc<Sink>,
) -> Result<(Reporters, Vec<Diagnostic>), Diagnostic> {
    let named = settings.str("DEFAULT_STDOUT_CALLBACK").unwrap_or("default");
    let with = |format: Format| {
        let mut look = look;
        look.layout.format = format;
        Box::new(Human::new(look, sink.clone())) as Box<dyn Reporter>
    };
    let mut warnings = Vec::new();
    let main = match short(named) {
        "default" | "" => with(look.layout.format),
        "yaml" => {
            warnings.push(Diagnostic::new(Severity::Deprecation, "callback", COMPACT_YAML_GOES));
            with(Format::CompactYaml)
        }
        "debug" => with(Format::Texts),
        "minimal" => Box::new(Minimal::new(look, false, sink.clone())),
        "oneline" => {
            warnings.push(will_go("oneline"));
            Box::new(Minimal::new(look, true, sink.clone()))
        }
        "json" => Box::new(Json::new(sink.clone(), look.deprecations)),
        "null" => Box::new(Silent),
        // A plugin in Python, of the project or of a collection.
        other if named.contains('.') || brings_plugins(settings, other) => {
            let text = format!(
                "The callback plugin '{named}' is written in Python; the default output is used instead."
            );
            warnings.push(Diagnostic::warning("callback", text));
            with(look.layout.format)
        }
        other => {
            let problem = Diagnostic::error("callback", format!("Could not load '{other}' callback plugin."));
            return Err(match did_you_mean(other, STDOUT.iter().copied()) {
                Some(near) => problem.help(format!("did you mean `{near}`?")),
                None => problem.help(format!("there are {}", STDOUT.join(", "))),
            });
        }
    };
    let mut reporters = vec![main];
    for name in settings.list("CALLBACKS_ENABLED") {
        match short(&name) {
            "timer" => reporters.push(Box::new(Timer::new(sink.clone()))),
            "profile_tasks" => {
                let number = usize::try_from(settings.int("profile_tasks.output_limit")).ok();
                let order = match settings.str("profile_tasks.sort_order") {
                    Some("ascending") => Order::Ascending,
                    Some("none") => Order::None,
                    _ => Order::Descending,
                };
                let options = ProfileOptions {
                    limit: number.unwrap_or(20),
                    summary_only: settings.bool("profile_tasks.summary_only"),
                    order,
                };
                reporters.push(Box::new(ProfileTasks::new(sink.clone(), options)));
            }
            "tree" => warnings.extend(add_tree(&mut reporters, settings, look, sink)),
            known if STDOUT.contains(&known) || known == "junit" => {}
            _ => {
                let text = format!("Skipping callback plugin '{name}', unable to load");
                warnings.push(Diagnostic::warning("callback", text));
            }
        }
    }
    if settings.bool("RETRY_FILES_ENABLED") {
        let folder = settings.path("RETRY_FILES_SAVE_PATH");
        reporters.push(Box::new(RetryFiles::new(folder, look, sink.clone())));
    }
    Ok((Reporters(reporters), warnings))
}

/// The callback `tree`, and that it will go.
fn add_tree(
    reporters: &mut Vec<Box<dyn Reporter>>,
    settings: &Settings,
    look: Look,
    sink: &Arc<Sink>,
) -> Option<Diagnostic> {
    let folder = settings.path("tree.directory")?;
    reporters.push(Box::new(Tree::new(folder, sink.clone(), look.verbosity)));
    Some(will_go("tree"))
}

/// That a callback is deprecated.
fn will_go(name: &str) -> Diagnostic {
    let what = format!(
        "The {name} callback plugin is deprecated. This feature will be removed from ansible-core version 2.23."
    );
    Diagnostic::new(Severity::Deprecation, "callback", what)
}

/// Whether a folder of callback plugins has one of that name.
fn brings_plugins(settings: &Settings, name: &str) -> bool {
    let folders = settings.list("DEFAULT_CALLBACK_PLUGIN_PATH");
    folders.iter().any(|folder| std::path::Path::new(folder).join(format!("{name}.py")).exists())
}

struct Silent;

impl Reporter for Silent {
    fn on(&mut self, _: &Event) {}
}
