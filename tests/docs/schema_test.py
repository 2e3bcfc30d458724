#!/usr/bin/env python3
"""The JSON Schema with another implementation: it accepts files that weir accepts, and rejects files that weir check
rejects for their structure.

usage: schema_test.py WEIR     (with Debian's Python: it has jsonschema)
"""
import json
import pathlib
import re
import subprocess
import sys
import unittest

import jsonschema
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
WEIR = None

# What a schema can check: required values, keys, types, and the form of numbers and durations.
STRUCTURAL = re.compile(r"E(003|017|10\d|11[0-2]|12[12567]|211|216)$")
# Errors of the YAML text: a parser may accept it with another meaning than the author's.
OF_YAML = re.compile(r"E0(0[4-9]|1[0-3])$")
# Files for which this does not hold, and why.
EXCEPTIONS = {
    "bind_without_port": "the parts of an address are no structure, but a pattern can require the colon",
    "header_size_too_large": "for a schema a size is text, and a pattern has no range",
    "http_listener_without_a_target": "the required keys of a listener depend on its protocol and on its other targets",
    "listener_without_cluster": "the required keys of a listener depend on its protocol and on its other targets",
    "path_of_nonsense": "a pattern can require the first character of a path",
    "metrics_path_without_slash": "a pattern can require the first character of a path",
    "relative_socket_path": "a pattern can require the first character of a path",
    "socket_with_unix": "a pattern can require the first character of a path",
    "no_listeners": "an included file need not have them, and an editor cannot distinguish it",
    "octal_number": "a parser of YAML 1.2 returns the number 10, without its zero",
    "percentage_above_hundred": "for a schema a percentage is text, and a pattern has no range",
}


class Loader(yaml.SafeLoader):
    """What an editor does: YAML 1.2, in which `no` is text and 010 is no octal number."""


Loader.yaml_implicit_resolvers = {}
for tag, pattern, first in (("bool", r"^(true|false)$", "tf"), ("null", r"^(null|~|)$", ["n", "~", ""]),
                            ("int", r"^[-+]?[0-9]+$", "-+0123456789"),
                            ("float", r"^[-+]?[0-9]+\.[0-9]+$", "-+0123456789")):
    Loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(pattern), list(first))
Loader.add_constructor("tag:yaml.org,2002:int", lambda loader, node: int(loader.construct_scalar(node)))


def expected_codes(path):
    return re.findall(r"[EW]\d{3}", path.read_bytes().split(b"\n")[0].decode())


class Schema(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        text = subprocess.run([WEIR, "schema"], capture_output=True, text=True, check=True).stdout
        cls.schema = json.loads(text)

    def problems(self, path):
        document = yaml.load(path.read_text(), Loader)
        validator = jsonschema.Draft7Validator(self.schema)
        return [f"{path.name}: {'/'.join(map(str, e.absolute_path))}: {e.message[:200]}"
                for e in validator.iter_errors(document)]

    def test_is_a_schema(self):
        jsonschema.Draft7Validator.check_schema(self.schema)

    def test_takes_every_example(self):
        paths = [ROOT / "config/weir.yaml", *(ROOT / "config/examples").rglob("*.yaml")]
        self.assertGreater(len(paths), 5)
        for path in paths:
            with self.subTest(path.name):
                self.assertEqual(self.problems(path), [])

    def test_rejects_what_weir_rejects_for_its_structure(self):
        seen = set()
        for path in sorted((ROOT / "tests/bad_configs").glob("*.yaml")):
            try:
                problems = self.problems(path)
            except (yaml.YAMLError, UnicodeDecodeError, RecursionError):
                continue  # no document to look at
            if any(OF_YAML.match(code) for code in expected_codes(path)):
                continue
            structural = any(STRUCTURAL.match(code) for code in expected_codes(path))
            if path.stem in EXCEPTIONS:
                seen.add(path.stem)
                structural = not structural
            with self.subTest(path.name):
                self.assertEqual(bool(problems), structural, f"{expected_codes(path)} {problems}")
        self.assertEqual(seen, set(EXCEPTIONS), "an exception that is none")


if __name__ == "__main__":
    WEIR = pathlib.Path(sys.argv.pop(1)).resolve()
    unittest.main()
