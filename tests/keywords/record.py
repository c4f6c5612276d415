#!/usr/bin/env python3
"""Runs the playbooks of cases.py with the real ansible-core 2.19 and writes down what it said.

    PYTHON record.py --out answers.txt [--place PLACE]… [--everything] [--jobs N]

PYTHON is one that has ansible-core. `tests/keywords.rs` compares: results, recap, exit code, the first error, warnings. Python's names of types
become ours; what else differs on purpose is in differs.txt. `--everything` makes about 12,000 plays; `EKUMEN_TEST_KEYWORDS=FILE` compares them.
"""
import argparse
import os
import pathlib
import re
import shutil
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "support")]
import cases  # noqa: E402
import reference  # noqa: E402

LIMIT = 30


def run(name, playbook, folder):
    answer = reference.run(folder, {**cases.FILES, "site.yml": playbook}, ["site.yml"], LIMIT)
    if answer is None:
        return None
    *said, code = answer
    return condensed(name, *(text.replace(os.environ["HOME"], "{home}") for text in said), code)


TYPES = {"List": "a list", "Dict": "a mapping", "Int": "a number", "Float": "a number", "Str": "a text"}
LINES = re.compile(r"(ok|changed|fatal|failed|skipping|included|TASK|PLAY|RUNNING|h1 )")


def condensed(name, out, err, code):
    """What is compared of an answer."""
    def ours(line):
        line = re.sub(r"(?:a )?<class '[\w.]*_AnsibleTagged(\w+)'>", lambda found: TYPES.get(found[1], found[1]), line)
        line = line.replace("a <class 'bool'>", "a boolean").replace("<class 'bool'>", "a boolean")
        line = line.replace("a <class 'list'>", "a list")
        line = line.replace("a <class 'NoneType'>", "nothing").replace("<class 'NoneType'>", "nothing")
        line = re.sub(r"'_AnsibleTagged(\w+)'", lambda found: f"'{found[1].lower()}'", line)
        # The words are in no order.
        line = re.sub(r"Must be one of [^\"]*", "Must be one of …", line)
        word = re.fullmatch(r"\[ERROR\]: conflicting action statements: \w+, (\w+)", line)
        # Some keywords of plays are modules, too.
        if word and word[1] == name.split(".")[1] and word[1] not in ("user", "gather_facts"):
            return f"[ERROR]: '{word[1]}' is not a valid attribute for a {cases.CLASSES.get(name.split('.')[0], 'Task')}"
        return line

    lines = [ours(line) for line in out.splitlines() if LINES.match(line)]
    said = [ours(line) for line in (out + "\n" + err).splitlines() if re.match(r"\[[A-Z ]+\]: ", line)]
    said = [line for line in said if "Deprecation warnings can be disabled" not in line]
    errors = [line for line in said if line.startswith("[ERROR]")][:1]
    warnings = sorted(line for line in said if not line.startswith("[ERROR]"))
    return "".join(f"{line.rstrip()}\n" for line in [*lines, *errors, *warnings]) + f"[exit {code}]\n"


def work(todo, target):
    scratch = pathlib.Path(tempfile.mkdtemp()).resolve()
    reference.prepare(scratch)
    with target.open("w") as file:
        for name, playbook in todo:
            answer = run(name, playbook, scratch / "project")
            if answer is None:
                print(f"{name}: it does not come to an end", file=sys.stderr)
                continue
            file.write(f"=== {name}\n{playbook}---\n{answer}")
    shutil.rmtree(scratch)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", required=True, type=pathlib.Path)
    parser.add_argument("--place", action="append")
    parser.add_argument("--everything", action="store_true")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    todo = list(cases.cases(options.place, options.everything))
    parts = [options.out.with_suffix(f".{job}") for job in range(options.jobs)]
    size = -(-len(todo) // options.jobs)
    children = []
    for job, part in enumerate(parts):
        child = os.fork()
        if child == 0:
            work(todo[job * size:(job + 1) * size], part)
            os._exit(0)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)
    options.out.write_text("".join(part.read_text() for part in parts))
    for part in parts:
        part.unlink()


if __name__ == "__main__":
    main()
