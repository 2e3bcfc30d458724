#!/usr/bin/env python3
"""What comments and documents cite stands in the tree: traps, files, headings, decisions. A numbered section of a text
that is elsewhere is no citation: a reader cannot open it.

usage: check_citations.py [TREE]
"""
import fnmatch
import re

import source

SUFFIXES = {".h", ".cc", ".def", ".py", ".yaml", ".sh", ".txt", ".md", ".json"}
SCRIPTS = {"run", "quickstart", "install-packages", "Dockerfile", ".gdbinit"}  # names without a suffix
# Inputs of tests, and the lints and their tests, which show what they find.
SKIPPED = r"tests/(bad_configs|fuzz/corpus)/.*|tests/lint/.*\.py|config/schema/.*"

TRAPS = r"\b[Tt]raps? T\d+(?:(?:, | and | or )T\d+)*"
TRAP_ROW = r"(?m)^\| (T\d+) \|"
PATH = re.compile(r"(?<![\w./$<-])/?(?:[\w.*{},-]+/)*[\w.*{},-]*(?:[\w*]\.(?:h|cc|def|py|md|json|yaml|service|txt)|\.\{h,cc\})(?![\w/-])")
# Bare names of these kinds are files of the tree. Others may be an operator's.
OF_THE_TREE = re.compile(r".*\.(h|cc|def|py|md|\{h,cc\})")
# First parts of paths that belong to libraries and to operators, and single files of others.
FOREIGN = {"event2", "openssl", "yaml-cpp", "prometheus", "CLI", "asm", "sys", "netinet", "linux", "nlohmann", "fmt",
           "conf.d", "..", ".", "..data", "PWD", "folder", "layer"}
FOREIGN_FILES = {"proxy-protocol.txt", "flow.h", "fullchain.pem"}
HEADING = re.compile(r"(?m)^#+ +(.*?) *$")
LINK = re.compile(r"(?<![\w./-])((?:[\w./-]+\.md)?)#([a-z][\w-]*)(?=\))")
DECISION = re.compile(r"\bdecisions? (\d{3})\b")
# (pattern, what is wrong with it)
ELSEWHERE = [
    (r"(?:\b[Ss]ections?|§) ?\d+(?:\.\d+)*(?! of the manual)", "cite a heading of a document of the tree"),
    (r"\b(?:drain|backends|discovery|house|http2|metrics|middleware|models)(?:\.md)? \d+\.\d+\b(?! of)",
     "cite a heading of a document of the tree"),
    (r"\b[Rr]ow [A-Z]\d+\b", "name the test or the rule"),
    (r"(?<![\w/])[Ii]ssue #?\d+\b", "describe it: issues are not in the tree"),
]


def cited_in(path):
    name = path.as_posix()
    return (path.suffix in SUFFIXES or path.name in SCRIPTS) and not re.fullmatch(SKIPPED, name) and (
        path.parts[0] == ".github" or len(path.parts) == 1 and path.name in SCRIPTS or
        not path.parts[0].startswith((".", "build")))


def prose(path):
    """The comments of a source, the text of a document; on the lines where it was, without addresses of the web."""
    text = path.read_text(errors="replace")
    if path.suffix in (".h", ".cc", ".def"):
        kept = [match.span() for match in source.LITERALS.finditer(text) if match.group(0).startswith(("//", "/*"))]
    elif path.suffix in (".md", ".json"):
        kept = [(0, len(text))]
    else:
        kept = [match.span() for match in re.finditer(r'"""(?:.|\n)*?"""|#.*', text)]
    pieces, at = [], 0
    for begin, end in kept:
        pieces += ["\n" * text.count("\n", at, begin) or " ", text[begin:end]]
        at = end
    return re.sub(r"\w+://\S+", " ", "".join(pieces))


def alternatives(path):
    match = re.search(r"\{([^{}]*)\}", path)
    if not match:
        return [path]
    return [path[:match.start()] + word + path[match.end():] for word in match[1].split(",")]


def anchors(path):
    """Of the headings, as the sites that show Markdown make them."""
    text = re.sub(r"```.*?```", "", path.read_text(), flags=re.DOTALL)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in HEADING.findall(text)}


class Tree:
    def __init__(self, root):
        self.root = root
        every = [path.relative_to(root) for path in root.rglob("*") if path.is_file()]
        self.files = {path.as_posix() for path in every if path.parts[0] != ".git" and not path.parts[0].startswith("build")}
        self.names = {name.rsplit("/", 1)[-1] for name in self.files}
        table = root / "proxy/ARCHITECTURE.md"
        self.traps = set(re.findall(TRAP_ROW, table.read_text())) if table.is_file() else set()

    def has(self, cited, path):
        """From the top, from proxy/ or tests/, or from a folder that `path` is in."""
        if "/" not in cited:
            return any(fnmatch.fnmatchcase(name, cited) for name in self.names)
        folders = ["", "proxy/", "tests/", *(f"{folder.as_posix()}/" for folder in path.parents if folder.parts)]
        return any(fnmatch.fnmatchcase(name, folder + cited) for folder in folders for name in (
            self.files if "*" in cited else ([folder + cited] if folder + cited in self.files else [])))


def check_paths(tree, path, text):
    for match in PATH.finditer(text):
        cited = match.group(0)
        first = cited.split("/")[0]
        if first in FOREIGN | {""} or cited in FOREIGN_FILES or re.search(r"\b[A-Z]+(_\w+)?\.(cc|h)$", cited):
            continue
        if "/" not in cited and (not OF_THE_TREE.fullmatch(cited) or cited.startswith(("_", ".", "*"))):
            continue
        missing = [one for one in alternatives(cited) if not tree.has(one, path)]
        if missing:
            yield match.start(), f"'{missing[0]}': there is no such file"


def check_headings(tree, path, text):
    for match in LINK.finditer(text):
        target = (tree.root / path).parent / match[1] if match[1] else tree.root / path
        if target.is_file() and match[2] not in anchors(target):
            yield match.start(), f"'{match.group(0)}': there is no such heading"


def check_text(tree, path, text):
    yield from check_paths(tree, path, text)
    yield from check_headings(tree, path, text)
    for match in re.finditer(TRAPS, text):
        for trap in sorted(set(re.findall(r"T\d+", match.group(0))) - tree.traps):
            yield match.start(), f"'trap {trap}' does not stand in the table of proxy/ARCHITECTURE.md"
    for match in DECISION.finditer(text):
        if not any(name.startswith(f"proxy/decisions/{match[1]}-") for name in tree.files):
            yield match.start(), f"'{match.group(0)}': proxy/decisions has no such page"
    for pattern, why in ELSEWHERE:
        for match in re.finditer(pattern, text):
            if not re.search(r"RFC[^.;]{0,60}$", text[:match.start()].rsplit("\n\n", 1)[-1]):
                yield match.start(), f"'{match.group(0)}': {why}"


def check(root):
    tree = Tree(root)
    for path in sorted(root.rglob("*")):
        relative = path.relative_to(root)
        if path.is_file() and cited_in(relative):
            text = prose(path)
            for offset, finding in sorted(check_text(tree, relative, text)):
                yield f"{relative.as_posix()}:{source.line_of(text, offset)}: {finding}"


if __name__ == "__main__":
    source.finish("citations", list(check(source.root_argument())))
