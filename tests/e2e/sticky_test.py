#!/usr/bin/env python3
"""Sticky sessions with curl and its cookie jar: over HTTP/1.1 and HTTP/2, over failures, reloads and two instances.

usage: sticky_test.py WEIR
"""
import json
import pathlib
import socket
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import origin
import ports
import weir

WEIR = None
CONFIG = """
global: {{ workers: 2 }}
logging: {{ access: {{ output: none }} }}
listeners:
  - {{ name: web, bind: "127.0.0.1:{port}", protocol: http, cluster: app }}
clusters:
  - name: app
    sticky: {{ cookie: app_id, {keys} }}
    backends: [{backends}]
"""


class StickyTest(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.origins = [origin.Origin() for _ in range(4)]
        for one in self.origins:
            self.addCleanup(one.stop)
        self.port = ports.free_ports(1)[0]
        self.jars = 0

    def text(self, port=None, keys="path: /", order=(0, 1, 2, 3), states=None):
        backends = ", ".join(
            f"{{ address: '127.0.0.1:{self.origins[i].port}', state: {(states or {}).get(i, 'active')} }}" for i in order)
        return CONFIG.format(port=port or self.port, keys=keys, backends=backends)

    def start(self, **options):
        started = weir.Weir(WEIR, self.text(**options))
        self.addCleanup(started.stop)
        return started

    def reload(self, started, **options):
        started.write(self.text(**options))
        self.assertEqual(started.reload()["result"], "ok")

    def fail_backend(self, index):
        """It refuses connections, and has closed all others."""
        for one in [self.origins[index].listener, *self.origins[index].open]:
            one.shutdown(socket.SHUT_RDWR)

    def jar(self, started):
        self.jars += 1
        return started.folder / f"jar{self.jars}"

    def ask(self, jar, *options, port=None):
        """What a client with this jar gets: the index of its backend, what that has seen, and the new cookie."""
        before = [one.count() for one in self.origins]
        result = subprocess.run(
            ["curl", "-sS", "-i", "--max-time", "20", "-b", jar, "-c", jar, *options,
             f"http://127.0.0.1:{port or self.port}/show/x"], capture_output=True, text=True, check=True)
        head, _, body = result.stdout.replace("\r\n", "\n").partition("\n\n")
        backend = next(i for i, one in enumerate(self.origins) if one.count() > before[i])
        cookies = [line.split(": ", 1)[1] for line in head.split("\n") if line.lower().startswith("set-cookie:")]
        private = "cache-control: private" in head.lower()
        self.assertEqual(private, bool(cookies))
        fields = dict(map(tuple, json.loads(body)["fields"]))
        return backend, fields, cookies

    def test_client_keeps_its_backend_over_http1_and_http2(self):
        started = self.start()
        for _ in range(3):  # as many clients
            jar = self.jar(started)
            backend, fields, (cookie,) = self.ask(jar)
            self.assertRegex(cookie, r"^app_id=[\w-]{30}; Path=/; SameSite=Lax; HttpOnly$")
            self.assertNotIn("cookie", fields)
            for options in [(), ("--http2-prior-knowledge",)] * 2:
                again, fields, cookies = self.ask(jar, *options)
                self.assertEqual((again, cookies), (backend, []))
                self.assertNotIn("cookie", fields)
            # Beside others, in pieces as browsers send them with HTTP/2, too.
            value = cookie.split(";")[0]
            for options in [(), ("--http2-prior-knowledge",)]:
                again, fields, cookies = self.ask("/dev/null", *options, "-H", f"Cookie: a=1; {value}; b=2")
                self.assertEqual((again, fields.get("cookie"), cookies), (backend, "a=1; b=2", []))

    def test_clients_are_spread_and_forged_cookies_are_ignored(self):
        started = self.start()
        self.assertEqual({self.ask(self.jar(started))[0] for _ in range(8)}, {0, 1, 2, 3})
        backend, fields, cookies = self.ask("/dev/null", "-H", "Cookie: app_id=" + "A" * 30)
        self.assertEqual((len(cookies), fields.get("cookie")), (1, None))

    def test_client_moves_once_when_its_backend_fails(self):
        started = self.start()
        jar = self.jar(started)
        backend = self.ask(jar)[0]
        self.fail_backend(backend)
        moved, _, cookies = self.ask(jar)
        self.assertNotEqual(moved, backend)
        self.assertEqual(len(cookies), 1)
        for _ in range(3):
            self.assertEqual(self.ask(jar)[::2], (moved, []))

    def test_draining_backend_keeps_its_clients_and_gets_no_others(self):
        started = self.start()
        jar = self.jar(started)
        backend = self.ask(jar)[0]
        self.reload(started, states={backend: "drain"})
        self.assertEqual(self.ask(jar)[::2], (backend, []))
        self.assertNotIn(backend, {self.ask(self.jar(started))[0] for _ in range(8)})
        self.reload(started, states={backend: "drain"}, keys="drain: move")
        moved, _, cookies = self.ask(jar)
        self.assertNotEqual(moved, backend)
        self.assertEqual(len(cookies), 1)

    def test_instances_with_the_same_key_file_follow_each_others_cookies(self):
        first = self.start()
        key_file = first.folder / "key"
        old, new = "o" * 64, "n" * 64
        key_file.write_text(old + "\n")
        keys = f"key_file: {key_file}"
        self.reload(first, keys=keys)
        second_port = ports.free_ports(1)[0]
        second = self.start(port=second_port, keys=keys, order=(3, 2, 1, 0))
        jar = self.jar(first)
        backend = self.ask(jar)[0]
        for _ in range(3):
            self.assertEqual(self.ask(jar, port=second_port)[::2], (backend, []))
        # The secret is replaced while clients have cookies of the old one.
        key_file.write_text(f"{new}\n{old}\n")
        self.reload(first, keys=keys)
        self.assertEqual(self.ask(jar)[::2], (backend, []))
        key_file.write_text(f"{new}\n")
        self.reload(first, keys=keys)
        self.assertEqual(len(self.ask(jar)[2]), 1)

    def test_key_file_that_cannot_be_used_changes_nothing(self):
        started = self.start()
        jar = self.jar(started)
        backend = self.ask(jar)[0]
        (started.folder / "short").write_text("short\n")
        started.write(self.text(keys=f"key_file: {started.folder}/short"))
        result = subprocess.run([WEIR, "check", "-c", "weir.yaml"], cwd=started.folder, capture_output=True, text=True)
        self.assertEqual(result.returncode, 78)
        self.assertIn("E238", result.stdout + result.stderr)
        self.assertIn("openssl rand -hex 32", result.stdout + result.stderr)
        self.assertEqual(self.ask(jar)[::2], (backend, []))


if __name__ == "__main__":
    WEIR = pathlib.Path(sys.argv.pop(1)).resolve()
    unittest.main()
