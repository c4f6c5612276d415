#!/usr/bin/env python3
"""How the time and memory of the control machine grow with the number of hosts.

    benches/scale.py [--program target/release/ekumen] [--hosts 50,100,200,500] [--tasks 100] [--kind debug|mixed|module]
                     [--inventory FILE] [--forks N]

All hosts are local, or the first ones of an inventory (a file of lines `NAME VARIABLES…`, then `[all:vars]`): real ones, over SSH. `debug`: tasks that never leave the control machine. `mixed`: debug, set_fact, conditions, loops and registered
results. `module`: `ping` on each host's own helper, a process per host. Prints seconds of CPU of the control process alone, of its
helpers, microseconds of CPU per host and task, and the largest resident size of the control process (with what is in files, and without).
"""
import argparse
import pathlib
import re
import resource
import subprocess
import tempfile
import time


def tasks(kind, count):
    mixed = [
        "    - debug: msg=\"{{ inventory_hostname }} {{ number }}\"\n",
        "    - set_fact: {f1: \"{{ (f1 | default(0) | int) + 1 }}\"}\n      register: r1\n",
        "    - debug: {msg: \"{{ item }}\"}\n      loop: [1, 2, 3]\n",
        "    - debug: {var: f1}\n      when: r1 is not failed and number | int is odd\n",
    ]
    kinds = {"debug": mixed[:1], "mixed": mixed, "module": ["    - ping:\n"]}
    return "".join(kinds[kind][index % len(kinds[kind])] for index in range(count))


def inventory(given, hosts):
    """The text of an inventory of so many hosts, each with its number."""
    if given is None:
        names = "".join(f"h{number} number={number}\n" for number in range(hosts))
        return f"{names}[all:vars]\nansible_connection=local\n"
    lines = given.read_text().splitlines()
    end = next((at for at, line in enumerate(lines) if line.startswith("[") and line.endswith(":vars]")), len(lines))
    names = [line for line in lines[:end] if line and line[0] not in "[#;"]
    if len(names) < hosts:
        raise SystemExit(f"{given} has {len(names)} hosts, not {hosts}")
    numbered = [f"{line} number={number}" for number, line in enumerate(names[:hosts])]
    section = [re.sub(r"^\[.*:vars\]$", "[all:vars]", line) for line in lines[end:]]
    return "\n".join(numbered + section) + "\n"


def measure(options, program, kind, hosts, count):
    """Seconds of wall time, of CPU of all processes, kilobytes of the largest, seconds of CPU of the control process, kilobytes of
    its own memory."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "inventory").write_text(inventory(options.inventory, hosts))
        (folder / "site.yml").write_text(f"- hosts: all\n  gather_facts: false\n  tasks:\n{tasks(kind, count)}")
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        started = time.monotonic()
        command = [program, "run", "-i", "inventory", "site.yml"]
        if options.forks:
            command += ["--forks", str(options.forks)]
        child = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL)
        own = 0.0
        peak = anon = 0
        ticks = 100
        while child.poll() is None:
            try:
                stat = pathlib.Path(f"/proc/{child.pid}/stat").read_text().rsplit(")", 1)[1].split()
                status = pathlib.Path(f"/proc/{child.pid}/status").read_text()
            except (OSError, IndexError):
                continue
            own = max(own, (int(stat[11]) + int(stat[12])) / ticks)
            for line in status.splitlines():
                if line.startswith("VmHWM:"):
                    peak = max(peak, int(line.split()[1]))
                if line.startswith("RssAnon:"):
                    anon = max(anon, int(line.split()[1]))
            time.sleep(0.01)
        wall = time.monotonic() - started
        if child.returncode != 0:
            raise SystemExit(f"{' '.join(command)}: exit code {child.returncode}")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        whole = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return wall, whole, peak, own, anon


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default="target/release/ekumen")
    parser.add_argument("--hosts", default="50,100,200,500")
    parser.add_argument("--tasks", type=int, default=100)
    parser.add_argument("--kind", default="debug,mixed,module")
    parser.add_argument("--inventory", type=pathlib.Path)
    parser.add_argument("--forks", type=int)
    options = parser.parse_args()
    if options.inventory:
        options.inventory = options.inventory.resolve()
    program = str(pathlib.Path(options.program).resolve())
    print(f"{'kind':8} {'hosts':>6} {'wall s':>8} {'control s':>10} {'helpers s':>10} {'µs/host·task':>13} {'MB':>7} {'own MB':>7} {'kB/host':>8}",
          flush=True)
    for kind in options.kind.split(","):
        base = measure(options, program, kind, 1, 1)[4]
        for hosts in map(int, options.hosts.split(",")):
            wall, whole, peak, own, anon = measure(options, program, kind, hosts, options.tasks)
            each = own / (hosts * options.tasks) * 1e6
            print(f"{kind:8} {hosts:6} {wall:8.2f} {own:10.2f} {max(whole - own, 0):10.2f} {each:13.1f} {peak / 1024:7.1f} {anon / 1024:7.1f} "
                  f"{(anon - base) / hosts:8.1f}", flush=True)


if __name__ == "__main__":
    main()
