#!/usr/bin/env python3
"""Reloads, then SIGTERM, under load of HTTP/1, HTTP/2, gRPC and WebSockets over both versions: no request is lost.
What the clients count is what weir's metrics count, and what drain.timeout cuts is counted.

usage: mixed_load_test.py WEIR

With WEIR_RELOADS so many reloads (60).
"""
import base64
import collections
import hashlib
import os
import pathlib
import re
import socket
import subprocess
import sys
import unittest

import grpc
import wsproto.connection
import wsproto.events

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import http2_backend
import loads
import origin
import ports
import weir
from grpc_test import Messages, Server
from http2 import *
from http2_tunnels_test import Tunnels, WebSocket

WEIR = None
RELOADS = int(os.environ.get("WEIR_RELOADS", "60"))
LISTENERS = ("web", "tls", "grpc", "ws")
TO_H2 = [("x-to", "h2")]
CONFIG = """
global: {{ workers: 2 }}
logging: {{ access: {{ output: none }} }}
drain: {{ timeout: 10s, spread: 1s, linger: 1s }}
listeners:
  - name: web
    bind: "127.0.0.1:{web}"
    protocol: http
    routes: &routes
      - {{ name: h2, match: {{ headers: {{ x-to: h2 }} }}, cluster: h2{more} }}
{route}
      - {{ name: h1, match: {{ path_prefix: / }}, cluster: h1{more} }}
  - name: tls
    bind: "127.0.0.1:{tls}"
    protocol: http
    routes: *routes
    tls: {{ certificates: [{{ cert: cert.pem, key: key.pem }}] }}
  - {{ name: grpc, bind: "127.0.0.1:{grpc}", protocol: http, cluster: grpc }}
  - {{ name: ws, bind: "127.0.0.1:{ws}", protocol: http, cluster: h1 }}
clusters:
  - {{ name: h1, backends: [{h1}]{keys} }}
  - {{ name: h2, protocol: http2, backends: [{h2}]{keys} }}
  - {{ name: grpc, protocol: http2, backends: [{calls}] }}
"""
# Which backends are there, and what else changes: each backend is removed and added again while it is in use.
VARIANTS = [
    {"which": (0,)},
    {"which": (0, 1), "keys": ", balance: least_connections"},
    {"which": (1,), "more": ", headers: { response: { set: { x-more: yes } } }"},
    {"which": (1, 0), "keys": ", pool: { max_idle: 2 }",
     "route": "      - { name: other, match: { path: /other }, respond: { status: 404 } }"},
]


class PlainWebSocket:
    """wsproto over HTTP/1.1."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        key = base64.b64encode(os.urandom(16))
        self.socket.sendall(b"GET /ws HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + key + b"\r\n\r\n")
        self.head, rest = b"", b""
        while b"\r\n\r\n" not in self.head:
            part = self.socket.recv(65536)
            if not part:
                raise ConnectionError(f"the answer to Upgrade is {self.head}")
            self.head += part
        self.head, _, rest = self.head.partition(b"\r\n\r\n")
        accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
        if not self.head.startswith(b"HTTP/1.1 101 ") or accept not in self.head:
            raise ConnectionError(f"the answer to Upgrade is {self.head}")
        self.state = wsproto.connection.Connection(wsproto.connection.ConnectionType.CLIENT)
        self.state.receive_data(rest or b"")

    def send(self, event):
        self.socket.sendall(self.state.send(event))

    def receive(self):
        while True:
            for event in self.state.events():
                if not isinstance(event, wsproto.events.Message) or event.message_finished:
                    return getattr(event, "data", event)
            part = self.socket.recv(65536)
            if not part:
                raise ConnectionError("the end, in the middle of a WebSocket")
            self.state.receive_data(part)


class WebSocketLoad(loads.Load):
    """50 messages, each echoed before the next; then both sides close. A tunnel is served once."""

    def __init__(self, port, http2):
        super().__init__()
        self.port, self.http2 = port, http2
        self.start()

    def turn(self):
        if not self.http2:
            one = PlainWebSocket(self.port)
            self.connections += 1
            self.echo(one)
            one.socket.shutdown(socket.SHUT_WR)
            if one.socket.recv(1):
                self.lost.append("bytes behind the close of a WebSocket")
            one.socket.close()
            return
        with Peer(self.port) as peer:
            self.connections += 1
            stream = 1
            while not (self.stopping or peer.goaways or peer.closed):
                one = WebSocket(peer, stream)
                if loads.Http2Load.refused(peer, stream):
                    self.again += 1
                elif one.answer.status == "200":
                    self.echo(one)
                    peer.send(data(stream, end=True))
                    outcome = peer.outcome(stream)
                    if outcome != "200":
                        self.lost.append(f"a closed WebSocket ends with {outcome}")
                else:
                    self.lost.append(f"CONNECT on stream {stream}: {peer}")
                stream += 2

    def echo(self, one):
        for number in range(50):
            text = f"message {number}"
            one.send(wsproto.events.TextMessage(text))
            got = one.receive()
            if got != text:
                return self.take(f"{text} is echoed as {got}")
        one.send(wsproto.events.CloseConnection(1000))
        code = getattr(one.receive(), "code", None)
        return self.take("" if code == 1000 else f"the close is answered by {code}")


class GrpcLoad(loads.Load):
    """Calls of one kind, on one channel, which connects again when weir leaves."""

    def __init__(self, port, kind):
        super().__init__()
        self.channel = grpc.insecure_channel(f"127.0.0.1:{port}", [("grpc.use_local_subchannel_pool", 1)])
        self.call = {"unary": self.unary, "count": self.count, "sum": self.sum, "chat": self.chat}[kind]
        self.start()

    def turn(self):
        try:
            self.take("" if self.call() else "a wrong response")
        except grpc.RpcError as error:
            # gRPC sends refused calls again itself, on a new connection.
            if error.code() == grpc.StatusCode.UNAVAILABLE and "failed to connect" in error.details():
                raise ConnectionRefusedError() from error
            self.take(f"{self.call.__name__}: {error.code()} {error.details()}")

    def unary(self):
        return self.channel.unary_unary("/test/Echo")(loads.BODY, timeout=PATIENCE) == loads.BODY

    def count(self):
        got = self.channel.unary_stream("/test/Count")(b"100", timeout=PATIENCE)
        return list(got) == [b"%d" % number for number in range(100)]

    def sum(self):
        return self.channel.stream_unary("/test/Sum")(iter([loads.BODY] * 30), timeout=PATIENCE) == b"30000"

    def chat(self):
        messages = Messages()
        chat = self.channel.stream_stream("/test/Chat")(iter(messages), timeout=PATIENCE)
        for number in range(20):
            messages.send(b"%d" % number)
            if next(chat) != b"%d" % number:
                return False
        messages.send(None)
        return not list(chat)

    def end(self, patience=PATIENCE):
        super().end(patience)
        self.channel.close()


class H2loadLoad(loads.Load):
    """Runs of h2load, which closes its connections itself: not for a drain."""
    REQUESTS, CONNECTIONS = 200, 4

    def __init__(self, port, *options):
        super().__init__()
        self.command = ["h2load", "-n", f"{self.REQUESTS}", "-c", f"{self.CONNECTIONS}", *options,
                        f"http://127.0.0.1:{port}/status/200"]
        self.start()

    def turn(self):
        got = subprocess.run(self.command, capture_output=True, text=True, timeout=3 * PATIENCE).stdout
        self.connections += self.CONNECTIONS
        if f"status codes: {self.REQUESTS} 2xx" in got and f"{self.REQUESTS} succeeded" in got:
            self.served += self.REQUESTS
        else:
            self.lost.append(got)


class MixedLoadTest(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.h1, self.h2 = [Tunnels(), Tunnels()], [http2_backend.Http2Backend() for _ in range(2)]
        self.calls = [Server(), Server()]
        for backend in (*self.h1, *self.h2):
            backend.requests = collections.deque(maxlen=1000)
        for backend in (*self.h1, *self.h2, *self.calls):
            self.addCleanup(backend.stop)
        self.ports = dict(zip(LISTENERS, ports.free_ports(len(LISTENERS))))
        self.weir = weir.Weir(WEIR, self.text(0), certificate="a.test")
        self.addCleanup(self.weir.stop)
        self.loads = {}

    def text(self, number):
        variant = VARIANTS[number % len(VARIANTS)]
        backends = {kind: ", ".join(f'"127.0.0.1:{each[one].port}"' for one in variant["which"])
                    for kind, each in (("h1", self.h1), ("h2", self.h2), ("calls", self.calls))}
        return CONFIG.format(**self.ports, **backends, **{key: variant.get(key, "")
                                                          for key in ("keys", "more", "route")})

    def start_loads(self):
        web, secure = self.ports["web"], tls_context(self.weir.folder / "cert.pem")
        self.loads = {
            "web": [loads.Http1Load(web), loads.Http1Load(web, TO_H2),
                    loads.Http2Load(web, 1), loads.Http2Load(web, 10, posts=True),
                    loads.Http2Load(web, 1, TO_H2), loads.Http2Load(web, 10, TO_H2, posts=True)],
            "tls": [loads.Http2Load(self.ports["tls"], 5, fields, posts=True, tls=secure) for fields in ((), TO_H2)],
            "grpc": [GrpcLoad(self.ports["grpc"], kind) for kind in ("unary", "count", "sum", "chat")],
            "ws": [WebSocketLoad(self.ports["ws"], http2) for http2 in (False, True)]}

    def all_loads(self):
        return [load for each in self.loads.values() for load in each]

    def expect_nothing_lost(self):
        self.assertEqual([lost for load in self.all_loads() for lost in load.lost[:3]], [])

    def of(self, listener, what):
        return sum(getattr(load, what, 0) for load in self.loads[listener])

    def reload_under_load(self):
        commands = [H2loadLoad(self.ports["web"], *options, *to) for options in (("-m", "10"), ("--h1",))
                    for to in ((), ("-H", "x-to: h2"))]
        self.loads["web"] += commands
        for number in range(1, RELOADS + 1):
            self.weir.write(self.text(number))
            self.assertEqual(self.weir.reload()["result"], "ok")
            if number % 10 == 0:
                self.assertEqual(list(self.weir.scrape().imbalances()), [])
                self.expect_nothing_lost()
        for load in commands:
            load.stop()
        origin.wait_until(lambda: all(load.served >= 10 or load.lost for load in self.all_loads()), "load")
        self.expect_nothing_lost()
        for what in ("again", "raced"):
            self.assertEqual([self.of(name, what) for name in self.loads], [0] * len(self.loads), what)

    def hold(self):
        """One of each kind that only drain.timeout ends."""
        for backend in (*self.h1, *self.h2):
            backend.hold()
        tunnels = [PlainWebSocket(self.ports["ws"]), WebSocket(Peer(self.ports["ws"]), 1)]
        silent = socket.create_connection(("127.0.0.1", self.ports["web"]))
        silent.sendall(b"GET /hold HTTP/1.1\r\nHost: a.test\r\n\r\n")
        stream = Peer(self.ports["web"], headers(1, block(request("/hold", *TO_H2))))
        channel = grpc.insecure_channel(f"127.0.0.1:{self.ports['grpc']}", [("grpc.use_local_subchannel_pool", 1)])
        self.addCleanup(channel.close)
        call = channel.unary_unary("/test/Wait").future(b"", timeout=3 * PATIENCE)
        for one in (silent, tunnels[0].socket, tunnels[1].peer.socket, stream.socket):
            self.addCleanup(one.close)
        self.assertTrue(call.running())
        return tunnels, silent, stream, call

    def expect_books(self):
        """When only held requests are left: what the clients have counted."""
        held = {"web": 2, "tls": 0, "grpc": 1, "ws": 2}
        origin.wait_until(lambda: self.weir.scrape().sum("weir_connections_active") == sum(held.values()),
                          "the end of all connections but those of held requests")
        scrape = self.weir.scrape()
        self.assertEqual(list(scrape.imbalances()), [])
        self.assertEqual(scrape.sum("weir_http2_streams_active"), 3)
        for listener in ("web", "tls", "ws"):
            self.assertEqual(scrape.sum("weir_connections_total", listener=listener),
                             self.of(listener, "connections") + held[listener], listener)
        for listener in ("web", "tls"):
            for labels in ({}, {"code": "200"}):
                self.assertEqual(scrape.sum("weir_http_requests_total", listener=listener, **labels),
                                 self.of(listener, "served"), listener)
        for one in self.loads["ws"]:
            self.assertEqual(scrape.sum("weir_http_requests_total", listener="ws", code="200" if one.http2 else "101"),
                             one.served)
        for labels in ({}, {"status": "OK"}):
            self.assertEqual(scrape.sum("weir_grpc_responses_total", listener="grpc", **labels),
                             self.of("grpc", "served"))
        return scrape

    def test_reloads_and_sigterm_lose_no_request(self):
        self.start_loads()
        self.reload_under_load()
        tunnels, silent, stream, call = self.hold()
        self.weir.terminate()
        for load in self.all_loads():
            load.end()
        self.expect_nothing_lost()
        scrape = self.expect_books()
        self.assertLessEqual(self.of("web", "raced"), scrape.sum("weir_drain_idle_races_total"))
        print(f"{RELOADS} reloads;", *(f"{what}: {({name: self.of(name, what) for name in self.loads})}"
                                       for what in ("connections", "served", "again", "raced")))
        for text in ("one", "two"):
            for one in tunnels:
                one.send(wsproto.events.TextMessage(text))
                self.assertEqual(one.receive(), text)
        self.assertEqual(self.weir.wait(), weir.CUT)
        self.assertEqual(re.findall(r"event=server.drained .*?cut=(\d+)", self.weir.log()), ["5"])
        self.assertTrue(silent.recv(65536).startswith(b"HTTP/1.1 503 "))
        self.assertEqual(stream.outcome(1), "503")
        self.assertEqual(tunnels[0].socket.recv(1), b"")  # silent tunnels end by FIN and END_STREAM
        self.assertEqual(tunnels[1].peer.outcome(1), "200")
        self.assertEqual(call.code(), grpc.StatusCode.UNAVAILABLE)


if __name__ == "__main__":
    WEIR = pathlib.Path(sys.argv.pop()).resolve()
    unittest.main()
