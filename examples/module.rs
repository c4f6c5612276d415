//! Runs one module on this machine: `{"module": …, "args": {…}, "check": false}` on stdin, one per line;
//! prints each outcome as a line of JSON. For trying modules by hand and on test hosts.

use ekumen::modules::kit::{BlobSource, Fetched, Host, Purpose};
use ekumen::protocol::{Blob, Digest, Mode, TaskRequest};
use ekumen::value::{Value, from_json, to_json};
use std::io::{BufRead, Write};
use std::sync::Arc;

struct NoBlobs;

impl BlobSource for NoBlobs {
    fn fetch(&mut self, digest: &Digest, _: &Purpose) -> Result<Fetched, String> {
        Err(format!("no content {digest} here"))
    }

    fn send(&mut self, _: &[u8]) -> Result<(), String> {
        Ok(())
    }

    fn output(&mut self, _: &str) {}
}

fn request(value: &Value) -> Option<TaskRequest> {
    let flag = |name: &str| value.get(name).is_some_and(Value::truthy);
    let texts = |name: &str| -> Vec<(String, String)> {
        let map = value.get(name).and_then(Value::as_map).cloned().unwrap_or_default();
        map.iter().map(|(k, v)| (ekumen::value::py_str(k), ekumen::value::py_str(v))).collect()
    };
    Some(TaskRequest {
        id: 1,
        identity: None,
        module: value.get("module")?.as_str()?.to_owned(),
        args: value.get("args").cloned().unwrap_or_default(),
        mode: if flag("check") { Mode::Check } else { Mode::Apply },
        diff: flag("diff").then_some(104_448),
        environment: texts("environment"),
        timeout: None,
        blobs: texts("blobs")
            .into_iter()
            .map(|(digest, text)| (digest, Blob(Arc::new(text.into_bytes()))))
            .collect(),
        job: None,
    })
}

fn main() -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let value = from_json(&line?).map_err(std::io::Error::other)?;
        let request = request(&value).ok_or_else(|| std::io::Error::other("no module named"))?;
        let outcome = Host::execute(&request, &mut NoBlobs);
        let diff: Vec<Value> =
            outcome.diff.iter().map(|diff| ekumen::value::to_value(diff).unwrap_or_default()).collect();
        let shown = Value::object([
            ("result", outcome.result),
            ("changed", outcome.changed.into()),
            ("failed", outcome.failed.into()),
            ("unknown", outcome.unknown.into()),
            ("diff", diff.into()),
            ("warnings", outcome.warnings.into()),
        ]);
        writeln!(out, "{}", to_json(&shown))?;
    }
    Ok(())
}
