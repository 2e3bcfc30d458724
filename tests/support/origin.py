"""An HTTP/1 backend of tests in Python: parses strictly, records every request, and answers by the first segment of
the path: see ANSWERS below. One thread for each connection."""
import hashlib
import json
import socket
import threading
import time

PATIENCE = 20
PATTERN = bytes(range(251)) * 4096


def pattern(size):
    return (PATTERN * (size // len(PATTERN) + 1))[:size]


def digest(data):
    return hashlib.sha256(data).hexdigest()


class Seen:
    """A request, from the end of its head on."""

    def __init__(self, method, target, fields):
        self.method, self.target, self.fields = method, target, fields
        self.size, self.sha, self.trailers = 0, hashlib.sha256(), []
        self.complete, self.over = False, False  # the body has its end; the connection or the request is over

    def values(self, name):
        return [value for key, value in self.fields if key == name]

    def shown(self):
        return {"method": self.method, "target": self.target, "fields": self.fields, "size": self.size,
                "sha256": self.sha.hexdigest(), "trailers": self.trailers}


class Recorder:
    """What a backend has seen, and tests wait for. Requests that are held wait until release()."""

    def __init__(self):
        self.requests, self.changed, self.released = [], threading.Condition(), threading.Event()

    def release(self):
        self.released.set()

    def hold(self):
        self.released.clear()

    def change(self, function):
        with self.changed:
            function()
            self.changed.notify_all()

    def wait_for(self, condition, what="the backend", patience=PATIENCE):
        with self.changed:
            if not self.changed.wait_for(condition, patience):
                raise TimeoutError(f"{what}: not within {patience} s; saw {[r.target for r in self.requests[-10:]]}")

    def count(self, prefix="/"):
        return sum(seen.target.startswith(prefix) for seen in self.requests)


class Origin(Recorder):
    """Held: requests to /hold and /unread."""

    def __init__(self, port=0):
        super().__init__()
        self.open, self.heard = set(), set()  # heard: connections whose first request was read, or that have ended
        self.listener = socket.create_server(("127.0.0.1", port), backlog=1024)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def stop(self):
        self.released.set()
        self.listener.close()
        for connection in list(self.open):
            connection.close()

    def wait_count(self, count, prefix="/", patience=PATIENCE):
        self.wait_for(lambda: self.count(prefix) >= count, f"{count} requests to {prefix}", patience)

    def serve(self, connection):
        self.open.add(connection)
        try:
            with connection, connection.makefile("rb", buffering=65536) as stream:
                while self.one(connection, stream):
                    pass
        except (OSError, ValueError):
            pass  # the other side has gone, or sent what is no request
        self.open.discard(connection)
        self.change(lambda: self.heard.add(connection))

    def one(self, connection, stream):
        method, target, version = line(stream).split(" ")
        fields = field_lines(stream)
        seen = Seen(method, target, fields)
        self.change(lambda: (self.requests.append(seen), self.heard.add(connection)))
        try:
            return self.answer(connection, stream, seen) and version == "HTTP/1.1" and "close" not in seen.values(
                "connection")
        finally:
            self.change(lambda: setattr(seen, "over", True))

    def answer(self, connection, stream, seen):
        kind, _, rest = seen.target.lstrip("/").partition("?")[0].partition("/")
        if kind == "unread":
            self.released.wait(PATIENCE * 3)
        if kind == "early":  # answers before the body has come
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nearly")
        elif "100-continue" in seen.values("expect"):
            connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        read_body(stream, seen)
        self.change(lambda: setattr(seen, "complete", True))
        if kind == "hold":
            self.released.wait(PATIENCE * 3)
        if kind == "early":
            return True
        connection.sendall(ANSWERS.get(kind, plain)(rest, seen))
        return kind not in ("cut", "close")


def line(stream):
    text = stream.readline(100000).decode("latin-1")
    if not text.endswith("\r\n"):
        raise ValueError("no whole line")
    return text[:-2]


def field_lines(stream):
    fields = []
    while text := line(stream):
        name, value = text.split(":", 1)
        fields.append((name.lower(), value.strip(" \t")))
    return fields


def read_body(stream, seen):
    def take(size):
        while size:
            part = stream.read1(min(size, 65536))
            if not part:
                raise ValueError("cut")
            seen.size, size = seen.size + len(part), size - len(part)
            seen.sha.update(part)

    framing = [name for name, _ in seen.fields if name in ("content-length", "transfer-encoding")]
    if len(framing) > 1:
        raise ValueError("two framings")
    if framing == ["content-length"]:
        take(int(seen.values("content-length")[0]))
    elif framing:
        while size := int(line(stream).partition(";")[0], 16):
            take(size)
            if stream.read(2) != b"\r\n":
                raise ValueError("chunk")
        seen.trailers = field_lines(stream)


def whole(body, status="200 OK", fields=""):
    return f"HTTP/1.1 {status}\r\n{fields}Content-Length: {len(body)}\r\n\r\n".encode() + body


def chunked(body, fields="", trailers=""):
    parts = b"".join(b"%x\r\n%s\r\n" % (len(body[at:at + 30000]), body[at:at + 30000])
                     for at in range(0, len(body), 30000))
    return f"HTTP/1.1 200 OK\r\n{fields}Transfer-Encoding: chunked\r\n\r\n".encode() + parts + b"0\r\n" + \
        f"{trailers}\r\n".encode()


def plain(_, seen):
    return whole(b"" if seen.method == "HEAD" else b"ok") if seen.method != "HEAD" else \
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"


ANSWERS = {
    "bytes": lambda rest, seen: whole(pattern(int(rest))),
    "chunks": lambda rest, seen: chunked(pattern(int(rest))),
    "close": lambda rest, seen: b"HTTP/1.1 200 OK\r\n\r\n" + pattern(int(rest)),
    "cut": lambda rest, seen: b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhello",
    "status": lambda rest, seen: b"HTTP/1.1 %s x\r\n%s\r\n" % (
        rest.encode(), b"ETag: \"1\"\r\n" if rest in ("204", "304") else b"Content-Length: 0\r\n"),
    "trailers": lambda rest, seen: chunked(b"body", "Trailer: X-Sum, Grpc-Status\r\n",
                                           "X-Sum: 7\r\nGrpc-Status: 0\r\n"),
    "interim": lambda rest, seen: b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n" + whole(b"final"),
    "show": lambda rest, seen: whole(json.dumps(seen.shown()).encode(), fields="Content-Type: application/json\r\n"),
}


def wait_until(condition, what, patience=PATIENCE):
    """The first true value of condition(), which is asked ten times a second."""
    end, pause = time.monotonic() + patience, threading.Event()
    while not (value := condition()):
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {patience} s")
        pause.wait(0.1)
    return value
