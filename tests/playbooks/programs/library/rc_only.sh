#!/bin/sh
echo '{"msg": "rc 3 but fine", "x": 1}'
exit 3
