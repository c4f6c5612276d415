//! The lookup `url`: what a web server answers.

use super::Lookup;
use crate::diag::errno;
use crate::http::{self, Proxy};
use crate::template::TemplateError;
use crate::template::context::expand_home;
use crate::template::object::{Res, V, failed, text};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::io::ErrorKind;
use std::time::Duration;
use ureq::http::{Response, Uri};
use ureq::{Agent, Body};

/// Bytes of one answer: as much as a template may build.
const LARGEST: u64 = 64 << 20;

/// How often one request is sent on, as in Python.
const REDIRECTS: usize = 10;

/// How to ask.
struct Asking {
    client: Agent,
    headers: Vec<(String, String)>,
    /// Names of headers, in lower case, that a redirected request does not have.
    unredirected: Vec<String>,
    /// The user and password of the arguments.
    login: Option<(String, String)>,
    /// Send them without being asked.
    eager: bool,
    netrc: bool,
    redirects: bool,
    /// As it was given.
    unix_socket: Option<String>,
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

fn shown(value: &str) -> String {
    crate::value::str_repr(value)
}

impl Asking {
    fn new(lookup: &Lookup) -> Res<Self> {
        if lookup.flag("use_gssapi", false)? {
            return Err(failed(
                "the option 'use_gssapi' is not available: it needs a Kerberos library of the system, \
                 which this program is built without",
            ));
        }
        let redirects = !matches!(lookup.text("follow_redirects")?.as_deref(), Some("none" | "no"));
        let mut headers = Vec::new();
        if lookup.flag("force", false)? {
            headers.push(("Cache-Control".to_owned(), "no-cache".to_owned()));
        }
        if let Some(V::Dict(given)) = lookup.option("headers") {
            for (name, value) in given.entries()? {
                headers.push((crate::value::py_str(&name), text(&value)?));
            }
        }
        let password = lookup.text("password")?.unwrap_or_default();
        let login = lookup.text("username")?.map(|user| (user, password));
        let unredirected = lookup.list("unredirected_headers")?.unwrap_or_default();
        Ok(Self {
            client: client(lookup)?,
            headers,
            unredirected: unredirected.iter().map(|name| name.to_lowercase()).collect(),
            eager: login.is_some() && lookup.flag("force_basic_auth", false)?,
            login,
            netrc: lookup.flag("use_netrc", true)?,
            redirects,
            unix_socket: lookup.text("unix_socket")?,
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
                shown(path_of(rest)),
                shown(&wrong)
            )));
        }
        let first: Uri = url.parse().map_err(|_| no_answer("no host given"))?;
        let mut uri = first.clone();
        let mut authorised = self.eager;
        let mut seen = 0;
        loop {
            let mut response = self
                .ask(&uri, uri != first, authorised, &first)
                .map_err(|error| self.refusal(url, &error))?;
            let status = response.status();
            let reason = status.canonical_reason().unwrap_or("");
            let error = |code: u16, reason: &str| {
                failed(format!("Received HTTP error for {url}: HTTP Error {code}: {reason}"))
            };
            match status.as_u16() {
                200..=299 => {
                    let body = response.body_mut().with_config().limit(LARGEST).read_to_vec();
                    return body.map_err(|error| self.refusal(url, &error));
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
        let mut request = self.client.get(uri);
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

    fn refusal(&self, url: &str, error: &ureq::Error) -> TemplateError {
        let plain = url.starts_with("http:");
        let why = match error {
            ureq::Error::Timeout(_) => return failed(http::reason(error)),
            ureq::Error::Io(inner) if inner.kind() == ErrorKind::TimedOut => {
                return failed(http::reason(error));
            }
            // Whoever hangs up had been reached.
            ureq::Error::Io(error) if plain && error.kind() == ErrorKind::ConnectionReset => {
                return failed(errno(error));
            }
            ureq::Error::BodyExceedsLimit(_) => {
                return failed(format!("the answer of {url} is larger than {} MiB", LARGEST >> 20));
            }
            other => http::reason(other),
        };
        let why = match &self.unix_socket {
            Some(path) if matches!(error, ureq::Error::Io(_)) => {
                format!("Invalid Socket File ({path}): {why}")
            }
            _ => why,
        };
        failed(format!("Failed lookup url for {url}: <urlopen error {why}>"))
    }
}

fn client(lookup: &Lookup) -> Res<Agent> {
    let roots = match lookup.text("ca_path")? {
        None => None,
        Some(path) => {
            let path = expand_home(&path);
            let pem = std::fs::read(&path)
                .map_err(|error| failed(format!("{}: '{}'", errno(&error), path.display())))?;
            Some(pem)
        }
    };
    let options = http::Options {
        agent: lookup.text("http_agent")?.unwrap_or_else(|| "ansible-httpget".to_owned()),
        timeout: Duration::try_from_secs_f64(lookup.number("timeout", 10.0)).ok(),
        proxy: if lookup.flag("use_proxy", true)? { Proxy::Environment } else { Proxy::None },
        unix_socket: lookup.text("unix_socket")?.map(|path| expand_home(&path)),
        tls: http::Tls {
            unverified: !lookup.flag("validate_certs", true)?,
            roots,
            ciphers: lookup.list("ciphers")?.map(|ciphers| ciphers.join(":")),
            ..http::Tls::default()
        },
    };
    options.client().map_err(|error| failed(error.to_string()))
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
