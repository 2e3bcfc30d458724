#!/usr/bin/env python3
"""weir next to HAProxy and nginx, for HTTP/2 also to nghttpx and h2o: CPU time per unit of work, and memory per idle
connection.

Each proxy has one worker, on core 0; the load and the backends share core 1; all is on 127.0.0.1. The rounds
are interleaved. The meaning of the figures, and their limits: tests/bench/README.md.
"""
import argparse
import contextlib
import dataclasses
import datetime
import fcntl
import json
import os
import pathlib
import re
import resource
import select
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time

import http2

PROXY_CORE, LOAD_CORE = "0", "1"
ECHO_PORT, SOURCE_PORT, HTTP_PORT, HTTP2_PORT, PROXY_PORT = 18081, 18082, 18083, 18084, 18090  # below the ephemeral ports
IDLE_FOR = 2  # seconds, before memory is looked at
BACKEND_PORTS = {"echo": ECHO_PORT, "connrate": ECHO_PORT, "idle": ECHO_PORT, "bulk": SOURCE_PORT}  # the rest is HTTP
BASELINE = "baseline"
WARMUP = 0.4  # seconds
DESCRIPTORS = 12000  # HAProxy and nginx are set up for 5000 connections, two each
HTTP_PROBE = b"GET /small HTTP/1.1\r\nHost: bench.example\r\nConnection: close\r\n\r\n"
STREAM_MODULE = "/usr/lib/nginx/modules/ngx_stream_module.so"


@dataclasses.dataclass
class Scenario:
    mode: str  # of weir_bench_load
    connections: int
    figure: str
    per: str
    scale: float  # of nanoseconds (idle: bytes) per unit
    rate: str
    rate_scale: float = 1
    under_way: int = 0  # connections that wait for an answer at the same time, at most; 0: all
    streams: int = 0  # HTTP/2: requests of each connection at the same time; the load is h2load
    to_http2: bool = False  # the backend serves HTTP/2 without TLS, by prior knowledge

    @property
    def is_http(self):
        return self.mode.startswith("http") or self.is_http2

    @property
    def is_http2(self):
        return self.mode.startswith("h2")

    @property
    def is_tls(self):
        return self.mode.startswith("https") or self.is_http2 and self.mode != "h2c"

    @property
    def is_bulk(self):
        return self.mode in ("bulk", "http-large", "https-large", "h2-large")

    @property
    def is_idle(self):
        return self.mode in ("idle", "http-idle", "https-idle", "h2-idle")

    @property
    def backend_port(self):
        return HTTP2_PORT if self.to_http2 else BACKEND_PORTS.get(self.mode, HTTP_PORT)

    @property
    def load(self):
        """In words."""
        connections = f"{self.connections} connection{'s' if self.connections > 1 else ''}"
        if self.streams:
            return f"{connections}, {self.streams} streams each"
        some = self.under_way and not self.is_idle
        return f"{connections}, {self.under_way} of them with a request" if some else connections


SCENARIOS = {
    "tcp-small-echo": Scenario("echo", 64, "CPU µs", "64-byte message and its echo", 1e-3, "messages/s"),
    "tcp-connrate": Scenario("connrate", 32, "CPU µs", "connection with one message", 1e-3, "connections/s"),
    "tcp-bulk": Scenario("bulk", 4, "CPU ms", "GB to the client", 1e3, "GB/s", 1e-9),
    "idle-memory": Scenario("idle", 4000, "bytes", "idle connection, after one message", 1, "",
                            under_way=128),
    "http-keepalive": Scenario("http", 64, "CPU µs", "request", 1e-3, "requests/s"),
    "http-many": Scenario("http", 1000, "CPU µs", "request", 1e-3, "requests/s", under_way=64),
    "http-one": Scenario("http", 1, "CPU µs", "request", 1e-3, "requests/s"),
    "http-close": Scenario("http-close", 32, "CPU µs", "connection with one request", 1e-3, "connections/s"),
    "http-large": Scenario("http-large", 4, "CPU ms", "GB to the client", 1e3, "GB/s", 1e-9),
    "http-idle-memory": Scenario("http-idle", 4000, "bytes", "idle connection, after one request", 1, "",
                                 under_way=128),
    "https-keepalive": Scenario("https", 64, "CPU µs", "request", 1e-3, "requests/s"),
    "https-whole": Scenario("https-close", 32, "CPU µs", "connection with a whole handshake and one request", 1e-3,
                            "connections/s"),
    "https-resumed": Scenario("https-resumed", 32, "CPU µs", "connection with a resumed session and one request", 1e-3,
                              "connections/s"),
    "https-large": Scenario("https-large", 4, "CPU ms", "GB to the client", 1e3, "GB/s", 1e-9),
    "https-idle-memory": Scenario("https-idle", 2000, "bytes", "idle connection, after one request", 1, "",
                                  under_way=128),
    "h2-small": Scenario("h2", 8, "CPU µs", "request", 1e-3, "requests/s", streams=32),
    "h2c-small": Scenario("h2c", 8, "CPU µs", "request", 1e-3, "requests/s", streams=32),
    "h2-to-h2": Scenario("h2", 8, "CPU µs", "request", 1e-3, "requests/s", streams=32, to_http2=True),
    "h2c-to-h2": Scenario("h2c", 8, "CPU µs", "request", 1e-3, "requests/s", streams=32, to_http2=True),
    "h2-large": Scenario("h2-large", 8, "CPU ms", "GB to the client", 1e3, "GB/s", 1e-9, streams=32),
    "h2-idle-memory": Scenario("h2-idle", 2000, "bytes", "idle connection, after one request", 1, "", under_way=1),
}


TLS = "ssl_protocols TLSv1.2 TLSv1.3;"  # nginx 1.22 leaves 1.3 out


def certificate(folder):
    """Of ECDSA with its key, in one file; the same for all."""
    file = folder.parent / "bench.pem"
    if not file.exists():
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-subj", "/CN=bench.example", "-addext", "subjectAltName=DNS:bench.example",
                        "-keyout", folder / "key", "-out", folder / "cert"], check=True, stderr=subprocess.DEVNULL)
        file.write_text((folder / "cert").read_text() + (folder / "key").read_text())
    return file


# ---- the proxies: weir with its defaults, the others with what makes them fast in the scenario

def weir_config(scenario, port, folder):
    tls = f", tls: {{ certificates: [{certificate(folder)}] }}" if scenario.is_tls else ""
    protocol = ", protocol: http2" if scenario.to_http2 else ""
    return f"""global: {{ workers: 1 }}
logging: {{ level: warn, access: {{ output: none }} }}
listeners:
  - {{ name: bench, bind: "127.0.0.1:{port}", protocol: {"http" if scenario.is_http else "tcp"}, cluster: bench{tls} }}
clusters:
  - {{ name: bench, backends: ["127.0.0.1:{scenario.backend_port}"]{protocol} }}
"""


def haproxy_config(scenario, port, folder):
    options = ["mode http", "http-reuse always", "option http-keep-alive"] if scenario.is_http else ["mode tcp"]
    pipes = ""
    if scenario.is_bulk and not scenario.is_tls:
        options += [f"option splice-{which}" for which in ("auto", "request", "response")]
        pipes = "tune.pipesize 1048576" if scenario.is_http else ""
    lines = "\n    ".join(options)
    tls = f" ssl crt {certificate(folder)} alpn {'h2' if scenario.is_http2 else 'http/1.1'}" if scenario.is_tls else ""
    return f"""global
    nbthread 1
    maxconn 5000
    {pipes}
defaults
    maxconn 5000
    backlog 4096
    timeout connect 5s
    timeout client 1h
    timeout server 1h
    {lines}
listen bench
    bind 127.0.0.1:{port}{tls}{" proto h2" if scenario.mode == "h2c" else ""}
    server bench 127.0.0.1:{scenario.backend_port}{" proto h2" if scenario.to_http2 else ""}
"""


def nginx_config(scenario, port, folder):
    needs_module = not scenario.is_http and os.path.exists(STREAM_MODULE)
    return f"""{f"load_module {STREAM_MODULE};" if needs_module else ""}
worker_processes 1;
daemon off;
error_log stderr crit;
pid {folder}/nginx.pid;
events {{ worker_connections 10000; multi_accept on; }}
{(nginx_http if scenario.is_http else nginx_stream)(scenario, port, folder)}
"""


def nginx_stream(scenario, port, folder):
    return f"""stream {{
    {"proxy_buffer_size 64k;" if scenario.is_bulk else ""}
    proxy_timeout 1h;
    server {{ listen 127.0.0.1:{port} backlog=4096; proxy_pass 127.0.0.1:{scenario.backend_port}; }}
}}"""


def nginx_http(scenario, port, folder):
    sizes = "proxy_buffer_size 1m; proxy_buffers 2 1m; proxy_busy_buffers_size 1m;"  # the first alone is refused
    buffer = f"proxy_buffering off; {sizes}" if scenario.is_bulk else ""
    stores = "client_body", "proxy", "fastcgi", "uwsgi", "scgi"  # else under /var/lib, which takes root
    return f"""http {{
    {" ".join(f"{store}_temp_path {folder}/{store};" for store in stores)}
    access_log off;
    keepalive_timeout 1h;
    keepalive_requests 1000000000;
    upstream bench {{
        server 127.0.0.1:{scenario.backend_port};
        keepalive 256;
        keepalive_requests 1000000000;
    }}
    server {{
        listen 127.0.0.1:{port} backlog=4096{" ssl" if scenario.is_tls else ""}{" http2" if scenario.is_http2 else ""};
        {f"ssl_certificate {certificate(folder)}; ssl_certificate_key {certificate(folder)}; {TLS}" if scenario.is_tls else ""}
        location / {{
            proxy_pass http://bench;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            {buffer}
        }}
    }}
}}"""


def nghttpx_config(scenario, port, folder):
    return http2.nghttpx_config(scenario, port, folder, certificate(folder))


def h2o_config(scenario, port, folder):
    return http2.h2o_config(scenario, port, folder, certificate(folder))


class Proxy:
    def __init__(self, name, config, command, version, scenarios=tuple(SCENARIOS)):
        self.name, self.config, self.command, self.version_command = name, config, command, version
        self.scenarios = scenarios
        self.folder = None
        self.process = None

    def version(self):
        result = subprocess.run(self.version_command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        found = re.search(r"\d+(\.\d+)+\S*( \([0-9a-f]+\))?", result.stdout)
        if not found:
            raise RuntimeError(f"{' '.join(map(str, self.version_command))} prints no version: {result.stdout!r}")
        return found.group(0)

    def start(self, scenario, port, folder):
        self.folder = folder
        config = folder / "config"
        config.write_text(self.config(scenario, port, folder))
        log = folder / "log"
        self.process = subprocess.Popen(["taskset", "-c", PROXY_CORE, *self.command, config], cwd=folder,
                                        stdout=log.open("w"), stderr=subprocess.STDOUT, start_new_session=True)
        wait_for_answer(port, self.process, log, scenario)

    def pids(self):
        """Its processes: those of the group that it leads."""
        found = []
        for entry in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                if os.getpgid(int(entry)) == self.process.pid:
                    found.append(int(entry))
        return found

    def resident(self):
        total = 0
        for pid in self.pids():
            status = pathlib.Path(f"/proc/{pid}/status").read_text()
            found = re.search(r"VmRSS:\s+(\d+)", status)
            if not found:
                raise RuntimeError(f"{self.name} ended while it was measured:\n{(self.folder / 'log').read_text()}")
            total += 1024 * int(found.group(1))
        return total

    def stop(self):
        if self.process:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None


def all_proxies(weir, baseline=None):
    proxies = [Proxy("weir", weir_config, [weir, "run", "-q", "-c"], [weir, "version"]),
               Proxy("haproxy", haproxy_config, ["haproxy", "-db", "-q", "-f"], ["haproxy", "-v"]),
               Proxy("nginx", nginx_config, ["nginx", "-e", "stderr", "-c"], ["nginx", "-v"])]
    of_http2 = [name for name, scenario in SCENARIOS.items() if scenario.is_http2]
    to_http1 = [name for name, scenario in SCENARIOS.items() if not scenario.to_http2]
    proxies[-1].scenarios = to_http1
    for name, config, option in (("nghttpx", nghttpx_config, "--conf"), ("h2o", h2o_config, "-c")):
        if shutil.which(name):
            takes = of_http2 if name == "nghttpx" else [of for of in of_http2 if of in to_http1]
            proxies.append(Proxy(name, config, [name, option], [name, "--version"], takes))
    if baseline:
        takes = [name for name in SCENARIOS if name not in of_http2 or serves_http2(baseline)]
        proxies.append(Proxy(BASELINE, weir_config, [baseline, "run", "-q", "-c"], [baseline, "version"], takes))
    return proxies


def serves_http2(weir):
    """An earlier weir may not."""
    return '"http2"' in subprocess.run([weir, "schema"], stdout=subprocess.PIPE, text=True, check=True).stdout


# ---- one round

def is_open(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def prepared(connection, is_tls, is_http2):
    """The connection as the scenario uses it."""
    if not is_tls:
        return connection
    context = http2.trusting()
    context.set_alpn_protocols(["h2"] if is_http2 else ["http/1.1"])
    return context.wrap_socket(connection)


def answers(port, scenario):
    """Whether a message is answered: the path to the backend is open, and every process runs."""
    is_http, is_tls, is_http2 = ((scenario.is_http, scenario.is_tls, scenario.is_http2) if scenario
                                 else (False, False, False))
    ask, expected = (HTTP_PROBE, b"HTTP/1.1 200") if is_http else (b"x", b"x")
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        with prepared(connection, is_tls, is_http2) as probe:
            if is_http2:
                return http2.ask(probe, is_tls)
            probe.sendall(ask)
            return probe.recv(len(expected)) == expected  # the first bytes arrive together
    return False


def wait_for_answer(port, process, log, scenario=None):
    deadline = time.monotonic() + 10
    while not answers(port, scenario):
        if process.poll() is not None or time.monotonic() > deadline:
            words = " ".join(map(str, process.args))
            raise RuntimeError(f"no answer on port {port} from: {words}\n{log.read_text()}")
        select.select([], [], [], 0.02)


def client(load, scenario, port, seconds, proxy):
    pids = ",".join(map(str, proxy.pids()))
    under_way = scenario.under_way or scenario.connections
    words = [load, scenario.mode, str(port), str(scenario.connections), str(under_way), str(WARMUP), str(seconds), pids]
    if scenario.is_http2:
        words = [sys.executable, http2.__file__, "idle", str(port), str(scenario.connections)]
    return subprocess.Popen(["taskset", "-c", LOAD_CORE, *words],
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def measure(load, scenario, port, seconds, proxy):
    """(figure, rate) of one round of one proxy, which has been started for it."""
    if scenario.streams:
        result = http2.measure(scenario, port, LOAD_CORE, WARMUP, seconds, proxy.pids())
        return figure_and_rate(scenario, result, result["cpu_ns"])
    before = proxy.resident()
    process = client(load, scenario, port, seconds, proxy)
    try:
        ready, _, _ = select.select([process.stdout], [], [], seconds + 60)
        line = process.stdout.readline() if ready else ""
        if scenario.is_idle:
            select.select([], [], [], IDLE_FOR)  # memory for the burst of connects may be freed by then
        grown = proxy.resident() - before
        _, stderr = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    result = json.loads(line) if line else {"units": 0}
    if process.returncode != 0 or not result["units"]:
        raise RuntimeError(f"{proxy.name}: {stderr or 'nothing was answered'}")
    return figure_and_rate(scenario, result, grown if scenario.is_idle else result["cpu_ns"])


def figure_and_rate(scenario, result, spent):
    return spent / result["units"] * scenario.scale, result["units"] / result["seconds"] * scenario.rate_scale


def ratios(figures):
    """Per round, weir's figure by that of the rival that was better in this round."""
    rivals = [figures[name] for name in figures if name not in ("weir", BASELINE)]
    return [ours / min(theirs) for ours, *theirs in zip(figures["weir"], *rivals)]


def growth(figures):
    """The median over the rounds of weir's figure by that of the baseline."""
    return statistics.median(ours / before for ours, before in zip(figures["weir"], figures[BASELINE]))


def spread(values, form):
    return f"{statistics.median(values):{form}} | {min(values):{form}}–{max(values):{form}}"


def table(name, scenario, figures, rates):
    rate_head, rate_rule = (f" {scenario.rate} |", "---:|") if scenario.rate else ("", "")
    lines = [f"### {name}", "", f"{scenario.figure} per {scenario.per}; {scenario.load}.", "",
             f"| proxy | median | min–max |{rate_head} weir ÷ better rival | min–max |",
             f"|---|---:|---:|{rate_rule}---:|---:|"]
    for proxy, values in figures.items():
        form = ".0f" if statistics.median(values) >= 100 else ".1f"
        rate = statistics.median(rates[proxy])
        rate_cell = f" {rate:.2f} |" if scenario.is_bulk else f" {rate:.0f} |"
        ratio = spread(ratios(figures), ".2f") if proxy == "weir" else "|"
        lines.append(f"| {proxy} | {spread(values, form)} |{rate_cell if scenario.rate else ''} {ratio} |")
    return "\n".join(lines) + "\n"


def run_scenario(name, proxies, options, folder):
    """Prints the table. Returns what is wrong with the figures; None if nothing is."""
    scenario = SCENARIOS[name]
    ports = {proxy: PROXY_PORT + number for number, proxy in enumerate(proxies)}
    proxies = [proxy for proxy in proxies if name in proxy.scenarios]
    figures = {proxy.name: [] for proxy in proxies}
    rates = {proxy.name: [] for proxy in proxies}
    for number in range(options.rounds):
        turn = number % len(proxies)  # no proxy is always first
        for proxy in proxies[turn:] + proxies[:turn]:
            place = folder / f"{name}-{number}-{proxy.name}"
            place.mkdir()
            try:
                proxy.start(scenario, ports[proxy], place)
                figure, rate = measure(options.load, scenario, ports[proxy], options.seconds, proxy)
            finally:
                proxy.stop()
            figures[proxy.name].append(figure)
            rates[proxy.name].append(rate)
    print(table(name, scenario, figures, rates), flush=True)
    if BASELINE not in figures:
        return None
    grown = growth(figures)
    print(f"weir ÷ baseline: {grown:.2f}\n", flush=True)
    return f"{name}: {grown:.2f} times the baseline" if options.worst and grown > options.worst else None


def run_all(proxies, options):
    """What is wrong with the figures, one line for each scenario."""
    backends = subprocess.Popen(["taskset", "-c", LOAD_CORE, options.load, "backend",
                                 str(ECHO_PORT), str(SOURCE_PORT), str(HTTP_PORT)])
    names = options.scenario or SCENARIOS
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as folder, contextlib.ExitStack() as ends:
        os.chmod(folder, 0o755)  # nginx's worker may be another user
        ends.callback(end, backends)
        wait_for_answer(ECHO_PORT, backends, pathlib.Path(os.devnull))
        if any(SCENARIOS[name].to_http2 for name in names):
            ends.callback(end, http2.backend(HTTP2_PORT, LOAD_CORE, pathlib.Path(folder)))
        faults = [run_scenario(name, proxies, options, pathlib.Path(folder)) for name in names]
        return [fault for fault in faults if fault]


def end(process):
    process.kill()
    process.wait()


# ---- the run

def into_own_network():
    """Starts again in a network namespace of its own; the default of congestion control is set there only."""
    os.execvp("unshare", ["unshare", "-n", sys.executable, *sys.argv, "--in-namespace"])


def prepare_network():
    with socket.socket() as any_socket:
        up_and_running = struct.pack("16sh14x", b"lo", 0x41)
        fcntl.ioctl(any_socket, 0x8914, up_and_running)  # SIOCSIFFLAGS
    congestion_control().write_text("reno")


def congestion_control():
    return pathlib.Path("/proc/sys/net/ipv4/tcp_congestion_control")


def processor():
    text = pathlib.Path("/proc/cpuinfo").read_text()
    found = re.search(r"model name\s*: (.*)", text)
    return found.group(1) if found else os.uname().machine


def kernel():
    """Its version, without the suffix of a distribution or a host."""
    return re.match(r"\d+\.\d+", os.uname().release).group(0)


def heading(proxies, options):
    versions = ", ".join(f"{proxy.name} {proxy.version()}" for proxy in proxies)
    return (f"{datetime.date.today()}: {versions}; {options.rounds} rounds of {options.seconds:g} s; {processor()}, "
            f"{os.cpu_count()} cores, Linux {kernel()}; congestion control "
            f"{congestion_control().read_text().strip()}; load average before {os.getloadavg()[0]:.1f}.\n")


def parse():
    names = "\n  ".join(SCENARIOS)  # in a text of its own: argparse breaks lines within names
    parser = argparse.ArgumentParser(description=__doc__, epilog=f"scenarios:\n  {names}",
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weir", required=True, type=pathlib.Path, help="the binary; a release build")
    parser.add_argument("--baseline", type=pathlib.Path, help="an earlier weir, measured in the same rounds")
    parser.add_argument("--worst", type=float, help="fail when a scenario costs more than so many times the baseline")
    parser.add_argument("--load", type=pathlib.Path, help="weir_bench_load; default: that of the build of --weir")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.5, help="measured in each round")
    parser.add_argument("--reno", action="store_true", help="in a network namespace without pacing (needs root)")
    parser.add_argument("--in-namespace", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("scenario", nargs="*", help="default: all")
    options = parser.parse_args()
    options.weir = options.weir.resolve()
    if options.baseline:
        options.baseline = options.baseline.resolve()
    elif options.worst:
        parser.error("--worst needs --baseline")
    options.load = (options.load or options.weir.parent / "tests/bench/weir_bench_load").resolve()
    unknown = set(options.scenario) - set(SCENARIOS)
    if unknown:
        parser.error(f"no scenario {', '.join(sorted(unknown))}; there are {', '.join(SCENARIOS)}")
    if options.rounds < 1 or options.seconds <= 0:
        parser.error("--rounds and --seconds are more than 0")
    return options


def missing(options):
    """The missing requirement, as a message; None if there is none."""
    if not options.weir.is_file():
        return f"{options.weir} does not exist: cmake --preset release && cmake --build build/release --target weir"
    if options.baseline and not options.baseline.is_file():
        return f"{options.baseline} does not exist"
    if not options.load.is_file():
        return f"{options.load} does not exist: cmake --build build/release --target weir_bench_load"
    needed = ["haproxy", "nginx", "openssl", "taskset"]
    scenarios = [SCENARIOS[name] for name in options.scenario or SCENARIOS]
    needed += ["h2load"] if any(scenario.streams for scenario in scenarios) else []
    needed += ["nghttpd"] if any(scenario.to_http2 for scenario in scenarios) else []
    absent = [tool for tool in needed if not shutil.which(tool)]
    if absent:
        return f"no {', '.join(absent)} in PATH: deploy/install-packages tests/bench/packages.txt"
    if not {int(PROXY_CORE), int(LOAD_CORE)} <= os.sched_getaffinity(0):
        return "it needs cores 0 and 1, and may not use them"
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if limit != resource.RLIM_INFINITY and limit < DESCRIPTORS:
        return f"the limit of open files is {limit}; it needs {DESCRIPTORS}: ulimit -Hn {DESCRIPTORS}"
    taken = [port for port in (ECHO_PORT, SOURCE_PORT, HTTP_PORT, HTTP2_PORT, *range(PROXY_PORT, PROXY_PORT + 6)) if is_open(port)]
    if taken:
        return f"a process listens on port {taken[0]}, which it uses"
    return None


def main():
    options = parse()
    if options.reno and not options.in_namespace:
        if os.geteuid() != 0:
            sys.exit("--reno needs root: it makes a network namespace")
        into_own_network()
    if options.in_namespace:
        prepare_network()
    problem = missing(options)
    if problem:
        sys.exit(f"compare.py: {problem}")
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, hard))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    proxies = all_proxies(options.weir, options.baseline)
    try:
        print(heading(proxies, options), flush=True)
        faults = run_all(proxies, options)
    except RuntimeError as failure:
        sys.exit(f"compare.py: {failure}")
    if faults:
        sys.exit("compare.py: " + "; ".join(faults))


if __name__ == "__main__":
    main()
