#!/usr/bin/env python3
"""testssl.sh finds nothing in either of weir's TLS policies that it calls worse than low.

usage: testssl_test.py WEIR

Its checks of HTTP headers concern backends, and are not run; nor is its simulation of clients, which
judges nothing. Both policies are looked at at the same time, on loopback; nothing is looked up.
"""
import json
import os
import pathlib
import select
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import ports

WEIR = None
HOST = "a.test"
PATIENCE = 280  # for both scans, which take one minute where nothing else runs
GOOD = ("OK", "INFO", "LOW")
# Finding: why it does not concern weir.
ALLOWED = {
    "sessionresumption_ticket": "it fails when openssl has left before the ticket of TLS 1.3 came, which is a race; "
                                "the tests of TLS come back with their tickets",
}
# Findings that a complete scan has, so that a scan that stopped early, or of another server, is no success.
MEANT = {
    "intermediate": {"SSLv3": "not offered", "TLS1": "not offered", "TLS1_1": "not offered", "TLS1_2": "offered",
                     "TLS1_3": "offered with final", "PFS": "offered", "cert_chain_of_trust": "passed.",
                     "heartbleed": "not vulnerable, no heartbeat extension", "LUCKY13": "not vulnerable"},
    "modern": {"SSLv3": "not offered", "TLS1": "not offered", "TLS1_1": "not offered", "TLS1_2": "not offered",
               "TLS1_3": "offered with final", "PFS": "offered", "cert_chain_of_trust": "passed."},
}

# The URL of the list is a placeholder: no client requests it.
EXTENSIONS = f"""subjectAltName=DNS:{HOST}
keyUsage=digitalSignature
extendedKeyUsage=serverAuth
crlDistributionPoints=URI:http://{HOST}/list.crl
"""
CONFIG = """
listeners:
  - name: intermediate
    bind: "127.0.0.1:{intermediate}"
    protocol: http
    routes: [{{ respond: {{ status: 200, body: hello }} }}]
    tls:
      certificates: [{{ cert: ec.pem, key: ec.key }}, {{ cert: rsa.pem, key: rsa.key }}]
  - name: modern
    bind: "127.0.0.1:{modern}"
    protocol: http
    routes: [{{ respond: {{ status: 200, body: hello }} }}]
    tls:
      policy: modern
      certificates: [{{ cert: ec.pem, key: ec.key }}]
"""


def make_certificates(folder):
    """An authority, and two certificates of it for HOST, one for each kind of key."""
    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)

    (folder / "extensions").write_text(EXTENSIONS)
    ec, rsa = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"), ("-newkey", "rsa:2048")
    openssl("req", "-x509", *ec, "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-days", "3650", "-subj", "/CN=test")
    for name, kind in (("ec", ec), ("rsa", rsa)):
        openssl("req", *kind, "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={HOST}")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                "-out", f"{name}.pem", "-days", "90", "-extfile", "extensions")


class TestsslTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="weir-testssl-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        make_certificates(cls.folder)
        cls.ports = dict(zip(MEANT, ports.free_ports(len(MEANT))))
        (cls.folder / "weir.yaml").write_text(CONFIG.format(**cls.ports))
        cls.start_weir()
        scans = {policy: cls.start_scan(policy) for policy in MEANT}
        for scan in scans.values():
            scan.wait(PATIENCE)
        cls.findings = {policy: cls.read(policy) for policy in MEANT}

    @classmethod
    def start_weir(cls):
        ready, path = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM), f"{cls.folder}/notify"
        cls.addClassCleanup(ready.close)
        ready.bind(path)
        with open(cls.folder / "weir.log", "wb") as log:
            weir = subprocess.Popen([str(WEIR), "run", "-c", "weir.yaml"], cwd=cls.folder, stdout=log, stderr=log,
                                    env={**os.environ, "NOTIFY_SOCKET": path})
        cls.addClassCleanup(cls.stop, weir)
        if not select.select([ready], [], [], 20)[0]:
            raise RuntimeError("weir is not ready:\n" + (cls.folder / "weir.log").read_text())

    @classmethod
    def start_scan(cls, policy):
        """Protocols, ciphers, forward secrecy, preferences, certificates, vulnerabilities."""
        with open(cls.folder / f"{policy}.log", "wb") as log:
            scan = subprocess.Popen(
                ["testssl", "-p", "-s", "-f", "-P", "-S", "-U", "--quiet", "--color", "0", "--warnings", "off",
                 "--nodns", "none", "--ip", "127.0.0.1", "--openssl-timeout", "20", "--add-ca", "ca.pem",
                 "--jsonfile", f"{policy}.json", f"https://{HOST}:{cls.ports[policy]}"],
                cwd=cls.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                env={**os.environ, "TERM": "dumb", "NO_ENGINE": "true"})  # which it would warn about
        cls.addClassCleanup(cls.stop, scan, group=True)
        return scan

    @staticmethod
    def stop(process, group=False):
        """testssl.sh removes its files in /tmp itself; its child processes end with it."""
        if process.poll() is None:
            os.kill(-process.pid if group else process.pid, signal.SIGTERM if group else signal.SIGKILL)
        process.wait(20)

    @classmethod
    def read(cls, policy):
        try:
            return json.loads((cls.folder / f"{policy}.json").read_text())
        except (OSError, json.JSONDecodeError) as error:
            log = (cls.folder / f"{policy}.log").read_text(errors="replace")
            raise RuntimeError(f"{policy}: testssl.sh has come to no end: {error}\n{log[-4000:]}") from error

    def test_has_no_finding_above_low(self):
        for policy, findings in self.findings.items():
            for finding in findings:
                with self.subTest(policy=policy, id=finding["id"]):
                    if finding["id"] not in ALLOWED:
                        self.assertIn(finding["severity"], GOOD, finding["finding"])

    def test_scans_report_the_versions_of_the_policies(self):
        for policy, meant in MEANT.items():
            seen = {finding["id"].split(" ")[0]: finding["finding"] for finding in self.findings[policy]}
            self.assertEqual({name: seen.get(name) for name in meant}, meant, policy)


if __name__ == "__main__":
    WEIR = pathlib.Path(sys.argv.pop()).resolve()
    unittest.main()
