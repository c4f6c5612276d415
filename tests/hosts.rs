//! Whole runs on hosts of their own: several at once, their users, becoming others, and what stays there.

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
fn sudo_asks_for_the_password() {
    let Some(site) = Site::new(&["web"]) else { return };
    let who = "- command: id -un\n  become: true\n  register: r\n- debug: {msg: 'I am {{ r.stdout }}'}\n";
    site.inventory("ansible_user=deploy");
    assert!(site.ok(who, &[]).contains("I am root"));
    site.inventory("ansible_user=deploypw");
    assert!(site.fails(who).contains("Missing sudo password"));
    site.inventory(&format!("ansible_user=deploypw ansible_become_password={PASSWORD}"));
    let said = site.ok(who, &["-vvv"]);
    assert!(said.contains("I am root") && !said.contains(PASSWORD), "{said}");
    site.inventory("ansible_user=deploypw ansible_become_password=wrong");
    assert!(site.fails(who).contains("Incorrect sudo password"));
    // Through the login shell of the other, and through the own one.
    for flags in ["-i", "-H -S -n -s"] {
        site.inventory(&format!(
            "ansible_user=deploypw ansible_become_password={PASSWORD} ansible_become_flags='{flags}'"
        ));
        assert!(site.ok(who, &[]).contains("I am root"), "{flags}");
    }
    site.inventory(&format!("ansible_user=plain ansible_become_password={PASSWORD}"));
    let said = site.fails(who);
    assert!(said.contains("plain is not in the sudoers file"), "{said}");
    site.inventory("ansible_user=deploy");
    let said = site.fails(&who.replace("become: true", "become: true\n  become_user: nobody-here"));
    assert!(said.contains("unknown user nobody-here"), "{said}");
    assert_eq!(processes(site.host()), Vec::<String>::new());
}

#[test]
fn su_and_runuser() {
    let Some(site) = Site::new(&["web"]) else { return };
    let who = |method: &str, user: &str| {
        format!(
            "- command: id -un\n  become: true\n  become_method: {method}\n  become_user: {user}\n  register: r\n\
             - assert: {{that: r.stdout == '{user}'}}\n"
        )
    };
    // root needs no password.
    for method in ["su", "sudo", "runuser"] {
        site.ok(&who(method, "plain"), &[]);
    }
    site.inventory(&format!("ansible_user=plain ansible_become_password={PASSWORD}"));
    for user in ["root", "deploy"] {
        site.ok(&who("su", user), &[]);
    }
    site.inventory("ansible_user=plain ansible_become_password=wrong");
    let said = site.fails(&who("su", "root"));
    assert!(said.contains("Incorrect su password"), "{said}");
    site.inventory("ansible_user=plain");
    let said = site.fails(&who("runuser", "root"));
    assert!(said.contains("Cannot run runuser to become root"), "{said}");
    assert_eq!(processes(site.host()), Vec::<String>::new());
}

#[test]
fn an_unprivileged_user_becomes_another() {
    let Some(site) = Site::new(&["web"]) else { return };
    site.inventory("ansible_user=deploy");
    site.write("secret.j2", "for {{ ansible_facts.user_id | default('nobody') }}\n");
    site.write("run.sh", "#!/bin/sh\nid -un; pwd\n");
    let tasks = "\
- template: {src: secret.j2, dest: /home/plain/secret, mode: '0600'}
  become: true
  become_user: plain
- copy: {content: 'x', dest: /home/plain/.profile.d, mode: '0400'}
  become: true
  become_user: plain
- script: run.sh
  args: {chdir: /home/plain}
  become: true
  become_user: plain
  register: r
- fetch: {src: /home/plain/secret, dest: fetched/, flat: true}
  become: true
  become_user: plain
- command: cat /home/plain/secret
  register: mine
  failed_when: mine.rc == 0
  changed_when: false
- assert: {that: \"r.stdout_lines == ['plain', '/home/plain']\"}
";
    site.ok(tasks, &[]);
    let host = site.host();
    assert_eq!(
        host.sh("stat -c '%U %a' /home/plain/secret /home/plain/.profile.d"),
        "plain 600\nplain 400\n"
    );
    assert_eq!(
        fs::read_to_string(site.folder.path().join("fetched/secret")).expect("fetched"),
        "for nobody\n"
    );
    assert_eq!(processes(host), Vec::<String>::new());
}

#[test]
fn a_user_who_was_become_can_be_removed() {
    let Some(site) = Site::new(&["web"]) else { return };
    let tasks = "\
- user: {name: visitor}
- command: id -un
  become: true
  become_user: visitor
- user: {name: visitor, uid: 4321}
- command: id -u
  become: true
  become_user: visitor
  register: r
- debug: msg=\"uid {{ r.stdout }}\"
- user: {name: visitor, state: absent, remove: true}
- command: id visitor
  register: gone
  failed_when: gone.rc == 0
";
    for variables in [
        "ansible_user=root",
        "ansible_user=deploy ansible_become=true",
        &format!("ansible_user=deploypw ansible_become=true ansible_become_password={PASSWORD}"),
    ] {
        site.inventory(variables);
        let said = site.ok(tasks, &[]);
        assert!(said.contains("uid 4321"), "{said}");
    }
    assert_eq!(processes(site.host()), Vec::<String>::new());
}

#[test]
fn jobs_of_other_users() {
    let Some(site) = Site::new(&["web"]) else { return };
    site.inventory(&format!("ansible_user=deploypw ansible_become_password={PASSWORD}"));
    let tasks = "\
- shell: id -un; echo $HOME
  become: true
  async: 60
  poll: 1
  register: r
- shell: sleep 1; id -un
  become: true
  become_user: deploy
  async: 60
  poll: 0
  register: job
- async_status: {jid: '{{ job.ansible_job_id }}'}
  become: true
  become_user: deploy
  register: s
  until: s is finished
  retries: 60
  delay: 1
- debug: {msg: 'as {{ r.stdout_lines | join(\"+\") }}, then as {{ s.stdout }}, left in {{ job.results_file | dirname }}'}
";
    let said = site.ok(tasks, &[]);
    assert!(said.contains("as root+/root, then as deploy, left in /home/deploy/.ansible_async"), "{said}");
    // Only the one that was waited for has cleaned up.
    let jobs: Vec<_> =
        files(site.host()).into_iter().filter(|path| path.contains(".ansible_async/")).collect();
    assert!(matches!(jobs.as_slice(), [one] if one.starts_with("home/deploy/.ansible_async/j")), "{jobs:?}");
    let too_long = "- command: sleep 60\n  become: true\n  async: 1\n  poll: 1\n";
    assert!(site.fails(too_long).contains("Timeout exceeded"));
    assert_eq!(processes(site.host()), Vec::<String>::new());
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
fn places_where_programs_may_not_run() {
    let Some(site) = Site::new(&["web"]) else { return };
    let host = site.host();
    site.inventory("ansible_user=deploy");
    let forbid = |path: &str| {
        host.sh(&format!("mount --bind {path} {path} && mount -o remount,bind,noexec {path}"));
    };
    let tasks = "- command: id -un\n";
    let helpers = |place: &str| files(host).iter().filter(|path| path.starts_with(place)).count();
    forbid("/home");
    site.ok(tasks, &[]);
    assert_eq!(helpers("home/deploy/.cache/ekumen/"), 0, "not there");
    assert!(helpers("var/tmp/") > 0, "but here");
    forbid("/var/tmp");
    forbid("/tmp");
    forbid("/dev/shm");
    let output = site.run(tasks, &[]);
    let said = text(&output);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("mounted noexec"), "{said}");
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

#[test]
fn a_host_with_nothing_but_busybox() {
    let Some(site) = Site::of(Kind::BusyBox, &["box"]) else { return };
    let host = site.host();
    site.write("motd.j2", "{{ ansible_facts.hostname }} runs {{ ansible_facts.system }}\n");
    site.write("big", &"x".repeat(100_000));
    site.write("run.sh", "#!/bin/sh\nid -un\n");
    let tasks = "\
- setup:
- template: {src: motd.j2, dest: /etc/motd, mode: '0644'}
- copy: {src: big, dest: /srv/big, owner: plain, group: deploy, mode: '0640'}
- lineinfile: {path: /etc/hosts, line: 192.0.2.1 away}
- file: {path: /srv/a/b, state: directory, owner: '1000'}
- stat: {path: /srv/big}
  register: big
- find: {paths: /srv, file_type: file}
  register: found
- slurp: {src: /etc/motd}
- fetch: {src: /etc/motd, dest: fetched/}
- script: run.sh
  changed_when: false
- shell: echo $0 && id -un
  register: who
  changed_when: false
- getent: {database: passwd, key: deploy}
- wait_for: {path: /etc/motd}
- assert:
    that:
      - big.stat.size == 100000 and big.stat.pw_name == 'plain'
      - found.matched == 1
      - who.stdout_lines == ['/bin/sh', 'root']
      - ansible_facts.getent_passwd.deploy[1] == '1000'
";
    site.ok(tasks, &[]);
    assert_eq!(host.sh("cat /etc/motd; tail -1 /etc/hosts"), "box runs Linux\n192.0.2.1 away\n");
    let again = site.ok(tasks, &[]);
    assert!(again.contains("changed=0 "), "{again}");
    // What needs a tool says which.
    for (task, words) in [
        ("apt: {name: tree}", "Failed to find required executable \\\"apt-cache\\\" in paths: "),
        ("user: {name: web}", "Failed to find required executable \\\"useradd\\\" in paths: "),
        ("group: {name: web}", "Failed to find required executable \\\"groupadd\\\" in paths: "),
        (
            "systemd: {name: ssh, state: started}",
            "Failed to find required executable \\\"systemctl\\\" in paths: ",
        ),
        (
            "ping:\n  become: true\n  become_method: sudo\n  become_user: plain",
            "Cannot run sudo to become plain: No such file",
        ),
    ] {
        let said = site.fails(&format!("- {task}\n"));
        assert!(said.contains(words), "{task}: {said}");
    }
    site.inventory("ansible_user=plain");
    site.ok("- command: id -un\n", &["--no-cache"]);
    assert_eq!(processes(host), Vec::<String>::new());
}

#[test]
fn a_full_disk() {
    let Some(site) = Site::new(&["web", "db"]) else { return };
    let host = site.host();
    host.sh("mkdir /srv/full; mount -t tmpfs -o size=64k full /srv/full; echo old >/srv/full/f");
    site.hosts[1].sh("mkdir /srv/full");
    site.write("big", &"0123456789".repeat(20_000));
    let output = site.run("- copy: {src: big, dest: /srv/full/f, mode: '0644'}\n", &[]);
    let said = text(&output);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("fatal: [web]: FAILED!") && said.contains("No space left on device"), "{said}");
    assert!(said.contains("changed: [db]"), "the other finishes: {said}");
    assert_eq!(host.sh("cat /srv/full/f; ls -A /srv/full"), "old\nf\n", "the old file is whole, and alone");
    // Where the helper itself has no room, another place is found.
    host.sh("cp /root/.ssh/authorized_keys /etc/ssh/keys; mount -t tmpfs -o size=64k,uid=1000,mode=700 full /home/deploy");
    host.configure_sshd("AuthorizedKeysFile /etc/ssh/keys");
    site.inventory("ansible_user=deploy");
    site.ok("- command: id -un\n", &["--limit", "web"]);
    assert_eq!(host.sh("find /home/deploy -type f"), "", "nothing half is left");
    assert_eq!(processes(host), Vec::<String>::new());
}

#[test]
fn a_host_that_vanishes() {
    let Some(mut site) = Site::new(&["web", "db"]) else { return };
    site.write("site.yml", "- hosts: all\n  gather_facts: false\n  tasks:\n  - command: sleep 8.25\n    when: inventory_hostname == 'web'\n  - command: id -un\n");
    let mut command = site.programs.command("ekumen", site.folder.path());
    command.args(["run", "-i", "inventory", "site.yml"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().expect("the program starts");
    let until = Instant::now() + Duration::from_secs(30);
    while !site.host().processes().iter().any(|line| line == "sleep 8.25") {
        assert!(Instant::now() < until, "it does not start");
        std::thread::sleep(Duration::from_millis(10));
    }
    drop(site.hosts.remove(0));
    let output = child.wait_with_output().expect("it ends");
    let said = text(&output);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("fatal: [web]: UNREACHABLE!") && said.contains("was lost"), "{said}");
    assert!(said.contains("db                         : ok=1    changed=1    unreachable=0"), "{said}");
}

/// What the actions of the control side do, in four passes.
#[test]
fn checks_of_actions_foretell_what_runs_do() {
    let Some(site) = Site::new(&["web"]) else { return };
    let host = site.host();
    site.write("templates/a.j2", "{% for n in [1, 2] %}\nline {{ n }}\n{% endfor %}\n");
    site.write("files/one", "one\n");
    site.write("files/tree/a", "a\n");
    site.write("files/tree/sub/b", "b\n");
    site.write("files/parts/1", "first\n");
    site.write("files/parts/2", "second\n");
    site.write("files/run.sh", "#!/bin/sh\ntouch /srv/ran\n");
    host.sh("printf 'a\\nb\\n' >/etc/lines; mkdir /srv/parts; echo x >/srv/parts/1; echo y >/srv/parts/2");
    let tasks = "\
- template: {src: a.j2, dest: /srv/a, owner: deploy, mode: '0640'}
- template: {src: a.j2, dest: /srv/dir/, mode: '0644'}
  failed_when: false
- copy: {src: one, dest: /srv/one, mode: '0644'}
- copy: {src: tree, dest: /srv/, owner: plain, mode: preserve}
- copy: {content: 'of {{ inventory_hostname }}', dest: /srv/content, mode: '0600'}
- copy: {src: /etc/hosts, dest: /srv/hosts, remote_src: true, mode: '0644'}
- assemble: {src: parts, dest: /srv/assembled, remote_src: false, mode: '0644'}
- assemble: {src: /srv/parts, dest: /srv/together, mode: '0644'}
- lineinfile: {path: /etc/lines, line: '{{ item }}'}
  loop: [c, a]
- blockinfile: {path: /etc/lines, block: \"x\\ny\"}
- replace: {path: /etc/lines, regexp: '^b$', replace: B}
- file: {path: /srv/made/deep, state: directory, mode: '0750', owner: deploy}
- script: run.sh
  args: {creates: /srv/ran}
- command: touch /srv/once
  args: {creates: /srv/once}
- group: {name: crew, gid: 4000}
- user: {name: one, uid: 4000, group: crew}
- user: {name: two, uid: 4001, groups: [crew]}
- stat: {path: /srv/none}
- set_fact: {kept: 1}
- debug: {msg: '{{ kept }}'}
- include_tasks: more.yml
";
    site.write("more.yml", "- copy: {content: more, dest: /srv/more, mode: '0644'}\n  notify: []\n");
    let plays = |output: &str| -> Vec<String> {
        let lines = output
            .lines()
            .filter(|line| line.starts_with("TASK") || line.starts_with("changed") || line.starts_with("ok"));
        lines.map(str::to_owned).collect()
    };
    let count = |text: &str, key: &str| -> u32 {
        let recap = text.lines().find(|line| line.starts_with("web  ")).expect("a recap");
        let (_, rest) = recap.split_once(&format!("{key}=")).expect("a count");
        rest.split(' ').next().and_then(|number| number.parse().ok()).expect("a number")
    };
    // The helper is there before anything is counted.
    site.ok("- ping:\n", &[]);
    let before = snapshot(host.upper().as_path());
    let check = site.ok(tasks, &["--check"]);
    assert_eq!(
        changes(&before, &snapshot(host.upper().as_path())),
        Vec::<String>::new(),
        "the check writes nothing"
    );
    let applied = site.ok(tasks, &[]);
    assert_eq!(plays(&check), plays(&applied), "predicted is applied");
    assert!(count(&applied, "changed") > 15, "{applied}");
    let settled = snapshot(host.upper().as_path());
    let again = site.ok(tasks, &[]);
    assert_eq!(count(&again, "changed"), 0, "{again}");
    assert_eq!(
        changes(&settled, &snapshot(host.upper().as_path())),
        Vec::<String>::new(),
        "nothing is written again"
    );
    let last = site.ok(tasks, &["--check"]);
    assert_eq!(count(&last, "changed"), 0, "{last}");
    assert_eq!(changes(&settled, &snapshot(host.upper().as_path())), Vec::<String>::new(), "nor checked");
}

/// Every file of a host's own with all that changes when it is written to; not the logs.
fn snapshot(upper: &Path) -> BTreeSet<(String, String)> {
    use std::os::unix::fs::MetadataExt;
    let mut found = BTreeSet::new();
    let mut pending = vec![upper.to_owned()];
    while let Some(path) = pending.pop() {
        let data = fs::symlink_metadata(&path).expect("nothing else touches it");
        if data.is_dir() {
            pending.extend(fs::read_dir(&path).expect("a folder").flatten().map(|entry| entry.path()));
        }
        let name = path.strip_prefix(upper).expect("it is below").to_string_lossy().into_owned();
        if !name.starts_with("var/log") {
            let stamp = format!(
                "{} {}.{:09} {:o} {}:{}",
                data.ino(),
                data.ctime(),
                data.ctime_nsec(),
                data.mode(),
                data.uid(),
                data.gid()
            );
            found.insert((name, stamp));
        }
    }
    found
}

fn changes(before: &BTreeSet<(String, String)>, after: &BTreeSet<(String, String)>) -> Vec<String> {
    before.symmetric_difference(after).map(|(path, _)| path.clone()).collect()
}
