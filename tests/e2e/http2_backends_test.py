#!/usr/bin/env python3
"""Backends with HTTP/2 for clients of both versions: one that breaks rules on request, and real servers.

usage: http2_backends_test.py WEIR

With WEIR_GOAWAY_REQUESTS so many requests pass a backend that sends GOAWAY every 10 requests.
"""
import getpass
import json
import os
import pathlib
import shutil
import ssl
import subprocess
import sys
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import http2_backend
import origin
import ports
import weir
from http2 import *

WEIR = None
SERVERS = ("nghttpd", "nginx", "haproxy", "h2o", "node")
GOAWAY_REQUESTS = int(os.environ.get("WEIR_GOAWAY_REQUESTS", "8000"))
CONFIG = """
global: {{ workers: 1 }}
logging: {{ access: {{ output: none }} }}
listeners:
  - name: web
    bind: "127.0.0.1:{web}"
    protocol: http
    via: true
    routes:
      - {{ match: {{ headers: {{ x-to: again }} }}, cluster: own, retry: {{ on: reset_before_response }} }}
      - {{ match: {{ headers: {{ x-to: tls }} }}, cluster: tls }}
      - {{ match: {{ headers: {{ x-to: leaving }} }}, cluster: leaving }}
      - {{ match: {{ headers: {{ x-to: few }} }}, cluster: few }}
      - {{ match: {{ headers: {{ x-to: auto }} }}, cluster: auto }}
{routes}
      - {{ match: {{ path_prefix: / }}, cluster: own }}
clusters:
  - {{ name: own, protocol: http2, backends: ["127.0.0.1:{own}"] }}
  - {{ name: leaving, protocol: http2, backends: ["127.0.0.1:{leaving}"] }}
  - {{ name: few, protocol: http2, backends: ["127.0.0.1:{few}"] }}
  - {{ name: tls, protocol: http2, backends: ["127.0.0.1:{tls}"], tls: &trust {{ ca: cert.pem, verify_name: a.test }} }}
  - {{ name: auto, protocol: auto, backends: ["127.0.0.1:{tls}"], tls: *trust }}
{clusters}
"""
NGINX = """
daemon off; master_process off; pid {d}/nginx.pid; error_log {d}/nginx.errors;
events {{ worker_connections 64; }}
http {{
  client_body_temp_path {d}/body; proxy_temp_path {d}/proxy; fastcgi_temp_path {d}/fastcgi;
  uwsgi_temp_path {d}/uwsgi; scgi_temp_path {d}/scgi; access_log off;
  server {{
    listen 127.0.0.1:{port} http2;
    keepalive_requests 10;
    location / {{ root {d}/site; }}
    location /say {{ return 200 hello; }}
  }}
}}
"""
HAPROXY = """
defaults
  mode http
  timeout client 20s
  timeout server 20s
  timeout connect 20s
frontend f
  bind 127.0.0.1:{port} proto h2
  default_backend b
backend b
  server o 127.0.0.1:{origin}
"""
H2O = """
listen: {{ port: {port}, host: 127.0.0.1 }}
user: {user}
pid-file: {d}/h2o.pid
error-log: {d}/h2o.errors
hosts: {{ default: {{ paths: {{ /: {{ file.dir: {d}/site }} }} }} }}
"""
NODE = """
require('http2').createServer((request, response) => {
  response.end(require('fs').readFileSync(process.argv[3] + request.url));
}).listen(+process.argv[2], '127.0.0.1');
"""


def answer(*fields, status="200", end=True, first=()):
    return lambda stream: headers(stream, block([*first, (":status", status), *fields]), end=end)


def behind(make, *more):
    return lambda stream: make(stream) + b"".join(one(stream) for one in more)


BODY = answer(end=False)
# Name, what the backend sends, and what a client gets: the answer of weir, or "cut" behind a head. RFC 9113 8.
FAULTS = [
    ("no :status", lambda stream: headers(stream, block([("x", "y")])), "502"),
    (":status twice", answer((":status", "200")), "502"),
    ("status of two digits", answer(status="20"), "502"),
    ("status 099", answer(status="099"), "502"),
    ("status 101", answer(status="101"), "502"),
    ("a pseudo-field of requests", answer((":path", "/")), "502"),
    ("pseudo-field behind a field", answer(first=[("x", "y")]), "502"),
    ("upper case", answer(("X", "y")), "502"),
    ("LF in a value", answer(("x", "a\nb")), "502"),
    ("connection", answer(("connection", "close")), "502"),
    ("transfer-encoding", answer(("transfer-encoding", "chunked")), "502"),
    ("end behind 103", answer(status="103"), "502"),
    ("content-length twice", answer(("content-length", "0"), ("content-length", "0")), "502"),
    ("no DATA for content-length", answer(("content-length", "3")), "502"),
    ("DATA before a head", lambda stream: data(stream, b"x"), "502"),
    ("a second head", behind(BODY, BODY), "cut"),
    ("DATA behind content-length", behind(answer(("content-length", "3"), end=False),
                                          lambda stream: data(stream, b"abcd", end=True)), "cut"),
    ("DATA short of content-length", behind(answer(("content-length", "3"), end=False),
                                            lambda stream: data(stream, b"ab", end=True)), "cut"),
    ("trailers in upper case", behind(BODY, lambda stream: headers(stream, block([("X", "y")]))), "cut"),
    ("RST_STREAM behind a head", behind(BODY, lambda stream: rst(stream, "NO_ERROR")), "cut"),
    ("PUSH_PROMISE", lambda stream: raw(PUSH_PROMISE, END_HEADERS, stream, b"\0\0\0\2" + block(request())), "502"),
    ("a frame on stream 0", lambda stream: data(0, b"x"), "502"),
    ("an invalid block", lambda stream: headers(stream, b"\x80"), "502"),
    ("a frame above 16,384", lambda stream: raw(0xfa, payload=bytes(16385)), "502"),
]
# Path, method, route, the answer, and how often the backend gets the request: RFC 9113 8.7.
ENDS = [
    ("/refuse", "POST", "own", "200", 2),
    ("/goaway", "POST", "own", "200", 2),
    ("/reset/REFUSED_STREAM", "GET", "own", "502", 3),
    ("/reset/CANCEL", "GET", "own", "502", 1),
    ("/reset/HTTP_1_1_REQUIRED", "GET", "own", "502", 1),
    ("/vanish", "GET", "own", "200", 2),  # the first stream after idleness, on a kept connection
    ("/vanish", "GET", "again", "200", 2),
    ("/vanish", "POST", "again", "502", 1),
    ("/early", "POST", "own", "200", 1),
    ("/cut", "GET", "own", "cut", 1),
]


class BackendsTest(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        names = ("web", "own", "leaving", "few", "tls", *SERVERS)
        cls.ports = dict(zip(names, ports.free_ports(len(names))))
        routes = "".join(f"      - {{ match: {{ headers: {{ x-to: {name} }} }}, cluster: {name} }}\n"
                         for name in SERVERS)
        clusters = "".join(f'  - {{ name: {name}, protocol: http2, backends: ["127.0.0.1:{cls.ports[name]}"] }}\n'
                           for name in SERVERS)
        cls.origin = origin.Origin()
        cls.addClassCleanup(cls.origin.stop)
        cls.weir = weir.Weir(WEIR, CONFIG.format(routes=routes, clusters=clusters, **cls.ports), certificate="a.test")
        cls.addClassCleanup(cls.weir.stop)
        secure = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        secure.load_cert_chain(cls.weir.folder / "cert.pem", cls.weir.folder / "key.pem")
        secure.set_alpn_protocols(["h2"])
        cls.own = cls.backend("own", cases={name: make for name, make, _ in FAULTS})
        cls.secure = cls.backend("tls", tls=secure)
        cls.leaving, cls.few = cls.backend("leaving", last_of=10), cls.backend("few", settings=[(MAX_STREAMS, 4)])
        cls.site = cls.weir.folder / "site"
        cls.site.mkdir()
        (cls.site / "file").write_bytes(origin.pattern(1 << 20))
        for folder in (cls.weir.folder, cls.site):
            folder.chmod(0o755)

    @classmethod
    def backend(cls, name, **options):
        backend = http2_backend.Http2Backend(cls.ports[name], **options)
        cls.addClassCleanup(backend.stop)
        return backend

    def run_server(self, name):
        folder, port = self.weir.folder, self.ports[name]
        user = "root" if os.getuid() == 0 else getpass.getuser()
        values = {"d": folder, "port": port, "origin": self.origin.port, "user": user}
        for server, text in (("nginx", NGINX), ("haproxy", HAPROXY), ("h2o", H2O)):
            (folder / f"{server}.conf").write_text(text.format(**values))
        (folder / "server.js").write_text(NODE)
        command = {"nghttpd": ["nghttpd", "--no-tls", "-a", "127.0.0.1", "-d", f"{self.site}", f"{port}"],
                   "nginx": ["nginx", "-e", f"{folder}/nginx.errors", "-c", f"{folder}/nginx.conf"],
                   "haproxy": ["haproxy", "-db", "-f", f"{folder}/haproxy.conf"],
                   "h2o": ["h2o", "-m", "worker", "-c", f"{folder}/h2o.conf"],
                   "node": [shutil.which("node") or "nodejs", f"{folder}/server.js", f"{port}", f"{self.site}"]}[name]
        found = shutil.which(command[0], path=os.environ["PATH"] + ":/usr/sbin")
        with open(folder / f"{name}.log", "wb") as log:
            process = subprocess.Popen([found, *command[1:]], stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        self.addCleanup(process.wait, PATIENCE)
        self.addCleanup(process.terminate)

        def listens():
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0
        origin.wait_until(listens, f"{name}: " + (folder / f"{name}.log").read_text(errors="replace"))

    def h1(self, path, method="GET", to="own", body=None, fields=()):
        """By curl: status or "cut", body, and None."""
        options = ["--head"] if method == "HEAD" else ["-X", method]
        for name, value in (("x-to", to), ("host", "a.test"), ("expect", ""), *fields):
            options += ["-H", f"{name}: {value}" if value else f"{name}:"]
        if body is not None:
            options += ["--data-binary", "@-"]
        out = self.weir.folder / "out"
        out.unlink(missing_ok=True)
        got = subprocess.run(["curl", "-sS", "--http1.1", "--noproxy", "*", "-o", out, "-w", "%{http_code}", *options,
                              f"http://127.0.0.1:{self.ports['web']}{path}"], input=body or b"", capture_output=True,
                             timeout=PATIENCE)
        text = out.read_bytes() if out.exists() and method != "HEAD" else b""
        return "cut" if got.returncode else got.stdout.decode(), text, None

    def h2(self, path, method="GET", to="own", body=None, fields=()):
        with Peer(self.ports["web"]) as peer:
            peer.send(headers(1, block(request(path, ("x-to", to), *fields, method=method)), end=body is None))
            left = memoryview(body) if body is not None else b""
            while left and not peer.answer(1).reset and not peer.answer(1).ended:
                peer.until(lambda: min(peer.window_of(1), peer.windows[0]) > 0 or peer.answer(1).reset)
                size = min(len(left), 16384, peer.window_of(1), peer.windows[0])
                peer.send(data(1, bytes(left[:size]), size == len(left)))
                peer.windows[1], peer.windows[0] = peer.window_of(1) - size, peer.windows[0] - size
                left = left[size:]
            outcome = peer.outcome(1)
            return "cut" if peer.answer(1).status == "200" and outcome != "200" else outcome, \
                bytes(peer.answer(1).body), peer.answer(1)

    def clients(self):
        return (("h1", self.h1), ("h2", self.h2))

    def test_every_kind_of_message_passes(self):
        for version, ask in self.clients():
            for to, scheme in (("own", "http"), ("tls", "https"), ("auto", "https")):
                with self.subTest(version, to=to):
                    _, body, _ = ask("/show?a=1", to=to, fields=[("cookie", "a=1; b=2"), ("te", "trailers")] +
                                     ([("connection", "te, x"), ("x", "1")] if version == "h1" else []))
                    seen = json.loads(body)
                    fields = dict(seen["fields"])
                    self.assertEqual([fields.get(name) for name in (":method", ":path", ":scheme", ":authority", "te")],
                                     ["GET", "/show?a=1", scheme, "a.test", "trailers"])
                    self.assertFalse({"host", "connection", "x", "transfer-encoding"} & set(fields), fields)
                    self.assertTrue(fields["via"].startswith("1.1 " if version == "h1" else "2.0 "))
                    status, body, _ = ask("/show", "POST", to, origin.pattern(1 << 20))
                    self.assertEqual(json.loads(body)["sha256"], origin.digest(origin.pattern(1 << 20)))
                    self.assertEqual(ask("/bytes/10000000", to=to)[1], origin.pattern(10000000))
                    self.assertEqual(ask("/bytes/100", "HEAD", to)[:2], ("200", b""))
                    for status in ("204", "304", "404", "500"):
                        self.assertEqual(ask(f"/status/{status}", to=to)[:2], (status, b""))
                    self.assertEqual(ask("/interim", to=to)[:2], ("200", b"final"))
                    status, body, got = ask("/trailers", to=to)
                    self.assertEqual((status, body), ("200", b"body"))
                    if version == "h2":
                        self.assertEqual(got.trailers, [("x-sum", "7")])

    def test_ends_of_streams_are_retried_where_nothing_was_done(self):
        for version, ask in self.clients():
            for number, (path, method, to, expected, count) in enumerate(ENDS):
                with self.subTest(version, path=path, method=method, to=to):
                    # A client with HTTP/2 may send again what weir cannot (RFC 9113 8.7).
                    if version == "h2" and path.endswith("REFUSED_STREAM"):
                        expected = "RST REFUSED_STREAM"
                    path += f"?{version}{number}"
                    outcome, _, _ = ask(path, method, to, b"abc" if method == "POST" else None)
                    self.assertEqual(outcome, expected)
                    self.assertEqual(self.own.count(path), count)

    def test_faults_of_a_backend_are_its_own(self):
        for version, ask in self.clients():
            for name, _, expected in FAULTS:
                with self.subTest(version, name=name):
                    self.assertEqual(ask(f"/bad/{name}".replace(" ", "%20"))[0], expected)
        self.assertEqual(self.h2("/ok")[:2], ("200", b"ok"))

    def test_goaway_of_a_backend_loses_no_request(self):
        with Peer(self.ports["web"]) as peer:
            stream = 1
            for _ in range(20):
                streams = range(stream, stream + 100, 2)
                peer.send(*[headers(one, block(request("/x", ("x-to", "leaving"), method="POST")), end=False) +
                            data(one, b"abc", end=True) for one in streams])
                self.assertEqual([peer.outcome(one) for one in streams], ["200"] * 50)
                stream += 100
        self.assertGreaterEqual(self.leaving.connections, 100)

    def test_goaway_of_nginx_every_10_requests_loses_no_request(self):
        self.run_server("nginx")
        upload = self.weir.folder / "upload"
        upload.write_bytes(b"x" * 1000)
        ways = ((), ("-d", f"{upload}"), ("--h1",), ("--h1", "-d", f"{upload}"))
        count = GOAWAY_REQUESTS // len(ways)
        for options in ways:
            with self.subTest(options=options):
                got = subprocess.run(["h2load", "-n", f"{count}", "-c", "10", "-m", "20", *options, "-H", "x-to: nginx",
                                      f"http://127.0.0.1:{self.ports['web']}/say"], capture_output=True, text=True,
                                     timeout=PATIENCE + GOAWAY_REQUESTS / 100).stdout
                self.assertIn(f"{count} succeeded, 0 failed, 0 errored, 0 timeout", got)
                self.assertIn(f"status codes: {count} 2xx", got)
        goaways = self.weir.scrape().sum("weir_backend_http2_goaways_total", cluster="nginx")
        self.assertGreaterEqual(goaways, GOAWAY_REQUESTS // 10 - 40)

    def test_connections_are_filled_up_to_the_limit_of_streams(self):
        for to, backend, connections in (("own", self.own, 1), ("few", self.few, 5)):
            with self.subTest(to):
                backend.hold()
                before = backend.connections
                with Peer(self.ports["web"]) as peer:
                    peer.send(*[headers(stream, block(request("/hold", ("x-to", to)))) for stream in range(1, 41, 2)])
                    backend.wait_for(lambda: [one.target for one in backend.requests].count("/hold") >= 20)
                    backend.release()
                    self.assertEqual([peer.outcome(stream) for stream in range(1, 41, 2)], ["200"] * 20)
                self.assertLessEqual(backend.connections - before, connections)

    def test_clients_that_leave_cancel_their_streams(self):
        self.own.hold()
        with Peer(self.ports["web"]) as peer:
            peer.send(*[headers(stream, block(request("/hold/cancel"))) for stream in (1, 3)])
            self.own.wait_for(lambda: self.own.count("/hold/cancel") == 2)
            peer.send(rst(1))
            held = [one for one in self.own.requests if one.target == "/hold/cancel"]
            self.own.wait_for(lambda: sum(one.reset == "CANCEL" for one in held) == 1)
        self.own.wait_for(lambda: all(one.reset == "CANCEL" for one in held))
        self.own.release()
        self.assertEqual(self.h2("/ok")[0], "200")

    def test_slow_streams_do_not_stall_others_of_their_connection(self):
        with Peer(self.ports["web"], refills=False) as slow, Peer(self.ports["web"]) as other:
            slow.send(headers(1, block(request("/bytes/10000000"))))
            slow.until(lambda: len(slow.answer(1).body) == 65535)
            for stream in range(1, 41, 2):
                self.assertEqual(other.get(stream, "/bytes/200000"), "200")
            slow.refills = True
            slow.send(window(0, 65535), window(1, 65535))
            self.assertEqual(slow.outcome(1), "200")

    def test_real_servers_are_backends(self):
        for name in SERVERS:
            self.run_server(name)
            for version, ask in self.clients():
                with self.subTest(name, client=version):
                    path = "/bytes/1048576" if name == "haproxy" else "/file"
                    for _ in range(25):
                        status, body, _ = ask(path, to=name)
                        self.assertEqual((status, origin.digest(body)), ("200", origin.digest(origin.pattern(1 << 20))))
                    if name == "haproxy":
                        seen = json.loads(ask("/show", "POST", name, origin.pattern(1 << 20))[1])
                        self.assertEqual(seen["sha256"], origin.digest(origin.pattern(1 << 20)))

    def test_a_backend_without_http2_is_a_failed_connection(self):
        """Over TLS it must agree to h2."""
        before = self.weir.scrape().sum("weir_backend_connect_errors_total", cluster="tls", reason="alpn")
        self.secure.tls.set_alpn_protocols(["http/1.1"])
        try:
            for connection in self.secure.open:
                connection.close()
            self.assertIn(self.h2("/ok", to="tls")[0], ("502", "503"))
            self.weir.await_metric("weir_backend_connect_errors_total", before + 1, cluster="tls", reason="alpn")
        finally:
            self.secure.tls.set_alpn_protocols(["h2"])


if __name__ == "__main__":
    WEIR = pathlib.Path(sys.argv.pop()).resolve()
    unittest.main()
