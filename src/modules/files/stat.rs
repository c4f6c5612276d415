//! `stat`: everything about a file.

use super::info::{Names, members};
use crate::modules::kit::digest::Algorithm;
use crate::modules::kit::{
    Applied, Command, Failure, Module, Never, Plan, Probe, Target, attributes, error_at_bytes, flags,
    os_error, path,
};
use crate::value::{Map, Value};
use rustix::fs::Access;
use serde::Deserialize;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

pub struct Stat;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Args {
    /// The file.
    #[serde(alias = "dest", alias = "name")]
    path: String,
    /// Look at what a link leads to.
    #[serde(default)]
    follow: bool,
    /// Calculate a checksum of the content.
    #[serde(default = "yes")]
    get_checksum: bool,
    #[serde(default, alias = "checksum", alias = "checksum_algo")]
    checksum_algorithm: Algorithm,
    /// Ask `file` for the type of the content.
    #[serde(default = "yes", alias = "mime", alias = "mime_type", alias = "mime-type")]
    get_mime: bool,
    /// Ask for the flags that `lsattr` shows.
    #[serde(default = "yes", alias = "attr", alias = "attributes")]
    get_attributes: bool,
}

fn yes() -> bool {
    true
}

impl Module for Stat {
    const NAME: &'static str = "stat";
    type Args = Args;
    type Todo = Never;

    fn plan(args: &Args, host: &Probe) -> Result<Plan<Never>, Failure> {
        let path = host.path(&args.path);
        let place = Path::new(&path);
        let found = match attributes::metadata(place, args.follow) {
            Ok(found) => found,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let stat = Value::object([("exists", false)]);
                return Ok(Plan::unchanged(Value::object([("stat", stat)])));
            }
            Err(error) => {
                return Err(
                    Failure::new(os_error(&error)).because(error_at_bytes(&error, &place.to_string_lossy()))
                );
            }
        };
        let mut stat = describe(host, place, &found);
        let readable = rustix::fs::access(place, Access::READ_OK).is_ok();
        if args.get_checksum && found.is_file() && readable {
            let sum = args.checksum_algorithm.of_file(place)?;
            stat.insert("checksum".into(), sum.into());
        }
        if args.get_mime {
            let (kind, charset) =
                mime(host, place, args.follow).unwrap_or_else(|| ("unknown".into(), "unknown".into()));
            stat.insert("mimetype".into(), kind.into());
            stat.insert("charset".into(), charset.into());
        }
        if args.get_attributes {
            let letters = flags::letters(place).unwrap_or_default();
            let version = flags::version(place).map(|version| version.to_string());
            stat.insert("version".into(), version.into());
            stat.insert("attributes".into(), flags::names(&letters).into());
            stat.insert("attr_flags".into(), letters.into());
        }
        Ok(Plan::unchanged(Value::object([("stat", Value::map(stat))])))
    }

    fn apply(todo: Never, _: &mut Target) -> Result<Applied, Failure> {
        match todo {}
    }
}

fn describe(host: &Probe, place: &Path, found: &std::fs::Metadata) -> Map {
    let mut stat = Map::new();
    stat.insert("exists".into(), true.into());
    stat.insert("path".into(), place.to_string_lossy().as_ref().into());
    stat.extend(members(&Names::new(host), found));
    let mut set = |key: &str, value: Value| stat.insert(key.into(), value);
    set("blocks", found.blocks().into());
    set("block_size", found.blksize().into());
    set("device_type", found.rdev().into());
    for (name, access) in
        [("readable", Access::READ_OK), ("writeable", Access::WRITE_OK), ("executable", Access::EXEC_OK)]
    {
        set(name, rustix::fs::access(place, access).is_ok().into());
    }
    if found.is_symlink()
        && let Ok(target) = std::fs::read_link(place)
    {
        set("lnk_source", path::real(place).to_string_lossy().as_ref().into());
        set("lnk_target", target.to_string_lossy().as_ref().into());
    }
    stat
}

/// MIME type and character set, by the host's `file`, if it has that.
fn mime(host: &Probe, place: &Path, follow: bool) -> Option<(String, String)> {
    let mut command = Command::new(["file", "--brief", "--mime-type", "--mime-encoding"]).english();
    if follow {
        command.argv.push("--dereference".into());
    }
    command.argv.extend(["--".into(), place.into()]);
    let output = host.query(&command).ok().filter(|output| output.success())?.stdout();
    let (kind, charset) = output.trim().split_once("; charset=")?;
    Some((kind.to_owned(), charset.to_owned()))
}
