//! The lookup `kubernetes.core.k8s` against what a real cluster said, and what Ansible made of it
//! (`tests/k8s/record.py`).

use ekumen::diag::Span;
use ekumen::source::settings::{Settings, Surroundings};
use ekumen::source::{Node, NodeKind};
use ekumen::template::{self, Context, Engine, LookupEnv, Scope, TemplateError, Var};
use ekumen::value::{Value, from_json};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;

struct Vars(Vec<(&'static str, Value)>);

impl Scope for Vars {
    fn get(&self, name: &str) -> Option<Var> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| Var::Value(value.clone()))
    }

    fn names(&self) -> Vec<Arc<str>> {
        self.0.iter().map(|(name, _)| Arc::from(*name)).collect()
    }
}

fn recorded(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/k8s").join(name);
    from_json(&std::fs::read_to_string(path).expect("a file")).expect("JSON")
}

/// The path of a request, and the parts of its query in order.
fn key(target: &str) -> String {
    let plain = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut parts: Vec<String> = query.split('&').filter(|part| !part.is_empty()).map(plain).collect();
    parts.sort();
    parts.insert(0, plain(path));
    parts.join(" ")
}

/// Answers one request as the cluster did. Who asks as somebody else is told so.
fn answer(stream: &TcpStream, answers: &Value) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next().transpose()?.unwrap_or_default();
    let headers: Vec<String> = lines.map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
    let header = |name: &str| {
        let of = |line: &String| {
            line.split_once(": ")
                .filter(|(known, _)| known.eq_ignore_ascii_case(name))
                .map(|(_, v)| v.to_owned())
        };
        headers.iter().find_map(of)
    };
    let target = first.split(' ').nth(1).unwrap_or_default();
    let not_recorded = || {
        Value::object([("status", Value::Int(500)), ("body", Value::from(format!("not recorded: {target}")))])
    };
    let answer = match (header("Authorization").as_deref(), header("Impersonate-User")) {
        (_, Some(user)) => {
            Value::object([("status", Value::Int(403)), ("body", Value::from(format!("as {user}")))])
        }
        (Some("Bearer token" | "Basic dTpw"), None) => {
            // There are no other groups and versions than those that were listed.
            let is_version = target.starts_with("/api/") && target.matches('/').count() == 2
                || target.starts_with("/apis/") && target.matches('/').count() == 3;
            let other = || if is_version { answers.get("/apis/missing").cloned() } else { None };
            answers.get(&key(target)).cloned().or_else(other).unwrap_or_else(not_recorded)
        }
        _ => answers.get("unknown").cloned().unwrap_or_else(not_recorded),
    };
    let body = answer.get("body").and_then(Value::as_str).unwrap_or_default();
    let status = answer.get("status").and_then(Value::as_i64).unwrap_or_default();
    let length = body.len();
    write!(&*stream, "HTTP/1.1 {status} x\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}")
}

/// The address of a server that answers so.
fn cluster() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let answers = recorded("answers.json");
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            // Whoever hung up wants no answer.
            let _ = answer(&stream, &answers);
        }
    });
    format!("http://{address}")
}

/// An engine that sees these variables of the environment.
fn engine(variables: &[(&str, &str)]) -> Arc<Engine> {
    let surroundings = Surroundings {
        variables: variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        working_directory: "/".into(),
        ..Surroundings::default()
    };
    let (settings, _) = Settings::load(surroundings).expect("settings");
    Engine::with_settings(template::Settings {
        config: Some(Arc::new(settings)),
        ..template::Settings::default()
    })
}

fn evaluate(
    engine: &Arc<Engine>,
    vars: Vec<(&'static str, Value)>,
    expression: &str,
) -> Result<Value, String> {
    let context = Context::new(engine, Arc::new(Vars(vars)), Arc::new(LookupEnv::default()));
    let text = format!("{{{{ {expression} }}}}");
    let node = Node::new(NodeKind::Str(text.as_str().into()), Span::synthetic("<test>", &text));
    context.render(&engine.compile(&node)).map_err(TemplateError::into_message)
}

#[test]
fn a_cluster_answers_as_it_answers_ansible() {
    let access = Value::object([("host", cluster()), ("api_key", "token".to_owned())]);
    let engine = Engine::new();
    let expected = recorded("expected.json");
    let cases = expected.as_list().expect("a list");
    assert!(cases.len() >= 60, "{} cases", cases.len());
    let mut wrong = Vec::new();
    for case in cases {
        let expression = case.get("case").and_then(Value::as_str).expect("an expression");
        let found = evaluate(&engine, vec![("c", access.clone())], expression);
        let expected = match case.get("error").and_then(Value::as_str) {
            Some(error) => Err(error.to_owned()),
            None => Ok(case.get("value").cloned().expect("a value")),
        };
        if found != expected {
            wrong.push(format!("{expression}\n  found {found:?}\n  expected {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

const ASK: &str =
    "query('kubernetes.core.k8s', kind='ConfigMap', namespace='testing', kubeconfig=k, context=t) | length";

#[test]
fn access_comes_from_arguments_the_environment_and_kubeconfigs() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("token"), "token\n").expect("written");
    let host = cluster();
    let config = format!(
        "current-context: token
clusters:
- {{name: c, cluster: {{server: '{host}'}}}}
- {{name: data, cluster: {{server: '{host}', certificate-authority-data: '!'}}}}
- {{name: file, cluster: {{server: '{host}', certificate-authority: none.pem}}}}
users:
- {{name: token, user: {{token: token}}}}
- {{name: file, user: {{tokenFile: token}}}}
- {{name: basic, user: {{username: u, password: p}}}}
- {{name: exec, user: {{exec: {{command: sh, args: [-c, 'echo \"{{\\\"status\\\": {{\\\"token\\\": \\\"$T\\\"}}}}\"'], env: [{{name: T, value: token}}]}}}}}}
- {{name: about, user: {{exec: {{command: sh, args: [-c, 'case $KUBERNETES_EXEC_INFO in *ExecCredential*) echo \"{{\\\"status\\\": {{\\\"token\\\": \\\"token\\\"}}}}\";; esac']}}}}}}
- {{name: none, user: {{exec: {{command: /nonexistent/command}}}}}}
- {{name: fails, user: {{exec: {{command: sh, args: [-c, 'exit 3']}}}}}}
- {{name: garbage, user: {{exec: {{command: echo, args: [garbage]}}}}}}
- {{name: provider, user: {{auth-provider: {{name: gcp}}}}}}
contexts:
- {{name: token, context: {{cluster: c, user: token}}}}
- {{name: file, context: {{cluster: c, user: file}}}}
- {{name: basic, context: {{cluster: c, user: basic}}}}
- {{name: exec, context: {{cluster: c, user: exec}}}}
- {{name: about, context: {{cluster: c, user: about}}}}
- {{name: nobody, context: {{cluster: c}}}}
- {{name: none, context: {{cluster: c, user: none}}}}
- {{name: fails, context: {{cluster: c, user: fails}}}}
- {{name: garbage, context: {{cluster: c, user: garbage}}}}
- {{name: provider, context: {{cluster: c, user: provider}}}}
- {{name: no user, context: {{cluster: c, user: x}}}}
- {{name: no cluster, context: {{cluster: x, user: token}}}}
- {{name: bad data, context: {{cluster: data, user: token}}}}
- {{name: bad file, context: {{cluster: file, user: token}}}}
"
    );
    let path = folder.path().join("config");
    std::fs::write(&path, &config).expect("written");
    let plain = engine(&[]);
    let ask = |context: Value| {
        let vars = vec![("k", Value::from(path.display().to_string())), ("t", context)];
        evaluate(&plain, vars, ASK)
    };
    let two = Ok(Value::Int(2));
    assert_eq!(ask(Value::Null), two);
    for context in ["token", "file", "basic", "exec", "about"] {
        assert_eq!(ask(Value::str(context)), two, "{context}");
    }
    let words = |error: &str| Err(format!("The lookup plugin 'kubernetes.core.k8s' failed: {error}"));
    let invalid =
        |error: &str| words(&format!("Could not create API client: Invalid kube-config file. {error}"));
    let shown = path.display();
    let command =
        |name: &str, why: &str| invalid(&format!("The command '{name}' of the user's credential {why}"));
    let nonexistent = "cannot be run: [Errno 2] No such file or directory";
    assert_eq!(ask(Value::str("none")), command("/nonexistent/command", nonexistent));
    assert_eq!(ask(Value::str("fails")), command("sh", "failed: exit status: 3"));
    assert_eq!(ask(Value::str("garbage")), command("echo", "did not print a credential"));
    let provider = "The auth-provider 'gcp' is not available: use 'exec' or a token.";
    assert_eq!(ask(Value::str("provider")), invalid(provider));
    for (context, name, list) in
        [("lost", "lost", "contexts"), ("no user", "x", "users"), ("no cluster", "x", "clusters")]
    {
        let error = format!("Expected object with name {name} in {shown}/{list} list");
        assert_eq!(ask(Value::str(context)), invalid(&error));
    }
    let base64 = "certificate-authority-data: Invalid symbol 33, offset 0.";
    assert_eq!(ask(Value::str("bad data")), invalid(base64));
    let missing =
        format!("[Errno 2] No such file or directory: '{}'", folder.path().join("none.pem").display());
    assert_eq!(ask(Value::str("bad file")), words(&missing));
    let unknown = ask(Value::str("nobody")).expect_err("nobody is let in");
    assert!(unknown.contains("401\nReason: Unauthorized\nHTTP response body: {"), "{unknown}");

    // Arguments say more than the file, variables of the environment less than arguments.
    let vars =
        |context: &str| vec![("k", Value::from(path.display().to_string())), ("t", Value::str(context))];
    let as_known = ASK.replace("context=t", "context=t, api_key='token'");
    assert_eq!(evaluate(&plain, vars("nobody"), &as_known), two);
    let elsewhere = ASK.replace("context=t", "context=t, host='http://127.0.0.1:1'");
    let no_answer = "no answer from http://127.0.0.1:1/api/v1: [Errno 111] Connection refused";
    assert_eq!(evaluate(&plain, vars("token"), &elsewhere), words(no_answer));
    let proxied = ASK.replace("context=t", "context=t, proxy='nonsense://x'");
    let proxy = evaluate(&plain, vars("token"), &proxied).expect_err("no proxy");
    assert!(proxy.contains("failed: nonsense://x: "), "{proxy}");
    let as_other = ASK.replace("context=t", "context=t, impersonate_user='me'");
    assert_eq!(
        evaluate(&plain, vars("token"), &as_other),
        words("403\nReason: Forbidden\nHTTP response body: as me")
    );
    let bare = "query('kubernetes.core.k8s', kind='ConfigMap', namespace='testing') | length";
    let variables = engine(&[("K8S_AUTH_HOST", &host), ("K8S_AUTH_API_KEY", "token")]);
    assert_eq!(evaluate(&variables, vec![], bare), two);
    let text = path.display().to_string();
    assert_eq!(evaluate(&engine(&[("K8S_AUTH_KUBECONFIG", &text)]), vec![], bare), two);
    let several = format!("/nonexistent/config:{text}");
    assert_eq!(evaluate(&engine(&[("KUBECONFIG", &several)]), vec![], bare), two);
    assert_eq!(
        evaluate(&engine(&[("KUBECONFIG", "/nonexistent/config")]), vec![], bare),
        invalid("No configuration found.")
    );
    let given =
        Value::object([("k", Value::object([("clusters", Value::list(vec![]))])), ("t", Value::Null)]);
    let given = vec![("k", given.get("k").cloned().unwrap_or_default()), ("t", Value::Null)];
    assert_eq!(evaluate(&plain, given, ASK), invalid("Expected key current-context in kube-config"));
    let list = "query('kubernetes.core.k8s', kind='ConfigMapList', kubeconfig=k)";
    assert_eq!(
        evaluate(&plain, vars("token"), list),
        words("'ConfigMapList' is a list of objects: ask for the kind 'ConfigMap'")
    );
    let text = "query('kubernetes.core.k8s', kubeconfig=k, \
                resource_definition='kind: ConfigMap\nmetadata: {name: two, namespace: testing}') | length";
    assert_eq!(evaluate(&plain, vars("token"), text), Ok(Value::Int(1)));
}
