"""HTTP/2 for tests in Python: frames as bytes, valid or not, and a peer that sends them and reads what comes back.

The builders check nothing. Blocks of fields are literals without indexing, so they need no state; received blocks are
decoded by python3-hpack, received frames parsed by python3-hyperframe. One thread owns a Peer.
"""
import select
import socket
import ssl
import struct
import time

import hpack
import hyperframe.frame as frames

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
PATIENCE = 20
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
PRIORITY_UPDATE = 0x10
END_STREAM, ACK, END_HEADERS, PADDED, WITH_PRIORITY = 0x1, 0x1, 0x4, 0x8, 0x20
HEADER_TABLE_SIZE, ENABLE_PUSH, MAX_STREAMS, INITIAL_WINDOW, MAX_FRAME, MAX_HEADERS = range(1, 7)
ENABLE_CONNECT, NO_PRIORITIES = 8, 9
ERRORS = ["NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT", "STREAM_CLOSED",
          "FRAME_SIZE_ERROR", "REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR", "CONNECT_ERROR", "ENHANCE_YOUR_CALM",
          "INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED"]


def raw(kind, flags=0, stream=0, payload=b"", length=None):
    size = len(payload) if length is None else length
    return struct.pack(">I", size)[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def settings(*pairs):
    return raw(SETTINGS, payload=b"".join(struct.pack(">HI", *pair) for pair in pairs))


def headers(stream, block, end=True, done=True):
    return raw(HEADERS, (END_STREAM if end else 0) | (END_HEADERS if done else 0), stream, block)


def continuation(stream, block, done=True):
    return raw(CONTINUATION, END_HEADERS if done else 0, stream, block)


def data(stream, payload=b"", end=False):
    return raw(DATA, END_STREAM if end else 0, stream, payload)


def rst(stream, code="CANCEL"):
    return raw(RST_STREAM, 0, stream, struct.pack(">I", ERRORS.index(code)))


def window(stream, increment):
    return raw(WINDOW_UPDATE, 0, stream, struct.pack(">I", increment))


def ping(payload=b"12345678", ack=False):
    return raw(PING, ACK if ack else 0, 0, payload)


def goaway(last=0, code="NO_ERROR"):
    return raw(GOAWAY, 0, 0, struct.pack(">II", last, ERRORS.index(code)))


def number(value, bits, first=0):
    """RFC 7541 5.1."""
    most = (1 << bits) - 1
    if value < most:
        return bytes([first | value])
    out, value = [first | most], value - most
    while value >= 128:
        out.append(value % 128 + 128)
        value //= 128
    return bytes([*out, value])


def octets(text):
    return text if isinstance(text, bytes) else text.encode("latin-1")


def block(fields, first=0):
    """`first` is 0x40 for literals that enter the dynamic table."""
    out = b""
    for name, value in fields:
        name, value = octets(name), octets(value)
        out += bytes([first]) + number(len(name), 7) + name + number(len(value), 7) + value
    return out


def request(path="/", *extra, method="GET", authority="a.test", scheme="http"):
    return [(":method", method), (":scheme", scheme), (":path", path), (":authority", authority), *extra]


class Answer:
    """What has come on one stream."""

    def __init__(self):
        self.interim, self.fields, self.body, self.trailers = [], None, bytearray(), None
        self.ended, self.reset = False, None  # END_STREAM; the name of an error

    @property
    def status(self):
        return dict(self.fields).get(":status") if self.fields else None

    def take_fields(self, fields):
        if self.fields is not None:
            self.trailers = fields
        elif dict(fields)[":status"].startswith("1"):
            self.interim.append(fields)
        else:
            self.fields = fields


def tls_context(authority=None, protocols=("h2",)):
    context = ssl.create_default_context(cafile=authority)
    if authority is None:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(list(protocols))
    return context


class Peer:
    """A client. It acknowledges SETTINGS and PINGs and, unless told otherwise, gives windows back as DATA arrives."""

    def __init__(self, port, *first, begin=True, tls=None, acks=True, refills=True, receive_buffer=None):
        """Sends the preface, empty SETTINGS and `first`; without `begin`, `first` only. `port` may be a path,
        `tls` is a context."""
        self.socket = socket.socket(socket.AF_INET if isinstance(port, int) else socket.AF_UNIX)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(("127.0.0.1", port) if isinstance(port, int) else str(port))
        if isinstance(port, int):
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_hostname="a.test")
        self.acks, self.refills = acks, refills
        self.input, self.decoder = b"", hpack.Decoder(max_header_list_size=1 << 24)
        self.pending = None  # stream, END_STREAM and block of a header block that goes on
        self.answers, self.settings, self.pongs, self.pings = {}, {}, [], []
        self.settings_acks = 0
        self.goaways = []  # last stream, name of the error, debug text
        self.windows = {0: 65535}  # what may be sent
        self.closed = False
        self.send(*((PREFACE, settings()) if begin else ()), *first)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, *parts):
        """Whether it was sent: weir may have closed the connection."""
        try:
            self.socket.sendall(b"".join(parts))
            return True
        except OSError as error:
            if isinstance(error, TimeoutError):
                raise
            return False

    def answer(self, stream):
        return self.answers.setdefault(stream, Answer())

    def window_of(self, stream):
        return self.windows.setdefault(stream, self.settings.get(INITIAL_WINDOW, 65535))

    def read(self, patience=PATIENCE):
        """Takes what has come: whether something came in that time; a close is something."""
        if self.closed:
            return False
        if not (isinstance(self.socket, ssl.SSLSocket) and self.socket.pending()):
            if not select.select([self.socket], [], [], patience)[0]:
                return False
        try:
            part = self.socket.recv(1 << 18)
        except (ConnectionError, ssl.SSLError):
            part = b""
        if not part:
            self.closed = True
            return True
        self.input += part
        while len(self.input) >= 9:
            frame, length = frames.Frame.parse_frame_header(memoryview(self.input[:9]))
            if len(self.input) < 9 + length:
                break
            frame.parse_body(memoryview(self.input[9:9 + length]))
            self.input = self.input[9 + length:]
            self.take(frame)
        return True

    def take(self, frame):
        stream, flags = frame.stream_id, frame.flags
        if isinstance(frame, (frames.HeadersFrame, frames.ContinuationFrame)):
            if self.pending is None:
                self.pending = [stream, "END_STREAM" in flags, b""]
            assert self.pending[0] == stream, "a header block is interrupted"
            self.pending[2] += bytes(frame.data)
            if "END_HEADERS" in flags:
                _, ended, text = self.pending
                self.pending = None
                self.answer(stream).take_fields(self.decoder.decode(text))
                self.answer(stream).ended |= ended
            return
        assert self.pending is None, "a header block is interrupted"
        if isinstance(frame, frames.DataFrame):
            self.take_data(frame)
        elif isinstance(frame, frames.RstStreamFrame):
            self.answer(stream).reset = ERRORS[frame.error_code]
        elif isinstance(frame, frames.WindowUpdateFrame):
            self.windows[stream] = self.window_of(stream) + frame.window_increment
        elif isinstance(frame, frames.GoAwayFrame):
            self.goaways.append((frame.last_stream_id, ERRORS[frame.error_code], bytes(frame.additional_data)))
        elif isinstance(frame, frames.SettingsFrame):
            self.settings_acks += "ACK" in flags
            self.settings.update(frame.settings)
            if self.acks and "ACK" not in flags:
                self.send(raw(SETTINGS, ACK))
        elif isinstance(frame, frames.PingFrame):
            (self.pongs if "ACK" in flags else self.pings).append(bytes(frame.opaque_data))
            if self.acks and "ACK" not in flags:
                self.send(ping(bytes(frame.opaque_data), ack=True))

    def take_data(self, frame):
        answer, size = self.answer(frame.stream_id), frame.flow_controlled_length
        answer.body += frame.data
        answer.ended |= "END_STREAM" in frame.flags
        if self.refills and size:
            self.send(window(0, size), b"" if answer.ended else window(frame.stream_id, size))

    def until(self, condition, what="", patience=PATIENCE):
        """Reads until condition(), the end of the connection, or a timeout, which is an error."""
        end = time.monotonic() + patience
        while not condition() and not self.closed:
            if not self.read(max(0, end - time.monotonic())) and not self.closed:
                raise TimeoutError(f"{what or 'the answer'} has not come; {self}")
        return condition()

    def watch(self, seconds):
        """Reads for that long, or until the end of the connection."""
        end = time.monotonic() + seconds
        while not self.closed and time.monotonic() < end:
            self.read(max(0, end - time.monotonic()))

    def error(self):
        """Of the connection: the code of a GOAWAY other than NO_ERROR."""
        return next((code for _, code, _ in self.goaways if code != "NO_ERROR"), None)

    def outcome(self, stream, patience=PATIENCE):
        """How a stream or its connection ends: "200", "RST …", "GOAWAY …", behind which the connection ends, or
        "closed"."""
        answer = self.answer(stream)
        self.until(lambda: answer.ended or answer.reset or self.error(), f"the end of stream {stream}", patience)
        if self.error():
            self.until(lambda: False, "the end of the connection", patience)
            return "GOAWAY " + self.error()
        if answer.ended:
            return answer.status
        return f"RST {answer.reset}" if answer.reset else "closed"

    def get(self, stream, path="/", *extra, patience=PATIENCE, **more):
        """The outcome of a request without a body."""
        self.send(headers(stream, block(request(path, *extra, **more))))
        return self.outcome(stream, patience)

    def round_trip(self, patience=PATIENCE):
        """Whether a PING comes back: what was sent before has been read."""
        before, payload = len(self.pongs), b"%08d" % len(self.pongs)
        self.send(ping(payload))
        return self.until(lambda: payload in self.pongs[before:], "the acknowledgment of a PING", patience)

    def __str__(self):
        streams = {stream: (a.status, a.ended, a.reset, len(a.body)) for stream, a in self.answers.items()}
        return f"streams {streams}, GOAWAY {self.goaways}, closed {self.closed}"
