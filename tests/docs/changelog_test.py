#!/usr/bin/env python3
"""deploy/CHANGELOG.md agrees with the version in CMakeLists.txt, the "since" of keys, and the metrics, log events and end
reasons that the sources have: what is new, or gone, is listed there."""
import pathlib
import re
import unittest

import key_table

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHANGELOG = ROOT / "deploy/CHANGELOG.md"
FIRST = "0.1"

SECTION = re.compile(r"^## (\d+\.\d+)\.\d+\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
PARAGRAPH = re.compile(r"^\*\*(Added|Deprecated|Removed): ([\w` ]+)\.\*\*(.*?)(?=\n\n|\Z)", re.MULTILINE | re.DOTALL)
METRIC_ROW = re.compile(r'^(?!#)[A-Z_]+\([^"]*,\s*\w+,\s*"((?:weir|process)_\w+)"', re.MULTILINE)
LOGGED = re.compile(r'\b(?:LOG|log|log_request)\((?P<before>[^;]*?)(?=\bkv|;)')
EVENT = re.compile(r'"([a-z]\w*\.\w+)"')


def sections():
    """Version without its last number → its text."""
    return dict(SECTION.findall(CHANGELOG.read_text()))


def listed(text, what, of):
    """The words in back quotes of one paragraph of a section: what = Added, of = metrics."""
    return {word for kind, subject, words in PARAGRAPH.findall(text) if (kind, subject) == (what, of)
            for word in re.findall(r"`([^`]+)`", words)}


def new_keys():
    """Version → paths of the keys that it added, without those in a map that it added."""
    found = {}
    for key in key_table.keys(ROOT, FIRST):
        if not key.with_parent:
            found.setdefault(key.since, set()).add(key.path)
    return found


def sources():
    return [path.read_text() for path in sorted((ROOT / "proxy").rglob("*.cc"))]


def metrics():
    return set(METRIC_ROW.findall((ROOT / "proxy/metrics/metrics.def").read_text()))


def events():
    return {event for text in sources() for call in LOGGED.finditer(text) for event in EVENT.findall(call["before"])}


def end_reasons():
    path = next((ROOT / "proxy").rglob("end_reasons.def"))
    return set(re.findall(r"^END_REASON\((\w+)", path.read_text(), re.MULTILINE))


class Changelog(unittest.TestCase):
    def test_begins_with_the_version_that_is_built(self):
        version = re.search(r"project\(weir VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text())[1]
        self.assertEqual(re.search(r"^## (\S+)$", CHANGELOG.read_text(), re.MULTILINE)[1], version)

    def test_lists_each_key_under_the_version_since_which_it_exists(self):
        self.assertGreater(len(list(key_table.keys(ROOT, FIRST))), 200)
        for version, keys in new_keys().items():
            self.assertIn(version, sections())
            if version != FIRST:
                self.assertEqual(listed(sections()[version], "Added", "keys"), keys, version)

    def test_lists_metrics_events_and_reasons_once_and_as_they_are(self):
        for what, there, at_first in (("metrics", metrics(), 55), ("log events", events(), 17),
                                      ("values of `reason`", end_reasons(), 17)):
            added = [word for text in sections().values() for word in sorted(listed(text, "Added", what))]
            removed = {word for text in sections().values() for word in listed(text, "Removed", what)}
            with self.subTest(what):
                self.assertEqual(len(added), len(set(added)), "listed twice")
                self.assertEqual(set(added) - there - removed, set(), "listed, but not in the sources")
                # The first version lists no single names: their number shows whether one was added or removed.
                rest = there - set(added)
                self.assertEqual(len(rest), at_first - len(removed - set(added)), f"not listed: {sorted(rest)}")


if __name__ == "__main__":
    unittest.main()
