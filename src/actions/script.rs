//! `script`: runs a program of the control machine on the host.

use super::contract::text;
use super::{Action, Call, Prepared, Scene};
use crate::value::{Map, Value};

pub struct Script;

impl Action for Script {
    fn prepare(&self, mut args: Map, scene: &Scene) -> Prepared {
        let Some(command) = text(&args, "_raw_params").or_else(|| text(&args, "cmd")) else {
            return Prepared::failed("one of the following is required: _raw_params, cmd");
        };
        let command = command.trim().to_owned();
        // The file's name may hold spaces: quoted, or escaped.
        let words = match crate::source::args::split_args(&command) {
            Ok(words) => words,
            Err(message) => return Prepared::failed(message.to_string()),
        };
        let Some(first) = words.first() else { return Prepared::failed("no script was named") };
        let name = first.trim_matches(['"', '\'']).to_owned();
        let path = match scene.find("files", &name) {
            Ok(path) => path,
            Err(message) => return Prepared::refused(message),
        };
        let rest = command[first.len()..].trim().to_owned();
        let mut call = Call { by_module: false, ..Call::new("script", Map::new()) };
        let digest = match scene.files(&args).add(&path, &mut call.blobs) {
            Ok((digest, _)) => digest,
            Err(message) => return Prepared::failed(message),
        };
        args.shift_remove("cmd");
        args.insert("_raw_params".into(), Value::from(rest));
        args.insert("_digest".into(), Value::from(digest));
        args.insert(
            "_name".into(),
            path.file_name().map(|name| Value::str(name.to_string_lossy())).unwrap_or_default(),
        );
        call.args = args;
        Prepared::Call(call)
    }
}
