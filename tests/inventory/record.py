#!/usr/bin/env python3
"""Records what ansible-inventory (ansible-core 2.19) makes of every inventory below this folder.

A case is a folder: `ARGS` (else `-i` with the one `hosts*` file), `ENV` (lines of NAME=VALUE), the inventory itself. Its
answers go to `expected.json`: for each of MODES what was printed, the exit code, and the warnings' first lines.

    python3 tests/inventory/record.py /path/to/ansible-inventory [CASE...]
"""
import json
import os
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
MODES = [
    '--list', '--list --export', '--list --yaml', '--list --yaml --export', '--graph', '--graph --vars', '--graph web',
    '--host w1', '--host nope', '--list --limit w*', '--graph --limit all[0]', '--list --limit nope',
]


def arguments(case):
    if (case / 'ARGS').exists():
        return (case / 'ARGS').read_text().split()
    return ['-i', next(path.name for path in sorted(case.iterdir()) if path.name.startswith('hosts'))]


def environment(case):
    extra = (case / 'ENV').read_text().split('\n') if (case / 'ENV').exists() else []
    return dict(line.split('=', 1) for line in extra if line)


def main(program, names):
    # TOML is written by tomli-w, which Ansible does not bring along: only cases that ask for it (`TOML`) are written so.
    for case in sorted(path for path in HERE.iterdir() if path.is_dir()):
        if names and case.name not in names:
            continue
        base = {'PATH': os.environ['PATH'], 'HOME': '/nonexistent', 'LC_ALL': 'C.UTF-8', 'ANSIBLE_DEPRECATION_WARNINGS': '0'}
        base |= {name: os.environ[name] for name in ['PYTHONPATH'] if name in os.environ}
        answers = {}
        toml = ['--list --toml', '--list --toml --export'] if (case / 'TOML').exists() else []
        for mode in MODES + toml:
            done = subprocess.run(
                [program, *arguments(case), *mode.split()], cwd=case, env=base | environment(case), capture_output=True, text=True)
            warnings = re.findall(r'^\[(?:WARNING|ERROR)\]: .*$', done.stderr, re.M)
            answers[mode] = {
                'out': done.stdout, 'code': done.returncode,
                'messages': [line.replace(str(case), '$CASE') for line in warnings],
            }
        (case / 'expected.json').write_text(json.dumps(answers, indent=1, ensure_ascii=False) + '\n')
        print(case.name)


main(sys.argv[1] if len(sys.argv) > 1 else 'ansible-inventory', sys.argv[2:])
