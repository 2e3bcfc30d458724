#!/usr/bin/env python3
"""Files and functions stay small enough to be read in one go.

usage: check_sizes.py [TREE]
"""
import re

import source

FILE_LINES = {".h": 250, ".cc": 600, ".def": 250}
FUNCTION_LINES = 70
NAMED = {"CMakeLists.txt": 150, "README.md": 200, "proxy/main.cc": 120}
# "path": "reason". It should stay empty.
ALLOWED = {}

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
    source.finish("sizes", check(source.root_argument()))
