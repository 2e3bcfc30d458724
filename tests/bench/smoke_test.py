#!/usr/bin/env python3
"""What compare.py does without measuring: its options, the configurations it writes, its arithmetic.

usage: smoke_test.py WEIR
"""
import pathlib
import subprocess
import sys
import tempfile
import unittest

import compare

COMPARE = pathlib.Path(compare.__file__)


def run(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


class Options(unittest.TestCase):
    def test_help_names_every_scenario(self):
        result = run(COMPARE, "--help")
        self.assertEqual(result.returncode, 0, result.stdout)
        for name in compare.SCENARIOS:
            self.assertIn(name, result.stdout)

    def test_an_unknown_scenario_is_refused_with_the_known_ones(self):
        result = run(COMPARE, "--weir", WEIR, "tcp-bluk")
        self.assertEqual(result.returncode, 2)
        self.assertIn("no scenario tcp-bluk; there are tcp-small-echo", result.stdout)

    def test_a_missing_load_is_named_with_the_command_that_builds_it(self):
        result = run(COMPARE, "--weir", WEIR, "--load", "/nowhere/load")
        self.assertEqual(result.returncode, 1)
        self.assertIn("--target weir_bench_load", result.stdout)


class Configurations(unittest.TestCase):
    def test_weir_accepts_its_own_without_a_warning(self):
        for name, scenario in compare.SCENARIOS.items():
            with self.subTest(name), tempfile.TemporaryDirectory() as folder:
                path = pathlib.Path(folder) / "config"
                path.write_text(compare.weir_config(scenario, 18090, folder))
                result = run(WEIR, "check", "--strict", "-c", path)
                self.assertEqual(result.returncode, 0, result.stdout)

    def test_only_bulk_splices(self):
        splicing = [name for name, scenario in compare.SCENARIOS.items()
                    if "option splice-response" in compare.haproxy_config(scenario, 18091, "")]
        self.assertEqual(splicing, ["tcp-bulk"])


class Arithmetic(unittest.TestCase):
    FIGURES = {"weir": [10.0, 12.0, 9.0], "haproxy": [20.0, 10.0, 18.0], "nginx": [40.0, 12.0, 10.0]}

    def test_each_round_is_compared_with_the_rival_that_was_better_in_it(self):
        self.assertEqual(compare.ratios(self.FIGURES), [0.5, 1.2, 0.9])

    def test_every_row_of_the_table_has_as_many_cells_as_its_head(self):
        rates = {name: [1.0] for name in self.FIGURES}
        for name, scenario in compare.SCENARIOS.items():
            with self.subTest(name):
                text = compare.table(name, scenario, self.FIGURES, rates)
                rows = [line for line in text.splitlines() if line.startswith("|")]
                self.assertEqual(len(rows), 5)
                self.assertEqual({row.count("|") for row in rows}, {rows[0].count("|")})
                self.assertIn("| 10.0 | 9.0–12.0 |", rows[2])
                self.assertIn("| 0.90 | 0.50–1.20 |", rows[2])


if __name__ == "__main__":
    WEIR = pathlib.Path(sys.argv.pop(1)).resolve()
    unittest.main()
