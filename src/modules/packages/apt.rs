//! `apt`: packages of Debian and its relatives.

use super::apt_cache::{self, Policy};
use super::dpkg::{self, State as DpkgState, Status};
use crate::modules::kit::glob::{fnmatch, is_pattern};
use crate::modules::kit::private::{self, PrivateFile};
use crate::modules::kit::{Applied, Changed, Command, Failure, Module, Output, Plan, Probe, Target};
use crate::protocol::Diff;
use crate::value::{Map, Value};
use serde::Deserialize;
use std::cmp::Ordering;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub struct Apt;

#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
pub struct Args {
    /// Packages: `tree`, `tree=2.1*`, `tree>=2`, `lib*`.
    #[serde(default, alias = "package", alias = "pkg")]
    name: Vec<String>,
    #[serde(default)]
    state: State,
    /// Refresh the package lists first.
    #[serde(alias = "update-cache")]
    update_cache: Option<bool>,
    /// … only if they are older than so many seconds.
    #[serde(default)]
    cache_valid_time: u64,
    #[serde(default = "retries")]
    update_cache_retries: u32,
    #[serde(default = "retry_delay")]
    update_cache_retry_max_delay: u64,
    /// Delete configuration files, too.
    #[serde(default)]
    purge: bool,
    /// Remove what nothing needs any more.
    #[serde(default)]
    autoremove: bool,
    #[serde(default)]
    autoclean: bool,
    #[serde(default)]
    clean: bool,
    /// A package file on the host.
    deb: Option<String>,
    #[serde(alias = "default-release")]
    default_release: Option<String>,
    #[serde(alias = "install-recommends")]
    install_recommends: Option<bool>,
    /// Ask nothing, check nothing.
    #[serde(default)]
    force: bool,
    #[serde(default, alias = "allow-unauthenticated")]
    allow_unauthenticated: bool,
    #[serde(default, alias = "allow-downgrade", alias = "allow_downgrades", alias = "allow-downgrades")]
    allow_downgrade: bool,
    #[serde(default)]
    allow_change_held_packages: bool,
    #[serde(default = "dpkg_options")]
    dpkg_options: String,
    #[serde(default)]
    upgrade: Upgrade,
    #[serde(default)]
    only_upgrade: bool,
    /// The exit status of `/usr/sbin/policy-rc.d` meanwhile (101: start no services).
    policy_rc_d: Option<i64>,
    #[serde(default)]
    fail_on_autoremove: bool,
    #[serde(default = "lock_timeout")]
    lock_timeout: u64,
    /// There is nothing but apt-get here.
    #[serde(default, rename = "force_apt_get")]
    _force_apt_get: Option<bool>,
    /// Nothing has to be installed for this module.
    #[serde(default, rename = "auto_install_module_deps")]
    _auto_install_module_deps: Option<bool>,
}

#[derive(Deserialize, Default, Clone, Copy, PartialEq, Eq)]
pub enum State {
    #[serde(rename = "absent")]
    Absent,
    #[serde(rename = "build-dep")]
    BuildDep,
    #[serde(rename = "fixed")]
    Fixed,
    #[serde(rename = "latest")]
    Latest,
    #[default]
    #[serde(rename = "present")]
    Present,
}

#[derive(Deserialize, Default, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Upgrade {
    Dist,
    Full,
    #[default]
    No,
    Safe,
    Yes,
}

fn retries() -> u32 {
    5
}

fn retry_delay() -> u64 {
    12
}

fn lock_timeout() -> u64 {
    60
}

fn dpkg_options() -> String {
    "force-confdef,force-confold".into()
}

/// What to do: refresh the lists, then look again and run.
pub struct Todo {
    args: Args,
    update: bool,
    /// What was decided; decided again after a refresh.
    step: Step,
}

/// The one command of a task.
enum Step {
    Nothing(Map),
    /// Words after `apt-get`.
    Run {
        words: Vec<String>,
        failed: String,
        result: Map,
        /// The package file that was fetched for it; gone with the step.
        fetched: Option<PrivateFile>,
    },
    Clean,
}

impl Module for Apt {
    const NAME: &'static str = "apt";
    type Args = Args;
    type Todo = Todo;

    fn plan(args: &Args, host: &Probe) -> Result<Plan<Todo>, Failure> {
        plan(args, host)
    }

    fn apply(todo: Todo, host: &mut Target) -> Result<Applied, Failure> {
        apply(todo, host)
    }
}

pub(super) fn plan(args: &Args, host: &Probe) -> Result<Plan<Todo>, Failure> {
    let exclusive = [args.deb.is_some(), !args.name.is_empty(), args.upgrade != Upgrade::No];
    if exclusive.iter().filter(|given| **given).count() > 1 {
        return Err(Failure::new("parameters are mutually exclusive: deb|package|upgrade"));
    }
    let update = wants_update(args);
    let todo = |step| Todo { args: args.clone(), update, step };
    let step = match decide(args, host, update) {
        Ok(step) => step,
        // What is not there now may be there once the lists are fresh.
        Err(failure) if update => {
            return Ok(Plan::Unknown {
                todo: todo(Step::Nothing(Map::new())),
                why: format!("the package lists are to be refreshed first ({})", failure.msg),
                result: Map::new(),
            });
        }
        Err(failure) => return Err(failure),
    };
    match step {
        Step::Nothing(result) if !update => Ok(Plan::Unchanged { result }),
        Step::Nothing(ref result) => {
            let result = result.clone();
            Ok(Plan::Upkeep { todo: todo(step), result })
        }
        Step::Clean => {
            let empty = [("stdout", ""), ("stderr", ""), ("msg", "")];
            Ok(Plan::change(todo(step), Vec::new(), Value::object(empty)))
        }
        Step::Run { ref words, ref failed, ref result, .. } => {
            let mut simulated = vec!["--simulate".to_owned()];
            simulated.extend(words.iter().cloned());
            let output = host.query(&apt_get(args, &simulated))?;
            if !output.success() {
                return match update {
                    true => Ok(Plan::Unknown {
                        why: format!(
                            "the package lists are to be refreshed first ({})",
                            output.stderr().trim()
                        ),
                        result: result.clone(),
                        todo: todo(step),
                    }),
                    false => {
                        Err(failure(&failed.replace("{}", host.wording("", "--simulate")), &output, result))
                    }
                };
            }
            let mut result = with_output(result, &output);
            if args.upgrade != Upgrade::No {
                result.insert("msg".into(), output.stdout().into());
            }
            if nothing_changes(&output.stdout()) {
                return Ok(match update {
                    true => Plan::Upkeep { todo: todo(Step::Nothing(result.clone())), result },
                    false => Plan::Unchanged { result },
                });
            }
            let diff = vec![diff_of(&output.stdout())];
            Ok(Plan::Change { diff, result, todo: todo(step) })
        }
    }
}

pub(super) fn apply(todo: Todo, host: &mut Target) -> Result<Applied, Failure> {
    let Todo { args, update, mut step } = todo;
    let before = cache_time();
    let mut cache_updated = false;
    if update {
        refresh(&args, host)?;
        cache_updated = cache_time() != before;
        step = decide(&args, &host.probe(), cache_updated)?;
    }
    match step {
        Step::Nothing(result) => {
            let only_update = args.name.is_empty() && args.state != State::Fixed;
            let changed = if cache_updated && only_update { Changed::Yes } else { Changed::No };
            Ok(Applied { result, changed, diff: None })
        }
        Step::Clean => {
            let output = host.run(&apt_get(&args, &["clean".to_owned()]))?;
            match output.success() {
                true => Ok(Applied::new(Value::map(with_output(&Map::new(), &output)))),
                false => Err(failure("apt-get clean failed: ", &output, &Map::new())),
            }
        }
        // What was fetched has to stay until the command is done.
        Step::Run { words, failed, result, fetched: _fetched } => {
            let policy = args.policy_rc_d.map(PolicyRcD::set).transpose()?;
            let output = host.run(&apt_get(&args, &words));
            drop(policy);
            let output = output?;
            if !output.success() {
                return Err(failure(&failed.replace("{}", ""), &output, &result));
            }
            let text = output.stdout();
            let changed = if nothing_changes(&text) { Changed::No } else { Changed::Yes };
            let mut result = with_output(&result, &output);
            if args.upgrade != Upgrade::No {
                result.insert("msg".into(), text.as_str().into());
            }
            if result.contains_key("cache_updated") {
                result.insert("cache_updated".into(), cache_updated.into());
            }
            Ok(Applied { result, changed, diff: Some(vec![diff_of(&text)]) })
        }
    }
}

/// Whether the lists are to be refreshed, and are old enough for it.
fn wants_update(args: &Args) -> bool {
    let wanted = args.update_cache.unwrap_or(args.cache_valid_time > 0);
    if !wanted || args.cache_valid_time == 0 {
        return wanted;
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    u64::try_from(cache_time()).unwrap_or(0) + args.cache_valid_time <= now
}

/// When the lists were refreshed last, in seconds since the epoch.
fn cache_time() -> i64 {
    let files = ["/var/lib/apt/periodic/update-success-stamp", "/var/lib/apt/lists"];
    files.iter().find_map(|path| std::fs::metadata(path).ok()).map_or(0, |data| data.mtime())
}

fn cache_facts(updated: bool) -> Map {
    let facts =
        Value::object([("cache_updated", Value::Bool(updated)), ("cache_update_time", cache_time().into())]);
    facts.as_map().cloned().unwrap_or_default()
}

fn refresh(args: &Args, host: &mut Target) -> Result<(), Failure> {
    let words = ["-o", "APT::Update::Error-Mode=any", "update"].map(str::to_owned);
    let mut output = Output::default();
    for attempt in 0..args.update_cache_retries.max(1) {
        output = host.run(&apt_get(args, &words))?;
        if output.success() {
            return Ok(());
        }
        if attempt + 1 < args.update_cache_retries {
            let delay = (1u64 << attempt.min(10)).min(args.update_cache_retry_max_delay);
            std::thread::sleep(Duration::from_secs(delay));
        }
    }
    let text = output.stderr();
    // In the words of apt's library: no blank after the letter.
    let complaints = text.lines().filter(|line| line.starts_with(['E', 'W']));
    let reason = complaints.map(|line| line.replacen(": ", ":", 1)).collect::<Vec<_>>().join(", ");
    let reason = if reason.is_empty() { text.trim().to_owned() } else { reason };
    let retries = args.update_cache_retries;
    Err(Failure::new(format!("Failed to update apt cache after {retries} retries: {reason}")))
}

fn apt_get(args: &Args, words: &[String]) -> Command {
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

fn decide(args: &Args, host: &Probe, updated: bool) -> Result<Step, Failure> {
    if args.clean {
        let archives = crate::modules::kit::glob::glob("/var/cache/apt/archives/*.deb", Path::new("/"));
        if !archives.is_empty() {
            return Ok(Step::Clean);
        }
        if args.name.is_empty() && args.deb.is_none() && args.upgrade == Upgrade::No {
            let empty = Value::object([("stdout", ""), ("stderr", ""), ("msg", "")]);
            return Ok(Step::Nothing(empty.as_map().cloned().unwrap_or_default()));
        }
    }
    match args.upgrade {
        Upgrade::No => {}
        Upgrade::Yes | Upgrade::Safe => {
            return Ok(run(args, &["--with-new-pkgs"], "upgrade", &[], Map::new()));
        }
        Upgrade::Full | Upgrade::Dist => return Ok(run(args, &[], "dist-upgrade", &[], Map::new())),
    }
    if let Some(path) = &args.deb {
        if !path.contains("://") {
            return deb(args, &host.path(path), host);
        }
        let file = fetch(path, host)?;
        let mut step = deb(args, &fetched_path(&file), host)?;
        if let Step::Run { fetched, .. } = &mut step {
            *fetched = Some(file);
        }
        return Ok(step);
    }
    let names: Vec<String> = args
        .name
        .iter()
        .flat_map(|name| name.split(','))
        .map(|n| n.trim().to_owned())
        .filter(|n| !n.is_empty())
        .collect();
    if names.is_empty() {
        if args.state == State::Fixed {
            return Ok(run(args, &["--fix-broken"], "install", &[], cache_facts(updated)));
        }
        if args.autoremove {
            let purge: &[&str] = if args.purge { &["--purge"] } else { &[] };
            return Ok(run(args, purge, "autoremove", &[], Map::new()));
        }
        if args.autoclean {
            return Ok(run(args, &[], "autoclean", &[], Map::new()));
        }
        return Ok(Step::Nothing(cache_facts(updated)));
    }
    let status =
        Status::parse(&String::from_utf8_lossy(&host.read("/var/lib/dpkg/status")?.unwrap_or_default()));
    match args.state {
        State::Absent => remove(args, &names, &status, host),
        State::BuildDep => Ok(run(args, &[], "build-dep", &names, cache_facts(updated))),
        State::Present | State::Latest | State::Fixed => install(args, &names, &status, host, updated),
    }
}

/// The command, and how Ansible words its failure.
fn run(args: &Args, options: &[&str], verb: &str, packages: &[String], result: Map) -> Step {
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

/// A name with its version, as arguments give them.
struct Wanted<'n> {
    name: &'n str,
    version: Option<&'n str>,
    at_least: bool,
}

impl<'n> Wanted<'n> {
    fn parse(text: &'n str) -> Self {
        if let Some((name, version)) = text.split_once(">=") {
            return Self { name: name.trim(), version: Some(version.trim()), at_least: true };
        }
        match text.split_once('=') {
            Some((name, version)) => {
                Self { name: name.trim(), version: Some(version.trim()), at_least: false }
            }
            None => Self { name: text, version: None, at_least: false },
        }
    }

    fn accepts(&self, version: &str) -> bool {
        match self.version {
            None => true,
            Some(wanted) if self.at_least => dpkg::compare(version, wanted) != Ordering::Less,
            Some(wanted) => fnmatch(wanted, version),
        }
    }
}

/// Names with wildcards become the names they stand for.
fn expand(
    names: &[String],
    host: &Probe,
    known: impl Fn(&str) -> Result<Vec<String>, Failure>,
) -> Result<Vec<String>, Failure> {
    let _ = host;
    let mut expanded = Vec::new();
    for name in names {
        let wanted = Wanted::parse(name);
        if !is_pattern(wanted.name) {
            expanded.push(name.clone());
            continue;
        }
        let prefix = wanted.name.split(['*', '?', '[']).next().unwrap_or_default();
        let matches: Vec<String> =
            known(prefix)?.into_iter().filter(|known| fnmatch(wanted.name, known)).collect();
        if matches.is_empty() {
            return Err(Failure::new(format!("No package(s) matching '{}' available", wanted.name)));
        }
        expanded.extend(matches);
    }
    Ok(expanded)
}

fn install(
    args: &Args,
    names: &[String],
    status: &Status,
    host: &Probe,
    updated: bool,
) -> Result<Step, Failure> {
    let is_real = |names: Vec<String>| -> Result<Vec<String>, Failure> {
        let policies = apt_cache::policies(host, &names, args.default_release.as_deref())?;
        Ok(names.into_iter().filter(|n| policies.get(n).is_some_and(|p| p.candidate.is_some())).collect())
    };
    let names = expand(names, host, |prefix| apt_cache::names(host, prefix).and_then(is_real))?;
    let wanted: Vec<Wanted> = names.iter().map(|name| Wanted::parse(name)).collect();
    let latest = args.state == State::Latest;
    // Only what is not plainly there already has to be looked up: that costs a process.
    let open: Vec<&Wanted> = wanted
        .iter()
        .filter(|w| {
            !status
                .version(w.name)
                .is_some_and(|version| w.accepts(version) && (!latest || w.version.is_some()))
        })
        .collect();
    if open.is_empty() {
        return Ok(Step::Nothing(cache_facts(updated)));
    }
    let asked: Vec<String> = open.iter().map(|wanted| plain(wanted.name, status)).collect();
    let policies = apt_cache::policies(host, &asked, args.default_release.as_deref())?;
    let mut packages = Vec::new();
    for wanted in open {
        let policy = policies.get(&plain(wanted.name, status));
        packages.extend(choose(args, wanted, status, policy, host, updated)?);
    }
    if packages.is_empty() {
        return Ok(Step::Nothing(cache_facts(updated)));
    }
    let fix: &[&str] = if args.state == State::Fixed { &["--fix-broken"] } else { &[] };
    Ok(run(args, fix, "install", &packages, cache_facts(updated)))
}

/// The name without the host's own architecture, as `apt-cache` answers.
fn plain(name: &str, status: &Status) -> String {
    match name.split_once(':') {
        Some((plain, architecture)) if architecture == status.native || architecture == "native" => {
            plain.to_owned()
        }
        _ => name.to_owned(),
    }
}

/// What `apt-get` is to be told for one package, if anything.
fn choose(
    args: &Args,
    wanted: &Wanted,
    status: &Status,
    policy: Option<&Policy>,
    host: &Probe,
    updated: bool,
) -> Result<Option<String>, Failure> {
    let installed = status.version(wanted.name);
    let none = || Failure::new(format!("No package matching '{}' is available", wanted.name));
    let Some(policy) = policy.filter(|policy| policy.candidate.is_some() || !policy.versions.is_empty())
    else {
        if installed.is_some() {
            // It is there, and nobody has it to give any more.
            return Ok(None);
        }
        // A virtual package is there if its only provider is.
        let providers = apt_cache::providers(host, wanted.name)?;
        return match providers.as_slice() {
            [] => Err(none()),
            [only] if status.version(only).is_some() => Ok(None),
            _ => Ok(Some(wanted.name.to_owned())),
        };
    };
    if args.only_upgrade && installed.is_none() {
        return Ok(None);
    }
    if wanted.version.is_some() {
        let Some(version) = policy.versions.iter().find(|version| wanted.accepts(version)) else {
            let sign = if wanted.at_least { ">=" } else { "=" };
            let text = format!(
                "no available installation candidate for {}{sign}{}",
                wanted.name,
                wanted.version.unwrap_or_default()
            );
            let mut failure = Failure::new(text);
            failure.result = cache_facts(updated);
            return Err(failure);
        };
        return Ok((installed != Some(version)).then(|| format!("{}={version}", wanted.name)));
    }
    match (installed, &policy.candidate) {
        (Some(installed), Some(candidate)) if installed == candidate => Ok(None),
        (_, Some(candidate)) => Ok(Some(format!("{}={candidate}", wanted.name))),
        (Some(_), None) => Ok(None),
        (None, None) => Ok(Some(wanted.name.to_owned())),
    }
}

fn remove(args: &Args, names: &[String], status: &Status, host: &Probe) -> Result<Step, Failure> {
    let known = |_: &str| Ok(status.packages.iter().map(|package| package.name.clone()).collect());
    // What matches nothing that is installed, is gone already.
    let names: Vec<String> = names
        .iter()
        .flat_map(|name| expand(std::slice::from_ref(name), host, known).unwrap_or_default())
        .collect();
    let packages: Vec<String> = names
        .iter()
        .map(|name| Wanted::parse(name).name.to_owned())
        .filter(|name| {
            status.find(name).is_some_and(|package| package.state == DpkgState::Installed || args.purge)
        })
        .collect();
    if packages.is_empty() {
        return Ok(Step::Nothing(Map::new()));
    }
    let purge: &[&str] = if args.purge { &["--purge"] } else { &[] };
    Ok(run(args, purge, "remove", &packages, Map::new()))
}

/// A package file from the net, by apt's own program for that: it knows the host's proxies and certificates.
fn fetch(url: &str, host: &Probe) -> Result<PrivateFile, Failure> {
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
fn fetched_path(file: &PrivateFile) -> String {
    file.path().with_extension("deb").to_string_lossy().into_owned()
}

/// A package file: what it holds, against what is there.
fn deb(args: &Args, path: &str, host: &Probe) -> Result<Step, Failure> {
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

/// Whether apt-get's summary says that nothing is to be done.
fn nothing_changes(text: &str) -> bool {
    match text.lines().find(|line| line.contains(" upgraded, ") && line.contains(" newly installed")) {
        Some(summary) => summary.starts_with("0 upgraded, 0 newly installed, 0 to remove"),
        // `autoclean` has no summary: it lists what it deletes.
        None => !text.lines().any(|line| line.starts_with("Del ")),
    }
}

/// The part of the output that says what is to be done.
fn diff_of(text: &str) -> Diff {
    let lines: Vec<&str> = text.lines().collect();
    let start = lines.iter().position(|line| line.starts_with("Reading state information"));
    let start = start.map_or(0, |at| at + 1);
    // `autoclean` has no summary.
    let end = lines.iter().position(|line| line.contains(" upgraded, ")).map_or(lines.len(), |at| at + 1);
    let shown = lines.get(start..end).unwrap_or_default();
    Diff { prepared: Some(shown.join("\n")), ..Diff::default() }
}

fn with_output(result: &Map, output: &Output) -> Map {
    let mut result = result.clone();
    result.insert("stdout".into(), output.stdout().into());
    result.insert("stderr".into(), output.stderr().into());
    result
}

fn failure(what: &str, output: &Output, result: &Map) -> Failure {
    let mut failure = Failure::new(format!("{what}{}", output.stderr()));
    failure.result = with_output(result, output);
    failure.with("rc", output.rc)
}

/// `/usr/sbin/policy-rc.d` as long as this lives; what was there before comes back.
struct PolicyRcD {
    saved: Option<PathBuf>,
}

const POLICY: &str = "/usr/sbin/policy-rc.d";

impl PolicyRcD {
    fn set(status: i64) -> Result<Self, Failure> {
        let failed = |error: std::io::Error| Failure::new(format!("Fail to create {POLICY}: {error}"));
        let mut saved = None;
        if Path::new(POLICY).exists() {
            let place = PathBuf::from(format!("{POLICY}.ekumen-{}", std::process::id()));
            std::fs::rename(POLICY, &place).map_err(failed)?;
            saved = Some(place);
        }
        let policy = Self { saved };
        std::fs::write(POLICY, format!("#!/bin/sh\nexit {status}\n")).map_err(failed)?;
        std::fs::set_permissions(POLICY, std::fs::Permissions::from_mode(0o755)).map_err(failed)?;
        Ok(policy)
    }
}

impl Drop for PolicyRcD {
    fn drop(&mut self) {
        // There is nobody left to tell if this fails.
        drop(match &self.saved {
            Some(place) => std::fs::rename(place, POLICY),
            None => std::fs::remove_file(POLICY),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_versions() {
        let wanted = Wanted::parse("tree=2.1*");
        assert_eq!((wanted.name, wanted.accepts("2.1.0-1"), wanted.accepts("2.2")), ("tree", true, false));
        let wanted = Wanted::parse("foo>=1.9");
        assert_eq!((wanted.name, wanted.accepts("1.10"), wanted.accepts("1.8")), ("foo", true, false));
        assert!(Wanted::parse("lib*").accepts("1"));
    }

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
