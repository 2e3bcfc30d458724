#!/usr/bin/env python3
"""nginx and HAProxy read the bytes that weir forwards in the same way as weir, and as the same number of requests.

usage: differential_test.py WEIR

Each case is the bytes of a client. They take three paths: weir to the origin, weir to nginx to the origin, weir to
HAProxy to the origin. The origin records the requests that reach it. The other proxy may refuse forwarded bytes, but must
not read them in another way. All sockets are UNIX sockets in a directory of the test's.
"""
import json
import os
import pathlib
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.parse

WEIR = None
PATIENCE = 20
WAYS = ("direct", "nginx", "haproxy")

WEIR_CONFIG = """
global: {{ workers: 1 }}
logging: {{ access: {{ output: "{d}/weir.access", format: json }} }}
listeners:
  - {{ name: direct, bind: "unix:{d}/direct", protocol: http, cancel_on_close: false, cluster: direct, paths: &normal {{ dot_segments: normalize, double_slashes: merge }} }}
  - {{ name: nginx, bind: "unix:{d}/to-nginx", protocol: http, cancel_on_close: false, cluster: nginx, paths: *normal }}
  - {{ name: haproxy, bind: "unix:{d}/to-haproxy", protocol: http, cancel_on_close: false, cluster: haproxy, paths: *normal }}
  - {{ name: merging, bind: "unix:{d}/to-merging", protocol: http, cancel_on_close: false, routes: [
      {{ name: admin, match: {{ path_prefix: /admin }}, cluster: merging, headers: {{ request: {{ set: {{ X-Route: admin }} }} }} }},
      {{ name: rest, cluster: merging, headers: {{ request: {{ set: {{ X-Route: rest }} }} }} }}] }}
  - {{ name: literal, bind: "unix:{d}/to-literal", protocol: http, cancel_on_close: false, routes: [
      {{ name: admin, match: {{ path_prefix: /admin }}, cluster: literal, headers: {{ request: {{ set: {{ X-Route: admin }} }} }} }},
      {{ name: rest, cluster: literal, headers: {{ request: {{ set: {{ X-Route: rest }} }} }} }}] }}
clusters:
  - {{ name: direct, backends: ["unix:{d}/origin"] }}
  - {{ name: nginx, backends: ["unix:{d}/nginx"] }}
  - {{ name: haproxy, backends: ["unix:{d}/haproxy"] }}
  - {{ name: merging, backends: ["unix:{d}/merging"] }}
  - {{ name: literal, backends: ["unix:{d}/literal"] }}
"""

NGINX_CONFIG = """
daemon off;
master_process off;
pid {d}/nginx.pid;
error_log {d}/nginx.errors;
events {{ worker_connections 64; }}
http {{
  client_body_temp_path {d}/body;
  proxy_temp_path {d}/proxy;
  fastcgi_temp_path {d}/fastcgi;
  uwsgi_temp_path {d}/uwsgi;
  scgi_temp_path {d}/scgi;
  log_format seen escape=json '{{"path":"$uri","status":"$status","case":"$http_x_case"}}';
  access_log {d}/nginx.seen seen;
  server {{
    listen unix:{d}/nginx;
    large_client_header_buffers 8 64k;
    location / {{
      proxy_pass http://unix:{d}/origin:;
      proxy_set_header Host $http_host;
    }}
  }}
  server {{
    listen unix:{d}/merging;
    access_log off;
    location = /admin {{ return 200 "admin $http_x_route"; }}
    location /admin/ {{ return 200 "admin $http_x_route"; }}
    location / {{ return 200 "rest $http_x_route"; }}
  }}
  server {{
    listen unix:{d}/literal;
    merge_slashes off;
    access_log off;
    location = /admin {{ return 200 "admin $http_x_route"; }}
    location /admin/ {{ return 200 "admin $http_x_route"; }}
    location / {{ return 200 "rest $http_x_route"; }}
  }}
}}
"""

HAPROXY_CONFIG = """
global
  log stdout format raw local0
  maxconn 64
defaults
  mode http
  option httplog
  option dontlognull
  log global
  timeout client 10s
  timeout server 10s
  timeout connect 10s
frontend f
  bind unix@{d}/haproxy
  default_backend b
backend b
  server origin unix@{d}/origin
"""


def head(fields="", line="POST / HTTP/1.1"):
    return f"{line}\r\nHost: a.example\r\n{fields}\r\n"


def cl(value, body="abc"):
    return head(f"Content-Length: {value}\r\n") + body


def te(value, body="3\r\nabc\r\n0\r\n\r\n"):
    return head(f"Transfer-Encoding: {value}\r\n") + body


def chunks(body):
    return te("chunked", body)


def target(text, method="GET"):
    return head(line=f"{method} {text} HTTP/1.1")


SMUGGLED = "GET /smuggled HTTP/1.1\r\nHost: evil.example\r\n\r\n"
LAST = "0\r\n\r\n"

# Name, bytes, and how many requests weir forwards of them.
CASES = [
    ("plain", target("/"), 1),
    ("two in one write", target("/1") + target("/2"), 2),
    ("length", cl("3"), 1),
    ("length, then another", cl("3") + target("/2"), 2),
    ("length with blanks around", cl(" \t3 "), 1),
    ("length with zeros before", cl("0003"), 1),
    ("length 0", cl("0", ""), 1),
    ("a request inside a body", cl(str(len(SMUGGLED)), SMUGGLED), 1),
    ("a body of a GET", head("Content-Length: 3\r\n", "GET / HTTP/1.1") + "abc", 1),
    ("length too short, a request behind", cl("3", "abc") + SMUGGLED, 2),
    ("length with sign", cl("+3"), 0),
    ("length negative", cl("-3"), 0),
    ("length hexadecimal", cl("0x3"), 0),
    ("length of two numbers", cl("3, 3"), 0),
    ("length of two numbers apart", cl("3 3"), 0),
    ("length empty", cl(""), 0),
    ("length overflows", cl("18446744073709551619"), 0),
    ("length twice", head("Content-Length: 3\r\nContent-Length: 3\r\n") + "abc", 0),
    ("two lengths", head("Content-Length: 3\r\nContent-Length: 30\r\n") + "abc" + SMUGGLED, 0),
    ("length and chunked", head("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n") + LAST + SMUGGLED, 0),
    ("chunked and length", head("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n") + LAST + SMUGGLED, 0),
    ("chunked and alias of length", head("Transfer-Encoding: chunked\r\nContent_Length: 3\r\n") + LAST, 1),
    ("length and alias of coding", head("Content-Length: 3\r\nTransfer_Encoding: chunked\r\n") + "abc", 1),
    ("length named by connection", head("Connection: content-length\r\nContent-Length: 3\r\n") + "abc" + SMUGGLED, 2),
    ("coding named by connection", head("Connection: transfer-encoding\r\nTransfer-Encoding: chunked\r\n") + LAST, 1),
    ("host named by connection", head("Connection: host\r\n"), 1),
    ("chunked", chunks("3\r\nabc\r\n" + LAST), 1),
    ("chunked, upper case", te("CHUNKED"), 1),
    ("chunked with blanks", te(" chunked\t"), 1),
    ("chunked, then another", chunks("3\r\nabc\r\n" + LAST) + target("/2"), 2),
    ("chunked, x before", te("xchunked"), 0),
    ("chunked, vertical tab before", te("\x0bchunked"), 0),
    ("chunked, form feed behind", te("chunked\x0c"), 0),
    ("chunked, identity behind", te("chunked, identity"), 0),
    ("chunked, identity before", te("identity, chunked"), 0),
    ("chunked twice", te("chunked, chunked"), 0),
    ("chunked quoted", te('"chunked"'), 0),
    ("chunked with parameter", te("chunked;x=1"), 0),
    ("two codings", head("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n") + LAST, 0),
    ("gzip before chunked", te("gzip, chunked"), 0),
    ("coding of HTTP/1.0", head("Transfer-Encoding: chunked\r\n", "POST / HTTP/1.0") + LAST, 0),
    ("coding with blank before the colon", head("Transfer-Encoding : chunked\r\n") + LAST + SMUGGLED, 0),
    ("coding on a folded line", head("X: 1\r\n Transfer-Encoding: chunked\r\n") + LAST, 0),
    ("coding folded", head("Transfer-Encoding:\r\n chunked\r\n") + LAST, 0),
    ("coding behind a bare CR", head("X: 1\rTransfer-Encoding: chunked\r\n") + LAST, 0),
    ("coding behind a bare LF", head("X: 1\nTransfer-Encoding: chunked\r\n") + LAST, 0),
    ("coding behind a NUL", head("X: 1\0Transfer-Encoding: chunked\r\n") + LAST, 0),
    ("coding in a name with NUL", head("Transfer-Encoding\0: chunked\r\n") + LAST, 0),
    ("chunk extension", chunks("3;name=value\r\nabc\r\n" + LAST), 1),
    ("chunk extension, quoted", chunks('3;a="b;c"\r\nabc\r\n' + LAST), 1),
    ("chunk extension with LF", chunks("3;a\nbb\r\nabc\r\n" + LAST), 0),
    ("chunk size with zeros", chunks("0000003\r\nabc\r\n" + LAST), 1),
    ("chunk size in upper case", chunks("A\r\n0123456789\r\n" + LAST), 1),
    ("chunk size with 0x", chunks("0x3\r\nabc\r\n" + LAST), 0),
    ("chunk size with sign", chunks("+3\r\nabc\r\n" + LAST), 0),
    ("chunk size with blank", chunks("3 \r\nabc\r\n" + LAST), 0),
    ("chunk size overflows", chunks("10000000000000003\r\nabc\r\n" + LAST), 0),
    ("chunk size ends in LF", chunks("3\nabc\r\n" + LAST), 0),
    ("chunk data ends in LF", chunks("3\r\nabc\n" + LAST), 0),
    ("chunk data too long", chunks("3\r\nabcd\r\n" + LAST), 0),
    ("chunk data without end", chunks("3\r\nabc" + LAST), 0),
    ("last chunk ends in LF", chunks("3\r\nabc\r\n0\r\n\n"), 0),
    ("last chunk of many zeros", chunks("3\r\nabc\r\n0000\r\n\r\n"), 1),
    ("trailer", chunks("3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n"), 1),
    ("trailer that frames", chunks("3\r\nabc\r\n0\r\nContent-Length: 50\r\nTransfer-Encoding: chunked\r\n\r\n"), 1),
    ("trailer that names a host", chunks("3\r\nabc\r\n0\r\nHost: evil.example\r\n\r\n"), 1),
    ("a request in a trailer", chunks("3\r\nabc\r\n0\r\nX: 1\r\n\r\n") + target("/2"), 2),
    ("absolute target", target("http://b.example/x?y"), 1),
    ("absolute target, https", target("https://b.example:444/x"), 1),
    ("absolute target without path", target("http://b.example"), 1),
    ("absolute target with user", target("http://u@b.example/"), 0),
    ("absolute target of another scheme", target("ftp://b.example/"), 0),
    ("asterisk", target("*"), 0),
    ("asterisk of OPTIONS", target("*", "OPTIONS"), 1),
    ("connect", target("b.example:443", "CONNECT"), 0),
    ("target without slash", target("b.example"), 0),
    ("encoded slash", target("/a%2fb"), 1),
    ("encoded backslash", target("/a%5cb"), 1),
    ("encoded dots", target("/a/%2e%2e/b"), 1),
    ("dots above the root", target("/a/../../b"), 0),
    ("dots and slashes", target("/a//b/./../c"), 1),
    ("encoded NUL", target("/a%00b"), 0),
    ("encoded CRLF", target("/a%0d%0aX:%201"), 1),
    ("encoded blank and percent", target("/a%20b%25c%25%32%65"), 1),
    ("encoded letters", target("/%61%2Db"), 1),
    ("query with everything", target("/?a=%2f..%2f//../;b&c"), 1),
    ("semicolon in path", target("/a;b=c/d;e"), 1),
    ("semicolon behind dots", target("/a/..;/d"), 0),
    ("broken encoding", target("/%zz"), 0),
    ("fragment", target("/a#b"), 0),
    ("backslash", target("/a\\b"), 1),
    ("byte above ASCII", target("/\xe9"), 0),
    ("NUL in target", target("/a\0b"), 0),
    ("blank in target", target("/a b"), 0),
    ("two blanks before the target", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 0),
    ("tab before the target", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", 0),
    ("blank behind the version", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 0),
    ("unknown method", target("/", "PROPFIND"), 1),
    ("method of a token", target("/", "M-SEARCH"), 1),
    ("method in lower case", target("/", "get"), 1),
    ("method that is no token", target("/", "G@T"), 0),
    ("version 1.0", "GET / HTTP/1.0\r\nHost: a\r\n\r\n", 1),
    ("version 1.0 without host", "GET / HTTP/1.0\r\n\r\n", 1),
    ("version 1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", 0),
    ("version 2.0", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", 0),
    ("version missing", "GET /\r\n\r\n", 0),
    ("host missing", "GET / HTTP/1.1\r\n\r\n", 0),
    ("host twice", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 0),
    ("two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 0),
    ("host with path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 0),
    ("host with user", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 0),
    ("host of two", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", 0),
    ("host with port", "GET / HTTP/1.1\r\nHost: a.example:8080\r\n\r\n", 1),
    ("host in brackets", "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", 1),
    ("host in upper case", "GET / HTTP/1.1\r\nHost: A.Example\r\n\r\n", 1),
    ("alias of host", head("Ho_st: evil\r\nX-Forwarded_Host: evil\r\n", "GET / HTTP/1.1"), 1),
    ("bare LF everywhere", "GET / HTTP/1.1\nHost: a\n\n", 0),
    ("bare LF at the end", "GET / HTTP/1.1\r\nHost: a\r\n\n", 0),
    ("bare CR at the end", "GET / HTTP/1.1\r\nHost: a\r\n\r\r\n", 0),
    ("empty line before", "\r\n" + target("/"), 1),
    ("empty lines before", "\r\n\r\n" + target("/"), 0),
    ("folded line", head("X: 1\r\n 2\r\n", "GET / HTTP/1.1"), 0),
    ("folded first line", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", 0),
    ("field without colon", head("X\r\n", "GET / HTTP/1.1"), 0),
    ("field without name", head(": x\r\n", "GET / HTTP/1.1"), 0),
    ("field without value", head("X:\r\n", "GET / HTTP/1.1"), 1),
    ("field with bytes above ASCII", head("X: \xe9\xff\r\n", "GET / HTTP/1.1"), 1),
    ("field with a control byte", head("X: \x01\r\n", "GET / HTTP/1.1"), 0),
    ("upgrade to h2c", head("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAAA\r\n",
                            "GET / HTTP/1.1"), 1),
    ("expectation", head("Content-Length: 3\r\nExpect: 100-continue\r\n") + "abc", 1),
    ("expectation of something else", head("Content-Length: 3\r\nExpect: x\r\n") + "abc", 0),
    ("hop by hop fields", head("Connection: close, x\r\nX: 1\r\nTE: trailers\r\nKeep-Alive: 5\r\n", "GET / HTTP/1.1"), 1),
]


# Paths that servers read in several ways, by the route of weir and the location of nginx that take them; None: 400.
READINGS = {
    "admin": ["/admin", "/admin/x", "/%61dmin", "/%61%64%6D%69%6e/x", "//admin", "///admin//x", "/./admin", "/.//admin",
              "/x/../admin", "/x//../admin", "//x/..//admin", "/x/%2e%2E/admin/y", "/%2e/%61dmin", "/admin/../admin/x",
              "/admin/a%2fb"],
    "rest": ["/", "/a", "/a//b", "/a/./b", "/a/b/../c", "/x;a=1//y", "/@types%2fnode", "/a%5cb", "/a/b%2f..%2fc",
             "/a%2fadmin", "/%252e%252e/admin", "/%7Euser/%41", "/caf%c3%a9", "/administrator", "/.well-known/x",
             "/admin/../a//b", "//admin//../x", "/%61dmin/./../x"],
    None: ["/%2fadmin", "/admin%2fx", "/.%2fadmin", "/x%2f..%2fadmin", "/x/..%2fadmin", "/x/..%5cadmin", "/admin%2f..",
           "/admin%2f../a", "/admin;x", "/x/..;/admin", "/..", "/%2e%2e/admin", "/a//../../b"],
}


class Origin(threading.Thread):
    """Parses requests strictly, records them and answers 200."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.requests = []
        self.lock = threading.Lock()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        os.chmod(path, 0o777)
        self.listener.listen(64)

    def run(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with connection, connection.makefile("rb") as stream:
            while self.one(connection, stream):
                pass

    def one(self, connection, stream):
        line = self.line(stream)
        if line is None:
            return False
        try:
            method, text, version = line.split(" ")
            fields = []
            while field := self.line(stream):
                name, value = field.split(":", 1)
                fields.append((name.lower(), value.strip(" \t")))
            body, ends = self.body(stream, fields)
        except (ValueError, TypeError):  # not a request, or not all of one
            return False
        if not ends:
            return False
        hosts = [value for name, value in fields if name == "host"]
        with self.lock:
            self.requests.append((method, text, ",".join(hosts), body))
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        return version == "HTTP/1.1" and ("connection", "close") not in fields

    @staticmethod
    def line(stream):
        line = stream.readline(100000).decode("latin-1")
        return line[:-2] if line.endswith("\r\n") else None

    def body(self, stream, fields):
        names = [name for name, _ in fields]
        values = dict(fields)
        if names.count("content-length") + names.count("transfer-encoding") > 1:
            raise ValueError("two framings")
        if "transfer-encoding" in values:
            body = b""
            while size := int((self.line(stream) or "cut").partition(";")[0], 16):
                body += stream.read(size)
                if stream.read(2) != b"\r\n":
                    raise ValueError("chunk")
            while self.line(stream):
                pass
            return body, True
        size = int(values.get("content-length", "0"))
        body = stream.read(size)
        return body, len(body) == size


class Stand(unittest.TestCase):
    """weir, nginx, HAProxy and the origin."""
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="weir-diff-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        os.chmod(folder.name, 0o755)
        cls.origin = Origin(str(cls.folder / "origin"))
        cls.origin.start()
        cls.addClassCleanup(cls.origin.listener.close)
        configs = {"weir": WEIR_CONFIG, "nginx": NGINX_CONFIG, "haproxy": HAPROXY_CONFIG}
        for name, text in configs.items():
            (cls.folder / f"{name}.conf").write_text(text.format(d=folder.name))
        cls.processes = {}
        cls.spawn("nginx", [shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin"), "-e",
                            f"{cls.folder}/nginx.errors", "-c", f"{cls.folder}/nginx.conf"],
                  ["nginx", "merging", "literal"])
        cls.spawn("haproxy", [shutil.which("haproxy", path=os.environ["PATH"] + ":/usr/sbin"), "-db", "-f",
                              f"{cls.folder}/haproxy.conf"], ["haproxy"])
        cls.spawn("weir", [str(WEIR), "run", "-c", f"{cls.folder}/weir.conf"],
                  ["direct", "to-nginx", "to-haproxy", "to-merging", "to-literal"])

    @classmethod
    def spawn(cls, name, command, sockets):
        with open(cls.folder / f"{name}.log", "wb") as log, open(cls.folder / f"{name}.err", "wb") as errors:
            process = subprocess.Popen(command, stdout=log, stderr=errors)
        cls.processes[name] = process
        cls.addClassCleanup(cls.stop, process)
        for path in sockets:
            cls.await_socket(name, path)

    @staticmethod
    def stop(process):
        if process.poll() is None:
            process.terminate()
        process.wait(PATIENCE)

    @classmethod
    def await_socket(cls, name, path):
        until = time.monotonic() + PATIENCE
        while True:
            with socket.socket(socket.AF_UNIX) as probe:
                if probe.connect_ex(str(cls.folder / path)) == 0:
                    return
            if time.monotonic() > until or cls.processes[name].poll() is not None:
                raise RuntimeError(f"{name} does not listen:\n" + (cls.folder / f"{name}.err").read_text())
            select.select([], [], [], 0.01)

    def path(self, way):
        return self.folder / ("direct" if way == "direct" else f"to-{way}")


class Differential(Stand):
    def say(self, way, data):
        """What weir answers, until it closes."""
        path = self.path(way)
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(PATIENCE)
            client.connect(str(path))
            answer = b""
            try:
                client.sendall(data)
                client.shutdown(socket.SHUT_WR)
                while part := client.recv(65536):
                    answer += part
            except (ConnectionResetError, BrokenPipeError):
                pass
            return answer

    def seen(self, data, way):
        """The requests that reach the origin, and the answer."""
        with self.origin.lock:
            before = len(self.origin.requests)
        answer = self.say(way, data)
        with self.origin.lock:
            return self.origin.requests[before:], answer

    def log_lines(self, name):
        """The complete lines: the last one may be read while it is being written."""
        return (self.folder / name).read_text("latin-1").rpartition("\n")[0].splitlines()

    def nginx_lines(self):
        return [json.loads(line) for line in self.log_lines("nginx.seen")]

    def haproxy_lines(self):
        return [line for line in self.log_lines("haproxy.log") if " f " in line]

    def forwarded(self):
        """Requests weir has begun to send to each, by its access log."""
        lines = [json.loads(line) for line in self.log_lines("weir.access")]
        return {way: sum(line.get("cluster") == way and line.get("tries", 0) > 0 for line in lines) for way in WAYS[1:]}

    def await_counts(self):
        """All three write their logs a moment after the answer."""
        until = time.monotonic() + PATIENCE
        while True:
            seen = {"nginx": len(self.nginx_lines()), "haproxy": len(self.haproxy_lines())}
            forwarded = self.forwarded()
            if seen == forwarded and min(seen.values()) >= sum(expected for _, _, expected in CASES):
                return
            self.assertLess(time.monotonic(), until, f"seen {seen}, forwarded {forwarded}")
            select.select([], [], [], 0.01)

    def test_all_servers_parse_forwarded_requests_alike(self):
        for name, text, expected in CASES:
            data = text.encode("latin-1")
            with self.subTest(name):
                reference, answer = self.seen(data, "direct")
                self.assertEqual(len(reference), expected, answer)
                for way in WAYS[1:]:
                    requests, answer = self.seen(data, way)
                    if requests != reference:
                        refused = answer.split(b"\r\n")[0]
                        self.assertEqual((requests, refused[9:10]), ([], b"4"), f"{way} instead of {reference}")
        self.await_counts()

    def nginx_path(self, number):
        """The path of that request as nginx parsed it; nginx writes its log shortly after the response."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            for line in self.nginx_lines():
                if line["case"] == str(number):
                    return line["path"]
            select.select([], [], [], 0.01)
        self.fail(f"nginx did not write down request {number}")

    def test_nginx_decodes_a_forwarded_path_once(self):
        for number, (name, text, expected) in enumerate(CASES):
            if expected != 1:
                continue
            end = text.index("\r\n", len(text) - len(text.lstrip("\r\n"))) + 2  # of the request line
            numbered = f"{text[:end]}X-Case: {number}\r\n{text[end:]}"
            requests, _ = self.seen(numbered.encode("latin-1"), "nginx")
            if not requests or requests[0][1] == "*":
                continue
            with self.subTest(name):
                path = requests[0][1].partition("?")[0]
                self.assertEqual(self.nginx_path(number), urllib.parse.unquote(path, "latin-1"))

    def test_nginx_and_weir_choose_the_same_route_for_a_path(self):
        for location, paths in READINGS.items():
            expected = (b"200", f"{location} {location}".encode()) if location else (b"400", None)
            for path in paths:
                for way in ("merging", "literal"):
                    with self.subTest(path, way=way):
                        head_of_answer, _, body = self.say(way, target(path).encode()).partition(b"\r\n\r\n")
                        self.assertEqual((head_of_answer[9:12], body if location else None), expected)


if __name__ == "__main__":
    WEIR = pathlib.Path(sys.argv.pop()).resolve()
    unittest.main()
