#!/usr/bin/env python3
"""The binary that is shipped can be loaded anywhere, and its tables of functions are read-only once it runs.

usage: hardening_test.py WEIR     (a release build)
"""
import subprocess
import sys
import unittest

WEIR = None


def readelf(*options):
    return subprocess.run(["readelf", "-W", *options, WEIR], capture_output=True, text=True, check=True).stdout


class Hardening(unittest.TestCase):
    def test_is_position_independent(self):
        self.assertRegex(readelf("--file-header"), r"Type:\s+DYN")
        self.assertRegex(readelf("--dynamic"), r"FLAGS_1.*\bPIE\b")

    def test_binds_everything_at_the_start_and_makes_it_read_only(self):
        self.assertRegex(readelf("--dynamic"), r"\(FLAGS\).*BIND_NOW|FLAGS_1.*\bNOW\b")
        self.assertIn("GNU_RELRO", readelf("--program-headers"))

    def test_has_no_executable_stack(self):
        self.assertRegex(readelf("--program-headers"), r"GNU_STACK\s+(0x0+\s+){3}0x0+\s+0x0+\s+RW\s|GNU_STACK.* RW ")

    def test_guards_the_stack_and_checks_what_is_copied(self):
        symbols = readelf("--dyn-syms")
        self.assertIn("__stack_chk_fail", symbols)
        self.assertRegex(symbols, r"__\w+_chk\b")


if __name__ == "__main__":
    WEIR = sys.argv.pop(1)
    unittest.main()
