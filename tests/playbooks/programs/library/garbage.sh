#!/bin/sh
echo 'no json here'
echo err >&2
exit 4
