//! `wait_for`: until a port, a file or a text is there, or gone.

use crate::modules::kit::regex::{Flags, Regex};
use crate::modules::kit::{Applied, Changed, Failure, Module, Plan, Probe, Target, attributes, resolve};
use crate::value::{Map, Value};
use serde::Deserialize;
use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

pub struct WaitFor;

#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
pub struct Args {
    #[serde(default = "local_host")]
    host: String,
    port: Option<u16>,
    /// A file that must exist, or not.
    path: Option<String>,
    /// A text in the file, or in what the port sends.
    search_regex: Option<String>,
    #[serde(default)]
    state: State,
    /// Seconds after which it is a failure.
    #[serde(default = "five_minutes")]
    timeout: u64,
    /// Seconds to wait first.
    #[serde(default)]
    delay: u64,
    /// Seconds between two looks.
    #[serde(default = "one")]
    sleep: u64,
    #[serde(default = "five")]
    connect_timeout: u64,
    #[serde(default = "active_states")]
    active_connection_states: Vec<String>,
    /// Whose connections do not count (`drained`).
    exclude_hosts: Option<Vec<String>>,
    /// What to say on failure.
    msg: Option<String>,
}

#[derive(Deserialize, Clone, Copy, Default, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum State {
    Absent,
    Drained,
    Present,
    #[default]
    Started,
    Stopped,
}

impl State {
    fn name(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Drained => "drained",
            Self::Present => "present",
            Self::Started => "started",
            Self::Stopped => "stopped",
        }
    }
}

fn local_host() -> String {
    "127.0.0.1".into()
}

fn five_minutes() -> u64 {
    300
}

fn five() -> u64 {
    5
}

fn one() -> u64 {
    1
}

fn active_states() -> Vec<String> {
    ["ESTABLISHED", "FIN_WAIT1", "FIN_WAIT2", "SYN_RECV", "SYN_SENT", "TIME_WAIT"].map(str::to_owned).to_vec()
}

/// The kernel's numbers of connection states.
const STATES: &[(&str, u8)] = &[
    ("ESTABLISHED", 1),
    ("SYN_SENT", 2),
    ("SYN_RECV", 3),
    ("FIN_WAIT1", 4),
    ("FIN_WAIT2", 5),
    ("TIME_WAIT", 6),
];

impl Module for WaitFor {
    const NAME: &'static str = "wait_for";
    type Args = Args;
    type Todo = Args;

    fn plan(args: &Args, host: &Probe) -> Result<Plan<Args>, Failure> {
        let refuse = |msg: String| Err(Failure::new(msg).with("elapsed", Value::Int(0)));
        if args.port.is_some() && args.path.is_some() {
            return refuse("port and path parameter can not both be passed to wait_for".into());
        }
        if args.path.is_some() && matches!(args.state, State::Stopped | State::Drained) {
            let state = args.state.name();
            return refuse(format!(
                "state={state} should only be used for checking a port in the wait_for module"
            ));
        }
        if args.exclude_hosts.is_some() && args.state != State::Drained {
            return refuse("exclude_hosts should only be with state=drained".into());
        }
        if let Some(state) =
            args.active_connection_states.iter().find(|s| STATES.iter().all(|(name, _)| name != s))
        {
            return refuse(format!("unknown active_connection_state ({state}) defined"));
        }
        let mut args = args.clone();
        args.path = args.path.map(|path| host.path(&path));
        let result = Value::object([
            ("skipped", Value::Bool(true)),
            ("msg", "remote module (wait_for) does not support check mode".into()),
        ]);
        Ok(Plan::Unknown {
            todo: args,
            why: "what will be, only waiting tells".into(),
            result: result.as_map().cloned().unwrap_or_default(),
        })
    }

    fn apply(args: Args, host: &mut Target) -> Result<Applied, Failure> {
        let start = Instant::now();
        let end = start + Duration::from_secs(args.timeout);
        let pattern = args.search_regex.as_deref();
        let pattern = pattern
            .map(|text| Regex::new(text, Flags { multiline: true, ..Flags::default() }))
            .transpose()
            .map_err(Failure::new)?;
        std::thread::sleep(Duration::from_secs(args.delay));
        let mut groups = (Vec::new(), Map::new());
        let nothing_to_see = args.port.is_none() && args.path.is_none() && args.state != State::Drained;
        if nothing_to_see {
            std::thread::sleep(end.saturating_duration_since(Instant::now()));
        } else {
            loop {
                // What is looked at once the time is over does not count, but one look there always is.
                if look(&host.probe(), &args, pattern.as_ref(), end, &mut groups) {
                    break;
                }
                std::thread::sleep(
                    Duration::from_secs(args.sleep).min(end.saturating_duration_since(Instant::now())),
                );
                if Instant::now() >= end {
                    let msg = args.msg.clone().unwrap_or_else(|| too_late(&args));
                    return Err(Failure::new(msg).with("elapsed", seconds(start)));
                }
            }
        }
        let mut result = Map::new();
        let mut set = |key: &str, value: Value| result.insert(key.into(), value);
        set("state", args.state.name().into());
        set("port", args.port.map(i64::from).into());
        set("search_regex", args.search_regex.clone().into());
        set("path", args.path.clone().into());
        set("match_groups", groups.0.into());
        set("match_groupdict", groups.1.into());
        set("elapsed", seconds(start));
        if let Some(path) = args.path.as_deref().map(Path::new).filter(|path| path.exists()) {
            attributes::describe(&host.probe(), path, &mut result);
        }
        Ok(Applied { result, changed: Changed::No, diff: None })
    }
}

fn seconds(start: Instant) -> Value {
    Value::from(start.elapsed().as_secs())
}

fn too_late(args: &Args) -> String {
    let port = args.port.unwrap_or_default();
    let place = match &args.path {
        Some(path) => path.clone(),
        None => format!("{}:{port}", args.host),
    };
    match (args.state, &args.search_regex, args.path.is_some()) {
        (State::Absent | State::Stopped, _, true) => {
            format!("Timeout when waiting for {place} to be absent.")
        }
        (State::Absent | State::Stopped, _, false) => format!("Timeout when waiting for {place} to stop."),
        (State::Drained, _, _) => format!("Timeout when waiting for {place} to drain"),
        (_, Some(text), _) => format!("Timeout when waiting for search string {text} in {place}"),
        (_, None, true) => format!("Timeout when waiting for file {place}"),
        (_, None, false) => format!("Timeout when waiting for {place}"),
    }
}

/// One look; whether it is as wanted.
fn look(
    host: &Probe,
    args: &Args,
    pattern: Option<&Regex>,
    end: Instant,
    groups: &mut (Vec<Value>, Map),
) -> bool {
    match (args.state, &args.path) {
        (State::Absent | State::Stopped, Some(path)) => !Path::new(path).exists(),
        (State::Absent | State::Stopped, None) => connect(host, args, end).is_none(),
        (State::Drained, _) => active_connections(host, args) == 0,
        (_, Some(path)) => {
            let Some(pattern) = pattern else { return Path::new(path).is_file() };
            let Ok(bytes) = std::fs::read(path) else { return false };
            let text = String::from_utf8_lossy(&bytes);
            let Ok(Some(found)) = pattern.search(&text) else { return false };
            groups.0 =
                (1..found.len()).map(|n| found.get(n).map(|m| Value::str(m.as_str())).into()).collect();
            let names = names(args.search_regex.as_deref().unwrap_or_default());
            groups.1 = names
                .into_iter()
                .map(|name| (Value::str(&name), found.name(&name).map(|m| Value::str(m.as_str())).into()))
                .collect();
            true
        }
        (_, None) => {
            let Some(stream) = connect(host, args, end) else { return false };
            match pattern {
                None => {
                    drop(stream.shutdown(Shutdown::Both));
                    true
                }
                Some(pattern) => listen(stream, pattern, end),
            }
        }
    }
}

fn connect(host: &Probe, args: &Args, end: Instant) -> Option<TcpStream> {
    let left = end.saturating_duration_since(Instant::now());
    let limit = Duration::from_secs(args.connect_timeout).min(left).max(Duration::from_millis(100));
    let port = args.port?;
    let addresses = resolve::addresses(host, &args.host);
    addresses
        .into_iter()
        .find_map(|address| TcpStream::connect_timeout(&SocketAddr::new(address, port), limit).ok())
}

/// Reads until the text is there, the other side has no more, or the time is over.
fn listen(mut stream: TcpStream, pattern: &Regex, end: Instant) -> bool {
    let mut said = Vec::new();
    let mut buffer = [0; 1024];
    loop {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() || stream.set_read_timeout(Some(left)).is_err() {
            return false;
        }
        match stream.read(&mut buffer) {
            Ok(count @ 1..) => said.extend_from_slice(&buffer[..count]),
            _ => return false,
        }
        if pattern.is_match(&String::from_utf8_lossy(&said)) {
            drop(stream.shutdown(Shutdown::Both));
            return true;
        }
    }
}

/// The names of a pattern's groups.
fn names(pattern: &str) -> Vec<String> {
    pattern
        .split("(?P<")
        .skip(1)
        .filter_map(|rest| rest.split_once('>'))
        .map(|(name, _)| name.to_owned())
        .collect()
}

/// How many connections that count the port has.
fn active_connections(host: &Probe, args: &Args) -> usize {
    let own = resolve::addresses(host, &args.host);
    let excluded: Vec<IpAddr> =
        args.exclude_hosts.iter().flatten().flat_map(|name| resolve::addresses(host, name)).collect();
    let counted: Vec<u8> = STATES
        .iter()
        .filter(|(name, _)| args.active_connection_states.iter().any(|s| s == name))
        .map(|(_, n)| *n)
        .collect();
    ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|path| std::fs::read_to_string(path).ok())
        .flat_map(|text| text.lines().skip(1).filter_map(connection).collect::<Vec<_>>())
        .filter(|(local, port, remote, state)| {
            args.port.is_none_or(|wanted| wanted == *port)
                && counted.contains(state)
                && own.iter().any(|ip| ip.is_unspecified() || ip == local)
                && !excluded.contains(remote)
        })
        .count()
}

/// Local address and port, remote address, and state, of a line of the kernel's table.
fn connection(line: &str) -> Option<(IpAddr, u16, IpAddr, u8)> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let (local, port) = fields.get(1)?.split_once(':')?;
    let (remote, _) = fields.get(2)?.split_once(':')?;
    let state = u8::from_str_radix(fields.get(3)?, 16).ok()?;
    Some((address(local)?, u16::from_str_radix(port, 16).ok()?, address(remote)?, state))
}

/// Words of four bytes each in the machine's own order.
fn address(hex: &str) -> Option<IpAddr> {
    let words =
        hex.as_bytes().chunks(8).map(|chunk| u32::from_str_radix(std::str::from_utf8(chunk).ok()?, 16).ok());
    let bytes: Vec<u8> =
        words.collect::<Option<Vec<u32>>>()?.into_iter().flat_map(u32::to_ne_bytes).collect();
    match bytes.len() {
        4 => Some(Ipv4Addr::from(<[u8; 4]>::try_from(bytes).ok()?).into()),
        16 => Some(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?).to_canonical()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_read() {
        let line = "   1: 0100007F:0016 0200000A:C350 01 00000000:00000000 00:00000000 00000000 0";
        let (local, port, remote, state) = connection(line).expect("a whole line");
        assert_eq!(
            (local.to_string(), port, remote.to_string(), state),
            ("127.0.0.1".into(), 22, "10.0.0.2".into(), 1)
        );
        assert_eq!(connection("nonsense"), None);
    }

    #[test]
    fn groups_have_names() {
        assert_eq!(names(r"a(?P<x>.)(b)(?P<yy>c)"), ["x", "yy"]);
    }
}
