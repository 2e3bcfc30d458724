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
    (r"proxy/.*\.(h|cc)", r"\bclass \w+(Impl|Manager|Factory|Helper|Util|Handler|Context)\b",
     "the name says nothing about what it is"),
]
CITING = r".*\.(h|cc|def|py|yaml|sh|txt|md)"
TRAPS = r"\b[Tt]raps? T\d+(?:(?:, | and | or )T\d+)*"
TRAP_ROW = r"(?m)^\| (T\d+) \|"
DOCUMENT = r"(?<![\w./-])[\w./-]*\w\.md\b"


def skipped(relative):
    """Dot folders and build trees are not the project's text; this file has to name what it forbids."""
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


def prose(path):
    """The comments of a source, the text of a document; without addresses of the web, on the lines where it was."""
    text = path.read_text(errors="replace")
    if path.suffix in (".h", ".cc", ".def"):
        kept = [match.span() for match in source.LITERALS.finditer(text) if match.group(0).startswith(("//", "/*"))]
    elif path.suffix == ".md":
        kept = [(0, len(text))]
    else:
        kept = [match.span() for match in re.finditer(r"#.*", text)]
    blanked = list(re.sub(r"[^\n]", " ", text))
    for begin, end in kept:
        blanked[begin:end] = text[begin:end]
    return re.sub(r"\w+://\S+", lambda address: " " * len(address.group(0)), "".join(blanked))


def check_citations(root, path, relative, traps, documents):
    """`traps`: those of the table; `documents`: by name."""
    text = prose(path)
    for match in re.finditer(TRAPS, text):
        for trap in set(re.findall(r"T\d+", match.group(0))) - traps:
            yield (f"{relative}:{source.line_of(text, match.start())}: 'trap {trap}' does not stand in the table of "
                   "proxy/ARCHITECTURE.md")
    for match in re.finditer(DOCUMENT, text):
        cited = match.group(0)
        if not (cited in documents or (path.parent / cited).is_file() or (root / cited.lstrip("/")).is_file()):
            yield f"{relative}:{source.line_of(text, match.start())}: '{cited}': there is no such document"


def check(root):
    findings = list(check_top_level(root)) + list(check_proxy_folders(root))
    table = root / "proxy/ARCHITECTURE.md"
    traps = set(re.findall(TRAP_ROW, table.read_text())) if table.is_file() else set()
    documents = {path.name for path in root.rglob("*.md") if not skipped(path.relative_to(root))}
    for path in sorted(root.rglob("*")):
        relative = path.relative_to(root)
        if skipped(relative) or not path.is_file():
            continue
        if relative.parts[0] == "proxy" and path.suffix in (".h", ".def"):
            findings += check_header(path, relative.as_posix())
        findings += check_words(path, relative.as_posix())
        if re.fullmatch(CITING, path.name):
            findings += check_citations(root, path, relative.as_posix(), traps, documents)
    return findings


if __name__ == "__main__":
    source.finish("tree", check(source.root_argument()))
