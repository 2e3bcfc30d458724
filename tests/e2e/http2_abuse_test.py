#!/usr/bin/env python3
"""Attacks over HTTP/2: weir ends the connection with the right code and reason, while another client is served as
before and weir's memory does not grow.

usage: http2_abuse_test.py WEIR [--sanitized]

One worker serves the attacker and the other client, which runs in a process of its own and is answered by weir itself:
its 99th percentile is that of weir and not of this interpreter.
"""
import contextlib
import json
import pathlib
import select
import struct
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import origin
import ports
import weir
from http2 import *

WEIR, SANITIZED = None, False
P99 = 0.5  # s; other tests and the backend of this one share the machine
GROWTH = 64 << 20
CALM = "GOAWAY ENHANCE_YOUR_CALM"
CONFIG = """
global: {{ workers: 1 }}
logging: {{ access: {{ output: none }} }}
listeners:
  - {{ name: calm, bind: "127.0.0.1:{calm}", protocol: http, routes: [{{ respond: {{ body: ok }} }}] }}
  - name: attacked
    bind: "127.0.0.1:{attacked}"
    protocol: http
    cluster: origin
    timeouts: {{ request_header: 1s, request_body: 2s, client_idle: 2s }}
  - {{ name: full, bind: "127.0.0.1:{full}", protocol: http, cluster: narrow }}
clusters:
  - {{ name: origin, backends: ["127.0.0.1:{origin}"] }}
  - {{ name: narrow, backends: ["127.0.0.1:{origin}"], pool: {{ max_connections: 1 }}, queue: {{ timeout: 1m }} }}
"""
HELD = block(request("/hold"))
UPLOAD = block(request("/hold", method="POST"))


def each(count, part, first=1):
    """part(stream) for that many new streams, in pieces of a hundred."""
    return [b"".join(part(stream) for stream in range(first + 2 * at, first + 2 * min(at + 100, count), 2))
            for at in range(0, count, 100)]


def open_and(extra):
    return lambda stream: headers(stream, UPLOAD, end=False) + extra(stream)


def bomb(entry, count):
    """A block that refers to a field of its own again and again."""
    text = block(request()) + block([("x", "y" * entry)], first=0x40) + b"\xbe" * count
    return in_frames(text)


def in_frames(text):
    parts = [text[at:at + 16384] for at in range(0, len(text), 16384)]
    return [headers(1, parts[0], done=len(parts) == 1),
            *[continuation(1, part, part is parts[-1]) for part in parts[1:]]]


LITERALS = block([("x" * 100, "y" * 3900)]) * 4

# Name, what is sent, reason in weir_http2_errors_total, and how many requests may reach the backend: weir may have read
# the HEADERS and not yet what resets it.
FLOODS = [
    ("rapid reset", [b"".join(each(2000, lambda stream: headers(stream, HELD) + rst(stream)))], "flood_reset", 10),
    ("provoked by WINDOW_UPDATE 0", each(600, open_and(lambda stream: window(stream, 0))), "flood_provoked", 100),
    ("provoked by an overflow", each(600, open_and(lambda stream: window(stream, 0x7fffffff))), "flood_provoked", 100),
    ("provoked by DATA on half-closed", each(600, lambda stream: headers(stream, HELD) + data(stream, b"x")),
     "flood_provoked", 100),
    ("provoked by HEADERS on half-closed",
     each(600, lambda stream: headers(stream, HELD) + headers(stream, block([("x", "y")]))), "flood_provoked", 100),
    ("provoked by a short PRIORITY", each(600, open_and(lambda stream: raw(PRIORITY, 0, stream, bytes(4)))),
     "flood_provoked", 100),
    ("provoked by malformed heads", each(600, lambda stream: headers(stream, block(request()[1:]))), "flood_provoked",
     0),
    ("provoked by heads that get 400", each(600, lambda stream: headers(stream, block(request("x")))),
     "flood_provoked", 0),
    ("provoked by lengths", each(600, lambda stream: headers(
        stream, block(request("/hold", ("content-length", "1"), method="POST")), end=False) +
        data(stream, b"ab", end=True)), "flood_provoked", 100),
    ("streams above the limit", each(3100, lambda stream: headers(stream, HELD)), "flood_refused", 100),
    ("CONTINUATION without end", [headers(1, b"", done=False), *[continuation(1, LITERALS, False)] * 40],
     "flood_header", 0),
    ("33 CONTINUATIONs", [headers(1, b"", done=False), *[continuation(1, block([("x", "y")]), False)] * 33],
     "flood_header", 0),
    ("empty CONTINUATIONs", [headers(1, b"", done=False), *[continuation(1, b"", False)] * 20000], "flood_header", 0),
    ("HPACK bomb", bomb(4000, 15000), "flood_header", 0),
    ("20,000 fields", in_frames(block(request()) + b"\x90" * 20000), "flood_header", 0),
    ("PING", [ping() * 1000] * 40, "flood_ping", 0),
    ("SETTINGS", [settings() * 1000] * 40, "flood_settings", 0),
    ("SETTINGS with many pairs", [settings(*[(0xfafa, 1)] * 2000)], "flood_settings", 0),
    ("WINDOW_UPDATE", [window(0, 1) * 1000] * 20, "flood_other", 0),
    ("WINDOW_UPDATE of a stream", [headers(1, HELD), *[window(1, 1) * 1000] * 20], "flood_other", 1),
    ("PRIORITY", [raw(PRIORITY, 0, 1, bytes(5)) * 1000] * 20, "flood_other", 0),
    ("PRIORITY_UPDATE", [raw(PRIORITY_UPDATE, 0, 0, struct.pack(">I", 1) + b"u=1") * 1000] * 20, "flood_other", 0),
    ("unknown frames", [raw(0xfa) * 1000] * 20, "flood_other", 0),
    ("stray ACKs of SETTINGS", [raw(SETTINGS, ACK) * 1000] * 20, "flood_other", 0),
    ("stray ACKs of PING", [ping(ack=True) * 1000] * 20, "flood_other", 0),
    ("empty DATA", [headers(1, UPLOAD, end=False), *[data(1) * 1000] * 20], "flood_empty", 1),
    ("padding alone", [headers(1, UPLOAD, end=False), *[raw(DATA, PADDED, 1, b"\0") * 1000] * 20], "flood_empty", 1),
]


def bystander(port):
    """Asks all the time. At each line of its input it prints count, p99 and maximum since the line before."""
    peer, stream, times = Peer(port), 1, []
    while True:
        if select.select([sys.stdin], [], [], 0.002)[0]:
            if not sys.stdin.readline():
                return
            times.sort()
            print(json.dumps((len(times), times[int(len(times) * 0.99)] if times else 0, times[-1] if times else 0)),
                  flush=True)
            times = []
        begun = time.monotonic()
        if peer.get(stream, "/calm") != "200":
            raise AssertionError(f"the bystander is not served: {peer}")
        times.append(time.monotonic() - begun)
        stream += 2


class AbuseTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.origin = origin.Origin()
        cls.addClassCleanup(cls.origin.stop)
        names = ("calm", "attacked", "full")
        cls.ports = dict(zip(names, ports.free_ports(len(names))))
        cls.weir = weir.Weir(WEIR, CONFIG.format(origin=cls.origin.port, **cls.ports))
        cls.addClassCleanup(cls.weir.stop)
        cls.other = subprocess.Popen([sys.executable, __file__, "--bystander", str(cls.ports["calm"])], text=True,
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        cls.addClassCleanup(cls.other.wait, PATIENCE)
        cls.addClassCleanup(cls.other.stdin.close)
        cls.addClassCleanup(cls.other.stdout.close)
        cls.times()

    @classmethod
    def times(cls):
        cls.other.stdin.write("\n")
        cls.other.stdin.flush()
        return json.loads(cls.other.stdout.readline())

    def peer(self, *first, listener="attacked", **options):
        peer = Peer(self.ports[listener], *first, **options)
        self.addCleanup(peer.socket.close)
        return peer

    @contextlib.contextmanager
    def bounded(self, growth=GROWTH):
        """The other client is served within P99, and weir's peak of memory is that much above what it had."""
        pathlib.Path(f"/proc/{self.weir.process.pid}/clear_refs").write_text("5")
        before = self.weir.status("VmRSS")
        self.times()
        yield
        origin.wait_until(lambda: self.answered_again(), "an answer to the other client")
        self.assertLess(self.p99, P99 * (4 if SANITIZED else 1))
        if not SANITIZED:
            self.assertLess(self.weir.status("VmHWM") - before, growth)

    def answered_again(self):
        count, self.p99, _ = self.times()
        return count > 0

    def ended(self, reason):
        return self.weir.scrape().sum("weir_connections_ended_total", listener="attacked", reason=reason)

    def errors(self, reason):
        return self.weir.scrape().sum("weir_http2_errors_total", listener="attacked", reason=reason)

    def requests_at_the_origin(self):
        """Also those that weir has sent and the origin had not read yet."""
        connects = self.weir.scrape().sum("weir_backend_connects_total")
        self.origin.wait_for(lambda: len(self.origin.heard) >= connects, f"{connects:g} connections")
        return len(self.origin.requests)

    def flood(self, sent):
        """Sends until weir ends the connection, and reads meanwhile."""
        peer = self.peer()
        self.assertTrue(peer.round_trip())  # no acknowledgment is sent within a header block
        for part in sent:
            if not peer.send(part) or peer.error():
                break
            peer.read(0)
        outcome = peer.outcome(0)
        peer.socket.close()  # else weir waits for that
        return peer, outcome

    def test_floods_end_their_connection(self):
        self.origin.hold()
        for name, sent, reason, requests in FLOODS:
            with self.subTest(name), self.bounded():
                floods, errors = self.ended("http2_flood"), self.errors(reason)
                before = self.requests_at_the_origin()
                peer, outcome = self.flood(sent)
                self.assertEqual(outcome, CALM, peer)
                self.weir.await_metric("weir_http2_streams_active", 0, listener="attacked")
                self.weir.await_metric("weir_connections_active", 0, listener="attacked")
                self.assertEqual(self.ended("http2_flood"), floods + 1)
                self.assertEqual(self.errors(reason), errors + 1)
                self.assertLessEqual(self.requests_at_the_origin() - before, requests)
        self.assertEqual(list(self.weir.scrape().imbalances()), [])
        self.origin.release()

    def test_floods_that_are_not_read_end_their_connection(self):
        """The GOAWAY may be lost in a reset: weir does not wait for a client that reads nothing."""
        for part, reason in ((ping(), "flood_ping"), (settings(), "flood_settings")):
            part *= 1000
            with self.subTest(reason), self.bounded():
                errors = self.errors(reason)
                peer = self.peer(receive_buffer=4096)
                for _ in range(40):
                    if not peer.send(part):
                        break
                self.weir.await_metric("weir_http2_errors_total", errors + 1, listener="attacked", reason=reason)
                self.weir.await_metric("weir_connections_active", 0, listener="attacked")

    def test_resets_in_rounds_reach_backends_within_the_limit_of_streams(self):
        self.origin.hold()
        with self.bounded():
            peer, stream, rounds, resets = self.peer(), 1, 0, self.errors("flood_reset")
            while not peer.error() and not peer.closed and rounds < 50:
                before, streams = self.origin.count("/hold/round"), range(stream, stream + 200, 2)
                peer.send(*[headers(one, block(request("/hold/round"))) for one in streams])
                if not peer.round_trip():
                    break
                self.origin.wait_count(before + 100, "/hold/round")
                peer.send(*[rst(one) for one in streams])
                rounds, stream = rounds + 1, stream + 200
                self.assertLessEqual(self.weir.scrape().sum("weir_backend_requests_in_flight", cluster="origin"), 100)
            self.assertEqual(peer.outcome(0), CALM)
            self.assertLess(rounds, 10)
            self.assertEqual(self.errors("flood_reset"), resets + 1)
            self.weir.await_metric("weir_backend_requests_in_flight", 0, cluster="origin")
        self.origin.release()

    def test_a_block_that_dribbles_ends_with_its_time(self):
        with self.bounded():
            before, peer = self.ended("request_header_timeout"), self.peer(headers(1, b"", done=False), acks=False)
            while not peer.closed and peer.send(continuation(1, block([("x", "y")]), False)):
                peer.read(0.3)
            self.weir.await_metric("weir_connections_ended_total", before + 1, listener="attacked",
                                   reason="request_header_timeout")
            self.assertEqual(peer.answers, {})

    def test_a_large_head_is_answered_431_and_its_field_is_known_to_the_next(self):
        peer = self.peer(*bomb(3900, 12))
        self.assertEqual(peer.outcome(1), "431")
        peer.send(headers(3, block(request("/ok")) + b"\xbe"))
        self.assertEqual(peer.outcome(3), "200")
        self.assertEqual([seen.values("x") for seen in self.origin.requests[-1:]], [["y" * 3900]])

    def test_closed_windows_hold_back_bodies_at_the_backend(self):
        with self.bounded(growth=8 << 20):
            peer = self.peer(settings((INITIAL_WINDOW, 0)))
            streams = range(1, 201, 2)
            peer.send(*[headers(stream, block(request("/bytes/1048576"))) for stream in streams])
            peer.until(lambda: all(peer.answer(stream).status for stream in streams))
            peer.until(lambda: all(peer.answer(stream).reset for stream in streams))
            self.assertEqual({peer.answer(stream).reset for stream in streams}, {"CANCEL"})
            self.weir.await_metric("weir_backend_requests_in_flight", 0, cluster="origin")
            self.assertEqual(peer.get(301, "/ok"), "RST CANCEL")  # its window is closed as well

    def test_answers_that_are_not_read_end_the_connection(self):
        with self.bounded(growth=16 << 20):
            before = self.ended("client_idle_timeout")
            peer = self.peer(settings((INITIAL_WINDOW, 1 << 20)), window(0, 1 << 30), receive_buffer=4096)
            peer.send(*[headers(stream, block(request("/bytes/1048576"))) for stream in range(1, 201, 2)])
            self.weir.await_metric("weir_connections_ended_total", before + 1, listener="attacked",
                                   reason="client_idle_timeout")
            self.weir.await_metric("weir_backend_requests_in_flight", 0, cluster="origin")

    def test_uploads_that_stop_are_answered_408(self):
        with self.bounded():
            peers = [self.peer(*each(100, open_and(lambda stream: data(stream, b"x")))) for _ in range(5)]
            for peer in peers:
                self.assertEqual({peer.outcome(stream) for stream in range(1, 201, 2)}, {"408"})
                self.assertEqual(peer.get(301, "/ok"), "200")
            self.origin.wait_for(lambda: all(seen.over for seen in self.origin.requests if seen.method == "POST"),
                                 "the ends of the uploads")

    def test_bytes_beyond_the_window_end_the_connection(self):
        """Into an upload that no backend takes: a held request has the cluster's only connection."""
        self.origin.hold()
        first = self.peer(headers(1, HELD), listener="full")
        before = self.weir.scrape().sum("weir_http2_errors_total", listener="full", reason="flow_control")
        self.assertTrue(first.round_trip())
        with self.bounded():
            peer = self.peer(headers(1, UPLOAD, end=False), listener="full")
            sent = 0
            while sent < 4 << 20 and peer.send(data(1, bytes(16384))):
                sent += 16384
                peer.read(0)
            self.assertIn(peer.outcome(1), ("RST FLOW_CONTROL_ERROR", "GOAWAY FLOW_CONTROL_ERROR"))
        self.origin.release()
        self.assertEqual(first.outcome(1), "200")

    def test_busy_clients_are_no_attackers(self):
        """A WINDOW_UPDATE of stream and connection for each DATA, as Peer sends them, and PINGs under load."""
        peer, stream = self.peer(), 1
        for _ in range(5):
            streams = range(stream, stream + 100, 2)
            peer.send(*[headers(one, block(request("/bytes/1000000"))) for one in streams])
            for one in streams:
                self.assertEqual(peer.outcome(one), "200")
                self.assertTrue(peer.round_trip())
            stream += 100
        for _ in range(500):  # every second answer is not wanted any more
            peer.send(headers(stream, block(request("/bytes/100000"))), headers(stream + 2, block(request("/ok"))))
            self.assertEqual(peer.outcome(stream + 2), "200")
            peer.send(rst(stream))
            stream += 4
        self.assertTrue(peer.round_trip())
        self.assertEqual(peer.goaways, [])


if __name__ == "__main__":
    if sys.argv[1] == "--bystander":
        bystander(int(sys.argv[2]))
        sys.exit()
    if SANITIZED := "--sanitized" in sys.argv:
        sys.argv.remove("--sanitized")
    WEIR = pathlib.Path(sys.argv.pop()).resolve()
    unittest.main()
