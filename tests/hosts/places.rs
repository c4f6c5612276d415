//! Hosts on which not everything is as usual.

use super::*;

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
