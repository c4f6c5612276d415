//! The lookup `url`: what a web server answers.

use super::Lookup;
use crate::template::TemplateError;
use crate::template::context::expand_home;
use crate::template::object::{Res, V, failed, text};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::sync::Arc;
use std::time::Duration;
use ureq::config::AutoHeaderValue;
use ureq::http::{Response, Uri};
use ureq::tls::{PemItem, RootCerts, TlsConfig, TlsProvider, parse_pem};
use ureq::{Agent, Body};

/// Bytes of one answer: as much as a template may build.
const LARGEST: u64 = 64 << 20;

/// How often one request is sent on, as in Python.
const REDIRECTS: usize = 10;

/// How to ask.
struct Asking {
    agent: Agent,
    headers: Vec<(String, String)>,
    /// Names of headers, in lower case, that a redirected request does not have.
    unredirected: Vec<String>,
    /// The user and password of the arguments.
    login: Option<(String, String)>,
    /// Send them without being asked.
    eager: bool,
    netrc: bool,
    redirects: bool,
}

/// `lookup('url', …)`.
///
/// # Errors
/// No answer, or one that is an error itself, in Ansible's words.
pub fn url(lookup: &mut Lookup) -> Res<Vec<V>> {
    let asking = Asking::new(lookup)?;
    let split = lookup.flag("split_lines", true)?;
    let mut out = Vec::new();
    for url in lookup.texts()? {
        let content = asking.fetch(&url)?;
        let content = String::from_utf8_lossy(&content);
        match split {
            true => out.extend(lines(&content).map(V::str)),
            false => out.push(V::str(content)),
        }
    }
    Ok(out)
}

/// As Python splits bytes into lines.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (line, after) = match rest.find(['\n', '\r']) {
            Some(at) if rest[at..].starts_with("\r\n") => (&rest[..at], &rest[at + 2..]),
            Some(at) => (&rest[..at], &rest[at + 1..]),
            None => (rest, ""),
        };
        rest = after;
        Some(line)
    })
}

/// An argument, or the variable that stands for it.
fn option(lookup: &Lookup, name: &str, variable: &str) -> Res<Option<V>> {
    if let Some(value) = lookup.option(name) {
        return Ok(Some(value.clone()).filter(|value| !matches!(value, V::None)));
    }
    lookup.eval.ctx.variable(&format!("ansible_lookup_url_{variable}"))?.map(V::need).transpose()
}

fn flag(lookup: &Lookup, name: &str, default: bool) -> Res<bool> {
    let Some(value) = option(lookup, name, name)? else { return Ok(default) };
    let read = value.to_value()?.ansible_bool();
    read.ok_or_else(|| invalid(name, format!("Invalid value provided for 'bool': {}", shown(&value))))
}

fn shown(value: &V) -> String {
    crate::template::object::repr(value).unwrap_or_default()
}

fn invalid(name: &str, why: String) -> TemplateError {
    failed(format!("Config '{name}' for 'url' lookup plugin from 'Direct' has an invalid value: {why}"))
}

fn names(value: Option<V>) -> Res<Vec<String>> {
    match value {
        None => Ok(Vec::new()),
        Some(V::Str(names)) => Ok(names.split(',').map(|name| name.trim().to_owned()).collect()),
        Some(names) => names.items()?.iter().map(text).collect(),
    }
}

impl Asking {
    fn new(lookup: &Lookup) -> Res<Self> {
        for (name, variable) in [("unix_socket", "unix_socket"), ("ciphers", "ciphers")] {
            if option(lookup, name, variable)?.is_some() {
                return Err(failed(format!("the option '{name}' is not available in this version")));
            }
        }
        if flag(lookup, "use_gssapi", false)? {
            return Err(failed("the option 'use_gssapi' is not available in this version"));
        }
        let redirects = match option(lookup, "follow_redirects", "follow_redirects")? {
            None => true,
            Some(choice) => match text(&choice)?.to_lowercase().as_str() {
                "all" | "safe" | "urllib2" | "yes" | "true" => true,
                "none" | "no" | "false" => false,
                _ => {
                    let choice = text(&choice)?;
                    return Err(failed(format!(
                        "Invalid value '{choice}' for config 'follow_redirects' for 'url' lookup plugin."
                    )));
                }
            },
        };
        let mut headers = Vec::new();
        if flag(lookup, "force", false)? {
            headers.push(("Cache-Control".to_owned(), "no-cache".to_owned()));
        }
        if let Some(V::Dict(given)) = lookup.option("headers") {
            for (name, value) in given.entries()? {
                headers.push((crate::value::py_str(&name), text(&value)?));
            }
        }
        let login = match (lookup.text("username")?, lookup.text("password")?) {
            (None, _) => None,
            (Some(user), password) => Some((user, password.unwrap_or_default())),
        };
        let agent_name = match option(lookup, "http_agent", "agent")? {
            Some(name) => text(&name)?,
            None => "ansible-httpget".to_owned(),
        };
        Ok(Self {
            agent: agent(lookup, agent_name)?,
            headers,
            unredirected: names(option(lookup, "unredirected_headers", "unredir_headers")?)?
                .iter()
                .map(|name| name.to_lowercase())
                .collect(),
            eager: login.is_some() && flag(lookup, "force_basic_auth", false)?,
            login,
            netrc: flag(lookup, "use_netrc", true)?,
            redirects,
        })
    }

    fn fetch(&self, url: &str) -> Res<Vec<u8>> {
        let Some((scheme, rest)) = url.split_once(':') else {
            return Err(failed(format!("unknown url type: '{url}'")));
        };
        let no_answer = |why: &str| failed(format!("Failed lookup url for {url}: <urlopen error {why}>"));
        if scheme.eq_ignore_ascii_case("file") {
            let path = rest.strip_prefix("//").unwrap_or(rest);
            let path = percent_encoding::percent_decode_str(path).decode_utf8_lossy().into_owned();
            return std::fs::read(&path).map_err(|error| no_answer(&errno(&error)));
        }
        if !matches!(scheme.to_ascii_lowercase().as_str(), "http" | "https") {
            return Err(no_answer(&format!("unknown url type: {scheme}")));
        }
        if let Some(wrong) = url.chars().find(|c| *c <= ' ' || *c == '\u{7f}') {
            let wrong = wrong.to_string();
            return Err(failed(format!(
                "URL can't contain control characters. {} (found at least {})",
                shown(&V::str(path_of(rest))),
                shown(&V::str(wrong))
            )));
        }
        let first: Uri = url.parse().map_err(|_| no_answer("no host given"))?;
        let mut uri = first.clone();
        let mut authorised = self.eager;
        let mut seen = 0;
        loop {
            let mut response =
                self.ask(&uri, uri != first, authorised, &first).map_err(|error| refusal(url, &error))?;
            let status = response.status();
            let reason = status.canonical_reason().unwrap_or("");
            let error = |code: u16, reason: &str| {
                failed(format!("Received HTTP error for {url}: HTTP Error {code}: {reason}"))
            };
            match status.as_u16() {
                200..=299 => {
                    let body = response.body_mut().with_config().limit(LARGEST).read_to_vec();
                    return body.map_err(|error| refusal(url, &error));
                }
                401 if !authorised && self.login.is_some() => authorised = true,
                code @ (301 | 302 | 303 | 307 | 308) if self.redirects => {
                    seen += 1;
                    if seen > REDIRECTS {
                        let why = "The HTTP server returned a redirect error that would lead to an infinite loop.\n\
                                   The last 30x error message was:";
                        return Err(error(code, &format!("{why}\n{reason}")));
                    }
                    let location = response.headers().get("location").and_then(|to| to.to_str().ok());
                    let Some(next) = location.and_then(|to| resolve(&uri, to)) else {
                        return Err(error(code, reason));
                    };
                    uri = next;
                }
                code => return Err(error(code, reason)),
            }
        }
    }

    fn ask(
        &self,
        uri: &Uri,
        redirected: bool,
        authorised: bool,
        first: &Uri,
    ) -> Result<Response<Body>, ureq::Error> {
        let mut request = self.agent.get(uri);
        for (name, value) in &self.headers {
            if !(redirected && self.unredirected.contains(&name.to_lowercase())) {
                request = request.header(name, value);
            }
        }
        // Another host has no business with the password.
        let login = match &self.login {
            Some(login) if authorised && uri.host() == first.host() => Some(login.clone()),
            Some(_) => None,
            None if self.netrc => uri.host().and_then(netrc_login),
            None => None,
        };
        if let Some((user, password)) = login {
            let token = STANDARD.encode(format!("{user}:{password}"));
            request = request.header("Authorization", format!("Basic {token}"));
        }
        request.call()
    }
}

fn agent(lookup: &Lookup, name: String) -> Res<Agent> {
    let seconds = match option(lookup, "timeout", "timeout")? {
        None => 10.0,
        Some(value) => {
            let number = value.as_f64().or_else(|| value.as_str().and_then(|s| s.trim().parse().ok()));
            number.filter(|seconds: &f64| seconds.is_finite() && *seconds > 0.0).ok_or_else(|| {
                invalid("timeout", format!("Invalid value provided for 'float': {}", shown(&value)))
            })?
        }
    };
    let wait = Duration::try_from_secs_f64(seconds).ok();
    let roots = match option(lookup, "ca_path", "ca_path")? {
        None => RootCerts::PlatformVerifier,
        Some(path) => {
            let path = expand_home(&text(&path)?);
            let pem = std::fs::read(&path)
                .map_err(|error| failed(format!("{}: '{}'", errno(&error), path.display())))?;
            let certificates = parse_pem(&pem).filter_map(|item| match item {
                Ok(PemItem::Certificate(certificate)) => Some(certificate),
                _ => None,
            });
            RootCerts::Specific(Arc::new(certificates.collect()))
        }
    };
    let tls = TlsConfig::builder()
        .provider(TlsProvider::NativeTls)
        .root_certs(roots)
        .disable_verification(!flag(lookup, "validate_certs", true)?)
        .build();
    let mut config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .user_agent(name)
        .accept(AutoHeaderValue::None)
        .accept_encoding("identity")
        .timeout_connect(wait)
        .timeout_per_read(wait)
        .timeout_per_write(wait)
        .timeout_recv_response(wait)
        .tls_config(tls);
    if !flag(lookup, "use_proxy", true)? {
        config = config.proxy(None);
    }
    Ok(config.build().new_agent())
}

/// What stands after the host.
fn path_of(rest: &str) -> &str {
    let rest = rest.strip_prefix("//").unwrap_or(rest);
    rest.find('/').map_or("", |at| &rest[at..])
}

/// Where a redirection leads.
fn resolve(from: &Uri, to: &str) -> Option<Uri> {
    if to.contains("://") {
        return to.parse().ok().filter(|uri: &Uri| matches!(uri.scheme_str(), Some("http" | "https")));
    }
    let (scheme, host) = (from.scheme_str()?, from.authority()?);
    if let Some(other) = to.strip_prefix("//") {
        return format!("{scheme}://{other}").parse().ok();
    }
    if to.starts_with('/') {
        return format!("{scheme}://{host}{to}").parse().ok();
    }
    let folder = from.path().rsplit_once('/').map_or("", |(folder, _)| folder);
    format!("{scheme}://{host}{folder}/{to}").parse().ok()
}

/// `[Errno 111] Connection refused`.
fn errno(error: &std::io::Error) -> String {
    let text = error.to_string();
    match (error.raw_os_error(), text.find(" (os error")) {
        (Some(code), Some(at)) => format!("[Errno {code}] {}", &text[..at]),
        _ => text,
    }
}

fn refusal(url: &str, error: &ureq::Error) -> TemplateError {
    let why = match error {
        ureq::Error::Timeout(_) => return failed("timed out"),
        ureq::Error::Io(error) if error.kind() == std::io::ErrorKind::TimedOut => return failed("timed out"),
        ureq::Error::BodyExceedsLimit(_) => {
            return failed(format!("the answer of {url} is larger than {} MiB", LARGEST >> 20));
        }
        ureq::Error::HostNotFound => "[Errno -2] Name or service not known".to_owned(),
        ureq::Error::ConnectionFailed => "[Errno 111] Connection refused".to_owned(),
        ureq::Error::Io(error) => {
            match error.to_string().strip_prefix("failed to lookup address information: ") {
                Some(reason) => format!("[Errno -2] {reason}"),
                None => errno(error),
            }
        }
        other => {
            let words = other.to_string();
            // The reason stands in brackets after the names of the library's functions.
            let reason = words.rsplit_once('(').map_or("", |(_, reason)| reason.trim_end_matches(')'));
            match words.contains("certificate verify failed") {
                true => format!("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: {reason}"),
                false => words,
            }
        }
    };
    failed(format!("Failed lookup url for {url}: <urlopen error {why}>"))
}

/// The user and password that `~/.netrc` has for a host.
fn netrc_login(host: &str) -> Option<(String, String)> {
    let file = std::fs::read_to_string(std::env::home_dir()?.join(".netrc")).ok()?;
    login_in(&file, host)
}

fn login_in(file: &str, host: &str) -> Option<(String, String)> {
    let lines = file.lines().filter(|line| !line.trim_start().starts_with('#'));
    let mut words = lines.flat_map(str::split_whitespace);
    let (mut here, mut user, mut password) = (false, None, None);
    while let Some(word) = words.next() {
        match word {
            "machine" | "default" if here => break,
            "machine" => here = words.next() == Some(host),
            "default" => here = true,
            "login" if here => user = words.next(),
            "password" if here => password = words.next(),
            _ => {}
        }
    }
    Some((user?.to_owned(), password.unwrap_or("").to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_as_in_python() {
        let split = |text| lines(text).collect::<Vec<_>>();
        assert_eq!(split("one\ntwo\r\nthree\rfour"), ["one", "two", "three", "four"]);
        assert_eq!(split("\n\n"), ["", ""]);
        assert!(split("").is_empty());
    }

    #[test]
    fn redirections_are_relative() {
        let from: Uri = "http://h:80/a/b?q".parse().expect("an address");
        for (to, expected) in [
            ("c", "http://h:80/a/c"),
            ("/c", "http://h:80/c"),
            ("//o/c", "http://o/c"),
            ("https://o/c", "https://o/c"),
        ] {
            assert_eq!(resolve(&from, to).map(|uri| uri.to_string()).as_deref(), Some(expected), "{to}");
        }
        assert_eq!(resolve(&from, "file:///etc/passwd"), None);
    }

    #[test]
    fn netrc_names_hosts() {
        let file =
            "# no\nmachine a login u password p\nmachine b\n  login v\ndefault login anon password x\n";
        let of = |host| login_in(file, host);
        assert_eq!(of("a"), Some(("u".into(), "p".into())));
        assert_eq!(of("b"), Some(("v".into(), String::new())));
        assert_eq!(of("c"), Some(("anon".into(), "x".into())));
    }
}
