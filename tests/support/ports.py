"""Loopback ports for the tests in Python."""
import fcntl
import random
import socket

LOCKS = []  # of the ports in use


def free_ports(count):
    """Of those that the kernel does not give to connections, which come and go by thousands in other tests.

    A lock keeps each from other tests until this one ends (socket.cc does the same).
    """
    ports = []
    for port in random.sample(range(12000, 32000), 1000):
        lock = open(f"/tmp/weir-test-port-{port}", "a", encoding="ascii")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            lock.close()
            continue
        LOCKS.append(lock)
        ports.append(port)
        if len(ports) == count:
            return ports
    raise OSError("no free ports")
