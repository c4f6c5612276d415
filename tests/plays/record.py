#!/usr/bin/env python3
"""Runs generated playbooks with the real ansible-core 2.19 and writes one file for each: the playbook and what it printed.

    PYTHON record.py --seeds FROM-TO --out FOLDER [--keep] [--order]

PYTHON is one that has ansible-core. The files go to FOLDER/SEED.txt; `tests/plays.rs` runs them all and compares. `--keep` leaves out those
already there; with `--order` the plays are about order, failure and counting only.
"""
import argparse
import pathlib
import re
import shutil
import sys
import tempfile

import yaml

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "support")]
import generate  # noqa: E402
import reference  # noqa: E402

LIMIT = 60


class Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data):
        return True

    def increase_indent(self, flow=False, indentless=False):
        return super().increase_indent(flow, False)


def text_of(content):
    return content if isinstance(content, str) else yaml.dump(content, Dumper=Dumper, sort_keys=False, width=200)


def run(files, args, folder):
    """What the real one prints to standard output, and its exit code; None if it did not come to an end."""
    texts = {name: text_of(content) for name, content in files.items()}
    answer = reference.run(folder, texts, args, LIMIT)
    return answer and f"{answer[0]}[exit {answer[2]}]\n"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", required=True)
    parser.add_argument("--out", required=True, type=pathlib.Path)
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--order", action="store_true", help="plays about order, failure and counting only")
    options = parser.parse_args()
    first, _, last = options.seeds.partition("-")
    options.out.mkdir(parents=True, exist_ok=True)
    scratch = pathlib.Path(tempfile.mkdtemp()).resolve()
    reference.prepare(scratch, ANSIBLE_HOST_KEY_CHECKING="0", ANSIBLE_ASYNC_DIR=str(scratch / "jobs"))
    for seed in range(int(first), int(last or first) + 1):
        target = options.out / f"{seed:06}.txt"
        if options.keep and target.exists():
            continue
        files, args = generate.play(seed, generate.Order if options.order else generate.Play)
        folder = scratch / "project"
        printed = run(files, args, folder)
        # It gathers facts where nobody asked for them if the play starts at its first task.
        stray = "--start-at-task" in args and "TASK [Gathering Facts]" in (printed or "")
        # A host that failed or was rescued inside a file, a role or a block within a block is forgotten by `end_play`, `end_batch` and `end_host`.
        text = "".join(text_of(content) for content in files.values())
        ends = any(f"meta: end_{what}" in text for what in ("play", "batch", "host"))
        goes_on = (printed or "").endswith("[exit 0]\n") or (printed or "").count("\nPLAY [") > 1
        forgotten = ends and goes_on and re.search(r"(failed|rescued)=[1-9]", printed or "")
        # Without some results, headings come only with the results that a missing handler suppresses.
        forgotten = forgotten or "display_" in text and (printed or "").endswith("[exit 1]\n")
        if printed is None or stray or forgotten or printed.endswith("[exit 250]\n"):
            # Where the real one stumbles there is nothing to compare with.
            print(f"{seed}: no result {(printed or str())[-12:]!r}", file=sys.stderr)
            target.unlink(missing_ok=True)
            continue
        parts = [f"### args\n{' '.join(args)}\n"]
        parts += [f"### file {name}\n{text_of(content)}" for name, content in sorted(files.items())]
        target.write_text("".join(parts) + f"### printed\n{re.sub(r'[ ]+$', '', printed, flags=re.M)}")
    shutil.rmtree(scratch)


if __name__ == "__main__":
    main()
