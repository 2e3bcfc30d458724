#!/usr/bin/env python3
"""What a reload of a large configuration costs those who are served meanwhile.

usage: reload.py --weir WEIR [--backends N] [--routes N] [--listeners N] [--reloads N] [--clients N]

Clients send requests over kept connections to a route of their own, first undisturbed, then while one backend of
the large cluster changes, again and again. Prints their latencies, those of /ready, the time of a reload, the
memory after the first and after the last one, and how long SIGTERM took in the middle of a reload.
"""
import argparse
import http.client
import http.server
import os
import pathlib
import signal
import socket
import socketserver
import statistics
import subprocess
import tempfile
import threading
import time


class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_):
        pass


class Backend(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def write_config(path, options, ports, number):
    lines = [f"admin: {{ bind: '127.0.0.1:{ports['admin']}' }}", "listeners:",
             f"  - {{ name: web, bind: '127.0.0.1:{ports['web']}', protocol: http, cluster: app, routes: ["]
    lines += [f"      {{ match: {{ path: /r{i} }}, cluster: large }}," for i in range(options.routes)]
    lines += ["    ] }"]
    lines += [f"  - {{ bind: 'unix:{path.parent}/l{i}', cluster: large }}" for i in range(options.listeners)]
    lines += ["clusters:", f"  - {{ name: app, backends: ['127.0.0.1:{ports['backend']}'] }}", "  - name: large",
              "    backends:"]
    lines += [f"      - 127.1.{i // 250}.{1 + i % 250}:9" for i in range(options.backends)]
    lines += [f"      - {{ name: last, address: '127.2.{number // 250 % 250}.{1 + number % 250}:9' }}"]
    fresh = path.with_suffix(".new")
    fresh.write_text("\n".join(lines) + "\n")
    os.replace(fresh, path)


class Clients:
    """Each sends one request after the other; the latencies in milliseconds."""

    def __init__(self, count, port, path):
        self.over, self.latencies, self.failures = False, [], []
        self.threads = [threading.Thread(target=self.run, args=(port, path)) for _ in range(count)]
        for thread in self.threads:
            thread.start()

    def run(self, port, path):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            while not self.over:
                begun = time.perf_counter()
                connection.request("GET", path)
                connection.getresponse().read()
                self.latencies.append((time.perf_counter() - begun) * 1000)
                time.sleep(0.001)
        except OSError as error:
            self.failures.append(str(error))

    def stop(self):
        self.over = True
        for thread in self.threads:
            thread.join()
        assert not self.failures, self.failures
        ordered = sorted(self.latencies)
        return [ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.99)], ordered[-1]]


def ask(port, method, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
    connection.request(method, path)
    return connection.getresponse().read().decode()


def resident(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0


def show(name, figures):
    print(f"| {name} | " + " | ".join(f"{x:.2f}" for x in figures) + " |")


def measure(options, folder):
    backend = Backend(("127.0.0.1", 0), Answer)
    threading.Thread(target=backend.serve_forever, daemon=True).start()
    ports = {"backend": backend.server_address[1], "admin": free_port(), "web": free_port()}
    path = pathlib.Path(folder) / "weir.yaml"
    write_config(path, options, ports, 0)
    weir = subprocess.Popen([options.weir, "run", "--config", path])
    try:
        while True:
            try:
                assert weir.poll() is None, "weir did not start"
                if ask(ports["admin"], "GET", "/ready") == "ready\n":
                    break
            except OSError:
                time.sleep(0.1)
        print("| latency, ms | median | p99 | worst |\n|---|---:|---:|---:|")
        clients, ready = Clients(options.clients, ports["web"], "/"), Clients(1, ports["admin"], "/ready")
        time.sleep(5)
        show("requests, undisturbed", clients.stop())
        show("/ready, undisturbed", ready.stop())
        clients, ready = Clients(options.clients, ports["web"], "/"), Clients(1, ports["admin"], "/ready")
        times, memory = [], []
        for number in range(1, options.reloads + 1):
            write_config(path, options, ports, number)
            begun = time.perf_counter()
            answer = ask(ports["admin"], "POST", "/v1/reload?wait=1")
            assert '"result": "ok"' in answer, answer[:500]
            times.append(time.perf_counter() - begun)
            memory.append(resident(weir.pid))
        show("requests, during reloads", clients.stop())
        show("/ready, during reloads", ready.stop())
        clients, ready = Clients(options.clients, ports["web"], "/"), Clients(1, ports["admin"], "/ready")
        for _ in range(3):
            ask(ports["admin"], "GET", "/v1/status")
            ask(ports["admin"], "GET", "/metrics")
        show("requests, during status and scrapes", clients.stop())
        show("/ready, during status and scrapes", ready.stop())
        print(f"\nA reload takes {statistics.median(times):.2f} s. Memory after the first: {memory[0]:.0f} MiB, "
              f"after {len(memory)}: {memory[-1]:.0f} MiB.")
        write_config(path, options, ports, options.reloads + 1)
        weir.send_signal(signal.SIGHUP)
        time.sleep(statistics.median(times) / 2)
        begun = time.perf_counter()
        weir.send_signal(signal.SIGTERM)
        weir.wait(timeout=60)
        print(f"SIGTERM in the middle of a reload: gone after {time.perf_counter() - begun:.2f} s.")
    finally:
        weir.kill()
        weir.wait()
        backend.shutdown()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weir", required=True)
    parser.add_argument("--backends", type=int, default=50_000)
    parser.add_argument("--routes", type=int, default=20_000)
    parser.add_argument("--listeners", type=int, default=2_000)
    parser.add_argument("--reloads", type=int, default=20)
    parser.add_argument("--clients", type=int, default=8)
    with tempfile.TemporaryDirectory(prefix="weir-reload-") as folder:
        measure(parser.parse_args(), folder)


if __name__ == "__main__":
    main()
