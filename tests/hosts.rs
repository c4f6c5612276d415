//! Whole runs on hosts of their own: several at once, their users, becoming others, and what stays there.

#[path = "hosts/checks.rs"]
mod checks;
#[path = "hosts/connections.rs"]
mod connections;
#[path = "hosts/identities.rs"]
mod identities;
#[path = "hosts/places.rs"]
mod places;
#[allow(dead_code)] // Shared with other tests, each of which uses some of it.
mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};
use support::host::{self, Host, Kind, PASSWORD};
use support::program::Programs;

/// Some hosts, and a project for them.
struct Site {
    hosts: Vec<Host>,
    programs: Programs,
    folder: tempfile::TempDir,
}

impl Site {
    fn new(names: &[&str]) -> Option<Site> {
        Self::of(Kind::Plain, names)
    }

    fn of(kind: Kind, names: &[&str]) -> Option<Site> {
        let hosts = names.iter().map(|name| host::start(name, kind)).collect::<Option<Vec<_>>>()?;
        let site = Site { hosts, programs: Programs::new(), folder: tempfile::tempdir().expect("a folder") };
        site.inventory("ansible_user=root");
        Some(site)
    }

    fn host(&self) -> &Host {
        &self.hosts[0]
    }

    /// All hosts, with these variables.
    fn inventory(&self, variables: &str) {
        let lines: Vec<_> =
            self.hosts.iter().map(|host| format!("{} {variables}\n", host.inventory_line())).collect();
        self.write("inventory", &lines.concat());
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.folder.path().join(name);
        fs::create_dir_all(path.parent().expect("it is in a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }

    /// The program on a play with these tasks (indented by nothing).
    fn run(&self, tasks: &str, arguments: &[&str]) -> Output {
        let tasks: String = tasks.lines().map(|line| format!("    {line}\n")).collect();
        self.write("site.yml", &format!("- hosts: all\n  gather_facts: false\n  tasks:\n{tasks}"));
        let mut command = self.programs.command("ekumen", self.folder.path());
        command.args(["run", "-i", "inventory", "site.yml"]).args(arguments);
        command.output().expect("the program starts")
    }

    /// Runs it, which must succeed; what it printed.
    fn ok(&self, tasks: &str, arguments: &[&str]) -> String {
        let output = self.run(tasks, arguments);
        let text = text(&output);
        assert_eq!(output.status.code(), Some(0), "{text}");
        text
    }

    /// Runs it, which must fail for the host; what it printed.
    fn fails(&self, tasks: &str) -> String {
        let output = self.run(tasks, &[]);
        let text = text(&output);
        assert_eq!(output.status.code(), Some(2), "{text}");
        text
    }
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Files on the host's disk that are not this machine's, and no logs. The helper's file counts by its place.
fn files(host: &Host) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let upper = host.upper();
    let mut pending = vec![upper.clone()];
    while let Some(folder) = pending.pop() {
        for entry in fs::read_dir(folder).expect("a folder").flatten() {
            if entry.file_type().expect("a type").is_dir() {
                pending.push(entry.path());
            }
            let path = entry.path().strip_prefix(&upper).expect("it is below").to_string_lossy().into_owned();
            if !path.starts_with("var/log") {
                found.insert(path);
            }
        }
    }
    found
}

/// What a host runs apart from its SSH server, once that is nothing, or after some seconds.
fn processes(host: &Host) -> Vec<String> {
    let until = Instant::now() + Duration::from_secs(10);
    loop {
        let mut left = host.processes();
        left.retain(|line| !line.starts_with("sshd: /usr/sbin/sshd"));
        if left.is_empty() || Instant::now() > until {
            return left;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn hosts_have_their_own_files_users_and_packages() {
    let Some(site) = Site::new(&["web", "db", "cache"]) else { return };
    site.write("motd.j2", "{{ inventory_hostname }} of {{ groups.all | length }}\n");
    let tasks = "\
- user: {name: '{{ inventory_hostname }}', uid: 3000, shell: /bin/sh}
- template: {src: motd.j2, dest: /etc/motd, owner: '{{ inventory_hostname }}', mode: '0640'}
- hostname: {name: '{{ inventory_hostname }}.example.org', use: debian}
- command: uname -n
  register: name
  changed_when: false
- assert: {that: name.stdout == inventory_hostname ~ '.example.org'}
";
    let said = site.ok(tasks, &[]);
    for host in &site.hosts {
        let name = &host.name;
        assert!(said.contains(&format!("{name:<26} : ok=5    changed=3 ")), "{said}");
        assert_eq!(host.sh("cat /etc/motd"), format!("{name} of 3\n"));
        assert_eq!(host.sh("stat -c '%U %a' /etc/motd"), format!("{name} 640\n"));
        assert_eq!(host.sh("getent passwd 3000 | cut -d: -f1"), format!("{name}\n"));
    }
    let again = site.ok(tasks, &[]);
    assert_eq!(again.matches("changed=0 ").count(), 3, "{again}");
}

#[test]
fn nothing_stays_but_the_helper() {
    let Some(site) = Site::new(&["web"]) else { return };
    let host = site.host();
    site.inventory(&format!("ansible_user=deploypw ansible_become_password={PASSWORD}"));
    site.write("big", &"x".repeat(100_000));
    site.write("run.sh", "#!/bin/sh\nid -un\n");
    // All that has a file on the host for a while.
    let tasks = "\
- copy: {src: big, dest: /etc/big, mode: '0644', validate: 'test -s %s'}
- script: run.sh
- script: run.sh
  become_user: plain
- command: cat
  args: {stdin: x}
- file: {path: /etc/big, state: absent}
";
    let tasks = tasks.replace("- copy", "- become: true\n  copy").replace("- file", "- become: true\n  file");
    let tasks = tasks.replace("  become_user", "  become: true\n  become_user");
    let before = files(host);
    site.ok(&tasks, &["--no-cache"]);
    assert_eq!(processes(host), Vec::<String>::new());
    let left: Vec<String> = files(host).difference(&before).cloned().collect();
    assert_eq!(left, Vec::<String>::new(), "with --no-cache");

    site.ok(&tasks, &[]);
    assert_eq!(processes(host), Vec::<String>::new());
    let left: Vec<String> = files(host).difference(&before).cloned().collect();
    assert_eq!(left.len(), 3, "the helper in its folder: {left:?}");
    assert!(left.iter().all(|path| path.starts_with("home/deploypw/.cache")), "{left:?}");
    assert_eq!(host.sh("stat -c '%U %a' /home/deploypw/.cache/ekumen"), "deploypw 700\n");
}

#[test]
fn passwords_at_login() {
    let Some(site) = Site::new(&["web"]) else { return };
    let host = site.host();
    let login = |password: &str| {
        format!(
            "ansible_user=deploy ansible_password={password} ansible_ssh_private_key_file= ansible_ssh_extra_args=-oPubkeyAuthentication=no"
        )
    };
    site.inventory(&login(PASSWORD));
    site.ok("- ping:\n", &[]);
    // Now only the conversation that the host's PAM leads.
    host.configure_sshd("PasswordAuthentication no");
    site.ok("- ping:\n", &[]);
    site.inventory(&login("wrong"));
    let output = site.run("- ping:\n", &[]);
    let said = text(&output);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("Invalid/incorrect password") || said.contains("Permission denied"), "{said}");
    // And neither.
    host.configure_sshd("KbdInteractiveAuthentication no");
    site.inventory(&login(PASSWORD));
    let said = text(&site.run("- ping:\n", &[]));
    assert!(said.contains("UNREACHABLE") && said.contains("Permission denied (publickey"), "{said}");
}

#[test]
fn a_service_as_roles_have_it() {
    let Some(site) = Site::of(Kind::Systemd, &["web"]) else { return };
    let host = site.host();
    site.inventory("ansible_user=deploy");
    site.write(
        "roles/app/templates/app.service.j2",
        "[Unit]\nDescription={{ app }}\n[Service]\nUser=plain\nExecStart=/bin/sleep {{ app_seconds }}\n\
         [Install]\nWantedBy=multi-user.target\n",
    );
    site.write("roles/app/defaults/main.yml", "app: ek-app\napp_seconds: 7411\n");
    site.write(
        "roles/app/handlers/main.yml",
        "- name: Restart\n  systemd: {name: '{{ app }}', state: restarted, daemon_reload: true}\n",
    );
    site.write(
        "roles/app/tasks/main.yml",
        "- template: {src: app.service.j2, dest: '/etc/systemd/system/{{ app }}.service', mode: '0644'}\n  notify: Restart\n\
         - meta: flush_handlers\n\
         - service: {name: '{{ app }}', state: started, enabled: true}\n",
    );
    let tasks = "- include_role: {name: app, apply: {become: true}}\n";
    let first = site.ok(tasks, &[]);
    assert!(first.contains("changed=3 "), "{first}");
    assert_eq!(host.sh("systemctl is-active ek-app; systemctl is-enabled ek-app"), "active\nenabled\n");
    assert!(host.processes().contains(&"/bin/sleep 7411".to_owned()));
    let second = site.ok(tasks, &[]);
    assert!(second.contains("changed=0 "), "{second}");
    // A check says what will be, and nothing happens to the service.
    let other = ["-e", "app_seconds=7412"];
    let check = site.ok(tasks, &["-e", "app_seconds=7412", "--check"]);
    assert!(check.contains("changed=2 "), "{check}");
    assert!(host.processes().contains(&"/bin/sleep 7411".to_owned()));
    let third = site.ok(tasks, &other);
    assert!(third.contains("changed=2 "), "{third}");
    assert!(host.processes().contains(&"/bin/sleep 7412".to_owned()), "{:?}", host.processes());
    assert!(!host.processes().contains(&"/bin/sleep 7411".to_owned()));
}
