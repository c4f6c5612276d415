//! Whole runs over a real OpenSSH server on loopback: what they do, how often they cross the network, how they end.

#[allow(dead_code)] // Shared with other tests, each of which uses some of it.
mod support;

use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Output, Stdio};
use std::time::{Duration, Instant};
use support::program::Programs;
use support::sshd::{self, Sshd};

/// A server, and a project whose hosts are all on it.
struct Site {
    sshd: Sshd,
    programs: Programs,
    scratch: tempfile::TempDir,
}

impl Site {
    fn new(hosts: &[&str]) -> Option<Site> {
        let sshd = sshd::start()?;
        let known_hosts = sshd.known_hosts("ed25519");
        let scratch = tempfile::tempdir().expect("a folder");
        let site = Site { sshd, programs: Programs::new(), scratch };
        let inventory = format!(
            "[all]\n{}\n[all:vars]\nansible_host=127.0.0.1\nansible_port={}\nansible_ssh_private_key_file={}\n\
             ansible_ssh_common_args='-F none -oUserKnownHostsFile={} -oGlobalKnownHostsFile=none -oIdentityAgent=none'\n\
             there={}\n",
            hosts.join("\n"),
            site.sshd.port,
            site.sshd.path("user").display(),
            known_hosts.display(),
            site.there().display(),
        );
        fs::create_dir(site.there()).expect("a folder");
        site.write("inventory", &inventory);
        Some(site)
    }

    fn path(&self) -> &Path {
        self.scratch.path()
    }

    /// The folder that plays write to, as `there`.
    fn there(&self) -> PathBuf {
        self.scratch.path().join("there")
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().expect("it is in a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }

    /// The program on a play with these tasks.
    fn command(&self, tasks: &str, arguments: &[&str]) -> std::process::Command {
        let tasks: String = tasks.lines().map(|line| format!("    {line}\n")).collect();
        self.write("site.yml", format!("- hosts: all\n  gather_facts: false\n  tasks:\n{tasks}"));
        let mut command = self.programs.command("ekumen", self.path());
        command.args(["run", "-i", "inventory", "site.yml"]).args(arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn run(&self, tasks: &str, arguments: &[&str]) -> Output {
        self.command(tasks, arguments).output().expect("the program starts")
    }

    /// Runs it, which must succeed; what it printed.
    fn ok(&self, tasks: &str, arguments: &[&str]) -> String {
        let output = self.run(tasks, arguments);
        let text = text(&output);
        assert_eq!(output.status.code(), Some(0), "{text}");
        text
    }

    /// Round trips of a run.
    fn round_trips(&self, tasks: &str) -> u64 {
        number(&self.ok(tasks, &["--stats"]), "round_trips=")
    }

    /// What lies in the cache of the login user: the helper, and nothing else once a run has ended.
    fn cache(&self) -> Vec<String> {
        let until = Instant::now() + Duration::from_secs(5);
        loop {
            let names: Vec<_> = fs::read_dir(self.sshd.path("cache/ekumen"))
                .map(|entries| {
                    entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
                })
                .unwrap_or_default();
            if names.len() == 1 || Instant::now() > until {
                return names;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn number(text: &str, key: &str) -> u64 {
    let (_, rest) = text.rsplit_once(key).expect("the number is there");
    rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse().expect("a number")
}

fn wait_for_process(wanted: &str) {
    let until = Instant::now() + Duration::from_secs(20);
    while !sshd::command_lines().iter().any(|line| line.starts_with(wanted)) {
        assert!(Instant::now() < until, "{wanted} does not start");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn signal(child: &Child, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(child.id()).expect("a process id")).expect("not zero");
    kill_process(pid, signal).expect("it runs");
}

#[test]
fn a_play_over_ssh() {
    let Some(site) = Site::new(&["web1", "web2", "db1"]) else { return };
    site.write("templates/motd.j2", "{{ inventory_hostname }} runs {{ ansible_facts['system'] }}\n");
    site.write("files/tree/a.txt", "a\n");
    site.write("files/tree/sub/b.txt", "b\n");
    let tasks = "\
- setup: {gather_subset: min}
- file: {path: '{{ there }}/{{ inventory_hostname }}', state: directory, mode: '0755'}
- copy: {src: tree, dest: '{{ there }}/{{ inventory_hostname }}/', mode: preserve}
- template: {src: motd.j2, dest: '{{ there }}/{{ inventory_hostname }}/motd', mode: '0644'}
  notify: Reload
- command: cat {{ there }}/{{ inventory_hostname }}/tree/sub/b.txt
  register: r
  changed_when: r.stdout != 'b'
- lineinfile: {path: '{{ there }}/{{ inventory_hostname }}/lines', line: '{{ item }}', create: true, mode: '0644'}
  loop: [one, two, three]
- fetch: {src: '{{ there }}/{{ inventory_hostname }}/motd', dest: fetched}
- command: echo '{{ hostvars['db1'].ansible_facts.system }}'
  delegate_to: web1
  changed_when: false
";
    site.ok(tasks.replace("  notify: Reload\n", "").as_str(), &[]);
    for host in ["web1", "web2", "db1"] {
        let folder = site.there().join(host);
        let read = |name: &str| fs::read_to_string(folder.join(name)).expect("a file");
        assert_eq!(read("motd"), format!("{host} runs Linux\n"));
        assert_eq!(read("tree/a.txt"), "a\n");
        assert_eq!(read("lines"), "one\ntwo\nthree\n");
        let fetched = site.path().join("fetched").join(host);
        let fetched = fetched.join(folder.join("motd").strip_prefix("/").expect("it is absolute"));
        assert_eq!(fs::read_to_string(fetched).expect("fetched"), format!("{host} runs Linux\n"));
    }
    let second = site.ok(tasks.replace("  notify: Reload\n", "").as_str(), &[]);
    for host in ["web1", "web2", "db1"] {
        let line = second.lines().find(|line| line.starts_with(&format!("{host} "))).expect("a recap");
        assert!(line.contains("changed=0") && line.contains("failed=0"), "{second}");
    }
    assert_eq!(site.cache().len(), 1, "{:?}", site.cache());
}

#[test]
fn round_trips_are_counted_and_few() {
    let Some(site) = Site::new(&["web"]) else { return };
    let one = "- command: echo 1\n";
    let cold = site.round_trips(one);
    assert!(cold <= 3 + 1, "at most three to start, the helper sent: {cold}");
    let warm = site.round_trips(one);
    assert!(warm <= 3 + 1 && warm <= cold, "{warm}");
    let start = warm - 1;

    for count in [2, 10] {
        let round_trips = site.round_trips(&one.repeat(count));
        assert_eq!(round_trips, start + count as u64, "one per task");
    }
    let looped = site.round_trips("- command: echo {{ item }}\n  loop: '{{ range(50) | list }}'\n");
    assert_eq!(looped, start + 1, "one per loop");

    site.write("templates/t.j2", "{{ inventory_hostname }}\n");
    let template = "- template: {src: t.j2, dest: '{{ there }}/t', mode: '0644'}\n";
    assert_eq!(site.round_trips(template), start + 1, "a file that is small goes along");
    assert_eq!(site.round_trips(template), start + 1, "and so it is if nothing changes");

    site.write("files/big", vec![b'x'; 3_000_000]);
    let copy = "- copy: {src: big, dest: '{{ there }}/big', mode: '0644'}\n";
    let round_trips = site.round_trips(copy);
    assert!(round_trips <= start + 2, "two per file sent: {round_trips}, {start} to start");
    assert_eq!(fs::metadata(site.there().join("big")).expect("it is there").len(), 3_000_000);
    let again = site.ok(copy, &["--stats"]);
    assert_eq!(number(&again, "round_trips="), start + 1, "what is there already is not sent");
    assert!(number(&again, "bytes_sent=") < 100_000, "{again}");

    let control = "- debug: msg=x\n- set_fact: {a: 1}\n- assert: {that: a == 1}\n- meta: noop\n";
    assert_eq!(site.round_trips(&format!("{one}{control}")), start + 1, "what happens here crosses nothing");
}

#[test]
fn host_keys_are_verified() {
    let Some(site) = Site::new(&["web"]) else { return };
    let known_hosts = site.sshd.path("known_hosts");
    fs::write(&known_hosts, "").expect("nobody is known");
    let output = site.run("- ping:\n", &[]);
    assert_eq!(output.status.code(), Some(3), "{}", text(&output));
    let said = text(&output);
    assert!(said.contains("fatal: [web]: UNREACHABLE!"), "{said}");
    assert!(
        said.contains("Host key verification failed.") && said.contains("No ED25519 host key is known"),
        "{said}"
    );

    sshd::keygen(&["-q", "-t", "ed25519", "-N", "", "-f"], &site.sshd.path("other"));
    let other = fs::read_to_string(site.sshd.path("other.pub")).expect("a key");
    fs::write(&known_hosts, format!("[127.0.0.1]:{} {other}", site.sshd.port)).expect("another key");
    let output = site.run("- ping:\n", &[]);
    assert_eq!(output.status.code(), Some(3));
    let said = text(&output);
    assert!(said.contains("REMOTE HOST IDENTIFICATION HAS CHANGED"), "{said}");
    assert!(said.contains("web                        : ok=0    changed=0    unreachable=1"), "{said}");

    let mut command = site.command("- ping:\n", &[]);
    let output = command.env("ANSIBLE_HOST_KEY_CHECKING", "False").output().expect("the program starts");
    assert_eq!(output.status.code(), Some(0), "checking is switched off: {}", text(&output));
}

#[test]
fn one_lost_host_does_not_stop_the_others() {
    let Some(site) = Site::new(&["web", "away ansible_port=1"]) else { return };
    let output = site.run("- command: echo one\n- command: echo two\n", &[]);
    let said = text(&output);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("web                        : ok=2    changed=2    unreachable=0"), "{said}");
    assert!(said.contains("away                       : ok=0    changed=0    unreachable=1"), "{said}");
    assert!(said.contains("port 1: Connection refused"), "{said}");
}

#[test]
fn a_connection_lost_in_the_middle() {
    let Some(site) = Site::new(&["web"]) else { return };
    let child = site.command("- command: echo first\n- command: sleep 8301.5\n- command: echo never\n", &[]);
    let child = { child }.spawn().expect("the program starts");
    wait_for_process("sleep 8301.5");
    site.sshd.kill_connections();
    let output = child.wait_with_output().expect("it ends");
    let said = text(&output);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("fatal: [web]: UNREACHABLE!") && said.contains("was lost"), "{said}");
    assert!(said.contains("ok=1    changed=1    unreachable=1    failed=0"), "{said}");
    assert!(!said.contains("never"), "{said}");
    assert_eq!(site.sshd.processes_with("sleep 8301.5"), Vec::<String>::new());
    assert_eq!(site.cache().len(), 1, "{:?}", site.cache());
}

/// A signal while a command runs: the program ends, and so does all it started.
fn ends_with(sent: Signal, mark: &str, expected: impl Fn(&Output) -> bool) {
    let Some(site) = Site::new(&["web1", "web2"]) else { return };
    let tasks = format!(
        "- copy: {{content: x, dest: '{{{{ there }}}}/{{{{ inventory_hostname }}}}', mode: '0644'}}\n- command: sleep {mark}\n- command: echo never\n"
    );
    let child = site.command(&tasks, &[]).spawn().expect("the program starts");
    wait_for_process(&format!("sleep {mark}"));
    signal(&child, sent);
    let output = child.wait_with_output().expect("it ends");
    assert!(expected(&output), "{:?} {}", output.status, text(&output));
    assert!(!text(&output).contains("never"), "{}", text(&output));
    assert_eq!(site.sshd.processes_with(&format!("sleep {mark}")), Vec::<String>::new());
    let helpers = site.sshd.path("cache/ekumen").display().to_string();
    assert_eq!(site.sshd.processes_with(&helpers), Vec::<String>::new(), "no helper stays");
    assert_eq!(site.cache().len(), 1, "{:?}", site.cache());
    let mut left: Vec<_> = fs::read_dir(site.there())
        .expect("the folder")
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    left.sort();
    assert_eq!(left, ["web1", "web2"], "no temporary file stays");
}

#[test]
fn interrupted_from_the_terminal() {
    ends_with(Signal::INT, "8302.5", |output| output.status.code() == Some(130));
}

#[test]
fn told_to_end() {
    ends_with(Signal::TERM, "8303.5", |output| !output.status.success());
}

#[test]
fn killed() {
    ends_with(Signal::KILL, "8304.5", |output| output.status.signal() == Some(9));
}

#[test]
fn the_way_to_a_host_is_told() {
    let Some(site) = Site::new(&["web"]) else { return };
    let said = site.ok("- ping:\n", &["-vvv"]);
    assert!(said.contains("<127.0.0.1> ESTABLISH SSH CONNECTION FOR USER: None\n"), "{said}");
    assert!(said.contains("<127.0.0.1> ssh (libssh2) to "), "{said}");
    assert!(!said.contains("debug1:"), "{said}");

    let said = site.ok("- ping:\n", &["-vvv", "-e", "ansible_ssh_verbosity=1"]);
    assert!(said.contains("<127.0.0.1> SSH: EXEC ssh -T -oRequestTTY=no -v -oPort="), "{said}");
    assert!(said.contains("<127.0.0.1> debug1: ") && !said.contains("debug2:"), "{said}");
    assert!(
        said.contains("openssh to 127.0.0.1, because ssh is to say what it does (`ssh_verbosity`)"),
        "{said}"
    );
    let said = site.ok("- ping:\n", &["-e", "ansible_ssh_verbosity=1"]);
    assert!(!said.contains("debug1:") && !said.contains("SSH: EXEC"), "only who asks hears it: {said}");
}
