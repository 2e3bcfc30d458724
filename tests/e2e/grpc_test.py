#!/usr/bin/env python3
"""gRPC through weir: python3-grpcio as client and as server, over TLS and without; each kind of call and each way to
end it. grpc_js_test.py runs the same with grpc-js.

usage: grpc_test.py WEIR
"""
import concurrent.futures
import pathlib
import queue
import sys
import threading
import unittest

import grpc

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import origin
import ports
import weir

WEIR = None
PATIENCE = 20
CONFIG = """
global: {{ workers: 1 }}
logging: {{ access: {{ output: none }} }}
drain: {{ timeout: 20s, spread: 500ms }}
listeners:
  - name: clear
    bind: "127.0.0.1:{clear}"
    protocol: http
    routes: &routes
      - {{ match: {{ path_prefix: /down }}, cluster: down }}
      - {{ match: {{ path_prefix: /slow }}, cluster: grpc, timeouts: {{ request: 500ms }} }}
      - {{ match: {{ path_prefix: /test }}, cluster: grpc }}
  - name: tls
    bind: "127.0.0.1:{tls}"
    protocol: http
    routes: *routes
    tls: {{ certificates: [{{ cert: cert.pem, key: key.pem }}] }}
  - {{ name: small, bind: "127.0.0.1:{small}", protocol: http, cluster: grpc, limits: {{ max_body_size: 1KiB }} }}
clusters:
  - name: grpc
    protocol: http2
    backends: ["127.0.0.1:{server}"]
    timeouts: {{ response_header: 500ms, response_idle: 500ms }}
    health_check: {{ type: grpc, interval: 1s, timeout: 1s, rise: 1, fall: 3 }}
  - {{ name: down, protocol: http2, backends: ["127.0.0.1:{unused}"] }}
"""


class Server:
    """The methods of /test and /slow, as bytes; and the health service."""

    def __init__(self, port=0, serving=b"\x08\x01"):
        self.serving, self.cancelled, self.peers = serving, queue.Queue(), set()
        self.server = grpc.server(concurrent.futures.ThreadPoolExecutor(64), handlers=[self],
                                  options=[("grpc.so_reuseport", 0), ("grpc.max_metadata_size", 1 << 16)])
        self.port = self.server.add_insecure_port(f"127.0.0.1:{port}")
        self.server.start()

    def stop(self):
        self.server.stop(None).wait()

    def service(self, call):
        kind = call.method.rpartition("/")[2]
        if call.method == "/grpc.health.v1.Health/Check":
            return grpc.unary_unary_rpc_method_handler(lambda request, context: self.serving)
        return {"Echo": grpc.unary_unary_rpc_method_handler(self.echo),
                "Fail": grpc.unary_unary_rpc_method_handler(self.fail),
                "Wait": grpc.unary_unary_rpc_method_handler(self.wait),
                "Count": grpc.unary_stream_rpc_method_handler(self.count),
                "Sum": grpc.stream_unary_rpc_method_handler(self.sum),
                "Chat": grpc.stream_stream_rpc_method_handler(self.chat)}.get(kind)

    def echo(self, request, context):
        self.peers.add(context.peer())
        fields = {key: value for key, value in context.invocation_metadata() if key.startswith("x-")}
        context.send_initial_metadata([(key, value) for key, value in fields.items()])
        context.set_trailing_metadata([(key.replace("x-", "x-trailing-"), value) for key, value in fields.items()])
        return request

    def fail(self, request, context):
        context.set_trailing_metadata([("x-why-bin", b"\x00\xff")])
        context.abort(grpc.StatusCode[request.decode()], "100% of nothing: é\n")

    def wait(self, request, context):
        """A call with x-begin gets the head of its response at once."""
        ended = threading.Event()
        context.add_callback(ended.set)
        if "x-begin" in dict(context.invocation_metadata()):
            context.send_initial_metadata(())
        ended.wait(PATIENCE)
        self.cancelled.put(request)
        return b""

    def count(self, request, context):
        for at in range(int(request)):
            yield b"%d" % at

    def sum(self, requests, context):
        return b"%d" % sum(len(one) for one in requests)

    def chat(self, requests, context):
        for one in requests:
            if one == b"fail":
                context.abort(grpc.StatusCode.DATA_LOSS, "within the stream")
            yield one
        context.set_trailing_metadata([("x-over", "yes")])


class Messages:
    """What a client sends on a stream, as the test decides."""

    def __init__(self):
        self.queue = queue.Queue()

    def __iter__(self):
        return iter(self.queue.get, None)

    def send(self, message):
        self.queue.put(message)


class GrpcTest(unittest.TestCase):
    server_class = Server

    @classmethod
    def setUpClass(cls):
        names = ("clear", "tls", "small", "unused")
        cls.ports = dict(zip(names, ports.free_ports(len(names))))
        cls.server = cls.server_class()
        cls.addClassCleanup(cls.server.stop)
        cls.weir = weir.Weir(WEIR, CONFIG.format(server=cls.server.port, **cls.ports), certificate="a.test")
        cls.addClassCleanup(cls.weir.stop)
        cls.weir.await_metric("weir_backend_up", 1, cluster="grpc")

    def channel(self, way, *options):
        address, options = f"127.0.0.1:{self.ports[way]}", [*options, ("grpc.use_local_subchannel_pool", 1)]
        if way == "tls":
            trust = grpc.ssl_channel_credentials((self.weir.folder / "cert.pem").read_bytes())
            channel = grpc.secure_channel(address, trust, [*options, ("grpc.ssl_target_name_override", "a.test")])
        else:
            channel = grpc.insecure_channel(address, options)
        self.addCleanup(channel.close)
        return channel

    def error(self, call, *arguments, **options):
        with self.assertRaises(grpc.RpcError) as caught:
            answer = call(*arguments, timeout=options.pop("timeout", PATIENCE), **options)
            list(answer)
        return caught.exception

    def each(self):
        for way in ("clear", "tls"):
            yield way, self.channel(way)

    def test_each_kind_of_call_is_answered(self):
        for way, channel in self.each():
            with self.subTest(way):
                for size in (0, 1, 1000, 1 << 20):
                    self.assertEqual(channel.unary_unary("/test/Echo")(b"x" * size, timeout=PATIENCE), b"x" * size)
                got = list(channel.unary_stream("/test/Count")(b"1000", timeout=PATIENCE))
                self.assertEqual(got, [b"%d" % at for at in range(1000)])
                sent = (b"y" * 10000 for _ in range(300))
                self.assertEqual(channel.stream_unary("/test/Sum")(sent, timeout=PATIENCE), b"3000000")
                messages = Messages()
                chat = channel.stream_stream("/test/Chat")(iter(messages), timeout=PATIENCE)
                for text in (b"one", b"two", b"z" * 100000):  # each waits for the answer to the one before
                    messages.send(text)
                    self.assertEqual(next(chat), text)
                messages.send(None)
                self.assertEqual((list(chat), chat.code(), dict(chat.trailing_metadata())["x-over"]),
                                 ([], grpc.StatusCode.OK, "yes"))

    def test_statuses_and_metadata_arrive(self):
        for way, channel in self.each():
            with self.subTest(way):
                for code in ("INVALID_ARGUMENT", "NOT_FOUND", "UNAVAILABLE", "UNAUTHENTICATED"):
                    error = self.error(channel.unary_unary("/test/Fail"), code.encode())
                    self.assertEqual((error.code(), error.details(), dict(error.trailing_metadata())["x-why-bin"]),
                                     (grpc.StatusCode[code], "100% of nothing: é\n", b"\x00\xff"))
                self.assertEqual(self.error(channel.unary_unary("/test/None"), b"").code(),
                                 grpc.StatusCode.UNIMPLEMENTED)
                metadata = [("x-text", "a" * 4000), ("x-bytes-bin", bytes(range(256)) * 10)]
                _, call = channel.unary_unary("/test/Echo").with_call(b"", metadata=metadata, timeout=PATIENCE)
                self.assertLessEqual(set(metadata), set(map(tuple, call.initial_metadata())))
                self.assertLessEqual({(key.replace("x-", "x-trailing-"), value) for key, value in metadata},
                                     set(map(tuple, call.trailing_metadata())))
                chat = channel.stream_stream("/test/Chat")(iter([b"one", b"fail"]), timeout=PATIENCE)
                self.assertEqual(next(chat), b"one")
                with self.assertRaises(grpc.RpcError) as caught:
                    next(chat)
                self.assertEqual(caught.exception.code(), grpc.StatusCode.DATA_LOSS)

    def test_deadlines_and_cancellations_reach_the_server(self):
        for way, channel in self.each():
            with self.subTest(way):
                error = self.error(channel.unary_unary("/test/Wait"), b"deadline", timeout=0.3)
                self.assertEqual(error.code(), grpc.StatusCode.DEADLINE_EXCEEDED)
                self.assertEqual(self.server.cancelled.get(timeout=PATIENCE), b"deadline")
                call = channel.unary_unary("/test/Wait").future(b"cancelled", timeout=PATIENCE)
                before = self.weir.scrape().sum("weir_backend_requests_in_flight", cluster="grpc")
                self.weir.await_metric("weir_backend_requests_in_flight", max(before, 1), cluster="grpc")
                call.cancel()
                self.assertEqual(self.server.cancelled.get(timeout=PATIENCE), b"cancelled")
        self.weir.await_metric("weir_backend_requests_in_flight", 0, cluster="grpc")

    def test_silent_streams_outlast_the_times_of_the_cluster(self):
        """response_header and response_idle are 500 ms, and for ordinary requests."""
        for way, channel in self.each():
            with self.subTest(way):
                messages = Messages()
                chat = channel.stream_stream("/test/Chat")(iter(messages), timeout=PATIENCE)
                for text in (b"one", b"two"):
                    until = threading.Event()
                    chat.add_callback(until.set)
                    self.assertFalse(until.wait(1.2), "the stream has ended")
                    messages.send(text)
                    self.assertEqual(next(chat), text)
                messages.send(None)
                self.assertEqual(list(chat), [])

    def test_errors_of_weir_are_statuses(self):
        for way, channel in self.each():
            with self.subTest(way):
                for method, code in (("/down/Echo", "UNAVAILABLE"), ("/elsewhere/Echo", "UNIMPLEMENTED"),
                                     ("/slow/Wait", "DEADLINE_EXCEEDED")):
                    error = self.error(channel.unary_unary(method), b"x")
                    self.assertEqual(error.code(), grpc.StatusCode[code], error)
                    self.assertNotIn("127.0.0.1", error.details())
        error = self.error(self.channel("small").unary_unary("/test/Echo"), b"x" * 5000)
        self.assertEqual(error.code(), grpc.StatusCode.RESOURCE_EXHAUSTED)

    def test_keepalive_pings_are_answered_and_no_flood(self):
        channel = self.channel("clear", ("grpc.keepalive_time_ms", 1000), ("grpc.keepalive_timeout_ms", 1000),
                               ("grpc.keepalive_permit_without_calls", 1), ("grpc.http2.max_pings_without_data", 0))
        messages = Messages()
        chat = channel.stream_stream("/test/Chat")(iter(messages), timeout=PATIENCE)
        ended = threading.Event()
        chat.add_callback(ended.set)
        self.assertFalse(ended.wait(3.5), "the stream has ended")
        messages.send(b"still here")
        self.assertEqual(next(chat), b"still here")
        messages.send(None)
        self.assertEqual(list(chat), [])

    def test_many_calls_share_few_connections(self):
        channel = self.channel("clear")
        self.server.peers.clear()
        calls = [channel.unary_unary("/test/Echo").future(b"%d" % at, timeout=PATIENCE) for at in range(500)]
        self.assertEqual([call.result() for call in calls], [b"%d" % at for at in range(500)])
        self.assertLessEqual(len(self.server.peers), 5)

    def test_statuses_are_counted(self):
        channel = self.channel("clear")
        def count(status):
            return self.weir.scrape().sum("weir_grpc_responses_total", listener="clear", status=status)
        ok, missing = count("OK"), count("NOT_FOUND")
        channel.unary_unary("/test/Echo")(b"x", timeout=PATIENCE)
        self.error(channel.unary_unary("/test/Fail"), b"NOT_FOUND")
        self.weir.await_metric("weir_grpc_responses_total", ok + 1, listener="clear", status="OK")
        self.weir.await_metric("weir_grpc_responses_total", missing + 1, listener="clear", status="NOT_FOUND")

    def test_health_checks_ask_the_service(self):
        self.server.serving = b"\x08\x02"
        self.weir.await_metric("weir_backend_up", 0, cluster="grpc")
        self.assertEqual(self.error(self.channel("clear").unary_unary("/test/Echo"), b"").code(),
                         grpc.StatusCode.UNAVAILABLE)
        self.server.serving = b"\x08\x01"
        self.weir.await_metric("weir_backend_up", 1, cluster="grpc")
        self.assertEqual(self.channel("clear").unary_unary("/test/Echo")(b"x", timeout=PATIENCE), b"x")

    def test_a_drain_lets_calls_finish(self):
        port = ports.free_ports(1)[0]
        another = weir.Weir(WEIR, CONFIG.format(server=self.server.port, **{**self.ports, "clear": port,
                            **dict(zip(("tls", "small"), ports.free_ports(2)))}), certificate="a.test")
        self.addCleanup(another.stop)
        another.await_metric("weir_backend_up", 1, cluster="grpc")
        with grpc.insecure_channel(f"127.0.0.1:{port}", [("grpc.use_local_subchannel_pool", 1)]) as channel:
            messages = Messages()
            chat = channel.stream_stream("/test/Chat")(iter(messages), timeout=PATIENCE)
            messages.send(b"one")
            self.assertEqual(next(chat), b"one")
            another.terminate()
            origin.wait_until(lambda: another.scrape().sum("weir_process_state", state="draining"), "the drain")
            messages.send(b"two")
            self.assertEqual(next(chat), b"two")
            messages.send(None)
            self.assertEqual((list(chat), chat.code()), ([], grpc.StatusCode.OK))
        self.assertEqual(another.wait(), 0)


if __name__ == "__main__":
    WEIR = pathlib.Path(sys.argv.pop()).resolve()
    unittest.main()
