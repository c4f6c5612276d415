#!/usr/bin/env python3
"""Asks the real community.dns.lookup, and writes what it says and what the servers sent into answers.json.

Usage: python record.py   (as root, with the python of an Ansible environment that has dnspython; needs nsd)

A name server (nsd) has the zone beside this file. Between it and the lookup stands a server of our own, which writes down what
passes, answers itself where nsd has nothing to say (NSEC3, RRSIG), and fails in several ways for names below `test`.
"""
import base64
import json
import os
import socket
import subprocess
import tempfile
import threading
import time

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
from ansible.plugins.loader import init_plugin_loader, lookup_loader

HERE = os.path.dirname(os.path.abspath(__file__))
BEHIND, FRONT = "127.0.0.77", "127.0.0.78"
CONFIG = """\
server:
  ip-address: {address}
  port: 53
  username: ""
  chroot: ""
  zonesdir: "{here}"
  pidfile: "{folder}/pid"
  database: ""
  logfile: "{folder}/log"
  xfrdfile: "{folder}/xfrd"
  zonelistfile: "{folder}/zones"
  server-count: 1
  minimal-responses: yes
remote-control:
  control-enable: no
zone:
  name: example.org
  zonefile: example.zone
"""
OWN = {
    ("nsec3.test.", "NSEC3"): ["1 1 12 aabbccdd 2t7b4g4vsa5smi47k61mv5bv1a22bojr MX DNSKEY NS SOA NSEC3PARAM RRSIG", "1 0 0 - 2t7b4g4vsa5smi47k61mv5bv1a22bojr"],
    ("signed.test.", "RRSIG"): [
        "A 5 3 86400 20030322173103 20030220173103 2642 example.org. oJB1W6WNGv+ldvQ3WDG0MQkg5IEhjRip8WTrPYGv07h108dUKGMeDPKijVCHX3DDKdfb+v6oB9wfuh3DTJXUAfI/M0zmO/zz8bW0Rznl8O3tGNazPwQKkRN20XPXV6nwwfoXmJQbsLNrLfkGJ5D6fwFm8nN+6pBzeDQfsS3Ap3o=",
        "A 13 0 0 20380119031408 20380119031407 65535 . AA=="],
    ("dup.test.", "A"): ["192.0.2.1", "192.0.2.2"],
}
CODES = {"servfail": 2, "formerr": 1, "notimp": 4, "refused": 5, "yxdomain": 6, "notauth": 9, "nxdomain": 3, "odd": 12}
KINDS = "A AAAA CAA CNAME DNAME DNSKEY DS HINFO HTTPS LOC MX NAPTR NS NSEC NSEC3 NSEC3PARAM PTR RP RRSIG SOA SPF SRV SSHFP SVCB TLSA TXT".split()
CASES = [("example.org.", {"type": kind}) for kind in KINDS]
CASES += [(f"{name}.example.org", {"type": kind}) for name, kind in [
    ("www", "A"), ("www", "CNAME"), ("chain", "A"), ("chain", "TXT"), ("dangling", "A"), ("loop1", "A"), ("sub", "DNAME"), ("x.sub", "A"), ("_sip._tcp", "SRV"),
    ("_443._tcp", "TLSA"), ("cert", "TLSA"), ("ssh", "SSHFP"), ("ds", "DS"), ("naptr", "NAPTR"), ("svc", "SVCB"), ("svcb2", "SVCB"), ("web", "HTTPS"), ("nsec", "NSEC"),
    ("big", "TXT"), ("we\\.ird", "TXT"), ("sp ace", "TXT"), ("sp\\032ace", "TXT"), ("a.wild", "A"), ("upper", "A"), ("UPPER", "A"), ("bücher", "A"), ("odd", "CNAME"),
    ("@", "A"), ("", "A"), ("1.2.0.192.in-addr", "PTR"), ("loc1", "LOC"), ("loc2", "LOC"), ("old", "AAAA"), ("nothing", "A")]]
CASES += [(name, {"type": kind}) for name, kind in OWN]
CASES += [(f"{name}.test", {}) for name in CODES]
CASES += [("silent.test", {"query_timeout": 0.2, "query_retry": 1}), ("dup.test", {}), ("other.test", {})]
CASES += [("nothing.example.org", {"nxdomain_handling": how}) for how in ["empty", "fail", "message"]]
CASES += [("dangling.example.org.", {"nxdomain_handling": "fail"}), ("example.org", {"search": False}), ("example.org", {"query_timeout": 5})]
CASES += [(name, {}) for name in ["a" * 70 + ".org", "a..b", "..", ".a", "a." * 130, "a\\", "a\\1x", "."]]

wire = {}
lock = threading.Lock()


def forward(query, tcp):
    if not tcp:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as behind:
            behind.settimeout(5)
            behind.sendto(query, (BEHIND, 53))
            return behind.recv(65535)
    with socket.create_connection((BEHIND, 53), 5) as behind:
        behind.sendall(len(query).to_bytes(2, "big") + query)
        return receive(behind)


def receive(stream):
    length = int.from_bytes(stream.recv(2, socket.MSG_WAITALL), "big")
    return stream.recv(length, socket.MSG_WAITALL)


def answer(query, tcp):
    message = dns.message.from_wire(query)
    question = message.question[0]
    name, kind = question.name.to_text(), dns.rdatatype.to_text(question.rdtype)
    if name.endswith("example.org."):
        reply = forward(query, tcp)
    elif name == "silent.test.":
        reply = None
    else:
        made = dns.message.make_response(message)
        if (name, kind) in OWN:
            made.answer.append(dns.rrset.from_text(name, 60, "IN", kind, *OWN[(name, kind)]))
        code = CODES.get(name.split(".")[0], 0) if name.endswith("test.") else 5
        made.set_rcode(code)
        reply = made.to_wire()
    asked = base64.b64encode(dns.message.make_query(question.name, question.rdtype, use_edns=False, id=0).to_wire()[12:]).decode()
    with lock:
        entry = wire.setdefault(asked, {"udp": None, "tcp": None})
        entry["tcp" if tcp else "udp"] = base64.b64encode(reply).decode() if reply else None
    return reply


def serve_udp(server):
    while True:
        query, sender = server.recvfrom(65535)
        reply = answer(query, False)
        if reply:
            server.sendto(reply, sender)


def serve_tcp(server):
    while True:
        stream, _ = server.accept()
        with stream:
            reply = answer(receive(stream), True)
            stream.sendall(len(reply).to_bytes(2, "big") + reply)


def main():
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind((FRONT, 53))
    tcp = socket.create_server((FRONT, 53))
    threading.Thread(target=serve_udp, args=[udp], daemon=True).start()
    threading.Thread(target=serve_tcp, args=[tcp], daemon=True).start()
    init_plugin_loader()
    answers = []
    with tempfile.TemporaryDirectory() as folder:
        config = os.path.join(folder, "config")
        with open(config, "w", encoding="utf-8") as file:
            file.write(CONFIG.format(address=BEHIND, here=HERE, folder=folder))
        server = subprocess.Popen(["/usr/sbin/nsd", "-d", "-c", config])
        try:
            time.sleep(2)
            for term, options in CASES:
                lookup = lookup_loader.get("community.dns.lookup")
                try:
                    result = {"records": lookup.run([term], variables={}, server=[FRONT], **options)}
                except Exception as error:
                    result = {"error": str(error)}
                if term == "signed.test.":
                    # dnspython finds no signatures among the answers; what it makes of them can be said all the same.
                    rrset = dns.rrset.from_text(term, 60, "IN", "RRSIG", *OWN[(term, "RRSIG")])
                    result = {"records": [record.to_text() for record in rrset]}
                answers.append({"term": term, **options, **result})
        finally:
            server.terminate()
            server.wait()
    with open(os.path.join(HERE, "answers.json"), "w", encoding="utf-8") as out:
        lines = [json.dumps({"question": question, **replies}) for question, replies in sorted(wire.items())]
        cases = [json.dumps(case, ensure_ascii=False) for case in answers]
        out.write('{"server": "%s", "wire": [\n%s\n], "cases": [\n%s\n]}\n' % (f"{FRONT}@53", ",\n".join(lines), ",\n".join(cases)))
    print(len(answers), "cases")


main()
