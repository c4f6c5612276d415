#!/usr/bin/env python3
"""Runs the module cases under the real Ansible and prints where its results differ from ours.

usage: compare.py [--playbook ansible-playbook] [--python python] [--jobs N] [FILE-OR-NAME-PART ...]

For each case the same four passes (check, apply, apply, check) run as one playbook, on localhost or, as root, on a host of its
own (tests/support/host.sh; its Python needs the apt module for some). Our results come from
`CASE_RESULTS=file cargo test --test modules`. Members that Ansible leaves to chance (temporary paths, times, inodes) are
compared by presence only. Cases with `differs` are listed with their reason.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import random
import re
import shutil
import socket
import subprocess
import tempfile
import time

import yaml

HERE = pathlib.Path(__file__).resolve().parent
VOLATILE = {"atime", "mtime", "ctime", "inode", "dev", "version", "backup_file", "backup", "src", "uid", "gid", "md5sum",
            "after_header", "mimetype", "charset", "exception", "blocks", "path_content", "block_size", "attr_flags",
            "attributes", "start", "end", "delta", "cache_update_time", "cache_updated", "elapsed", "port"}


STAMP = re.compile(r"\d+\.\d{4}-\d\d-\d\d@\d\d:\d\d:\d\d|/tmp/[.\w]*")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--playbook", default="ansible-playbook")
    parser.add_argument("--python", default="auto_silent", help="interpreter of the modules")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--ours", help="results file, instead of running the tests")
    parser.add_argument("--show", type=int, default=0, metavar="CHARACTERS", help="print Ansible's results, too")
    parser.add_argument("parts", nargs="*")
    return parser.parse_args()


def make(root, things, fill):
    root.mkdir(mode=0o755)
    for thing in things or []:
        path = root / thing["path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        if thing.get("directory"):
            path.mkdir(exist_ok=True)
        elif "link" in thing:
            path.symlink_to(fill(thing["link"]))
        elif "hard" in thing:
            os.link(root / thing["hard"], path)
        else:
            size = thing.get("size")
            data = fill(thing.get("content", "")).encode() if size is None else (b"0123456789abcde\n" * (size // 16 + 1))[:size]
            path.write_bytes(data)
        if "owner" in thing or "group" in thing:
            os.lchown(path, thing.get("owner", -1), thing.get("group", -1))
        if "link" not in thing and "hard" not in thing:
            path.chmod(int(thing.get("mode", "755" if thing.get("directory") else "644"), 8))
        if "mtime" in thing:
            os.utime(path, (thing["mtime"], thing["mtime"]))


def replace(value, change):
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [replace(item, change) for item in value]
    if isinstance(value, dict):
        return {replace(key, change): replace(item, change) for key, item in value.items()}
    return value


class Host:
    """A throw-away host: see tests/support/host.sh."""

    def __init__(self, folder, init, family):
        self.folder = folder
        for key in ("host_ed25519", "user"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / key], check=True)
        self.address = f"127.{random.randint(1, 254)}.{random.randint(0, 255)}.{random.randint(1, 254)}"
        with socket.socket() as free:
            free.bind((self.address, 0))
            self.port = free.getsockname()[1]
        self.keeper = subprocess.Popen(["sh", HERE.parent / "support/host.sh", folder, "web", self.address, str(self.port), init],
                                       stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, env=dict(os.environ, PYTHON="1", FAMILY=family))
        end = time.monotonic() + 60
        while True:
            try:
                with socket.create_connection((self.address, self.port), 5) as stream:
                    if stream.recv(4) == b"SSH-":
                        break
            except OSError:
                pass
            if time.monotonic() > end:
                raise RuntimeError("no host: " + (folder / "log").read_text())
            time.sleep(0.02)
        (folder / "known_hosts").write_text(f"[{self.address}]:{self.port} {(folder / 'host_ed25519.pub').read_text()}")
        self.root = pathlib.Path(f"/proc/{self.keeper.pid}/root{folder}/disk/root")

    def shell(self, script):
        pid = (self.folder / "pid").read_text().strip()
        return subprocess.run(["nsenter", "-t", pid, "-m", "-u", "-i", "-p", "-C", "-r", "-w", "--", "env", "-i",
                               "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root",
                               "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive", "sh", "-euc", script],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True)

    def inventory(self, user):
        return (f"web ansible_host={self.address} ansible_port={self.port} ansible_user={user} "
                f"ansible_ssh_private_key_file={self.folder}/user ansible_python_interpreter=/usr/bin/python3 "
                f"ansible_ssh_common_args='-F none -o UserKnownHostsFile={self.folder}/known_hosts -o IdentityAgent=none'\n")

    def end(self):
        self.keeper.stdin.close()
        self.keeper.wait()


FAMILIES = {"dnf": "redhat", "dnf5": "redhat", "pacman": "arch"}


def give_repository(made, root, family):
    """As repositories.rs does."""
    if family == "redhat":
        shutil.copytree(made / "rpm", root / "srv/rpm")
        for name in ("tests.repo", "extra.repo"):
            shutil.copy(made / "rpm" / name, root / "etc/yum.repos.d" / name)
    elif family == "arch":
        shutil.copytree(made / "pacman", root / "srv/pacman")
        shutil.copy(made / "pacman/pacman.conf", root / "etc/pacman.conf")
    else:
        shutil.copytree(made / "repository", root / "srv/repository")
        (root / "etc/apt/sources.list").write_text("deb [trusted=yes] file:/srv/repository ./\n")


def task(name, case, args):
    made = {"name": name, "register": name, "ignore_errors": True, "check_mode": name in ("check", "last")}
    if isinstance(args, dict) and "_raw_params" in args:
        made["args"] = {key: value for key, value in args.items() if key != "_raw_params"}
        args = args["_raw_params"]
    made[case["module"]] = args
    return made


def ansible(case, options):
    with tempfile.TemporaryDirectory(prefix=".t") as temporary:
        os.chmod(temporary, 0o755)
        root = pathlib.Path(os.path.realpath(temporary))
        host = None
        try:
            if "host" in case:
                (root / "host").mkdir()
                host = Host(root / "host", "systemd" if case["host"] == "systemd" else "sshd", FAMILIES.get(case["host"], ""))
            return passes(case, options, root, host)
        finally:
            if host:
                host.end()


def passes(case, options, root, host):
    where, source = root / "dir", root / "source"
    pairs = [("{dir}", str(where)), ("{source}", str(source))]
    inventory, user = "localhost,", case.get("login", "root")
    if host:
        where = host.root / "srv/case"
        pairs = [("{dir}", "/srv/case"), ("{source}", str(source)), ("{address}", host.address), ("{port}", str(host.port)),
                 ("{key}", (host.folder / "user.pub").read_text().strip())]
        inventory = root / "hosts"
        inventory.write_text(host.inventory(user))

    def fill(text):
        for name, path in pairs:
            text = text.replace(name, path)
        return text

    def neutral(text):
        for name, path in pairs:
            text = text.replace(path, name)
        return text

    make(where, case.get("setup"), fill)
    make(source, case.get("source"), fill)
    if case.get("repository"):
        give_repository(pathlib.Path(options.repository), host.root, FAMILIES.get(case["host"], ""))
    if "before" in case:
        done = host.shell(fill(case["before"]))
        if done.returncode:
            return {"error": f"before: {done.stdout}{done.stderr}"}
    args = replace(case.get("args") or {}, fill)
    if case["module"] in ("copy", "assemble") and "src" in args and not args["src"].startswith("/") and case.get("source"):
        args["src"] = f"{source}/{args['src']}"
    # The texts are data, not templates.
    args = replace(args, lambda text: "{% raw %}" + text + "{% endraw %}" if "{{" in text or "{%" in text else text)
    names = ["check", "apply", "again", "last"]
    tasks = []
    for name in names:
        made = task(name, case, args)
        made["environment"] = replace(case.get("environment", {}), fill)
        tasks.append(made)
    result = root / "result.json"
    content = "{{ [" + ", ".join(names) + "] | to_json }}"
    tasks.append({"copy": {"content": content, "dest": str(result)}, "diff": False, "delegate_to": "localhost",
                  "connection": "local", "vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}"}})
    play = root / "play.yml"
    play.write_text(yaml.safe_dump([{"hosts": "all", "gather_facts": False, "tasks": tasks}], sort_keys=False))
    environment = dict(os.environ, ANSIBLE_LOCALHOST_WARNING="0", ANSIBLE_NOCOLOR="1", ANSIBLE_HOME=str(root / "home"))
    command = [options.playbook, "-i", str(inventory), "--diff", str(play)]
    if not host:
        environment["ANSIBLE_PYTHON_INTERPRETER"] = options.python
        command[1:1] = ["-c", "local"]
    try:
        run = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300)
    except subprocess.TimeoutExpired:
        return {"error": "does not end"}
    if not result.exists():
        return {"error": run.stdout[-2000:] + run.stderr[-2000:]}
    tree = []
    for path in sorted([where, *where.rglob("*")]):
        found = path.lstat()
        kind = f"link to {os.readlink(path)}" if path.is_symlink() else "directory" if path.is_dir() else "file"
        tree.append(f"{path.relative_to(where)} {kind} {found.st_mode:o} {found.st_uid}:{found.st_gid}")
    shows = {}
    if host and not case.get("never_settles"):
        for command, expected in case.get("shows", {}).items():
            found = host.shell(fill(command))
            if found.stdout.rstrip() != fill(expected).rstrip():
                shows[command] = found.stdout + found.stderr
    return {"results": replace(json.loads(result.read_text()), neutral), "files": tree, "shows": shows}


SKIPPED = [("dst_binary", "destination file appears to be binary"), ("src_binary", "source file appears to be binary"),
           ("dst_larger", "destination file size is greater than 104448"),
           ("src_larger", "source file size is greater than 104448")]


def printed(diffs):
    """A diff as a list of what the default callback prints of it."""
    diffs = [diffs] if isinstance(diffs, dict) else diffs
    shown = []
    for diff in diffs:
        skipped = "".join(f"diff skipped: {words}\n" for key, words in SKIPPED if key in diff)
        if skipped:
            shown.append({"prepared": skipped})
        elif diff.get("before") != diff.get("after") or "prepared" in diff:
            shown.append(diff)
    return shown


def differences(theirs, ours, path=""):
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for key in sorted(set(theirs) | set(ours), key=str):
            if key in ("exception", "failed", "stdout_lines", "stderr_lines", "ansible_facts", "deprecations"):
                continue
            if key not in ours:
                yield f"{path}{key}: only Ansible: {json.dumps(theirs[key])[:300]}"
            elif key not in theirs:
                yield f"{path}{key}: only ours: {json.dumps(ours[key])[:300]}"
            elif key == "status" and isinstance(theirs[key], dict) and isinstance(ours[key], dict):
                # Of a unit, what there is, not what it says: times, numbers, orders.
                yield from differences(dict.fromkeys(theirs[key], 0), dict.fromkeys(ours[key], 0), "status.")
            elif key in VOLATILE and type(theirs[key]) is type(ours[key]) and not isinstance(theirs[key], (dict, list)):
                continue
            else:
                yield from differences(theirs[key], ours[key], f"{path}{key}.")
    elif isinstance(theirs, list) and isinstance(ours, list) and len(theirs) == len(ours):
        for index, (a, b) in enumerate(zip(theirs, ours)):
            yield from differences(a, b, f"{path}{index}.")
    elif theirs != ours:
        yield f"{path[:-1]}: Ansible {json.dumps(theirs)[:300]}, ours {json.dumps(ours)[:300]}"


def main():
    options = arguments()
    repository = tempfile.TemporaryDirectory()
    options.repository = repository.name
    for script in ("repository", "rpm", "pacman"):
        if (HERE / f"{script}.sh").exists():
            subprocess.run(["sh", HERE / f"{script}.sh", f"{options.repository}/{script}"], check=True)
    ours = options.ours
    if not ours:
        ours = tempfile.mkstemp(suffix=".json")[1]
        subprocess.run(["cargo", "test", "-q", "--test", "modules"], env=dict(os.environ, CASE_RESULTS=ours),
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    ours = {(entry["file"], entry["name"]): entry for entry in json.load(open(ours))}
    cases = []
    for file in sorted(HERE.glob("*/*.yml")):
        for case in yaml.safe_load(file.read_text()):
            label = f"{file.stem}: {case['name']}"
            if case["name"] == "everything stays":
                continue
            if not options.parts or any(label.startswith(part) for part in options.parts):
                cases.append((file.name, label, case))
    counts = {"same": 0, "different": 0, "by design": 0}
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        reports = pool.map(lambda entry: ansible(entry[2], options), cases)
        for (file, label, case), theirs in zip(cases, reports):
            entry = ours.get((file, case["name"]))
            if entry is None:
                print(f"? {label}: did not run here")
                continue
            found = []
            if "error" in theirs:
                found.append(f"Ansible: {theirs['error']}")
            else:
                if options.show:
                    print(f"# {label}")
                    for name, a in zip(["check", "apply", "again", "last"], theirs["results"]):
                        print(f"    {name}: {json.dumps(a)[:options.show]}")
                for name, a, b in zip(["check", "apply", "again", "last"], theirs["results"], entry["results"]):
                    # What does not differ is registered as it is, but never printed.
                    if a["changed"]:
                        a["diff"] = printed(a.get("diff", []))
                    if not a.get("diff"):
                        a.pop("diff", None)
                    for results in (a.get("results"), b.get("results")):
                        # Packages come in no order there.
                        if isinstance(results, list) and all(isinstance(entry, str) for entry in results):
                            results.sort()
                    if isinstance(a.get("files"), list):
                        a["files"].sort(key=lambda file: file["path"])
                        b["files"].sort(key=lambda file: file["path"])
                    if name in ("check", "last") and a["changed"] == b["changed"]:
                        # A prediction may say more than Ansible's.
                        b = {key: item for key, item in b.items() if key in a or key in ("warnings", "diff", "failed")}
                    found += [f"{name}: {line}" for line in differences(a, b)]
                found += [f"shows: {command}: {said}" for command, said in theirs["shows"].items()]
                if not case.get("failed"):
                    mine = [re.sub(r"^(\S* (?:link to \S+|\w+))(?: [0-9a-f]{40})? (\S+ \S+) .*", r"\1 \2", line) for line in entry["files"]]
                    mine = sorted(line if not line.startswith(" ") else "." + line for line in mine)
                    mine, theirs["files"] = ([STAMP.sub("STAMP", line) for line in lines] for lines in (mine, sorted(theirs["files"])))
                    if mine != sorted(theirs["files"]) and not case.get("never_settles"):
                        found.append(f"files: Ansible {sorted(set(theirs['files']) - set(mine))}, ours {sorted(set(mine) - set(theirs['files']))}")
            kind = "same" if not found else "by design" if "differs" in case else "different"
            counts[kind] += 1
            if kind == "different":
                print(f"= {label}")
                for line in found:
                    print(f"    {line}")
            elif kind == "by design":
                print(f"~ {label}: {case['differs']}")
    print(", ".join(f"{count} {kind}" for kind, count in counts.items()))


if __name__ == "__main__":
    main()
