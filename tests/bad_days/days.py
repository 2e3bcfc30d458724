"""The days: what happens to the backends, one row each. Times in seconds, rates in requests a second."""
import dataclasses
import signal

import backends
import network

ONE, HALF, ALL = (1,), (1, 2, 3, 4), backends.NUMBERS
OVERLOADED = {"delay": 0.04, "workers": 4}  # 100 requests a second


@dataclasses.dataclass(frozen=True)
class Day:
    name: str
    title: str
    bad: tuple = ()  # the backends to which it happens
    begin: object = None  # coroutine of a World, when the bad time begins
    each: object = None  # coroutine of a World and the number of the second within the bad time
    end: object = None  # coroutine of a World, when it is over
    before: float = 3
    during: float = 15
    after: float = 15
    rate: int = 400
    peak: int = 400  # the rate during the bad time
    behaviour: dict = dataclasses.field(default_factory=dict)  # of all backends, from their start
    limited: bool = False  # whether the proxies have a limit for each backend
    sessions: int = 0  # long responses that last over the bad time
    steady: bool = True  # whether the bad ones are bad for the whole time: the proxy can notice it
    needs: tuple = ()  # programs

    @property
    def is_overload(self):
        return self.peak > self.rate


async def kill(world):
    await world.backends.kill(*world.day.bad)


async def start(world):
    await world.backends.start(*world.day.bad)


def sends(what):
    async def act(world):
        for number in world.day.bad:
            world.backends.signal(number, what)
    return act


def orders(**changes):
    async def act(world):
        for number in world.day.bad:
            world.backends.order(number, **changes)
    return act


def loses(percent):
    async def act(world):
        await network.lose([backends.address(number) for number in world.day.bad], percent)
    return act


async def flap(world, second):
    await (start(world) if second % 2 else kill(world))


async def restart_next(world, second):
    """One after the other, each down for a second: SIGTERM, and a new process when the next one ends."""
    await world.backends.start_ended()
    world.backends.signal(ALL[second % len(ALL)], signal.SIGTERM)


async def start_ended(world):
    await world.backends.start_ended()


async def reload(world, _):
    world.proxy.reload()


async def scale(world, second):
    """In and out every five seconds. A backend that has left the configuration ends two seconds later."""
    if second == 0:
        world.proxy.reload(tuple(number for number in ALL if number not in world.day.bad))
    elif second == 2:
        await sends(signal.SIGTERM)(world)
    elif second == 7:
        await start(world)
    elif second == 8:
        world.proxy.reload(ALL)


async def reload_and_scale(world, second):
    """The backends that leave the configuration finish what they have."""
    world.proxy.reload(ALL[4:] if second % 6 >= 3 else ALL)


def turns(name, title, bad, answer):
    return Day(name, title, bad, orders(answer=answer), end=orders(answer="ok"))


def turns_and_lies(name, title, answer):
    return Day(name + "-lying", title + ", its check still 200", ONE, orders(answer=answer, lies=True),
               end=orders(answer="ok", lies=False))


def slower(times):
    return Day(f"slow-{times}", f"one is {times} times slower", ONE, orders(delay=0.005 * times), end=orders(delay=0.005))


def overload(name, title, limited):
    return Day(name, title, rate=400, peak=2400, during=8, after=16, behaviour=OVERLOADED, limited=limited)


DAYS = {day.name: day for day in (
    Day("kill-one", "kill -9 of one", ONE, kill, end=start),
    Day("kill-half", "kill -9 of four", HALF, kill, end=start),
    Day("stop-one", "SIGSTOP of one", ONE, sends(signal.SIGSTOP), end=sends(signal.SIGCONT)),
    Day("stop-half", "SIGSTOP of four", HALF, sends(signal.SIGSTOP), end=sends(signal.SIGCONT)),
    slower(10),
    slower(100),
    slower(1000),
    Day("flapping", "one is killed and started, a second each", ONE, each=flap, during=16, steady=False),
    turns("500", "one answers 500, its check too", ONE, "500"),
    turns_and_lies("500", "one answers 500", "500"),
    turns("503", "one answers 503, its check too", ONE, "503"),
    turns_and_lies("503", "one answers 503", "503"),
    turns("cut", "one cuts each answer in the middle, its check 503", ONE, "cut"),
    turns_and_lies("cut", "one cuts each answer in the middle", "cut"),
    turns("reset", "one resets each connection", ONE, "reset"),
    turns("close", "one closes at each request", ONE, "close"),
    turns("silent", "one reads and never answers", ONE, "silent"),
    Day("vanish", "packets to and from one vanish", ONE, loses(100), end=loses(0), needs=("nft",)),
    Day("lossy", "30 % of the packets to and from one are lost", ONE, loses(30), end=loses(0), needs=("nft",)),
    Day("rolling", "two rolling restarts, one each second", each=restart_next, end=start_ended, during=2 * len(ALL)),
    Day("reloads", "a reload each second", each=reload),
    Day("scale", "four of eight leave and come back", HALF, each=scale, steady=False),
    Day("all-down", "kill -9 of all, started again after 3 s", ALL, kill, end=start, during=3, steady=False),
    Day("sessions", "64 long sessions, a reload each second, four of eight leave and come back", each=reload_and_scale,
        sessions=64),
    overload("overload", "three times the load, no limit is set", False),
    overload("overload-limits", "three times the load, limits are set", True),
)}
