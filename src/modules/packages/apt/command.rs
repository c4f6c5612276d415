//! The command line of `apt-get`, and what it prints.

use super::{Args, Step};
use crate::modules::kit::{Command, Failure, Output};
use crate::protocol::Diff;
use crate::value::Map;

pub(super) fn apt_get(args: &Args, words: &[String]) -> Command {
    let mut argv: Vec<String> = vec!["apt-get".into(), "-y".into()];
    for option in args.dpkg_options.split(',').map(str::trim).filter(|option| !option.is_empty()) {
        argv.extend(["-o".into(), format!("Dpkg::Options::=--{option}")]);
    }
    argv.extend(["-o".into(), format!("DPkg::Lock::Timeout={}", args.lock_timeout)]);
    argv.extend(words.iter().cloned());
    let mut command = Command::new(argv).english();
    command.environment = vec![
        ("DEBIAN_FRONTEND".into(), "noninteractive".into()),
        ("DEBIAN_PRIORITY".into(), "critical".into()),
    ];
    command
}

/// The command, and how Ansible words its failure.
pub(super) fn run(args: &Args, options: &[&str], verb: &str, packages: &[String], result: Map) -> Step {
    let flag = |wanted: bool, text: &str| if wanted { text.to_owned() } else { String::new() };
    let installs = matches!(verb, "install" | "build-dep");
    let removes = verb == "remove";
    // In the order in which the message lists them, empty where they are not given.
    let before = [
        flag(installs && args.only_upgrade, "--only-upgrade"),
        flag(options.contains(&"--fix-broken"), "--fix-broken"),
        flag(args.force, "--force-yes"),
        flag(args.autoremove && (installs || removes), "--auto-remove"),
        flag(installs && args.fail_on_autoremove, "--no-remove"),
    ];
    let mut words: Vec<String> =
        options.iter().filter(|o| **o != "--fix-broken").map(|o| (*o).to_owned()).collect();
    words.extend(before.iter().filter(|word| !word.is_empty()).cloned());
    words.push(verb.to_owned());
    if !packages.is_empty() {
        words.push("--".into());
        words.extend(packages.iter().cloned());
    }
    // Options are options before the names, too.
    let at = words.iter().position(|word| word == verb).unwrap_or(0);
    let mut extra: Vec<String> = Vec::new();
    if let Some(release) = &args.default_release {
        extra.extend(["-t".to_owned(), release.clone()]);
    }
    if installs {
        match args.install_recommends {
            Some(true) => extra.extend(["-o".to_owned(), "APT::Install-Recommends=yes".into()]),
            Some(false) => extra.extend(["-o".to_owned(), "APT::Install-Recommends=no".into()]),
            None => {}
        }
    }
    for (wanted, option) in [
        (args.allow_unauthenticated, "--allow-unauthenticated"),
        (args.allow_downgrade, "--allow-downgrades"),
        (args.allow_change_held_packages, "--allow-change-held-packages"),
    ] {
        extra.extend(wanted.then(|| option.to_owned()));
    }
    words.splice(at..at, extra);
    let dpkg: Vec<String> = args
        .dpkg_options
        .split(',')
        .filter(|option| !option.is_empty())
        .map(|option| format!("-o \"Dpkg::Options::=--{option}\""))
        .collect();
    let quoted: Vec<String> = packages.iter().map(|name| format!("'{name}'")).collect();
    let failed = match verb {
        "remove" => format!("'apt-get remove {}' failed: ", quoted.join(" ")),
        "autoremove" | "autoclean" => format!("'apt-get {verb}' failed: "),
        _ => format!(
            "'/usr/bin/apt-get -y {} -o DPkg::Lock::Timeout={} {} {{}} {verb} {}' failed: ",
            dpkg.join(" "),
            args.lock_timeout,
            before.join(" "),
            quoted.join(" ")
        ),
    };
    Step::Run { words, failed, result, fetched: None }
}

/// Whether apt-get's summary says that nothing is to be done.
pub(super) fn nothing_changes(text: &str) -> bool {
    match text.lines().find(|line| line.contains(" upgraded, ") && line.contains(" newly installed")) {
        Some(summary) => summary.starts_with("0 upgraded, 0 newly installed, 0 to remove"),
        // `autoclean` has no summary: it lists what it deletes.
        None => !text.lines().any(|line| line.starts_with("Del ")),
    }
}

/// The part of the output that says what is to be done.
pub(super) fn diff_of(text: &str) -> Diff {
    let lines: Vec<&str> = text.lines().collect();
    let start = lines.iter().position(|line| line.starts_with("Reading state information"));
    let start = start.map_or(0, |at| at + 1);
    // `autoclean` has no summary.
    let end = lines.iter().position(|line| line.contains(" upgraded, ")).map_or(lines.len(), |at| at + 1);
    let shown = lines.get(start..end).unwrap_or_default();
    Diff { prepared: Some(shown.join("\n")), ..Diff::default() }
}

pub(super) fn with_output(result: &Map, output: &Output) -> Map {
    let mut result = result.clone();
    result.insert("stdout".into(), output.stdout().into());
    result.insert("stderr".into(), output.stderr().into());
    result
}

pub(super) fn failure(what: &str, output: &Output, result: &Map) -> Failure {
    let mut failure = Failure::new(format!("{what}{}", output.stderr()));
    failure.result = with_output(result, output);
    failure.with("rc", output.rc)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summaries_are_understood() {
        let nothing =
            "Reading package lists...\n0 upgraded, 0 newly installed, 0 to remove and 3 not upgraded.\n";
        assert!(nothing_changes(nothing));
        let text = "Reading package lists...\nReading state information...\nThe following NEW packages will be installed:\n  tree\n0 upgraded, 1 newly installed, 0 to remove and 0 not upgraded.\nInst tree\n";
        assert!(!nothing_changes(text));
        assert!(!nothing_changes("Del old 1.0 [5 kB]\n"));
        let shown = diff_of(text).prepared.expect("it is one");
        assert!(shown.starts_with("The following NEW") && shown.ends_with("not upgraded."), "{shown}");
        let text = "Reading package lists...\nReading state information...\nDel old 1.0 [5 kB]\n";
        assert_eq!(diff_of(text).prepared.as_deref(), Some("Del old 1.0 [5 kB]"));
    }
}
