"""Every keyword of ansible-core 2.19 at every place where a keyword can stand, with values that are right, wrong and unknown."""
import json

# A value that is right, for each keyword.
GOOD = {
    "any_errors_fatal": True, "args": {"verbosity": 0}, "async": 0, "become": False, "become_exe": "sudo", "become_flags": "-n",
    "become_method": "sudo", "become_user": "root", "changed_when": False, "check_mode": True, "collections": ["a.b"],
    "connection": "local", "debugger": "never", "delay": 0, "delegate_facts": True, "delegate_to": "h1", "diff": True,
    "environment": {"A": "b"}, "fact_path": "/x", "failed_when": False, "force_handlers": True, "gather_facts": False,
    "gather_subset": ["min"], "gather_timeout": 5, "handlers": [], "hosts": "h1", "ignore_errors": True, "ignore_unreachable": True,
    "listen": ["topic"], "local_action": "debug msg=x", "action": "debug msg=x", "loop": [1, 2],
    "loop_control": {"label": "x"}, "max_fail_percentage": 50, "module_defaults": {"debug": {"verbosity": 0}}, "name": "a name",
    "no_log": True, "notify": ["handled"], "order": "sorted", "poll": 1, "port": 22, "post_tasks": [], "pre_tasks": [],
    "register": "answer", "remote_user": "root", "retries": 1, "roles": [], "run_once": True, "serial": 1, "strategy": "linear",
    "tags": ["a"], "tasks": [], "throttle": 1, "timeout": 10, "until": True, "user": "root", "validate_argspec": False,
    "vars": {"a": 1}, "vars_files": ["vars.yml"], "vars_prompt": [], "when": True, "block": [], "rescue": [], "always": [],
    "with_items": [1, 2], "role": "r", "import_playbook": "other.yml",
    "loop_var": "thing", "index_var": "number", "label": "x", "pause": 0, "extended": True, "extended_allitems": False,
    "break_when": False, "no_such_keyword": 1,
}
LOOP_CONTROL = ["loop_var", "index_var", "label", "pause", "extended", "extended_allitems", "break_when", "no_such_keyword"]
KEYWORDS = [name for name in GOOD if name not in LOOP_CONTROL or name == "no_such_keyword"]

KINDS = {
    "template": "{{ good }}", "undefined": "{{ nope }}", "broken": "{{ 1 + }}", "text": "some text", "number": 7, "list": [1, "x"], "map": {"k": "v"},
    "null": None, "empty": "", "truth": True, "fraction": 1.5, "negative": -1,
}

# What errors call a task with this action.
CLASSES = {"handler": "Handler", "include_tasks": "TaskInclude", "import_tasks": "TaskInclude", "include_role": "IncludeRole",
           "import_role": "IncludeRole"}

PLACES = {
    "play": lambda extra: [{"tasks": [ONE], **extra}],
    "role": lambda extra: [{"roles": [{"role": "r", **extra}]}],
    "block": lambda extra: [{"tasks": [{"block": [ONE], **extra}, TWO]}],
    "task": lambda extra: [{"tasks": [{**ONE, **extra}, TWO]}],
    "loop": lambda extra: [{"tasks": [{**ONE, "loop": [1, 2], "register": "answer", **extra}, TWO]}],
    "until": lambda extra: [{"tasks": [{**ONE, "until": "answer.attempts | default(1) > 1", "register": "answer", "retries": 2, "delay": 0, **extra}, TWO]}],
    "handler": lambda extra: [{"tasks": [{**ONE, "notify": "other"}], "handlers": [HANDLER, {"name": "other", "debug": {"msg": "other"}, **extra}]}],
    "include_tasks": lambda extra: [{"tasks": [{"include_tasks": "t.yml", **extra}, TWO]}],
    "import_tasks": lambda extra: [{"tasks": [{"import_tasks": "t.yml", **extra}, TWO]}],
    "include_role": lambda extra: [{"tasks": [{"include_role": {"name": "r"}, **extra}, TWO]}],
    "import_role": lambda extra: [{"tasks": [{"import_role": {"name": "r"}, **extra}, TWO]}],
    "meta": lambda extra: [{"tasks": [{"meta": "noop", **extra}, TWO]}],
    "apply": lambda extra: [{"tasks": [{"include_tasks": {"file": "t.yml", "apply": extra}}, TWO]}],
    "import_playbook": lambda extra: [{"import_playbook": "other.yml", **extra}],
    "loop_control": lambda extra: [{"tasks": [{**ONE, "loop": [1, 2], "loop_control": extra}, TWO]}],
}
ONE = {"debug": {"msg": "one"}, "changed_when": True}
TWO = {"debug": {"msg": "two"}}
HANDLER = {"name": "handled", "debug": {"msg": "handled"}}

FILES = {
    "inventory": "h1 ansible_connection=local\nh2 ansible_connection=local\n",
    "t.yml": json.dumps([{"debug": {"msg": "inside"}, "changed_when": True}]),
    "roles/r/tasks/main.yml": json.dumps([{"debug": {"msg": "role"}, "changed_when": True}]),
    "vars.yml": "b: 2\n",
    "other.yml": json.dumps([{"hosts": "h1", "gather_facts": False, "tasks": [{"debug": {"msg": "other"}}]}]),
}


def text(plays, keyword, good):
    """The playbook, a line for each play; values stay as they are."""
    lines = []
    for play in plays:
        if "import_playbook" not in play or "tasks" in play:
            top = {"hosts": "h1", "gather_facts": False}
            if good is not None:
                top["vars"] = {"good": good}
            if "handlers" not in play:
                top["handlers"] = [HANDLER]
            play = {**top, **play}
        lines.append("- " + json.dumps(play))
    return "\n".join(lines) + "\n"


def kept(place):
    """The kinds of values that are compared in every run of the tests."""
    if place in ("task", "play", "block", "loop_control"):
        return ["good", "undefined", "text", "list", "null"]
    return ["good", "list"] if place.startswith(("include", "import")) else ["list"]


def cases(places=None, everything=False):
    """Name and playbook of each."""
    for place, make in PLACES.items():
        if places and place not in places:
            continue
        for keyword in LOOP_CONTROL if place == "loop_control" else KEYWORDS:
            for kind, value in {"good": GOOD[keyword], **KINDS}.items():
                if not everything and kind not in kept(place):
                    continue
                # Facts are those of this machine.
                if (place, keyword, kind) in {("play", "gather_facts", "null"), ("play", "gather_facts", "truth")}:
                    continue
                good = GOOD[keyword] if kind == "template" else None
                yield f"{place}.{keyword}.{kind}", text(make({keyword: value}), keyword, good)
