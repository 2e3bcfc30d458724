"""Common code of the lints: finding sources, and a C++ text with comments and literals blanked out.

Blanking keeps every line and column where it was, so a finding can name its place.
"""
import pathlib
import re
import sys

LITERALS = re.compile(
    r'R"(?P<tag>[^()\s\\]{0,16})\((?:.|\n)*?\)(?P=tag)"'  # raw string
    r'|"(?:\\.|[^"\\\n])*"'  # string
    r"|(?<![0-9A-Fa-f])'(?:\\.|[^'\\\n])+'"  # character; not a digit separator
    r"|//[^\n]*|/\*(?:.|\n)*?\*/"  # comments
)


def blank(match):
    """Literals become "" padded with blanks, so that a call still looks like a call."""
    text = match.group(0)
    out = re.sub(r"[^\n]", " ", text)
    return '""' + out[2:] if text[0] in "\"R" and len(text) > 1 else out


def code_only(text):
    return LITERALS.sub(blank, text)


def cpp_files(folder):
    return sorted(p for p in pathlib.Path(folder).rglob("*") if p.suffix in (".h", ".cc", ".def"))


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def finish(name, findings):
    for finding in findings:
        print(finding)
    print(f"{name}: {len(findings)} finding(s)")
    sys.exit(1 if findings else 0)


def root_argument():
    """The tree to check: the argument, or the one this file is in."""
    if len(sys.argv) > 1:
        return pathlib.Path(sys.argv[1])
    return pathlib.Path(__file__).resolve().parents[2]
