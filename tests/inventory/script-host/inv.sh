#!/bin/sh
if [ "$1" = --host ]; then
  echo "{\"me\": \"$2\"}"
else
  echo '{"g": ["a", "b"], "lone": {"foo": 1}}'
fi
