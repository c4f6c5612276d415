#!/usr/bin/env python3
"""Records what ansible-core and a cluster's API answer to the lookup kubernetes.core.k8s.

    record.py https://HOST:PORT TOKEN ANSIBLE_PLAYBOOK

The cluster needs the objects of `objects.yml`; the Python of ansible-playbook needs the package `kubernetes`.
`cases.txt` has an expression on each line, with `c` for the options of access. Written are `answers.json` (what the API
said to each request, the token `token` for the one given) and `expected.json` (what Ansible made of it).
"""

import http.server
import json
import os
import pathlib
import ssl
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.parse
import urllib.request

here = pathlib.Path(__file__).parent
server, token, ansible = sys.argv[1:]
answers = {}
context = ssl.create_default_context()
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE


class Recorder(http.server.BaseHTTPRequestHandler):
    """Passes requests on and notes the answers."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        headers = {"Accept": "application/json", "Authorization": self.headers.get("Authorization", "")}
        headers["Authorization"] = headers["Authorization"].replace("Bearer token", "Bearer " + token)
        request = urllib.request.Request(server + self.path, headers=headers)
        try:
            answer = urllib.request.urlopen(request, context=context)
        except urllib.error.HTTPError as error:
            answer = error
        body = answer.read()
        url = urllib.parse.urlsplit(self.path)
        query = sorted(urllib.parse.parse_qsl(url.query))
        key = " ".join([urllib.parse.unquote(url.path)] + [f"{name}={value}" for name, value in query])
        # Whoever is not known hears the same from every address.
        key = key if self.headers.get("Authorization") == "Bearer token" else "unknown"
        answers[key] = {"status": answer.status, "body": body.decode()}
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.headers["Content-Type"])
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


recorder = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Recorder)
threading.Thread(target=recorder.serve_forever, daemon=True).start()
cases = [line for line in (here / "cases.txt").read_text().splitlines() if line and not line.startswith("#")]
access = {"host": f"http://127.0.0.1:{recorder.server_port}", "api_key": "token"}
expected = []
with tempfile.TemporaryDirectory() as folder:
    play = [
        {
            "hosts": "localhost",
            "gather_facts": False,
            "vars": {"c": access},
            "tasks": [
                {"ansible.builtin.debug": {"msg": "{{ " + case + " }}"}, "ignore_errors": True} for case in cases
            ],
        }
    ]
    path = pathlib.Path(folder, "play.json")
    path.write_text(json.dumps(play))
    env = dict(os.environ, ANSIBLE_STDOUT_CALLBACK="ansible.posix.json", HOME=folder)
    run = subprocess.run([ansible, str(path)], env=env, capture_output=True, text=True, check=False)
    document = json.JSONDecoder().raw_decode(run.stdout[run.stdout.index("{") :])[0]
    for case, task in zip(cases, document["plays"][0]["tasks"], strict=True):
        result = task["hosts"]["localhost"]
        message = result["msg"]
        if result.get("failed"):
            message = message.split("Error while resolving value for 'msg': ", 1)[-1]
            # Headers with the time of day and a traceback are left out here, too.
            lines = message.split("\n")
            message = "\n".join(line for line in lines if not line.startswith("HTTP response headers:"))
            message = message.split("\n\nOriginal traceback:", 1)[0].rstrip()
            expected.append({"case": case, "error": message})
        else:
            expected.append({"case": case, "value": message})
# The answer about groups that are not there.
request = urllib.request.Request(f"{access['host']}/apis/missing", headers={"Authorization": "Bearer token"})
try:
    urllib.request.urlopen(request)
except urllib.error.HTTPError as error:
    print("missing:", error.status)
for name, data in (("answers", answers), ("expected", expected)):
    (here / f"{name}.json").write_text(json.dumps(data, indent=1, sort_keys=True) + "\n")
print(f"{len(expected)} cases, {len(answers)} answers")
