"""Small random playbooks that exercise the engine: `play(seed)` gives the files of one and the command lines to run it with.

Left out on purpose, since the real one does it by accident: `--start-at-task` at the first task of a play (facts are gathered
whatever `gather_facts` says; `record.py` drops these), templates in names of tasks under `strategy: free` (the host that comes first names it for all) and in later
batches, `clear_host_errors` (hosts that failed go on somewhere, against the documentation), `end_role` in
roles that import others (it ends the next of those). `record.py` also drops plays in which `end_play`
or `end_batch` makes it forget a failure.

Nothing in them depends on time, chance or the machine, and no task needs Python on a host: all hosts but one are local, the
other (`gone`) refuses connections. Whatever Ansible itself does not do the same twice is left out.
"""
import random

HOSTS = ["h1", "h2", "h3", "h4"]


class Dice(random.Random):
    """Chance, in the words of the generator."""

    def often(self, share):
        return self.random() < share

    def pick(self, weights):
        names = list(weights)
        return self.choices(names, [weights[name] for name in names])[0]


class Play:
    """One playbook in the making."""

    def __init__(self, seed):
        self.dice = Dice(seed)
        self.files = {}
        self.names = 0
        self.registers = []
        self.handlers = []
        self.topics = []
        self.roles = []
        self.in_role = None
        self.serial = False
        self.free = False
        self.hidden = False
        self.forced = self.dice.often(0.06)
        self.force_all = self.forced
        self.gathers = False
        # Each of these takes seconds.
        self.jobs = 0.5 if self.dice.often(0.06) else 0.0
        self.debugged = 0.3 if self.dice.often(0.04) else 0.0
        self.config = {}
        self.smart = self.dice.often(0.05)
        if self.smart:
            self.config["gathering"] = self.dice.choice(["smart", "smart", "explicit"])
        self.wide = self.dice.often(0.3)
        self.includes = 0
        self.budget = self.dice.choice([6, 9, 12, 16, 20])
        self.hosts = HOSTS[: self.dice.choice([1, 2, 2, 3, 3, 4])]
        self.gone = self.dice.often(0.2)

    # Names ---------------------------------------------------------------------------------------------------------

    def name(self, prefix="t"):
        self.names += 1
        return f"{prefix}{self.names}"

    def host(self):
        return self.dice.choice(self.hosts)

    # Conditions ----------------------------------------------------------------------------------------------------

    def condition(self):
        dice = self.dice
        kind = dice.pick({"host": 5, "number": 3, "truth": 2, "register": 3, "fact": 2, "undefined": 0.3, "group": 1})
        if kind == "host":
            return dice.choice([f"inventory_hostname == '{self.host()}'", f"inventory_hostname != '{self.host()}'"])
        if kind == "number":
            return dice.choice([f"n > {dice.randint(0, 3)}", f"n == {dice.randint(1, 4)}", "n is odd"])
        if kind == "truth":
            return dice.choice(["true", "false", True, False, "not flag", "flag | bool"])
        if kind == "register" and self.registers:
            name = dice.choice(self.registers)
            return dice.choice([
                f"{name} is defined", f"{name} is not defined", f"{name} is failed", f"{name} is changed",
                f"{name} is defined and {name} is not skipped", f"{name} is skipped", f"{name} is unreachable",
                f"{name}.results | default([]) | selectattr('failed', 'defined') | selectattr('failed') | length > 0",
                f"({name}.results | default([{{}}]) | first) is skipped", f"{name}.msg | default('') == 'broken'",
            ])
        if kind == "fact":
            return dice.choice(["f1 is defined", "f1 | default(0) | int > 1", "f2 | default([]) | length > 1"])
        if kind == "undefined":
            return "nowhere"
        return "'odd' in group_names"

    def conditions(self):
        if self.dice.often(0.2):
            return [self.condition(), self.condition()]
        return self.condition()

    # Tasks ---------------------------------------------------------------------------------------------------------

    def shown(self):
        dice = self.dice
        texts = [
            "hello {{ inventory_hostname }}", "{{ n }}", "{{ f1 | default('no f1') }}", "{{ f2 | default('no f2') }}",
            "{{ ansible_play_hosts }}", "{{ ansible_play_batch }}", "{{ ansible_play_hosts_all }}",
            "{{ v | default('no v') }}", "{{ ansible_failed_task.name | default('none failed') }}",
            "{{ ansible_failed_result.msg | default('none failed') }}", "{{ hostvars['h1'].f1 | default('not there') }}",
            "{{ item | default('no item') }}", "{{ p | default('no p') }}", "{{ ansible_loop_var | default('no loop') }}",
            "{{ groups.odd | default([]) }}", "{{ ansible_role_name | default('no role') }}",
            "{{ ansible_check_mode }}", "{{ omit is defined }}", "{{ w | default('no w') }}", "{{ ansible_diff_mode }}",
            "{{ ansible_play_name | default('no play') }}", "{{ role_name | default('no role') }}", "{{ role_path | default('no role') }}",
            "{{ ansible_parent_role_names | default('no parents') }}", "{{ ansible_run_tags | sort }}", "{{ ansible_skip_tags | sort }}",
            "{{ ansible_limit | default('no limit') }}", "{{ group_names }}", "{{ inventory_dir }}", "{{ playbook_dir }}",
            "{{ ansible_loop.index | default('no loop') }}", "{{ ansible_index_var | default('no index') }}",
            "{{ shared | default('not shared') }}", "{{ word }}", "{{ outer | default('no outer') }}",
            "{{ ansible_role_names | default([]) | sort }}", "{{ ansible_play_role_names | default([]) | sort }}",
            "{{ ansible_dependent_role_names | default([]) | sort }}",
            "{{ inventory_hostname_short }}", "{{ lookup('vars', 'v', default='none') }}", "{{ q('items', [1, [2, 3]]) }}",
        ]
        if self.free:
            far = ("ansible_play_hosts", "ansible_play_batch", "hostvars", "groups.")
            texts = [text for text in texts if not any(word in text for word in far)]
        if self.registers:
            name = dice.choice(self.registers)
            texts += [
                f"{{{{ {name}.failed | default('unset') }}}}", f"{{{{ {name}.changed | default('unset') }}}}",
                f"{{{{ {name}.results | default([]) | length }}}}", f"{{{{ {name}.skipped | default(false) }}}}",
                f"{{{{ {name}.msg | default('no msg') }}}}",
                f"{{{{ {name}.results | default([]) | map(attribute='failed') | list }}}}",
                f"{{{{ {name}.results | default([]) | selectattr('skipped', 'defined') | map(attribute='item', default='?') | list }}}}",
                f"{{{{ {name}.unreachable | default('reached') }}}}", f"{{{{ {name}.failed_when_result | default('not judged') }}}}",
                f"{{{{ {name}.attempts | default('no tries') }}}}", f"{{{{ {name} | sort }}}}",
            ]
        return dice.choice(texts)

    def action(self):
        dice = self.dice
        kind = dice.pick({"debug": 9, "fail": 3, "assert": 2, "set_fact": 4, "raw": 1.5, "undefined": 0.4, "var": 1,
                          "group_by": 0 if self.free else 0.3, "add_host": 0 if self.free else 0.2, "false": 0.6,
                          "include_vars": 0.4, "default": 0.4, "ping": 0.12, "command": 0.15, "quiet": 0.2, "stats": 0.1,
                          "text": 0.4, "named": 0.25, "environment": 0.15})
        if kind == "debug":
            return {"debug": {"msg": self.shown()}}
        if kind == "var":
            return {"debug": {"var": dice.choice(["n", "f1", "f2", "v", "p", "item"] + ["ansible_play_hosts"] * (not self.free))}}
        if kind == "fail":
            return {"fail": {"msg": dice.choice(["broken", "broken on {{ inventory_hostname }}"])}}
        if kind == "assert":
            return {"assert": {"that": [str(self.condition())], **dice.choice([{}, {"quiet": True}, {"fail_msg": "wrong"}])}}
        if kind == "set_fact":
            return dice.choice([
                {"set_fact": {"f1": dice.choice([1, 2, "{{ n }}", "{{ (f1 | default(0) | int) + 1 }}"])}},
                {"set_fact": {"f2": "{{ (f2 | default([])) + [item | default(n)] }}"}},
            ])
        if kind == "include_vars":
            self.files["more.yml"] = {"w": "more", "f3": "{{ n }}"}
            return {"include_vars": dice.choice(["more.yml", {"file": "more.yml"}, {"file": "more.yml", "name": "f4"}])}
        if kind == "default":
            return dice.choice([{"debug": {}}, {"fail": {}}, {"debug": None}, {"assert": {"that": "n > 1"}}])
        if kind == "ping":
            return {"ping": dice.choice([None, {"data": "{{ n }}"}, {"data": "crash"}])}
        if kind == "command":
            return {"command": dice.choice(["true", "printenv E", "sh -c 'exit 4'", "echo {{ n }}"])}
        if kind == "text":
            return dice.choice([{"debug": "msg=hello"}, {"debug": "msg='{{ n }} and {{ word }}'"}, {"action": "debug msg=by-action"},
                                {"local_action": "debug msg=local"}, {"action": {"module": "debug", "msg": "{{ n }}"}},
                                {"debug": None, "args": {"msg": "by args"}}, {"ansible.builtin.debug": {"msg": "full name"}},
                                {"set_fact": "f1={{ n }}"}, {"raw": "echo {{ n }}", "args": {"executable": "/bin/sh"}},
                                {"debug": "{{ {'msg': 'of a template'} }}"}, {"debug": None, "args": "{{ {'msg': n} }}"},
                                {"assert": "that='n > 1' msg=no"}, {"ping": "data={{ n }}"},
                                {"command": {"_raw_params": "echo {{ n }}"}}, {"fail": "msg='broken for {{ n }}'"}])
        if kind == "named":
            return dice.choice([{"action": "{{ 'debug' }} msg=named"}, {"action": "{{ word_for }}", "args": {"msg": "by a variable"}},
                                {"action": "{{ 'fail' if n > 1 else 'debug' }}", "args": {"msg": "of the host"}},
                                {"action": "{{ 'ansible.builtin.debug' }}", "args": {"msg": self.shown()}},
                                {"action": "{{ 'nothing' }}"}, {"action": "{{ 'nothing' if n > 1 else 'debug' }}"},
                                {"local_action": "{{ word_for }} msg=local"}, {"action": "{{ 'set_fact' }}", "args": {"f1": "{{ n }}"}},
                                {"action": {"module": "{{ word_for }}", "msg": "in a mapping"}}])
        if kind == "environment":
            # (`raw` has no environment of its own in the real one, whatever its documentation says.)
            return {"command": "printenv E", "environment": self.environment()}
        if kind == "quiet":
            return {"debug": {"msg": "quiet", "verbosity": dice.choice([1, 2])}}
        if kind == "stats":
            return {"set_stats": {"data": {"s": "{{ n }}"}, "per_host": dice.choice([True, False])}}
        if kind == "raw":
            return {"raw": dice.choice(["true", "echo hello", "exit 3"])}
        if kind == "false":
            return {"raw": "exit 1"}
        if kind == "group_by":
            return {"group_by": {"key": "{{ 'odd' if n is odd else 'even' }}"}}
        if kind == "add_host":
            return {"add_host": {"name": dice.choice(["added", "{{ 'x' ~ n }}"]), "groups": "late", "n": 7, "flag": "true"}}
        return {"debug": {"msg": "{{ nowhere }}"}}

    def looping(self, task):
        dice = self.dice
        if self.registers and dice.often(0.08):
            task["loop"] = "{{ " + dice.choice(self.registers) + ".results | default([1]) | map(attribute='item', default='?') }}"
        elif dice.often(0.15):
            task["loop"] = "{{ range(n | int) | list }}"
        elif dice.often(0.06):
            task["loop"] = dice.choice(["{{ nowhere }}", "{{ n }}", "{{ f2 | default([]) }}", "{{ ansible_play_hosts_all }}"])
        elif dice.often(0.05):
            task.update(dice.choice([{"with_dict": {"a": 1, "b": 2}}, {"with_nested": [["a", "b"], [1, 2]]},
                                     {"with_sequence": "count=2"}, {"with_together": [["a", "b"], [1]]},
                                     {"with_indexed_items": ["a", "b"]}, {"with_flattened": ["a", ["b"]]},
                                     {"with_first_found": ["missing.yml", "site.yml"]}]))
        elif dice.often(0.1):
            task[dice.choice(["with_items", "with_list"])] = [1, 2]
        else:
            task["loop"] = dice.choice([["a", "b"], ["a"], [], ["a", "b", "c"], ["{{ inventory_hostname }}", "z"]])
        if dice.often(0.35):
            control = {}
            if dice.often(0.3):
                control["label"] = dice.choice(["x", "{{ item }}!", "{{ inventory_hostname }}", "{{ ansible_loop.index | default('-') }}",
                                                "{{ at | default('-') }}"])
            if dice.often(0.3):
                control["index_var"] = "at"
            if dice.often(0.2):
                control["extended"] = dice.choice([True, True, "{{ flag }}"])
                if dice.often(0.3):
                    control["extended_allitems"] = False
            if dice.often(0.1):
                control["loop_var"] = "it"
            if dice.often(0.15):
                control["break_when"] = dice.choice(["item == 'b'", "false", ["item != 'a'"]])
            if control:
                task["loop_control"] = control
        if dice.often(0.3):
            task["when"] = dice.choice(["item != 'a'", "item == 'b'", "item == inventory_hostname", "item in [1, 'a']"])

    def task(self):
        dice = self.dice
        self.budget -= 1
        task = {"name": self.name()} if dice.often(0.95) else {}
        if dice.often(0.04) and not self.serial and not self.free:
            # (In later batches the real one shows the name of an earlier one.)
            task["name"] = self.name() + " on {{ inventory_hostname }}"
        task.update(self.action())
        if dice.often(0.22):
            self.looping(task)
        if "when" not in task and dice.often(0.25):
            task["when"] = self.conditions()
        if dice.often(0.2):
            task["changed_when"] = dice.choice([True, True, False, "n > 1", ["n > 0", "n is odd"], []])
        if dice.often(0.08):
            task["failed_when"] = dice.choice([True, False, "n > 2", f"inventory_hostname == '{self.host()}'",
                                               [f"inventory_hostname == '{self.host()}'", "n > 1"]])
        if dice.often(0.12):
            task["ignore_errors"] = dice.choice([True, True, False, "{{ n > 1 }}", "{{ flag }}", "yes"])
        if dice.often(0.05):
            task["ignore_unreachable"] = dice.choice([True, True, "{{ flag }}"])
        if dice.often(0.2):
            task["register"] = self.name("r")
            self.registers.append(task["register"])
        if dice.often(0.06):
            task["until"] = dice.choice(["true", "false", "n > 1", ["n > 1", "true"]])
            if "register" in task and dice.often(0.6):
                own = task["register"]
                task["until"] = dice.choice([f"{own} is succeeded", f"{own} is changed", f"{own}.attempts | default(0) > 1",
                                             f"{own} is not failed", f"{own}.rc | default(0) == 0"])
            task["retries"] = dice.choice([1, 2, 1, 2, "{{ n }}", 0])
            task["delay"] = 0
            if dice.often(0.1):
                task.pop("until")
            if self.hidden or task.keys() & {"add_host", "group_by"}:
                # What was changed is known only later; why the last try failed is hidden here.
                task.pop("until", None), task.pop("retries")
        if dice.often(0.05) and "register" in task:
            own = task["register"]
            task["changed_when"] = dice.choice([f"{own} is failed", f"{own}.rc | default(1) == 0", f"'hello' in {own}.stdout | default('')"])
        if dice.often(0.06):
            task["delegate_to"] = dice.choice([self.host(), "{{ ansible_play_hosts_all[0] }}", "localhost"])
            if any(word == "loop" or word.startswith("with_") for word in task):
                # The whole of a failed loop is shown with the template that it was.
                task["delegate_to"] = self.host()
            elif dice.often(0.15) and task.keys() & {"debug", "set_fact"} and "nowhere" not in str(task) and "fail" not in str(task):
                task["loop"], task["delegate_to"] = self.hosts[:2], "{{ item }}"
            if dice.often(0.08) and self.gone:
                task["delegate_to"] = "gone"
            if dice.often(0.3) and "set_fact" in task and not self.free:
                task["set_fact"], task["delegate_facts"] = {"f1": 5}, True
        if dice.often(0.06) and not self.free:
            # (Where each host goes its own way, who is fastest decides for whom it fails.)
            task["run_once"] = dice.choice([True, True, "{{ ansible_play_hosts_all | length > 1 }}"])
        if dice.often(0.03) and not self.free:
            task["run_once"], task["delegate_to"] = True, self.host()
            if dice.often(0.5) and not any(word == "loop" or word.startswith("with_") for word in task):
                task["loop"] = ["a", "b"]
        if dice.often(0.03):
            task["any_errors_fatal"] = dice.choice([True, True, "{{ flag }}"])
        if dice.often(0.1) and {"raw", "command"} & set(task) and not {"until", "retries", "failed_when"} & set(task):
            task["async"], task["poll"] = 20, 0
            # With `-v`, its number would be seen.
            task["no_log"] = True
        if dice.often(0.03):
            task["throttle"] = dice.choice([1, 2, "{{ 2 }}"])
        if dice.often(0.05):
            task["no_log"] = True
        if dice.often(0.03):
            task["check_mode"] = dice.choice([True, False, "{{ flag }}"])
        if dice.often(0.03):
            task["diff"] = dice.choice([True, False, "{{ flag }}"])
        if dice.often(self.debugged) and not self.free:
            task["debugger"] = dice.choice(["on_failed", "on_skipped", "always", "never", "on_unreachable"])
            # (Another host may be at its next try, or not.)
            task.pop("until", None), task.pop("retries", None)
        if dice.often(0.04):
            task["module_defaults"] = self.defaults()
            for action in ("debug", "fail"):
                if isinstance(task.get(action), dict) and dice.often(0.6):
                    task[action] = {}
        if dice.often(0.04):
            task["environment"] = self.environment()
        if dice.often(0.02):
            task["timeout"] = 30
        if dice.often(0.02):
            task["connection"] = "local"
        if dice.often(0.05):
            task["vars"] = {"v": dice.choice(["task", "{{ n }}"])}
        self.tags(task)
        self.notify(task)
        if "ansible_play_" in str(task) and {"failed_when", "until"} & set(task):
            # A host that fails is gone for the hosts after it, or not: who is faster.
            task.pop("failed_when", None)
            task.pop("until", None)
        return task

    def grouped(self):
        """Defaults for groups of actions, which a collection beside the playbook defines."""
        groups = {"say": ["ansible.builtin.debug"], "stop": ["ansible.builtin.fail", "assert"],
                  "all": [{"metadata": {"extend_group": ["say", "stop"]}}]}
        self.files["collections/ansible_collections/some/thing/meta/runtime.yml"] = {"action_groups": groups}
        return self.dice.choice([{"group/some.thing.say": {"msg": "by group"}}, {"group/some.thing.all": {"msg": "by the group of all"}},
                                 {"group/some.thing.all": {"msg": "of all"}, "group/some.thing.say": {"msg": "of those who say"}},
                                 {"group/some.thing.stop": {"msg": "stopped by group"}, "debug": {"msg": "by name"}},
                                 {"group/some.thing.say": {"msg": "of {{ n }}"}, "ansible.builtin.fail": {"msg": "by full name"}}])

    def defaults(self):
        if self.dice.often(0.3):
            return self.grouped()
        return self.dice.choice([{"debug": {"msg": "by default"}}, {"ansible.builtin.debug": {"msg": "default {{ n }}"}},
                                 {"fail": {"msg": "broken by default"}}, {"assert": {"quiet": True}},
                                 {"debug": {"msg": "one"}, "fail": {"msg": "two"}},
                                 {"debug": {"msg": "{{ shared | default('not shared') }}"}},
                                 {"fail": {"msg": "broken for {{ item | default('no item') }}"}}])

    def environment(self):
        return self.dice.choice([{"E": "task"}, {"E": "{{ n }}"}, [{"E": "one"}, {"F": "two"}], "{{ {'E': 'three'} }}"])

    def tags(self, item, share=0.08):
        if self.dice.often(share):
            item["tags"] = self.dice.choice([["one"], "two", ["one", "two"], "always", "never", ["never", "one"]])

    def notify(self, task, share=0.3):
        names = self.handlers + self.topics
        if names and self.dice.often(share):
            chosen = self.dice.sample(names, min(len(names), self.dice.choice([1, 1, 2])))
            task["notify"] = chosen if len(chosen) > 1 or self.dice.often(0.5) else chosen[0]
            if self.dice.often(0.05):
                task["notify"] = "{{ " + repr(chosen) + " }}"
            if "changed_when" not in task and self.dice.often(0.75):
                task["changed_when"] = True

    def job(self):
        """Work in the background, and who asks for it."""
        dice = self.dice
        self.budget -= 1
        command = dice.choice([{"command": "true"}, {"command": "sh -c 'exit 4'"}, {"shell": "echo {{ n }}"}])
        if dice.often(0.5):
            task = {"name": self.name("j"), **command, "async": 30, "poll": 1, "register": self.name("r")}
            if dice.often(0.3):
                task["loop"] = ["a"]
            for word, value in [("ignore_errors", True), ("changed_when", False), ("failed_when", False), ("when", self.condition())]:
                if dice.often(0.25):
                    task[word] = value
            self.registers.append(task["register"])
            return [task]
        job, answer = self.name("r"), self.name("r")
        start = {"name": self.name("j"), **command, "async": 30, "poll": 0, "register": job}
        ask = {"name": self.name("j"), "async_status": {"jid": f"{{{{ {job}.ansible_job_id }}}}"}, "register": answer}
        if dice.often(0.3):
            start["when"] = self.condition()
            ask["when"] = f"{job} is not skipped"
        if dice.often(0.2):
            start["loop"], ask["loop"] = ["a", "b"], f"{{{{ {job}.results }}}}"
            ask["loop_control"] = {"label": "one of them"}
            ask["async_status"] = {"jid": "{{ item.ansible_job_id }}"}
            start.pop("when", None), ask.pop("when", None)
        elif dice.often(0.3):
            ask.update({"until": f"{answer} is finished", "retries": 5, "delay": 1})
        if dice.often(0.4):
            ask["ignore_errors"] = True
        told = {"name": self.name("j"), "debug": {"msg": f"{{{{ {answer}.rc | default('no rc') }}}} {{{{ {answer}.finished | default('?') }}}}"}}
        end = {"name": self.name("j"), "async_status": {"jid": f"{{{{ {job}.ansible_job_id | default(0) }}}}", "mode": "cleanup"},
               "when": f"{job}.ansible_job_id is defined"}
        self.registers += [job, answer]
        pause = {"name": self.name("j"), "pause": {"seconds": 1}}
        if self.free:
            pause = {"name": pause["name"], "command": "sleep 1"}
        return [start, pause, ask, told] + [end] * dice.often(0.5)

    def late(self):
        """What has no time."""
        self.budget -= 1
        task = {"name": self.name("l"), **self.dice.choice([{"command": "sleep 4"}, {"shell": "sleep 4"}, {"raw": "sleep 4"}])}
        task["timeout"] = self.dice.choice([1, 1, "{{ 1 }}"])
        for word, value in [("ignore_errors", True), ("failed_when", False), ("register", self.name("r")), ("when", self.condition())]:
            if self.dice.often(0.3):
                task[word] = value
        if "register" in task:
            self.registers.append(task["register"])
        return [task]

    def meta(self):
        self.budget -= 1
        kinds = {"flush_handlers": 6, "noop": 1, "end_host": 2, "end_play": 0.7, "end_batch": 0.7,
                 "clear_facts": 0.5, "refresh_inventory": 0.2, "reset_connection": 0 if self.gone else 0.2}
        if self.free:
            kinds = {"flush_handlers": 6, "noop": 1, "end_host": 2}
        if self.forced and not self.wide:
            # Whether a host that failed before stays failed depends on where it waits for its handlers.
            kinds = {kind: weight for kind, weight in kinds.items() if not kind.startswith("end_")}
        if self.in_role:
            kinds["end_role"] = 2
        action = self.dice.pick(kinds)
        task = {"name": self.name("m")} if self.dice.often(0.5) else {}
        task["meta"] = action
        if action != "flush_handlers" and self.dice.often(0.6):
            task["when"] = self.conditions()
        return task

    def include(self, depth):
        dice = self.dice
        self.budget -= 1
        static = dice.often(0.4)
        role = bool(self.roles) and dice.often(0.4)
        task = {"name": self.name("i")} if dice.often(0.8) else {}
        if role:
            name = dice.choice(self.roles)
            options = {"name": name}
            task["import_role" if static else "include_role"] = options
            if dice.often(0.15) and not static:
                options["public"] = dice.choice([True, False])
            if dice.often(0.12):
                self.files[f"roles/{name}/tasks/alt.yml"] = [{"name": self.name(), **self.action()}]
                options["tasks_from"] = dice.choice(["alt", "alt.yml"])
            if dice.often(0.06):
                self.files[f"roles/{name}/handlers/alt.yml"] = [{"name": f"alt {name}", "debug": {"msg": "alt"}}]
                options["handlers_from"] = "alt"
            if dice.often(0.06):
                self.files[f"roles/{name}/vars/alt.yml"] = {"p": f"alt of {name}"}
                options["vars_from"] = "alt"
            if dice.often(0.06):
                self.files[f"roles/{name}/defaults/alt.yml"] = {"w": f"alt default of {name}"}
                options["defaults_from"] = "alt.yml"
            if not static and dice.often(0.15):
                task["include_role"]["apply"] = self.applied()
            if dice.often(0.15):
                next(iter(v for v in task.values() if isinstance(v, dict)))["allow_duplicates"] = dice.choice([True, False])
        else:
            self.includes += 1
            file = f"inc{self.includes}.yml"
            where = f"roles/{self.in_role}/tasks/{file}" if self.in_role else file
            self.files[where] = None  # Reserved, so that the order of the files is that of their making.
            self.files[where] = self.items(depth + 1, dice.randint(1, 3))
            if static:
                task["import_tasks"] = file
            elif dice.often(0.15):
                task["include_tasks"] = {"file": file, "apply": self.applied()}
            elif dice.often(0.03):
                task["include_tasks"] = "not_there.yml"
            else:
                task["include_tasks"] = file
            if not static and not self.in_role and dice.often(0.1) and len(self.hosts) > 1:
                # Each host its own file.
                name = task.get("name", "per")
                for host in self.hosts:
                    self.files[f"{name}_{host}.yml"] = self.items(depth + 1, 1)
                task.pop("include_tasks")
                task["include_tasks"] = name + "_{{ inventory_hostname }}.yml"
        # (In a loop, a file with the host's name cannot import others.)
        if not static and dice.often(0.2) and "inventory_hostname" not in str(task):
            task["loop"] = dice.choice([["a", "b"], ["a"], [], [1, 2], "{{ range(n | int) | list }}", ["{{ inventory_hostname }}"]])
            if dice.often(0.4):
                task["loop_control"] = dice.choice([{"loop_var": "outer"}, {"loop_var": "outer"}, {"index_var": "at"}, {"extended": True},
                                                    {"label": "part {{ item }}"}, {"loop_var": "outer", "label": "{{ outer }}!"}])
        if dice.often(0.3):
            task["when"] = self.conditions()
        if dice.often(0.2):
            task["vars"] = {"v": self.name("v"), **dice.choice([{}, {"p": "{{ n }}"}])}
        if not static and dice.often(0.07):
            task["ignore_errors"] = True
        if not static and dice.often(0.05) and not self.free:
            task["run_once"] = True
        if not static and not role and dice.often(0.08):
            task["register"] = self.name("r")
        self.tags(task)
        return task

    def applied(self):
        return self.dice.choice([{"tags": ["one"]}, {"when": "n > 1"}, {"vars": {"v": "applied"}}, {"ignore_errors": True},
                                 {"tags": "always"}] + [{"run_once": True}] * (not self.free))

    def block(self, depth):
        dice = self.dice
        self.budget -= 1
        block = {"name": self.name("b")} if dice.often(0.7) else {}
        block["block"] = self.items(depth + 1, dice.randint(1, 3))
        if dice.often(0.6):
            block["rescue"] = self.items(depth + 1, dice.randint(1, 2))
        if dice.often(0.45):
            block["always"] = self.items(depth + 1, dice.randint(1, 2))
        if dice.often(0.2):
            block["when"] = self.conditions()
        if dice.often(0.1):
            block["ignore_errors"] = dice.choice([True, True, "{{ flag }}"])
        if dice.often(0.06) and not self.free:
            block["any_errors_fatal"] = dice.choice([True, True, "{{ flag }}"])
        if dice.often(0.05) and not self.free:
            block["run_once"] = True
        if dice.often(0.05):
            block["delegate_to"] = self.host()
        if dice.often(self.debugged / 3) and not self.free:
            block["debugger"] = dice.choice(["on_failed", "never"])
        if dice.often(0.1):
            block["vars"] = {"v": self.name("v")}
        for word, share, value in [("module_defaults", 0.03, self.defaults), ("environment", 0.03, self.environment),
                                   ("check_mode", 0.02, lambda: True), ("no_log", 0.02, lambda: True),
                                   ("throttle", 0.02, lambda: 1), ("ignore_unreachable", 0.04, lambda: True),
                                   ("timeout", 0.02, lambda: 30), ("diff", 0.02, lambda: True)]:
            if dice.often(share):
                block[word] = value()
        if "no_log" in block and "until" in str(block):
            # Why the last try failed is hidden here.
            block.pop("no_log")
        if self.handlers and dice.often(0.06):
            block["notify"] = dice.choice(self.handlers)
        self.tags(block)
        return block

    def items(self, depth, count):
        found = []
        for _ in range(count):
            kind = "task"
            if depth < 4 and self.budget > 0:
                kind = self.dice.pick({"task": 9, "block": 2.5, "include": 2.0, "meta": 1.2, "job": self.jobs, "late": self.jobs / 3})
            if kind in ("job", "late"):
                found += self.job() if kind == "job" else self.late()
                continue
            found.append(self.task() if kind == "task" else self.meta() if kind == "meta" else
                         self.block(depth) if kind == "block" else self.include(depth))
        return found

    # Handlers, roles, plays ----------------------------------------------------------------------------------------

    def handler_list(self, count):
        dice = self.dice
        found = []
        for _ in range(count):
            name = self.name("handler ")
            handler = {"name": name}
            if dice.often(0.08) and not self.in_role:
                # The play's variables are known to names of handlers.
                handler["name"], name = name + " {{ word }}", name + " spoken"
            handler.update(self.action() if dice.often(0.5) else {"debug": {"msg": name}})
            if dice.often(0.3):
                topic = dice.choice(["topic", "other topic"])
                handler["listen"] = topic if dice.often(0.6) else [topic, "third topic"]
                if topic not in self.topics:
                    self.topics.append(topic)
            if dice.often(0.15):
                handler["when"] = self.conditions()
            if dice.often(0.1):
                handler["ignore_errors"] = True
            if dice.often(0.08) and not self.free:
                handler["run_once"] = True
            if dice.often(0.15):
                handler["loop"] = ["a", "b"]
            if dice.often(0.15):
                handler["changed_when"] = True
            if self.handlers and dice.often(0.15):
                handler["notify"] = dice.choice(self.handlers)
                handler["changed_when"] = True
            if dice.often(0.05):
                handler["register"] = self.name("r")
            if dice.often(0.05) and not self.free:
                handler["any_errors_fatal"] = True
            if dice.often(0.05) and self.handlers:
                handler["notify"], handler["changed_when"] = dice.sample(self.handlers, 1), True
            if dice.often(0.05):
                handler["delegate_to"] = self.host()
            if dice.often(0.04):
                handler["tags"] = dice.choice(["one", "never"])
            if dice.often(0.07):
                self.includes += 1
                file = f"handler_inc{self.includes}.yml"
                where = f"roles/{self.in_role}/handlers/{file}" if self.in_role else file
                self.files[where] = [{"name": self.name(), "debug": {"msg": "in handler"}}, {"name": self.name(), **self.action()}]
                handler = {"name": handler["name"], "include_tasks": file}
                if dice.often(0.2):
                    handler["when"] = self.condition()
                if dice.often(0.2):
                    handler["loop"] = ["a", "b"]
            elif dice.often(0.03):
                # (`refresh_inventory` there makes the real one forget what else was notified.)
                handler = {"name": handler["name"], "meta": dice.choice(["noop", "clear_facts"])}
            found.append(handler)
            self.handlers.append(f"{self.in_role} : {name}" if self.in_role and dice.often(0.2) else name)
        return found

    def role(self):
        dice = self.dice
        name = self.name("role")
        self.in_role = name
        if dice.often(0.5):
            self.files[f"roles/{name}/handlers/main.yml"] = self.handler_list(dice.randint(1, 2))
        if dice.often(0.4):
            self.files[f"roles/{name}/defaults/main.yml"] = {"v": f"default of {name}"}
        if dice.often(0.2):
            self.files[f"roles/{name}/vars/main.yml"] = {"p": f"var of {name}"}
        meta = {}
        if self.roles and dice.often(0.3):
            meta["dependencies"] = [dice.choice([dice.choice(self.roles), {"role": dice.choice(self.roles), "v": "dep"}])]
        if dice.often(0.15):
            meta["allow_duplicates"] = True
        if meta:
            self.files[f"roles/{name}/meta/main.yml"] = meta
        if dice.often(0.06):
            option = dice.choice([{"type": "str"}, {"type": "int"}, {"type": "str", "required": True},
                                  {"type": "str", "choices": ["play", "param"]}])
            self.files[f"roles/{name}/meta/argument_specs.yml"] = {"argument_specs": {"main": {"options": {"v": option}}}}
        self.files[f"roles/{name}/tasks/main.yml"] = self.items(1, dice.randint(1, 3))
        own = [content for file, content in self.files.items() if file.startswith(f"roles/{name}/")]
        if "import_role" in str(own):
            # `end_role` ends the next imported role instead.
            without_end_role(own)
        self.in_role = None
        self.roles.append(name)

    def play(self):
        dice = self.dice
        play = {"name": self.name("play ")} if dice.often(0.8) else {}
        play["hosts"] = dice.choice(["all"] * 9 + ["odd_hosts"] * 2 + ["all:!h1"] * 2 + [self.host()] * 2 +
                                    ["all:&odd_hosts", ["odd_hosts", self.host()], "{{ 'all' }}", "nobody", "late", "all:!late"])
        play["gather_facts"] = False
        self.hidden = dice.often(0.02)
        if dice.often(0.1):
            play["strategy"] = dice.choice(["free", "free", "host_pinned", "linear", "ansible.builtin.linear", "debug"])
        # Without steps, what a host does to others depends on who is faster: none of that, then.
        self.free = play.get("strategy") in ("free", "host_pinned")
        self.serial = dice.often(0.15)
        if self.serial:
            play["serial"] = dice.choice([1, 2, "50%", [1, 2], ["30%", 3], [1, "50%", 1], "{{ 2 }}", 0, ["{{ 1 }}", 2]])
        if dice.often(0.3 if self.serial else 0.1):
            play["max_fail_percentage"] = dice.choice([0, 25, 50, 100, 49, "{{ 50 }}", "50"])
        if dice.often(0.1):
            play["any_errors_fatal"] = dice.choice([True, True, True, "{{ true }}"])
        self.forced = self.force_all or dice.often(0.2)
        if self.forced and not self.force_all:
            play["force_handlers"] = True
        if dice.often(0.05):
            play["ignore_errors"] = True
        if dice.often(0.05):
            play["ignore_unreachable"] = True
        if dice.often(0.1):
            play["order"] = dice.choice(["sorted", "reverse_inventory", "reverse_sorted"])
        if dice.often(0.2):
            play["vars"] = {"v": "play"}
        if dice.often(0.3):
            play.setdefault("vars", {})["shared"] = "{{ n * 2 }}"
        play.setdefault("vars", {})["word"] = "spoken"
        play["vars"]["word_for"] = "debug"
        if dice.often(0.06):
            self.files["of_play.yml"] = {"w": "file of {{ inventory_hostname }}"}
            play["vars_files"] = dice.choice([["of_play.yml"], [["missing.yml", "of_play.yml"]]])
        if dice.often(0.04):
            play["module_defaults"] = self.defaults()
        if dice.often(0.04):
            play["environment"] = self.environment()
        if dice.often(0.03):
            play["check_mode"] = dice.choice([True, False])
        if self.hidden:
            play["no_log"] = True
        if self.smart and dice.often(0.8):
            play.pop("gather_facts")
            if dice.often(0.2):
                play["gather_facts"] = True
            play["gather_subset"] = "!all"
            self.gathers = True
        elif dice.often(0.03):
            play["gather_facts"] = True
            play["gather_subset"] = "!all"
            self.gathers = True
        if dice.often(0.05):
            prompts = [{"name": "v", "prompt": "Which?", "default": "answered"}, {"name": "asked", "default": "{{ 1 + 1 }}", "private": False}]
            play["vars_prompt"] = prompts[: dice.choice([1, 2])]
        if dice.often(self.debugged) and not self.free:
            play["debugger"] = dice.choice(["on_failed", "never", "on_skipped"])
        self.tags(play, 0.04)
        self.handlers, self.topics = [h for h in self.handlers if not h.startswith("handler ")], []
        if dice.often(0.5):
            play["handlers"] = self.handler_list(dice.randint(1, 3))
        roles = []
        if dice.often(0.35):
            before = len(self.roles)
            for _ in range(dice.choice([1, 1, 2])):
                self.role()
            roles = self.roles[before:]
        if roles and dice.often(0.6):
            entries = []
            for role in dice.choice([roles, roles + roles[:1]]):
                entry = dice.choice([role, {"role": role}, {"role": role, "v": "param"}, {"role": role, "when": self.condition()},
                                     {"role": role, "delegate_to": self.host()}, {"role": role, "module_defaults": self.defaults()},
                                     {"role": role, "vars": {"v": "role"}}, {"role": role, "tags": ["one"]},
                                     {"name": role, "ignore_errors": True}])
                entries.append(entry)
            play["roles"] = entries
        if dice.often(0.2):
            play["pre_tasks"] = self.items(0, dice.randint(1, 2))
        play["tasks"] = self.items(0, dice.randint(2, 6))
        if dice.often(0.2):
            play["post_tasks"] = self.items(0, dice.randint(1, 2))
        # Roles that this play does not use have handlers that it does not know.
        self.roles, self.handlers = [], []
        return play

    def inventory(self):
        lines = ["[all]"]
        for number, host in enumerate(HOSTS, 1):
            if host in self.hosts:
                lines.append(f"{host} n={number} flag={self.dice.choice(['true', 'false'])}")
        if self.gone:
            lines.insert(self.dice.randint(1, len(lines)),
                         "gone n=9 flag=true ansible_connection=ssh ansible_host=127.0.0.1 ansible_port=1")
        lines += ["[odd_hosts]"] + [host for host in self.hosts if host in ("h1", "h3")]
        lines += ["[all:vars]", "ansible_connection=local", "ansible_python_interpreter=/usr/bin/python3"]
        if self.dice.often(0.1):
            self.files["group_vars/all.yml"] = {"w": "all", "v": "group"}
        if self.dice.often(0.1):
            self.files["group_vars/odd_hosts.yml"] = {"w": "odd"}
        if self.dice.often(0.1):
            self.files[f"host_vars/{self.host()}.yml"] = {"w": "own {{ n }}"}
        return "\n".join(lines) + "\n"

    def args(self):
        dice = self.dice
        args = ["site.yml"]
        if dice.often(0.12):
            args += dice.choice([["--tags", "one"], ["--skip-tags", "two"], ["--tags", "two,never"], ["--tags", "untagged"],
                                 ["--tags", "tagged"], ["--skip-tags", "always"], ["--tags", "one", "--skip-tags", "two"],
                                 ["--tags", "all"], ["--tags", "one", "--tags", "two"], ["--skip-tags", "tagged"]])
        if dice.often(0.08):
            args += ["--limit", dice.choice(["h1", "all:!h2", "odd_hosts"])]
        if dice.often(0.08):
            args.append("--check")
        if self.force_all:
            args.append("--force-handlers")
        if dice.often(0.05):
            args += ["-e", dice.choice(["v=extra", "f1=7", "asked=given", "@extra.yml"])]
            if args[-1] == "@extra.yml":
                self.files["extra.yml"] = {"v": "{{ n }} from a file", "asked": "file"}
        if dice.often(0.03):
            args += ["--start-at-task", f"t{dice.randint(1, 8)}"]
        if dice.often(0.04):
            args.append("--diff")
        if dice.often(0.2) and not self.gathers and not self.jobs:
            args.append("-v")
        if dice.often(0.04):
            args.append(dice.choice(["--list-tasks", "--list-hosts", "--list-tags", "--syntax-check"]))
        return args


def without_end_role(content):
    if isinstance(content, dict):
        if content.get("meta") == "end_role":
            content["meta"] = "noop"
        content = list(content.values())
    if isinstance(content, list):
        for item in content:
            without_end_role(item)


class Order(Play):
    """Plays about nothing but order, failure and counting: deep blocks of plain tasks, handlers, includes, roles."""

    def __init__(self, seed):
        super().__init__(seed)
        self.wide = True
        self.budget = self.dice.choice([8, 12, 16, 20, 24])
        self.hosts = HOSTS[: self.dice.choice([1, 2, 2, 3, 3])]
        self.gone = self.dice.often(0.1)

    def condition(self):
        host = self.host()
        return self.dice.choice([f"inventory_hostname == '{host}'", f"inventory_hostname != '{host}'", "n is odd", "n > 1"])

    def action(self):
        kind = self.dice.pick({"debug": 5, "fail": 4, "hosts": 0 if self.free else 1, "failed": 1})
        if kind == "fail":
            return {"fail": {"msg": "broken"}}
        shown = {"debug": "x", "hosts": "{{ ansible_play_hosts }} {{ ansible_play_batch }}",
                 "failed": "{{ ansible_failed_task.name | default('none failed') }}"}
        return {"debug": {"msg": shown[kind]}}

    def task(self):
        dice = self.dice
        self.budget -= 1
        task = {"name": self.name(), **self.action()}
        if dice.often(0.45):
            task["when"] = self.condition()
        elif dice.often(0.06):
            task["loop"] = ["a", "b"]
        if dice.often(0.06):
            task["ignore_errors"] = dice.choice([True, True, "{{ n > 1 }}", "{{ flag }}"])
        if dice.often(0.08) and not self.free:
            task["run_once"] = True
        if dice.often(0.06) and not self.free:
            task["any_errors_fatal"] = True
        if dice.often(0.04) and self.gone:
            task["delegate_to"] = "gone"
        self.notify(task, 0.35)
        return task

    def block(self, depth):
        dice = self.dice
        self.budget -= 1
        block = {"name": self.name("b"), "block": self.items(depth + 1, dice.randint(1, 3))}
        if dice.often(0.55):
            block["rescue"] = self.items(depth + 1, dice.randint(1, 2))
        if dice.often(0.5):
            block["always"] = self.items(depth + 1, dice.randint(1, 2))
        if dice.often(0.2):
            block["when"] = self.condition()
        if dice.often(0.06) and not self.free:
            block["any_errors_fatal"] = True
        if dice.often(0.04) and not self.free:
            block["run_once"] = True
        return block

    def include(self, depth):
        task = super().include(depth)
        for word in ("loop_control", "register", "tags", "vars"):
            task.pop(word, None)
        if "when" in task:
            task["when"] = self.condition()
        return task

    def items(self, depth, count):
        found = []
        for _ in range(count):
            kind = "task"
            if depth < 5 and self.budget > 0:
                kind = self.dice.pick({"task": 7, "block": 4, "include": 1.5, "meta": 1.2})
            found.append(self.task() if kind == "task" else self.meta() if kind == "meta" else
                         self.block(depth) if kind == "block" else self.include(depth))
        return found

    def tags(self, item, share=0.0):
        pass

    def args(self):
        args = ["site.yml"]
        if self.force_all:
            args.append("--force-handlers")
        return args


def play(seed, kind=Play):
    """The files of a playbook by name (data, or text for the inventory) and its command line."""
    made = kind(seed)
    plays = [made.play() for _ in range(made.dice.choice([1, 1, 1, 2]))]
    if len(plays) == 2 and made.dice.often(0.15):
        # Hosts and groups that came while it ran.
        new = {"name": made.name(), "add_host": {"name": "added", "groups": "late", "n": 7, "flag": "true"}}
        if made.dice.often(0.4):
            new = {"name": made.name(), "group_by": {"key": "late"}, "when": made.condition()}
        plays[0]["tasks"].insert(made.dice.choice([0, len(plays[0]["tasks"])]), new)
        plays[1]["hosts"] = made.dice.choice(["late", "late", "all", "late:&odd_hosts", "all:!late"])
    if len(plays) > 1 and made.dice.often(0.3):
        made.files["other.yml"] = plays[1:]
        statement = {"import_playbook": "other.yml"}
        if made.dice.often(0.3):
            statement["vars"] = {"v": "imported", "w": "imported"}
        if made.dice.often(0.3):
            statement["when"] = made.conditions()
        if made.dice.often(0.2):
            statement["tags"] = made.dice.choice([["one"], ["two"]])
        plays = [plays[0], statement]
    if made.dice.often(0.05):
        made.config.update(made.dice.choice([{"display_skipped_hosts": "false"}, {"show_custom_stats": "true"}, {"any_errors_fatal": "true"},
                                             {"force_handlers": "true"}, {"error_on_missing_handler": "false"}, {"private_role_vars": "true"},
                                             {"display_ok_hosts": "false"}, {"hash_behaviour": "merge"}, {"check_mode_markers": "true"}]))
    if made.config:
        made.files["ansible.cfg"] = "[defaults]\n" + "".join(f"{name} = {value}\n" for name, value in made.config.items())
    made.files["site.yml"] = plays
    made.files["inventory"] = made.inventory()
    return made.files, made.args()
