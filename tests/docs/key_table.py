"""The keys of the configuration, as the tables in proxy/config/keys*.def have them."""
import dataclasses
import pathlib
import re

ROW = re.compile(
    r"^(?P<kind>KEY|STRINGS|MAP|SECTION|OPTIONAL|LIST|DIRECTIVE)\((?P<struct>\w+)(?:, (?P<key>\w+), (?P<child>\w+))?"
    r'(?P<middle>(?:[^"()]|R"\([^)]*\)"|"(?:\\.|[^"\\])*"|\([^()]*\))*?)"(?P<since>\d+\.\d+)", ?\n? *"', re.MULTILINE)


@dataclasses.dataclass
class Key:
    path: str  # listeners.limits.max_headers
    default: str  # as it is written; "" of a map
    since: str  # a version, without its last number
    with_parent: bool  # added together with its map


def structs(root):
    """Struct → its rows."""
    found = {}
    for path in sorted((pathlib.Path(root) / "proxy/config").glob("keys*.def")):
        for row in ROW.finditer(path.read_text()):
            found.setdefault("Model" if row["kind"] == "DIRECTIVE" else row["struct"], []).append(row)
    return found


def keys(root, first):
    """All keys; `first` is the version that the maps at the top came with."""
    table = structs(root)

    def walk(struct, path, version):
        for row in table[struct]:
            below = row["child"] if row["kind"] in ("SECTION", "OPTIONAL", "LIST") else None
            name = path + (row["struct"] if row["kind"] == "DIRECTIVE" else row["key"])
            default = re.search(r'"((?:\\.|[^"\\])*)"', row["middle"]) if not below else None
            yield Key(name, default[1] if default else "", row["since"], row["since"] == version)
            if below:
                yield from walk(below, name + ".", row["since"])

    children = {row["child"] for rows in table.values() for row in rows}
    for struct in table:
        if struct not in children:
            yield from walk(struct, "", first)
