#!/usr/bin/env python3
"""Records what the commands of ansible-core 2.19 say: the part `answers` of each NAME.txt here.

    tests/warnings/record.py [--programs FOLDER] [--show] [NAME...]

FOLDER has `ansible-playbook`, `ansible` and so on. A file has the files of a project, each below a line `=== NAME`, then `commands`, a line of
shell each, whose output (standard output and standard error together, so that their order is compared, too) and exit code are recorded.
`tests/warnings.rs` runs the same.
"""
import argparse
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
PARTS = ("commands", "answers", "differs")


def sections(text):
    parts = re.split(r"(?m)^=== (.*)\n", text)
    return dict(zip(parts[1::2], parts[2::2]))


def normalise(text, folder, home):
    text = text.replace(str(folder), "{dir}").replace(str(home), "{home}")
    text = re.sub(r"(?m)(Origin: \S+:\d+):\d+$|^ *\^ column \d+\n", lambda match: match[1] or "", text)
    text = re.sub(r"\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+|\b0:00:0\d\.\d+", "…", text)
    # What Python says of settings that are wrong.
    text = re.sub(r"(?ms)\n\nTraceback .*?\n\n(?=\[exit)", "\n", text)
    text = re.sub(r"\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} p=\d+ u=\S*", "(when) p=(pid) u=(user)", text)
    return text


def record(case, programs):
    parts = sections(case.read_text())
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch).resolve()
        folder, home = scratch / "project", scratch / "home"
        home.mkdir()
        for name, content in parts.items():
            if name.split(":")[0] in PARTS:
                continue
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
            if content.startswith("#!"):
                path.chmod(0o755)
        env = {
            "PATH": f"{programs}:{os.environ['PATH']}",
            "HOME": str(home),
            "LANG": "C.UTF-8",
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_FORKS": "1",
            # As at a terminal: what is said in what order.
            "PYTHONUNBUFFERED": "1",
            # It says what it found where none is named.
            "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
        }
        answers = ""
        for line in parts["commands"].splitlines():
            done = subprocess.run(
                ["sh", "-c", f"exec 2>&1; {line}"], cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                check=False, timeout=60,
            )
            answers += f"$ {line}\n{done.stdout.decode(errors='replace')}[exit {done.returncode}]\n"
        return normalise(answers, folder, home)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--programs", required=True, type=pathlib.Path)
    parser.add_argument("--show", action="store_true")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    cases = [case for case in sorted(HERE.glob("*.txt")) if not options.names or case.stem in options.names]
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        for case, answers in zip(cases, pool.map(lambda case: record(case, options.programs), cases)):
            if options.show:
                print(f"==== {case.stem}\n{answers}")
                continue
            text = case.read_text()
            before, _, after = text.partition("=== answers\n")
            differs = re.search(r"(?ms)^=== differs.*", after)
            case.write_text(f"{before.rstrip()}\n=== answers\n{answers}{differs[0] if differs else ''}")


if __name__ == "__main__":
    main()
