#!/usr/bin/env python3
"""WebSockets (RFC 8441) and CONNECT over HTTP/2, in front of a backend with HTTP/1.

usage: http2_tunnels_test.py WEIR
"""
import base64
import hashlib
import json
import pathlib
import shutil
import socket
import struct
import subprocess
import sys
import time
import unittest

import wsproto.connection
import wsproto.events

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import origin
import ports
import weir
from http2 import *

WEIR = None
ANSWER = "ok"
CONFIG = """
global: {{ workers: 1 }}
logging: {{ access: {{ output: none }} }}
drain: {{ timeout: 1s, spread: 200ms, linger: 500ms }}
listeners:
  - {{ name: clear, bind: "127.0.0.1:{clear}", protocol: http, cluster: origin }}
  - name: tls
    bind: "127.0.0.1:{tls}"
    protocol: http
    cluster: origin
    tls: {{ certificates: [{{ cert: cert.pem, key: key.pem }}] }}
  - {{ name: idle, bind: "127.0.0.1:{idle}", protocol: http, cluster: origin, timeouts: {{ tunnel_idle: 1s }} }}
  - {{ name: connect, bind: "127.0.0.1:{connect}", protocol: http, cluster: origin, allow_connect: true }}
  - name: none
    bind: "127.0.0.1:{none}"
    protocol: http
    routes: [{{ match: {{ path_prefix: / }}, cluster: origin, upgrade: none }}]
clusters:
  - {{ name: origin, backends: ["127.0.0.1:{origin}"] }}
"""
NODE = """
const http2 = require('http2'), session = http2.connect(process.argv[2]);
session.on('error', (error) => { console.error(error); process.exit(1); });
session.once('remoteSettings', (settings) => {
  const stream = session.request({ ':method': 'CONNECT', ':protocol': 'websocket', ':path': '/ws', ':scheme': 'http',
                                   ':authority': 'a.test', 'sec-websocket-version': '13', origin: 'http://a.test' });
  const got = { promised: settings.enableConnectProtocol, data: '' };
  stream.on('response', (fields) => {
    got.status = fields[':status'];
    stream.write(Buffer.from('818500000000', 'hex'));
    stream.write('hello');
  });
  stream.on('data', (part) => { got.data += part.toString('hex'); if (got.data.length >= 14) stream.end(); });
  stream.on('close', () => { console.log(JSON.stringify(got)); session.close(); });
});
"""


def websocket(path="/ws", *extra, protocol="websocket"):
    return [(":method", "CONNECT"), (":protocol", protocol), (":scheme", "http"), (":path", path),
            (":authority", "a.test"), ("sec-websocket-version", "13"), *extra]


class Tunnels(origin.Origin):
    """/ws echoes messages; /ws/… refuses in several ways. CONNECT echoes bytes. A FIN is answered by a FIN."""

    def answer(self, connection, stream, seen):
        self.change(lambda: setattr(seen, "ended", None))
        if seen.method == "CONNECT":
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            self.relay(connection, stream, seen, lambda part: part)
            return False
        if seen.values("upgrade") != ["websocket"]:
            return super().answer(connection, stream, seen)
        key = seen.values("sec-websocket-key")[0].encode()
        accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()).decode()
        switch = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        refusals = {"/ws/wrong": switch + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
                    "/ws/bare": switch + "\r\n", "/ws/200": "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
                    "/ws/403": "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno"}
        if seen.target in refusals:
            connection.sendall(refusals[seen.target].encode())
            return seen.target in ("/ws/200", "/ws/403")
        connection.sendall(f"{switch}Sec-WebSocket-Accept: {accept}\r\n\r\n".encode())
        state = wsproto.connection.Connection(wsproto.connection.ConnectionType.SERVER)

        def echo(part):
            state.receive_data(part)
            out = b""
            for event in state.events():
                if isinstance(event, wsproto.events.Ping):
                    out += state.send(event.response())
                elif isinstance(event, wsproto.events.CloseConnection):
                    out += state.send(event.response())
                else:
                    out += state.send(event)
            return out
        self.relay(connection, stream, seen, echo)
        return False

    def relay(self, connection, stream, seen, echo):
        ended = "reset"
        try:
            while part := stream.read1(65536):
                seen.size += len(part)
                connection.sendall(echo(part))
            connection.shutdown(socket.SHUT_WR)
            ended = "fin"
        finally:
            self.change(lambda: setattr(seen, "ended", ended))


class WebSocket:
    """wsproto on a stream of a Peer."""

    def __init__(self, peer, stream, path="/ws"):
        self.peer, self.stream, self.read = peer, stream, 0
        self.state = wsproto.connection.Connection(wsproto.connection.ConnectionType.CLIENT)
        peer.send(headers(stream, block(websocket(path)), end=False))
        peer.until(lambda: self.answer.fields or self.answer.reset, "the answer to CONNECT")

    @property
    def answer(self):
        return self.peer.answer(self.stream)

    def send(self, event):
        text = self.state.send(event)
        while text:
            self.peer.until(lambda: min(self.peer.window_of(self.stream), self.peer.windows[0]) > 0, "a window")
            size = min(len(text), 16384, self.peer.window_of(self.stream), self.peer.windows[0])
            self.peer.send(data(self.stream, text[:size]))
            self.peer.windows[self.stream] -= size
            self.peer.windows[0] -= size
            text = text[size:]

    def receive(self):
        """The next whole message or other event."""
        whole = None
        while True:
            for event in self.state.events():
                if not isinstance(event, wsproto.events.Message):
                    return event
                whole = event.data if whole is None else whole + event.data
                if event.message_finished:
                    return whole
            self.peer.until(lambda: len(self.answer.body) > self.read or self.answer.ended or self.answer.reset)
            part, self.read = bytes(self.answer.body[self.read:]), len(self.answer.body)
            if not part:
                raise ConnectionError(str(self.peer))
            self.state.receive_data(part)


class TunnelsTest(unittest.TestCase):
    def setUp(self):
        self.origin = Tunnels()
        self.addCleanup(self.origin.stop)
        names = ("clear", "tls", "idle", "connect", "none")
        self.ports = dict(zip(names, ports.free_ports(len(names))))
        self.weir = weir.Weir(WEIR, CONFIG.format(origin=self.origin.port, **self.ports), certificate="a.test")
        self.addCleanup(self.weir.stop)

    def peer(self, *first, listener="clear"):
        tls = tls_context(self.weir.folder / "cert.pem") if listener == "tls" else None
        peer = Peer(self.ports[listener], *first, tls=tls)
        self.addCleanup(peer.socket.close)
        return peer

    def await_ended(self, how):
        self.origin.wait_for(lambda: self.origin.requests[-1].ended == how, f"the end by {how}")

    def test_websockets_echo_beside_requests(self):
        for listener in ("clear", "tls"):
            with self.subTest(listener):
                peer = self.peer(listener=listener)
                peer.until(lambda: peer.settings)
                self.assertEqual(peer.settings.get(ENABLE_CONNECT), 1)
                sockets = [WebSocket(peer, stream) for stream in (1, 3, 5)]
                self.assertEqual([one.answer.status for one in sockets], ["200"] * 3)
                names = {name for name, _ in sockets[0].answer.fields}
                self.assertFalse(names & {"connection", "upgrade", "sec-websocket-accept", "transfer-encoding"}, names)
                for text in ("hello", "é" * 70000, "x" * 1000000):
                    for one in sockets:
                        one.send(wsproto.events.TextMessage(text))
                    self.assertEqual([one.receive() for one in sockets], [text] * 3)
                sockets[0].send(wsproto.events.Ping(b"p"))
                self.assertEqual(sockets[0].receive().payload, b"p")
                self.assertEqual(peer.get(7, "/ok"), "200")
                seen = self.origin.requests[-2]
                self.assertEqual((seen.method, seen.target, seen.values("host"), seen.values("sec-websocket-version")),
                                 ("GET", "/ws", ["a.test"], ["13"]))
                self.assertEqual(len(base64.b64decode(seen.values("sec-websocket-key")[0])), 16)
                sockets[1].send(wsproto.events.CloseConnection(1000))
                self.assertEqual(sockets[1].receive().code, 1000)

    def test_each_end_of_a_tunnel_is_passed_on(self):
        peer = self.peer()
        one = WebSocket(peer, 1)
        one.send(wsproto.events.TextMessage("hello"))
        peer.send(data(1, end=True))  # becomes a FIN, which is answered by one
        self.assertEqual((one.receive(), peer.outcome(1)), ("hello", "200"))
        self.await_ended("fin")
        one = WebSocket(peer, 3)
        peer.send(rst(3))
        self.await_ended("reset")
        self.assertEqual(peer.get(5, "/ok"), "200")
        one = WebSocket(peer, 7)
        peer.socket.close()
        self.await_ended("reset")
        self.weir.await_metric("weir_connections_active", 0)
        self.assertEqual(list(self.weir.scrape().imbalances()), [])

    def test_only_a_right_answer_opens_a_websocket(self):
        for path, status in (("/ws/wrong", "502"), ("/ws/bare", "502"), ("/ws/200", "502"), ("/ws/403", "403")):
            with self.subTest(path):
                peer = self.peer()
                self.assertEqual(WebSocket(peer, 1, path).answer.status, status)
                self.assertEqual(peer.outcome(1), status)
                self.assertEqual(peer.get(3, "/ok"), "200")

    def test_protocols_that_a_route_does_not_allow_are_answered_501(self):
        for listener, protocol in (("none", "websocket"), ("clear", "x")):
            with self.subTest(protocol):
                peer = self.peer(headers(1, block(websocket(protocol=protocol)), end=False), listener=listener)
                self.assertEqual(peer.outcome(1), "501")
                self.assertEqual(peer.get(3, "/ok"), "200")
        self.assertEqual(self.peer(listener="none").settings.get(ENABLE_CONNECT, 0), 0)

    def test_connect_opens_a_tunnel_where_it_is_allowed(self):
        fields = block([(":method", "CONNECT"), (":authority", "b.test:7")])
        peer = self.peer(headers(1, fields, end=False), data(1, b"hello"), listener="connect")
        peer.until(lambda: peer.answer(1).body == b"hello")
        self.assertEqual((peer.answer(1).status, self.origin.requests[-1].target), ("200", "b.test:7"))
        peer.send(data(1, b" there", end=True))
        self.assertEqual((peer.outcome(1), bytes(peer.answer(1).body)), ("200", b"hello there"))
        self.await_ended("fin")
        peer.send(headers(3, fields, end=False))
        peer.until(lambda: peer.answer(3).status)
        peer.send(rst(3))
        self.await_ended("reset")
        self.assertEqual(self.peer(headers(1, fields, end=False)).outcome(1), "405")

    def test_silent_tunnels_end(self):
        peer = self.peer(listener="idle")
        one = WebSocket(peer, 1)
        self.assertEqual(peer.outcome(1), "200")  # END_STREAM, as HTTP/1 gets a FIN
        self.await_ended("fin")
        self.assertEqual(peer.get(3, "/ok"), "200")

    def test_tunnels_last_until_the_deadline_of_a_drain(self):
        peer = self.peer()
        one = WebSocket(peer, 1)
        self.weir.terminate()
        peer.until(lambda: peer.goaways, "GOAWAY")
        one.send(wsproto.events.TextMessage("still here"))
        self.assertEqual(one.receive(), "still here")
        self.assertEqual(peer.outcome(1), "RST CANCEL")
        peer.until(lambda: False, "the end of the connection")
        self.assertEqual(self.weir.wait(), weir.CUT)
        self.assertIn("cut=1", self.weir.log())

    def test_node_opens_a_websocket(self):
        (self.weir.folder / "client.js").write_text(NODE)
        got = subprocess.run([shutil.which("node") or "nodejs", str(self.weir.folder / "client.js"),
                              f"http://127.0.0.1:{self.ports['clear']}"], capture_output=True, timeout=PATIENCE)
        self.assertEqual(json.loads(got.stdout or b"null"), {"promised": True, "status": 200, "data": "810568656c6c6f"},
                         got.stderr)


if __name__ == "__main__":
    WEIR = pathlib.Path(sys.argv.pop()).resolve()
    unittest.main()
