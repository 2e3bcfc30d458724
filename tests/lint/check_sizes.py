#!/usr/bin/env python3
"""Files, functions and classes stay small enough to be read in one go.

usage: check_sizes.py [TREE]
"""
import re

import source

FILE_LINES = {".h": 250, ".cc": 600, ".def": 250}
FUNCTION_LINES = 70
NAMED = {"CMakeLists.txt": 150, "README.md": 200, "proxy/main.cc": 120}
# "path": "reason". It should stay empty.
ALLOWED = {}
CLASS_DATA, CLASS_FUNCTIONS = 25, 30
# "path class": (data members, functions, reason): classes that are larger, and must not grow. The list
# only gets shorter.
LARGE_CLASSES = {
    "proxy/config/model.h Listener": (28, 0, "one member for each key of a listener"),
    "proxy/config/parse.cc Reading": (5, 33, "one function for each kind of value"),
    "proxy/exchange/body_relay.h BodyRelay": (22, 37, "framing is to become a class of its own"),
    "proxy/exchange/exchange.h Exchange": (25, 98, "a function or two for each stage"),
    "proxy/h2/h2_link.h H2Link": (16, 51, "a function for each event of a connection, and for each use by a stream"),
    "proxy/upstream/shared_connection.h SharedConnection": (25, 46, "a function for each event of a connection, and for each change of a place"),
    "proxy/net/pipe.h HalfPipe": (21, 35, "the three ways to move bytes share their state"),
    "proxy/net/transport.h Transport": (14, 48, "the one interface to a socket, with TLS or without"),
    "proxy/session/http2_client.h Http2Client": (15, 45, "a function for each event of a connection, and its end"),
    "proxy/session/http_session.h HttpSession": (19, 41, "waiting, lingering and ending one connection"),
    "proxy/session/session.h Session": (8, 32, "the interface of all sessions to their worker"),
    "proxy/session/tcp_session.h TcpSession": (13, 38, "connecting, relaying and lingering in one"),
    "proxy/tls/tls_stream.h TlsStream": (26, 45, "handshake and records of one connection"),
    "proxy/upstream/cluster_spec.h ClusterSpec": (27, 6, "one member for each setting of a cluster"),
    "proxy/upstream/cluster.h Cluster": (19, 36, "balancing and books of one cluster"),
}

TYPE = re.compile(r"\b(class|struct|union|enum|namespace)\b|extern\s*\"\"\s*$")
CONTROL = re.compile(r"^\s*(if|for|while|switch|do|else|try|catch)\b")


def is_function(head):
    """Whether `head`, the text before a brace outside functions, begins a function's body."""
    head = re.sub(r"^\s*template\s*<[^{}]*?>\s*(?=\w)", " ", head)
    if "(" not in head or head.rstrip().endswith(("=", ",", "(")):
        return False
    before_parameters = head.split("(")[0]
    return not TYPE.search(before_parameters) and not CONTROL.match(head)


def functions(code):
    """Yields (first line, number of lines, head) of every function with a body."""
    code = re.sub(r"^[ \t]*#.*(?:\\\n.*)*", lambda m: re.sub(r"[^\n]", " ", m.group(0)), code,
                  flags=re.MULTILINE)
    head_start, depth, opened = 0, 0, None
    for match in re.finditer(r"[{};]", code):
        mark, at = match.group(0), match.start()
        if opened is not None:
            depth += {"{": 1, "}": -1, ";": 0}[mark]
            if depth == 0:
                first, head = opened
                last = source.line_of(code, at)
                yield first, last - first + 1, head
                opened = None
                head_start = at + 1
            continue
        head = code[head_start:at]
        if mark == "{" and is_function(head):
            start = head_start + len(head) - len(head.lstrip())
            opened, depth = (source.line_of(code, start), " ".join(head.split())[:60]), 1
        else:
            head_start = at + 1

CLASS = re.compile(r"(?<!enum )\b(?:class|struct)\s+(?:\[\[\w+\]\]\s+)?(\w+)(?:\s+final)?\s*(?::[^;{}()]*(?:\([^;{}]*\)[^;{}]*)?)?\{")
# What is declared in a class and is neither a data member nor a function.
OTHER = re.compile(r"(using|friend|typedef|static_assert|enum|class|struct|union|public|protected|private)\b")
CONSTANT = re.compile(r"static\s+(constexpr|const)\b|static\b.*\bconstinit\b")


def matching(code, at):
    """The place behind the brace that closes the one at `at`."""
    depth = 0
    for place in range(at, len(code)):
        depth += {"{": 1, "}": -1}.get(code[place], 0)
        if depth == 0:
            return place + 1
    return len(code)


def declarations(body):
    """Yields what a class declares, without the bodies of functions, initialisers and inner classes."""
    text, at = "", 0
    while at < len(body):
        if body[at] == "{":
            end = matching(body, at)
            text += "{}"
            # A body ends a declaration; an initialiser is followed by ';' or by the next member.
            if is_function(text[:-2]) or re.match(r"\s*(enum|class|struct|union)\b", text):
                yield text
                text = ""
            at = end
            continue
        if body[at] == ";":
            yield text
            text = ""
        else:
            text += body[at]
        at += 1


def without(pattern, text):
    """Removes what the pattern matches, from the inside out."""
    while (shorter := re.sub(pattern, "", text)) != text:
        text = shorter
    return text


def count_members(body):
    """(data members, functions) of a class with this body."""
    data, functions_ = 0, 0
    for text in declarations(body):
        text = re.sub(r"\b(public|protected|private)\s*:(?!:)", " ", text)
        text = re.sub(r"^[ \t]*#.*$", "", text, flags=re.MULTILINE).strip()
        text = re.sub(r"^template\s*<[^{}]*?>\s*", "", text)
        text = re.sub(r"^(\[\[\w+\]\]|alignas\(\w+\))\s*", "", text).strip()
        if not text or OTHER.match(text) or re.fullmatch(r"\W*", text):
            continue
        plain = without(r"<[^<>]*>", re.sub(r"operator\s*(\(\)|[^\s\w(]+)", "operator_", text))
        if "(" in plain.split("=")[0]:
            functions_ += 1
        elif not CONSTANT.match(text):
            data += 1 + without(r"\([^()]*\)", without(r"\{[^{}]*\}", plain)).count(",")
    return data, functions_


def classes(code):
    """Yields (line, name, data members, functions) of every class with a body."""
    for match in CLASS.finditer(code):
        opened = match.end() - 1
        body = code[opened + 1:matching(code, opened) - 1]
        yield (source.line_of(code, match.start()), match.group(1), *count_members(body))


def check_file(path, relative):
    text = path.read_text()
    lines = text.count("\n")
    limit = NAMED.get(relative, FILE_LINES.get(path.suffix))
    if limit and lines > limit:
        yield f"{relative}:1: {lines} lines, at most {limit}"
    if path.suffix in (".h", ".cc"):
        for line, length, head in functions(source.code_only(text)):
            if length > FUNCTION_LINES:
                yield f"{relative}:{line}: {length} lines in '{head}', at most {FUNCTION_LINES}"
    if path.suffix in (".h", ".cc") and relative.startswith("proxy/"):
        yield from check_classes(relative, source.code_only(text))


def check_classes(relative, code):
    for line, name, data, functions_ in classes(code):
        most_data, most_functions, _ = LARGE_CLASSES.get(f"{relative} {name}",
                                                         (CLASS_DATA, CLASS_FUNCTIONS, ""))
        if data > most_data:
            yield f"{relative}:{line}: {name} has {data} data members, at most {most_data}"
        if functions_ > most_functions:
            yield f"{relative}:{line}: {name} has {functions_} functions, at most {most_functions}"


def stale_exceptions(root):
    """Large classes that are gone, or have become small enough."""
    large = set()
    for path in {name.split()[0] for name in LARGE_CLASSES}:
        if not (root / path).is_file():
            continue
        for _, name, data, functions_ in classes(source.code_only((root / path).read_text())):
            if data > CLASS_DATA or functions_ > CLASS_FUNCTIONS:
                large.add(f"{path} {name}")
    return [f"tests/lint/check_sizes.py: '{name}' is an exception but is not large"
            for name in LARGE_CLASSES if name not in large]


def check(root):
    paths = source.cpp_files(root / "proxy") + source.cpp_files(root / "tests")
    paths += [root / name for name in NAMED if (root / name).is_file() and name != "proxy/main.cc"]
    findings = []
    for path in paths:
        relative = path.relative_to(root).as_posix()
        if relative not in ALLOWED:
            findings += check_file(path, relative)
    return findings


if __name__ == "__main__":
    tree = source.root_argument()
    source.finish("sizes", check(tree) + stale_exceptions(tree))
