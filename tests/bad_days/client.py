"""The load: requests at a given rate, whatever becomes of the earlier ones (open loop), from 16 addresses over
connections that are kept. A client gives up after PATIENCE, as a user does, and closes its connection. A GET on a kept
connection that was closed without a byte of a response is sent once more, as every HTTP client does."""
import collections
import dataclasses
import errno
import random
import socket

import network

PATIENCE = 2
POST_EVERY = 5  # 80 % are GET


@dataclasses.dataclass(eq=False)
class Request:
    at: float  # when it was due
    number: int
    method: str
    path: str
    source: str
    session: bool = False  # a long response, for which the client has all patience
    resent: bool = False
    ended: float = 0
    outcome: str = ""  # "ok", or why it failed
    backend: int = 0  # that sent the response


class Connection:
    """One request at a time. The kernel completes a connect over loopback at once, unless the proxy's backlog is full."""

    def __init__(self, load, source):
        self.load = load
        self.source = source
        self.request = None
        self.used = False
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.SOL_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT
        self.socket.bind((source, 0))
        self.socket.connect_ex((network.PROXY, load.port))
        self.number = self.socket.fileno()
        self.writes = False
        load.loop.add_reader(self.number, self.readable)

    def send(self, request):
        self.request = request
        self.received = b""
        self.length = None  # of the body
        body = "z" * 64 if request.method == "POST" else ""
        length = f"Content-Length: {len(body)}\r\n" if body else ""
        self.bytes = f"{request.method} {request.path} HTTP/1.1\r\nHost: bad.days\r\n{length}\r\n{body}".encode()
        self.write()

    def write(self):
        if self.writes:
            self.load.loop.remove_writer(self.number)
            self.writes = False
        try:
            self.socket.send(self.bytes)
        except OSError as error:
            if error.errno in (errno.EAGAIN, errno.ENOTCONN):
                self.load.loop.add_writer(self.number, self.write)
                self.writes = True
            else:
                self.closed()

    def readable(self):
        try:
            data = self.socket.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data or not self.request:
            self.closed()
            return
        self.received += data
        if self.length is None and not self.read_head():
            return
        if len(self.received) >= self.length:
            self.answered()

    def read_head(self):
        head, end, rest = self.received.partition(b"\r\n\r\n")
        if not end:
            return False
        lines = head.decode("latin-1").split("\r\n")
        fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        self.status = lines[0].split(" ")[1]
        self.request.backend = int(fields.get("x-backend", 0))
        self.length = int(fields.get("content-length", 1 << 60))  # without: until the connection is closed
        self.closes = fields.get("connection", "").lower() == "close"
        self.received = rest
        return True

    def answered(self):
        request, self.request = self.request, None
        self.used = True
        if self.closes or len(self.received) > self.length:
            self.close()
        else:
            self.load.idle[self.source].append(self)
        self.load.end(request, "ok" if self.status == "200" else self.status)

    def closed(self):
        """By the proxy, or by an error."""
        self.close()
        request, self.request = self.request, None
        if request is None:
            return
        if self.length is not None and self.status != "200":
            self.load.end(request, self.status)
        elif self.length is not None:
            self.load.end(request, "cut")
        elif self.used and request.method == "GET" and not self.received and not request.resent:
            request.resent = True
            self.load.send(request)
        else:
            self.load.end(request, "closed")

    def close(self):
        if self in self.load.idle[self.source]:
            self.load.idle[self.source].remove(self)
        self.load.loop.remove_reader(self.number)
        if self.writes:
            self.load.loop.remove_writer(self.number)
        self.socket.close()


class Load:
    def __init__(self, loop, port):
        self.loop = loop
        self.port = port
        self.idle = {source: [] for source in network.SOURCES}
        self.under_way = {}  # request: its connection
        self.waits = collections.deque()  # the requests in the order of their start
        self.requests = []  # all
        self.late = 0  # how late the latest was sent, because this process had no processor
        self.random = random.Random(1)
        self.due = loop.time()
        self.rate = 0

    def run(self, rate):
        """From now on, until another rate is given; 0: no further requests."""
        idle = not self.rate
        self.rate = rate
        if rate and idle:
            self.due = self.loop.time()
            self.turn()

    def turn(self):
        now = self.loop.time()
        while self.rate and self.due <= now:
            self.late = max(self.late, now - self.due)
            self.begin(self.due)
            self.due += 2 * self.random.random() / self.rate
        self.give_up(now)
        if self.rate or self.waits:
            self.loop.call_at(max(self.due, now + 0.001) if self.rate else now + 0.05, self.turn)

    def begin(self, at, session_parts=0):
        number = len(self.requests)
        method = "POST" if number % POST_EVERY == 0 and not session_parts else "GET"
        path = f"/stream/{session_parts}" if session_parts else f"/r/{number}"
        request = Request(at, number, method, path, self.random.choice(network.SOURCES), bool(session_parts))
        self.requests.append(request)
        if not request.session:
            self.waits.append(request)
        self.send(request)

    def send(self, request):
        idle = self.idle[request.source]
        connection = idle.pop() if idle and not request.resent else Connection(self, request.source)
        self.under_way[request] = connection
        connection.send(request)

    def give_up(self, now):
        while self.waits and (self.waits[0].outcome or self.waits[0].at + PATIENCE <= now):
            request = self.waits.popleft()
            if not request.outcome:
                connection = self.under_way[request]
                connection.request = None
                connection.close()
                self.end(request, "gave up")

    def end(self, request, outcome):
        request.ended = self.loop.time()
        request.outcome = outcome
        self.under_way.pop(request, None)

    def stop(self):
        """What is still under way has failed: a session that does not end."""
        for request, connection in list(self.under_way.items()):
            connection.request = None
            connection.close()
            self.end(request, "gave up")
        for connection in [one for idle in self.idle.values() for one in idle]:
            connection.close()
