"""The network of a day: a namespace with a loopback interface, in which addresses of 127.0.0.0/8 are the hosts."""
import asyncio
import ctypes
import fcntl
import os
import pathlib
import shutil
import socket
import struct
import subprocess

PROXY = "127.0.0.1"
SOURCES = tuple(f"127.0.1.{number}" for number in range(1, 17))
ALL = 3  # ETH_P_ALL: other taps get no outgoing packets
INSIDE = "WEIR_BAD_DAYS_INSIDE"


def command():
    """What starts a command in a network of its own, whose processes end with it; None if this user may not."""
    for words in (["unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"],
                  ["unshare", "--map-root-user", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]):
        if shutil.which("unshare") and subprocess.run([*words, "true"], stderr=subprocess.DEVNULL).returncode == 0:
            return words
    return None


def is_own():
    return INSIDE in os.environ


def prepare():
    """Within it: loopback is up, and packets are not paced, as between hosts of a data centre."""
    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh14x", b"lo", 0x41))  # SIOCSIFFLAGS: up and running
    pathlib.Path("/proc/sys/net/ipv4/tcp_congestion_control").write_text("reno")


async def lose(addresses, percent):
    """So many of the packets to and from these addresses from now on; 0: none."""
    rules = ["add table ip days", "flush table ip days"]
    if percent:
        which = f"numgen random mod 100 < {percent}" if percent < 100 else ""
        rules.append("add chain ip days input { type filter hook input priority 0; }")
        rules += [f"add rule ip days input ip {end} {{ {', '.join(addresses)} }} {which} drop"
                  for end in ("saddr", "daddr")]
    nft = await asyncio.create_subprocess_exec("nft", "-f", "-", stdin=subprocess.PIPE)
    await nft.communicate("\n".join(rules).encode())
    if nft.returncode:
        raise RuntimeError("nft has failed")


class Wire:
    """Reads what is sent to the backends, as the kernel sends it and before it is lost: requests, and connects that
    never carried a byte. Health checks count among the latter only."""

    # Of IPv4 packets: outgoing, TCP, to 127.0.2.0/24, and with a payload or SYN. One instruction each: (code, true, false, k).
    FILTER = ((0x20, 0, 0, 0xfffff004), (0x15, 0, 16, 4), (0x30, 0, 0, 9), (0x15, 0, 14, 6), (0x20, 0, 0, 16),
              (0x54, 0, 0, 0xffffff00), (0x15, 0, 11, 0x7f000200), (0x30, 0, 0, 32), (0x74, 0, 0, 4), (0x64, 0, 0, 2),
              (0x04, 0, 0, 20), (0x07, 0, 0, 0), (0x28, 0, 0, 2), (0x1c, 0, 0, 0), (0x25, 2, 0, 0), (0x30, 0, 0, 33),
              (0x45, 0, 1, 2), (0x06, 0, 0, 128), (0x06, 0, 0, 0))

    def __init__(self, loop):
        self.loop = loop
        self.requests = []  # (time, backend)
        self.connects = {}  # (backend, port): time; those without a byte so far
        self.seen = set()
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ALL))
        program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *one) for one in self.FILTER))
        self.socket.setsockopt(socket.SOL_SOCKET, 26,  # SO_ATTACH_FILTER
                               struct.pack("HL", len(self.FILTER), ctypes.addressof(program)))
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.socket.bind(("lo", ALL))
        self.socket.setblocking(False)
        loop.add_reader(self.socket, self.readable)

    def readable(self):
        for _ in range(64):
            try:
                packet = self.socket.recv(128)
            except BlockingIOError:
                return
            self.take(packet)

    def take(self, packet):
        backend, port = packet[19], packet[20:22]
        payload = packet[20 + (packet[32] >> 4) * 4:]
        if not payload:  # repeated by the kernel: still one connect
            self.connects.setdefault((backend, port), self.loop.time())
            return
        self.connects.pop((backend, port), None)
        method, _, rest = payload.partition(b" /r/")
        if method in (b"GET", b"POST"):
            request = (port, rest.partition(b" ")[0])
            if request not in self.seen:  # else the kernel repeats it
                self.seen.add(request)
                self.requests.append((self.loop.time(), backend))

    def sent_to(self, backends):
        """The times, in order."""
        connects = ((when, backend) for (backend, _), when in self.connects.items())
        return sorted(when for when, backend in (*self.requests, *connects) if backend in backends)

    def close(self):
        self.loop.remove_reader(self.socket)
        self.socket.close()
