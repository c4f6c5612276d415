//! Package files, on the host or behind a URL.

use super::command::run;
use super::dpkg::{self, Status};
use super::{Args, Step};
use crate::modules::kit::private::{self, PrivateFile};
use crate::modules::kit::{Command, Failure, Probe};
use crate::value::{Map, Value};
use std::cmp::Ordering;
use std::path::{Path, PathBuf};

/// A package file from the net, by apt's own program for that: it knows the host's proxies and certificates.
pub(super) fn fetch(url: &str, host: &Probe) -> Result<PrivateFile, Failure> {
    let file = private::data("fetched", std::io::empty())?;
    let path = fetched_path(&file);
    // Only root can write into our folder.
    let words =
        ["/usr/lib/apt/apt-helper", "-o", "APT::Sandbox::User=root", "download-file", url, path.as_str()];
    let output = host.query(&Command::new(words).english())?;
    if output.success() {
        return Ok(file);
    }
    let said = output.stderr();
    let reason = said.lines().find_map(|line| line.strip_prefix("E: ")).unwrap_or(said.trim());
    Err(Failure::new(format!("Failure downloading {url}, {reason}")))
}

/// apt-get knows package files by the end of their names.
pub(super) fn fetched_path(file: &PrivateFile) -> String {
    file.path().with_extension("deb").to_string_lossy().into_owned()
}

/// A package file: what it holds, against what is there.
pub(super) fn deb(args: &Args, path: &str, host: &Probe) -> Result<Step, Failure> {
    if !Path::new(path).exists() {
        return Err(Failure::new(format!(
            "Unable to install package: E:Could not open file {path} - open (2: No such file or directory)"
        )));
    }
    let output =
        host.query(&Command::new(["dpkg-deb", "-f", path, "Package", "Version", "Architecture"]).english())?;
    if !output.success() {
        return Err(Failure::new(format!("Unable to install package: {}", output.stderr().trim())));
    }
    let text = output.stdout();
    let field = |key: &str| {
        text.lines()
            .filter_map(|line| line.split_once(": "))
            .find(|(k, _)| *k == key)
            .map(|(_, v)| v.trim().to_owned())
    };
    let (name, version) = (field("Package").unwrap_or_default(), field("Version").unwrap_or_default());
    let status =
        Status::parse(&String::from_utf8_lossy(&host.read("/var/lib/dpkg/status")?.unwrap_or_default()));
    let name = match field("Architecture").filter(|a| a != "all" && *a != status.native) {
        Some(architecture) => format!("{name}:{architecture}"),
        None => name,
    };
    let order = status.version(&name).map(|installed| dpkg::compare(&version, installed));
    match order {
        Some(Ordering::Equal) => {
            let empty = Value::object([("stdout", ""), ("stderr", "")]);
            Ok(Step::Nothing(empty.as_map().cloned().unwrap_or_default()))
        }
        Some(Ordering::Less) if !args.allow_downgrade && !args.force => {
            Err(Failure::new("A later version is already installed"))
        }
        _ => {
            // What the package only recommends comes when it is asked for.
            let args = &Args { install_recommends: args.install_recommends.or(Some(false)), ..args.clone() };
            let absolute = std::path::absolute(path).unwrap_or_else(|_| PathBuf::from(path));
            Ok(run(args, &[], "install", &[absolute.to_string_lossy().into_owned()], Map::new()))
        }
    }
}
