//! Whether libssh2 can make a connection as it is asked for, and how; else why only OpenSSH can.

use super::options::{Asked, Settings, expand, home};
use crate::transport::{HostKeyPolicy, Target};
use std::path::PathBuf;
use std::time::Duration;

/// Everything libssh2 needs to know, decided.
#[derive(Clone, Debug)]
pub struct Plan {
    pub host: String,
    pub port: u16,
    pub user: String,
    /// What stands for the host in known_hosts.
    pub key_alias: Option<String>,
    pub policy: HostKeyPolicy,
    pub user_known_hosts: Vec<PathBuf>,
    pub global_known_hosts: Vec<PathBuf>,
    pub hash_known_hosts: bool,
    /// Key files to try; `chosen` if somebody named them (then a missing one is worth a word).
    pub identity_files: Vec<PathBuf>,
    pub identities_chosen: bool,
    pub identities_only: bool,
    /// `none`, or a socket; the environment decides otherwise.
    pub identity_agent: Option<String>,
    pub authentications: Vec<Authentication>,
    pub connect_timeout: Duration,
    pub family: Family,
    pub compression: bool,
    pub ciphers: Option<String>,
    pub kex: Option<String>,
    pub macs: Option<String>,
    pub host_key_algorithms: Option<String>,
    /// Hosts to go through, the first one first.
    pub jumps: Vec<Jump>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authentication {
    PublicKey,
    Password,
    KeyboardInteractive,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    Any,
    V4,
    V6,
}

/// One `[user@]host[:port]` of `ProxyJump`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Jump {
    pub user: Option<String>,
    pub host: String,
    pub port: Option<u16>,
}

/// What the settings below decide, or what has nothing to decide for a stream of bytes.
const UNDERSTOOD: &[&str] = &[
    "addkeystoagent",
    "addressfamily",
    "batchmode",
    "canonicaldomains",
    "canonicalizefallbacklocal",
    "canonicalizehostname",
    "canonicalizemaxdots",
    "canonicalizepermittedcnames",
    "casignaturealgorithms",
    "challengeresponseauthentication",
    "checkhostip",
    "ciphers",
    "clearallforwardings",
    "compression",
    "connectionattempts",
    "connecttimeout",
    "controlmaster",
    "controlpath",
    "controlpersist",
    "dynamicforward",
    "enableescapecommandline",
    "enablesshkeysign",
    "escapechar",
    "exitonforwardfailure",
    "fingerprinthash",
    "forwardagent",
    "forwardx11",
    "forwardx11timeout",
    "forwardx11trusted",
    "gatewayports",
    "globalknownhostsfile",
    "gssapiauthentication",
    "gssapidelegatecredentials",
    "gssapikexalgorithms",
    "gssapikeyexchange",
    "gssapirenewalforcesrekey",
    "gssapitrustdns",
    "hashknownhosts",
    "hostbasedacceptedalgorithms",
    "hostbasedauthentication",
    "hostkeyalgorithms",
    "hostkeyalias",
    "hostname",
    "identitiesonly",
    "identityagent",
    "identityfile",
    "ignoreunknown",
    "ipqos",
    "kbdinteractiveauthentication",
    "kexalgorithms",
    "localforward",
    "loglevel",
    "logverbose",
    "macs",
    "nohostauthenticationforlocalhost",
    "numberofpasswordprompts",
    "obscurekeystroketiming",
    "passwordauthentication",
    "permitlocalcommand",
    "permitremoteopen",
    "port",
    "preferredauthentications",
    "proxyjump",
    "pubkeyacceptedalgorithms",
    "pubkeyacceptedkeytypes",
    "pubkeyauthentication",
    "rekeylimit",
    "requesttty",
    "requiredrsasize",
    "sendenv",
    "serveralivecountmax",
    "serveraliveinterval",
    "sessiontype",
    "stdinnull",
    "streamlocalbindmask",
    "streamlocalbindunlink",
    "stricthostkeychecking",
    "syslogfacility",
    "tcpkeepalive",
    "updatehostkeys",
    "user",
    "userknownhostsfile",
    "useroaming",
    "verifyhostkeydns",
    "visualhostkey",
    "warnweakcrypto",
    "xauthlocation",
];

/// Decides. The error says what only OpenSSH can do.
pub fn plan(target: &Target, asked: &Asked) -> Result<Plan, String> {
    let settings = &asked.settings;
    if let Some(word) = asked.unknown.first().filter(|_| !asked.resolved) {
        return Err(format!("`{word}` is an option for ssh"));
    }
    check(settings)?;
    let host =
        settings.get("hostname").map_or(target.address.clone(), |name| name.replace("%h", &target.address));
    let number =
        |text: &str| text.parse::<u16>().map_err(|_| format!("`{text}` is no port number for libssh2"));
    let port = match (target.port, settings.get("port")) {
        (Some(port), _) => port,
        (None, Some(text)) => number(text)?,
        (None, None) => 22,
    };
    let user =
        target.user.clone().or_else(|| settings.get("user").map(String::from)).unwrap_or_else(login_name);
    let port_text = port.to_string();
    let tokens = [
        ('h', host.as_str()),
        ('n', target.address.as_str()),
        ('p', &port_text),
        ('r', user.as_str()),
        ('k', settings.get("hostkeyalias").unwrap_or(&target.address)),
    ];
    let files = |keyword: &str, default: &[&str]| -> Vec<PathBuf> {
        match settings.get(keyword) {
            Some("none") => Vec::new(),
            Some(list) => {
                list.split_whitespace().map(|file| expand(file.trim_matches('"'), &tokens)).collect()
            }
            None => default.iter().map(|file| expand(file, &tokens)).collect(),
        }
    };
    let mut identity_files: Vec<PathBuf> = Vec::new();
    identity_files.extend(target.private_key_file.as_ref().map(|file| expand(&file.to_string_lossy(), &[])));
    let configured = settings.all("identityfile");
    identity_files.extend(configured.iter().filter(|file| *file != "none").map(|file| expand(file, &tokens)));
    let identities_chosen = !identity_files.is_empty() || !configured.is_empty();
    if !identities_chosen {
        let default = ["id_rsa", "id_ecdsa", "id_ed25519"];
        identity_files = default.iter().map(|name| expand(&format!("~/.ssh/{name}"), &[])).collect();
        identity_files.retain(|file| file.exists());
    }
    for file in &identity_files {
        if is_hardware_key(file) {
            return Err(format!("{} is a key in a FIDO token", file.display()));
        }
        if with_suffix(file, "-cert.pub").exists() {
            return Err(format!("{} has a certificate", file.display()));
        }
    }
    Ok(Plan {
        key_alias: settings.get("hostkeyalias").map(String::from),
        policy: policy(target, settings),
        user_known_hosts: files("userknownhostsfile", &["~/.ssh/known_hosts", "~/.ssh/known_hosts2"]),
        global_known_hosts: files(
            "globalknownhostsfile",
            &["/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"],
        ),
        hash_known_hosts: settings.is_on("hashknownhosts"),
        identity_files,
        identities_chosen,
        identities_only: settings.is_on("identitiesonly"),
        identity_agent: settings.get("identityagent").map(|agent| match agent.strip_prefix('$') {
            Some(_) => "SSH_AUTH_SOCK".to_owned(),
            None if agent == "none" || agent == "SSH_AUTH_SOCK" => agent.to_owned(),
            None => expand(agent, &tokens).to_string_lossy().into_owned(),
        }),
        authentications: authentications(settings),
        connect_timeout: connect_timeout(target, settings),
        family: match settings.get("addressfamily") {
            Some("inet") => Family::V4,
            Some("inet6") => Family::V6,
            _ => Family::Any,
        },
        compression: settings.is_on("compression"),
        ciphers: settings.get("ciphers").map(String::from),
        kex: settings.get("kexalgorithms").map(String::from),
        macs: settings.get("macs").map(String::from),
        host_key_algorithms: settings.get("hostkeyalgorithms").map(String::from),
        jumps: jumps(settings.get("proxyjump"))?,
        host,
        port,
        user,
    })
}

/// What libssh2, or this program, cannot do.
fn check(settings: &Settings) -> Result<(), String> {
    for keyword in settings.keywords() {
        let value = settings.get(keyword).unwrap_or_default();
        let no = |what: &str| Err(format!("{what} ({keyword} {value})"));
        match keyword {
            "proxycommand" if value == "none" => {}
            "proxycommand" => return no("a command makes the connection"),
            "certificatefile" => return no("a certificate is to be used"),
            "forwardagent" if !settings.is_off(keyword) => return no("the agent is to be forwarded"),
            "gssapiauthentication" | "gssapikeyexchange" if settings.is_on(keyword) && has_ticket() => {
                return no("there is a Kerberos ticket to use");
            }
            "hostbasedauthentication" | "permitlocalcommand" if settings.is_on(keyword) => {
                return no("libssh2 does not do that here");
            }
            "verifyhostkeydns" if !settings.is_off(keyword) => return no("host keys are in the DNS"),
            "canonicalizehostname" if !settings.is_off(keyword) => {
                return no("host names are to be made canonical");
            }
            // `+`, `-` and `^` change OpenSSH's own list, which libssh2 does not have.
            "ciphers" | "macs" | "kexalgorithms" | "hostkeyalgorithms"
                if value.starts_with(['+', '-', '^']) =>
            {
                return no("a list of algorithms starts from OpenSSH's own");
            }
            known if UNDERSTOOD.contains(&known) => {}
            _ => return no("a setting that only OpenSSH knows"),
        }
    }
    Ok(())
}

/// Whether a Kerberos ticket may be there; without one GSSAPI is a setting that does nothing.
fn has_ticket() -> bool {
    let uid = rustix::process::getuid().as_raw();
    std::env::var_os("KRB5CCNAME").is_some() || PathBuf::from(format!("/tmp/krb5cc_{uid}")).exists()
}

fn policy(target: &Target, settings: &Settings) -> HostKeyPolicy {
    match settings.get("stricthostkeychecking") {
        _ if target.host_key_policy == HostKeyPolicy::Off => HostKeyPolicy::Off,
        Some("no" | "off" | "false") => HostKeyPolicy::Off,
        Some("accept-new") => HostKeyPolicy::AcceptNew,
        Some("yes" | "true") => HostKeyPolicy::Strict,
        _ => target.host_key_policy,
    }
}

fn connect_timeout(target: &Target, settings: &Settings) -> Duration {
    let seconds = settings.get("connecttimeout").and_then(|text| text.trim_end_matches('s').parse().ok());
    seconds.filter(|seconds| *seconds > 0).map_or(target.connect_timeout, Duration::from_secs)
}

fn authentications(settings: &Settings) -> Vec<Authentication> {
    let default = "publickey,password,keyboard-interactive";
    let off = |keyword: &str| settings.is_off(keyword);
    let mut methods = Vec::new();
    for name in settings.get("preferredauthentications").unwrap_or(default).split(',') {
        match name.trim() {
            "publickey" if !off("pubkeyauthentication") => methods.push(Authentication::PublicKey),
            "password" if !off("passwordauthentication") => methods.push(Authentication::Password),
            "keyboard-interactive"
                if !off("kbdinteractiveauthentication") && !off("challengeresponseauthentication") =>
            {
                methods.push(Authentication::KeyboardInteractive);
            }
            _ => {}
        }
    }
    methods
}

fn jumps(text: Option<&str>) -> Result<Vec<Jump>, String> {
    let Some(text) = text.filter(|text| *text != "none" && !text.is_empty()) else { return Ok(Vec::new()) };
    text.split(',').map(|jump| parse_jump(jump.trim()).ok_or(format!("`{jump}` is a way to jump"))).collect()
}

fn parse_jump(text: &str) -> Option<Jump> {
    let text = text.strip_prefix("ssh://").unwrap_or(text).trim_end_matches('/');
    let (user, rest) = match text.rsplit_once('@') {
        Some((user, rest)) => (Some(user.to_owned()), rest),
        None => (None, text),
    };
    let (host, port) = match rest.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']')?;
            (host, rest.strip_prefix(':'))
        }
        None => match rest.split_once(':') {
            // More than one colon is an address, not a port.
            Some((_, rest_of_address)) if rest_of_address.contains(':') => (rest, None),
            Some((host, port)) => (host, Some(port)),
            None => (rest, None),
        },
    };
    let port = match port {
        Some(port) => Some(port.parse().ok()?),
        None => None,
    };
    (!host.is_empty() && !host.starts_with('-')).then(|| Jump { user, host: host.to_owned(), port })
}

/// Whether a key file's secret half is in a FIDO token.
fn is_hardware_key(file: &std::path::Path) -> bool {
    std::fs::read_to_string(with_suffix(file, ".pub")).is_ok_and(|text| text.starts_with("sk-"))
}

pub fn with_suffix(file: &std::path::Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Who runs this program.
pub fn login_name() -> String {
    let uid = rustix::process::getuid().as_raw().to_string();
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let named = passwd.lines().find_map(|line| {
        let fields: Vec<_> = line.split(':').collect();
        (fields.get(2) == Some(&uid.as_str())).then(|| fields[0].to_owned())
    });
    named.or_else(|| std::env::var("USER").ok()).or_else(|| std::env::var("LOGNAME").ok()).unwrap_or_else(
        || home().and_then(|home| Some(home.file_name()?.to_string_lossy().into_owned())).unwrap_or_default(),
    )
}

#[cfg(test)]
mod tests {
    use super::super::options::read_words;
    use super::*;
    use crate::transport::TransportKind;

    fn planned(line: &str) -> Result<Plan, String> {
        let words: Vec<String> = line.split_whitespace().map(String::from).collect();
        let target = Target {
            name: "web".into(),
            kind: TransportKind::Auto,
            address: "web.example".into(),
            port: None,
            user: Some("ann".into()),
            password: None,
            private_key_file: Some("/nonexistent/key".into()),
            private_key_passphrase: None,
            host_key_policy: HostKeyPolicy::Strict,
            ssh_args: words.clone(),
            ssh_executable: None,
            openssh: Default::default(),
            connect_timeout: Duration::from_secs(10),
            retries: 0,
            no_cache: false,
        };
        let read = read_words(&words);
        plan(&target, &Asked { settings: read.settings, unknown: read.unknown, resolved: false })
    }

    #[test]
    fn what_only_openssh_can_do() {
        let table = [
            ("-oProxyCommand=nc", "proxycommand nc"),
            ("-oCertificateFile=x", "certificatefile x"),
            ("-A", "forwardagent yes"),
            ("-oSomethingNew=1", "somethingnew 1"),
            ("-oCiphers=+aes128-cbc", "ciphers +aes128-cbc"),
            ("-W h:1", "`-W`"),
        ];
        for (line, reason) in table {
            let error = planned(line).expect_err(line);
            assert!(error.contains(reason), "{line}: {error}");
        }
        for line in
            ["-oProxyCommand=none", "-oForwardAgent=no", "-oControlMaster=auto -oControlPersist=60s -C"]
        {
            assert!(planned(line).is_ok(), "{line}");
        }
    }

    #[test]
    fn settings_decide() {
        let plan = planned(
            "-p 2222 -l bob -oHostName=%h.net -oStrictHostKeyChecking=accept-new -oConnectTimeout=3 \
             -oUserKnownHostsFile=/a/%h -oGlobalKnownHostsFile=none -oPreferredAuthentications=password,publickey \
             -oPubkeyAuthentication=no -i /k/%r -oIdentitiesOnly=yes -6",
        )
        .expect("all of it can be done");
        assert_eq!((plan.host.as_str(), plan.port), ("web.example.net", 2222));
        assert_eq!(plan.user, "ann", "a variable wins over the words");
        assert_eq!(plan.policy, HostKeyPolicy::AcceptNew);
        assert_eq!(plan.connect_timeout, Duration::from_secs(3));
        assert_eq!(plan.user_known_hosts, [PathBuf::from("/a/web.example.net")]);
        assert!(plan.global_known_hosts.is_empty());
        assert_eq!(plan.authentications, [Authentication::Password]);
        assert_eq!(plan.identity_files, [PathBuf::from("/nonexistent/key"), "/k/ann".into()]);
        assert!(plan.identities_only);
        assert_eq!(plan.family, Family::V6);
    }

    #[test]
    fn jumps_in_all_forms() {
        let jump = |user: Option<&str>, host: &str, port| Jump {
            user: user.map(Into::into),
            host: host.into(),
            port,
        };
        let plan = planned("-J a,bob@b:2222,ssh://c:1,[::1]:7,fe80::1").expect("jumps");
        assert_eq!(
            plan.jumps,
            [
                jump(None, "a", None),
                jump(Some("bob"), "b", Some(2222)),
                jump(None, "c", Some(1)),
                jump(None, "::1", Some(7)),
                jump(None, "fe80::1", None),
            ]
        );
        assert!(planned("-J -x").is_err());
        assert!(planned("-J none").expect("no jump").jumps.is_empty());
    }
}
