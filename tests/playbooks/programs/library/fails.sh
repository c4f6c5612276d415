#!/bin/sh
echo '{"failed": true, "msg": "it failed", "x": 1}'
echo to stderr >&2
exit 3
