"""The eight backends of a day, each a process of its own."""
import asyncio
import collections
import json
import pathlib
import signal
import sys

PROGRAM = pathlib.Path(__file__).with_name("backend.py")
NUMBERS = tuple(range(1, 9))


def address(number):
    return f"127.0.2.{number}"


class Backends:
    def __init__(self, folder, port, behaviour):
        self.folder = folder
        self.port = port
        self.behaviour = behaviour  # of a backend that has just started
        self.processes = {}

    async def start(self, *numbers):
        await asyncio.gather(*map(self.start_one, numbers or NUMBERS))

    async def start_one(self, number):
        process = await asyncio.create_subprocess_exec(
            sys.executable, PROGRAM, str(number), address(number), str(self.port), self.folder / f"posts-{number}",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
        self.processes[number] = process
        self.order(number, **self.behaviour)
        if await process.stdout.readline() != b"ready\n":
            raise RuntimeError(f"backend {number} has not started")

    async def start_ended(self):
        ended = [number for number, process in self.processes.items() if process.returncode is not None]
        await asyncio.gather(*map(self.start_one, ended))

    def order(self, number, **changes):
        self.processes[number].stdin.write(json.dumps(changes).encode() + b"\n")

    def signal(self, number, what):
        self.processes[number].send_signal(what)

    async def kill(self, *numbers):
        for number in numbers:
            self.signal(number, signal.SIGKILL)
        for number in numbers:
            await self.processes[number].wait()

    async def stop(self):
        for number, process in self.processes.items():
            if process.returncode is None:
                await self.kill(number)

    def posts(self):
        """How often each POST has arrived."""
        return collections.Counter(line for path in self.folder.glob("posts-*") for line in path.read_text().split())
