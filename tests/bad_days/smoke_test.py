#!/usr/bin/env python3
"""The harness counts: two short days behind weir, and the arithmetic of the figures. It compares no proxies.

usage: smoke_test.py WEIR
"""
import collections
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

import client
import days
import figures
import network
import report

RUN = pathlib.Path(__file__).with_name("run")
SHORT = {"kill-one": "1,2,3", "all-down": "1,2,4"}  # before, during, after


def run(*arguments):
    return subprocess.run([RUN, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def every(step, begin, end):
    return [begin + number * step for number in range(round((end - begin) / step))]


def answered(at, outcome="ok", method="GET", backend=1):
    return client.Request(at, 0, method, "/r/0", "", ended=at + 0.01, outcome=outcome, backend=backend)


class ShortDays(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with tempfile.TemporaryDirectory() as folder:
            runs = {name: subprocess.Popen([RUN, name, "--weir", WEIR, "--proxies", "weir", "--phases", phases,
                                            "--json", f"{folder}/{name}"], stdout=subprocess.PIPE, text=True)
                    for name, phases in SHORT.items()}
            cls.printed = {name: process.communicate()[0] for name, process in runs.items()}
            assert not any(process.returncode for process in runs.values())
            cls.of = {name: json.loads(pathlib.Path(folder, name).read_text())[0] for name in runs}

    def test_every_request_is_counted_once(self):
        for name in SHORT:
            expected = days.DAYS[name].rate * self.of[name]["seconds"]
            self.assertAlmostEqual(self.of[name]["requests"] / expected, 1, delta=0.1)
            self.assertAlmostEqual(self.of[name]["posts"] / self.of[name]["requests"], 0.2, delta=0.01)

    def test_of_one_killed_backend_most_requests_are_answered_by_the_others(self):
        result = self.of["kill-one"]
        self.assertLess(result["failed"], 0.05 * result["requests"])
        self.assertGreater(result["posts_arrived"], 0.9 * result["posts"])
        self.assertGreater(result["goodput_in"], 0.8 * days.DAYS["kill-one"].rate)

    def test_latencies_have_the_time_of_the_backend_in_them(self):
        self.assertGreaterEqual(self.of["kill-one"]["p50_ms"], 5)
        self.assertGreaterEqual(self.of["kill-one"]["p99_ms"], self.of["kill-one"]["p50_ms"])

    def test_without_a_backend_requests_fail_until_they_are_back(self):
        result = self.of["all-down"]
        self.assertGreater(result["failed"], days.DAYS["all-down"].rate)
        self.assertEqual(result["failed"], sum(result["failed_by_reason"].values()))
        self.assertLess(result["posts_arrived"], result["posts"])
        self.assertGreater(result["goodput_before"], result["goodput_in"])

    def test_connects_to_the_killed_backend_are_seen_on_the_wire(self):
        if network.command():
            self.assertGreater(self.of["kill-one"]["sent_to_bad"], 0)
            self.assertNotEqual(self.of["kill-one"]["noticed"], figures.NEVER)
        else:
            self.assertIsNone(self.of["kill-one"]["sent_to_bad"])

    def test_the_table_has_a_row_for_the_day(self):
        self.assertIn(f"| kill -9 of one | {report.failed(self.of['kill-one'])} |", self.printed["kill-one"])


class Options(unittest.TestCase):
    def test_help_names_every_day(self):
        result = run("--help")
        self.assertEqual(result.returncode, 0, result.stdout)
        for day in days.DAYS.values():
            self.assertIn(day.title, result.stdout)

    def test_an_unknown_day_is_refused_with_the_known_ones(self):
        result = run("kill-two")
        self.assertEqual(result.returncode, 2)
        self.assertIn("no day kill-two; there are kill-one", result.stdout)

    def test_a_missing_weir_is_named_with_the_command_that_builds_it(self):
        result = run("kill-one", "--weir", "/nowhere/weir")
        self.assertEqual(result.returncode, 1)
        self.assertIn("--target weir", result.stdout)


class Figures(unittest.TestCase):
    def test_a_bad_backend_is_noticed_at_the_last_of_many_requests(self):
        self.assertEqual(figures.noticed(every(0.02, 0, 10.7), 10, 20, 50), 0.48)  # ten more are within a fifth

    def test_a_few_trials_do_not_hide_that_it_was_noticed(self):
        self.assertEqual(figures.noticed(every(0.02, 0, 10) + every(0.5, 10, 20), 10, 20, 50), 0)

    def test_a_bad_backend_with_half_of_its_share_is_never_noticed(self):
        self.assertEqual(figures.noticed(every(0.04, 0, 20), 10, 20, 50), figures.NEVER)

    def test_a_backend_is_back_when_its_share_begins_not_at_a_first_trial(self):
        self.assertEqual(figures.back([10.5, *every(0.02, 13, 20)], 10, 20, 50), 3)
        self.assertEqual(figures.back(every(0.04, 10, 20), 10, 20, 50), figures.NEVER)

    def test_failures_and_posts_that_arrived_twice_are_counted(self):
        requests = [answered(1), answered(4, "504"), answered(4, "gave up", "POST"), answered(19, method="POST")]
        posts = collections.Counter(["2", "2", "3"])
        result = figures.figures(days.DAYS["kill-one"], requests, [4, 5, 18], posts, (0, 3, 18, 33))
        self.assertEqual((result["failed"], result["posts_twice"], result["posts_arrived"]), (2, 1, 2))
        self.assertEqual(result["failed_by_reason"], {"504": 1, "gave up": 1})
        self.assertEqual(result["sent_to_bad"], 2)

    def test_goodput_counts_answers_to_the_requests_of_its_time(self):
        requests = [answered(at) for at in (*every(0.5, 0, 3), *every(1, 3, 11), *every(0.5, 13, 27))]
        result = figures.figures(days.DAYS["overload"], requests, None, collections.Counter(), (0, 3, 11, 27))
        self.assertEqual((result["goodput_before"], result["goodput_in"], result["goodput_after"]), (2, 1, 2))


if __name__ == "__main__":
    WEIR = pathlib.Path(sys.argv.pop(1)).resolve()
    if not network.command():
        print("This user may make no network namespace: the days run on 127.0.0.0/8 of this host, without the wire.")
    unittest.main()
