//! `template`: a rendered file, put in place by the `copy` module.

use super::contract::text;
use super::{Action, Call, Prepared, Scene};
use crate::runner::{Cause, TaskResult};
use crate::value::{Map, Value};
use std::path::Path;

pub struct TemplateFile;

/// Arguments for the rendering, not for the host.
const RENDERING: &[&str] = &[
    "block_end_string",
    "block_start_string",
    "comment_end_string",
    "comment_start_string",
    "lstrip_blocks",
    "newline_sequence",
    "output_encoding",
    "trim_blocks",
    "variable_end_string",
    "variable_start_string",
];

impl Action for TemplateFile {
    fn prepare(&self, mut args: Map, scene: &Scene) -> Prepared {
        let (Some(src), Some(dest)) = (text(&args, "src"), text(&args, "dest")) else {
            return Prepared::failed("src and dest are required");
        };
        for unwanted in ["content", "remote_src", "directory_mode", "local_follow"] {
            if args.contains_key(unwanted) {
                return Prepared::failed(crate::modules::kit::args::unsupported_message(
                    "ansible.legacy.template",
                    vec![unwanted.into()],
                    &["dest", "src"],
                    &[],
                ));
            }
        }
        let path = match scene.find("templates", &src) {
            Ok(path) => path,
            Err(message) => return Prepared::refused(message),
        };
        let rendered = match render(&path, &dest, &args, scene) {
            Ok(text) => text,
            Err(result) => return Prepared::Done(*result),
        };
        let encoding = text(&args, "output_encoding")
            .filter(|name| !name.is_empty())
            .unwrap_or_else(|| "utf-8".to_owned());
        let content = match crate::template::encode(&rendered, &encoding) {
            Ok(content) => content,
            Err(error) => return Prepared::failed(error.into_message()),
        };
        let mut call = Call { sends_file: true, ..Call::new("copy", Map::new()) };
        let size = content.len();
        let digest = call.blobs.add_bytes(content);
        for name in RENDERING {
            args.shift_remove(*name);
        }
        args.insert("src".into(), Value::str(path.to_string_lossy()));
        args.insert("_digest".into(), Value::from(digest));
        args.insert("_size".into(), size.into());
        args.insert(
            "_name".into(),
            path.file_name().map(|name| Value::str(name.to_string_lossy())).unwrap_or_default(),
        );
        args.insert("_template".into(), Value::str(path.to_string_lossy()));
        super::copy::preserve_mode(&mut args, &path);
        call.args = args;
        Prepared::Call(call)
    }
}

fn render(path: &Path, dest: &str, args: &Map, scene: &Scene) -> Result<String, Box<TaskResult>> {
    let failed = |message: String| Box::new(TaskResult::failure(message));
    let text = scene
        .engine
        .read_file(path)
        .map_err(|error| failed(format!("cannot read {}: {error}", path.display())))?;
    let text = String::from_utf8(text)
        .map_err(|_| failed(format!("Template source files must be utf-8 encoded: {}", path.display())))?;
    let options: Map =
        RENDERING.iter().filter_map(|name| Some((Value::str(name), args.get(*name)?.clone()))).collect();
    let template = scene.engine.compile_file(path, &text, &Value::map(options)).map_err(|problem| {
        Box::new(TaskResult::broken("", Cause::new(problem.summary, problem.span.as_ref())))
    })?;
    let mut vars = template_vars(path, dest, args);
    // The author's own says something else.
    if scene.context.has("ansible_managed") {
        vars.shift_remove("ansible_managed");
    }
    let context = (scene.with_locals)(vars);
    let rendered =
        context.render_file(&template).map_err(|error| Box::new(crate::runner::template_failure(&error)))?;
    Ok(match args.get("newline_sequence").and_then(Value::as_str) {
        Some("\\r\\n" | "\r\n") => rendered.replace('\n', "\r\n"),
        Some("\\r" | "\r") => rendered.replace('\n', "\r"),
        _ => rendered,
    })
}

/// `ansible_managed` and what a template knows of itself.
fn template_vars(path: &Path, dest: &str, args: &Map) -> Map {
    use std::os::unix::fs::MetadataExt;
    let meta = path.metadata().ok();
    let owner = meta
        .as_ref()
        .map(|meta| owner_name(meta.uid()).unwrap_or_else(|| meta.uid().to_string()))
        .unwrap_or_default();
    let full = path.to_string_lossy();
    let time = |time: jiff::Zoned| Value::from(time.strftime("%Y-%m-%d %H:%M:%S").to_string());
    let modified =
        meta.and_then(|meta| meta.modified().ok()).and_then(|time| jiff::Timestamp::try_from(time).ok());
    let zone = jiff::tz::TimeZone::system();
    let pairs = [
        ("ansible_managed", Value::str("Ansible managed")),
        ("template_destpath", Value::str(dest)),
        ("template_fullpath", Value::str(&full)),
        ("template_host", Value::from(rustix::system::uname().nodename().to_string_lossy().into_owned())),
        ("template_mtime", modified.map(|stamp| time(stamp.to_zoned(zone.clone()))).unwrap_or_default()),
        ("template_path", args.get("src").cloned().unwrap_or_default()),
        ("template_run_date", time(jiff::Zoned::now())),
        ("template_uid", Value::from(owner)),
    ];
    pairs.into_iter().map(|(key, value)| (Value::str(key), value)).collect()
}

/// The name of a user of the control machine.
fn owner_name(uid: u32) -> Option<String> {
    let passwd = std::fs::read_to_string("/etc/passwd").ok()?;
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == uid.to_string()).then(|| name.to_owned())
    })
}
