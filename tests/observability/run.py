#!/usr/bin/env python3
"""Dashboards and alerts against a real weir and a real Prometheus.

usage: run.py WEIR [--sanitized]

Plays scenes: load, all backends of a cluster down, a reload with sessions left behind, a refused reload, a drain
that ends at its deadline, and an exited weir. Over them every expression of every dashboard has data and is not always
0, alerts fire, and every scrape is clean and adds up. Which panel needs which scene: dashboards.py.
"""
import json
import pathlib
import re
import shutil
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import dashboards
import http2_clients
import http_backend
import ports
import scrapes
import stand
import tls_clients

GRAFANA = pathlib.Path(__file__).resolve().parents[2] / "grafana"
TCP = ("web", "small", "checked", "panic")
LISTENERS = (*TCP, "http", "narrow", "http2", "tls")
SILENT, TALKING, TALKING_TO_THE_END = 10, 4, 2

# The third backend of `app` and the second of `panic` do not exist: connects fail, the next is tried.
CONFIG = """
global: {{ workers: 2, max_connections: 1000 }}
listeners:
  - {{ name: web, bind: 127.0.0.1:{web}, cluster: app }}
  - {{ name: small, bind: 127.0.0.1:{small}, cluster: app, limits: {{ max_connections: 2 }} }}
  - {{ name: checked, bind: 127.0.0.1:{checked}, cluster: checked }}
  - {{ name: panic, bind: 127.0.0.1:{panic}, cluster: panic }}
  - name: http
    bind: 127.0.0.1:{http}
    protocol: http
    routes:
      - {{ name: static, match: {{ path: /none }}, respond: {{ status: 404 }} }}
      - {{ name: bad, match: {{ path_prefix: / }}, cluster: http, timeouts: {{ response_idle: 300ms }}, retry: {{ attempts: 1 }} }}
  - {{ name: narrow, bind: 127.0.0.1:{narrow}, protocol: http, cluster: narrow }}
  - {{ name: http2, bind: 127.0.0.1:{http2}, protocol: http, cluster: http, http2: {{ max_streams: {streams} }} }}
  - {{ name: tls, bind: 127.0.0.1:{tls}, cluster: app, tls: {{ certificates: [{{ cert: {cert}, key: {key} }}] }} }}
clusters:
  - name: app
    balance: {balance}
    backends: [127.0.0.1:{one}, 127.0.0.1:{two}, 127.0.0.1:{unused}]
    backoff: {{ base: 500ms, max: 500ms }}
  - name: checked
    backends: [127.0.0.1:{checked_backend}]
    health_check: {{ type: tcp, interval: 500ms, timeout: 400ms, rise: 1, fall: 1 }}
  - name: panic
    backends: [127.0.0.1:{one}, 127.0.0.1:{unused}]
    panic_threshold: 80%
    health_check: {{ type: tcp, interval: 500ms, timeout: 400ms, rise: 1, fall: 1 }}
    backoff: {{ base: 500ms, max: 500ms }}
  - {{ name: http, backends: [127.0.0.1:{http_backend}] }}
  # Capacity for one request per worker, and one that waits.
  - name: narrow
    backends: [127.0.0.1:{http_backend}]
    pool: {{ max_connections: 1 }}
    queue: {{ max: 1 }}
drain: {{ timeout: 5s, spread: 5s, linger: 7s }}
admin: {{ bind: 127.0.0.1:{admin} }}
"""


def hurried_rules():
    """Our rules, for scenes of seconds: no long `for`, no long ranges."""
    text = (GRAFANA / "rules/weir.yml").read_text()
    text = re.sub(r"^( +for:) \w+$", r"\1 1s", text, flags=re.MULTILINE)
    return re.sub(r"\[\d+m\]", "[5s]", text)


class Play:
    def __init__(self, weir, the_stand):
        names = [*LISTENERS, "one", "two", "checked_backend", "unused", "http_backend", "admin", "prometheus"]
        self.ports = dict(zip(names, ports.free_ports(len(names))))
        self.weir, self.stand = weir, the_stand
        self.config = the_stand.folder / "weir.yaml"
        self.cert, self.key = tls_clients.make_certificate(the_stand.folder)
        self.problems = []
        self.seen = set()  # alerts that fired
        self.expressions = [one for path in sorted((GRAFANA / "dashboards").glob("*.json"))
                            for one in dashboards.expressions(path)]
        self.problems += [f"dashboards.py names '{name}', which no panel is called"
                          for name in dashboards.stale_exceptions(self.expressions)]

    def write_config(self, balance):
        self.config.write_text(CONFIG.format(balance=balance, cert=self.cert, key=self.key,
                                             streams=http2_clients.STREAMS, **self.ports))

    def start(self):
        for name in ("one", "two", "checked_backend"):
            port = self.ports[name]
            self.stand.start(name, self.weir, "demo-backend", "-q", "--listen", f"{stand.HERE}:{port}", "--name", name)
            stand.wait_until(lambda: stand.listening(port), f"backend {name} listens")
        self.http_backend = http_backend.HttpBackend(self.ports["http_backend"])
        self.write_config("round_robin")
        self.process = self.stand.start("weir", self.weir, "run", "-c", self.config)
        stand.wait_until(lambda: stand.answers(self.ports["admin"], "/ready"), "weir is ready")
        self.prometheus = stand.Prometheus(self.stand, self.ports["prometheus"], self.ports["admin"], hurried_rules())
        self.clients = stand.Clients([self.ports[name] for name in TCP])
        self.http_clients = http_backend.HttpClients(self.ports["http"], self.ports["narrow"])
        self.http2_clients = http2_clients.Http2Clients(self.ports["http2"])
        self.tls_clients = tls_clients.TlsClients(self.ports["tls"], self.cert)
        self.scrapes = scrapes.Scrapes(self.ports["admin"])

    def stop(self):
        for part in ("clients", "http_clients", "http2_clients", "tls_clients", "http_backend", "scrapes"):
            if hasattr(self, part):
                getattr(self, part).stop()

    def reload(self, wanted_status):
        status, text = stand.http(self.ports["admin"], "/v1/reload?wait=1", b"")
        if status != wanted_status:
            self.problems.append(f"reload: status {status}, not {wanted_status}: {text}")

    def settle(self, scene, alerts=(), limit=20.0):
        """Waits until every expression that needs this scene has its data, and the alerts have fired."""
        def settled():
            self.seen |= self.prometheus.firing()
            for one in self.expressions:
                if one.lacks(scene):
                    one.look(self.prometheus, scene)
            enough = self.scrapes.count.get(scene, 0) >= 3 or scene == "gone"
            return enough and alerts <= self.seen and not any(one.lacks(scene) for one in self.expressions)

        alerts = set(alerts)
        for one in self.expressions:
            one.look(self.prometheus, scene)  # all of them are answered in all scenes
        try:
            stand.wait_until(settled, scene, limit)
        except TimeoutError:
            for one in self.expressions:
                if one.lacks(scene):
                    self.problems.append(f"{scene}: panel '{one.title}' {one.ref} {one.lacks(scene)}: {one.text}")
                    one.given_up = True
            self.problems += [f"{scene}: {name} does not fire" for name in sorted(alerts - self.seen)]
            if scene != "gone" and self.scrapes.count.get(scene, 0) < 3:
                self.problems.append(f"{scene}: fewer than 3 scrapes")
        print(f"{scene}: {self.scrapes.count.get(scene, 0)} scrapes")

    def begin(self, scene):
        self.scrapes.scene = scene
        return scene

    def load(self):
        scene = self.begin("load")
        web = self.ports["web"]
        self.clients.silent += [self.clients.connect(web) for _ in range(SILENT)]
        self.clients.talkers += [self.clients.connect(web) for _ in range(TALKING)]
        self.clients.silent += [self.clients.connect(self.ports["small"]) for _ in range(2)]  # full from now on
        self.settle(scene, {"WeirConnectionsRefused", "WeirSessionsFailing", "WeirConnectErrors",
                            "WeirBackendsDegraded", "WeirClusterPanic", "WeirHigh5xxRatio", "WeirBackendErrors",
                            "WeirQueueRefuses", "WeirRequestsTruncated", "WeirTlsHandshakesFailing",
                            "WeirHttp2Errors", "WeirStreamsRefused", "WeirGrpcErrors",
                            "WeirCertificateExpiresSoon", "WeirCertificateExpires"})

    def all_backends_down(self):
        scene = self.begin("all backends down")
        self.stand.kill("checked_backend")
        self.settle(scene, {"WeirNoHealthyBackends"})

    def reload_with_old_sessions(self):
        scene = self.begin("reload")
        for balance in ("least_connections", "random_two", "random", "round_robin") * 3:
            self.write_config(balance)
            stand.http(self.ports["admin"], "/v1/reload", b"")
            self.scrapes.take()  # while it is under way
        self.write_config("least_connections")
        self.reload(200)
        self.settle(scene)

    def refused_reload(self):
        scene = self.begin("refused reload")
        self.config.write_text("listeners: [")
        self.reload(422)
        self.settle(scene, {"WeirConfigReloadFailed"})

    def drain(self):
        """Silent sessions are closed one by one, some talkers leave, the others stay until they are cut."""
        scene = self.begin("drain")
        self.process.send_signal(signal.SIGTERM)
        stand.wait_until(self.is_draining, "weir drains")
        for client in self.clients.talkers[TALKING_TO_THE_END:]:
            client.shutdown(2)
        self.settle(scene, {"WeirDrainCut", "WeirDrainOverdue"}, 12)
        code = self.process.wait(timeout=20)
        if code != 4:
            self.problems.append(f"drain: weir ends with {code}, not with 4 for sessions that were cut")

    def is_draining(self):
        return json.loads(stand.http(self.ports["admin"], "/v1/drain")[1])["phase"] == "draining"

    def gone(self):
        self.settle(self.begin("gone"), {"WeirDown"})

    def check_history(self):
        """What Prometheus has stored of weir adds up, too, at each of its scrapes."""
        accepted_but_lost = ("weir_connections_total - on (listener) (sum by (listener) (weir_connections_active)"
                             " + on (listener) sum by (listener) (weir_connections_ended_total))")
        values = self.prometheus.values(f"max_over_time(abs({accepted_but_lost})[2m:1s])")
        if len(values) != len(LISTENERS) or any(values):
            self.problems.append(f"over all scrapes, accepted - open - ended is up to {values}")

    def check_reference(self):
        """The page and the reference have the same metrics."""
        listed = set(re.findall(r"^\| `((?:weir|process)_\w+)` \|", (GRAFANA / "README.md").read_text(), re.MULTILINE))
        self.problems += [f"{name} is on one of /metrics and grafana/README.md only"
                          for name in sorted(listed ^ self.scrapes.names)]

    def run(self):
        self.start()
        for scene in (self.load, self.all_backends_down, self.reload_with_old_sessions, self.refused_reload,
                      self.drain, self.gone):
            scene()
        self.check_history()
        self.check_reference()
        self.problems += sorted(self.scrapes.errors)
        print(f"{len(self.expressions)} expressions, {sum(self.scrapes.count.values())} scrapes, "
              f"alerts that fired: {', '.join(sorted(self.seen))}")


def main():
    if len(sys.argv) < 2 or sys.argv[2:] not in ([], ["--sanitized"]):
        sys.exit(__doc__)
    if sys.argv[2:]:
        dashboards.ALWAYS_0.update(dashboards.ALWAYS_0_IN_SANITIZED_BUILDS)
    for tool in ("prometheus", "promtool", "openssl"):
        if not shutil.which(tool):
            sys.exit(f"{tool} is missing; tests/packages.txt names the package that has it")
    the_stand = stand.Stand()
    try:
        play = Play(pathlib.Path(sys.argv[1]).resolve(), the_stand)
        try:
            play.run()
        finally:
            play.stop()
        for problem in play.problems:
            print(f"FAILED {problem}")
        if play.problems:
            print(the_stand.logs())
        sys.exit(1 if play.problems else 0)
    except (AssertionError, OSError, TimeoutError):
        print(the_stand.logs())
        raise
    finally:
        the_stand.stop()


if __name__ == "__main__":
    main()
