#!/usr/bin/env python3
"""Includes point down the one order of layers, and the outside world has few doors.

usage: check_layers.py [TREE]
"""
import re

import source

# An include may only point to the own folder or to one that stands further left.
LAYERS = ["base", "http", "preamble", "metrics", "config", "os", "event", "tls", "net", "h2", "upstream", "health",
          "discovery", "middleware", "routing", "exchange", "session", "worker", "control", "admin", "server", "cli",
          "main"]

# What is reachable through few files only: (pattern in the code, files that may, why).
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
DATA_PATH = ("tls", "net", "upstream", "health", "routing", "session", "worker")
SYSTEM_CALL = re.compile(
    r"(?<![\w>.:])::(socket|bind|listen|accept4?|connect|recv|recvmsg|send|sendmsg|read|readv|write|"
    r"writev|close|shutdown|setsockopt|getsockopt|splice|pipe2?|fcntl|ioctl)\s*\(")

# Header types that allocate or count references behind the data path's back.
HEAVY = re.compile(r"\bstd::(function|shared_ptr|map|unordered_map|string)\b(?!_view)")
HEAVY_FREE = (r"net/.*", r"tls/tls_(stream|records)\.h", r"session/.*")
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
    return findings


def stale_exceptions(root):
    """Exceptions for files that are gone."""
    return [f"tests/lint/check_layers.py: '{name}' is an exception but does not exist"
            for name in HEAVY_ALLOWED if not (root / "proxy" / name).is_file()]


if __name__ == "__main__":
    tree = source.root_argument()
    source.finish("layers", check(tree) + stale_exceptions(tree))
