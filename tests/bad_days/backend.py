#!/usr/bin/env python3
"""One backend of a bad day: HTTP/1.1 on one address, until it is killed.

usage: backend.py NUMBER ADDRESS PORT POSTS

It appends the identifier of each POST to the file POSTS before it answers. Each line on stdin is a JSON object of
changes to its Behaviour; the end of stdin ends it. SIGTERM: it closes its listener and ends after the last response.
"""
import asyncio
import collections
import json
import os
import signal
import socket
import struct
import sys

BODY = b"x" * 1000
STREAM_PART, STREAM_PAUSE = b"y" * 64, 0.25
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Behaviour:
    """What the backend does with a request. `lies`: its health check is answered with 200 in any case."""
    answer = "ok"  # ok, 500, 503, cut, reset, close, silent
    lies = False
    delay = 0.005  # seconds of work for a request
    workers = 1000  # requests in work at the same time; further ones wait in the order of their arrival


class Backend:
    def __init__(self, loop, number, posts):
        self.loop = loop
        self.number = number
        self.posts = os.open(posts, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self.behaviour = Behaviour()
        self.connections = set()
        self.waiting = collections.deque()
        self.busy = 0
        self.listener = None
        self.ends = False

    def order(self, changes):
        for key, value in changes.items():
            setattr(self.behaviour, key, value)
        if self.behaviour.answer == "reset":
            for connection in list(self.connections):
                connection.reset()

    def enqueue(self, connection, method, path):
        self.waiting.append((connection, method, path))
        self.work()

    def work(self):
        """A request of a connection that was reset meanwhile costs nothing; after a FIN the work is done for no client."""
        while self.waiting and self.busy < self.behaviour.workers:
            connection, method, path = self.waiting.popleft()
            if connection.is_closed:
                continue
            if method == "POST":
                os.write(self.posts, path.rsplit("/", 1)[1].encode() + b"\n")
            self.busy += 1
            self.loop.call_later(self.behaviour.delay, self.done, connection, path)

    def done(self, connection, path):
        self.busy -= 1
        if not connection.is_closed:
            connection.respond(path)
        self.work()

    def end(self):
        self.ends = True
        self.loop.remove_reader(self.listener)
        self.listener.close()
        for connection in list(self.connections):
            if not connection.in_work:
                connection.close()
        self.end_if_idle()

    def end_if_idle(self):
        if self.ends and not self.connections:
            self.loop.stop()


class Connection:
    """Without a transport of asyncio, which takes most of the time of a request: the processors belong to the proxy.
    Responses are short, and fit into the buffer of the socket."""

    def __init__(self, backend, accepted):
        self.backend = backend
        self.socket = accepted
        self.received = b""
        self.in_work = False
        self.is_closed = False
        self.socket.setblocking(False)
        backend.connections.add(self)
        backend.loop.add_reader(self.socket.fileno(), self.readable)
        if backend.behaviour.answer == "reset":
            self.reset()

    def close(self):
        if not self.is_closed:
            self.is_closed = True
            self.backend.loop.remove_reader(self.socket.fileno())
            self.socket.close()
            self.backend.connections.discard(self)
            self.backend.end_if_idle()

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        self.close()

    def readable(self):
        try:
            data = self.socket.recv(65536)
        except BlockingIOError:
            return
        except OSError:  # reset
            self.close()
            return
        if data:
            self.received += data
            self.take()
        elif self.in_work:  # a server that works off what it has read does not see the FIN
            self.backend.loop.remove_reader(self.socket.fileno())
        else:
            self.close()

    def take(self):
        head, end, rest = self.received.partition(b"\r\n\r\n")
        if self.in_work or not end:
            return
        lines = head.decode("latin-1").split("\r\n")
        length = sum(int(line.split(":")[1]) for line in lines if line.lower().startswith("content-length:"))
        if len(rest) < length:
            return
        self.received = rest[length:]
        self.in_work = True
        self.backend.enqueue(self, *lines[0].split(" ")[:2])

    def respond(self, path):
        behaviour = self.backend.behaviour
        answer = behaviour.answer
        if path == "/health":
            answer = "ok" if behaviour.lies else "503" if answer == "cut" else answer
        if answer == "silent":
            return
        if answer == "close":
            self.close()
        elif answer == "cut":
            self.send(200, len(BODY), BODY[:len(BODY) // 2])
            self.close()
        elif path.startswith("/stream/"):
            parts = int(path.split("/")[2])
            self.send(200, parts * len(STREAM_PART))
            self.stream(parts)
        else:
            self.send(200 if answer == "ok" else int(answer), len(BODY), BODY)
            self.over()

    def send(self, status, length, body=b""):
        close = "Connection: close\r\n" if self.backend.ends else ""
        self.write(f"HTTP/1.1 {status} Status\r\nX-Backend: {self.backend.number}\r\n{close}"
                   f"Content-Length: {length}\r\n\r\n".encode() + body)

    def write(self, data):
        try:
            self.socket.send(data)
        except OSError:
            self.close()

    def stream(self, parts):
        if self.is_closed:
            return
        self.write(STREAM_PART)
        if parts == 1:
            self.over()
        else:
            self.backend.loop.call_later(STREAM_PAUSE, self.stream, parts - 1)

    def over(self):
        self.in_work = False
        if self.backend.ends:
            self.close()
        elif not self.is_closed:
            self.take()


def read_orders(backend):
    lines = os.read(0, 65536)
    if not lines:
        sys.exit(0)
    for line in lines.splitlines():
        backend.order(json.loads(line))


def accept(backend):
    for _ in range(64):
        try:
            accepted, _ = backend.listener.accept()
        except BlockingIOError:
            return
        Connection(backend, accepted)


def main():
    number, address, port, posts = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4]
    loop = asyncio.new_event_loop()
    backend = Backend(loop, number, posts)
    backend.listener = socket.create_server((address, port), backlog=4096)
    backend.listener.setblocking(False)
    loop.add_reader(backend.listener, accept, backend)
    loop.add_signal_handler(signal.SIGTERM, backend.end)
    loop.add_reader(0, read_orders, backend)
    print("ready", flush=True)
    loop.run_forever()


if __name__ == "__main__":
    main()
