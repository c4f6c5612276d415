//! Becoming others.

use super::*;

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
fn a_login_that_takes_too_long_leaves_nothing() {
    let Some(site) = Site::new(&["web"]) else { return };
    site.inventory("ansible_ssh_timeout=1");
    let output = site.run(
        "- copy: {content: 'sleep 8305.5', dest: ~plain/.profile, mode: '0644'}\n- command: id -un\n  become: true\n  \
         become_user: plain\n  become_flags: -i\n",
        &[],
    );
    let said = text(&output);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("Timeout (3s) waiting for privilege escalation prompt:"), "{said}");
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
fn the_password_answers_the_question_it_is_for() {
    let Some(site) = Site::new(&["web"]) else { return };
    let who = "- command: id -un\n  register: r\n- debug: {msg: 'I am {{ r.stdout }}'}\n";
    let with = |password: &str, more: &str| {
        site.inventory(&format!(
            "ansible_user=deploypw ansible_password={password} ansible_ssh_extra_args=-oPubkeyAuthentication=no {more}"
        ));
    };
    let unreachable = || {
        let output = site.run(who, &[]);
        let text = text(&output);
        assert_eq!(output.status.code(), Some(3), "{text}");
        assert!(text.contains("UNREACHABLE!") && text.contains("Permission denied"), "{text}");
        text
    };
    with(PASSWORD, "");
    assert!(!site.ok(who, &["-vvv"]).contains("SSH: EXEC"), "libssh2 does that, too");
    for more in [
        "ansible_ssh_password_mechanism=ssh_askpass",
        "ansible_ssh_password_mechanism=sshpass ansible_sshpass_prompt=assword",
        "ansible_sshpass_prompt=deploypw@",
    ] {
        with(PASSWORD, more);
        let said = site.ok(who, &["-vvv"]);
        assert!(said.contains("I am deploypw") && said.contains("SSH: EXEC ssh "), "{said}");
        assert!(!said.contains(PASSWORD), "{said}");
    }
    with("wrong", "ansible_ssh_password_mechanism=ssh_askpass");
    let said = unreachable();
    assert!(said.contains("Invalid/incorrect password") && !said.contains("please try again"), "{said}");
    // Nobody answers, and after a while nobody listens.
    let other = "ansible_sshpass_prompt=PIN ansible_ssh_timeout=1 ansible_ssh_password_mechanism";
    for mechanism in ["ssh_askpass", "sshpass"] {
        with(PASSWORD, &format!("{other}={mechanism}"));
        let said = unreachable();
        assert!(
            said.contains("password:` was not answered: the password is for a question with `PIN` in it"),
            "{said}"
        );
    }
    with(PASSWORD, "ansible_ssh_password_mechanism=disable");
    assert!(!unreachable().contains("Invalid/incorrect password"));
}
