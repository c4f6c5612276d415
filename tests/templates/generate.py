#!/usr/bin/env python3
"""Asks the real ansible-core what every case gives, and writes the answers beside the cases.

Usage: python generate.py [FILE.txt ...]   (with the python of an ansible-core 2.19 environment)

A case file begins with YAML (its variables), then a line `---`, then one case per line: a template,
`? expression` for a condition, `@ {options} text` for a template file. `⏎` stands for a line break, `→`
for a tab. The answers go to FILE.json: a list of {"case", "value"} or {"case", "error"}.
"""
import json
import os
import sys
import tempfile

import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import init_plugin_loader
from ansible.template import Templar, trust_as_template

os.environ["TZ"] = "UTC"


def trust(value):
    if isinstance(value, str):
        return trust_as_template(value)
    if isinstance(value, list):
        return [trust(item) for item in value]
    if isinstance(value, dict):
        return {trust(key) if isinstance(key, str) else key: trust(item) for key, item in value.items()}
    return value


def root_message(error):
    """The innermost message, which is what our own errors say."""
    return str(error)


def answer(case, variables):
    templar = Templar(loader=DataLoader(), variables=trust(variables))
    try:
        if case.startswith("? "):
            return {"value": templar._engine.evaluate_conditional(trust(case[2:]))}
        if case.startswith("@ "):
            options, text = case[2:].split("} ", 1)
            options = yaml.safe_load(options + "}") or {}
            with tempfile.NamedTemporaryFile("w", suffix=".j2", delete=False) as file:
                file.write(text)
            try:
                given = "".join(f", {name}={value!r}" for name, value in options.items())
                return {"value": templar.template(trust("{{ lookup('template', '%s'%s) }}" % (file.name, given)))}
            finally:
                os.unlink(file.name)
        return {"value": templar.template(trust(case))}
    except Exception as error:
        return {"error": root_message(error)}


def main():
    init_plugin_loader()
    here = os.path.dirname(os.path.abspath(__file__))
    files = sys.argv[1:] or sorted(os.path.join(here, name) for name in os.listdir(here) if name.endswith(".txt"))
    for path in files:
        head, body = open(path, encoding="utf-8").read().split("\n---\n", 1)
        variables = yaml.safe_load(head) or {}
        answers = []
        for line in body.splitlines():
            if not line.strip() or line.startswith("# "):
                continue
            case = line.replace("⏎", "\n").replace("→", "\t")
            result = answer(case, variables)
            try:
                json.dumps(result)
            except TypeError:
                result = {"error": "no data: " + repr(result.get("value"))}
            answers.append({"case": case, **result})
        with open(path[:-4] + ".json", "w", encoding="utf-8") as out:
            out.write("[\n" + ",\n".join(json.dumps(a, ensure_ascii=False) for a in answers) + "\n]\n")
        print(path, len(answers))


main()
