#!/usr/bin/env python3
"""Writes random templates, for comparing with the real ansible-core: as many as asked for, by a seed.

Usage: python random_cases.py SEED COUNT > FILE.txt   (then generate.py FILE.txt)

The grammar favours what real playbooks do: filters in chains, attributes, comparisons, inline ifs, loops and
`set` in text; values of all types in places where they do not belong.
"""
import random
import sys

VARIABLES = """\
n: 7
m: -3
f: 2.5
s: hello world
e: ""
u: "Ünï çödé"
t: "line one\\nline two\\n"
b: true
off_: false
nil: null
l: [3, 1, 2]
ls: [banana, Apple, cherry, apple]
lm: [1, two, 3.5, null, true]
ld:
  - {name: web, port: 80, tags: [a, b], up: true}
  - {name: db, port: 5432, tags: [], up: false}
  - {name: cache, port: 6379, up: true}
d: {one: 1, two: 2, three: {deep: [10, 20, {x: y}]}}
dd: {b: 2, a: 1, C: 3}
p: /etc/nginx/conf.d/site.conf
ver: 1.10.2
num: "42"
lazy: "{{ n + 1 }}"
lazylist: ["{{ s }}", "{{ l | length }}", plain]
"""

ATOMS = ["n", "m", "f", "s", "e", "u", "t", "b", "off_", "nil", "l", "ls", "lm", "ld", "d", "dd", "p", "ver", "num",
         "lazy", "lazylist", "missing", "d.missing", "d.three.deep", "d.three.deep[2].x", "d['one']", "l[0]", "l[-1]",
         "ls[1]", "ld[0]", "ld[0].tags", "ld[5]", "s[1:4]", "l[::-1]", "s[::2]", "t[-5:]", "l[5:]",
         "0", "1", "-1", "2", "10", "3.0", "1.5", "-0.5", "1e3", "true", "false", "none", "''", "'a'", "'ab cd'", "\"it's\"",
         "'1.5'", "'10'", "'x,y,z'", "'%s-%s'", "'%05.2f'", "'{\"a\": [1, 2.0, null]}'", "'a: 1'", "[]", "[1, 2, 3]", "['a', 'b']",
         "[1, 'a', none]", "[[1, 2], [3]]", "{}", "{'a': 1}", "{'k': [1], 'j': {'x': 'y'}}", "(1, 2)", "()", "range(3)", "range(5, 0, -2)"]

FILTERS = ["default('D')", "default([])", "default('', true)", "default(none)", "d(0)", "bool", "length", "count", "int", "int(5)", "float", "lower", "upper",
           "join(',')", "join", "list", "to_json", "to_nice_json", "to_json(sort_keys=true)", "tojson", "from_json", "combine({'z': 9})", "combine(d, recursive=true)", "combine({'one': 5}, list_merge='append')",
           "map('upper') | list", "map('int') | list", "map(attribute='name') | list", "map(attribute='port', default=0) | list", "map('string') | list", "map('regex_replace', 'a', 'b') | list",
           "ternary('yes', 'no')", "ternary(1, 2, 3)", "selectattr('up') | list", "selectattr('name', 'equalto', 'db') | list", "selectattr('port', '>', 100) | map(attribute='name') | list", "rejectattr('tags', 'defined') | list",
           "selectattr('tags', 'defined') | list", "string", "regex_replace('[aeiou]', '*')", "regex_replace('(\\w+) (\\w+)', '\\2 \\1')", "regex_replace('^h', '', ignorecase=true)", "regex_search('l+')", "regex_search('(h)(e)', '\\1')", "regex_findall('[a-z]')",
           "regex_escape", "indent", "indent(2, true)", "indent(width=3, first=false)", "first", "last", "comment", "comment('c')", "comment(decoration='; ')", "replace('l', 'L')", "replace('o', '0', 1)", "sort", "sort(reverse=true)", "sort(case_sensitive=true)",
           "sort(attribute='port')", "trim", "trim('h')", "basename", "dirname", "splitext", "to_yaml", "to_nice_yaml", "to_nice_yaml(indent=2)", "from_yaml", "unique", "dict2items", "items2dict", "dict2items | items2dict", "flatten", "flatten(levels=1)", "quote", "b64encode", "b64encode | b64decode",
           "select | list", "select('defined') | list", "select('string') | list", "select('match', '[a-b]') | list", "reject('none') | list", "reject('number') | list", "difference([1, 'a']) | sort", "intersect([1, 2, 'a']) | sort", "union([9]) | sort", "symmetric_difference([1]) | sort", "type_debug", "mandatory",
           "format('a', 'b')", "format(1)", "split", "split(',')", "split(' ', 1)", "hash('sha1')", "hash('md5')", "md5", "sha1", "checksum", "round", "round(1)", "round(0, 'ceil')", "round(method='floor')", "capitalize", "title", "product([1, 2]) | list", "zip([1, 2]) | list", "zip_longest([1, 2], fillvalue='-') | list",
           "min", "max", "sum", "sum(start=10)", "dictsort", "dictsort(by='value')", "dictsort(false, 'value')", "human_readable", "human_to_bytes", "to_uuid", "urlencode", "urlsplit('path')", "urldecode", "truncate(5)", "truncate(8, true, '')", "wordcount", "wordwrap(5)", "center(20)", "abs", "reverse", "reverse | list", "batch(2) | list",
           "slice(2) | list", "groupby('up') | list", "items | list", "pprint", "escape", "e", "forceescape", "striptags", "filesizeformat", "path_join", "win_basename", "expanduser", "normpath", "commonpath", "subelements('tags', skip_missing=true)", "extract(d)", "extract(l)", "log", "log(10)", "pow(2)", "root", "combinations(2) | list", "permutations(2) | list",
           "attr('x')", "xmlattr", "from_yaml_all | list", "rekey_on_member('name')", "shuffle(seed='q')", "to_datetime", "ansible.builtin.upper", "community.general.dict_kv('k')"]

TESTS = ["defined", "undefined", "string", "none", "number", "mapping", "sequence", "iterable", "boolean", "true", "false", "truthy", "falsy", "integer", "float", "odd", "even", "divisibleby(3)", "divisibleby 2", "match('h.*')", "search('l')", "regex('^H', ignorecase=true)",
         "version('1.9', '>')", "version('2', '<', strict=false)", "equalto(7)", "eq 7", "ne 'a'", "lt 5", "in [1, 2, 7]", "in s", "contains('a')", "contains(1)", "subset([1, 2, 3, 4])", "superset([1])", "any", "all", "lower", "upper", "sameas true", "sameas none", "abs", "url", "succeeded", "failed", "changed", "skipped", "callable", "escaped", "filter", "nan", "abs"]

METHODS = ["upper()", "lower()", "split()", "split(',')", "strip()", "startswith('h')", "endswith('d')", "replace('l', 'r')", "join(['a', 'b'])", "items() | list", "keys() | list", "values() | list", "get('one')", "get('nope', 5)", "find('o')", "index(1)", "count('l')", "title()", "format(1, 2)", "isdigit()", "zfill(6)", "rjust(12, '.')", "partition(' ')", "splitlines()", "copy()", "swapcase()", "rsplit(' ', 1)", "lstrip('h')", "isalpha()", "capitalize()", "center(15, '*')", "expandtabs()", "casefold()", "append(4)", "pop()", "update({'q': 1})", "setdefault('one', 2)", "insert(0, 1)", "extend([8])", "sort()", "remove(1)", "clear()", "reverse()"]

BINARY = ["+", "-", "*", "/", "//", "%", "**", "~", "==", "!=", "<", ">", "<=", ">=", "in", "not in", "and", "or"]


class Grammar:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def pick(self, choices):
        return self.random.choice(choices)

    def expr(self, depth):
        r = self.random.random()
        if depth <= 0 or r < 0.12:
            return self.pick(ATOMS)
        if r < 0.52:
            return f"{self.inner(depth - 1)} | {self.pick(FILTERS)}"
        if r < 0.62:
            return f"{self.inner(depth - 1)} {self.pick(BINARY)} {self.inner(depth - 1)}"
        if r < 0.70:
            return f"{self.inner(depth - 1)} is {self.pick(['', '', 'not '])}{self.pick(TESTS)}"
        if r < 0.78:
            return f"{self.inner(depth - 1)}.{self.pick(METHODS)}"
        if r < 0.84:
            no = f" else {self.inner(depth - 1)}" if self.random.random() < 0.8 else ""
            return f"{self.inner(depth - 1)} if {self.inner(depth - 1)}{no}"
        if r < 0.88:
            return f"{self.pick(['not ', '-', 'not '])}{self.inner(depth - 1)}"
        if r < 0.92:
            return f"[{self.inner(depth - 1)}, {self.inner(depth - 1)}]"
        if r < 0.95:
            return f"{{'k': {self.inner(depth - 1)}, {self.pick(ATOMS[44:50])}: 1}}"
        if r < 0.98:
            return f"{self.inner(depth - 1)}[{self.pick(['0', '-1', '1:', ':2', '::-1', chr(39) + 'one' + chr(39), 'n', '1:-1'])}]"
        return f"{self.inner(depth - 1)} < {self.inner(depth - 1)} <= {self.inner(depth - 1)}"

    def inner(self, depth):
        text = self.expr(depth)
        return text if text.replace("_", "").replace(".", "").isalnum() else f"({text})"

    def template(self):
        r = self.random.random()
        depth = self.pick([1, 2, 2, 3])
        if r < 0.62:
            return "{{ %s }}" % self.expr(depth)
        if r < 0.74:
            return "%s{{ %s }}%s{{ %s }}" % (self.pick(["", "a ", "x=", "⏎"]), self.expr(depth), self.pick([" ", "", "-", "⏎"]), self.expr(1))
        if r < 0.80:
            return "{%% if %s %%}yes{%% else %%}no{%% endif %%}" % self.expr(depth)
        if r < 0.87:
            loop = self.pick(["loop.index", "loop.last", "loop.index0 ~ '/' ~ loop.length", "loop.first", "i", "loop.cycle('a', 'b')", "loop.previtem | default('-')", "loop.changed(i)"])
            cond = self.pick(["", "", " if i", " if i is string", " if i != 1"])
            return "{%% for i in %s%s %%}[{{ i }}:{{ %s }}]{%% else %%}empty{%% endfor %%}" % (self.inner(depth - 1), cond, loop)
        if r < 0.92:
            return "{%% set x = %s %%}{{ x }}%s" % (self.expr(depth), self.pick(["", " {{ x is defined }}", "⏎"]))
        if r < 0.95:
            return "{%% macro m(a, b=%s) %%}<{{ a }}|{{ b }}>{%% endmacro %%}{{ m(%s) }}" % (self.pick(ATOMS), self.inner(1))
        return "? " + self.expr(depth)


def main():
    grammar = Grammar(int(sys.argv[1]))
    print(VARIABLES + "---")
    seen = set()
    while len(seen) < int(sys.argv[2]):
        case = grammar.template()
        if case not in seen:
            seen.add(case)
            print(case)


main()
