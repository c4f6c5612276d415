//! The lookup `url` against a web server in this process.

use ekumen::diag::Span;
use ekumen::source::settings::{Settings, Surroundings};
use ekumen::source::{Node, NodeKind};
use ekumen::template::{self, Context, Engine, LookupEnv, Scope, TemplateError, Var};
use ekumen::value::Value;
use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::ssl::{SslAcceptor, SslMethod, SslVersion};
use openssl::x509::extension::SubjectAlternativeName;
use openssl::x509::{X509, X509NameBuilder};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::Arc;

/// Variables that are texts.
struct Vars(Vec<(&'static str, String)>);

impl Scope for Vars {
    fn get(&self, name: &str) -> Option<Var> {
        let (_, value) = self.0.iter().find(|(known, _)| *known == name)?;
        Some(Var::Value(Value::from(value.as_str())))
    }

    fn names(&self) -> Vec<Arc<str>> {
        self.0.iter().map(|(name, _)| Arc::from(*name)).collect()
    }
}

/// What `query('url', …)` with these arguments gives, or says.
fn query(engine: &Arc<Engine>, vars: &[(&'static str, &str)], arguments: &str) -> Result<Value, String> {
    let vars = Vars(vars.iter().map(|(name, value)| (*name, (*value).to_owned())).collect());
    let context = Context::new(engine, Arc::new(vars), Arc::new(LookupEnv::default()));
    // The user's own file of passwords must not matter.
    let text = format!("{{{{ query('url', {arguments}, use_netrc=false) }}}}");
    let node = Node::new(NodeKind::Str(text.as_str().into()), Span::synthetic("<test>", &text));
    context.render(&engine.compile(&node)).map_err(TemplateError::into_message)
}

/// One request: its headers come back at `/headers`.
fn answer(stream: &mut (impl Read + Write)) -> std::io::Result<()> {
    let mut lines = BufReader::new(&mut *stream).lines();
    let first = lines.next().transpose()?.unwrap_or_default();
    let mut headers: Vec<String> = lines
        .map_while(Result::ok)
        .take_while(|line| !line.is_empty())
        .map(|line| line.to_lowercase())
        .collect();
    headers.retain(|line| !line.starts_with("host:"));
    headers.sort();
    let authorised = headers.iter().any(|line| line == "authorization: basic dtpw");
    let (status, extra, body) = match first.split(' ').nth(1).unwrap_or("") {
        "/lines" => ("200 OK", "", "one\ntwo\r\nthree\n".to_owned()),
        "/headers" => ("200 OK", "", headers.join("\n")),
        "/redirect" => ("302 Found", "Location: /headers\r\n", String::new()),
        "/loop" => ("302 Found", "Location: /loop\r\n", String::new()),
        "/secret" if authorised => ("200 OK", "", "secret".to_owned()),
        "/secret" => ("401 Unauthorized", "WWW-Authenticate: Basic realm=\"x\"\r\n", String::new()),
        _ => ("404 Not Found", "", "nope".to_owned()),
    };
    let length = body.len();
    write!(stream, "HTTP/1.1 {status}\r\n{extra}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}")
}

fn texts(items: &[&str]) -> Result<Value, String> {
    Ok(Value::from(items.to_vec()))
}

#[test]
fn it_asks_as_ansible_does() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            // Whoever hung up wants no answer.
            let _ = answer(&mut &stream);
        }
    });
    let base = format!("http://{address}");
    let engine = Engine::new();
    let ask = |path: &str, options: &str| query(&engine, &[("u", &base)], &format!("u ~ '{path}'{options}"));
    let error = |path: &str, words: &str| {
        Err(format!(
            "The lookup plugin 'url' failed: Received HTTP error for {base}{path}: HTTP Error {words}"
        ))
    };
    let plain = ["accept-encoding: identity", "user-agent: ansible-httpget"];
    let mine = ["accept-encoding: identity", "cache-control: no-cache", "user-agent: me", "x-a: b"];
    assert_eq!(ask("/lines", ""), texts(&["one", "two", "three"]));
    assert_eq!(ask("/lines", ", split_lines=false"), texts(&["one\ntwo\r\nthree\n"]));
    assert_eq!(ask("/headers", ""), texts(&plain));
    assert_eq!(ask("/headers", ", headers={'X-A': 'b'}, http_agent='me', force=true"), texts(&mine));
    assert_eq!(ask("/redirect", ""), texts(&plain));
    assert_eq!(ask("/redirect", ", headers={'X-A': 'b'}, unredirected_headers=['X-A']"), texts(&plain));
    assert_eq!(ask("/redirect", ", follow_redirects='none'"), error("/redirect", "302: Found"));
    assert_eq!(ask("/secret", ", username='u', password='p'"), texts(&["secret"]));
    assert_eq!(ask("/secret", ", username='u', password='x'"), error("/secret", "401: Unauthorized"));
    assert_eq!(ask("/nope", ""), error("/nope", "404: Not Found"));
    let endless = "302: The HTTP server returned a redirect error that would lead to an infinite loop.\nThe last 30x \
                   error message was:\nFound";
    assert_eq!(ask("/loop", ""), error("/loop", endless));
    assert_eq!(ask("/nope", ", errors='ignore'"), Ok(Value::list(vec![])));
}

#[test]
fn options_come_from_variables_the_environment_and_the_configuration_file() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/headers", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let _ = answer(&mut &stream);
        }
    });
    let folder = tempfile::tempdir().expect("a folder");
    let engine = |file: &str, variables: &[(&str, &str)]| {
        std::fs::write(folder.path().join("ansible.cfg"), file).expect("written");
        let surroundings = Surroundings {
            variables: variables
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            working_directory: folder.path().to_owned(),
            ..Surroundings::default()
        };
        let (settings, _) = Settings::load(surroundings).expect("settings");
        Engine::with_settings(template::Settings {
            config: Some(Arc::new(settings)),
            ..template::Settings::default()
        })
    };
    let agents = |agent: &str| {
        let agent = format!("user-agent: {agent}");
        texts(&["accept-encoding: identity", &agent])
    };
    let file = "[url_lookup]\nagent = 'of the file'\n";
    let of_file = engine(file, &[]);
    assert_eq!(query(&of_file, &[("u", &url)], "u"), agents("of the file"));
    let of_environment = engine(file, &[("ANSIBLE_LOOKUP_URL_AGENT", "of the environment")]);
    assert_eq!(query(&of_environment, &[("u", &url)], "u"), agents("of the environment"));
    let vars = [("u", url.as_str()), ("ansible_lookup_url_agent", "of a variable")];
    assert_eq!(query(&of_environment, &vars, "u"), agents("of a variable"));
    assert_eq!(query(&of_environment, &vars, "u, http_agent='of an argument'"), agents("of an argument"));
    assert_eq!(query(&of_environment, &vars, "u, http_agent=none"), agents("of a variable"));
    let wrong = |place: &str| {
        Err(format!(
            "The lookup plugin 'url' failed: Config 'timeout' for 'url' lookup plugin from '{place}' has an invalid \
             value: Invalid value provided for 'float': 'soon'"
        ))
    };
    let file = "[url_lookup]\ntimeout = soon\n";
    let place = folder.path().join("ansible.cfg").display().to_string();
    assert_eq!(query(&engine(file, &[]), &[("u", &url)], "u"), wrong(&place));
    let of_environment = engine("", &[("ANSIBLE_LOOKUP_URL_TIMEOUT", "soon")]);
    assert_eq!(query(&of_environment, &[("u", &url)], "u"), wrong("env: ANSIBLE_LOOKUP_URL_TIMEOUT"));
    let vars = [("u", url.as_str()), ("ansible_lookup_url_timeout", "soon")];
    assert_eq!(query(&engine("", &[]), &vars, "u"), wrong("var: ansible_lookup_url_timeout"));
    assert_eq!(query(&engine("", &[]), &[("u", &url)], "u, timeout='soon'"), wrong("Direct"));
    let choice = "The lookup plugin 'url' failed: Invalid value 'maybe' for config 'follow_redirects' for 'url' lookup \
                  plugin.";
    let asked = query(&engine("", &[]), &[("u", &url)], "u, follow_redirects='maybe'");
    assert_eq!(asked, Err(choice.to_owned()));
    let kerberos = "The lookup plugin 'url' failed: the option 'use_gssapi' is not available: it needs a Kerberos \
                    library of the system, which this program is built without";
    assert_eq!(query(&engine("", &[]), &[("u", &url)], "u, use_gssapi=true"), Err(kerberos.to_owned()));
}

#[test]
fn a_socket_answers_for_any_host() {
    let folder = tempfile::tempdir().expect("a folder");
    let socket = folder.path().join("s");
    let listener = UnixListener::bind(&socket).expect("a socket");
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let _ = answer(&mut &stream);
        }
    });
    let engine = Engine::new();
    let ask = |url: &str, socket: &Path| {
        let socket = socket.display().to_string();
        query(&engine, &[("u", url), ("s", &socket)], "u, unix_socket=s")
    };
    assert_eq!(ask("http://nowhere.invalid/lines", &socket), texts(&["one", "two", "three"]));
    let plain = ["accept-encoding: identity", "user-agent: ansible-httpget"];
    assert_eq!(ask("http://nowhere.invalid:81/redirect", &socket), texts(&plain));
    let none = folder.path().join("none");
    let words = format!(
        "The lookup plugin 'url' failed: Failed lookup url for http://nowhere.invalid/: <urlopen error Invalid Socket \
         File ({}): [Errno 2] No such file or directory>",
        none.display()
    );
    assert_eq!(ask("http://nowhere.invalid/", &none), Err(words));
}

/// A certificate for `localhost` that signs itself.
fn certificate() -> (X509, PKey<Private>) {
    let key = PKey::from_rsa(Rsa::generate(2048).expect("a key")).expect("a key");
    let mut name = X509NameBuilder::new().expect("a name");
    name.append_entry_by_text("CN", "localhost").expect("a name");
    let name = name.build();
    let mut builder = X509::builder().expect("a certificate");
    builder.set_version(2).expect("a version");
    let serial = BigNum::from_u32(7).and_then(|number| number.to_asn1_integer()).expect("a number");
    builder.set_serial_number(&serial).expect("a number");
    builder.set_subject_name(&name).expect("a name");
    builder.set_issuer_name(&name).expect("a name");
    builder.set_pubkey(&key).expect("a key");
    builder.set_not_before(&Asn1Time::days_from_now(0).expect("a time")).expect("a time");
    builder.set_not_after(&Asn1Time::days_from_now(2).expect("a time")).expect("a time");
    let names = SubjectAlternativeName::new().dns("localhost").build(&builder.x509v3_context(None, None));
    builder.append_extension(names.expect("an extension")).expect("an extension");
    builder.sign(&key, MessageDigest::sha256()).expect("a signature");
    (builder.build(), key)
}

#[test]
fn servers_are_trusted_by_their_certificates() {
    let (certificate, key) = certificate();
    let folder = tempfile::tempdir().expect("a folder");
    let authority = folder.path().join("ca.pem");
    std::fs::write(&authority, certificate.to_pem().expect("text")).expect("written");
    let mut acceptor = SslAcceptor::mozilla_intermediate(SslMethod::tls()).expect("a server");
    acceptor.set_certificate(&certificate).expect("taken");
    acceptor.set_private_key(&key).expect("taken");
    // Later versions have ciphers of their own.
    acceptor.set_max_proto_version(Some(SslVersion::TLS1_2)).expect("a version");
    let acceptor = acceptor.build();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            if let Ok(mut stream) = acceptor.accept(stream) {
                let _ = answer(&mut stream);
            }
        }
    });
    let engine = Engine::new();
    let ca = authority.display().to_string();
    let ask = |host: &str, options: &str| {
        let url = format!("https://{host}:{port}/lines");
        query(&engine, &[("u", &url), ("ca", &ca)], &format!("u, {options}"))
    };
    let lines = texts(&["one", "two", "three"]);
    let refused = |host: &str, why: &str| {
        Err(format!(
            "The lookup plugin 'url' failed: Failed lookup url for https://{host}:{port}/lines: <urlopen error [SSL: {why}>"
        ))
    };
    let failed = "CERTIFICATE_VERIFY_FAILED] certificate verify failed";
    assert_eq!(ask("localhost", "ca_path=ca"), lines);
    assert_eq!(ask("127.0.0.1", "validate_certs=false"), lines);
    assert_eq!(
        ask("localhost", "timeout=5"),
        refused("localhost", &format!("{failed}: self-signed certificate"))
    );
    // Nothing is no reason to trust anybody.
    assert_eq!(
        ask("localhost", "validate_certs=none, ciphers=none, timeout=5"),
        refused("localhost", &format!("{failed}: self-signed certificate"))
    );
    let mismatch = format!("{failed}: IP address mismatch, certificate is not valid for '127.0.0.1'.");
    assert_eq!(ask("127.0.0.1", "ca_path=ca"), refused("127.0.0.1", &mismatch));
    assert_eq!(ask("localhost", "ca_path=ca, ciphers='ECDHE-RSA-AES128-GCM-SHA256'"), lines);
    let none = ask("localhost", "ca_path=ca, ciphers=['ECDHE-ECDSA-AES128-GCM-SHA256']");
    let alert = "SSLV3_ALERT_HANDSHAKE_FAILURE] sslv3 alert handshake failure";
    assert_eq!(none, refused("localhost", alert));
    let unknown = "The lookup plugin 'url' failed: ('No cipher can be selected.',)".to_owned();
    assert_eq!(ask("localhost", "ciphers='NONSENSE'"), Err(unknown));
    std::fs::write(&authority, "no certificate").expect("written");
    let empty =
        "The lookup plugin 'url' failed: [X509: NO_CERTIFICATE_OR_CRL_FOUND] no certificate or crl found"
            .to_owned();
    assert_eq!(ask("localhost", "ca_path=ca"), Err(empty));
}
