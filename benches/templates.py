#!/usr/bin/env python3
"""Rendering beside Jinja2, in one run: how many times as fast, warm and with compilation.

Usage: python benches/templates.py   (with a Python that has jinja2; builds and runs `cargo bench --bench templates`)
       python benches/templates.py PROGRAM   (a bench program that is built already)
"""
import json
import math
import os
import subprocess
import sys
import time

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment


def measure(call):
    best, times, begin = math.inf, 1, time.perf_counter()
    while time.perf_counter() - begin < 0.6:
        start = time.perf_counter()
        for _ in range(times):
            call()
        took = time.perf_counter() - start
        best = min(best, took / times * 1e9)
        if took < 0.01:
            times *= 2
    return best


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    command = sys.argv[1:] or ["cargo", "bench", "--quiet", "--bench", "templates"]
    ours = [json.loads(line) for line in subprocess.check_output(command, text=True).splitlines() if line.startswith("{")]
    data = json.load(open(os.path.join(here, "templates.json"), encoding="utf-8"))
    # As Ansible sets it up, without what Ansible adds on top.
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, undefined=jinja2.StrictUndefined)
    print(f"{'':24}{'warm µs':>10}{'Jinja2':>10}{'×':>7}{'cold µs':>10}{'Jinja2':>10}{'×':>7}")
    warm_ratios, cold_ratios = [], []
    for mine, case in zip(ours, data["cases"]):
        environment.cache.clear()
        template = environment.from_string(case["template"])
        result = template.render(data["vars"])
        assert str(mine["result"]).rstrip("\n") == result.rstrip("\n"), (mine["result"], result)
        warm = measure(lambda: template.render(data["vars"]))
        cold = measure(lambda: environment.from_string(case["template"]).render(data["vars"]))
        warm_ratios.append(warm / mine["warm"])
        cold_ratios.append(cold / mine["cold"])
        print(f"{case['name']:24}{mine['warm'] / 1e3:10.2f}{warm / 1e3:10.2f}{warm_ratios[-1]:7.1f}"
              f"{mine['cold'] / 1e3:10.2f}{cold / 1e3:10.2f}{cold_ratios[-1]:7.1f}")
    mean = lambda values: math.exp(sum(map(math.log, values)) / len(values))
    print(f"{'geometric mean':24}{'':20}{mean(warm_ratios):7.1f}{'':20}{mean(cold_ratios):7.1f}")


main()
