#!/bin/sh
cat <<'X'
{"changed": true, "diff": {"before": "old\n", "after": "new\n"}, "_ansible_secret": 1}
X
