#!/usr/bin/env python3
"""Writes src/playbook/moved.txt: asks the installed ansible-core where modules of old went."""

from collections import defaultdict

from ansible.plugins.loader import init_plugin_loader
from ansible.release import __version__
from ansible.utils.collection_loader._collection_finder import _get_collection_metadata

init_plugin_loader([])
moved = defaultdict(list)
for short, entry in _get_collection_metadata("ansible.builtin")["plugin_routing"]["modules"].items():
    if "." in short or not entry.get("redirect") or entry["redirect"].startswith("ansible.builtin."):
        continue
    namespace, name, module = entry["redirect"].split(".", 2)
    moved[f"{namespace}.{name}"].append(short if short == module else f"{short}={module}")
print("# Modules that once were part of Ansible and are in collections now: a line for each collection, its modules by their")
print(f"# short names (`OLD=NEW` where the name changed). Answered by ansible-core {__version__}; scripts/record-moved-modules.py asks it.")
for collection in sorted(moved):
    print(f"{collection}:", " ".join(sorted(moved[collection])))
