use ekumen::protocol::*;
use ekumen::transport::*;
use ekumen::value::{Secret, Value};
use std::io::Read;
use std::time::{Duration, Instant};
struct B;
impl BlobStore for B {
    fn open(&self, d: &Digest) -> Result<Box<dyn Read>, String> {
        Ok(Box::new(std::fs::File::open(format!("/tmp/blobs/{d}")).map_err(|e| e.to_string())?))
    }
    fn receive(&self, d: &[u8]) -> Result<(), String> {
        eprintln!("data {}", d.len());
        Ok(())
    }
    fn output(&self, t: &str) {
        eprintln!("live {t:?}")
    }
}
fn env(n: &str) -> Option<String> {
    std::env::var(n).ok()
}
#[test]
fn explore() {
    let _ = std::fs::create_dir_all("/tmp/blobs");
    let target = Target {
        name: "h".into(),
        kind: match env("KIND").as_deref() {
            Some("openssh") => TransportKind::OpenSsh,
            Some("local") => TransportKind::Local,
            Some("ssh") => TransportKind::Ssh,
            _ => TransportKind::Auto,
        },
        address: env("ADDR").unwrap_or("127.0.0.1".into()),
        port: env("PORT").map(|p| p.parse().unwrap()),
        user: env("LOGIN"),
        password: env("PASS").map(Secret::new),
        private_key_file: env("KEY").map(Into::into),
        private_key_passphrase: env("PHRASE").map(Secret::new),
        host_key_policy: HostKeyPolicy::Strict,
        ssh_args: env("ARGS")
            .unwrap_or("-o UserKnownHostsFile=/var/tmp/testbed/run/tr/known_hosts".into())
            .split_whitespace()
            .map(String::from)
            .collect(),
        ssh_executable: None,
        connect_timeout: Duration::from_secs(10),
        retries: 0,
        no_cache: env("NOCACHE").is_some(),
    };
    let t = Instant::now();
    let mut s = match Session::open(&target) {
        Ok(s) => s,
        Err(e) => {
            println!("{:?} ERROR {e:?}", t.elapsed());
            return;
        }
    };
    println!("{:?} {} {:?}", t.elapsed(), s.describe(), s.stats());
    let identity = env("BUSER").map(|user| Become {
        method: env("BMETHOD").unwrap_or("sudo".into()),
        exe: None,
        user,
        flags: env("BFLAGS"),
        password: env("BPASS"),
    });
    for cmd in env("CMD").unwrap_or("id; pwd; umask; tty; echo $HOME".into()).split("&&&") {
        let (module, args) = match cmd.strip_prefix("copy ") {
            Some(rest) => {
                let (d, dest) = rest.split_once(' ').unwrap();
                ("copy", Value::object([("src", d), ("_digest", d), ("dest", dest)]))
            }
            None => ("shell", Value::object([("_raw_params", cmd)])),
        };
        let r = TaskRequest {
            id: 0,
            identity: identity.clone(),
            module: module.into(),
            args,
            mode: Mode::Apply,
            diff: false,
            environment: vec![],
            timeout: env("TIMEOUT").map(|t| t.parse().unwrap()),
            blobs: vec![],
        };
        let t = Instant::now();
        match s.call(&[r], &B, Duration::from_secs(env("IDLE").map_or(30, |i| i.parse().unwrap()))) {
            Ok(o) => println!(
                "{:?} failed={} become_failed={} msg={:?} out={:?} err={:?}",
                t.elapsed(),
                o[0].failed,
                o[0].become_failed,
                o[0].result.get("msg").and_then(Value::as_str),
                o[0].result.get("stdout").and_then(Value::as_str),
                o[0].result.get("stderr").and_then(Value::as_str)
            ),
            Err(e) => println!("{:?} ERROR {e:?}", t.elapsed()),
        }
    }
    println!("{:?}", s.stats());
}
