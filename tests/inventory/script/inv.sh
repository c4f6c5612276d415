#!/bin/sh
cat <<'EOF'
{"g": {"hosts": ["a", "b"], "vars": {"v": "{{ 1+1 }}", "n": 1.0}, "children": ["child"]},
 "child": {"hosts": ["c"]}, "new": {"children": ["newer"]},
 "_meta": {"hostvars": {"a": {"z": 1, "l": [1, {"x": null}]}, "zz": {"y": 1}}}}
EOF
