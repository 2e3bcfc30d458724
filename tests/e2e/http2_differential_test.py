#!/usr/bin/env python3
"""nginx and HAProxy read what weir makes of requests over HTTP/2 in the same way as the origin, as the same number of
requests: no field, target or body of a client becomes part of another request of HTTP/1.

usage: http2_differential_test.py WEIR
"""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import differential_test
from differential_test import READINGS, SMUGGLED, WAYS
from http2 import *

CHUNKED = ("transfer-encoding", "chunked")


def length(value):
    return "content-length", str(value)


def post(*extra):
    return request("/", *extra, method="POST")


# Name, fields, body or None, trailers or None, and how many whole requests weir forwards.
CASES = [
    ("plain", request("/"), None, None, 1),
    ("body with length", post(length(3)), b"abc", None, 1),
    ("body without length", post(), b"abc", None, 1),
    ("empty body without length", post(), b"", None, 1),
    ("length 0", post(length(0)), b"", None, 1),
    ("body of a GET", request("/"), b"abc", None, 1),
    ("body of a GET with length", request("/", length(3)), b"abc", None, 1),
    ("a request as body", post(length(len(SMUGGLED))), SMUGGLED.encode(), None, 1),
    ("a request as body without length", post(), SMUGGLED.encode(), None, 1),
    ("last chunk and a request as body", post(), b"0\r\n\r\n" + SMUGGLED.encode(), None, 1),
    ("chunks as body with length", post(length(8)), b"3\r\nabc\r\n", None, 1),
    ("length too short", post(length(3)), b"abc" + SMUGGLED.encode(), None, 0),
    ("length too long", post(length(30)), b"abc", None, 0),
    ("length with END_STREAM", post(length(3)), None, None, 0),
    ("length 0 and a request", post(length(0)), SMUGGLED.encode(), None, 0),
    *[(f"length {text!r}", post(length(text)), b"abc", None, 0)
      for text in ("+3", "-3", "0x3", "3, 3", "3 3", "", "18446744073709551619", "3\r\nX: 1")],
    ("length with zeros before", post(length("0003")), b"abc", None, 1),
    ("length twice", post(length(3), length(3)), b"abc", None, 0),
    ("chunked", post(CHUNKED), b"abc", None, 0),
    ("chunked and chunks", post(CHUNKED), b"3\r\nabc\r\n0\r\n\r\n" + SMUGGLED.encode(), None, 0),
    ("chunked and length", post(CHUNKED, length(5)), b"0\r\n\r\n", None, 0),
    ("alias of coding", post(("transfer_encoding", "chunked")), b"abc", None, 1),
    ("alias of length", post(("content_length", "1")), b"abc", None, 1),
    ("coding in upper case", post(("Transfer-Encoding", "chunked")), b"abc", None, 0),
    ("coding behind a blank", post(("transfer-encoding ", "chunked")), b"abc", None, 0),
    ("connection", post(("connection", "close")), b"abc", None, 0),
    ("upgrade", request("/", ("upgrade", "h2c")), None, None, 0),
    ("settings for an upgrade", request("/", ("http2-settings", "AAAA")), None, None, 1),
    ("te: trailers", request("/", ("te", "trailers")), None, None, 1),
    ("te: chunked", request("/", ("te", "trailers, chunked")), None, None, 0),
    ("expectation", post(("expect", "100-continue")), b"abc", None, 1),
    ("line in a value", request("/", ("x", "1\r\ntransfer-encoding: chunked")), None, None, 0),
    ("LF in a value", request("/", ("x", "1\nTransfer-Encoding: chunked")), None, None, 0),
    ("CR in a value", request("/", ("x", "1\rTransfer-Encoding: chunked")), None, None, 0),
    ("NUL in a value", request("/", ("x", "1\0Transfer-Encoding: chunked")), None, None, 0),
    ("blank before a value", request("/", ("x", " 1")), None, None, 0),
    ("line in a name", request("/", ("x: 1\r\ntransfer-encoding", "chunked")), None, None, 0),
    ("colon in a name", request("/", ("transfer-encoding: chunked\r\nx", "1")), None, None, 0),
    ("request in :path", request("/ HTTP/1.1\r\nHost: evil.example\r\n\r\nGET /smuggled"), None, None, 0),
    ("version in :path", request("/ HTTP/1.0"), None, None, 0),
    ("request in :method", request("/", method="GET / HTTP/1.1\r\nHost: x\r\n\r\nGET"), None, None, 0),
    ("blank in :method", request("/", method="GET /smuggled"), None, None, 0),
    ("request in :authority", request("/", authority="a.test\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x"), None, None, 0),
    ("path in :authority", request("/", authority="a.test/x"), None, None, 0),
    ("user in :authority", request("/", authority="u@a.test"), None, None, 0),
    ("line in :scheme", request("/", scheme="http\r\nX: 1"), None, None, 0),
    ("address in :scheme", request("/", scheme="http://evil.example/?"), None, None, 0),
    ("host beside :authority", request("/", ("host", "a.test")), None, None, 1),
    ("another host", request("/", ("host", "evil.example")), None, None, 0),
    ("host twice", request("/", ("host", "a.test"), ("host", "a.test")), None, None, 0),
    ("alias of host", request("/", ("ho_st", "evil.example"), ("x-forwarded_host", "evil.example")), None, None, 1),
    ("authority with port", request("/", authority="a.test:8080"), None, None, 1),
    ("authority in brackets", request("/", authority="[::1]:80"), None, None, 1),
    ("cookie crumbs", request("/", ("cookie", "a=1"), ("x", "y"), ("cookie", "b=2")), None, None, 1),
    ("trailers", post(), b"abc", [("x-t", "1")], 1),
    ("trailers behind a length", post(length(3)), b"abc", [("x-t", "1")], 1),
    ("trailers that frame", post(), b"abc", [("content-length", "50")], 1),
    ("trailers that name a host", post(), b"abc", [("host", "evil.example")], 1),
    ("coding in trailers", post(), b"abc", [CHUNKED], 0),
    ("line in trailers", post(), b"abc", [("x", "1\r\n\r\n" + SMUGGLED)], 0),
    ("pseudo-field in trailers", post(), b"abc", [(":path", "/smuggled")], 0),
    ("asterisk", request("*", method="OPTIONS"), None, None, 1),
    ("asterisk of GET", request("*"), None, None, 0),
    ("absolute :path", request("http://evil.example/"), None, None, 0),
    ("fragment", request("/a#b"), None, None, 0),
    ("encoded CRLF", request("/a%0d%0aX:%201"), None, None, 1),
    ("byte above ASCII", request("/\xe9"), None, None, 0),
    ("query with everything", request("/?a=%2f..%2f//../;b&c"), None, None, 1),
    ("HEAD", request("/", method="HEAD"), None, None, 1),
    ("unknown method", request("/", method="M-SEARCH"), None, None, 1),
]


def frames_of(stream, fields, body, trailers):
    parts = [headers(stream, block(fields), end=body is None)]
    if body is not None:
        parts.append(data(stream, body, end=trailers is None))
        if trailers:
            parts.append(headers(stream, block(trailers)))
    return parts


class Http2Differential(differential_test.Stand):
    def ask(self, way, *sent, stream=1):
        """The outcome and the body of the answer."""
        with Peer(self.path(way), *sent) as peer:
            return peer.outcome(stream), bytes(peer.answer(stream).body)

    def seen(self, way, *case):
        """The requests that reach the origin, and the outcome."""
        with self.origin.lock:
            before = len(self.origin.requests)
        outcome, _ = self.ask(way, *frames_of(1, *case))
        with self.origin.lock:
            return self.origin.requests[before:], outcome

    def test_all_servers_parse_forwarded_requests_alike(self):
        for name, fields, body, trailers, expected in CASES:
            with self.subTest(name):
                reference, outcome = self.seen("direct", fields, body, trailers)
                self.assertEqual((len(reference), outcome == "200"), (expected, bool(expected)), outcome)
                for way in WAYS[1:]:
                    requests, outcome = self.seen(way, fields, body, trailers)
                    if requests != reference:
                        self.assertEqual((requests, outcome[0]), ([], "4"), f"{way}: {outcome} instead of {reference}")
        self.assertFalse([one for one in self.origin.requests if "smuggled" in one[1] or "evil" in one[2]])

    def test_a_refused_stream_leaves_nothing_for_the_next(self):
        """On one connection of weir to the backend: what follows a refused request is read as it was sent."""
        for name, fields, body, trailers, expected in CASES:
            with self.subTest(name):
                before = len(self.origin.requests)
                outcome, _ = self.ask("direct", *frames_of(1, fields, body, trailers),
                                      headers(3, block(request("/next"))), stream=3)
                self.assertEqual(outcome, "200")
                with self.origin.lock:
                    self.assertEqual([one for one in self.origin.requests[before:] if one[1] == "/next"],
                                     [("GET", "/next", "a.test", b"")])

    def test_nginx_and_weir_choose_the_same_route_for_a_path(self):
        for location, paths in READINGS.items():
            for path in paths:
                for way in ("merging", "literal"):
                    with self.subTest(path, way=way):
                        outcome, body = self.ask(way, headers(1, block(request(path))))
                        self.assertEqual((outcome, body if location else None),
                                         ("200", f"{location} {location}".encode()) if location else ("400", None))


if __name__ == "__main__":
    differential_test.WEIR = pathlib.Path(sys.argv.pop()).resolve()
    unittest.main()
