#!/usr/bin/env python3
"""How the time and memory of the control machine grow with the number of hosts.

    benches/scale.py [--program target/release/ekumen] [--hosts 50,100,200,500] [--tasks 100] [--kind debug|mixed|module]

All hosts are local. `debug`: tasks that never leave the control machine. `mixed`: debug, set_fact, conditions, loops and registered
results. `module`: `ping` on each host's own helper, a process per host. Prints seconds of CPU of the control process alone, of its
helpers, microseconds of CPU per host and task, and the largest resident size of the control process.
"""
import argparse
import pathlib
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


def measure(program, kind, hosts, count):
    """Seconds of wall time, of CPU of all processes, kilobytes of the largest, seconds of CPU of the control process."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        names = "".join(f"h{number} number={number}\n" for number in range(hosts))
        (folder / "inventory").write_text(f"{names}[all:vars]\nansible_connection=local\n")
        (folder / "site.yml").write_text(f"- hosts: all\n  gather_facts: false\n  tasks:\n{tasks(kind, count)}")
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        started = time.monotonic()
        command = [program, "run", "-i", "inventory", "site.yml"]
        child = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL)
        own = 0.0
        peak = 0
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
            time.sleep(0.01)
        wall = time.monotonic() - started
        if child.returncode != 0:
            raise SystemExit(f"{' '.join(command)}: exit code {child.returncode}")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        whole = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return wall, whole, peak, own


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default="target/release/ekumen")
    parser.add_argument("--hosts", default="50,100,200,500")
    parser.add_argument("--tasks", type=int, default=100)
    parser.add_argument("--kind", default="debug,mixed,module")
    options = parser.parse_args()
    program = str(pathlib.Path(options.program).resolve())
    print(f"{'kind':8} {'hosts':>6} {'wall s':>8} {'control s':>10} {'helpers s':>10} {'µs/host·task':>13} {'MB':>7} {'kB/host':>8}")
    for kind in options.kind.split(","):
        base = measure(program, kind, 1, 1)[2]
        for hosts in map(int, options.hosts.split(",")):
            wall, whole, peak, own = measure(program, kind, hosts, options.tasks)
            each = own / (hosts * options.tasks) * 1e6
            print(f"{kind:8} {hosts:6} {wall:8.2f} {own:10.2f} {max(whole - own, 0):10.2f} {each:13.1f} {peak / 1024:7.1f} {(peak - base) / hosts:8.1f}")


if __name__ == "__main__":
    main()
