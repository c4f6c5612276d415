#!/bin/sh
# Arguments as words, quoted for a shell.
. "$1"
printf '{"changed": true, "a": "%s", "b": "%s", "c": "%s", "check": "%s", "files": %d}' "$a" "$b" "$c" "$_ansible_check_mode" "$#"
