#!/usr/bin/env python3
"""HTTP/2 connections that weir ends: drain, reload, age, number of requests, idleness. GOAWAY comes twice, streams that
began in between are served, and the books balance at every scrape.

usage: http2_drain_test.py WEIR
"""
import pathlib
import sys
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import loads
import origin
import ports
import weir
from http2 import *

WEIR = None
LAST = 2**31 - 1
CONFIG = """
global: {{ workers: 2 }}
logging: {{ access: {{ output: none }} }}
drain: {drain}
listeners:
  - name: web
    bind: "127.0.0.1:{port}"
    protocol: http
    {keys}
    routes:
      - {{ match: {{ path: /version }}, respond: {{ body: "{version}" }} }}
      - {{ match: {{ path_prefix: / }}, cluster: origin }}
{more}
clusters:
  - {{ name: origin, backends: ["127.0.0.1:{origin}"] }}
"""
SECOND = '  - {{ name: second, bind: "127.0.0.1:{port}", protocol: http, cluster: origin }}'
QUICK = "{ timeout: 20s, spread: 500ms, linger: 1s }"


class DrainTest(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.origin = origin.Origin()
        self.addCleanup(self.origin.stop)
        self.port, self.second = ports.free_ports(2)
        self.weir = None

    def text(self, keys="", version="one", more="", drain=QUICK):
        return CONFIG.format(port=self.port, origin=self.origin.port, keys=keys, version=version, drain=drain,
                             more=more.format(port=self.second))

    def start(self, **options):
        self.weir = weir.Weir(WEIR, self.text(**options))
        self.addCleanup(self.weir.stop)

    def reload(self, **options):
        self.weir.write(self.text(**options))
        self.assertIn(self.weir.reload()["result"], ("ok", "unchanged"))

    def peer(self, *first, port=None, **options):
        peer = Peer(port or self.port, *first, **options)
        self.addCleanup(peer.socket.close)
        return peer

    def held(self, path="/hold/x", **options):
        """A client whose request has reached the backend."""
        self.origin.hold()
        before = self.origin.count(path)
        peer = self.peer(headers(1, block(request(path))), **options)
        self.origin.wait_count(before + 1, path)
        return peer

    def ended(self, reason, listener="web"):
        return self.weir.scrape().sum("weir_connections_ended_total", listener=listener, reason=reason)

    def await_end(self, peer, last):
        """GOAWAY twice, both without error, the second with the last stream; then the end."""
        peer.until(lambda: False, "the end of the connection")
        self.assertEqual([(stream, code) for stream, code, _ in peer.goaways], [(LAST, "NO_ERROR"), (last, "NO_ERROR")])

    def expect_balance(self):
        self.weir.await_metric("weir_http2_streams_active", 0)
        self.assertEqual(list(self.weir.scrape().imbalances()), [])

    def test_drain_serves_streams_until_the_second_goaway_and_then_exits(self):
        self.start()
        peer = self.held(acks=False)
        self.weir.terminate()
        peer.until(lambda: peer.goaways and peer.pings, "the first GOAWAY, and its PING")
        self.assertEqual([(stream, code) for stream, code, _ in peer.goaways], [(LAST, "NO_ERROR")])
        self.assertEqual(peer.get(3, "/ok"), "200")
        peer.send(ping(peer.pings[0], ack=True))
        peer.until(lambda: len(peer.goaways) == 2, "the second GOAWAY")
        self.assertEqual(peer.goaways[1][:2], (3, "NO_ERROR"))
        peer.send(headers(5, block(request("/late", method="POST")), end=False), data(5, bytes(16384)))
        self.assertTrue(peer.round_trip())
        self.assertFalse(peer.closed)
        self.origin.release()
        self.assertEqual(peer.outcome(1), "200")
        self.await_end(peer, 3)
        self.assertEqual((peer.answer(5).status, self.origin.count("/late")), (None, 0))
        self.assertEqual(self.weir.wait(), 0)

    def test_drain_sends_the_second_goaway_to_a_client_that_acknowledges_no_ping(self):
        self.start()
        peer = self.held(acks=False)
        self.weir.terminate()
        peer.until(lambda: len(peer.goaways) == 2, "the second GOAWAY")
        self.origin.release()
        self.assertEqual(peer.outcome(1), "200")
        self.await_end(peer, 1)
        self.assertEqual(self.weir.wait(), 0)

    def test_drain_closes_idle_connections_after_goaway(self):
        self.start()
        holder = self.held()  # it keeps the process until the books have been read
        idle = [self.peer() for _ in range(20)]
        for number, peer in enumerate(idle):
            self.assertTrue(peer.round_trip())
            if number % 2:
                self.assertEqual(peer.get(1, "/ok"), "200")
        self.weir.terminate()
        for number, peer in enumerate(idle):
            self.await_end(peer, number % 2)
        self.weir.await_metric("weir_connections_ended_total", 20, listener="web", reason="drain_idle")
        self.assertEqual(self.weir.scrape().sum("weir_drain_connections_closed_total", how="idle_spread"), 20)
        self.assertEqual(list(self.weir.scrape().imbalances()), [])
        self.origin.release()
        self.assertEqual(holder.outcome(1), "200")
        self.assertEqual(self.weir.wait(), 0)

    def test_drain_cuts_what_is_left_at_its_deadline_and_counts_it(self):
        self.start(drain="{ timeout: 1s, spread: 200ms, linger: 500ms }")
        silent, begun = self.held(), self.peer(settings((INITIAL_WINDOW, 10)), headers(1, block(request("/bytes/100"))))
        begun.until(lambda: len(begun.answer(1).body) == 10)
        self.weir.terminate()
        self.assertEqual(silent.outcome(1), "503")
        self.assertEqual(begun.outcome(1), "RST CANCEL")
        for peer in (silent, begun):
            peer.until(lambda: False, "the end of the connection")
        self.assertEqual(self.weir.wait(), weir.CUT)
        self.assertIn("cut=2", self.weir.log())

    def test_drain_loses_no_request_under_load(self):
        self.start()
        clients = [loads.Http2Load(self.port, streams) for streams in (1, 10, 50)]
        origin.wait_until(lambda: all(load.served > 50 for load in clients), "load")
        self.weir.terminate()
        self.assertEqual(self.weir.wait(), 0)
        for load in clients:
            load.end()
            self.assertEqual(load.lost, [])

    def test_reload_reaches_an_idle_connection_at_once(self):
        self.start()
        peer = self.peer()
        self.assertEqual((peer.get(1, "/version"), bytes(peer.answer(1).body)), ("200", b"one"))
        self.reload(version="two")
        self.weir.await_metric("weir_connections_active", 0, generation="old")
        self.assertEqual((peer.get(3, "/version"), bytes(peer.answer(3).body)), ("200", b"two"))
        self.assertEqual(peer.goaways, [])
        self.expect_balance()

    def test_reload_leaves_streams_their_configuration(self):
        self.start()
        peer = self.held()
        self.reload(version="two")
        self.assertEqual((peer.get(3, "/version"), bytes(peer.answer(3).body)), ("200", b"two"))
        self.origin.release()
        self.assertEqual(peer.outcome(1), "200")
        self.weir.await_metric("weir_connections_active", 0, generation="old")
        self.assertEqual(peer.goaways, [])

    def test_reload_without_the_listener_or_http2_lets_connections_finish(self):
        gone = {"the listener": ({}, self.second), "http2": ({"keys": "http2: { enabled: false }"}, self.port)}
        self.start(more=SECOND)
        for name, (options, port) in gone.items():
            with self.subTest(name):
                self.reload(more=SECOND)
                idle, busy = self.peer(port=port), self.held(f"/hold/{port}", port=port)
                self.assertTrue(idle.round_trip())
                self.reload(version="two", **options, **({} if port == self.second else {"more": SECOND}))
                self.await_end(idle, 0)
                busy.until(lambda: len(busy.goaways) == 2)
                self.origin.release()
                self.assertEqual(busy.outcome(1), "200")
                self.await_end(busy, 1)

    def test_reloads_under_load_lose_no_request(self):
        self.start()
        clients = [loads.Http2Load(self.port, streams) for streams in (1, 20)]
        for number in range(20):
            before = [load.served for load in clients]
            self.reload(version=f"v{number}")
            origin.wait_until(lambda: all(load.served > one + 20 for load, one in zip(clients, before)), "load")
            self.assertEqual(list(self.weir.scrape().imbalances()), [])
        for load in clients:
            load.stop()
            self.assertEqual((load.lost, load.again), ([], 0))
        self.expect_balance()

    def test_the_last_request_of_a_connection_is_announced(self):
        self.start(keys="limits: { max_requests_per_connection: 3 }")
        peer = self.peer(acks=False)
        for stream in (1, 3):
            self.assertEqual(peer.get(stream, "/ok"), "200")
        self.assertEqual(peer.goaways, [])
        self.assertEqual(peer.get(5, "/ok"), "200")
        peer.until(lambda: peer.goaways and peer.pings, "the first GOAWAY")
        self.assertEqual(peer.get(7, "/ok"), "200")  # it was under way
        peer.send(ping(peer.pings[0], ack=True))
        self.await_end(peer, 7)
        self.weir.await_metric("weir_connections_ended_total", 1, reason="last_request")
        load = loads.Http2Load(self.port, 20)
        origin.wait_until(lambda: load.served > 200, "load")
        load.stop()
        self.assertEqual(load.lost, [])
        self.expect_balance()

    def test_idle_connections_end_after_keep_alive_in_spite_of_pings(self):
        self.start(keys="timeouts: { keep_alive: 1s }")
        peers = [self.peer(), self.peer()]
        self.assertEqual(peers[1].get(1, "/ok"), "200")
        for last, peer in enumerate(peers):
            while not peer.closed:
                peer.send(ping())
                peer.watch(0.2)
            self.await_end(peer, last)
        self.weir.await_metric("weir_connections_ended_total", 2, reason="keep_alive_timeout")
        busy = self.held()
        busy.watch(1.5)
        self.assertEqual(busy.goaways, [])
        self.origin.release()
        self.assertEqual(busy.outcome(1), "200")

    def test_old_connections_end_behind_their_streams(self):
        self.start(keys="timeouts: { max_age: 1s }")
        peer = self.held()
        peer.until(lambda: len(peer.goaways) == 2)
        self.assertFalse(peer.closed)
        self.origin.release()
        self.assertEqual(peer.outcome(1), "200")
        self.await_end(peer, 1)
        self.await_end(self.peer(), 0)
        self.weir.await_metric("weir_connections_ended_total", 2, reason="max_age")

    def test_books_balance_at_every_scrape(self):
        """While streams end in each way: answered, reset by the client or by weir, refused, with their connection."""
        self.start(keys="http2: { max_streams: 10 }\n    limits: { max_requests_per_connection: 500 }")
        over, failures = threading.Event(), []

        def scrape():
            while not over.is_set():
                failures.extend(self.weir.scrape().imbalances())

        thread = threading.Thread(target=scrape)
        thread.start()
        try:
            for _ in range(20):
                peer = self.peer()
                peer.settings[MAX_STREAMS] = 10
                for stream in range(1, 60, 2):
                    peer.send(headers(stream, block(request("/bytes/20000"))))
                    if stream % 4 == 1:
                        peer.send(rst(stream))
                peer.until(lambda: all(peer.answer(stream).ended or peer.answer(stream).reset
                                       for stream in range(3, 60, 4)))
                peer.get(101, "/cut")
                peer.send(headers(103, block(request("/hold"))))
                peer.socket.close()
        finally:
            over.set()
            thread.join()
        self.assertEqual(failures, [])
        self.expect_balance()
        ends = {has["how"] for name, has, value in self.weir.scrape().series
                if name == "weir_http2_streams_ended_total" and value}
        self.assertEqual(ends, {"complete", "reset_by_client", "reset_by_weir", "refused", "connection"})


if __name__ == "__main__":
    WEIR = pathlib.Path(sys.argv.pop()).resolve()
    unittest.main()
