#!/usr/bin/env python3
"""HTTP/2 for compare.py: the load, by h2load; idle connections; the configurations of nghttpx and h2o.

usage: http2.py idle PORT CONNECTIONS

opens connections over TLS, with one request each, prints a line of JSON as weir_bench_load does, and holds the
connections until stdin is closed.
"""
import json
import pathlib
import pwd
import os
import re
import socket
import ssl
import subprocess
import sys
import time

PATHS = {"h2": ("/small", 100), "h2c": ("/small", 100), "h2-large": ("/medium", 1 << 20)}  # and the size of the body
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, SETTINGS = 0, 1, 4
END_STREAM, END_HEADERS, ACK = 1, 4, 1


# ---- one request on a connection

def frame(kind, flags, stream, payload=b""):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def request(is_tls):
    """A GET of /small whose fields go to the table of the decoder, as those of browsers do (RFC 7541 6.2.1)."""
    fields = ((4, b"/small"), (1, b"bench.example"), (58, b"weir-bench/1"), (19, b"text/html, */*;q=0.8"), (17, b"en"))
    block = b"\x82" + (b"\x87" if is_tls else b"\x86")  # :method GET, :scheme
    return block + b"".join(bytes([0x40 | name, len(value)]) + value for name, value in fields)


def ask(connection, is_tls):
    """Sends the request and reads its response. Returns whether there was one."""
    connection.sendall(PREFACE + frame(SETTINGS, 0, 0) + frame(HEADERS, END_STREAM | END_HEADERS, 1, request(is_tls)))
    received = b""
    while True:
        while len(received) < 9 or len(received) < 9 + int.from_bytes(received[:3], "big"):
            more = connection.recv(65536)
            if not more:
                return False
            received += more
        kind, flags, stream = received[3], received[4], int.from_bytes(received[5:9], "big")
        received = received[9 + int.from_bytes(received[:3], "big"):]
        if kind == SETTINGS and not flags & ACK:
            connection.sendall(frame(SETTINGS, ACK, 0))
        if stream == 1:
            if kind not in (DATA, HEADERS):
                return False
            if flags & END_STREAM:
                return True


def trusting():
    """Accepts any certificate."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def hold(port, connections):
    context, held, start = trusting(), [], time.monotonic()
    context.set_alpn_protocols(["h2"])
    for _ in range(connections):
        held.append(context.wrap_socket(socket.create_connection(("127.0.0.1", port), timeout=5)))
        if not ask(held[-1], True):
            sys.exit("a request was not answered")
    print(json.dumps({"units": connections, "seconds": time.monotonic() - start, "cpu_ns": 0}), flush=True)
    sys.stdin.read()


# ---- the backend that serves HTTP/2

def backend(port, core, folder):
    """nghttpd with the small body, without TLS."""
    documents = folder / "documents"
    documents.mkdir()
    path, size = PATHS["h2"]
    (documents / path[1:]).write_bytes(b"x" * size)
    return subprocess.Popen(["taskset", "-c", core, "nghttpd", "--no-tls", "--htdocs", documents, str(port)],
                            stdout=subprocess.DEVNULL)


# ---- the load

def cpu_ns(pids):
    """The time that the threads of the processes were on a core."""
    threads = (thread for pid in pids for thread in pathlib.Path(f"/proc/{pid}/task").iterdir())
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads)


def run_h2load(scenario, port, core, length):
    """(responses, seconds). `length`: the option that ends the run."""
    path, size = PATHS[scenario.mode]
    command = ["taskset", "-c", core, "h2load", f"--clients={scenario.connections}",
               f"--max-concurrent-streams={scenario.streams}", "--window-bits=24", "--connection-window-bits=26",
               length, f"{'https' if scenario.is_tls else 'http'}://127.0.0.1:{port}{path}"]
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120)
    return results(result.stdout, size, exactly=length.startswith("--requests"))


def results(text, size, exactly):
    """Of what h2load prints. With `exactly`, every response was a 200 of this size."""
    finished = re.search(r"finished in ([\d.]+)(s|ms|us),", text)
    requests = re.search(r"^requests: (\d+) total, .* (\d+) failed, (\d+) errored, (\d+) timeout", text, re.MULTILINE)
    good = re.search(r"^status codes: (\d+) 2xx", text, re.MULTILINE)
    body = re.search(r"\((\d+)\) data$", text, re.MULTILINE)
    if not (finished and requests and good and body) or int(good[1]) == 0:
        raise RuntimeError(f"h2load measured nothing:\n{text}")
    if exactly and (int(good[1]) != int(requests[1]) or int(body[1]) != size * int(good[1])):
        raise RuntimeError(f"not every response is a whole 200:\n{text}")
    return int(good[1]), float(finished[1]) * {"s": 1, "ms": 1e-3, "us": 1e-6}[finished[2]]


def measure(scenario, port, core, warmup, seconds, pids):
    """As a line of weir_bench_load. The rate of the warm-up gives the number of requests, so that none is cut."""
    responses, took = run_h2load(scenario, port, core, f"--duration={round(warmup * 1000)}ms")
    wanted = max(round(responses / took * seconds), 4 * scenario.connections * scenario.streams)
    before = cpu_ns(pids)
    responses, took = run_h2load(scenario, port, core, f"--requests={wanted}")
    spent = cpu_ns(pids) - before
    return {"units": responses * (PATHS[scenario.mode][1] if scenario.is_bulk else 1), "seconds": took, "cpu_ns": spent}


# ---- the proxies

def nghttpx_config(scenario, port, folder, certificate):
    tls = f"private-key-file={certificate}\ncertificate-file={certificate}" if scenario.is_tls else ""
    return f"""frontend=127.0.0.1,{port}{"" if scenario.is_tls else ";no-tls"}
backend=127.0.0.1,{scenario.backend_port}{";;proto=h2" if scenario.to_http2 else ""}
{tls}
workers=1
single-process=yes
single-thread=yes
backlog=4096
rlimit-nofile=12000
frontend-keep-alive-timeout=1h
frontend-http2-read-timeout=1h
backend-keep-alive-timeout=1h
backend-connections-per-host=10000
no-ocsp=yes
log-level=FATAL
pid-file={folder}/nghttpx.pid
"""


def h2o_config(scenario, port, folder, certificate):
    files = f"certificate-file: {certificate}, key-file: {certificate}"
    ssl_part = f"\n  ssl: {{ {files}, neverbleed: OFF, ocsp-update-interval: 0 }}"
    return f"""num-threads: 1
max-connections: 5000
user: {pwd.getpwuid(os.geteuid()).pw_name}
pid-file: {folder}/h2o.pid
http2-idle-timeout: 3600
proxy.timeout.keepalive: 3600000
listen:
  host: 127.0.0.1
  port: {port}{ssl_part if scenario.is_tls else ""}
hosts:
  default:
    paths:
      /: {{ proxy.reverse.url: "http://127.0.0.1:{scenario.backend_port}/" }}
"""


if __name__ == "__main__":
    if len(sys.argv) != 4 or sys.argv[1] != "idle":
        sys.exit(__doc__)
    hold(int(sys.argv[2]), int(sys.argv[3]))
