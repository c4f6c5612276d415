#!/usr/bin/env python3
"""Makes the folders `precedence` and `precedence_merge` here: a variable for each level of the precedence list, set at that level and at
all that lose to it (facts are those that an earlier run left in the cache; a prompt's answer is its default), as texts and (for `hash_behaviour = merge`) as mappings. Then run `record.py precedence precedence_merge`.

    tests/playbooks/make_precedence.py
"""
import os

levels=["role_defaults","inventory_group","inventory_group_vars_all","playbook_group_vars_all","inventory_group_vars","playbook_group_vars","inventory_host","inventory_host_vars","playbook_host_vars","facts","play_vars","vars_prompt","vars_files","role_vars","block_vars","task_vars","include_vars","set_fact","role_params","include_params","extra_vars"]
def build(root, merge):
    def w(p,t):
        p=os.path.join(root,p); os.makedirs(os.path.dirname(p),exist_ok=True); open(p,'w').write(t)
    def val(level):
        return "{winner: %s, %s: set, deep: {%s: set}}"%(level,level,level) if merge else level
    def lines(level, indent=0):
        n=levels.index(level)
        return "".join(" "*indent+f"v{i:02}: {val(level)}\n" for i in range(n,len(levels)))
    names=[f"v{i:02}"+("" if i else " | default('nothing')") for i in range(len(levels))]
    w("roles/tested/defaults/main.yml",lines("role_defaults"))
    w("roles/tested/vars/main.yml",lines("role_vars"))
    if merge: show='        msg: "{{ [%s] | map(\'to_json\', sort_keys=true) }}"'%", ".join(names)
    else: show='        msg: "{{ [%s] }}"'%", ".join(names)
    w("roles/tested/tasks/main.yml",
      "- block:\n    - name: before include_vars and set_fact\n      debug:\n"+show+"\n      vars:\n"+lines("task_vars",8)
      +"    - include_vars: included.yml\n    - name: after include_vars\n      debug:\n"+show+"\n      vars:\n"+lines("task_vars",8)
      +"    - set_fact:\n"+lines("set_fact",8)+"    - name: after set_fact\n      debug:\n"+show+"\n      vars:\n"+lines("task_vars",8)
      +"    - include_tasks: deeper.yml\n      vars:\n"+lines("include_params",8)
      +"  vars:\n"+lines("block_vars",4))
    w("roles/tested/tasks/deeper.yml","- name: inside an include\n  debug:\n"+show[4:]+"\n")
    w("roles/tested/vars/included.yml",lines("include_vars"))
    w("inventory/hosts.yml","all:\n  children:\n    g:\n      vars:\n"+lines("inventory_group",8)+"      hosts:\n        h:\n          ansible_connection: local\n"+lines("inventory_host",10))
    w("inventory/group_vars/all.yml",lines("inventory_group_vars_all"))
    w("inventory/group_vars/g.yml",lines("inventory_group_vars"))
    w("inventory/host_vars/h.yml",lines("inventory_host_vars"))
    w("group_vars/all.yml",lines("playbook_group_vars_all"))
    w("group_vars/g.yml",lines("playbook_group_vars"))
    w("host_vars/h.yml",lines("playbook_host_vars"))
    # Answers are texts: with them nothing could be merged any more.
    asked = [] if merge else range(levels.index("vars_prompt"), len(levels))
    prompts = "".join(f"    - {{name: v{i:02}, private: false, default: vars_prompt}}\n" for i in asked)
    prompts = prompts and "  vars_prompt:\n" + prompts
    w("facts.yml","- hosts: h\n  gather_facts: false\n  tasks:\n    - set_fact:\n        cacheable: true\n"+lines("facts",8))
    w("files.yml",lines("vars_files"))
    w("extra.yml",lines("extra_vars"))
    w("site.yml","- hosts: h\n  gather_facts: false\n  vars:\n"+lines("play_vars",4)+""+prompts+"  vars_files: [files.yml]\n  tasks:\n    - name: the play alone\n      debug:\n"+show+"\n    - name: role with params\n      include_role: {name: tested}\n      vars:\n"+lines("role_params",8)
    +"    - name: after the role\n      debug:\n"+show+"\n"
    +"- hosts: h\n  gather_facts: false\n"+prompts+"  roles:\n    - role: tested\n"+lines("role_params",6)
    +"  tasks:\n    - name: after the role of the play\n      debug:\n"+show+"\n")
    w("args","facts.yml\nsite.yml\n-e @extra.yml site.yml\n")
    w("ansible.cfg","[defaults]\nfact_caching = jsonfile\nfact_caching_connection = facts\n"
      +("hash_behaviour = merge\ndeprecation_warnings = false\n" if merge else ""))
HERE = os.path.dirname(os.path.abspath(__file__))
build(os.path.join(HERE, "precedence"), False)
build(os.path.join(HERE, "precedence_merge"), True)
