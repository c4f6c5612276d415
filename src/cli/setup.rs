//! From options to the parts of a run.

use super::exit;
use super::extra_vars;
use super::options::{Common, print_error};
use crate::diag::{Diagnostic, Severity, render};
use crate::inventory;
use crate::playbook::Loader;
use crate::report::{Format, Layout, LogFile, Look, MAY_BE_SILENCED, Palette, Sink};
use crate::runner::{RunOptions, Selection, Shared};
use crate::source::Settings;
use crate::source::settings::{Name, Surroundings};
use crate::source::vault::Vault;
use crate::source::yaml::{Duplicates, Reader};
use crate::template::{self, Engine, PluginRoute, Untrusted};
use crate::transport::TransportKind;
use crate::value::{Map, Secret, Value};
use crate::vars::{FactCache, Magic, Store};
use std::collections::BTreeSet;
use std::io::IsTerminal;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex, OnceLock, RwLock};

/// What a command starts with.
pub struct Setup {
    pub shared: Arc<Shared>,
    pub look: Look,
    pub sink: Arc<Sink>,
    pub warnings: Vec<Diagnostic>,
}

impl Setup {
    /// Whether the inventory has any host.
    pub fn has_hosts(&self) -> bool {
        self.shared.store.inventory.read().is_ok_and(|inventory| inventory.hosts().next().is_some())
    }

    /// The warning that there is no host but this machine, and that it is not one of `all`.
    pub fn nothing_but_localhost(&self) -> Option<Diagnostic> {
        let wanted = self.shared.settings.bool("LOCALHOST_WARNING") && !self.has_hosts();
        wanted.then(|| {
            Diagnostic::warning(
                "no-hosts",
                "provided hosts list is empty, only localhost is available. Note that the implicit localhost does not match 'all'",
            )
        })
    }
}

/// How problems are shown that have no run to belong to.
#[derive(Debug, Default)]
struct Manner {
    palette: Option<Palette>,
    /// `deprecation_warnings` is off.
    no_deprecations: bool,
}

/// Known once the settings are.
static MANNER: OnceLock<Manner> = OnceLock::new();

/// The warnings that were shown so: each is said once.
static SAID: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

fn is_new(text: &str) -> bool {
    SAID.lock().is_ok_and(|mut said| said.insert(text.to_owned()))
}

/// Shows a problem on standard error.
pub fn show(problem: &Diagnostic) {
    let plain = Manner::default();
    let manner = MANNER.get().unwrap_or(&plain);
    let say = |text: &str, severity: Severity| match &manner.palette {
        Some(palette) => print_error(&palette.paint(text, severity.into())),
        None => print_error(text),
    };
    if problem.severity == Severity::Deprecation {
        if manner.no_deprecations {
            return;
        }
        if is_new(MAY_BE_SILENCED) {
            say(MAY_BE_SILENCED, Severity::Warning);
        }
    }
    let text = render(problem);
    if problem.severity == Severity::Error || is_new(&text) {
        say(&text, problem.severity);
    }
}

fn colour_wanted(settings: &Settings) -> bool {
    let env = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let never = settings.bool("ANSIBLE_NOCOLOR")
        || env("NO_COLOR")
        || std::env::var("TERM").is_ok_and(|term| term == "dumb");
    settings.bool("ANSIBLE_FORCE_COLOR") || (!never && std::io::stdout().is_terminal())
}

/// Reads settings, inventory, variables and secrets. On failure: the exit code, everything said.
///
/// # Errors
/// The exit code.
pub fn setup(common: &Common, name: Name, adjust: impl FnOnce(&mut RunOptions)) -> Result<Setup, i32> {
    let fail = |problem: Diagnostic, code: i32| {
        show(&problem);
        code
    };
    let (mut settings, mut warnings) = Settings::load(Surroundings::of_process(name))
        .map_err(|problem| fail(problem, exit::of_settings(name)))?;
    let palette = colour_wanted(&settings).then(|| {
        let (palette, unknown) = Palette::of_settings(&settings);
        warnings.extend(unknown);
        palette
    });
    let manner = Manner { palette: palette.clone(), no_deprecations: !settings.bool("DEPRECATION_WARNINGS") };
    MANNER.get_or_init(|| manner);
    if let Some(forks) = common.forks {
        settings.set_flag("DEFAULT_FORKS", forks, "--forks");
    }
    if !common.module_path.is_empty() {
        let given = common.module_path.iter().flat_map(|paths| paths.split(':'));
        let given = given.filter(|path| !path.is_empty()).map(|path| Value::str(absolute(&home(path))));
        let configured = settings.list("DEFAULT_MODULE_PATH").into_iter().map(Value::from);
        settings.set_flag(
            "DEFAULT_MODULE_PATH",
            Value::list(given.chain(configured).collect()),
            "--module-path",
        );
    }
    let reader =
        Reader::new(Arc::new(vault(common, &settings).map_err(|problem| fail(problem, exit::ERROR))?))
            .with_duplicates(Duplicates::of_settings(&settings));
    let forks = usize::try_from(settings.int("DEFAULT_FORKS")).unwrap_or(0);
    if forks == 0 {
        let wrong = Diagnostic::error("forks", "The number of processes (--forks) must be >= 1");
        return Err(fail(wrong, exit::usage(name)));
    }
    let settings = Arc::new(settings);
    let engine = Engine::with_settings(template::Settings {
        allow_broken_conditionals: name == Name::Ekumen || settings.bool("ALLOW_BROKEN_CONDITIONALS"),
        plain_constants: !settings.bool("ALLOW_EMBEDDED_TEMPLATES"),
        untrusted: match settings.of_plugin("_ANSIBLE_TEMPLAR_UNTRUSTED_TEMPLATE_BEHAVIOR", "") {
            Some(("warning", _)) => Untrusted::Warn,
            Some(("error", _)) => Untrusted::Refuse,
            _ => Untrusted::Ignore,
        },
        vault: reader.vault().clone(),
        is_module: Some(crate::playbook::is_available),
        config: Some(settings.clone()),
    });
    let extra = extra_vars::parse(&common.extra_vars, &engine, &reader, &mut warnings)
        .map_err(|problem| fail(problem, exit::FAILED))?;
    let sources = if common.inventory.is_empty() {
        settings.list("DEFAULT_HOST_LIST")
    } else {
        common.inventory.clone()
    };
    let given =
        inventory::Given { reader: reader.clone(), engine: engine.clone(), extra: Arc::new(extra.clone()) };
    let (inventory, found) = inventory::load_with(&sources, &settings, &given).map_err(|problems| {
        problems.iter().for_each(show);
        if name == Name::Ansible { exit::ERROR } else { exit::INVENTORY }
    })?;
    warnings.extend(found);
    let verbosity =
        common.verbose.saturating_add(u8::try_from(settings.int("DEFAULT_VERBOSITY")).unwrap_or(0));
    let secret =
        |ask: bool, file: &Option<std::path::PathBuf>, prompt: &str| -> Result<Option<Secret>, i32> {
            if let Some(file) = file {
                return password_file(file).map(Some).map_err(|problem| fail(problem, exit::ERROR));
            }
            if !ask {
                return Ok(None);
            }
            rpassword::prompt_password(prompt).map(|text| Some(Secret::new(text))).map_err(|error| {
                fail(Diagnostic::error("prompt", format!("no password could be read: {error}")), exit::ERROR)
            })
        };
    let connection_file = common
        .connection
        .connection_password_file
        .clone()
        .or_else(|| settings.path("CONNECTION_PASSWORD_FILE"));
    let become_file =
        common.privilege.become_password_file.clone().or_else(|| settings.path("BECOME_PASSWORD_FILE"));
    let password = secret(
        common.connection.ask_pass || settings.bool("DEFAULT_ASK_PASS"),
        &connection_file,
        "SSH password: ",
    )?;
    let become_password = secret(
        common.privilege.ask_become_pass || settings.bool("DEFAULT_BECOME_ASK_PASS"),
        &become_file,
        "BECOME password: ",
    )?;
    let become_password = match (become_password, &password) {
        // An empty answer means the same password, as Ansible's prompt says.
        (Some(given), Some(login)) if given.expose().is_empty() => Some(login.clone()),
        (given, _) => given,
    };
    let transport = match common.connection.transport.as_deref() {
        None | Some("auto") => None,
        Some("ssh" | "ssh2" | "libssh2") => Some(TransportKind::Ssh),
        Some("openssh") => Some(TransportKind::OpenSsh),
        Some(other) => {
            return Err(fail(
                Diagnostic::error(
                    "transport",
                    format!("there is no transport `{other}`: auto, ssh, openssh"),
                ),
                exit::USAGE,
            ));
        }
    };
    let mut options = RunOptions {
        check: common.check,
        diff: common.diff || settings.bool("DIFF_ALWAYS"),
        diff_limit: match settings.int("MAX_FILE_SIZE_FOR_DIFF") {
            // As many as there are.
            ..=0 => u64::MAX,
            limit => limit.unsigned_abs(),
        },
        verbosity,
        remarks: verbosity.max(log_verbosity(&settings)),
        forks,
        limit: common.limit.clone(),
        tags: Selection::default(),
        connection: common.connection.connection.clone(),
        transport,
        user: common.connection.user.clone(),
        password,
        private_key: common.connection.private_key.clone(),
        ssh_common_args: common.connection.ssh_common_args.clone(),
        ssh_extra_args: common.connection.ssh_extra_args.clone(),
        timeout: common.connection.timeout,
        become_it: common.privilege.become_it,
        become_method: common.privilege.become_method.clone(),
        become_user: common.privilege.become_user.clone(),
        become_password,
        no_cache: common.connection.no_cache,
        ..RunOptions::default()
    };
    adjust(&mut options);
    let magic = Magic {
        check_mode: options.check,
        diff_mode: options.diff,
        forks,
        verbosity,
        limit: options.limit.clone(),
        connection: connection_variables(&options, &settings),
        run_tags: options.tags.only.clone(),
        skip_tags: options.tags.skip.clone(),
        inventory_sources: sources.iter().map(|source| absolute(source)).collect(),
        config_file: settings.config_file().map(Path::to_owned),
    };
    let (rejected, missing) = crate::playbook::rejected_modules(&settings, &reader)
        .map_err(|problem| fail(problem, exit::ERROR))?;
    warnings.extend(missing);
    let mut store = Store::new(engine.clone(), Arc::new(RwLock::new(inventory)), extra);
    store.merge_hashes = settings.str("DEFAULT_HASH_BEHAVIOUR") == Some("merge");
    store.inject_facts = settings.bool("INJECT_FACTS_AS_VARS");
    store.reader = reader.clone();
    store.cache = FactCache::of_settings(&settings).unwrap_or_else(|problem| {
        warnings.push(problem);
        None
    });
    if common.flush_cache
        && let (Some(cache), Ok(inventory)) = (&store.cache, store.inventory.read())
    {
        inventory.hosts().for_each(|host| cache.forget(&host.name));
        // It is there without being named anywhere.
        cache.forget("localhost");
    }
    warnings.extend(store.take_problems());
    let (store, magic) = (Arc::new(store), Arc::new(magic));
    let mut loader = Loader::new(engine.clone(), settings.clone(), store.clone(), magic.clone());
    loader.reader = reader;
    loader.strict_arguments = name == Name::Ekumen;
    loader.rejected = rejected;
    let look = Look {
        colour: palette.is_some(),
        verbosity,
        show_skipped: settings.bool("DISPLAY_SKIPPED_HOSTS"),
        show_ok: settings.bool("default.display_ok_hosts"),
        width: width(),
        deprecations: settings.bool("DEPRECATION_WARNINGS"),
        diff: options.diff,
        diff_context: usize::try_from(settings.int("DIFF_CONTEXT")).unwrap_or(0),
        layout: Layout {
            format: match settings.str("default.result_format") {
                Some("yaml") => Format::Yaml,
                _ => Format::Json,
            },
            pretty: settings.get("default.pretty_results").ansible_bool(),
        },
        failed_stderr: settings.bool("default.display_failed_stderr"),
        host_starts: settings.bool("default.show_per_host_start"),
        path_on_failure: settings.bool("default.show_task_path_on_failure"),
        check_markers: settings.bool("default.check_mode_markers"),
        check: options.check,
        custom_stats: settings.bool("SHOW_CUSTOM_STATS"),
    };
    let live = std::io::stdout().is_terminal() && std::io::stderr().is_terminal();
    let mut sink = Sink::new(palette, live).with_verbose_to_stderr(settings.bool("VERBOSE_TO_STDERR"));
    if let Some(log) = log_file(&settings)
        && let Err(text) = sink.log_to(log)
    {
        // Ansible goes on without; who asks for a log here wants one.
        match name {
            Name::Ansible => warnings.insert(0, Diagnostic::warning("log", text)),
            Name::Ekumen => return Err(fail(Diagnostic::error("log", text.trim_end()), exit::ERROR)),
        }
    }
    let lookup_settings =
        settings.all().map(|(row, value, _)| (row.name.to_owned(), value.clone())).collect();
    let interrupted = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM, signal_hook::consts::SIGHUP] {
        // The second signal ends the program at once; connections close and the helpers clean up.
        drop(signal_hook::flag::register_conditional_shutdown(
            signal,
            exit::INTERRUPTED,
            interrupted.clone(),
        ));
        drop(signal_hook::flag::register(signal, interrupted.clone()));
    }
    crate::transport::stop_when(interrupted.clone());
    let loader = Arc::new(loader);
    let routes = Arc::downgrade(&loader);
    engine.set_routes(move |named, name| match routes.upgrade() {
        Some(loader) => loader.plugin_route(named, name),
        None => PluginRoute { name: name.to_owned(), notes: vec![], end: None },
    });
    let shared = Shared {
        no_log_by_default: settings.bool("DEFAULT_NO_LOG"),
        options,
        settings,
        engine,
        loader,
        store,
        magic,
        sessions: Default::default(),
        digests: Default::default(),
        next_id: AtomicU64::new(1),
        lookup_settings: Arc::new(lookup_settings),
        unsettled: Default::default(),
        interrupted,
    };
    Ok(Setup { shared: Arc::new(shared), look, sink: Arc::new(sink), warnings })
}

/// The variables that flags and settings about connections stand for.
fn connection_variables(options: &RunOptions, settings: &Settings) -> Map {
    let text = |given: &Option<String>, setting: &str| {
        given.clone().or_else(|| settings.str(setting).map(str::to_owned)).map(Value::from)
    };
    let timeout = options.timeout.and_then(|seconds| i64::try_from(seconds).ok());
    let port = settings.str("DEFAULT_REMOTE_PORT").and_then(|port| port.parse::<i64>().ok());
    let variables = [
        ("ansible_connection", text(&options.connection, "DEFAULT_TRANSPORT")),
        ("ansible_port", port.map(Value::from)),
        ("ansible_private_key_file", text(&options.private_key, "DEFAULT_PRIVATE_KEY_FILE")),
        ("ansible_shell_executable", text(&None, "DEFAULT_EXECUTABLE")),
        ("ansible_timeout", Some(timeout.unwrap_or_else(|| settings.int("DEFAULT_TIMEOUT")).into())),
        ("ansible_user", text(&options.user, "DEFAULT_REMOTE_USER")),
    ];
    variables.into_iter().filter_map(|(name, value)| Some((name.into(), value?))).collect()
}

fn vault(common: &Common, settings: &Settings) -> Result<Vault, Diagnostic> {
    let keys = super::vault::Keys {
        ids: &common.vault_ids,
        files: &common.vault_password_files,
        ask: common.ask_vault_password,
    };
    super::vault::open(&keys, settings)
}

fn password_file(path: &Path) -> Result<Secret, Diagnostic> {
    password_source(path, &[])
}

/// A password from a file, or from what an executable file prints.
///
/// # Errors
/// It cannot be read or run, or gives nothing.
#[expect(clippy::disallowed_methods, reason = "a password program is a program of this machine")]
pub fn password_source(path: &Path, arguments: &[String]) -> Result<Secret, Diagnostic> {
    use std::os::unix::fs::PermissionsExt;
    let problem = |error: std::io::Error| {
        Diagnostic::error(
            "password-file",
            format!("Could not read password file {}: {error}", path.display()),
        )
    };
    if path.as_os_str() == "-" {
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).map_err(problem)?;
        return Ok(Secret::new(line.trim_end_matches(['\n', '\r'])));
    }
    let meta = path.metadata().map_err(problem)?;
    let text = if meta.permissions().mode() & 0o111 != 0 {
        // A bare name is a file here, not a program of the search path.
        let program = std::path::absolute(path).map_err(problem)?;
        let output = std::process::Command::new(program).args(arguments).output().map_err(problem)?;
        String::from_utf8_lossy(&output.stdout).into_owned()
    } else {
        std::fs::read_to_string(path).map_err(problem)?
    };
    let text = text.trim_end_matches(['\n', '\r']);
    if text.is_empty() {
        return Err(Diagnostic::error(
            "password-file",
            format!("Empty password was provided from file ({})", path.display()),
        ));
    }
    Ok(Secret::new(text))
}

/// How much the log wants to know at least.
fn log_verbosity(settings: &Settings) -> u8 {
    settings.path("DEFAULT_LOG_PATH").map_or(0, |_| u8::try_from(settings.int("LOG_VERBOSITY")).unwrap_or(0))
}

/// The log that the settings want.
fn log_file(settings: &Settings) -> Option<LogFile> {
    let path = settings.path("DEFAULT_LOG_PATH")?;
    // What is logged here has one name.
    let silent = settings.list("DEFAULT_LOG_FILTER").iter().any(|name| name == "ansible");
    let user = ["LOGNAME", "USER"].iter().find_map(|name| std::env::var(name).ok()).unwrap_or_default();
    let verbosity = log_verbosity(settings);
    Some(LogFile { path, user, verbosity, silent })
}

/// A path whose `~` somebody else than a shell has to understand (`--module-path=~/modules`, or after a colon).
fn home(path: &str) -> String {
    match (path.strip_prefix("~/"), std::env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest).to_string_lossy().into_owned(),
        _ => path.to_owned(),
    }
}

fn absolute(source: &str) -> String {
    if source.contains(',') {
        return source.to_owned();
    }
    std::path::absolute(source)
        .map(|path| path.to_string_lossy().into_owned())
        .unwrap_or_else(|_| source.to_owned())
}

/// The terminal's width less one, 79 where there is none.
fn width() -> usize {
    let columns = std::env::var("COLUMNS").ok().and_then(|text| text.parse::<usize>().ok());
    let terminal = console::Term::stdout().size_checked().map(|(_, columns)| usize::from(columns));
    match terminal {
        Some(columns) => columns.max(80) - 1,
        None => columns.map_or(79, |columns| columns.max(80) - 1),
    }
}
