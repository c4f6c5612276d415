//! The command lines of dnf 4 and dnf 5, and running them.

use super::args::{Args, split};
use super::transaction::Transaction;
use crate::facts;
use crate::modules::kit::{Command, Failure, Output};
use crate::modules::packages::rpm::Package;
use std::time::{Duration, Instant};

/// dnf 4 and dnf 5 have most words in common.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Generation {
    Four,
    Five,
}

/// The exit status of dnf 4 where another dnf is at work; dnf 5 waits.
const LOCKED: i32 = 200;

/// One call of dnf that changes something: a verb and what it is to be done with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub verb: &'static str,
    /// Without any, everything.
    pub words: Vec<String>,
}

/// dnf on this host, with the options of a task.
pub struct Dnf {
    pub generation: Generation,
    program: &'static str,
    options: Vec<String>,
    /// For how long another dnf is waited for.
    patience: Duration,
}

impl Dnf {
    pub fn new(generation: Generation, args: &Args) -> Self {
        let program = match generation {
            Generation::Five => "dnf5",
            // `dnf` itself may be the younger one.
            Generation::Four if facts::program("dnf-3").is_some() => "dnf-3",
            Generation::Four => "dnf",
        };
        let patience = Duration::from_secs(args.lock_timeout);
        Self { generation, program, options: options(generation, args), patience }
    }

    /// A call that only asks.
    pub fn question<'w>(&self, words: impl IntoIterator<Item = &'w str>) -> Command {
        let mut argv = vec![self.program.to_owned(), "-q".into(), "-y".into()];
        // Every question with the same options: another set of repositories has other answers.
        let (first, rest): (Vec<&str>, Vec<&str>) = {
            let mut words = words.into_iter();
            (words.next().into_iter().collect(), words.collect())
        };
        argv.extend(first.into_iter().map(str::to_owned));
        argv.extend(self.options.iter().filter(|option| !transactional(option)).cloned());
        argv.extend(rest.into_iter().map(str::to_owned));
        Command::new(argv).english()
    }

    /// The call of a step, or of its simulation.
    fn command(&self, step: &Step, answer: &str, without: &[String]) -> Command {
        let mut argv = vec![self.program.to_owned(), answer.to_owned(), step.verb.to_owned()];
        argv.extend(self.options.iter().filter(|option| !without.contains(option)).cloned());
        if !step.words.is_empty() {
            argv.push("--".into());
            argv.extend(step.words.iter().cloned());
        }
        Command::new(argv).english()
    }

    /// What a step would do. `run` runs a command.
    ///
    /// # Errors
    /// In the words of dnf: `Err(Ok(output))` where it refuses, `Err(Err(failure))` where it cannot be run.
    pub fn simulate(
        &self,
        step: &Step,
        before: &[Package],
        run: &mut dyn FnMut(&Command) -> Result<Output, Failure>,
    ) -> Result<Transaction, Refusal> {
        // Where downloads are to go does not matter yet, but dnf would make the folder.
        let downloads = self.options.iter().filter(|option| is_download(option)).cloned().collect();
        let output = self.call(step, "--assumeno", downloads, run)?;
        let aborted = output.stderr().contains("Operation aborted");
        match output.success() || aborted {
            true => Ok(Transaction::parse(&output.stdout(), before)),
            false => Err(Refusal::Said(output)),
        }
    }

    /// Does a step.
    ///
    /// # Errors
    /// As [`Self::simulate`].
    pub fn perform(
        &self,
        step: &Step,
        before: &[Package],
        run: &mut dyn FnMut(&Command) -> Result<Output, Failure>,
    ) -> Result<Transaction, Refusal> {
        let output = self.call(step, "-y", Vec::new(), run)?;
        match output.success() {
            true => Ok(Transaction::parse(&output.stdout(), before)),
            false => Err(Refusal::Said(output)),
        }
    }

    fn call(
        &self,
        step: &Step,
        answer: &str,
        mut without: Vec<String>,
        run: &mut dyn FnMut(&Command) -> Result<Output, Failure>,
    ) -> Result<Output, Refusal> {
        let until = Instant::now() + self.patience;
        loop {
            let output = run(&self.command(step, answer, &without)).map_err(Refusal::NotRun)?;
            // Repositories that nobody has are no reason to fail; dnf 4 thinks so, too.
            let text = output.stderr();
            let unknown = text.lines().find_map(|line| line.strip_prefix("No matching repositories for "));
            if let Some(unknown) = unknown.and_then(|rest| rest.split(". Add").next()) {
                let options = [0, 1].map(|on| format!("--setopt={unknown}.enabled={on}"));
                let fresh = |option: &String| self.options.contains(option) && !without.contains(option);
                let more: Vec<String> = options.into_iter().filter(fresh).collect();
                if !more.is_empty() {
                    without.extend(more);
                    continue;
                }
            }
            if output.rc != LOCKED {
                return Ok(output);
            }
            if Instant::now() >= until {
                return Err(Refusal::NotRun(Failure::new("dnf lockfile is held by another process")));
            }
            std::thread::sleep(Duration::from_secs(1));
        }
    }
}

/// Why dnf did not do something.
pub enum Refusal {
    NotRun(Failure),
    Said(Output),
}

fn is_download(option: &str) -> bool {
    option == "--downloadonly" || option.starts_with("--setopt=destdir=")
}

/// Whether an option is about transactions only: questions do not know it.
fn transactional(option: &str) -> bool {
    ["--allowerasing", "--skip-broken", "--downloadonly", "--bugfix", "--security", "--nogpgcheck"]
        .contains(&option)
}

fn options(generation: Generation, args: &Args) -> Vec<String> {
    let mut options = Vec::new();
    let mut set = |name: &str, value: &str| options.push(format!("--setopt={name}={value}"));
    // As options of repositories, those that nobody has are no error for dnf 4.
    for repository in split(&args.disablerepo) {
        set(&format!("{repository}.enabled"), "0");
    }
    for repository in split(&args.enablerepo) {
        set(&format!("{repository}.enabled"), "1");
    }
    let best = args.best.or(args.nobest.map(|nobest| !nobest));
    if let Some(best) = best {
        set("best", if best { "1" } else { "0" });
    }
    if !args.sslverify || !args.validate_certs {
        set("sslverify", "0");
        set("*.sslverify", "0");
    }
    if !args.install_weak_deps {
        set("install_weak_deps", "0");
    }
    // What was installed for a package stays when it goes.
    set("clean_requirements_on_remove", if args.autoremove { "1" } else { "0" });
    if !args.disable_gpg_check {
        set("localpkg_gpgcheck", "1");
    }
    if let Some(excludes) = args.disable_excludes.as_deref().filter(|_| generation == Generation::Five) {
        set("disable_excludes", if excludes == "all" { "*" } else { excludes });
    }
    if let Some(folder) = &args.download_dir {
        set("destdir", folder);
    }
    if generation == Generation::Four {
        set("exit_on_lock", "1");
    }
    if let Some(excludes) = args.disable_excludes.as_deref().filter(|_| generation == Generation::Four) {
        options.push(format!("--disableexcludes={excludes}"));
    }
    options.extend(split(&args.exclude).into_iter().map(|exclude| format!("--exclude={exclude}")));
    for (plugins, option) in
        [(&args.disable_plugin, "--disableplugin"), (&args.enable_plugin, "--enableplugin")]
    {
        options.extend(split(plugins).into_iter().map(|plugin| format!("{option}={plugin}")));
    }
    for (value, option) in [
        (args.conf_file.as_deref(), "--config"),
        (args.root(), "--installroot"),
        (args.releasever.as_deref(), "--releasever"),
    ] {
        options.extend(value.map(|value| format!("{option}={value}")));
    }
    for (wanted, option) in [
        (args.root().is_some() && generation == Generation::Five, "--use-host-config"),
        (args.update_cache, "--refresh"),
        (args.cacheonly, "--cacheonly"),
        (args.disable_gpg_check, "--nogpgcheck"),
        (args.allowerasing, "--allowerasing"),
        (args.skip_broken, "--skip-broken"),
        (args.download_only, "--downloadonly"),
        (args.bugfix, "--bugfix"),
        (args.security, "--security"),
    ] {
        options.extend(wanted.then(|| option.to_owned()));
    }
    options
}
