#!/usr/bin/env python3
"""The tree explains itself: each folder has a README, each header a contract; nothing is left half done.

usage: check_tree.py [TREE]
"""
import re

import source

TOP_LEVEL = {"CMakeLists.txt", "CMakePresets.json", "LICENSE", "README.md", "proxy", "config", "tests",
             "deploy", "grafana"}
PROXY_TEXTS = {"ARCHITECTURE.md", "DEBUGGING.md", "STYLE.md", "main.cc"}
README_LINES = 60
# (files, what they must not hold, why)
FORBIDDEN = [
    (r"(proxy|tests|deploy|config)/.*\.(h|cc|def|py|yaml|sh|txt)", r"\b(TODO|FIXME|XXX|HACK)\b",
     "unfinished work is an issue, not a comment"),
    (r"tests/.*\.(h|cc|py)", r"\b(sleep_for|sleep_until|usleep|nanosleep|sleep)\s*\(",
     "a test waits for an event, it does not sleep"),
    (r"tests/.*\.(h|cc|py)", r"\b(GTEST_SKIP|DISABLED_\w+|skipTest|unittest\.skip\w*)", "a test that does not run proves nothing"),
    (r"(proxy|tests|deploy|config|grafana|README)\b.*\.(h|cc|def|py|yaml|yml|sh|txt|md|json|service)",
     r"(?i)\b(farewell|goodbyes?|last words?|mend(s|ed|ing)?|complain(s|ed|ing)?|whoever|whomever|somebody|rang|"
     r"shak(e|es|ing)[ _]hands|speaks?[ _](for|tls|https?)|vouch(es|ed)? for|pretends? to be|lives and dies|is told so|"
     r"those who|who waits|(?-i:[Nn]obody|[Aa]nybody))\b",
     "use the verb of the field, and name the subject: proxy/STYLE.md"),
    (r"proxy/.*\.(h|cc)", r"\bclass \w+(Impl|Manager|Factory|Helper|Util|Handler|Context)\b",
     "the name says nothing about what it is"),
]


def skipped(relative):
    """Skips dot folders and build trees, which are not part of the project, and this file, which names what it forbids."""
    return relative.parts[0].startswith((".", "build")) or relative.as_posix() == "tests/lint/check_tree.py"


def check_top_level(root):
    for path in sorted(root.iterdir()):
        if not path.name.startswith((".", "build")) and path.name not in TOP_LEVEL:
            yield f"{path.name}: does not belong at the top level; it holds {', '.join(sorted(TOP_LEVEL))}"


def check_proxy_folders(root):
    for path in sorted((root / "proxy").iterdir()):
        if path.is_file() and path.name not in PROXY_TEXTS:
            yield f"proxy/{path.name}: belongs in a layer's folder"
        if not path.is_dir():
            continue
        readme = path / "README.md"
        if not readme.is_file():
            yield f"proxy/{path.name}: has no README.md"
        elif not 5 <= readme.read_text().count("\n") <= README_LINES:
            yield f"proxy/{path.name}/README.md: should have 10 to 25 lines"


def check_header(path, relative):
    lines = path.read_text().splitlines()
    if not lines or not re.match(r"// \S", lines[0]):
        yield f"{relative}:1: a header opens with its contract, a comment"
    if path.suffix == ".h" and "#pragma once" not in lines:
        yield f"{relative}:1: has no '#pragma once'"


def check_words(path, relative):
    rules = [(pattern, why) for files, pattern, why in FORBIDDEN if re.fullmatch(files, relative)]
    if not rules:
        return
    text = path.read_text(errors="replace")  # some inputs of tests are no text
    for pattern, why in rules:
        for match in re.finditer(pattern, text):
            yield f"{relative}:{source.line_of(text, match.start())}: '{match.group(0)}': {why}"


def check(root):
    findings = list(check_top_level(root)) + list(check_proxy_folders(root))
    for path in sorted(root.rglob("*")):
        relative = path.relative_to(root)
        if skipped(relative) or not path.is_file():
            continue
        if relative.parts[0] == "proxy" and path.suffix in (".h", ".def"):
            findings += check_header(path, relative.as_posix())
        findings += check_words(path, relative.as_posix())
    return findings


if __name__ == "__main__":
    source.finish("tree", check(source.root_argument()))
