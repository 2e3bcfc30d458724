"""A backend with HTTP/2 that keeps the rules or breaks them: the first segment of the path chooses what it does, see
AT_HEAD and AT_END. Built on the frames of http2.py; one thread for each connection."""
import json
import socket
import threading
import urllib.parse

import hpack
import hyperframe.frame as frames

import origin
from http2 import *


class Request:
    def __init__(self, connection, stream, fields):
        self.connection, self.stream, self.fields = connection, stream, fields
        self.body, self.trailers, self.complete, self.reset = bytearray(), [], False, None

    def value(self, name):
        return dict(self.fields).get(name)

    @property
    def target(self):
        return self.value(":path") or ""

    def behaviour(self):
        kind, _, rest = urllib.parse.unquote(self.target[1:].partition("?")[0]).partition("/")
        return kind, rest

    def shown(self):
        return {"method": self.value(":method"), "target": self.target, "fields": self.fields, "size": len(self.body),
                "sha256": origin.digest(self.body), "trailers": self.trailers}


class Http2Backend(origin.Recorder):
    """`last_of`: so many requests of a connection, then GOAWAY. `cases`: what /bad/… sends, by its name:
    a function of the stream. `silent`: PINGs are not acknowledged."""

    def __init__(self, port=0, settings=(), last_of=None, tls=None, cases=None):
        super().__init__()
        self.pairs, self.last_of, self.tls, self.cases = settings, last_of, tls, cases or {}
        self.connections, self.open, self.pings, self.silent = 0, [], 0, False
        self.listener = socket.create_server(("127.0.0.1", port), backlog=1024)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                plain, _ = self.listener.accept()
            except OSError:
                return
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self.serve, args=(plain,), daemon=True).start()

    def serve(self, plain):
        try:
            sock = self.tls.wrap_socket(plain, server_side=True) if self.tls else plain
            connection = Served(self, sock)
            self.change(lambda: (self.open.append(connection), setattr(self, "connections", self.connections + 1)))
            connection.run()
        except OSError:
            pass  # the other side has gone
        finally:
            plain.close()

    def stop(self):
        self.released.set()
        self.listener.close()
        for connection in self.open:
            connection.close()


class Served:
    """One connection: answers a request at its end, or at its head where the table says so."""

    def __init__(self, backend, sock):
        self.backend, self.socket = backend, sock
        self.decoder, self.lock = hpack.Decoder(), threading.Condition()
        self.windows, self.initial, self.requests, self.pending = {0: 65535}, 65535, {}, None
        self.served, self.goaways, self.settings = 0, [], {}

    def close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # it has ended

    def send(self, *parts):
        with self.lock:
            self.socket.sendall(b"".join(parts))

    def run(self):
        with self.socket.makefile("rb", buffering=65536) as stream:
            if stream.read(len(PREFACE)) != PREFACE:
                return
            self.send(settings(*self.backend.pairs))
            while head := stream.read(9):
                frame, length = frames.Frame.parse_frame_header(memoryview(head))
                frame.parse_body(memoryview(stream.read(length)))
                self.take(frame)

    def take(self, frame):
        stream, flags = frame.stream_id, frame.flags
        if isinstance(frame, (frames.HeadersFrame, frames.ContinuationFrame)):
            self.pending = self.pending or [stream, "END_STREAM" in flags, b""]
            self.pending[2] += bytes(frame.data)
            if "END_HEADERS" in flags:
                (_, ended, text), self.pending = self.pending, None
                self.take_fields(stream, self.decoder.decode(text), ended)
        elif isinstance(frame, frames.DataFrame):
            request = self.requests[stream]
            self.backend.change(lambda: request.body.extend(frame.data))
            if frame.flow_controlled_length and not request.target.startswith("/unread"):
                self.send(window(0, frame.flow_controlled_length), window(stream, frame.flow_controlled_length))
            if "END_STREAM" in flags:
                self.end(request)
        elif isinstance(frame, frames.RstStreamFrame):
            if stream in self.requests:
                self.backend.change(lambda: setattr(self.requests[stream], "reset", ERRORS[frame.error_code]))
        elif isinstance(frame, frames.WindowUpdateFrame):
            with self.lock:
                self.windows[stream] = self.windows.setdefault(stream, self.initial) + frame.window_increment
                self.lock.notify_all()
        elif isinstance(frame, frames.SettingsFrame) and "ACK" not in flags:
            self.settings.update(frame.settings)
            self.initial = frame.settings.get(INITIAL_WINDOW, self.initial)
            self.send(raw(SETTINGS, ACK))
        elif isinstance(frame, frames.PingFrame) and "ACK" not in flags:
            self.backend.change(lambda: setattr(self.backend, "pings", self.backend.pings + 1))
            if not self.backend.silent:
                self.send(ping(bytes(frame.opaque_data), ack=True))
        elif isinstance(frame, frames.GoAwayFrame):
            self.goaways.append((frame.last_stream_id, ERRORS[frame.error_code]))

    def take_fields(self, stream, fields, ended):
        if stream in self.requests:
            self.requests[stream].trailers = fields
            return self.end(self.requests[stream])
        request = self.requests[stream] = Request(self, stream, fields)
        self.backend.change(lambda: self.backend.requests.append(request))
        kind, rest = request.behaviour()
        if kind in AT_HEAD:
            AT_HEAD[kind](self, request, rest)
        elif request.value("expect") == "100-continue":
            self.head(request, status="100")
        if ended:
            self.end(request)

    def end(self, request):
        self.backend.change(lambda: setattr(request, "complete", True))
        kind, rest = request.behaviour()
        if kind in AT_HEAD:
            return
        self.served += 1
        if self.served == self.backend.last_of:
            self.send(goaway(request.stream))
        threading.Thread(target=self.answer, args=(kind, request, rest), daemon=True).start()

    def answer(self, kind, request, rest):
        try:
            AT_END.get(kind, lambda *_: self.respond(request, b"ok"))(self, request, rest)
        except OSError:
            pass  # the connection has ended

    def head(self, request, *fields, status="200", end=False):
        self.send(headers(request.stream, block([(":status", status), *fields]), end=end))

    def respond(self, request, body=b"", *fields, status="200", trailers=None):
        if request.value(":method") == "HEAD" or not body and not trailers:
            return self.head(request, ("content-length", str(len(body))), *fields, status=status, end=True)
        self.head(request, *fields, status=status)
        self.send_body(request, body, end=not trailers)
        if trailers:
            self.send(headers(request.stream, block(trailers)))

    def send_body(self, request, body, end):
        body = memoryview(body)
        while True:
            with self.lock:
                self.lock.wait_for(lambda: not body or request.reset or min(
                    self.windows[0], self.windows.setdefault(request.stream, self.initial)) > 0)
                size = min(len(body), 16384, self.windows[0], self.windows.setdefault(request.stream, self.initial))
                self.windows[0] -= size
                self.windows[request.stream] -= size
                if request.reset:
                    return
                self.socket.sendall(data(request.stream, bytes(body[:size]), end and size == len(body)))
            body = body[size:]
            if not body:
                return

    def first_time(self, request):
        """Whether this target has not been asked for before."""
        return sum(one.target == request.target for one in self.backend.requests) == 1

    def refuse(self, request, rest):
        if self.first_time(request):
            self.send(rst(request.stream, "REFUSED_STREAM"))
        else:
            self.respond(request, b"at last")

    def leave(self, request, rest):
        if self.first_time(request):
            self.send(goaway(request.stream - 2))
        else:
            self.respond(request, b"at last")

    def vanish(self, request, rest):
        self.close() if self.first_time(request) else self.respond(request, b"at last")

    def reset(self, request, rest):
        self.send(rst(request.stream, rest))

    def cut(self, request, rest):
        self.head(request)
        self.send(data(request.stream, b"hello"), rst(request.stream, rest or "INTERNAL_ERROR"))

    def early(self, request, rest):
        self.respond(request, b"early")
        self.send(rst(request.stream, "NO_ERROR"))

    def held(self, request, rest):
        self.backend.released.wait(PATIENCE * 3)
        self.respond(request, b"ok")

    def interim(self, request, rest):
        self.head(request, ("link", "</a.css>; rel=preload"), status="103")
        self.respond(request, b"final")

    def bad(self, request, rest):
        self.send(self.backend.cases[rest](request.stream))


AT_HEAD = {"early": Served.early, "goaway": Served.leave}
AT_END = {
    "refuse": Served.refuse, "vanish": Served.vanish, "reset": Served.reset, "cut": Served.cut, "hold": Served.held,
    "unread": Served.held, "interim": Served.interim, "bad": Served.bad,
    "bytes": lambda served, request, rest: served.respond(request, origin.pattern(int(rest))),
    "status": lambda served, request, rest: served.respond(request, status=rest),
    "show": lambda served, request, rest: served.respond(request, json.dumps(request.shown()).encode()),
    "trailers": lambda served, request, rest: served.respond(request, b"body", trailers=[("x-sum", "7")]),
}
