#!/bin/sh
echo '{"ansible_facts": {"from_prog": 7, "ansible_foo": 8}, "warnings": ["w1"], "deprecations": [{"msg": "d1", "version": "9.9"}]}'
