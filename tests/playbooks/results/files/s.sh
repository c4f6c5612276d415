#!/bin/sh
echo "script $1 $2"
exit 0
