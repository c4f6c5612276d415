#!/bin/sh
# An inventory can be a program: with --list it prints groups and, under _meta, the variables of all hosts.
cat <<'JSON'
{
  "web": {"hosts": ["web1.example.org", "web2.example.org"], "vars": {"http_port": 8080}},
  "_meta": {"hostvars": {"web1.example.org": {"rack": "a"}, "web2.example.org": {"rack": "b"}}}
}
JSON
