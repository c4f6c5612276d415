#!/usr/bin/env python3
"""Writes cases.json: argument specifications, what is given to them, and what the real validate_argument_spec says.

    tests/argument_specs/record.py ANSIBLE_PLAYBOOK
"""
import itertools
import json
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
PLAY = """
- hosts: localhost
  gather_facts: false
  tasks:
    - validate_argument_spec:
        argument_spec: "{{ case[0] }}"
        provided_arguments: "{{ case[1] }}"
      loop: "{{ lookup('file', 'cases.json') | from_json }}"
      loop_control: {loop_var: case, label: ''}
      register: answers
      ignore_errors: true
    - copy:
        content: "{{ answers.results | map(attribute='argument_errors', default=[]) | to_json }}"
        dest: answers.json
"""
CASES = []


def case(spec, given):
    CASES.append([spec, given])


def option(given, **spec):
    case({"o": spec}, {"o": given})


def types():
    values = ["x", "5", " 7 ", "1.5", "yes", "maybe", "a,b", "a=1, b=2", 'a=1 b="c d"', '{"a": 1}', "[1,2]", "1K", "1.5 MB",
              "2Kb", "3 Mbit", "4 kilobytes", "5 Megabit", "6 gigabyte", "7b", "8 B", "9 byte", "1 KiB", "2 mb", "10 nope", "~/x", 5, 5.0, 1.5, True, False, [1, "a"], {"a": 1}, "", " ",
              "{'a': 1}", "{bad", "-3", "1e3", "0x10", "nan"]
    names = ["str", "int", "float", "bool", "list", "dict", "path", "raw", "json", "jsonarg", "bytes", "bits", "nosuch"]
    for name, value in itertools.product(names, values):
        option(value, type=name)
    for name in names[:-1]:
        for value in (["x", 5, True, {"a": 1}, 1.5, "7", [1]], "x,y", 5):
            option(value, type="list", elements=name)
    option("x", type="str", elements="int")
    option(["x"], type="raw", elements="int")


def choices():
    for listed in (["a", "b"], [1, 2], [True, False], ["yes", "no"], ["true", "false", "maybe"], "x,y"):
        for name in ("str", "int", "list", "bool", "raw"):
            for value in ("a", "z", 1, 3, ["a", "z"], ["a"], True, False, "yes", None):
                option(value, type=name, choices=listed)
    option([1, "a", "b", "b"], type="list", elements="str", choices=["a"])
    option(1.0, type="str", choices=["1.0", "2"])
    option([{"a": 1}], type="list", elements="dict", choices=["a"])
    option({"a": 1}, type="dict", choices=["a"])


def rules():
    inner = {"a": {"type": "str"}, "b": {"type": "str"}, "c": {"type": "int"}}
    given = [{}, {"a": "x"}, {"a": "x", "b": "1"}, {"b": "1", "c": 2}, {"a": "x", "b": "1", "c": 3}, {"c": "no"}, {"d": 1}, None]
    for rule in (
        {"required_if": [["a", "x", ["b", "c"]]]},
        {"required_if": [["a", "x", ["b", "c"], True]]},
        {"required_if": [["a", "x", "b"]]},
        {"required_one_of": [["a", "b"]]},
        {"mutually_exclusive": [["a", "b"], ["b", "c"]]},
        {"mutually_exclusive": ["a", "b"]},
        {"required_together": [["a", "b", "c"]]},
        {"required_by": {"a": ["b", "c"]}},
        {"required_by": {"a": "b", "z": "a"}},
    ):
        for value in given:
            option(value, type="dict", options=inner, **rule)
            option(None if value is None else [value, value], type="list", elements="dict", options=inner, **rule)
    pair = {"a": {}, "b": {}, "d": {}}
    option({"a": None, "b": 2}, type="dict", options=pair, mutually_exclusive=[["a", "b"]])
    option({"a": None, "b": 2}, type="dict", options=pair, required_together=[["a", "b"]])
    option({"a": None}, type="dict", options=pair, required_one_of=[["a", "b"]])
    option({"a": 1, "d": 2}, type="dict", options=pair, required_by={"a": ["b"], "d": ["b"]})
    option({"a": None, "d": 2}, type="dict", options=pair, required_by={"a": ["b"], "d": ["b"]})
    option({"a": "1", "d": "2"}, type="dict", options=pair, required_if=[["a", "1", ["b"]], ["d", "2", ["b"]]],
           required_together=[["a", "b"], ["d", "b"]], required_one_of=[["b"], ["e"]])
    option({"aa": 1, "b": 2}, type="dict", options={"a": {"aliases": ["aa"]}, "b": {}}, mutually_exclusive=[["a", "b"]])
    for argument, value, wanted in (
        ({"type": "int", "default": 5}, {}, 5), ({"type": "int", "default": "5"}, {}, 5), ({}, {"a": "5"}, 5),
        ({"type": "bool"}, {"a": "yes"}, True), ({"type": "list"}, {"a": "x"}, ["x"]),
    ):
        option(value, type="dict", options={"a": argument, "b": {}}, required_if=[["a", wanted, ["b"]]])


def nested():
    deep = {"type": "dict", "options": {"p": {
        "type": "list", "elements": "dict", "required_together": [["q", "s"]], "mutually_exclusive": [["r", "s"]],
        "options": {"q": {"type": "int", "required": True}, "r": {"choices": ["a", "b"]},
                    "s": {"type": "str", "default": "dd", "aliases": ["t"]}}}}}
    for value in ({"p": [{"q": 1}]}, {"p": [{"q": "x", "r": "z"}]}, {"p": [{}]}, {"p": [{"q": 1, "u": 1}]}, {"p": {"q": 1}},
                  {"p": "x"}, {"p": ["x"]}, {"p": [{"q": 1, "t": 1, "s": 2}]}, {"z": 1}, "a=1", '{"p": []}', ["a"]):
        option(value, **deep)
    full = {"type": "dict",
            "options": {"a": {"type": "int"}, "b": {"choices": ["x"]}, "c": {"required": True}, "d": {}, "e": {},
                        "f": {"type": "dict", "options": {"g": {"type": "int", "required": True}}},
                        "l": {"type": "list", "elements": "int"}},
            "mutually_exclusive": [["a", "b"]], "required_together": [["d", "e"]], "required_one_of": [["e", "h"]],
            "required_if": [["b", "y", ["e"]]], "required_by": {"d": ["e"]}}
    for value in ({"a": "k", "b": "y", "d": 1, "f": {}, "l": ["z"], "zz": 1},
                  {"a": "k", "b": "y", "d": 1, "f": {"g": "m", "n": 1}, "l": ["z"]},
                  {"a": 1, "c": 1, "e": 1, "d": 1}, {"b": "y", "c": 1}):
        # One stranger at most: of several, Ansible says at random where they are.
        option(value, **full)
        option([value, value], **{**full, "type": "list", "elements": "dict"})
    case({"q": {"choices": [1]}, "p": {"type": "int"}, "o": full}, {"o": {"a": "k"}, "p": "x", "q": "3", "r": 3})
    inner = {"a": {"type": "int"}}
    for value in (5, [5], ["k=v"], [{"a": 1}, 5], True, "k=v", "x", [["a"]], '{"a":1}'):
        option(value, type="list", elements="dict", options=inner)
        option(value, type="list", options=inner)
    for value in (["k=v"], "k=v", "x", [["a"]], '{"a":1}'):
        option(value, type="dict", options=inner)
    option([{"a": "x"}, {"a": "y"}, "k=v"], type="list", elements="dict", options=inner)
    option({"a": "x"}, options=inner)
    option({"a": 1}, type="dict", options={})
    for spec in ({"apply_defaults": True, "options": {"a": {"required": True}}}, {"options": {"a": {"required": True}}},
                 {"apply_defaults": True, "options": inner}):
        case({"o": {"type": "dict", **spec}}, {})


def presence():
    case({"o": {"required": True}}, {})
    case({"o": {"required": True}, "p": {"required": True}}, {})
    option(None, required=True)
    case({"o": {"required": True, "aliases": ["oo"]}}, {"oo": "1"})
    case({"o": {"aliases": ["oo"], "type": "int"}}, {"oo": "x"})
    case({"o": {"type": "int", "default": "x"}}, {})
    case({"o": {"type": "list", "elements": "int", "default": ["x"]}}, {})
    case({"o": {"choices": ["a"], "default": "z"}}, {})
    case({"o": {"required": True, "default": "z"}}, {})
    case({"o": {"required": "no"}}, {})
    option("secret", type="int", no_log=True)
    option("1", removed_in_version="9.0", removed_from_collection="a.b")
    case({"o": {}, "a": {"aliases": ["b"]}}, {"z": 1, "y": 2})
    case({}, {"z": 1})
    case({"o": {"type": "int"}, "p": {"type": "int"}, "q": {"choices": ["a"]}, "r": {"required": True},
          "s": {"type": "list", "elements": "int"}}, {"o": "x", "p": "y", "q": "z", "s": ["k", 1, "l"], "u": 1})


def main(program):
    types(), choices(), rules(), nested(), presence()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "play.yml").write_text(PLAY)
        (folder / "cases.json").write_text(json.dumps(CASES))
        subprocess.run([program, "play.yml"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        answers = json.loads((folder / "answers.json").read_text())
    # Python lists a set of words in another order each time.
    answers = [[text.split(" Valid booleans")[0] for text in answer] for answer in answers]
    lines = [json.dumps([spec, given, answer]) for (spec, given), answer in zip(CASES, answers)]
    (HERE / "cases.json").write_text("[\n" + ",\n".join(lines) + "\n]\n")


main(sys.argv[1])
