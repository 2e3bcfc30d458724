#!/usr/bin/env python3
"""The effect of a reload of a large configuration on requests in progress.

usage: reload.py --weir WEIR [--backends N] [--routes N] [--listeners N] [--reloads N] [--clients N]

Clients, in a process of their own, send requests over kept connections to a route of their own, first undisturbed, then
while one backend of the large cluster changes, again and again. Prints their latencies, those of /ready, the time of a
reload, the memory after the first and after the last one, and how long SIGTERM took in the middle of a reload. It ends
with exit code 1 as soon as an answer is not a 200.
"""
import argparse
import http.client
import http.server
import itertools
import multiprocessing
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


UNDISTURBED = 2000  # requests of each client


class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 4096  # head and body in one segment: the second would wait for an acknowledgement (Nagle)

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


def serve(listening):
    """The backend, in a process of its own."""
    with Backend(("127.0.0.1", 0), Answer) as backend:
        listening.send(backend.server_address[1])
        backend.serve_forever()


class Clients:
    """Each sends one request after the other, `requests` of them or until stop(); the latencies in milliseconds."""

    def __init__(self, count, port, path, requests=None):
        self.endless = requests is None
        self.pipe, child = multiprocessing.Pipe()
        self.process = multiprocessing.Process(target=self.run, args=(child, count, port, path, requests), daemon=True)
        self.process.start()
        child.close()

    def run(self, pipe, count, port, path, requests):
        over, latencies, failures = threading.Event(), [], []
        threads = [threading.Thread(target=self.ask, args=(port, path, requests, over, latencies, failures))
                   for _ in range(count)]
        for thread in threads:
            thread.start()
        if self.endless:
            pipe.recv()
            over.set()
        for thread in threads:
            thread.join()
        pipe.send((latencies, failures))

    @staticmethod
    def ask(port, path, requests, over, latencies, failures):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            for _ in range(requests) if requests else itertools.count():
                begun = time.perf_counter()
                connection.request("GET", path)
                response = connection.getresponse()
                response.read()
                latencies.append((time.perf_counter() - begun) * 1000)
                if response.status != 200:
                    raise http.client.HTTPException(f"{path}: {response.status}")
                if over.wait(0.001):
                    return
        except (OSError, http.client.HTTPException) as error:
            failures.append(repr(error))

    def stop(self):
        if self.endless:
            self.pipe.send(None)
        latencies, failures = self.pipe.recv()
        self.process.join()
        if failures:
            raise SystemExit(f"requests failed: {failures}")
        ordered = sorted(latencies)
        return [ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.99)], ordered[-1]]


class Notices:
    """The messages of weir to its service manager (sd_notify(3)), which is this script."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        self.socket.settimeout(1)

    def wait(self, notice, weir, patience=300):
        until = time.monotonic() + patience
        while True:
            try:
                if notice in self.socket.recv(4096).decode().split("\n"):
                    return
            except TimeoutError:
                pass
            if weir.poll() is not None or time.monotonic() > until:
                raise SystemExit(f"weir did not say {notice}")


def ask(port, method, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
    connection.request(method, path)
    response = connection.getresponse()
    text = response.read().decode()
    if response.status != 200:
        raise SystemExit(f"{method} {path}: {response.status} {text[:500]}")
    return text


def resident(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0


def show(name, figures):
    print(f"| {name} | " + " | ".join(f"{x:.2f}" for x in figures) + " |")


def reload(options, path, ports, number, weir, notices):
    """The time it takes, in seconds."""
    write_config(path, options, ports, number)
    begun = time.perf_counter()
    answer = ask(ports["admin"], "POST", "/v1/reload?wait=1")
    if '"result": "ok"' not in answer:
        raise SystemExit(f"a reload failed: {answer[:500]}")
    taken = time.perf_counter() - begun
    notices.wait("RELOADING=1", weir)
    notices.wait("READY=1", weir)
    return taken


def measure_running(options, path, ports, weir, notices):
    def clients(requests=None):
        return Clients(options.clients, ports["web"], "/", requests), Clients(1, ports["admin"], "/ready")

    def show_latencies(when, of_requests, of_ready):
        show(f"requests, {when}", of_requests.stop())
        show(f"/ready, {when}", of_ready.stop())

    print("| latency, ms | median | p99 | worst |\n|---|---:|---:|---:|")
    show_latencies("undisturbed", *clients(UNDISTURBED))
    under_way = clients()
    times, memory = [], []
    for number in range(1, options.reloads + 1):
        times.append(reload(options, path, ports, number, weir, notices))
        memory.append(resident(weir.pid))
    show_latencies("during reloads", *under_way)
    under_way = clients()
    for _ in range(3):
        ask(ports["admin"], "GET", "/v1/status")
        ask(ports["admin"], "GET", "/metrics")
    show_latencies("during status and scrapes", *under_way)
    marks = sorted({1, *(len(memory) * tenth // 10 or 1 for tenth in (1, 2, 5, 8, 10))})
    print(f"\nA reload takes {statistics.median(times):.2f} s. Memory in MiB: " +
          ", ".join(f"{memory[mark - 1]:.0f} after {mark}" for mark in marks) + ".")
    write_config(path, options, ports, options.reloads + 1)
    weir.send_signal(signal.SIGHUP)
    notices.wait("RELOADING=1", weir)
    begun = time.perf_counter()
    weir.send_signal(signal.SIGTERM)
    weir.wait(timeout=60)
    print(f"SIGTERM in the middle of a reload: gone after {time.perf_counter() - begun:.2f} s.")


def measure(options, folder):
    listening, child = multiprocessing.Pipe()
    backend = multiprocessing.Process(target=serve, args=(child,), daemon=True)
    backend.start()
    ports = {"backend": listening.recv(), "admin": free_port(), "web": free_port()}
    path = pathlib.Path(folder) / "weir.yaml"
    write_config(path, options, ports, 0)
    notices = Notices(path.parent / "notify")
    weir = subprocess.Popen([options.weir, "run", "--config", path],
                            env=dict(os.environ, NOTIFY_SOCKET=str(path.parent / "notify")))
    try:
        notices.wait("READY=1", weir)
        measure_running(options, path, ports, weir, notices)
    finally:
        weir.kill()
        weir.wait()
        backend.terminate()
        backend.join()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weir", required=True)
    parser.add_argument("--backends", type=int, default=50_000)
    parser.add_argument("--routes", type=int, default=20_000)
    parser.add_argument("--listeners", type=int, default=2_000)
    parser.add_argument("--reloads", type=int, default=100)
    parser.add_argument("--clients", type=int, default=8)
    with tempfile.TemporaryDirectory(prefix="weir-reload-") as folder:
        measure(parser.parse_args(), folder)


if __name__ == "__main__":
    main()
