//! Which reporters a run has: `stdout_callback`, `callbacks_enabled`.

use super::layout::Format;
use super::sink::Sink;
use super::timing::{Order, ProfileOptions, ProfileTasks, Timer};
use super::{Human, Json, Look, Minimal};
use crate::diag::{Diagnostic, did_you_mean};
use crate::runner::{Event, Reporter};
use crate::source::Settings;
use std::sync::Arc;

/// Several reporters, told one after the other.
pub struct Reporters(Vec<Box<dyn Reporter>>);

impl Reporters {
    pub fn only(reporter: impl Reporter + 'static) -> Self {
        Self(vec![Box::new(reporter)])
    }
}

impl Reporter for Reporters {
    fn on(&mut self, event: &Event) {
        self.0.iter_mut().for_each(|reporter| reporter.on(event));
    }
}

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
        "yaml" => with(Format::CompactYaml),
        "debug" => with(Format::Texts),
        "minimal" => Box::new(Minimal::new(look, false, sink.clone())),
        "oneline" => Box::new(Minimal::new(look, true, sink.clone())),
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
            known if STDOUT.contains(&known) || known == "junit" || known == "tree" => {}
            _ => {
                let text = format!("Skipping callback plugin '{name}', unable to load");
                warnings.push(Diagnostic::warning("callback", text));
            }
        }
    }
    Ok((Reporters(reporters), warnings))
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
