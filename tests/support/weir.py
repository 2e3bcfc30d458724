"""weir as a process of a test in Python."""
import json
import os
import pathlib
import re
import select
import signal
import socket
import subprocess
import tempfile
import urllib.request

import origin
import ports

PATIENCE = 20
CUT = 4  # the exit code of a drain that has cut connections
SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$", re.MULTILINE)
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


class Scrape:
    def __init__(self, text):
        self.series = [(name, dict(LABEL.findall(labels or "")), float(value))
                       for name, labels, value in SAMPLE.findall(text)]

    def sum(self, name, **labels):
        return sum(value for one, has, value in self.series if one == name and labels.items() <= has.items())

    def imbalances(self):
        """Of the books: of each listener connections and streams, total = active + sum of ended."""
        for kind in ("weir_connections", "weir_http2_streams"):
            for listener in {has["listener"] for name, has, _ in self.series if name == kind + "_total"}:
                total, active, ended = (self.sum(kind + end, listener=listener)
                                        for end in ("_total", "_active", "_ended_total"))
                if total != active + ended:
                    yield f"{kind} of {listener}: {total:g} in total, {active:g} active, {ended:g} ended"


def make_certificate(folder, name):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-days", "30", "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name},IP:127.0.0.1",
                    "-keyout", folder / "key.pem", "-out", folder / "cert.pem"], check=True, stdin=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)


class Weir:
    """Runs until stop(), in a folder of its own. `config` gets an admin section; `certificate`: a name for which the
    folder gets cert.pem, which is also its authority, and key.pem."""

    def __init__(self, binary, config, certificate=None):
        self.held = tempfile.TemporaryDirectory(prefix="weir-http2-")
        self.folder = pathlib.Path(self.held.name)
        self.admin = ports.free_ports(1)[0]
        if certificate:
            make_certificate(self.folder, certificate)
        self.write(config)
        self.ready = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.ready.bind(f"{self.folder}/notify")
        with open(self.folder / "log", "wb") as log:
            self.process = subprocess.Popen([str(binary), "run", "-c", "weir.yaml"], cwd=self.folder, stdout=log,
                                            stderr=log, env={**os.environ, "NOTIFY_SOCKET": f"{self.folder}/notify"})
        if not select.select([self.ready], [], [], PATIENCE)[0]:
            raise RuntimeError("weir is not ready:\n" + self.log())

    def write(self, config):
        """Another configuration, for reload()."""
        text = config + f"\nadmin: {{ bind: 127.0.0.1:{self.admin} }}\n"
        (self.folder / "new").write_text(text)
        os.replace(self.folder / "new", self.folder / "weir.yaml")

    def log(self):
        return (self.folder / "log").read_text(errors="replace")

    def fetch(self, path, method="GET"):
        request = urllib.request.Request(f"http://127.0.0.1:{self.admin}{path}", method=method,
                                         data=b"" if method == "POST" else None)
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return answer.read().decode()

    def reload(self):
        return json.loads(self.fetch("/v1/reload?wait=1", "POST"))

    def scrape(self):
        return Scrape(self.fetch("/metrics"))

    def await_metric(self, name, value, patience=PATIENCE, **labels):
        """Until the sum of the series is `value` at least; 0: until it is 0."""
        def reached():
            last[0] = self.scrape().sum(name, **labels)
            return last[0] >= value if value else last[0] == 0
        last = [None]
        try:
            origin.wait_until(reached, "", patience)
        except TimeoutError as error:
            raise TimeoutError(f"{name}{labels} is {last[0]:g}, not {value:g}") from error

    def status(self, name):
        """A number of /proc/PID/status, in bytes."""
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(rf"^{name}:\s+(\d+) kB", text, re.MULTILINE).group(1)) * 1024

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def wait(self, patience=PATIENCE):
        """The exit code."""
        return self.process.wait(patience)

    def stop(self):
        """At once. A sanitizer's report or a crash before is an error."""
        crashed = self.process.poll() not in (None, 0, CUT)
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(PATIENCE)
        self.ready.close()
        log = self.log()
        self.held.cleanup()
        if crashed or "Sanitizer" in log or "runtime error" in log:
            raise AssertionError("weir has failed:\n" + log[-8000:])
