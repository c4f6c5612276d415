//! What checks say beforehand.

use super::*;

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
