#!/usr/bin/env python3
"""What variables cost: the most memory that a run takes, for a group of 10,000 variables and several numbers of hosts and tasks.

Usage: python benches/memory.py PROGRAM   (PROGRAM: a built `ekumen`)

Each task reads one variable, a mapping with a template in it, on every host. The rows are those of docs/variables.md.
"""
import os
import pathlib
import subprocess
import sys
import tempfile

VARIABLES = 10_000


def peak(program, folder, hosts, tasks):
    """Peak resident memory in MB."""
    (folder / "hosts").write_text(f"[all]\nh[0001:{hosts:04}]\n")
    play = ["- hosts: all", "  gather_facts: false", "  tasks:"]
    for task in range(tasks):
        play.append(f"    - debug: msg=\"{{{{ variable_{task * 131 % VARIABLES}.lazy }}}}\"")
    (folder / "site.yml").write_text("\n".join(play) + "\n")
    child = subprocess.Popen(
        [program, "run", "-i", "hosts", "site.yml"], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    errors = child.stderr.read().decode()
    _, status, usage = os.wait4(child.pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0, errors
    return usage.ru_maxrss / 1000


def main():
    program = os.path.abspath(sys.argv[1])
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        (folder / "group_vars").mkdir()
        with open(folder / "group_vars/all.yml", "w", encoding="utf-8") as out:
            for number in range(VARIABLES):
                out.write(f"variable_{number}: {{text: value {number}, lazy: \"{{{{ variable_0.text }}}} {number}\"}}\n")
        print("| hosts | tasks | peak memory |\n|--:|--:|--:|")
        for hosts, tasks in ((1, 1), (1000, 1), (1000, 20), (1000, 60)):
            print(f"| {hosts:,} | {tasks} | {peak(program, folder, hosts, tasks):.0f} MB |", flush=True)


main()
