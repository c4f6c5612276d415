#!/usr/bin/env python3
"""Records what ansible-playbook prints for the playbooks here: NAME/expected.txt beside each NAME/site.yml.

    tests/playbooks/record.py [--program PATH] [--show] [NAME...]

The program is ansible-core 2.19's ansible-playbook (`--program`, otherwise from PATH); `--show` prints instead of writing. What
depends on the moment or the place is replaced; `tests/playbooks.rs` replaces the same.
"""
import argparse
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent


def normalise(text, folder):
    text = text.replace(str(folder), "{dir}")
    # The real one shows its own temporary file where the template is meant.
    text = re.sub(r"/\S*/ansible-local-[^/\s]+/tmp[^/\s]+/", "{dir}/templates/", text)
    # What `-vv` says of Python and its plugins.
    text = re.sub(r"ansible-playbook \[core (.*\n)+?  pyyaml version.*\n", "", text)
    text = re.sub(r"Skipping callback '.*\n", "", text)
    text = re.sub(r'"(start|end|delta)": "[^"]*"', r'"\1": "…"', text)
    text = re.sub(r"(?m)(Origin: \S+:\d+):\d+$|^ *\^ column \d+\n", lambda match: match[1] or "", text)
    text = re.sub(r"\b0:00:0\d\.\d+", "…", text)
    return text


def record(case, program):
    """Runs each line of `args` in a copy of the folder; what there was to see."""
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch).resolve()
        folder = scratch / "project"
        shutil.copytree(case, folder)
        if not (folder / "inventory").exists():
            shutil.copy(HERE / "inventory", folder / "inventory")
        lines = ["site.yml"]
        if (folder / "args").exists():
            lines = (folder / "args").read_text().splitlines()
        env = {
            "PATH": os.environ["PATH"],
            "HOME": str(scratch),
            "LANG": "C.UTF-8",
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_FORKS": "1",
        }
        out = ""
        for line in lines:
            done = subprocess.run(
                [program, "-i", "inventory", *shlex.split(line)],
                cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                text=True, check=False,
            )
            sys.stderr.write(normalise(done.stderr, folder) if os.environ.get("SHOW_ERRORS") else "")
            out += f"$ ansible-playbook {line}\n{done.stdout}[exit {done.returncode}]\n"
        return normalise(out, folder)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", default="ansible-playbook")
    parser.add_argument("--show", action="store_true")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    for site in sorted(HERE.glob("*/site.yml")):
        case = site.parent
        if options.names and case.name not in options.names:
            continue
        text = record(case, options.program)
        if options.show:
            print(text, end="")
        else:
            (case / "expected.txt").write_text(text)


if __name__ == "__main__":
    main()
