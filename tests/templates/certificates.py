#!/usr/bin/env python3
"""Writes certificates of all kinds, and what to ask about them, into certificates.txt.

Usage: python certificates.py   (needs `cryptography` and the program openssl), then generate.py certificates.txt
(needs the collection community.crypto and `idna`)

The keys are new each time. No certificate ends near today, so that nobody sees one expire.
"""
import datetime
import ipaddress
import json
import os
import subprocess
import tempfile

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, padding, rsa, x448, x25519
from cryptography.x509 import oid

RSA = rsa.generate_private_key(65537, 1024)
EC = ec.generate_private_key(ec.SECP256R1())
NAMES = oid.NameOID
PAST = datetime.datetime(2010, 2, 3, 4, 5, 6)
FUTURE = datetime.datetime(2049, 12, 31, 23, 59, 59)


def name(*pairs):
    return x509.Name([x509.NameAttribute(kind, value, *more) for kind, value, *more in pairs])


CA_NAME = name((NAMES.COMMON_NAME, "Test CA"), (NAMES.ORGANIZATION_NAME, "Example"))


def build(subject=None, issuer=CA_NAME, public=None, signer=EC, algorithm=hashes.SHA256(), serial=4711, begin=PAST, end=FUTURE,
          extensions=(), **how):
    builder = x509.CertificateBuilder().subject_name(subject if subject is not None else name((NAMES.COMMON_NAME, "host")))
    builder = builder.issuer_name(issuer).public_key(public or EC.public_key()).serial_number(serial)
    builder = builder.not_valid_before(begin).not_valid_after(end)
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return builder.sign(signer, algorithm, **how).public_bytes(serialization.Encoding.PEM).decode()


def with_names(*names, critical=False):
    return build(extensions=[(x509.SubjectAlternativeName(names), critical)])


def usage(**used):
    kinds = ["digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign",
             "crl_sign", "encipher_only", "decipher_only"]
    return x509.KeyUsage(**{kind: used.get(kind, False) for kind in kinds})


def access(*pairs):
    kinds = {"ocsp": oid.AuthorityInformationAccessOID.OCSP, "issuer": oid.AuthorityInformationAccessOID.CA_ISSUERS,
             "other": x509.ObjectIdentifier("1.2.3.4")}
    return x509.AuthorityInformationAccess([x509.AccessDescription(kinds[kind], where) for kind, where in pairs])


def openssl(config, *arguments):
    """A self-signed certificate as `openssl req` makes it."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "config")
        with open(path, "w", encoding="utf-8") as file:
            file.write(config)
        command = ["openssl", "req", "-x509", "-new", "-nodes", "-keyout", os.path.join(folder, "key"), "-config", path, "-days",
                   "36500", "-utf8", *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def version_1():
    with tempfile.TemporaryDirectory() as folder:
        key, request = os.path.join(folder, "key"), os.path.join(folder, "request")
        subprocess.run(["openssl", "req", "-new", "-newkey", "rsa:1024", "-nodes", "-keyout", key, "-out", request, "-subj", "/CN=old"],
                       check=True, capture_output=True)
        command = ["openssl", "x509", "-req", "-in", request, "-signkey", key, "-days", "36500", "-set_serial", "1"]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def general(uri):
    return x509.UniformResourceIdentifier(uri)


KEY = RSA.public_key()
KEY_ID = x509.SubjectKeyIdentifier.from_public_key(KEY)
OTHER = x509.OtherName(x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3"), b"\x0c\x10user@example.org")
PLAIN = "[req]\ndistinguished_name=dn\nprompt=no\nx509_extensions=e\n[dn]\n%s\n[e]\n%s\n"

CERTIFICATES = {
    "rsa": build(public=KEY, signer=RSA),
    "rsa_exponent_3": build(public=rsa.generate_private_key(3, 1024).public_key()),
    "rsa_pss": build(signer=RSA, rsa_padding=padding.PSS(padding.MGF1(hashes.SHA256()), 32)),
    "rsa_sha1": openssl(PLAIN % ("CN=old", "basicConstraints=CA:false"), "-newkey", "rsa:1024", "-sha1"),
    "rsa_sha512": build(signer=RSA, algorithm=hashes.SHA512()),
    "rsa_sha3": build(signer=RSA, algorithm=hashes.SHA3_256()),
    "dsa": build(public=dsa.generate_private_key(1024).public_key(), signer=dsa.generate_private_key(1024)),
    "p256": build(),
    "p384": build(public=ec.generate_private_key(ec.SECP384R1()).public_key(), algorithm=hashes.SHA384()),
    "p521": build(public=ec.generate_private_key(ec.SECP521R1()).public_key(), algorithm=hashes.SHA3_512()),
    "p192": build(public=ec.generate_private_key(ec.SECP192R1()).public_key(), algorithm=hashes.SHA224()),
    "k256": build(public=ec.generate_private_key(ec.SECP256K1()).public_key()),
    "brainpool": build(public=ec.generate_private_key(ec.BrainpoolP256R1()).public_key()),
    "ed25519": build(public=ed25519.Ed25519PrivateKey.generate().public_key(), signer=ed25519.Ed25519PrivateKey.generate(), algorithm=None),
    "ed448": build(public=ed448.Ed448PrivateKey.generate().public_key(), signer=ed448.Ed448PrivateKey.generate(), algorithm=None),
    "x25519": build(public=x25519.X25519PrivateKey.generate().public_key()),
    "x448": build(public=x448.X448PrivateKey.generate().public_key()),
    "authority": build(CA_NAME, extensions=[
        (x509.BasicConstraints(True, 2), True), (usage(key_cert_sign=True, crl_sign=True), True), (KEY_ID, False),
        (x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(KEY_ID), False)]),
    "authority_no_length": build(CA_NAME, extensions=[(x509.BasicConstraints(True, None), False)]),
    "no_authority": build(extensions=[(x509.BasicConstraints(False, None), True)]),
    "full_authority_key": build(extensions=[(x509.AuthorityKeyIdentifier(b"\0\1\xfe", [x509.DirectoryName(CA_NAME), x509.DNSName("ca")], 2 ** 70), False)]),
    "authority_issuer_only": build(extensions=[(x509.AuthorityKeyIdentifier(None, [x509.DirectoryName(CA_NAME)], 0), False)]),
    "names": with_names(
        x509.DNSName("example.org"), x509.DNSName("*.example.org"), x509.DNSName(""), x509.IPAddress(ipaddress.ip_address("192.0.2.1")),
        x509.IPAddress(ipaddress.ip_address("2001:db8::1")), x509.RFC822Name("me@example.org"), general("https://example.org/a?b#c"),
        x509.RegisteredID(x509.ObjectIdentifier("1.2.840.113549.1.1.11")), x509.DirectoryName(name((NAMES.COMMON_NAME, "a, b"), (NAMES.COUNTRY_NAME, "DE"))), OTHER),
    "names_critical": with_names(x509.DNSName("a"), critical=True),
    "no_names": with_names(),
    "network_names": with_names(x509.IPAddress(ipaddress.ip_address("::ffff:1.2.3.4")), x509.IPAddress(ipaddress.ip_address("::"))),
    "idn": with_names(
        x509.DNSName("xn--bcher-kva.example"), x509.DNSName("*.xn--strae-oqa.de"), x509.DNSName("xn--p1b6ci4b4b3a.xn--11b5bs3a9aj6g"), x509.DNSName("xn--zz"), x509.DNSName("xn--n3h.net"),
        x509.RFC822Name("me@xn--bcher-kva.example"), general("https://xn--bcher-kva.example:8443/p%20q"), general("https://u:p@xn--bcher-kva.example/"), general("urn:x:y"), general("mailto:a@xn--bcher-kva.example")),
    "directory_names": with_names(
        x509.DirectoryName(x509.Name([x509.RelativeDistinguishedName([x509.NameAttribute(NAMES.COMMON_NAME, "x"), x509.NameAttribute(NAMES.USER_ID, "y+z")])])),
        x509.DirectoryName(name((NAMES.COMMON_NAME, " \"q\" <a>;=#\\, "), (x509.ObjectIdentifier("1.2.3.4.5"), "odd"), (NAMES.EMAIL_ADDRESS, "a@b"), (NAMES.DOMAIN_COMPONENT, "org"))),
        x509.DirectoryName(name((NAMES.ORGANIZATION_NAME, "#hash"), (NAMES.SURNAME, "Ünï"), (NAMES.STATE_OR_PROVINCE_NAME, "tab\tnew\nline"), (NAMES.LOCALITY_NAME, "/slash/"))),
        x509.DirectoryName(name())),
    "other_name": with_names(x509.OtherName(x509.ObjectIdentifier("1.2.3"), b"\x04\x03\x01\x02\xff"), x509.OtherName(x509.ObjectIdentifier("2.5.4.3"), b"\x05\x00")),
    "usages": build(extensions=[(usage(digital_signature=True, content_commitment=True, key_encipherment=True, data_encipherment=True, key_agreement=True, encipher_only=True), False)]),
    "decipher_only": build(extensions=[(usage(key_agreement=True, decipher_only=True), True)]),
    "extended_usages": build(extensions=[(x509.ExtendedKeyUsage([
        getattr(oid.ExtendedKeyUsageOID, kind) for kind in dir(oid.ExtendedKeyUsageOID) if kind.isupper()] + [x509.ObjectIdentifier(other) for other in [
            "1.2.3.4", "1.3.6.1.5.5.7.3.5", "1.3.6.1.5.5.7.3.7", "1.3.6.1.5.5.7.3.10", "1.3.6.1.5.5.7.1.2", "1.3.6.1.4.1.311.2.1.21", "1.3.6.1.4.1.311.10.3.4", "2.16.840.1.113730.4.1", "1.3.6.1.5.5.7.3.21", "1.3.6.1.5.2.3.4"]]), True)]),
    "staple": build(extensions=[(x509.TLSFeature([x509.TLSFeatureType.status_request]), True)]),
    "staple_2": build(extensions=[(x509.TLSFeature([x509.TLSFeatureType.status_request_v2]), False)]),
    "staple_both": build(extensions=[(x509.TLSFeature([x509.TLSFeatureType.status_request_v2, x509.TLSFeatureType.status_request]), False)]),
    "access": build(extensions=[(access(("ocsp", general("http://ocsp.example.org/1")), ("ocsp", general("http://ocsp.example.org/2")), ("issuer", x509.DNSName("x")), ("issuer", general("http://ca.example.org/ca.crt"))), False)]),
    "access_other": build(extensions=[(access(("other", general("http://x")), ("ocsp", x509.DNSName("ocsp"))), False)]),
    "many_extensions": build(extensions=[
        (x509.NameConstraints([x509.DNSName("example.org")], [x509.IPAddress(ipaddress.ip_network("10.0.0.0/8"))]), True),
        (x509.CertificatePolicies([x509.PolicyInformation(x509.ObjectIdentifier("2.5.29.32.0"), ["https://example.org/cps"])]), False),
        (x509.CRLDistributionPoints([x509.DistributionPoint([general("http://example.org/crl")], None, None, None)]), False),
        (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4.5.6"), b"\x30\x03\x01\x01\xff"), True),
        (x509.OCSPNoCheck(), False), (x509.InhibitAnyPolicy(3), False), (x509.PolicyConstraints(1, 2), False)]),
    "subject": build(name(
        (NAMES.COUNTRY_NAME, "DE"), (NAMES.STATE_OR_PROVINCE_NAME, "Sachsen"), (NAMES.LOCALITY_NAME, "Görlitz"), (NAMES.STREET_ADDRESS, "Straße 1"),
        (NAMES.ORGANIZATION_NAME, "Ünïted"), (NAMES.ORGANIZATIONAL_UNIT_NAME, "one"), (NAMES.ORGANIZATIONAL_UNIT_NAME, "two"), (NAMES.COMMON_NAME, "日本"),
        (NAMES.EMAIL_ADDRESS, "a@b.c"), (NAMES.SERIAL_NUMBER, "42"), (NAMES.SURNAME, "s"), (NAMES.GIVEN_NAME, "g"), (NAMES.TITLE, "t"), (NAMES.INITIALS, "i"),
        (NAMES.GENERATION_QUALIFIER, "III"), (NAMES.DN_QUALIFIER, "q"), (NAMES.PSEUDONYM, "p"), (NAMES.USER_ID, "u"), (NAMES.DOMAIN_COMPONENT, "org"),
        (NAMES.JURISDICTION_COUNTRY_NAME, "DE"), (NAMES.JURISDICTION_LOCALITY_NAME, "l"), (NAMES.JURISDICTION_STATE_OR_PROVINCE_NAME, "st"), (NAMES.BUSINESS_CATEGORY, "b"), (NAMES.POSTAL_ADDRESS, "pa"),
        (NAMES.POSTAL_CODE, "02826"), (NAMES.INN, "123456789012"), (NAMES.OGRN, "1234567890123"), (NAMES.SNILS, "12345678901"), (NAMES.UNSTRUCTURED_NAME, "un"), (NAMES.ORGANIZATION_IDENTIFIER, "oi"),
        (NAMES.X500_UNIQUE_IDENTIFIER, b"\x01\x02A", x509.name._ASN1Type.BitString), (x509.ObjectIdentifier("1.2.3.4.5"), "odd"), (x509.ObjectIdentifier("2.5.4.13"), "description"), (x509.ObjectIdentifier("2.5.4.41"), "name"))),
    "empty_subject": build(name()),
    "several_in_one": build(x509.Name([
        x509.RelativeDistinguishedName([x509.NameAttribute(NAMES.ORGANIZATION_NAME, "o"), x509.NameAttribute(NAMES.COMMON_NAME, "c"), x509.NameAttribute(NAMES.USER_ID, "u")]),
        x509.RelativeDistinguishedName([x509.NameAttribute(NAMES.COMMON_NAME, "second")])])),
    "text_kinds": build(name(
        (NAMES.COMMON_NAME, "bmp é", x509.name._ASN1Type.BMPString), (NAMES.ORGANIZATION_NAME, "t61", x509.name._ASN1Type.T61String), (NAMES.LOCALITY_NAME, "uni ü", x509.name._ASN1Type.UniversalString),
        (NAMES.SURNAME, "numbers 1", x509.name._ASN1Type.PrintableString), (NAMES.TITLE, "ia5", x509.name._ASN1Type.IA5String), (NAMES.PSEUDONYM, "visible", x509.name._ASN1Type.VisibleString))),
    "large_serial": build(serial=2 ** 159 - 12345),
    "small_serial": build(serial=1),
    "serial_63": build(serial=2 ** 63),
    "times": build(begin=datetime.datetime(1950, 1, 1), end=datetime.datetime(9999, 12, 31, 23, 59, 59)),
    "expired": build(end=datetime.datetime(2012, 1, 1)),
    "version_1": version_1(),
    "negative_serial": openssl(PLAIN % ("CN=neg", "basicConstraints=CA:false"), "-newkey", "rsa:1024", "-set_serial", "-5"),
    "zero_serial": openssl(PLAIN % ("CN=zero", "basicConstraints=CA:false"), "-newkey", "rsa:1024", "-set_serial", "0"),
    "pss_key": openssl(PLAIN % ("CN=pss", "basicConstraints=CA:false"), "-newkey", "rsa-pss", "-pkeyopt", "rsa_keygen_bits:1024"),
    "unnamed_curve": openssl(PLAIN % ("CN=e", "basicConstraints=CA:false"), "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:wap-wsg-idm-ecid-wtls9"),
    "twice": openssl(PLAIN % ("CN=e", "1.2.3.4=ASN1:UTF8String:a\n2.5.29.17=ASN1:UTF8String:wrong")),
    "ip_network": openssl(PLAIN % ("CN=e", "2.5.29.17=DER:30:0a:87:08:0a:00:00:00:ff:00:00:00")),
    "x400": openssl(PLAIN % ("CN=e", "2.5.29.17=DER:30:02:a3:00")),
    "not_idna": openssl(PLAIN % ("CN=e", "2.5.29.17=DER:30:04:82:02:c3:bc")),
    "latin_1": openssl(PLAIN % ("CN=e", "2.5.29.17=DER:30:03:82:01:fc")),
}


def main():
    rsa_pem = CERTIFICATES["rsa"]
    body = "".join(rsa_pem.splitlines()[1:-1])
    variables = dict(CERTIFICATES)
    variables |= {
        "text_before": "some words\n" + rsa_pem, "crlf": rsa_pem.replace("\n", "\r\n"), "no_end": rsa_pem.rstrip("\n"), "indented": rsa_pem.replace("\n", "\n  "),
        "one_line": "-----BEGIN CERTIFICATE-----\n" + body + "\n-----END CERTIFICATE-----\n", "two": CERTIFICATES["p256"] + rsa_pem,
        "old_label": rsa_pem.replace("CERTIFICATE", "X509 CERTIFICATE"), "trusted_label": rsa_pem.replace("CERTIFICATE", "TRUSTED CERTIFICATE"),
        "wrong_label": rsa_pem.replace("CERTIFICATE", "CERTIFICATE REQUEST"), "labels_differ": rsa_pem.replace("END CERTIFICATE", "END X"),
        "cut": rsa_pem[:200], "cut_body": "-----BEGIN CERTIFICATE-----\n" + body[:200] + "\n-----END CERTIFICATE-----\n", "no_base64": rsa_pem.replace("MII", "M*I", 1),
        "trailing": "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n", "empty_body": "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
        "bare": body, "key_first": RSA.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode() + rsa_pem,
        "headers": rsa_pem.replace("-----\n", "-----\nProc-Type: 4,ENCRYPTED\n\n", 1),
    }
    # The order of the fingerprints changes from run to run.
    cases = ["{{ %s | community.crypto.x509_certificate_info | to_json(sort_keys=true) }}" % name for name in variables]
    for encoding in ["ignore", "idna", "unicode", "other"]:
        for which in ["idn", "names", "not_idna", "access"]:
            cases.append("{{ %s | community.crypto.x509_certificate_info(name_encoding='%s') | to_json(sort_keys=true) }}" % (which, encoding))
    for other in ["''", "'nothing'", "5", "[1]", "none", "{'a': 1}", "true"]:
        for filter_name in ["x509_certificate_info", "split_pem", "parse_serial", "to_serial"]:
            cases.append("{{ %s | community.crypto.%s }}" % (other, filter_name))
    cases += ["{{ rsa | community.crypto.x509_certificate_info('idna') | to_json(sort_keys=true) }}", "{{ rsa | community.crypto.x509_certificate_info(name_encoding=5) }}", "{{ rsa | community.crypto.x509_certificate_info(bogus=1) }}"]
    cases += ["{{ (%s | community.crypto.x509_certificate_info).%s }}" % pair for pair in
              [("large_serial", "serial_number + 1"), ("large_serial", "serial_number | type_debug"), ("serial_63", "serial_number == 2 ** 63"), ("rsa", "public_key_data.modulus > 5"), ("subject", "subject_ordered[5]"), ("p256", "public_key_data | to_nice_yaml")]]
    cases += ["{{ (%s) | community.crypto.split_pem }}" % name for name in
              ["rsa", "two", "text_before", "crlf", "no_end", "indented", "labels_differ", "cut", "key_first", "headers", "empty_body", "two ~ 'x' ~ rsa"]]
    cases += ["{{ %s | community.crypto.to_serial }}" % number for number in
              ["0", "1", "255", "256", "1234567", "(-1)", "1.5", "true", "'12'", "(2 ** 64)", "(2 ** 70 + 1)", "(large_serial | community.crypto.x509_certificate_info).serial_number"]]
    cases += ["{{ '%s' | community.crypto.parse_serial }}" % text for text in
              ["00", "11:22:33", "1:2", "", ":", "00:", "ff:FF", "100:1", "gg", "-1:2", "0x11", " 11 : 22", "+1:1", "1_0:1", "11 22", "00:11:22:33:44:55:66:77:88:99", "é"]]
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, "certificates.txt"), "w", encoding="utf-8") as out:
        for key, value in variables.items():
            out.write(f"{key}: {json.dumps(value)}\n")
        out.write("---\n" + "\n".join(cases) + "\n")


main()
