#!/usr/bin/env python3
"""What weir does with each invalid frame (RFC 9113), block (RFC 7541) and head (RFC 9113 8, RFC 9110) of a client.

usage: http2_frames_test.py WEIR

Each row of the tables is what a client sends behind the preface and its SETTINGS, and how the stream or the connection
ends. Nothing that is refused may reach the backend. After an error of a stream the connection must still serve, with
the dynamic table of HPACK as the client knows it: each refused block adds a field, which the next request refers to.
"""
import pathlib
import struct
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import origin
import ports
import weir
from http2 import *

WEIR = None
CONFIG = """
global: {{ workers: 1 }}
logging: {{ access: {{ output: none }} }}
listeners:
  - {{ name: clear, bind: "127.0.0.1:{clear}", protocol: http, cluster: origin, timeouts: {{ request_header: 2s }} }}
  - {{ name: full, bind: "127.0.0.1:{full}", protocol: http, cluster: narrow }}
clusters:
  - {{ name: origin, backends: ["127.0.0.1:{origin}"] }}
  - {{ name: narrow, backends: ["127.0.0.1:{origin}"], pool: {{ max_connections: 1 }}, queue: {{ timeout: 1m }} }}
"""

PROTOCOL, SIZE, FLOW = "GOAWAY PROTOCOL_ERROR", "GOAWAY FRAME_SIZE_ERROR", "GOAWAY FLOW_CONTROL_ERROR"
COMPRESSION, STREAM, CLOSED = "GOAWAY COMPRESSION_ERROR", "RST PROTOCOL_ERROR", "RST STREAM_CLOSED"

OPEN = headers(1, block(request("/hold", method="POST")), end=False)  # the body goes on
DONE = headers(1, block(request("/hold")))  # half-closed, not answered yet
GET = headers(1, block(request("/ok")))
PARTS = block(request("/ok"))


def word(value):
    return struct.pack(">I", value)


def setting(key, value):
    return settings((key, value)) + GET


# Name, bytes in place of the preface, and how the connection ends.
OPENINGS = [
    ("wrong preface", b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n" + settings() + GET, PROTOCOL),
    ("PING first", PREFACE + ping() + settings() + GET, PROTOCOL),
    ("HEADERS first", PREFACE + GET + settings(), PROTOCOL),
    ("WINDOW_UPDATE first", PREFACE + window(0, 10) + settings() + GET, PROTOCOL),
    ("unknown frame first", PREFACE + raw(0xfa) + settings() + GET, PROTOCOL),
    ("SETTINGS with a wrong size first", PREFACE + raw(SETTINGS, payload=bytes(5)) + GET, SIZE),
]

# Name, bytes, outcome of stream 1, and how many requests of them may reach the backend: a request that is valid so far
# does, unless the error comes with it.
FRAMES = [
    ("DATA on 0", OPEN + data(0, b"x"), PROTOCOL, 1),
    ("HEADERS on 0", headers(0, PARTS), PROTOCOL, 0),
    ("PRIORITY on 0", raw(PRIORITY, 0, 0, bytes(5)), PROTOCOL, 0),
    ("RST_STREAM on 0", rst(0), PROTOCOL, 0),
    ("CONTINUATION on 0", continuation(0, b""), PROTOCOL, 0),
    ("SETTINGS on a stream", OPEN + raw(SETTINGS, 0, 1), PROTOCOL, 1),
    ("PING on a stream", OPEN + raw(PING, 0, 1, bytes(8)), PROTOCOL, 1),
    ("GOAWAY on a stream", OPEN + raw(GOAWAY, 0, 1, bytes(8)), PROTOCOL, 1),
    ("DATA of 16,385 bytes", OPEN + data(1, bytes(16385)), SIZE, 1),
    ("HEADERS of 16,385 bytes", headers(1, PARTS + block([("x", "y" * 16385)])[:16385 - len(PARTS)]), SIZE, 0),
    ("unknown frame of 16,385 bytes", raw(0xfa, payload=bytes(16385)), SIZE, 0),
    ("a length of 2^24-1", raw(DATA, 0, 1, bytes(100), length=0xffffff), SIZE, 0),
    ("SETTINGS of 5 bytes", raw(SETTINGS, payload=bytes(5)), SIZE, 0),
    ("SETTINGS ACK with a payload", raw(SETTINGS, ACK, 0, bytes(6)), SIZE, 0),
    ("PING of 7 bytes", ping(bytes(7)), SIZE, 0),
    ("PING of 9 bytes", ping(bytes(9)), SIZE, 0),
    ("RST_STREAM of 3 bytes", OPEN + raw(RST_STREAM, 0, 1, bytes(3)), SIZE, 1),
    ("RST_STREAM of 5 bytes", OPEN + raw(RST_STREAM, 0, 1, bytes(5)), SIZE, 1),
    ("WINDOW_UPDATE of 3 bytes", raw(WINDOW_UPDATE, 0, 0, bytes(3)), SIZE, 0),
    ("GOAWAY of 7 bytes", raw(GOAWAY, 0, 0, bytes(7)), SIZE, 0),
    ("PRIORITY of 4 bytes", OPEN + raw(PRIORITY, 0, 1, bytes(4)), "RST FRAME_SIZE_ERROR", 1),
    ("HEADERS too short for its priority", raw(HEADERS, END_HEADERS | WITH_PRIORITY, 1, bytes(4)), SIZE, 0),
    ("PRIORITY_UPDATE on a stream", raw(PRIORITY_UPDATE, 0, 1, word(1) + b"u=1"), PROTOCOL, 0),
    ("PRIORITY_UPDATE of stream 0", raw(PRIORITY_UPDATE, 0, 0, word(0) + b"u=1"), PROTOCOL, 0),
    ("PRIORITY_UPDATE of 3 bytes", raw(PRIORITY_UPDATE, 0, 0, bytes(3)), SIZE, 0),
    ("ENABLE_PUSH 2", setting(ENABLE_PUSH, 2), PROTOCOL, 0),
    ("ENABLE_CONNECT_PROTOCOL 2", setting(ENABLE_CONNECT, 2), PROTOCOL, 0),
    ("MAX_FRAME_SIZE 16,383", setting(MAX_FRAME, 16383), PROTOCOL, 0),
    ("MAX_FRAME_SIZE 2^24", setting(MAX_FRAME, 1 << 24), PROTOCOL, 0),
    ("INITIAL_WINDOW_SIZE 2^31", setting(INITIAL_WINDOW, 1 << 31), FLOW, 0),
    ("INITIAL_WINDOW_SIZE above the end of a stream's window",
     DONE + window(1, 0x7fffffff - 65535) + settings((INITIAL_WINDOW, 65536)), FLOW, 1),
    ("even stream", headers(2, PARTS), PROTOCOL, 0),
    ("a stream below the last", headers(3, block(request("/hold"))) + headers(1, PARTS), PROTOCOL, 1),
    ("DATA on idle", data(1, b"x"), PROTOCOL, 0),
    ("RST_STREAM on idle", rst(1), PROTOCOL, 0),
    ("WINDOW_UPDATE on idle", window(1, 1), PROTOCOL, 0),
    ("WINDOW_UPDATE on an even stream", window(2, 1), PROTOCOL, 0),
    ("DATA on half-closed", DONE + data(1, b"x"), CLOSED, 1),
    ("DATA with END_STREAM on half-closed", DONE + data(1, b"x", end=True), CLOSED, 1),
    ("HEADERS on half-closed", DONE + headers(1, block([("x", "y")])), CLOSED, 1),
    ("padding as long as the payload", OPEN + raw(DATA, PADDED, 1, b"\x06hello"), PROTOCOL, 1),
    ("padding longer than the payload", OPEN + raw(DATA, PADDED, 1, b"\xffhello"), PROTOCOL, 1),
    ("padding without a length", OPEN + raw(DATA, PADDED, 1, b""), SIZE, 1),
    ("padding of HEADERS too long", raw(HEADERS, END_HEADERS | PADDED, 1, b"\xff" + PARTS[:40]), PROTOCOL, 0),
    ("PING within a block", headers(1, PARTS[:9], done=False) + ping() + continuation(1, PARTS[9:]), PROTOCOL, 0),
    ("DATA within a block", headers(1, PARTS[:9], False, False) + data(1) + continuation(1, PARTS[9:]), PROTOCOL, 0),
    ("HEADERS within a block", headers(1, PARTS[:9], done=False) + headers(3, PARTS), PROTOCOL, 0),
    ("unknown frame within a block", headers(1, PARTS[:9], done=False) + raw(0xfa) + continuation(1, PARTS[9:]),
     PROTOCOL, 0),
    ("CONTINUATION of another stream", headers(1, PARTS[:9], done=False) + continuation(3, PARTS[9:]), PROTOCOL, 0),
    ("stray CONTINUATION", continuation(1, PARTS), PROTOCOL, 0),
    ("CONTINUATION behind a block", DONE + continuation(1, b""), PROTOCOL, 1),
    ("PUSH_PROMISE", OPEN + raw(PUSH_PROMISE, END_HEADERS, 1, word(2) + PARTS), PROTOCOL, 1),
    ("WINDOW_UPDATE 0 of a stream", OPEN + window(1, 0), STREAM, 1),
    ("WINDOW_UPDATE 0 of the connection", window(0, 0), PROTOCOL, 0),
    ("WINDOW_UPDATE above the end of a stream", OPEN + window(1, 0x7fffffff), "RST FLOW_CONTROL_ERROR", 1),
    ("WINDOW_UPDATE above the end of the connection", window(0, 0x7fffffff), FLOW, 0),
    # What is to be ignored, or is valid.
    ("unknown frames", raw(0xfa, 0xff, 0, b"x") + raw(0xfb, 0xff, 1, b"x") + GET, "200", 1),
    ("unknown settings", settings((0xfafa, 7), (MAX_STREAMS, 0)) + GET, "200", 1),
    ("unknown flags", raw(HEADERS, END_STREAM | END_HEADERS | 0xd2, 1, PARTS), "200", 1),
    ("the reserved bit", raw(HEADERS, END_STREAM | END_HEADERS, 0x80000001, PARTS) + raw(WINDOW_UPDATE, 0, 1 << 31,
     word(1 << 31 | 5)), "200", 1),
    ("PRIORITY of an idle stream", raw(PRIORITY, 0, 1, bytes(5)) + raw(PRIORITY, 0, 7, bytes(5)) + GET, "200", 1),
    ("HEADERS with priority", raw(HEADERS, END_STREAM | END_HEADERS | WITH_PRIORITY, 1, bytes(5) + PARTS), "200", 1),
    ("padded HEADERS", raw(HEADERS, END_STREAM | END_HEADERS | PADDED, 1, b"\x09" + PARTS + bytes(9)), "200", 1),
    ("padded DATA", OPEN.replace(b"/hold", b"/post") + raw(DATA, PADDED | END_STREAM, 1, b"\x02ab\0\0"), "200", 1),
    ("nothing but padding", OPEN.replace(b"/hold", b"/post") + raw(DATA, PADDED, 1, b"\xff" + bytes(255)) +
     data(1, end=True), "200", 1),
    ("PRIORITY_UPDATE", raw(PRIORITY_UPDATE, 0, 0, word(1) + b"u=1, i") + GET, "200", 1),
    ("a stray SETTINGS ACK", raw(SETTINGS, ACK) + GET, "200", 1),
    ("a block in empty pieces", headers(1, b"", done=False) + continuation(1, PARTS, False) + continuation(1, b""),
     "200", 1),
]

# Name, block of stream 1, and outcome: RFC 7541.
BLOCKS = [
    ("index 0", PARTS + b"\x80", COMPRESSION),
    ("index behind both tables", PARTS + b"\xbe", COMPRESSION),
    ("name index behind both tables", PARTS + b"\x7f\x00\x01x", COMPRESSION),
    ("integer above 2^31", PARTS + b"\xff\xff\xff\xff\xff\xff\x0f", COMPRESSION),
    ("integer without end", PARTS + b"\x00\x7f\xff\xff", COMPRESSION),
    ("string behind the block", PARTS + b"\x00\x01x\x05abc", COMPRESSION),
    ("block ends within a field", PARTS + b"\x00\x01x", COMPRESSION),
    ("Huffman padding of zeros", PARTS + b"\x00\x01x\x81\x18", COMPRESSION),
    ("Huffman padding of 8 bits", PARTS + b"\x00\x01x\x82\x1f\xff", COMPRESSION),
    ("Huffman EOS", PARTS + b"\x00\x01x\x84\xff\xff\xff\xff", COMPRESSION),
    ("size update above 4,096", b"\x3f\xe2\x1f" + PARTS, COMPRESSION),
    ("size update behind a field", PARTS + b"\x20", COMPRESSION),
    ("three size updates", b"\x20\x3f\xe1\x1f\x20" + PARTS, COMPRESSION),
    ("two size updates", b"\x20\x3f\xe1\x1f" + PARTS, "200"),
]


def get(*extra, **pseudo):
    return request("/refused", *extra, **pseudo), True


def without(name):
    return [field for field in request("/refused") if field[0] != name], True


CONNECT = [(":method", "CONNECT"), (":authority", "a.test:1")]

# Name, (fields, END_STREAM), and outcome. What gets 200 must reach the backend, nothing else may.
HEADS = [
    *[(f"no {name}", without(name), STREAM) for name in (":method", ":scheme", ":path")],
    *[(f"{name} twice", ([(name, "/x"), *request("/refused")], True), STREAM)
      for name in (":method", ":scheme", ":path", ":authority")],
    ("empty :method", get(method=""), STREAM),
    ("empty :scheme", get(scheme=""), STREAM),
    ("empty :path", (request(""), True), STREAM),
    (":status", ([(":status", "200"), *request("/refused")], True), STREAM),
    ("unknown pseudo-field", ([(":x", "y"), *request("/refused")], True), STREAM),
    ("pseudo-field behind a field", ([("x", "y"), *request("/refused")], True), STREAM),
    ("empty name", get(("", "x")), STREAM),
    ("upper case", get(("X-Upper", "x")), STREAM),
    *[(f"name with {char!r}", get((f"x{char}y", "x")), STREAM) for char in ' :\t\r\n\0"(/\x7f\xe9'],
    *[(f"field {name}", get((name, "close")), STREAM)
      for name in ("connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade")],
    ("te: gzip", get(("te", "gzip")), STREAM),
    ("te: trailers, gzip", get(("te", "trailers, gzip")), STREAM),
    *[(f"value with {char!r}", get(("x", f"a{char}b")), STREAM) for char in "\0\r\n"],
    *[(f"value {value!r}", get(("x", value)), STREAM) for value in (" a", "a ", "\ta", "a\t", " ")],
    ("value with a control byte", get(("x", "a\x01b")), "400"),
    ("value with DEL", get(("x", "a\x7fb")), "400"),
    (":method no token", get(method="G@T"), "400"),
    (":method of 33 bytes", get(method="G" * 33), "501"),
    *[(f":path {path!r}", (request(path), True), "400")
      for path in ("x", "*", "http://a.test/", "/a b", "/a#b", "/a\x01", "/a\x7f", "/a\xe9")],
    (":path above 8 KiB", (request("/" + "a" * 8192), True), "414"),
    (":scheme ftp", get(scheme="ftp"), "400"),
    *[(f":authority {name!r}", get(authority=name), "400") for name in ("u@a.test", "a b", "a/b", "a:x", "")],
    ("host twice", (without(":authority")[0] + [("host", "a.test"), ("host", "a.test")], True), "400"),
    ("host is not :authority", get(("host", "b.test")), "400"),
    ("neither host nor :authority", without(":authority"), "400"),
    *[(f"content-length {value!r}", (request("/refused", ("content-length", value), method="POST"), False), "400")
      for value in ("x", "+3", "-3", "3,3", "0x3", "", "9223372036854775808", "18446744073709551619")],
    ("content-length twice", (request("/refused", *[("content-length", "3")] * 2, method="POST"), False), "400"),
    ("content-length and END_STREAM", get(("content-length", "3")), "400"),
    ("100 fields too many", get(*[(f"x-{i}", "y") for i in range(101)]), "431"),
    ("33 KiB", get(*[(f"x-{i}", "y" * 1500) for i in range(22)]), "431"),
    ("CONNECT with :path", ([*CONNECT, (":path", "/")], False), STREAM),
    ("CONNECT with :scheme", ([*CONNECT, (":scheme", "http")], False), STREAM),
    ("CONNECT without :authority", (CONNECT[:1], False), STREAM),
    (":protocol without CONNECT", ([(":protocol", "websocket"), *request("/refused")], False), STREAM),
    ("CONNECT", (CONNECT, False), "405"),
    ("a :protocol that the route does not allow",
     ([(":protocol", "x"), *request("/refused", method="CONNECT")], False), "501"),
    # Valid.
    ("te: trailers", get(("te", "trailers")), "200"),
    ("host is :authority", get(("host", "a.test")), "200"),
    ("host alone", (without(":authority")[0] + [("host", "a.test")], True), "200"),
    ("* of OPTIONS", (request("*", method="OPTIONS"), True), "200"),
    ("https without TLS", get(scheme="https"), "200"),
    ("bytes above 0x7f, and nothing", get(("x", "\xe9\xff"), ("y", "")), "200"),
    ("200 crumbs of a cookie", get(*[("cookie", f"c{i}={i}") for i in range(200)]), "200"),
    ("content-length 0 and END_STREAM", get(("content-length", "0")), "200"),
]


def post(*body, length=None, path="/post"):
    extra = [("content-length", str(length))] if length is not None else []
    return headers(1, block(request(path, *extra, method="POST")), end=False) + b"".join(body)


def trailers(*fields, end=True):
    return post(data(1, b"abc"), headers(1, block(fields), end))


# Name, bytes, and outcome, of requests whose head is valid: the backend gets it, and no whole request.
BODIES = [
    ("DATA behind content-length", post(data(1, b"abcd", end=True), length=3), STREAM),
    ("DATA behind content-length, in a second frame", post(data(1, b"abc"), data(1, b"d"), length=3), STREAM),
    ("DATA short of content-length", post(data(1, b"ab", end=True), length=3), STREAM),
    ("trailers short of content-length", post(data(1, b"ab"), headers(1, block([("x", "y")])), length=3), STREAM),
    ("no DATA for content-length", post(data(1, end=True), length=3), STREAM),
    ("trailers without END_STREAM", trailers(("x", "y"), end=False), STREAM),
    ("a pseudo-field in trailers", trailers((":path", "/x")), STREAM),
    ("a second head", trailers(*request("/x")), STREAM),
    ("trailers in upper case", trailers(("X", "y")), STREAM),
    ("connection in trailers", trailers(("connection", "close")), STREAM),
    ("transfer-encoding in trailers", trailers(("transfer-encoding", "chunked")), STREAM),
    ("trailers with LF", trailers(("x", "a\nb")), STREAM),
    ("17 KiB of trailers", post(data(1), headers(1, block([("x", "y" * 16000)]), done=False),
                                continuation(1, block([("z", "y" * 1400)]))), STREAM),
]


class FramesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.origin = origin.Origin()
        cls.addClassCleanup(cls.origin.stop)
        cls.start()

    @classmethod
    def start(cls):
        names = ("clear", "full")
        cls.ports = dict(zip(names, ports.free_ports(len(names))))
        cls.weir = weir.Weir(WEIR, CONFIG.format(origin=cls.origin.port, **cls.ports))
        cls.addClassCleanup(cls.weir.stop)

    def peer(self, *first, **options):
        peer = Peer(self.ports["clear"], *first, **options)
        self.addCleanup(peer.socket.close)
        return peer

    def forwarded(self, before):
        return [seen for seen in self.origin.requests[before:] if "x-next" not in dict(seen.fields)]

    def expect(self, sent, outcome, forwarded, **options):
        """How stream 1 ends, what the backend has got, and whether the connection still serves."""
        before = len(self.origin.requests)
        peer = self.peer(sent, **options)
        self.assertEqual(peer.outcome(1), outcome, peer)
        if outcome.startswith("GOAWAY"):
            follower = self.peer()
            self.assertEqual(follower.get(1, "/next", ("x-next", "1")), "200")
        else:
            self.assertEqual(peer.get(101, "/next", ("x-next", "1")), "200")
        self.assertLessEqual(len(self.forwarded(before)), forwarded)
        if outcome == "200":
            self.assertEqual(len(self.forwarded(before)), 1)

    def test_invalid_openings_end_the_connection(self):
        for name, sent, outcome in OPENINGS:
            with self.subTest(name):
                self.expect(sent, outcome, 0, begin=False)

    def test_invalid_frames_end_their_stream_or_the_connection(self):
        for name, sent, outcome, forwarded in FRAMES:
            with self.subTest(name):
                self.expect(sent, outcome, forwarded)

    def test_invalid_blocks_end_the_connection(self):
        for name, sent, outcome in BLOCKS:
            with self.subTest(name):
                self.expect(headers(1, sent), outcome, int(outcome == "200"))

    def test_invalid_heads_are_refused_and_their_blocks_decoded(self):
        for name, (fields, end), outcome in HEADS:
            with self.subTest(name):
                before, taken = len(self.origin.requests), int(outcome == "200")
                encoded = block(fields) + block([("x-next", name.encode().hex())], first=0x40)
                parts = [encoded[at:at + 16000] for at in range(0, len(encoded), 16000)]
                peer = self.peer(headers(1, parts[0], end, len(parts) == 1),
                                 *[continuation(1, part, part is parts[-1]) for part in parts[1:]])
                self.assertEqual(peer.outcome(1), outcome, peer)
                peer.send(headers(101, block(request("/next")) + b"\xbe"))
                self.assertEqual(peer.outcome(101), "200", peer)
                seen = self.origin.requests[before:]
                self.assertEqual(len(seen), 1 + taken)
                self.assertEqual((seen[-1].target, seen[-1].values("x-next")), ("/next", [name.encode().hex()]))
                if taken:
                    self.assertEqual(seen[0].values("host"), ["a.test"])
                    self.assertLessEqual(len(seen[0].values("cookie")), 1)

    def test_invalid_bodies_and_trailers_never_complete_a_request(self):
        for name, sent, outcome in BODIES:
            with self.subTest(name):
                before = len(self.origin.requests)
                peer = self.peer(sent)
                self.assertEqual(peer.outcome(1), outcome, peer)
                self.assertEqual(peer.get(101, "/next", ("x-next", "1")), "200")
                self.origin.wait_for(lambda: all(seen.over for seen in self.origin.requests[before:]), "their ends")
                self.assertFalse(any(seen.complete for seen in self.forwarded(before)))

    def test_frames_of_refused_streams_are_ignored_and_their_window_returned(self):
        peer = self.peer(headers(1, block(request("/x", ("x", "a\x01b"), method="POST")), end=False))
        self.assertEqual(peer.outcome(1), "400")
        for _ in range(64):  # a megabyte; the stream's own window is not returned, and need not be
            peer.until(lambda: peer.windows[0] >= 16384, "the window of the connection")
            peer.send(data(1, bytes(16384)))
            peer.windows[0] -= 16384
            if peer.answer(1).reset:
                break
        peer.send(window(1, 1), rst(1))
        self.assertEqual(peer.get(3), "200", peer)

    def test_settings_are_applied_before_they_are_acknowledged(self):
        peer = self.peer(settings((INITIAL_WINDOW, 10)), headers(1, block(request("/bytes/100"))), refills=False)
        peer.until(lambda: len(peer.answer(1).body) >= 10 and peer.settings_acks == 2)
        self.assertTrue(peer.round_trip())
        self.assertEqual(len(peer.answer(1).body), 10)
        peer.send(settings((INITIAL_WINDOW, 0)))  # the window is now -10
        peer.until(lambda: peer.settings_acks == 3)
        peer.send(window(1, 10))
        self.assertTrue(peer.round_trip())
        self.assertEqual(len(peer.answer(1).body), 10)
        peer.send(window(1, 90))
        self.assertEqual((peer.outcome(1), len(peer.answer(1).body)), ("200", 100))

    def test_goaway_of_a_client_ends_the_connection_behind_its_streams(self):
        for code in ("NO_ERROR", "INTERNAL_ERROR"):
            with self.subTest(code):
                self.origin.hold()
                before = self.origin.count("/hold/last")
                peer = self.peer(headers(1, block(request("/hold/last"))), goaway(0, code))
                self.origin.wait_count(before + 1, "/hold/last")
                self.assertTrue(peer.round_trip())
                self.origin.release()
                self.assertEqual(peer.outcome(1), "200")
                peer.until(lambda: False, "the end of the connection")

    def test_data_beyond_the_windows_ends_stream_or_connection(self):
        """The cluster has one connection, which a held request has, so nothing of these bodies is passed on."""
        self.origin.hold()
        before = self.origin.count("/hold/first")
        first = Peer(self.ports["full"], headers(1, block(request("/hold/first"))))
        self.addCleanup(first.socket.close)
        self.origin.wait_count(before + 1, "/hold/first")
        upload = block(request("/refused", method="POST"))
        with Peer(self.ports["full"], headers(1, upload, end=False)) as peer:
            peer.until(lambda: peer.windows[0] > 65535)
            peer.send(*[data(1, bytes(16383))] * 4, data(1, bytes(4)))
            self.assertEqual(peer.outcome(1), "RST FLOW_CONTROL_ERROR")
            self.assertTrue(peer.round_trip())
        with Peer(self.ports["full"]) as peer:
            self.assertTrue(peer.round_trip())
            sent, stream = 0, 1
            while peer.windows[0] > 16384 and stream < 199:  # until weir returns no more
                peer.send(headers(stream, upload, end=False))
                for _ in range(3):
                    size = min(16384, peer.windows[0])
                    peer.send(data(stream, bytes(size)))
                    peer.windows[0], sent = peer.windows[0] - size, sent + size
                self.assertTrue(peer.round_trip())
                stream += 2
            self.assertLess(sent, 2 << 20)
            peer.send(headers(stream, upload, end=False), *[data(stream, bytes(16384))] * 2)
            self.assertEqual(peer.outcome(stream), FLOW)
        self.origin.release()
        self.assertEqual(first.outcome(1), "200")
        self.assertEqual(self.origin.count("/refused"), 0)

    def test_bytes_one_by_one_are_a_request_too(self):
        peer = self.peer(begin=False)
        for byte in PREFACE + settings() + GET:
            peer.send(bytes([byte]))
        self.assertEqual(peer.outcome(1), "200")

    def test_preface_and_blocks_that_stop_end_the_connection(self):
        for sent in (PREFACE[:20], PREFACE, PREFACE + settings() + headers(1, PARTS[:9], done=False)):
            with self.subTest(sent):
                peer = self.peer(sent, begin=False, acks=False)
                peer.until(lambda: False, "the end of the connection")
        self.weir.await_metric("weir_connections_ended_total", 3, reason="request_header_timeout")


if __name__ == "__main__":
    WEIR = pathlib.Path(sys.argv.pop()).resolve()
    unittest.main()
