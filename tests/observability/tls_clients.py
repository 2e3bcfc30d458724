"""Clients of a TLS listener: full, resumed and failed handshakes; and the certificate of the listener."""
import socket
import ssl
import subprocess
import threading

import stand

DAYS = 2  # of the certificate: it expires soon, by any rule


def make_certificate(folder):
    """(certificate, key): files in the folder. It is signed by itself."""
    cert, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-days", str(DAYS), "-subj", "/CN=weir.test", "-addext", "subjectAltName=DNS:weir.test",
                    "-keyout", key, "-out", cert], check=True, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return cert, key


class TlsClients:
    """A thread that makes all kinds of handshakes, good and bad, all the time."""

    def __init__(self, port, cert):
        self.port = port
        self.newest = ssl.create_default_context(cafile=cert)
        self.older = ssl.create_default_context(cafile=cert)
        self.older.maximum_version = ssl.TLSVersion.TLSv1_2
        self.stranger = ssl.create_default_context()  # does not trust the authority of the certificate
        self.picky = ssl.create_default_context(cafile=cert)
        self.picky.maximum_version = ssl.TLSVersion.TLSv1_2
        self.picky.set_ciphers("AES128-SHA256")  # needs an RSA key
        self.done = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def session(self, context, earlier=None):
        """Sends a line and receives its echo; returns the session for the next connection to resume."""
        with socket.create_connection((stand.HERE, self.port), timeout=5) as plain:
            with context.wrap_socket(plain, server_hostname="weir.test", session=earlier) as client:
                client.sendall(b"hello\n")
                client.recv(1000)
                resumable = client.session
                client.unwrap().close()  # in order: with close_notify from both sides
                return resumable

    def plain(self):
        with socket.create_connection((stand.HERE, self.port), timeout=5) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: weir.test\r\n\r\n")
            client.recv(1000)

    def turn(self):
        """Three handshakes that succeed, one of them shorter, and three that fail."""
        self.session(self.newest)
        self.session(self.older, self.session(self.older))
        self.plain()
        for context in (self.stranger, self.picky):
            try:
                self.session(context)
            except ssl.SSLError:
                pass  # as intended

    def run(self):
        while not self.done.wait(0.1):
            try:
                self.turn()
            except OSError:
                self.done.wait(0.1)  # weir drains, or has exited

    def stop(self):
        self.done.set()
        self.thread.join()
