#!/usr/bin/env python3
"""Chromium loads a page over HTTP/2: a hundred requests at once, an upload, a WebSocket (RFC 8441); one connection.

usage: chromium_test.py WEIR

The page sends what it has seen to the backend. Every host name is that of this machine.
"""
import json
import pathlib
import subprocess
import sys
import unittest
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import origin
import ports
import weir
from http2_tunnels_test import Tunnels

WEIR = None
CONFIG = """
global: {{ workers: 2 }}
logging: {{ access: {{ output: none }} }}
listeners:
  - name: web
    bind: "127.0.0.1:{port}"
    protocol: http
    tls: {{ certificates: [{{ cert: cert.pem, key: key.pem }}] }}
    routes:
      - {{ match: {{ path: /page }}, respond: {{ content_type: text/html, body: '{page}' }} }}
      - {{ match: {{ path_prefix: / }}, cluster: origin }}
clusters:
  - {{ name: origin, backends: ["127.0.0.1:{origin}"] }}
"""
PAGE = """<!DOCTYPE html><script>
const text = async (path, options) => (await fetch(path, options)).text();
const socket = () => new Promise((resolve) => {
  const socket = new WebSocket(`wss://${location.host}/ws`);
  socket.onopen = () => socket.send("x".repeat(100000));
  socket.onmessage = (event) => { resolve(event.data.length); socket.close(); };
  socket.onerror = () => resolve("error");
});
(async () => {
  const got = {};
  try {
    got.many = (await Promise.all([...Array(100).keys()].map((i) => text(`/bytes/${i}`)))).map((body) => body.length);
    got.large = (await (await fetch("/chunks/10000000")).arrayBuffer()).byteLength;
    got.upload = JSON.parse(await text("/show", { method: "POST", body: new Uint8Array(1 << 20) })).size;
    got.cut = await text("/cut").catch((error) => error.name);
    got.socket = await socket();
    got.protocols = [...new Set(performance.getEntriesByType("resource").map((one) => one.nextHopProtocol))];
  } catch (error) { got.error = String(error); }
  await fetch("/result?" + encodeURIComponent(JSON.stringify(got)));
})();
</script>"""


class ChromiumTest(unittest.TestCase):
    def test_a_page_gets_everything_over_one_connection(self):
        backend = Tunnels()
        self.addCleanup(backend.stop)
        port = ports.free_ports(1)[0]
        page = " ".join(PAGE.replace("$", "$$").split())  # one line, and no variables of the configuration
        proxy = weir.Weir(WEIR, CONFIG.format(port=port, origin=backend.port, page=page), certificate="a.test")
        self.addCleanup(proxy.stop)
        with open(proxy.folder / "chromium.log", "wb") as log:
            browser = subprocess.Popen(
                ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                 "--no-first-run", "--disable-background-networking", "--disable-component-update", "--no-proxy-server",
                 "--ignore-certificate-errors", "--host-resolver-rules=MAP * 127.0.0.1",
                 f"--user-data-dir={proxy.folder}/profile", f"https://a.test:{port}/page"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.addCleanup(browser.wait, 20)
        self.addCleanup(browser.terminate)
        try:
            backend.wait_count(1, "/result", 100)
        except TimeoutError as error:
            raise TimeoutError((proxy.folder / "chromium.log").read_text(errors="replace")[-4000:]) from error
        target = next(seen.target for seen in backend.requests if seen.target.startswith("/result"))
        got = json.loads(urllib.parse.unquote(target.partition("?")[2]))
        self.assertEqual(got, {"many": list(range(100)), "large": 10000000, "upload": 1 << 20, "cut": "TypeError",
                               "socket": 100000, "protocols": ["h2"]})
        sockets = [seen for seen in backend.requests if seen.target == "/ws"]
        self.assertEqual([seen.values("upgrade") for seen in sockets], [["websocket"]])
        self.assertEqual(proxy.scrape().sum("weir_http_connections_total", version="h1"), 0)


if __name__ == "__main__":
    WEIR = pathlib.Path(sys.argv.pop()).resolve()
    unittest.main()
