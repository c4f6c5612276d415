#!/usr/bin/env python3
"""Writes src/runner/task/module_arguments.json: the arguments of the modules that there are here, as the real ones take them.

    PYTHON scripts/record-module-arguments.py

PYTHON is one that has ansible-core and the collections. Each module is started and stopped when it says what arguments it takes.
"""
import importlib
import json
import pathlib
import platform

from ansible.module_utils import basic

NAMES = """apt assemble async_status blockinfile command copy cron dnf dnf5 dpkg_selections file find getent group hostname lineinfile
ping replace service setup slurp stat systemd systemd_service tempfile user wait_for""".split()
ELSEWHERE = {"authorized_key": "ansible.posix", "pacman": "community.general"}
TARGET = pathlib.Path(__file__).resolve().parent.parent / "src/runner/task/module_arguments.json"


class Told(Exception):
    pass


def tell(self, argument_spec, *args, add_file_common_args=False, **more):
    spec = dict(argument_spec)
    if add_file_common_args:
        for name, argument in basic.FILE_COMMON_ARGUMENTS.items():
            spec.setdefault(name, argument)
    raise Told(spec)


def arguments(name):
    collection = ELSEWHERE.get(name)
    where = f"ansible_collections.{collection}.plugins.modules.{name}" if collection else f"ansible.modules.{name}"
    module = importlib.import_module(where)
    try:
        module.main()
    except Told as told:
        return told.args[0]
    raise SystemExit(f"{name} told nothing")


def short(argument):
    """What is not as for most: the type where it is no text, a default, other names, a secret."""
    told = {}
    wanted = argument.get("type", "str")
    if wanted != "str":
        told["type"] = wanted if isinstance(wanted, str) else "raw"
    # The machine's name is in one default.
    if argument.get("default") is not None and platform.node() not in str(argument["default"]):
        told["default"] = argument["default"]
    if argument.get("aliases"):
        told["aliases"] = list(argument["aliases"])
    if argument.get("no_log") is True:
        told["no_log"] = True
    return told


def main():
    import ansible.plugins.loader  # makes collections importable
    ansible.plugins.loader.init_plugin_loader()
    basic.AnsibleModule.__init__ = tell
    for name in [*NAMES, *ELSEWHERE]:
        module = importlib.import_module(
            f"ansible_collections.{ELSEWHERE[name]}.plugins.modules.{name}" if name in ELSEWHERE else f"ansible.modules.{name}")
        if getattr(module, "AnsibleModule", None) is not None:
            module.AnsibleModule = basic.AnsibleModule
    lines = []
    for name in sorted([*NAMES, *ELSEWHERE]):
        spec = arguments(name)
        lines.append(f' "{name}": ' + json.dumps({option: short(spec[option]) for option in sorted(spec)}))
    TARGET.write_text("{\n" + ",\n".join(lines) + "\n}\n")


main()
