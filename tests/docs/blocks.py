"""The fenced blocks of Markdown documents: where each is, its language, its text. Code that is written in another way
(indented, or between tildes) would escape the scripts that run the blocks: it is an error."""
import dataclasses
import pathlib
import re

FENCE = re.compile(r"^(?P<indent> *)```(?P<language>[^\s`]*)[^\n`]*$")

INDENTED = re.compile(r"^( {4}|\t)\s*(?![-*+] |\d+[.)] |\s)")  # but an item of a nested list


@dataclasses.dataclass
class Block:
    path: str  # from the top of the tree
    line: int  # of the opening fence
    language: str
    text: str

    @property
    def place(self):
        return f"{self.path}:{self.line}"


def blocks_of(path, text):
    found, current, before = [], None, ""
    for number, line in enumerate(text.splitlines(), 1):
        match = FENCE.match(line)
        if current is None:
            if line.startswith("~~~") or (INDENTED.match(line) and not before.strip()):
                raise ValueError(f"{path}:{number}: write the block between ```")
            if match:
                current = Block(path, number, match["language"], "")
                indent = len(match["indent"])
        elif match and not match["language"]:
            found.append(current)
            current = None
        else:
            current.text += line[indent:] + "\n"
        before = line
    if current is not None:
        raise ValueError(f"{current.place}: the block is not closed")
    return found


def documents(root):
    """Every Markdown file of the tree, except those that a build or a tool has made; .github is for the hosting site."""
    for path in sorted(pathlib.Path(root).rglob("*.md")):
        relative = path.relative_to(root)
        if relative.parts[0] == ".github" or not relative.parts[0].startswith((".", "build")):
            yield relative.as_posix(), path.read_text()
