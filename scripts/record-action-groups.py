#!/usr/bin/env python3
"""Writes src/playbook/action_groups.txt: the groups of modules that `module_defaults` can name, as installed collections have them.

    scripts/record-action-groups.py SITE_PACKAGES COLLECTION...

SITE_PACKAGES holds `ansible` and `ansible_collections`.
"""
import pathlib
import sys

import yaml


def members(collection, entries):
    names, groups = [], []
    for entry in entries or []:
        if isinstance(entry, str):
            names.append(entry)
            continue
        for group in entry["metadata"].get("extend_group", []):
            groups.append("+" + (group if group.count(".") >= 2 else f"{collection}.{group}"))
    return sorted(names) + groups


def main():
    base = pathlib.Path(sys.argv[1])
    files = {c: base / "ansible_collections" / c.replace(".", "/") / "meta/runtime.yml" for c in sys.argv[2:]}
    files["ansible.builtin"] = base / "ansible/config/ansible_builtin_runtime.yml"
    lines = []
    for collection, path in files.items():
        groups = yaml.safe_load(path.read_text()).get("action_groups") or {}
        for group, entries in groups.items():
            if not group.startswith("test"):
                names = members(collection, entries)
                # What is not qualified here is of Ansible itself, or was moved: only the groups matter.
                if collection == "ansible.builtin":
                    names = [name for name in names if name.startswith("+")]
                lines.append(f"{collection}.{group}: {' '.join(names)}")
    target = pathlib.Path(__file__).resolve().parent.parent / "src/playbook/action_groups.txt"
    head = "# Groups of modules that module_defaults can name: GROUP: MODULE… +GROUP…; scripts/record-action-groups.py wrote it.\n"
    target.write_text(head + "\n".join(sorted(lines)) + "\n")


main()
