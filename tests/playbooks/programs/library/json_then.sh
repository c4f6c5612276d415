#!/bin/sh
echo 'junk before'
echo '{"changed": false, "msg": "good"}'
echo 'junk after'
