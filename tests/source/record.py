#!/usr/bin/env python3
"""Records what ansible-core (2.19) and PyYAML make of texts, as data for the tests of `source`.

Run it with a Python that has ansible-core installed: python3 tests/source/record.py
"""
import datetime
import json
import math
import pathlib
import random

import yaml
from ansible.parsing.splitter import parse_kv, split_args

HERE = pathlib.Path(__file__).parent

ARGUMENTS = [
    r'a=b c="foo bar"', r'echo hi', r'echo "a=b" creates=/tmp/x', r'creates=/tmp/x echo hi',
    r'chdir=/tmp ls -l | grep a=b', r'echo {{ foo | default("a b") }} x', r'a={{ foo bar }} b="{{ x }} y"',
    r'a={% if x %} y {% endif %} z=1', r'echo "unbalanced', r'echo {{ foo', r'a=b\ c d=e',
    r"a='it''s' b=\"x\"", 'a=b\nc=d', 'echo a \\\n b', 'echo a\n b', r'a="b\"c"',
    r'a=\\n b="\n" c="\t\\" d=\x41', r'a=\\n b="\n" c="\t\\x" d=\x41', r'src=foo dest=~/bar mode=0644',
    r'=foo', r'a=', r'a="" b', r'echo a="b c"', r'echo a = b', r'a=b=c', r"msg='hello world' var=x", r'"a=b"',
    r"'a b'=c", r'_raw_params=ls', r'_raw_params=ls -l',
    r'echo hi executable=/bin/bash warn=no removes=x stdin=y stdin_add_newline=no strip_empty_ends=no argv=z',
    r'echo expand_argument_vars=no cmd=x', r'{{ x }}', r'{# a b #} c', r'foo.yml a=1 b="x y"',
    r'free form  with   spaces', 'multi\n\n lines', 'a=b # comment', r'echo \"hi\"', r"echo 'it'\''s'",
    r'a="x" "y"', "a='{\"x\": 1}'", r'a={"x": 1, "y": [1, 2]}', r'name=foo state="present"', r'a=b"c d"e', '',
    '   ', r'path=/a\=b', r'creates="/a b" touch "/a b"', r'cmd="ls -l" chdir=/', r'echo creates\=x',
    r'echo a\=b c', r'foo=a\=b', r"echo 'creates=x'", 'a=1 a=2', r'export FOO=bar; echo $FOO',
    r"sed -e 's/a=b/c=d/' f", 'cat <<EOF\nfoo=bar\nEOF\n', r'a="\u00e9" b=é c="\u{41}" d="\101"', 'a="x\\\ny"',
    '\ta=b\tc=d', 'a=b\\', '"', r'\\', "x={{ 'a' if b else \"c d\" }}y", r'x="{{ foo["bar"] }}"',
    r"{% for x in y %}a={{ x }} {% endfor %}", 'echo {{ a }}\necho b  c\n  echo d', r'a= b', r'!unsafe a=b',
    r'dest = foo', r"shell='a' b", r'a=`b c`', r"a='b' c='d e' 'f g'",
    "a=\"{{ b }}\" c='{% if x %}y z{% endif %}'", "}} a=b", "a={{ {'x': {'y': 1}} }} b=2",
    ' echo', '  echo', '  echo  ', 'echo ', 'echo\n', '\necho', '\n\necho', 'a=b\\\nc', 'a=b \\\nc=d', 'a \\\\\nb',
    '\\\n', '\\', 'a \\', "x={{ it's }} b", "x={{ \"a }} b\" }} y", 'a="b\\" c', 'a="b\\"', "a='b\\'", "a='b\\' c'",
    'a="b\\\\" c', r'a=\a\b\f\v\r', r'a=\N{DEGREE SIGN} b', r'a=\N{DEGREE} b', r'a=\U0001F600', r'a=\x4', r'a=\u12',
    'a="x\ny" b', 'a="x\n  y\n z" b=c', "{{ a\n b }} c", "{# it's #} x", "{% a %}{% b %} c d", "{{ a }}{{ b }} c",
    "{{ {{ a }} b }} c", "{% raw %}{{ a b }}{% endraw %} c", "a={{b}} c={{ d }}", "{{a}} b", "{ { a b", "{%- a b -%} c",
    "a==b", "a=\"b=c\" d", "creates='a b", 'a=b  c=d', 'a=b   ', 'a=b\t', "a=\u00a0b c", "echo {{ a }}  b", "echo 'a  b'  c",
    "echo 'a\n\n b'\n\n c", 'x="a" y=\'b\' z=c"d"', 'a="b"c', "'", "''", '""', "a=''", 'a="\'"', "a='\"'", 'a=" b "', "a=' b'",
    "a=\\'b c\\'", "creates=/a  ls", "ls creates=/a\n", "ls\ncreates=/a\nb", "ls -l \\\n  -a \\\n  creates=x", "chdir=/x\ncmd a=b",
    "key: value", "echo \"{{ item }}\" > '{{ dest }}/x y'", "name={{ item.name }} state={{ item.state | default('present') }}",
    "regexp='^foo=(.*)$' line='foo=\\1'", "regexp=^foo=\\d+ line=\"a\\nb\"", "a=\"{{ x | replace('\\\\', '/') }}\"", "{#", "{# x", "#} a", "%} a", "{% a }} b %} c",
]

PIECES = ['a', 'b=', 'creates=', 'x=1', ' ', ' ', ' ', '  ', '\n', '\\', '\\\n', '"', '"', "'", "'", '{{', '}}', '{%', '%}', '{#', '#}', '=', '\\=', '\\"', "\\n", 'é', '\t', '\\\\']

SCALARS = """
yes Yes YES yEs no No NO true True TRUE tRUE false False FALSE on On ON off Off OFF y Y n N ~ null Null NULL nuLL None
0 00 01 07 08 09 010 0644 0o644 0_7 0_ 0x 0xF 0x_1F 0xfg 0b 0b101 0b_1 0b12 0B1 0X1 -0b11 +0x1f -0x1F -0644 +12 -12 12 1_000 _1 1_
1__0 1:30 1:60 1:5 1:05 01:30 190:20:30 -1:30 +1:30 1:30:00 1:2:3:4 1:: :1 1:300 1_0:30 08:30 00:00 0:0 12:30:45.6 20:30. 20:30.5 0:0.0 1:30._5
1.0 1. .5 -.5 +.5 ._1 1_0.5 1.5e3 1.5e+3 1.5E-3 1e3 1e+3 1.e+3 5.e+3 .5e+3 .5e3 1.5e+ 1.0e400 1.0e+400 1.0e-400 0.1 00.1 01.5 1.2.3 1._5 1.5_
.inf .Inf .INF .iNF -.inf +.inf inf -inf .nan .NaN .NAN -.nan nan - + . .. -- +- -+1 - 1- 1+ e3 1e
9223372036854775807 9223372036854775808 -9223372036854775808 0xffffffffffffffff 12345678901234567890123 999999999999999999999.5
2001-01-01 2001-1-1 2001-01-01T00:00:00Z 192.168.0.1 1.2.3 v1.0 10.0.0.0/8 fe80::1 00:11:22:33:44:55 11:22:33 1-2 1/2 1,000 0.0 -0 -0.0 +0 0.
a:b a#b foo-bar /etc/passwd 644 0755 u=rwx 1M 10k 5s 3.0e 0e1 0.0e+1 0.1e-2 1_000.5 1_000_000 +1_0 0b 0x_ _ __ =a <
""".split()


def plain(value):
    """A value as JSON with its type; what Rust keeps as text on purpose is marked."""
    if isinstance(value, (datetime.date, datetime.datetime)):
        return ['date', None]
    if isinstance(value, bool):
        return ['bool', value]
    if value is None:
        return ['null', None]
    if isinstance(value, int):
        return ['int' if -2**63 <= value < 2**63 else 'bigint', str(value)]
    if isinstance(value, float):
        return ['float', 'nan' if math.isnan(value) else repr(value)]
    return ['str', value]


def scalars():
    rng = random.Random(1)
    texts = SCALARS + [''.join(rng.choice('0011289_.:+-exbaEF') for _ in range(rng.randint(1, 7))) for _ in range(3000)]
    rows = []
    loader = yaml.SafeLoader('')
    for text in dict.fromkeys(texts):
        tag = loader.resolve(yaml.ScalarNode, text, (True, False))
        try:
            value = loader.yaml_constructors.get(tag)(loader, yaml.ScalarNode(tag, text))
        except Exception as error:
            rows.append([text, 'error', type(error).__name__])
        else:
            rows.append([text, *plain(value)])
    return rows


def arguments():
    rng = random.Random(2)
    texts = ARGUMENTS + [''.join(rng.choice(PIECES) for _ in range(rng.randint(1, 12))) for _ in range(2500)]
    rows = []
    for text in dict.fromkeys(texts):
        try:
            rows.append({
                'text': text,
                'split': split_args(text),
                'kv': list(map(list, parse_kv(text).items())),
                'raw': list(map(list, parse_kv(text, check_raw=True).items())),
            })
        except Exception as error:
            rows.append({'text': text, 'error': str(error)})
    return rows


def write(name, rows):
    lines = ',\n'.join(json.dumps(row, ensure_ascii=True) for row in rows)
    (HERE / name).write_text(f'[\n{lines}\n]\n')


write('scalars.json', scalars())
write('arguments.json', arguments())
