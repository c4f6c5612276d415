#!/bin/sh
echo '{"changed": true, "warnings": ["third"], "deprecations": [{"msg": "a", "version": "2.25", "collection_name": "community.general"}, {"msg": "b", "date": "2030-01-01", "collection_name": "community.general"}, {"msg": "c", "date": "2030-01-01", "collection_name": "ansible.builtin"}, {"msg":"d.","version":"3.0"}, {"msg": "e"}]}'
