#!/bin/sh
echo '{"ping": "of the library"}'
