"""The tools of the scenes: processes on free loopback ports, HTTP to them, and clients.

Everything that is started here is stopped by Stand.stop(), whatever happened before.
"""
import json
import pathlib
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

HERE = "127.0.0.1"


def wait_until(condition, what, limit=20.0):
    """The first true value of condition(); on a timeout an error with the description."""
    end, pause = time.monotonic() + limit, threading.Event()
    while not (value := condition()):
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {limit:g} s")
        pause.wait(0.1)
    return value


def http(port, path, body=None):
    """(status, text); an error status is an answer, too."""
    request = urllib.request.Request(f"http://{HERE}:{port}{path}", data=body)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def answers(port, path):
    try:
        return http(port, path)[0] == 200
    except OSError:
        return False


def listening(port):
    with socket.socket() as probe:
        return probe.connect_ex((HERE, port)) == 0


class Stand:
    """The processes, their folder and their logs."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="weir-observability-"))
        self.processes = {}

    def start(self, name, *command):
        with (self.folder / f"{name}.log").open("wb") as log:
            self.processes[name] = subprocess.Popen(command, cwd=self.folder, stdin=subprocess.DEVNULL,
                                                    stdout=log, stderr=subprocess.STDOUT)
        return self.processes[name]

    def kill(self, name):
        self.processes[name].kill()
        self.processes[name].wait()

    def logs(self):
        """The last lines of each log, to explain a failure."""
        return "".join(f"--- {path.name}\n" + "\n".join(path.read_text(errors="replace").splitlines()[-15:]) + "\n"
                       for path in sorted(self.folder.glob("*.log")))

    def stop(self):
        for name in self.processes:
            self.kill(name)
        shutil.rmtree(self.folder)


class Prometheus:
    """A real one: it scrapes weir each second and evaluates the rules as often."""

    def __init__(self, stand, port, admin_port, rules):
        self.port = port
        (stand.folder / "rules.yml").write_text(rules)
        (stand.folder / "prometheus.yml").write_text(
            "global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}\n"
            "rule_files: [rules.yml]\n"
            f"scrape_configs: [{{job_name: weir, static_configs: [{{targets: ['{HERE}:{admin_port}']}}]}}]\n")
        stand.start("prometheus", "prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=data",
                    f"--web.listen-address={HERE}:{port}", "--storage.tsdb.retention.time=1h", "--log.level=warn")
        wait_until(lambda: answers(port, "/-/ready"), "Prometheus is ready")

    def ask(self, path, **parameters):
        status, text = http(self.port, path + "?" + urllib.parse.urlencode(parameters))
        if status != 200:
            raise AssertionError(f"Prometheus answers {status} to {parameters}: {text}")
        return json.loads(text)["data"]

    def values(self, expression):
        """Of all samples of the answer; NaN is none: a panel shows nothing for it."""
        samples = [float(one["value"][1]) for one in self.ask("/api/v1/query", query=expression)["result"]]
        return [value for value in samples if value == value]

    def firing(self):
        return {one["labels"]["alertname"] for one in self.ask("/api/v1/alerts")["alerts"] if one["state"] == "firing"}


class Clients:
    """A thread that opens short sessions all the time, and keeps those that talk talking."""

    def __init__(self, ports):
        self.ports = ports  # of listeners: a short session each, every turn
        self.silent = []  # send nothing, and do not answer a FIN
        self.talkers = []
        self.done = threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    @staticmethod
    def connect(port):
        """A session that is connected to its backend: it has echoed a line."""
        client = socket.create_connection((HERE, port), timeout=5)
        client.sendall(b"hello\n")
        if not client.recv(1000):
            raise ConnectionError(f"port {port} closed the connection")
        return client

    def short_session(self, port):
        try:
            self.connect(port).close()
        except OSError:
            pass  # refused, or without a backend: what some scenes are about

    def run(self):
        while not self.done.wait(0.05):
            for port in self.ports:
                self.short_session(port)
            for client in list(self.talkers):
                try:
                    client.sendall(b"more\n")
                    client.recv(1000)
                except OSError:
                    self.talkers.remove(client)

    def stop(self):
        self.done.set()
        self.thread.join()
        for client in [*self.silent, *self.talkers]:
            client.close()
