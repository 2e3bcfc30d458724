"""Clients that send requests without a pause until stop(), or until weir takes no more connections, and count how each
request ended. One thread for each."""
import http.client
import json
import threading

import origin
from http2 import *

BODY = bytes(1000)


class Load(threading.Thread):
    """turn() opens a connection and uses it up. ConnectionRefusedError ends the load: the listener is closed.

    served: requests with a whole and right response; again: those that weir provably has not processed, which a client
    may send again; lost: all others, each with what happened to it."""

    def __init__(self):
        super().__init__(daemon=True)
        self.connections, self.served, self.again, self.lost, self.stopping = 0, 0, 0, [], False

    def run(self):
        try:
            while not self.stopping:
                self.turn()
        except ConnectionRefusedError:
            pass
        except Exception as error:  # for the test, which sees nothing of a thread
            self.lost.append(repr(error))

    def stop(self, patience=PATIENCE):
        self.stopping = True
        self.end(patience)

    def end(self, patience=PATIENCE):
        self.join(patience)
        if self.is_alive():
            self.lost.append("the load does not end")

    def take(self, outcome):
        """`outcome`: empty, or what is wrong."""
        if outcome:
            self.lost.append(outcome)
        else:
            self.served += 1


def fault_of(number, status, body):
    """Whether this is the response to request `number`: every second is a POST."""
    if status != 200:
        return f"request {number}: {status} {body[:100]}"
    right = json.loads(body)["size"] == len(BODY) if number % 2 else body == origin.pattern(number % 2000)
    return "" if right else f"request {number}: a wrong body of {len(body)} bytes"


class Http1Load(Load):
    """On a connection that is kept, GET and POST in turn."""

    def __init__(self, port, fields=()):
        super().__init__()
        self.port, self.fields, self.raced = port, dict(fields), 0  # raced: weir closed the idle connection meanwhile
        self.start()

    def turn(self):
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        client.connect()
        self.connections += 1
        number, kept = 0, True
        while kept and not self.stopping:
            try:
                if number % 2:
                    client.request("POST", "/show", BODY, self.fields)
                else:
                    client.request("GET", f"/bytes/{number % 2000}", headers=self.fields)
                response = client.getresponse()
                kept = not response.will_close
                self.take(fault_of(number, response.status, response.read()))
            except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError) as error:
                # No byte of a response. RFC 9112 9.6: of a connection that was idle.
                if number == 0:
                    raise
                self.raced, kept = self.raced + 1, False
            number += 1
        client.close()


class Http2Load(Load):
    """`streams` at a time, GET and POST in turn where `posts` are wanted."""

    def __init__(self, port, streams, fields=(), posts=False, tls=None):
        super().__init__()
        self.port, self.streams, self.fields, self.posts, self.tls = port, streams, fields, posts, tls
        self.start()

    def turn(self):
        with Peer(self.port, tls=self.tls) as peer:
            self.connections += 1
            stream = 1
            while not (self.stopping or peer.goaways or peer.closed):
                streams = range(stream, stream + 2 * self.streams, 2)
                peer.until(lambda: peer.windows[0] > self.streams * len(BODY), "a window")
                peer.send(*[self.request(peer, one) for one in streams])
                for one in streams:
                    self.judge(peer, one)
                stream += 2 * self.streams

    def number(self, stream):
        return stream // 2 if self.posts else stream // 2 * 2

    def request(self, peer, stream):
        number = self.number(stream)
        if number % 2 == 0:
            return headers(stream, block(request(f"/bytes/{number % 2000}", *self.fields)))
        peer.windows[0] -= len(BODY)
        return headers(stream, block(request("/show", *self.fields, method="POST")), end=False) + \
            data(stream, BODY, end=True)

    def judge(self, peer, stream):
        outcome = peer.outcome(stream) if not self.refused(peer, stream) else "refused"
        if self.refused(peer, stream):
            self.again += 1
        elif outcome == "200":
            self.take(fault_of(self.number(stream), 200, bytes(peer.answer(stream).body)))
        else:
            self.take(f"stream {stream}: {outcome} {peer.goaways}")

    @staticmethod
    def refused(peer, stream):
        return peer.goaways and stream > peer.goaways[-1][0] or peer.answer(stream).reset == "REFUSED_STREAM" or \
            peer.closed and not peer.answers.get(stream, Answer()).fields and not peer.settings
