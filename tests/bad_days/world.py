"""One day with one proxy: its processes, its load and the course of its events."""
import asyncio
import contextlib
import gc
import os
import pathlib
import resource
import sys
import tempfile
import time

import backends
import client
import figures
import network
import proxies

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
import ports

FILES, PRIORITY = 65536, -10
PARTS_PER_SECOND = 4  # parts of a long response


class World:
    def __init__(self, day, proxy, weir, folder):
        self.loop = asyncio.get_running_loop()
        self.day = day
        numbers = (8080, 8081, 8082) if network.is_own() else ports.free_ports(3)
        setting = proxies.Setting(*numbers, folder, day.limited)
        self.backends = backends.Backends(folder, setting.backend_port, day.behaviour)
        self.proxy = proxies.Proxy(proxy, weir, setting)
        self.load = client.Load(self.loop, setting.port)
        self.wire = network.Wire(self.loop) if day.bad and day.steady and network.is_own() else None

    async def until(self, moment):
        reached = self.loop.create_future()
        self.loop.call_at(moment, reached.set_result, None)
        await reached

    async def run(self):
        """The edges: when the load began, when the bad time began and ended, when the load ended."""
        day = self.day
        await self.backends.start()
        await self.proxy.start()
        gc.freeze()
        gc.disable()  # a collection stops the load for tens of milliseconds
        start = self.loop.time()
        bad, good = start + day.before, start + day.before + day.during
        self.load.run(day.rate)
        for _ in range(day.sessions):
            self.load.begin(start, int((day.before + day.during + day.after / 2) * PARTS_PER_SECOND))
        await self.until(bad)
        self.load.run(day.peak)
        if day.begin:
            await day.begin(self)
        for second in range(int(day.during) if day.each else 0):
            await self.until(bad + second)
            await day.each(self, second)
        await self.until(good)
        self.load.run(day.rate)
        if day.end:
            await day.end(self)
            good = self.loop.time()  # backends that were started listen
        await self.until(good + day.after)
        end = self.loop.time()
        self.load.run(0)
        await self.until(end + client.PATIENCE + 0.1)
        self.load.stop()
        return start, bad, good, end

    async def stop(self):
        self.proxy.stop()
        await self.backends.stop()
        if self.wire:
            self.wire.close()


def take_resources():
    """For this process and those it starts, as far as this user may: files, and the processor before other work."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, FILES))
    if network.is_own():
        os.setsid()  # a session of its own has a nice value of its own: sched(7), autogroup
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, PRIORITY)
        pathlib.Path("/proc/self/autogroup").write_text(str(PRIORITY))


async def measure(day, proxy, weir):
    """The figures of a day with a proxy, and the circumstances."""
    load_average = os.getloadavg()[0]
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="weir-bad-days-") as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)  # the workers of nginx may be of another user
        world = World(day, proxy, weir, folder)
        try:
            edges = await world.run()
        finally:
            await world.stop()
        sent = world.wire and world.wire.sent_to(day.bad)
        result = figures.figures(day, world.load.requests, sent, world.backends.posts(), edges)
    return {"day": day.name, "proxy": proxy, **result, "load_average": round(load_average, 1),
            "latest_ms": round(world.load.late * 1000),
            "load_cpu": round(time.process_time() / (time.monotonic() - begun), 2)}
