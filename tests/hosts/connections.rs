//! Who logs in where, what is spoken to there, and what happens when a connection ends. What is asserted was compared with
//! ansible-core 2.19.14 on the same hosts.

use super::*;

#[test]
fn a_connection_that_ended_between_two_tasks_is_made_anew() {
    let Some(site) = Site::new(&["web", "db"]) else { return };
    site.inventory("ansible_user=deploy");
    let tasks = "\
- command: id -un
- command: sh -c 'sleep 1; pkill -9 -u deploy -x sshd'
  async: 20
  poll: 0
  become: true
  when: inventory_hostname == 'web'
- pause: {seconds: 3}
- command: id -un
- command: id -un
  become: true
  become_user: plain
  register: r
- assert: {that: r.stdout == 'plain'}
";
    let said = site.ok(tasks, &[]);
    assert_eq!(said.matches("unreachable=0 ").count(), 2, "{said}");
    assert_eq!(processes(site.host()), Vec::<String>::new());
}

#[test]
fn variables_say_who_logs_in() {
    let Some(site) = Site::new(&["web", "db"]) else { return };
    site.inventory("ansible_user=deploy");
    let tasks = "\
- command: id -un
  remote_user: plain
  register: keyword
- command: id -un
  remote_user: plain
  delegate_to: db
  register: delegated
- command: id -un
  vars: {ansible_user: '{{ item }}'}
  loop: [plain, deploypw, deploy]
  register: items
- command: id -un
  become: true
  become_user: '{{ item }}'
  loop: [plain, root, deploypw]
  register: became
- command: sh -c 'id -un; uname -n'
  delegate_to: '{{ item }}'
  loop: [db, web]
  become: '{{ inventory_hostname == \"web\" }}'
  register: places
- command: id -un
  delegate_to: db
  vars: {ansible_user: '{{ \"plain\" if inventory_hostname == \"web\" else \"deploypw\" }}'}
  register: of_task
- set_fact: {ansible_user: plain}
- command: id -un
  register: fact
- assert:
    that:
      - keyword.stdout == 'deploy' and delegated.stdout == 'deploy' and fact.stdout == 'plain'
      - of_task.stdout == ('plain' if inventory_hostname == 'web' else 'deploypw')
      - items.results | map(attribute='stdout') == ['plain', 'deploypw', 'deploy']
      - became.results | map(attribute='stdout') == ['plain', 'root', 'deploypw']
      - places.results | map(attribute='stdout_lines') == [[who, 'db'], [who, 'web']]
  vars: {who: '{{ \"root\" if inventory_hostname == \"web\" else \"deploy\" }}'}
";
    site.ok(tasks, &[]);
}

#[test]
fn shells() {
    let Some(site) = Site::new(&["web"]) else { return };
    site.inventory("ansible_user=deploy");
    let tasks = "\
- raw: echo $0
  register: login
- raw: echo $0
  become: true
  register: other
- raw: echo $0
  become: true
  vars: {ansible_shell_executable: /bin/bash}
  register: chosen
- shell: echo $0
  register: shell
- shell: echo $0
  vars: {ansible_shell_executable: /bin/bash}
  register: chosen_shell
- command: env
  register: env
- ping:
  connection: docker
  ignore_errors: true
  register: nowhere
- assert:
    that:
      - login.stdout_lines == ['bash'] and other.stdout_lines == ['/bin/sh'] and chosen.stdout_lines == ['/bin/bash']
      - shell.stdout == '/bin/sh' and chosen_shell.stdout == '/bin/bash'
      - \"'PWD=/home/deploy' in env.stdout_lines and not env.stdout is search('OLDPWD')\"
      - nowhere.msg == \"Task failed: the connection plugin 'docker' was not found\"
";
    site.ok(tasks, &[]);
}

#[test]
fn who_cannot_be_reached_is_out_until_errors_are_cleared() {
    let Some(site) = Site::new(&["web", "db"]) else { return };
    site.inventory("ansible_user=deploy");
    let tasks = "\
- command: echo {{ item }}
  loop: [1, 2, 3]
  vars: {ansible_port: '{{ 1 if item == 2 and inventory_hostname == \"db\" else hostvars[inventory_hostname].ansible_port }}'}
  ignore_unreachable: true
  register: r
- assert:
    that: r is unreachable and r.results | map(attribute='unreachable', default=false) == [false, true, false]
  when: inventory_hostname == 'db'
- command: id -un
  vars: {ansible_port: '{{ 1 if inventory_hostname == \"db\" else hostvars[inventory_hostname].ansible_port }}'}
- command: touch /tmp/after
- meta: clear_host_errors
- command: touch /tmp/both
";
    // It takes up where it was.
    let said = site.ok(tasks, &[]);
    assert!(said.contains("unreachable=1 "), "{said}");
    for host in &site.hosts {
        assert_eq!(host.sh("ls /tmp/after /tmp/both"), "/tmp/after\n/tmp/both\n", "{said}");
    }
}
