//! From variables and settings to connections, and the pool that keeps them.

use super::Shared;
use super::result::TaskResult;
use crate::playbook::Task;
use crate::protocol::Become;
use crate::template::{Context, TemplateError};
use crate::transport::{
    CallError, Connection, HostKeyPolicy, OpenSshOptions, Session, Stats, Target, TransportKind,
};
use crate::value::{Secret, Value, py_str};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How to reach a host for one task, and who to be there.
#[derive(Clone)]
pub struct Route {
    pub target: Target,
    pub identity: Option<Box<Become>>,
    /// The connection that is asked for, where there is none of that name.
    pub unknown: Option<String>,
}

impl Route {
    /// The failure of what has to go where nothing leads.
    pub fn refusal(&self) -> Option<TaskResult> {
        let name = self.unknown.as_deref()?;
        let text = match name {
            "" => "Task failed: A non-empty plugin name is required.".to_owned(),
            name => format!("Task failed: the connection plugin '{name}' was not found"),
        };
        Some(TaskResult::stopped(text))
    }
}

/// Reads variables of one host, first name that has a value first.
struct Ask<'a> {
    context: &'a Context,
}

impl Ask<'_> {
    fn value(&self, names: &[&str]) -> Result<Option<Value>, TemplateError> {
        for name in names {
            if let Some(value) = self.context.variable(name)?
                && !value.is_null()
                && !crate::template::is_omit(&value)
            {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }

    fn text(&self, names: &[&str]) -> Result<Option<String>, TemplateError> {
        Ok(self.value(names)?.map(|value| py_str(&value)))
    }
}

/// Works out the route of a task to `host`, whose variables `context` has. Its keywords are its own: `own` has the variables of the
/// host that it is for.
///
/// # Errors
/// When a connection variable cannot be rendered.
pub fn route(
    shared: &Shared,
    task: &Task,
    own: &Context,
    context: &Context,
    host: &str,
) -> Result<Route, TemplateError> {
    let ask = Ask { context };
    let keyword = |name: &str| super::task::keyword(&task.level, own, name);
    let keyword_text = |name: &str| keyword(name).map(|value| value.map(|value| py_str(&value)));
    let settings = &shared.settings;
    let options = &shared.options;
    // What somebody wrote: defaults would choose the transport.
    let configured = |name: &str| settings.str(name).filter(|_| settings.is_set(name)).map(str::to_owned);
    let implicit_local = !shared.inventory_has(host) && is_local_name(host);
    let connection = match ask.text(&["ansible_connection"])? {
        Some(connection) => connection,
        None => match keyword_text("connection")? {
            Some(connection) => connection,
            None if implicit_local => "local".into(),
            None => options.connection.clone().unwrap_or_else(|| {
                settings.str("DEFAULT_TRANSPORT").map(str::to_owned).unwrap_or_else(|| "ssh".into())
            }),
        },
    };
    let known = match connection.trim_start_matches("ansible.builtin.").trim_start_matches("ansible.legacy.")
    {
        "local" | "mitogen_local" => Some(TransportKind::Local),
        "openssh" => Some(TransportKind::OpenSsh),
        "ssh2" | "libssh2" => Some(TransportKind::Ssh),
        "ssh" | "smart" | "paramiko" | "paramiko_ssh" | "mitogen_ssh" => {
            Some(options.transport.unwrap_or(TransportKind::Auto))
        }
        _ => None,
    };
    let unknown = known.is_none().then(|| connection.clone());
    let kind = known.unwrap_or(TransportKind::Auto);
    let address = match ask.text(&["ansible_ssh_host", "ansible_host"])? {
        Some(address) => address,
        None => host.to_owned(),
    };
    let port = match ask.text(&["ansible_ssh_port", "ansible_port"]) {
        // Nobody needs it.
        _ if kind == TransportKind::Local => None,
        Err(error) => return Err(error),
        Ok(Some(port)) => Some(port),
        Ok(None) => keyword_text("port")?.or_else(|| settings.str("DEFAULT_REMOTE_PORT").map(str::to_owned)),
    };
    let user = match ask.text(&["ansible_ssh_user", "ansible_user"])? {
        Some(user) => Some(user),
        None => keyword_text("remote_user")?
            .or_else(|| options.user.clone())
            .or_else(|| settings.str("DEFAULT_REMOTE_USER").map(str::to_owned)),
    };
    let mechanism = match ask.text(&["ansible_ssh_password_mechanism"])? {
        Some(mechanism) => Some(mechanism),
        None => configured("ssh.password_mechanism"),
    };
    let password = ask
        .text(&["ansible_ssh_password", "ansible_ssh_pass", "ansible_password"])?
        .map(Secret::new)
        .or_else(|| options.password.clone())
        .filter(|_| mechanism.as_deref() != Some("disable"));
    let prompt = match ask.text(&["ansible_sshpass_prompt"])? {
        Some(prompt) => Some(prompt),
        None => configured("ssh.sshpass_prompt"),
    };
    let prompt = prompt.filter(|prompt| !prompt.is_empty());
    let verbosity = match ask.text(&["ansible_ssh_verbosity"])? {
        Some(verbosity) => verbosity.trim().parse().unwrap_or(0),
        None => settings.int("ssh.verbosity"),
    };
    let because = match (&password, &prompt, mechanism.as_deref()) {
        _ if verbosity > 0 => Some("ssh is to say what it does (`ssh_verbosity`)"),
        (Some(_), _, Some("ssh_askpass" | "sshpass")) => {
            Some("ssh is to ask for the password (`password_mechanism`)")
        }
        (Some(_), Some(_), _) => Some("one question is to be answered (`sshpass_prompt`)"),
        _ => None,
    };
    let openssh = OpenSshOptions {
        because,
        prompt,
        leaves_open: mechanism.as_deref() == Some("sshpass"),
        // More is not said.
        verbosity: u8::try_from(verbosity.clamp(0, 3)).unwrap_or(0),
    };
    let key = ask
        .text(&["ansible_ssh_private_key_file", "ansible_private_key_file"])?
        .or_else(|| options.private_key.clone())
        .or_else(|| settings.str("DEFAULT_PRIVATE_KEY_FILE").map(str::to_owned));
    let passphrase =
        ask.text(&["ansible_ssh_private_key_passphrase", "ansible_private_key_passphrase"])?.map(Secret::new);
    let ssh_args = {
        let common = ask
            .text(&["ansible_ssh_common_args"])?
            .or_else(|| options.ssh_common_args.clone())
            .or_else(|| settings.str("ssh.ssh_common_args").map(str::to_owned));
        let extra = ask
            .text(&["ansible_ssh_extra_args"])?
            .or_else(|| options.ssh_extra_args.clone())
            .or_else(|| settings.str("ssh.ssh_extra_args").map(str::to_owned));
        // The default asks for compression and for control sockets, which one kept connection has no use for.
        let base = ask.text(&["ansible_ssh_args"])?.or_else(|| configured("ssh.ssh_args"));
        [base, common, extra].into_iter().flatten().flat_map(|text| split_words(&text)).collect()
    };
    let checking = match ask.value(&["ansible_ssh_host_key_checking", "ansible_host_key_checking"])? {
        Some(value) => value.ansible_bool().unwrap_or(true),
        None => settings.bool("HOST_KEY_CHECKING"),
    };
    let timeout = match ask.text(&["ansible_ssh_timeout", "ansible_timeout"])? {
        Some(timeout) => timeout.trim().parse().ok(),
        None => options.timeout,
    };
    let retries = ask
        .text(&["ansible_ssh_retries"])?
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or_else(|| settings.int("ssh.reconnection_retries"));
    let target = Target {
        name: host.to_owned(),
        kind,
        address,
        port: port.and_then(|port| port.trim().parse().ok()),
        user,
        password,
        private_key_file: key.map(|key| expand(&key).into()),
        private_key_passphrase: passphrase,
        host_key_policy: if checking { HostKeyPolicy::Strict } else { HostKeyPolicy::Off },
        ssh_args,
        ssh_executable: ask
            .text(&["ansible_ssh_executable"])?
            .or_else(|| settings.str("ssh.ssh_executable").map(str::to_owned)),
        openssh,
        connect_timeout: Duration::from_secs(
            timeout.unwrap_or_else(|| u64::try_from(settings.int("DEFAULT_TIMEOUT")).unwrap_or(10)),
        ),
        retries: u32::try_from(retries).unwrap_or(0),
        no_cache: options.no_cache,
    };
    let identity = identity(shared, &ask, &keyword, &target)?;
    Ok(Route { target, identity, unknown })
}

fn identity(
    shared: &Shared,
    ask: &Ask,
    keyword: &dyn Fn(&str) -> Result<Option<Value>, TemplateError>,
    target: &Target,
) -> Result<Option<Box<Become>>, TemplateError> {
    let (settings, options) = (&shared.settings, &shared.options);
    let wanted = match ask.value(&["ansible_become"])? {
        Some(value) => value.ansible_bool().unwrap_or(false),
        None => match keyword("become")? {
            Some(value) => value.ansible_bool().unwrap_or(false),
            None => options.become_it || settings.bool("DEFAULT_BECOME"),
        },
    };
    if !wanted {
        return Ok(None);
    }
    let text = |names: &[&str],
                word: &str,
                option: &Option<String>,
                setting: &str|
     -> Result<Option<String>, TemplateError> {
        if let Some(text) = ask.text(names)? {
            return Ok(Some(text));
        }
        let given = keyword(word)?.map(|value| py_str(&value));
        Ok(given.or_else(|| option.clone()).or_else(|| settings.str(setting).map(str::to_owned)))
    };
    let method =
        text(&["ansible_become_method"], "become_method", &options.become_method, "DEFAULT_BECOME_METHOD")?
            .unwrap_or_else(|| "sudo".into());
    let method = method.rsplit('.').next().unwrap_or(&method).to_owned();
    let own = |suffix: &str| format!("ansible_{method}_{suffix}");
    let user = text(
        &[&own("user"), "ansible_become_user"],
        "become_user",
        &options.become_user,
        "DEFAULT_BECOME_USER",
    )?
    .unwrap_or_else(|| "root".into());
    let flags =
        text(&[&own("flags"), "ansible_become_flags"], "become_flags", &None, "DEFAULT_BECOME_FLAGS")?
            .filter(|flags| !flags.is_empty());
    let exe = text(&[&own("exe"), "ansible_become_exe"], "become_exe", &None, "DEFAULT_BECOME_EXE")?
        .filter(|exe| !exe.is_empty());
    let password =
        ask.text(&[&own("pass"), &own("password"), "ansible_become_password", "ansible_become_pass"])?;
    let password = password
        .map(|text| Secret::new(text).expose().to_owned())
        .or_else(|| options.become_password.as_ref().map(|secret| secret.expose().to_owned()));
    let prompts = match ask.value(&[&own("prompt_l10n")])? {
        Some(Value::List(texts)) => texts.iter().map(py_str).collect(),
        Some(text) => py_str(&text).split(',').map(|text| text.trim().to_owned()).collect(),
        None if method == "su" => settings.list("su.prompt_l10n"),
        None => vec![],
    };
    let (patience, too_late) = if target.kind == TransportKind::Local {
        let given = ask.text(&["ansible_local_become_success_timeout"])?;
        let seconds = given.and_then(|text| text.trim().parse().ok()).filter(|seconds| *seconds > 0);
        let too_late = "Timed out waiting for become success or become password prompt.";
        (seconds.unwrap_or(LOCAL_PATIENCE), too_late.to_owned())
    } else {
        // As long as for a connection, and a bit more for what it has to travel.
        let seconds = u32::try_from(target.connect_timeout.as_secs()).unwrap_or(10).saturating_add(2);
        (seconds, format!("Timeout ({seconds}s) waiting for privilege escalation prompt:"))
    };
    Ok(Some(Box::new(Become { method, exe, user, flags, password, prompts, patience, too_late })))
}

/// Seconds that becoming another user may take on this machine.
const LOCAL_PATIENCE: u32 = 10;

/// Names that mean this machine when the inventory does not have them.
pub fn is_local_name(name: &str) -> bool {
    matches!(name, "localhost" | "127.0.0.1" | "::1")
}

fn expand(path: &str) -> String {
    match (path.strip_prefix("~/"), std::env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest).to_string_lossy().into_owned(),
        _ => path.to_owned(),
    }
}

/// A shell's words: quotes keep spaces.
fn split_words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(q), c) if c == q => quote = None,
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None | Some('"'), '\\') => word.get_or_insert_default().extend(chars.next()),
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

/// Open sessions by what they connect to.
#[derive(Default)]
pub struct Sessions {
    open: Mutex<HashMap<Connection, Arc<Mutex<Option<Session>>>>>,
    finished: Mutex<Stats>,
}

impl Sessions {
    fn slot(&self, target: &Target) -> Arc<Mutex<Option<Session>>> {
        match self.open.lock() {
            Ok(mut open) => open.entry(target.connection()).or_default().clone(),
            Err(_) => Arc::default(),
        }
    }

    /// Uses the session of a target, connecting first if there is none (any more). A session that fails is dropped.
    ///
    /// # Errors
    /// See [`CallError`].
    pub fn with<T>(
        &self,
        target: &Target,
        describe: &dyn Fn(&str),
        work: impl FnOnce(&mut Session) -> Result<T, CallError>,
    ) -> Result<T, CallError> {
        let slot = self.slot(target);
        let mut guard = slot.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(gone) = guard.take_if(|session| !session.is_there()) {
            self.keep_stats(&gone);
        }
        if guard.is_none() {
            let session = Session::open_telling(target, describe)?;
            describe(&session.describe());
            *guard = Some(session);
        }
        let Some(session) = guard.as_mut() else {
            return Err(CallError::Lost { message: "the session is gone".into() });
        };
        let result = work(session);
        if result.is_err() {
            self.keep_stats(session);
            *guard = None;
        }
        result
    }

    /// Closes the session of a target (`meta: reset_connection`).
    pub fn reset(&self, target: &Target) {
        let slot = self.slot(target);
        let mut guard = slot.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(session) = guard.take() {
            self.keep_stats(&session);
        }
    }

    fn keep_stats(&self, session: &Session) {
        if let Ok(mut finished) = self.finished.lock() {
            add(&mut finished, session.stats());
        }
    }

    /// Everything that went over the wire so far.
    pub fn stats(&self) -> Stats {
        let mut total = self.finished.lock().map(|stats| *stats).unwrap_or_default();
        if let Ok(open) = self.open.lock() {
            for slot in open.values() {
                if let Ok(guard) = slot.try_lock()
                    && let Some(session) = guard.as_ref()
                {
                    add(&mut total, session.stats());
                }
            }
        }
        total
    }
}

fn add(total: &mut Stats, more: Stats) {
    total.round_trips += more.round_trips;
    total.bytes_sent += more.bytes_sent;
    total.bytes_received += more.bytes_received;
}
