#!/usr/bin/env python3
"""gRPC through weir with grpc-js: as a server in all cases of grpc_test.py, and as a client.

usage: grpc_js_test.py WEIR

grpc-js comes from npm: tests/npm/install.
"""
import json
import os
import pathlib
import queue
import shutil
import subprocess
import sys
import threading
import unittest

import grpc

import grpc_test
import ports
import weir

TESTS = pathlib.Path(__file__).resolve().parents[1]
PATIENCE = grpc_test.PATIENCE


def node(script, *arguments, **options):
    """A process of tests/support/grpc_js."""
    packages = TESTS.parent / "build/npm/node_modules"
    if not packages.is_dir():
        raise FileNotFoundError(f"{packages} is not there: run tests/npm/install")
    return subprocess.Popen([shutil.which("node") or "nodejs", TESTS / "support/grpc_js" / script, *map(str, arguments)],
                            stdout=subprocess.PIPE, text=True, env={**os.environ, "NODE_PATH": str(packages)},
                            **options)


class JsServer:
    """The same on grpc-js. `age`: after so many milliseconds it ends a connection, by GOAWAY."""

    def __init__(self, port=0, age=""):
        self.cancelled, self.peers = queue.Queue(), set()
        self.process = node("server.js", port, *([age] if age else []), stdin=subprocess.PIPE)
        self.port = json.loads(self.process.stdout.readline())["port"]
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            seen = json.loads(line)
            if "peer" in seen:
                self.peers.add(seen["peer"])
            else:
                self.cancelled.put(seen["cancelled"].encode())

    def answer_health(self, answer):
        self.process.stdin.write(answer.hex() + "\n")
        self.process.stdin.flush()

    serving = property(fset=answer_health)

    def stop(self):
        self.process.stdin.close()
        self.process.wait(PATIENCE)
        self.reader.join(PATIENCE)
        self.process.stdout.close()


class GrpcJsServerTest(grpc_test.GrpcTest):
    server_class = JsServer

    def test_connections_that_the_server_ends_lose_no_call(self):
        """It sends GOAWAY to a connection that is 200 ms old."""
        server = JsServer(age=200)
        self.addCleanup(server.stop)
        listeners = dict(zip(self.ports, ports.free_ports(len(self.ports))))
        another = weir.Weir(grpc_test.WEIR, grpc_test.CONFIG.format(server=server.port, **listeners), certificate="a.test")
        self.addCleanup(another.stop)
        another.await_metric("weir_backend_up", 1, cluster="grpc")
        with grpc.insecure_channel(f"127.0.0.1:{listeners['clear']}", [("grpc.use_local_subchannel_pool", 1)]) as channel:
            while another.scrape().sum("weir_backend_http2_goaways_total", cluster="grpc") < 10:
                calls = [channel.unary_unary("/test/Echo").future(b"%d" % at, timeout=PATIENCE) for at in range(50)]
                self.assertEqual([call.result() for call in calls], [b"%d" % at for at in range(50)])

    def test_grpc_js_gets_every_answer(self):
        for way, authority in (("clear", []), ("tls", [self.weir.folder / "cert.pem"])):
            with self.subTest(way):
                client = node("client.js", f"127.0.0.1:{self.ports[way]}", *authority, stderr=subprocess.PIPE)
                out, errors = client.communicate(timeout=3 * PATIENCE)
                self.assertEqual(json.loads(out or "null"), {
                    "sizes": [0, 1, 1000, 1 << 20], "counted": 1000, "sum": "3000000", "chat": [3, 3, 100000],
                    "chatEnd": [grpc.StatusCode.OK.value[0], ["yes"]], "metadata": [True, True],
                    "failed": [grpc.StatusCode.NOT_FOUND.value[0], "100% of nothing: é\n", "00ff"],
                    "missing": grpc.StatusCode.UNIMPLEMENTED.value[0],
                    "deadline": grpc.StatusCode.DEADLINE_EXCEEDED.value[0],
                    "cancelled": grpc.StatusCode.CANCELLED.value[0], "many": 500, "silence": "none",
                    "afterSilence": "still here"}, errors)
                missing = {b"deadline", b"cancelled"}
                while missing:
                    missing.discard(self.server.cancelled.get(timeout=PATIENCE))


if __name__ == "__main__":
    grpc_test.WEIR = pathlib.Path(sys.argv.pop()).resolve()
    unittest.main()
