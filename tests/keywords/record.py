#!/usr/bin/env python3
"""Runs the playbooks of cases.py with the real ansible-core 2.19 and writes down what it said: output, messages, exit code.

    PYTHON record.py --out FILE [--place PLACE]… [--kind KIND]… [--jobs N]

PYTHON is one that has ansible-core. `tests/keywords.rs` compares.
"""
import argparse
import os
import pathlib
import re
import shutil
import signal
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import cases  # noqa: E402

LIMIT = 30


def late(*_):
    raise TimeoutError


def run(playbook, folder):
    shutil.rmtree(folder, ignore_errors=True)
    for name, content in {**cases.FILES, "site.yml": playbook}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    out, err = folder.parent / "out", folder.parent / "err"
    child = os.fork()
    if child == 0:
        os.setsid()
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        os.chdir(folder)
        write = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        for descriptor, path, flags in [(0, os.devnull, os.O_RDONLY), (1, out, write), (2, err, write)]:
            os.dup2(os.open(path, flags, 0o600), descriptor)
        sys.argv = ["ansible-playbook", "-i", "inventory", "site.yml"]
        code = 250
        try:
            from ansible.cli.playbook import main as cli
            cli(sys.argv)
            code = 0
        except SystemExit as stop:
            code = stop.code or 0
        finally:
            sys.stdout.flush()
            os._exit(code)
    signal.alarm(LIMIT)
    try:
        _, status = os.waitpid(child, 0)
    except TimeoutError:
        os.killpg(child, signal.SIGKILL)
        os.waitpid(child, 0)
        return None
    finally:
        signal.alarm(0)
    said = [re.sub(r"[ ]+$", "", path.read_text().replace(str(folder), "{dir}"), flags=re.M) for path in (out, err)]
    return f"--- stdout\n{said[0]}--- stderr\n{said[1]}--- exit {os.waitstatus_to_exitcode(status)}\n"


def work(todo, target):
    signal.signal(signal.SIGALRM, late)
    scratch = pathlib.Path(tempfile.mkdtemp()).resolve()
    os.environ.update(HOME=str(scratch), LANG="C.UTF-8", ANSIBLE_NOCOLOR="1", ANSIBLE_FORKS="1")
    # Everything a run needs is imported before it is forked off.
    import ansible.cli.playbook  # noqa: F401
    import ansible.executor.playbook_executor  # noqa: F401
    import ansible.executor.task_executor  # noqa: F401
    import ansible.plugins.strategy  # noqa: F401
    with target.open("w") as file:
        for name, playbook in todo:
            answer = run(playbook, scratch / "project")
            if answer is None:
                print(f"{name}: it does not come to an end", file=sys.stderr)
                continue
            file.write(f"=== {name}\n{playbook}{answer}")
    shutil.rmtree(scratch)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", required=True, type=pathlib.Path)
    parser.add_argument("--place", action="append")
    parser.add_argument("--kind", action="append")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    todo = list(cases.cases(options.place, options.kind))
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
