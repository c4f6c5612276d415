//! The lookup `url` against a web server in this process.

use ekumen::diag::Span;
use ekumen::source::{Node, NodeKind};
use ekumen::template::{Context, Engine, LookupEnv, Scope, TemplateError, Var};
use ekumen::value::Value;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

struct Vars(String);

impl Scope for Vars {
    fn get(&self, name: &str) -> Option<Var> {
        (name == "u").then(|| Var::Value(Value::from(self.0.as_str())))
    }

    fn names(&self) -> Vec<Arc<str>> {
        vec!["u".into()]
    }
}

/// One request: its headers come back at `/headers`.
fn answer(stream: &TcpStream) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream).lines();
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
    write!(
        &*stream,
        "HTTP/1.1 {status}\r\n{extra}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}

#[test]
fn it_asks_as_ansible_does() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            // Whoever hung up wants no answer.
            let _ = answer(&stream);
        }
    });
    let base = format!("http://{address}");
    let engine = Engine::new();
    let context = Context::new(&engine, Arc::new(Vars(base.clone())), Arc::new(LookupEnv::default()));
    // The user's own file of passwords must not matter.
    let ask = |path: &str, options: &str| {
        let text = format!("{{{{ query('url', u ~ '{path}', use_netrc=false{options}) }}}}");
        let node = Node::new(NodeKind::Str(text.as_str().into()), Span::synthetic("<test>", &text));
        context.render(&engine.compile(&node)).map_err(TemplateError::into_message)
    };
    let texts = |items: &[&str]| Ok(Value::from(items.to_vec()));
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
