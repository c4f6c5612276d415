//! What the host's own settings say: kernel command line, resolver, environment, LSB, load.

use super::read::{pairs, text};
use super::{Facts, Sources};
use crate::modules::kit::{Command, words};
use crate::value::{Map, Value};

/// `cmdline` (the last value counts) and `proc_cmdline` (repeated ones are lists).
pub fn kernel_command_line() -> Facts {
    let line = text("/proc/cmdline").unwrap_or_default();
    let (last, all) = command_line(&line);
    let mut facts = Facts::new();
    facts.set("cmdline", last);
    facts.set("proc_cmdline", all);
    facts
}

fn command_line(line: &str) -> (Map, Map) {
    let words = words::split(line).unwrap_or_else(|_| line.split_whitespace().map(str::to_owned).collect());
    let (mut last, mut all) = (Map::new(), Map::new());
    for word in words {
        let (key, value) = match word.split_once('=') {
            Some((key, value)) => (Value::str(key), Value::str(value)),
            None => (Value::from(word), Value::Bool(true)),
        };
        last.insert(key.clone(), value.clone());
        let combined = match (all.get(&key), &value) {
            (Some(Value::List(values)), Value::Str(_)) => {
                let mut values = values.to_vec();
                values.push(value);
                Value::list(values)
            }
            (Some(first @ Value::Str(_)), Value::Str(_)) => Value::list(vec![first.clone(), value]),
            _ => value,
        };
        all.insert(key, combined);
    }
    (last, all)
}

pub fn dns() -> Facts {
    let mut facts = Facts::new();
    facts.set("dns", resolver(&text("/etc/resolv.conf").unwrap_or_default()));
    facts
}

fn resolver(text: &str) -> Map {
    let mut found = Map::new();
    let list = |words: &[&str]| Value::from(words.to_vec());
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with(['#', ';'])) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let Some((keyword, values)) = words.split_first() else { continue };
        match *keyword {
            "nameserver" => {
                let mut servers: Vec<Value> =
                    found.get("nameservers").and_then(Value::as_list).unwrap_or_default().to_vec();
                servers.extend(values.iter().map(Value::str));
                found.insert("nameservers".into(), servers.into());
            }
            "domain" => {
                if let Some(name) = values.first() {
                    found.insert("domain".into(), (*name).into());
                }
            }
            "search" => {
                found.insert("search".into(), list(values));
            }
            "sortlist" => {
                found.insert("sortlist".into(), list(values));
            }
            "options" => {
                let options = values.iter().map(|option| match option.split_once(':') {
                    Some((name, value)) => (name, Value::str(value)),
                    None => (*option, Value::Bool(true)),
                });
                found.insert("options".into(), Value::object(options));
            }
            _ => {}
        }
    }
    found
}

/// `env`: what the task's processes would see.
pub fn variables(sources: &Sources) -> Facts {
    let variables: Map =
        sources.probe.environment().into_iter().map(|(key, value)| (key.into(), value.into())).collect();
    let mut facts = Facts::new();
    facts.set("env", variables);
    facts
}

/// `lsb`, where the host has `lsb_release` or its file.
pub fn lsb(sources: &Sources) -> Facts {
    let has_command = super::packages::program("lsb_release").is_some();
    let file = text("/etc/lsb-release").map(|text| pairs(&text)).unwrap_or_default();
    let os = text("/etc/os-release").map(|text| pairs(&text)).unwrap_or_default();
    let of =
        |list: &[(String, String)], key: &str| list.iter().find(|(k, _)| k == key).map(|(_, v)| v.clone());
    let mut found = Map::new();
    if has_command && of(&file, "DISTRIB_ID").is_none() && of(&os, "ID").as_deref() != Some("debian") {
        let output = sources.probe.query(&Command::new(["lsb_release", "-a"]).english());
        found = output.map(|output| lsb_output(&output.stdout())).unwrap_or_default();
    } else {
        let debian = |key: &str| has_command.then(|| of(&os, key)).flatten();
        let id =
            has_command.then(|| "Debian".to_owned()).filter(|_| debian("ID").as_deref() == Some("debian"));
        for (name, value) in [
            ("id", of(&file, "DISTRIB_ID").or(id)),
            ("release", of(&file, "DISTRIB_RELEASE").or_else(|| debian("VERSION_ID"))),
            ("description", of(&file, "DISTRIB_DESCRIPTION").or_else(|| debian("PRETTY_NAME"))),
            ("codename", of(&file, "DISTRIB_CODENAME").or_else(|| debian("VERSION_CODENAME"))),
        ] {
            if let Some(value) = value {
                found.insert(name.into(), value.into());
            }
        }
    }
    let major =
        found.get("release").and_then(Value::as_str).and_then(|r| r.split('.').next()).map(str::to_owned);
    if let Some(major) = major {
        found.insert("major_release".into(), major.into());
    }
    let mut facts = Facts::new();
    facts.set("lsb", found);
    facts
}

fn lsb_output(text: &str) -> Map {
    let names = [
        ("LSB Version", "release"),
        ("Distributor ID", "id"),
        ("Description", "description"),
        ("Release", "release"),
        ("Codename", "codename"),
    ];
    text.lines()
        .filter_map(|line| line.split_once(':'))
        .filter_map(|(key, value)| {
            let (_, name) = names.iter().find(|(long, _)| *long == key.trim())?;
            Some((Value::str(name), Value::str(value.trim())))
        })
        .collect()
}

/// `loadavg`, to the precision the kernel has.
pub fn load() -> Facts {
    let loads = rustix::system::sysinfo().loads;
    let mut facts = Facts::new();
    let names = ["1m", "5m", "15m"];
    facts.set(
        "loadavg",
        Value::object(names.into_iter().zip(loads).map(|(name, load)| (name, load as f64 / 65536.0))),
    );
    facts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{from_json, to_json};

    #[test]
    fn command_lines_are_split() {
        let (last, all) = command_line("root=/dev/vda console=tty0 console=ttyS0 quiet a=\"b c\"\n");
        let text = |map: Map| to_json(&Value::map(map));
        assert_eq!(text(last), r#"{"root": "/dev/vda", "console": "ttyS0", "quiet": true, "a": "b c"}"#);
        assert_eq!(
            text(all),
            r#"{"root": "/dev/vda", "console": ["tty0", "ttyS0"], "quiet": true, "a": "b c"}"#
        );
    }

    #[test]
    fn resolver_settings_are_read() {
        let text = "# by hand\nnameserver 10.0.0.1\nnameserver 10.0.0.2\nsearch a.org b.org\noptions timeout:2 rotate\n";
        let expected = r#"{"nameservers": ["10.0.0.1", "10.0.0.2"], "search": ["a.org", "b.org"], "options": {"timeout": "2", "rotate": true}}"#;
        assert_eq!(Value::map(resolver(text)), from_json(expected).expect("JSON"));
    }

    #[test]
    fn lsb_is_read() {
        let map = lsb_output("Distributor ID:\tFedora\nRelease:\t38\nCodename:\tn/a\n");
        assert_eq!(map.get("id"), Some(&"Fedora".into()));
        assert_eq!(map.get("release"), Some(&"38".into()));
    }
}
