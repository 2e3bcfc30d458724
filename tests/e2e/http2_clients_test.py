#!/usr/bin/env python3
"""Real HTTP/2 clients with an HTTP/1 backend: curl, nghttp, h2load, python3-h2 and Node, over TLS and without.

usage: http2_clients_test.py WEIR
"""
import json
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import unittest

import h2.config
import h2.connection
import h2.events

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import origin
import ports
import weir
from http2 import *

WEIR = None
MIB = 1 << 20
WAYS = ("clear", "tls")
CONFIG = """
global: {{ workers: 2 }}
logging: {{ access: {{ output: ./access, format: json }} }}
listeners:
  - {{ name: clear, bind: "127.0.0.1:{clear}", protocol: http, cluster: origin, via: true }}
  - name: tls
    bind: "127.0.0.1:{tls}"
    protocol: http
    cluster: origin
    via: true
    tls: &tls {{ certificates: [{{ cert: cert.pem, key: key.pem }}] }}
  - {{ name: clear_off, bind: "127.0.0.1:{clear_off}", protocol: http, cluster: origin, http2: {{ enabled: false }} }}
  - name: tls_off
    bind: "127.0.0.1:{tls_off}"
    protocol: http
    cluster: origin
    http2: {{ enabled: false }}
    tls: *tls
clusters:
  - {{ name: origin, backends: ["127.0.0.1:{origin}"] }}
"""
NODE = """
const http2 = require('http2'), fs = require('fs'), crypto = require('crypto');
const [url, file, ca] = process.argv.slice(2), body = fs.readFileSync(file), out = {};
const session = http2.connect(url, ca ? { ca: fs.readFileSync(ca), servername: 'a.test' } : {});
session.on('error', (error) => { console.error(error); process.exit(1); });
const ask = (fields, sent, trailers) => new Promise((resolve, reject) => {
  const stream = session.request(fields, { endStream: sent === undefined, waitForTrailers: !!trailers });
  const answer = { interim: [], sha: crypto.createHash('sha256'), size: 0 };
  stream.on('headers', (fields) => answer.interim.push(fields[':status']));
  stream.on('continue', () => answer.interim.push(100));
  stream.on('response', (fields) => { answer.status = fields[':status']; });
  stream.on('trailers', (fields) => { answer.trailers = { ...fields }; });
  stream.on('wantTrailers', () => stream.sendTrailers(trailers));
  stream.on('data', (part) => { answer.size += part.length; answer.sha.update(part); });
  stream.on('error', reject);
  stream.on('close', () => resolve({ ...answer, sha: answer.sha.digest('hex') }));
  if (sent !== undefined) stream.end(sent);
});
(async () => {
  out.get = await ask({ ':path': '/ok' });
  out.post = await ask({ ':path': '/show', ':method': 'POST' }, body, { 'x-sum': '9' });
  out.head = await ask({ ':path': '/bytes/100', ':method': 'HEAD' });
  out.trailers = await ask({ ':path': '/trailers' });
  out.interim = await ask({ ':path': '/interim' });
  out.large = await ask({ ':path': '/bytes/10000000' });
  out.many = (await Promise.all([...Array(100).keys()].map((i) => ask({ ':path': '/bytes/' + i })))).map((a) => a.size);
  console.log(JSON.stringify(out));
  session.close();
})().catch((error) => { console.error(error); process.exit(1); });
"""


def run(*command, code=0, **options):
    ended = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60,
                           stdin=subprocess.DEVNULL, **options)
    if ended.returncode != code:
        raise AssertionError(f"{command} ends with {ended.returncode}:\n"
                             f"{ended.stderr[-2000:].decode()}{ended.stdout[-500:]}")
    return ended.stdout


class H2Client:
    """python3-h2: raises for everything that it does not expect of a server."""

    def __init__(self, port, tls=None):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_hostname="a.test")
        self.state = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        self.state.initiate_connection()
        self.events = []

    def ask(self, fields, body=None, trailers=None, expects=False):
        """One request; returns its events."""
        stream = self.state.get_next_available_stream_id()
        self.state.send_headers(stream, fields, end_stream=body is None)
        left, ended = memoryview(body or b""), body is None
        may_send, events = not expects, []
        while True:
            while may_send and left and self.state.local_flow_control_window(stream):
                size = min(len(left), self.state.local_flow_control_window(stream), 16384)
                self.state.send_data(stream, bytes(left[:size]))
                left = left[size:]
            if may_send and not left and not ended:
                ended = True
                if trailers:
                    self.state.send_headers(stream, trailers, end_stream=True)
                else:
                    self.state.end_stream(stream)
            self.socket.sendall(self.state.data_to_send())
            part = self.socket.recv(65536)
            for event in self.state.receive_data(part) if part else [None]:
                if event is None or isinstance(event, (h2.events.ConnectionTerminated, h2.events.StreamReset)):
                    raise AssertionError(f"{event}, {events}")
                if getattr(event, "stream_id", None) != stream:
                    continue
                events.append(event)
                may_send |= isinstance(event, h2.events.InformationalResponseReceived)
                if isinstance(event, h2.events.DataReceived):
                    self.state.acknowledge_received_data(event.flow_controlled_length, stream)
            if any(isinstance(event, h2.events.StreamEnded) for event in events):
                self.socket.sendall(self.state.data_to_send())
                return events


def of(events, kind):
    return [event for event in events if isinstance(event, kind)]


def body_of(events):
    return b"".join(event.data for event in of(events, h2.events.DataReceived))


class ClientsTest(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.origin = origin.Origin()
        cls.addClassCleanup(cls.origin.stop)
        names = ("clear", "tls", "clear_off", "tls_off")
        cls.ports = dict(zip(names, ports.free_ports(len(names))))
        cls.weir = weir.Weir(WEIR, CONFIG.format(origin=cls.origin.port, **cls.ports), certificate="a.test")
        cls.addClassCleanup(cls.weir.stop)
        cls.ca = cls.weir.folder / "cert.pem"
        cls.upload = cls.weir.folder / "upload"
        cls.upload.write_bytes(origin.pattern(MIB))
        cls.urls = {way: f"{scheme}://a.test:{cls.ports[way]}" for way, scheme in
                    (("clear", "http"), ("tls", "https"), ("clear_off", "http"), ("tls_off", "https"))}

    def peer(self, way, *first, **options):
        peer = Peer(self.ports[way], *first, tls=tls_context(self.ca) if way == "tls" else None, **options)
        self.addCleanup(peer.socket.close)
        return peer

    def curl(self, way, path, *options, version=None):
        version = version or ("--http2" if way.startswith("tls") else "--http2-prior-knowledge")
        return run("curl", "-sS", "--noproxy", "*", "--cacert", self.ca, version, "--resolve",
                   f"a.test:{self.ports[way]}:127.0.0.1", *options, self.urls[way] + path)

    def test_curl_exchanges_every_kind_of_message(self):
        for way in WAYS:
            with self.subTest(way):
                seen = json.loads(self.curl(way, "/show?a=1", "-H", "Cookie: a=1; b=2"))
                fields = dict(seen["fields"])
                self.assertEqual((seen["method"], seen["target"]), ("GET", "/show?a=1"))
                self.assertEqual((fields["host"], fields["cookie"], fields["via"][:4], fields["x-forwarded-proto"]),
                                 (f"a.test:{self.ports[way]}", "a=1; b=2", "2.0 ", self.urls[way].partition(":")[0]))
                self.assertEqual(self.curl(way, "/ok", "-w", " %{http_version} %{http_code}"), b"ok 2 200")
                seen = json.loads(self.curl(way, "/show", "-X", "POST", "-T", self.upload))
                self.assertEqual((seen["size"], seen["sha256"]), (MIB, origin.digest(origin.pattern(MIB))))
                self.assertIn(["content-length", str(MIB)], seen["fields"])
                head = self.curl(way, "/bytes/100", "--head").decode().lower()
                self.assertRegex(head, r"^http/2 200 *\r\n")
                self.assertIn("content-length: 100\r\n", head)
                for status in ("204", "304", "404", "500"):
                    self.assertEqual(self.curl(way, f"/status/{status}", "-w", "%{http_code}"), status.encode())
                for kind in ("bytes", "chunks", "close"):
                    self.assertEqual(origin.digest(self.curl(way, f"/{kind}/10000000")),
                                     origin.digest(origin.pattern(10000000)), kind)
                interim = self.curl(way, "/interim", "-i").decode().lower()
                self.assertRegex(interim, r"(?s)^http/2 103.*link: </a.css>; rel=preload\r\n.*http/2 200.*final$")
                self.assertIn("x-sum: 7\r\n", self.curl(way, "/trailers", "-D", "-").decode().lower())

    def test_curl_gets_a_hundred_urls_at_once_over_one_connection(self):
        """Over TLS: without, curl 7.88 fails with any server."""
        before = self.weir.scrape().sum("weir_connections_total", listener="tls")
        got = self.curl("tls", "/bytes/[1000-1099]", "-Z", "--parallel-max", "100")
        self.assertEqual(len(got), sum(range(1000, 1100)))
        self.assertEqual(self.weir.scrape().sum("weir_connections_total", listener="tls") - before, 1)

    def test_listeners_serve_both_versions(self):
        for way in WAYS:
            with self.subTest(way):
                for version, named in (("--http1.1", b"1.1"), ("--http1.0", None), ("--http2", None)):
                    got = self.curl(way, "/ok", "-w", " %{http_version}", version=version)
                    self.assertTrue(got.startswith(b"ok "), got)
                    if named:
                        self.assertEqual(got, b"ok " + named)
        for offered, chosen in ((("h2", "http/1.1"), "h2"), (("http/1.1", "h2"), "h2"), (("http/1.1",), "http/1.1")):
            with socket.create_connection(("127.0.0.1", self.ports["tls"])) as plain:
                with tls_context(self.ca, offered).wrap_socket(plain, server_hostname="a.test") as client:
                    self.assertEqual(client.selected_alpn_protocol(), chosen)
        versions = self.weir.scrape()
        self.assertGreater(versions.sum("weir_http_connections_total", listener="tls", version="h1"), 0)
        self.assertGreater(versions.sum("weir_http_connections_total", listener="tls", version="h2"), 0)

    def test_http2_can_be_disabled(self):
        self.assertEqual(self.curl("tls_off", "/ok", "-w", " %{http_version}"), b"ok 1.1")
        self.assertEqual(self.curl("clear_off", "/ok", "-w", " %{http_version}", version="--http2"), b"ok 1.1")
        before = len(self.origin.requests)
        with socket.create_connection(("127.0.0.1", self.ports["clear_off"]), timeout=PATIENCE) as client:
            client.sendall(PREFACE + settings() + headers(1, block(request("/refused"))))
            got = b""
            try:
                while part := client.recv(65536):
                    got += part
            except ConnectionResetError:
                pass
        self.assertRegex(got, rb"^HTTP/1.1 (400|505) ")
        self.assertEqual(len(self.origin.requests), before)

    def test_nghttp_sends_bodies_trailers_and_expectations(self):
        def nghttp(*options):
            return run("nghttp", "--no-verify-peer", *options)
        for way in WAYS:
            with self.subTest(way):
                url = self.urls[way].replace("a.test", "127.0.0.1")
                seen = json.loads(nghttp("-d", self.upload, "--expect-continue", url + "/show"))
                self.assertEqual((seen["size"], seen["sha256"]), (MIB, origin.digest(origin.pattern(MIB))))
                seen = json.loads(nghttp("-d", self.upload, "--no-content-length", "--trailer", "x-sum: 9",
                                         url + "/show"))
                self.assertEqual((seen["size"], seen["trailers"]), (MIB, [["x-sum", "9"]]))
                self.assertEqual(nghttp("-p", "1", "-w", "12", "-W", "14", url + "/bytes/3000000"),
                                 origin.pattern(3000000))
                self.assertIn("x-sum: 7", re.sub(r"\x1b\[[0-9;]*m", "", nghttp("-nv", url + "/trailers").decode()))

    def test_h2load_gets_every_answer(self):
        for way in WAYS:
            with self.subTest(way):
                url = self.urls[way].replace("a.test", "127.0.0.1")
                for streams, path, count in ((100, "/ok", 3000), (32, "/bytes/100000", 320), (1, "/ok", 100)):
                    got = run("h2load", "-n", count, "-c", "4", "-m", streams, url + path).decode()
                    self.assertIn(f"{count} succeeded, 0 failed, 0 errored, 0 timeout", got)
                    self.assertIn(f"status codes: {count} 2xx", got)

    def test_python_h2_finds_nothing_wrong(self):
        for way in WAYS:
            with self.subTest(way):
                client = H2Client(self.ports[way], tls_context(self.ca) if way == "tls" else None)
                self.addCleanup(client.socket.close)
                events = client.ask(request("/ok"))
                self.assertEqual(body_of(events), b"ok")
                events = client.ask(request("/show", ("te", "trailers"), method="POST"), origin.pattern(MIB),
                                    trailers=[("x-sum", "9"), ("content-length", "7")])
                seen = json.loads(body_of(events))
                self.assertEqual((seen["size"], seen["sha256"]), (MIB, origin.digest(origin.pattern(MIB))))
                self.assertEqual(seen["trailers"], [["x-sum", "9"]])
                self.assertIn(["transfer-encoding", "chunked"], seen["fields"])
                self.assertIn(["te", "trailers"], seen["fields"])
                events = client.ask(request("/show", ("expect", "100-continue"), method="POST"), b"abc", expects=True)
                self.assertEqual(len(of(events, h2.events.InformationalResponseReceived)), 1)
                self.assertEqual(json.loads(body_of(events))["size"], 3)
                events = client.ask(request("/interim"))
                self.assertEqual(len(of(events, h2.events.InformationalResponseReceived)), 1)
                trailers = of(client.ask(request("/trailers")), h2.events.TrailersReceived)[0].headers
                self.assertEqual([tuple(field) for field in trailers], [("x-sum", "7"), ("grpc-status", "0")])
                for status in ("204", "304"):
                    head = of(client.ask(request(f"/status/{status}")), h2.events.ResponseReceived)[0].headers
                    self.assertEqual((dict(head)[":status"], dict(head)["etag"]), (status, '"1"'))
                events = client.ask(request("/bytes/100", method="HEAD"))
                self.assertEqual(dict(of(events, h2.events.ResponseReceived)[0].headers)["content-length"], "100")
                self.assertEqual(origin.digest(body_of(client.ask(request("/chunks/10000000")))),
                                 origin.digest(origin.pattern(10000000)))

    def test_node_gets_every_answer(self):
        (self.weir.folder / "client.js").write_text(NODE)
        for way in WAYS:
            with self.subTest(way):
                got = json.loads(run(shutil.which("node") or "nodejs", self.weir.folder / "client.js",
                                     self.urls[way].replace("a.test", "127.0.0.1"), self.upload,
                                     *([self.ca] if way == "tls" else [])))
                self.assertEqual({name: got[name]["status"] for name in got if name != "many"},
                                 dict.fromkeys(("get", "post", "head", "trailers", "interim", "large"), 200))
                self.assertEqual(got["trailers"]["trailers"], {"x-sum": "7", "grpc-status": "0"})
                self.assertEqual((got["interim"]["interim"], got["head"]["size"]), ([103], 0))
                self.assertEqual((got["large"]["size"], got["large"]["sha"]),
                                 (10000000, origin.digest(origin.pattern(10000000))))
                self.assertEqual(got["many"], list(range(100)))
                seen = [seen for seen in self.origin.requests if seen.target == "/show"][-1]
                self.assertEqual((seen.size, seen.trailers), (MIB, [("x-sum", "9")]))

    def test_a_slow_stream_does_not_delay_others(self):
        """A download whose window stays closed, an upload that its backend does not take, a silent backend."""
        self.origin.hold()
        for way in WAYS:
            with self.subTest(way):
                upload = headers(3, block(request("/unread", method="POST")), end=False) + data(3, bytes(16384)) * 3
                peer = self.peer(way, headers(1, block(request("/bytes/10000000"))), upload,
                                 headers(5, block(request("/hold"))))
                peer.refills = False
                peer.until(lambda: len(peer.answer(1).body) == 65535)
                peer.send(window(0, 65535))
                peer.refills = True
                streams = range(7, 7 + 2 * 97, 2)
                peer.send(*[headers(stream, block(request("/bytes/20000"))) for stream in streams])
                for stream in streams:
                    self.assertEqual(peer.outcome(stream), "200")
                    self.assertEqual(len(peer.answer(stream).body), 20000)
                self.assertEqual([peer.answer(stream).ended for stream in (1, 3, 5)], [False] * 3)
                peer.send(rst(3), rst(5), window(1, 1 << 24))
                self.assertEqual((peer.outcome(1), bytes(peer.answer(1).body)), ("200", origin.pattern(10000000)))
        self.origin.release()

    def test_cut_answers_end_in_a_reset(self):
        for way in WAYS:
            with self.subTest(way):
                peer = self.peer(way)
                self.assertEqual(peer.get(1, "/cut"), "RST INTERNAL_ERROR")
                self.assertEqual(peer.get(3, "/ok"), "200")

    def test_an_early_answer_stops_the_upload(self):
        for way in WAYS:
            with self.subTest(way):
                peer = self.peer(way, headers(1, block(request("/early", method="POST")), end=False), data(1, b"x"))
                self.assertEqual(peer.outcome(1), "200")
                self.assertEqual(bytes(peer.answer(1).body), b"early")
                peer.until(lambda: peer.answer(1).reset)
                self.assertEqual(peer.answer(1).reset, "NO_ERROR")
                self.assertEqual(peer.get(3, "/ok"), "200")

    def test_a_reset_upload_never_completes_at_the_backend(self):
        for way in WAYS:
            with self.subTest(way):
                before = len(self.origin.requests)
                for framing in ((), (("content-length", "10"),)):
                    peer = self.peer(way, headers(1, block(request("/reset", *framing, method="POST")), end=False),
                                     data(1, b"abc"))
                    count = len(self.origin.requests)
                    self.origin.wait_for(lambda: any(seen.size == 3 for seen in self.origin.requests[before:]))
                    peer.send(rst(1))
                    self.assertEqual(peer.get(3, "/ok"), "200")
                    self.origin.wait_for(lambda: all(seen.over for seen in self.origin.requests[before:]), "the end")
                    self.assertFalse(any(seen.complete for seen in self.origin.requests[before:]
                                         if seen.target == "/reset"))
                    before = len(self.origin.requests)

    def test_books_and_the_log_name_the_version(self):
        peer = self.peer("clear")
        self.assertEqual(peer.get(1, "/logged"), "200")
        peer.socket.close()
        line = origin.wait_until(lambda: next((line for line in (self.weir.folder / "access").read_text().splitlines()
                                               if "/logged" in line), None), "the line of the request")
        self.assertEqual((json.loads(line)["version"], json.loads(line)["stream"]), ("HTTP/2.0", 1))
        self.weir.await_metric("weir_http2_streams_active", 0)
        self.assertEqual(list(self.weir.scrape().imbalances()), [])


if __name__ == "__main__":
    WEIR = pathlib.Path(sys.argv.pop()).resolve()
    unittest.main()
