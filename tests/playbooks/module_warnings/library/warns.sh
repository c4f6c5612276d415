#!/bin/sh
echo '{"changed": true, "warnings": ["first", "second"], "deprecations": [{"msg": "old thing", "version": "2.25", "collection_name": "ansible.builtin"}]}'
