"""An HTTP backend with errors on request: the path selects its behaviour.

/ok, /slow, /error; /reset closes without an answer, /cut in the middle of one, /garbage is not HTTP.
"""
import socket
import struct
import threading

import stand

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
ANSWERS = {
    "/ok": OK,
    "/error": b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n",
    "/cut": b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhello",
    "/stall": b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhello",
    "/garbage": b"what?\r\n\r\n",
}
PAUSE = 0.15


class HttpBackend:
    """A thread for each connection; stop() ends them all."""

    def __init__(self, port):
        self.done = threading.Event()
        self.listener = socket.create_server((stand.HERE, port))
        self.open = set()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while not self.done.is_set():
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.open.add(connection)
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        try:
            while self.answer(connection):
                pass
        except OSError:
            pass  # the other side closed, or stop() was called
        self.open.discard(connection)
        connection.close()

    def answer(self, connection):
        """Serves one request. Returns whether the connection stays open."""
        head = b""
        while b"\r\n\r\n" not in head:
            more = connection.recv(65536)
            if not more:
                return False
            head += more
        path = head.split(b" ", 2)[1].decode("latin-1").partition("?")[0]
        if path == "/slow":
            self.done.wait(PAUSE)
        if path == "/reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        connection.sendall(ANSWERS.get(path, OK))
        if path == "/stall":
            self.done.wait(5)
        return path not in ("/cut", "/stall", "/garbage")

    def stop(self):
        self.done.set()
        self.listener.close()
        for connection in list(self.open):
            connection.close()


class HttpClients:
    """Threads that send requests of every kind, valid and invalid, continuously."""

    PATHS = ("/ok", "/ok", "/slow", "/error", "/reset", "/cut", "/stall", "/garbage", "/none")

    def __init__(self, port, narrow):
        self.port, self.narrow = port, narrow  # narrow: a listener whose cluster has few connections
        self.done = threading.Event()
        targets = [self.mixed, self.mixed, self.patient, self.kept, self.malformed] + 4 * [self.crowd]
        self.threads = [threading.Thread(target=self.loop, args=(target,), daemon=True) for target in targets]
        for thread in self.threads:
            thread.start()

    def loop(self, target):
        while not self.done.wait(0.02):
            try:
                target()
            except OSError:
                self.done.wait(0.1)  # weir drains, or has exited

    def ask(self, port, text, times=1, whole=False):
        with socket.create_connection((stand.HERE, port), timeout=5) as client:
            for _ in range(times):
                client.sendall(text)
                if not client.recv(65536):
                    return
            while whole and client.recv(65536):
                pass

    def get(self, port, path, method="GET", times=1):
        self.ask(port, f"{method} {path} HTTP/1.1\r\nHost: example.com\r\n\r\n".encode(), times)

    def mixed(self):
        for path in self.PATHS:
            self.get(self.port, path)
            if self.done.is_set():
                return

    def kept(self):
        self.get(self.port, "/ok", times=20)
        self.get(self.port, "/ok", method="BREW")

    def patient(self):
        """Stays until the answer that stalls is cut: a client that leaves ends its request."""
        self.ask(self.port, b"GET /stall HTTP/1.1\r\nHost: example.com\r\n\r\n", whole=True)

    def malformed(self):
        self.ask(self.port, b"GET / HTTP/7\r\n\r\n")
        self.done.wait(0.1)

    def crowd(self):
        self.get(self.narrow, "/slow")

    def stop(self):
        self.done.set()
        for thread in self.threads:
            thread.join()
