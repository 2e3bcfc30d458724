"""HTTP/2 clients without TLS (prior knowledge): whole requests, resets, too many streams, broken rules, gRPC calls."""
import socket
import struct
import threading

import stand

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, GOAWAY = 0, 1, 3, 4, 7
END_STREAM, END_HEADERS, ACK = 1, 4, 1
CANCEL = 8
STREAMS = 4  # http2.max_streams of the listener


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def text(value):
    return bytes([len(value)]) + value


def request(path, grpc=False):
    """A header block of RFC 7541 without dynamic table and Huffman code; 4 and 1 are :path and :authority."""
    block = (b"\x83" if grpc else b"\x82") + b"\x86" + b"\x04" + text(path) + b"\x01" + text(b"example.com")
    if grpc:
        block += b"\x00" + text(b"content-type") + text(b"application/grpc") + b"\x00" + text(b"te") + text(b"trailers")
    return block


class Connection:
    def __init__(self, port):
        self.socket = socket.create_connection((stand.HERE, port), timeout=5)
        self.input = b""
        self.next = 1  # stream
        self.socket.sendall(PREFACE + frame(SETTINGS, 0, 0))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def ask(self, path, grpc=False):
        stream, self.next = self.next, self.next + 2
        self.socket.sendall(frame(HEADERS, END_STREAM | END_HEADERS, stream, request(path, grpc)))
        return stream

    def frames(self):
        """The frames of weir until it closes the connection; each of its SETTINGS is acknowledged."""
        while True:
            while len(self.input) < 9 or len(self.input) < 9 + int.from_bytes(self.input[:3], "big"):
                more = self.socket.recv(65536)
                if not more:
                    return
                self.input += more
            size, (kind, flags) = int.from_bytes(self.input[:3], "big"), self.input[3:5]
            stream = int.from_bytes(self.input[5:9], "big")
            self.input = self.input[9 + size:]
            if kind == SETTINGS and not flags & ACK:
                self.socket.sendall(frame(SETTINGS, ACK, 0))
            yield kind, flags, stream

    def wait_for(self, streams):
        """Until each of these streams has ended, or the connection."""
        open_streams = set(streams)
        for kind, flags, stream in self.frames():
            if kind == RST_STREAM or kind in (DATA, HEADERS) and flags & END_STREAM:
                open_streams.discard(stream)
            if not open_streams or kind == GOAWAY:
                return


class Http2Clients:
    """A thread that makes connections of every kind, continuously."""

    def __init__(self, port):
        self.port = port
        self.done = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def requests(self, *paths, grpc=False):
        with Connection(self.port) as connection:
            connection.wait_for([connection.ask(path, grpc) for path in paths])

    def reset(self):
        with Connection(self.port) as connection:
            stream = connection.ask(b"/slow")
            connection.socket.sendall(frame(RST_STREAM, 0, stream, struct.pack(">I", CANCEL)))
            connection.wait_for([connection.ask(b"/ok")])

    def breaks_the_rules(self):
        with Connection(self.port) as connection:
            connection.socket.sendall(frame(DATA, 0, 0, b"no stream"))
            connection.wait_for([1])

    def turn(self):
        self.requests(b"/ok", b"/slow", b"/none")
        self.requests(*[b"/slow"] * (STREAMS + 2))
        self.requests(b"/reset", b"/ok", grpc=True)
        self.reset()
        self.breaks_the_rules()

    def run(self):
        while not self.done.wait(0.05):
            try:
                self.turn()
            except OSError:
                self.done.wait(0.1)  # weir drains, or has exited

    def stop(self):
        self.done.set()
        self.thread.join()
