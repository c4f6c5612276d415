#!/usr/bin/env python3
"""Records what ansible-vault (ansible-core 2.19) does with each line of `commands.txt`, to `expected.txt`.

    tests/vault/record.py FOLDER        # with the programs of ansible-core

`tests/vault.rs` runs the same lines. Of standard error, the lines that begin with `[ERROR]` count.
"""
import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
FILES = {
    'p1': 'one\n', 'p2': 'two\n', 'f': 'a: 1\n', 'g': 'g: 1\n', 'g2': 'g: 2\n',
    'script': '#!/bin/sh\necho one\n', 'my-client': '#!/bin/sh\necho "$2"\n',
}

with tempfile.TemporaryDirectory() as scratch:
    folder = pathlib.Path(scratch).resolve()
    for name, text in FILES.items():
        (folder / name).write_text(text)
        if text.startswith('#!'):
            (folder / name).chmod(0o755)
    env = {'PATH': f'{sys.argv[1]}:{os.environ["PATH"]}', 'HOME': str(folder), 'LANG': 'C.UTF-8', 'ANSIBLE_NOCOLOR': '1',
           'ANSIBLE_VAULT_ENCRYPT_SALT': 'salt'}
    out = ''
    for line in (HERE / 'commands.txt').read_text().splitlines():
        done = subprocess.run(['sh', '-c', line], cwd=folder, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        errors = ''.join(text + '\n' for text in done.stderr.splitlines() if text.startswith('[ERROR]'))
        out += f'$ {line}\n{done.stdout}{errors}[exit {done.returncode}]\n\n'.replace(str(folder), '{dir}')
    (HERE / 'expected.txt').write_text(out)
