//! What is asked on a terminal: the real program in one (that of util-linux' `script`), typed to.

#[allow(dead_code)] // Shared with other tests, each of which uses some of it.
mod support;

use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};
use support::program::Programs;

/// A program in a terminal.
struct Terminal {
    child: Child,
    output: mpsc::Receiver<Vec<u8>>,
    seen: String,
    all: String,
}

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

impl Terminal {
    fn start(folder: &std::path::Path, programs: &Programs, arguments: &str) -> Self {
        let program = programs.path("ansible-playbook");
        let mut child = Command::new("script")
            .args(["-qefc", &format!("{} {arguments}", program.display()), "/dev/null"])
            .current_dir(folder)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", programs.home())
            .env("LANG", "C.UTF-8")
            .env("ANSIBLE_NOCOLOR", "1")
            .env("TERM", "dumb")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("script runs");
        let mut stdout = child.stdout.take().expect("a pipe");
        let (sender, output) = mpsc::channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = stdout.read(&mut buffer) {
                if sender.send(buffer[..count].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self { child, output, seen: String::new(), all: String::new() }
    }

    fn more(&mut self, end: Instant) -> bool {
        match self.output.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok(bytes) => {
                let text = String::from_utf8_lossy(&bytes).into_owned();
                self.seen.push_str(&text);
                self.all.push_str(&text);
                true
            }
            Err(_) => false,
        }
    }

    /// Waits for a text, then types.
    fn answer(&mut self, question: &str, keys: &str) {
        let end = Instant::now() + PATIENCE;
        let after = loop {
            match self.seen.find(question) {
                Some(at) => break at + question.len(),
                None => assert!(self.more(end), "`{question}` was never asked:\n{}", self.all),
            }
        };
        self.seen.drain(..after);
        let mut stdin = self.child.stdin.as_ref().expect("a pipe");
        stdin.write_all(keys.as_bytes()).and_then(|()| stdin.flush()).expect("it listens");
    }

    /// Everything that was printed, and the exit code.
    fn end(mut self) -> (String, Option<i32>) {
        let end = Instant::now() + PATIENCE;
        while self.more(end) {}
        let status = self.child.wait().expect("it ends");
        (std::mem::take(&mut self.all).replace('\r', ""), status.code())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn run(playbook: &str, steps: &[(&str, &str)]) -> (String, Option<i32>) {
    let programs = Programs::new();
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("site.yml"), playbook).expect("a file");
    let mut terminal = Terminal::start(folder.path(), &programs, "site.yml");
    for (question, keys) in steps {
        terminal.answer(question, keys);
    }
    terminal.end()
}

fn contains(text: &str, wanted: &[&str]) {
    for part in wanted {
        assert!(text.contains(part), "`{part}` is not in:\n{text}");
    }
}

#[test]
fn prompts_of_a_play_are_asked() {
    let (text, code) = run(
        r#"
- hosts: "{{ where }}"
  gather_facts: false
  vars: {inner: rendered}
  vars_prompt:
  - {name: where, prompt: "Host {{ 1 + 1 }}", private: false}
  - {name: secret, default: hidden}
  - {name: twice, confirm: true, private: false}
  - {name: hash, encrypt: md5_crypt, salt: abcdefgh}
  - {name: template, private: false}
  - {name: data, private: false, unsafe: true}
  tasks:
  - debug: msg="{{ [secret, twice, hash, template, data] | join('|') }}"
"#,
        &[
            ("Host 2: ", "localhost\r"),
            ("secret [hidden]: ", "\r"),
            ("twice: ", "x\r"),
            ("confirm twice: ", "y\r"),
            ("***** VALUES ENTERED DO NOT MATCH ****", ""),
            ("twice: ", "x\r"),
            ("confirm twice: ", "x\r"),
            ("hash: ", "unseen\r"),
            ("template: ", "{{ inner }}\r"),
            ("data: ", "{{ inner }}\r"),
        ],
    );
    contains(&text, &["hidden|x|$1$abcdefgh$", "|rendered|{{ inner }}\""]);
    assert!(!text.contains("unseen"), "{text}");
    assert_eq!(code, Some(0), "{text}");
}

#[test]
fn pause_waits_for_keys() {
    let (text, code) = run(
        r#"
- hosts: localhost
  gather_facts: false
  tasks:
  - pause: {prompt: Text}
    register: r
  - debug: msg="<{{ r.user_input }}>"
  - pause: {prompt: Secret, echo: false}
    register: r
  - debug: msg="{{ r.user_input | length }} characters"
  - pause: {minutes: 60}
  - pause:
"#,
        &[
            ("Text:", "hellp\u{7f}o\r"),
            ("Secret (output is hidden):", "unseen\r"),
            ("Pausing for 3600 seconds", "\r"),
            ("(ctrl+C then 'C' = continue early, ctrl+C then 'A' = abort)", "\u{3}"),
            ("Press 'C' to continue the play or 'A' to abort", "C"),
            ("Press enter to continue, Ctrl+C to interrupt:", "\u{3}"),
            ("Press 'C' to continue the play or 'A' to abort", "A"),
        ],
    );
    contains(&text, &["<hello>", "6 characters", "[ERROR]: Task failed: user requested abort!"]);
    assert!(!text.contains("unseen"), "{text}");
    assert_eq!(code, Some(2), "{text}");
}

#[test]
fn the_debugger_looks_changes_and_runs_again() {
    let (text, code) = run(
        r#"
- hosts: localhost
  gather_facts: false
  debugger: on_failed
  vars: {v: 1}
  tasks:
  - name: Wrong
    assert: {that: "v == 2", fail_msg: "v is {{ v }}"}
  - name: Also wrong
    fail: {msg: "{{ v }}"}
    when: v == 1
  - debug: msg="here"
    debugger: always
- hosts: localhost
  gather_facts: false
  tasks:
  - debug: msg="never reached"
"#,
        &[
            ("[localhost] TASK: Wrong (debug)> ", "p task\r"),
            ("TASK: Wrong\r\n", ""),
            ("(debug)> ", "p task.args\r"),
            ("{'that': 'v == 2', 'fail_msg': 'v is 1'}", ""),
            ("(debug)> ", "p result.msg\r"),
            ("'v is 1'", ""),
            ("(debug)> ", "p nope\r"),
            ("***'nope' is undefined", ""),
            ("(debug)> ", "nope\r"),
            ("***there is no command `nope` (`help` lists them)", ""),
            ("(debug)> ", "task.args[\"that\"] = []\r"),
            ("(debug)> ", "r\r"),
            ("[localhost] TASK: Also wrong (debug)> ", "task_vars['v'] = 2\r"),
            ("(debug)> ", "u\r"),
            ("(debug)> ", "r\r"),
            ("TASK: debug (debug)> ", "q\r"),
        ],
    );
    contains(&text, &["All assertions passed", "skipping: [localhost]", "User interrupted execution"]);
    assert!(!text.contains("never reached"), "{text}");
    assert_eq!(code, Some(99), "{text}");
}
