#!/usr/bin/env python3
"""Includes point down the one order of rooms, and the outside world has few doors.

usage: check_layers.py [TREE]           check the tree
       check_layers.py --print [TREE]   draw it: wings, rooms, their sizes and which rooms each one includes
"""
import pathlib
import re
import sys

import source

# The rooms of proxy/, by wing, in one order: an include may only point to the own room or to one before
# it. A room that has no file yet keeps its place.
WINGS = {
    "formats": ["base", "http", "preamble", "metrics"],
    "settings": ["config"],
    "machine": ["os", "event", "tls", "net", "h2"],
    "traffic": ["upstream", "health", "discovery", "middleware", "routing", "exchange", "session", "worker"],
    "control": ["control", "admin", "server"],
    "face": ["cli", "main"],
}
LAYERS = [room for rooms in WINGS.values() for room in rooms]

# Interfaces that only few files may use: (pattern in the code, these files, why).
DOORS = [
    (r"#include <event2/", r"os/poller\.(h|cc)", "libevent is reached through os/poller only"),
    (r"#include <openssl/", r"tls/[^/]+", "OpenSSL is reached through tls/ only"),
    (r"#include <yaml-cpp/", r"config/[^/]+", "yaml-cpp is reached through config/ only"),
    (r"#include <CLI/", r"cli/command_line\.cc", "CLI11 is included in cli/command_line.cc only"),
    (r"#include <prometheus/", r"metrics/[^/]+", "prometheus-cpp is reached through metrics/ only"),
    (r"\bevent_active\s*\(", r"os/poller\.cc",
     "only the poller wakes watches; post to the loop instead"),
    (r"\b(bufferevent|evbuffer|evhttp|evdns|evthread)(_\w+)?\b", r"", "not used: see proxy/ARCHITECTURE.md"),
    (r"\bthrow\b", r"", "no exceptions of ours: return Result<T>"),
    (r"\bcatch\s*\(", r"(config/[^/]+|cli/command_line\.cc)",
     "exceptions of libraries are caught where the library is included"),
]

# The data path reaches the kernel through os/sys.h, which the simulated network replaces.
DATA_PATH = ("tls", "net", "upstream", "health", "routing", "exchange", "session", "worker")
SYSTEM_CALL = re.compile(
    r"(?<![\w>.:])::(socket|bind|listen|accept4?|connect|recv|recvmsg|send|sendmsg|read|readv|write|"
    r"writev|close|shutdown|setsockopt|getsockopt|splice|pipe2?|fcntl|ioctl)\s*\(")

# Header types that allocate or count references behind the data path's back.
HEAVY = re.compile(r"\bstd::(function|shared_ptr|map|unordered_map|string)\b(?!_view)")
HEAVY_FREE = (r"net/.*", r"tls/tls_(stream|records)\.h", r"exchange/.*", r"session/.*")
# "folder/file.h": "reason", for a header that is not on the data path after all.
HEAVY_ALLOWED = {
    "session/session.h": "names of a session for the admin API and the log, made when asked for",
}

INCLUDE = re.compile(r'^\s*#include "([^"]+)"', re.MULTILINE)


def layer_of(relative):
    return relative.parts[0] if len(relative.parts) > 1 else relative.stem


def check_includes(relative, text):
    layer = layer_of(relative)
    if layer not in LAYERS:
        yield f"proxy/{relative}:1: '{layer}' is not a layer; the order is {' < '.join(LAYERS)}"
        return
    for match in INCLUDE.finditer(text):
        place = f"proxy/{relative}:{source.line_of(text, match.start(1))}"
        target = match.group(1).split("/")[0]
        if "/" not in match.group(1) or target not in LAYERS:
            yield f'{place}: write "layer/file.h", not "{match.group(1)}"'
        elif LAYERS.index(target) > LAYERS.index(layer):
            yield f"{place}: {layer} must not include {target}: it stands to its right"


def check_doors(relative, text, code):
    for pattern, allowed, why in DOORS:
        if allowed and re.fullmatch(allowed, relative.as_posix()):
            continue
        for match in re.finditer(pattern, text if pattern.startswith("#include") else code):
            yield f"proxy/{relative}:{source.line_of(text, match.start())}: {why}"
    if layer_of(relative) in DATA_PATH:
        for match in SYSTEM_CALL.finditer(code):
            line = source.line_of(text, match.start())
            yield f"proxy/{relative}:{line}: {match.group(1)}() is called through os/sys.h"


def check_header_types(relative, code):
    if relative.suffix != ".h" or not any(re.fullmatch(place, relative.as_posix()) for place in HEAVY_FREE):
        return
    if relative.as_posix() in HEAVY_ALLOWED:
        return
    for match in HEAVY.finditer(code):
        line = source.line_of(code, match.start())
        yield f"proxy/{relative}:{line}: {match.group(0)} has no place in a data path header"


def graph(root):
    """File -> the files of the tree that it includes; main.cc and headers by their path under proxy/."""
    proxy = root / "proxy"
    return {path.relative_to(proxy).as_posix(): [m.group(1) for m in INCLUDE.finditer(path.read_text())]
            for path in source.cpp_files(proxy)}


def check_circles(files):
    """The order of rooms allows circles within a room only; there are none there either."""
    done, path = set(), []

    def visit(name):
        if name in path:
            circle = path[path.index(name):] + [name]
            return f"proxy/{name}:1: includes itself: {' -> '.join(circle)}"
        if name in done or name not in files:
            return None
        path.append(name)
        found = next((f for f in map(visit, files[name]) if f), None)
        path.pop()
        done.add(name)
        return found
    return [found for found in map(visit, files) if found]


def check_picture(root):
    """proxy/ARCHITECTURE.md shows the rooms in this order."""
    page = root / "proxy" / "ARCHITECTURE.md"
    if not page.is_file():
        return []
    for wing, rooms in WINGS.items():
        listed = " ".join(f"`{room}`" for room in rooms if room != "main")
        if f"| {wing} | {listed} |" not in page.read_text():
            return [f"proxy/ARCHITECTURE.md:1: the table of wings lacks '| {wing} | {listed} |'"]
    return []


def check(root):
    proxy = root / "proxy"
    findings = []
    for path in source.cpp_files(proxy):
        relative = path.relative_to(proxy)
        text = path.read_text()
        code = source.code_only(text)
        findings += check_includes(relative, text)
        findings += check_doors(relative, text, code)
        findings += check_header_types(relative, code)
    return findings + check_circles(graph(root)) + check_picture(root)


def draw(root):
    """Lines of text: each room with its size and the rooms that it includes, in the order of LAYERS."""
    files = graph(root)
    for wing, rooms in WINGS.items():
        yield wing
        for room in rooms:
            own = [name for name in files if layer_of(pathlib.PurePath(name)) == room]
            lines = sum((root / "proxy" / name).read_text().count("\n") for name in own)
            used = {target.split("/")[0] for name in own for target in files[name]} - {room}
            arrows = " ".join(sorted(used, key=LAYERS.index))
            size = f"{len(own):3} files {lines:5} lines" if own else "  no file yet"
            yield f"  {room:<10} {size:<24} {'-> ' + arrows if arrows else ''}".rstrip()


def stale_exceptions(root):
    """Exceptions for files that do not exist."""
    return [f"tests/lint/check_layers.py: '{name}' is an exception but does not exist"
            for name in HEAVY_ALLOWED if not (root / "proxy" / name).is_file()]


if __name__ == "__main__":
    drawing = "--print" in sys.argv
    if drawing:
        sys.argv.remove("--print")
    tree = source.root_argument()
    if drawing:
        print("\n".join(draw(tree)))
        sys.exit()
    source.finish("layers", check(tree) + stale_exceptions(tree))
