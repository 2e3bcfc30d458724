#!/usr/bin/env python3
"""The parts of compare.py that measure nothing: its options, the configurations it writes, its arithmetic.

usage: smoke_test.py WEIR
"""
import pathlib
import subprocess
import sys
import tempfile
import unittest

import compare
import http2

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
    def setUp(self):
        self.place = tempfile.TemporaryDirectory()
        self.folder = pathlib.Path(self.place.name) / "round"
        self.folder.mkdir()
        self.addCleanup(self.place.cleanup)

    def test_weir_accepts_its_own_without_a_warning(self):
        for name, scenario in compare.SCENARIOS.items():
            with self.subTest(name):
                path = self.folder / "config"
                path.write_text(compare.weir_config(scenario, 18090, self.folder))
                result = run(WEIR, "check", "--strict", "-c", path)
                self.assertEqual(result.returncode, 0, result.stdout)

    def test_only_bulk_and_large_splice(self):
        splicing = [name for name, scenario in compare.SCENARIOS.items()
                    if "option splice-response" in compare.haproxy_config(scenario, 18091, self.folder)]
        self.assertEqual(splicing, ["tcp-bulk", "http-large"])

    def test_http_scenarios_are_http_for_each_proxy_and_the_others_for_none(self):
        for name, scenario in compare.SCENARIOS.items():
            with self.subTest(name):
                http = name.startswith(("http", "h2"))
                self.assertEqual("protocol: http" in compare.weir_config(scenario, 18090, self.folder), http)
                self.assertEqual("mode http" in compare.haproxy_config(scenario, 18091, self.folder), http)
                self.assertEqual("proxy_pass http://" in compare.nginx_config(scenario, 18092, self.folder), http)
                self.assertEqual(scenario.backend_port in (compare.HTTP_PORT, compare.HTTP2_PORT), http)

    def test_every_scenario_of_http_keeps_the_connections_to_the_backend(self):
        for name, scenario in compare.SCENARIOS.items():
            if scenario.is_http:
                with self.subTest(name):
                    self.assertIn("http-reuse always", compare.haproxy_config(scenario, 18091, self.folder))
                    self.assertIn("keepalive 256;", compare.nginx_config(scenario, 18092, self.folder))

    def test_only_scenarios_of_http2_serve_it(self):
        for name, scenario in compare.SCENARIOS.items():
            with self.subTest(name):
                haproxy = compare.haproxy_config(scenario, 18091, self.folder)
                self.assertEqual("alpn h2" in haproxy or "proto h2" in haproxy, name.startswith("h2"))
                nginx = compare.nginx_config(scenario, 18092, self.folder)
                self.assertEqual(" http2;" in nginx, name.startswith("h2"))

    def test_scenarios_with_an_http2_backend_speak_http2_to_it(self):
        for name, scenario in compare.SCENARIOS.items():
            with self.subTest(name):
                to_http2 = name.endswith("-to-h2")
                self.assertEqual("protocol: http2" in compare.weir_config(scenario, 18090, self.folder), to_http2)
                self.assertEqual(f":{scenario.backend_port} proto h2" in
                                 compare.haproxy_config(scenario, 18091, self.folder), to_http2)
                self.assertEqual(";;proto=h2" in compare.nghttpx_config(scenario, 18093, self.folder), to_http2)

    def test_scenarios_of_http2_have_tls_except_for_h2c(self):
        for name, scenario in compare.SCENARIOS.items():
            if scenario.is_http2:
                with self.subTest(name):
                    tls = not name.startswith("h2c")
                    self.assertEqual("tls:" in compare.weir_config(scenario, 18090, self.folder), tls)
                    self.assertEqual("ssl crt" in compare.haproxy_config(scenario, 18091, self.folder), tls)
                    self.assertEqual("ssl_certificate" in compare.nginx_config(scenario, 18092, self.folder), tls)
                    self.assertEqual("certificate-file" in compare.nghttpx_config(scenario, 18093, self.folder), tls)
                    self.assertEqual("certificate-file" in compare.h2o_config(scenario, 18094, self.folder), tls)

    def test_each_proxy_has_the_scenarios_that_it_can_serve(self):
        of = {proxy.name: set(proxy.scenarios) for proxy in compare.all_proxies(WEIR, WEIR)}
        http2_only = {name for name in compare.SCENARIOS if name.startswith("h2")}
        to_http2 = {name for name in compare.SCENARIOS if name.endswith("-to-h2")}
        for name, scenarios in of.items():
            with self.subTest(name):
                expected = http2_only if name in ("nghttpx", "h2o") else set(compare.SCENARIOS)
                self.assertEqual(scenarios, expected - to_http2 if name in ("nginx", "h2o") else expected)

    def test_describes_the_load(self):
        self.assertEqual(compare.SCENARIOS["h2-small"].load, "8 connections, 32 streams each")
        self.assertEqual(compare.SCENARIOS["http-one"].load, "1 connection")
        self.assertEqual(compare.SCENARIOS["http-many"].load, "1000 connections, 64 of them with a request")
        self.assertEqual(compare.SCENARIOS["idle-memory"].load, "4000 connections")


class Arithmetic(unittest.TestCase):
    FIGURES = {"weir": [10.0, 12.0, 9.0], "haproxy": [20.0, 10.0, 18.0], "nginx": [40.0, 12.0, 10.0]}

    def test_each_round_is_compared_with_the_rival_that_was_better_in_it(self):
        self.assertEqual(compare.ratios(self.FIGURES), [0.5, 1.2, 0.9])

    def test_the_baseline_is_no_rival_and_is_compared_round_by_round(self):
        figures = {**self.FIGURES, compare.BASELINE: [5.0, 10.0, 9.0]}
        self.assertEqual(compare.ratios(figures), [0.5, 1.2, 0.9])
        self.assertEqual(compare.growth(figures), 1.2)

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


class H2load(unittest.TestCase):
    TEXT = """finished in 250.00ms, 4000.00 req/s, 1.00MB/s
requests: 1000 total, 1000 started, 1000 done, {good} succeeded, 0 failed, 0 errored, 0 timeout
status codes: {good} 2xx, 0 3xx, 0 4xx, 0 5xx
traffic: 130.0KB (130000) total, 10.0KB (10000) headers (space savings 90.00%), {size}KB ({size}) data
"""

    def test_prints_responses_and_seconds(self):
        text = self.TEXT.format(good=1000, size=100000)
        self.assertEqual(http2.results(text, 100, exactly=True), (1000, 0.25))

    def test_that_lost_a_response_or_a_part_of_one_measured_nothing(self):
        for good, size in ((999, 99900), (1000, 99999), (0, 0)):
            with self.subTest(f"{good} responses, {size} bytes"), self.assertRaises(RuntimeError):
                http2.results(self.TEXT.format(good=good, size=size), 100, exactly=True)

    def test_that_is_cut_by_its_duration_has_a_rate(self):
        self.assertEqual(http2.results(self.TEXT.format(good=800, size=81000), 100, exactly=False), (800, 0.25))


if __name__ == "__main__":
    WEIR = pathlib.Path(sys.argv.pop(1)).resolve()
    unittest.main()
