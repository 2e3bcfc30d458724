"""Scrapes of weir besides those of Prometheus, each of them looked at closely."""
import re
import subprocess
import threading

import stand

SAMPLE = re.compile(r'^(weir_(?:connections|http2_streams)_(?:total|active|ended_total))\{listener="([^"]+)"[^}]*\} (\S+)$', re.MULTILINE)


def identity_errors(text):
    """At every scrape, for each listener: accepted = open + ended; the same of the streams of HTTP/2."""
    sums = {}
    for name, listener, value in SAMPLE.findall(text):
        by_name = sums.setdefault(listener, {})
        by_name[name] = by_name.get(name, 0) + float(value)
    if not sums:
        yield "the page has no listener"
    for listener, by_name in sums.items():
        for what in ("weir_connections_", "weir_http2_streams_"):
            if what + "total" not in by_name:
                continue  # not HTTP
            total, active, ended = (by_name[what + end] for end in ("total", "active", "ended_total"))
            if total != active + ended:
                yield f"listener {listener}: {what}total is {total:g}, but {active:g} are open and {ended:g} have ended"


def lint_errors(text):
    result = subprocess.run(["promtool", "check", "metrics"], input=text, text=True, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT)
    return result.stdout.splitlines() if result.stdout or result.returncode == 0 else ["promtool fails"]


class Scrapes:
    """A thread that scrapes a few times a second, as long as weir answers."""

    def __init__(self, port):
        self.port = port
        self.scene = ""
        self.count = {}  # by scene
        self.errors = set()
        self.names = set()  # of all metrics seen
        self.lock = threading.Lock()
        self.done = threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while not self.done.wait(0.3):
            try:
                self.take()
            except OSError:
                pass  # the last scene ends with weir

    def take(self):
        scene = self.scene
        status, text = stand.http(self.port, "/metrics")
        found = [*identity_errors(text), *lint_errors(text)] if status == 200 else [f"status {status}"]
        with self.lock:
            self.errors.update(f"a scrape in the scene '{scene}': {error}" for error in found)
            self.names.update(re.findall(r"^# TYPE (\S+) ", text, re.MULTILINE))
            self.count[scene] = self.count.get(scene, 0) + 1

    def stop(self):
        self.done.set()
        self.thread.join()
