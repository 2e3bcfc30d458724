#!/usr/bin/env python3
"""check_metrics finds each kind of error: it runs on the real tree with one error at a time."""
import pathlib
import shutil
import tempfile
import unittest

import check_metrics

ROOT = pathlib.Path(__file__).resolve().parents[2]
DASHBOARD = "grafana/dashboards/weir.json"
RULES = "grafana/rules/weir.yml"
READY = 'sum(weir_ready{job=~\\"$job\\", instance=~\\"$instance\\"})'


class Metrics(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        shutil.copytree(ROOT / "grafana", self.root / "grafana")
        (self.root / "proxy/metrics").mkdir(parents=True)
        shutil.copy(ROOT / "proxy/metrics/metrics.def", self.root / "proxy/metrics")

    def change(self, name, old, new):
        path = self.root / name
        text = path.read_text()
        self.assertIn(old, text, f"{name} has changed; so must this test")
        path.write_text(text.replace(old, new, 1))

    def expect(self, expected):
        found = check_metrics.check(self.root)
        self.assertTrue(any(expected in one for one in found), f"'{expected}' is not in {found}")

    def test_the_tree_as_it_is_has_no_finding(self):
        self.assertEqual(check_metrics.check(self.root), [])

    def test_a_metric_that_does_not_exist(self):
        self.change(DASHBOARD, "weir_ready{", "weir_readiness{")
        self.expect("panel 'Ready instances': weir_readiness does not exist")

    def test_a_metric_without_the_instance(self):
        self.change(DASHBOARD, READY, READY.replace(', instance=~\\"$instance\\"', ""))
        self.expect("weir_ready needs instance=~")

    def test_a_counter_without_rate(self):
        self.change(DASHBOARD, READY, READY.replace("weir_ready", "weir_access_log_dropped_total"))
        self.expect("only its rate() or increase() means something")

    def test_a_gauge_under_rate(self):
        self.change(DASHBOARD, READY, READY.replace("weir_ready{", "rate(weir_ready{").replace("})", "}[$__rate_interval]))"))
        self.expect("weir_ready is a gauge")

    def test_a_fixed_range(self):
        self.change(DASHBOARD, "[$__rate_interval]", "[5m]")
        self.expect("the range is [5m]")

    def test_an_annotation_with_a_range_of_one_sample(self):
        self.change(DASHBOARD, "[$__rate_interval]) > 0\",\n", "[$__interval]) > 0\",\n")
        self.expect("annotation 'Reloads': the range is [$__interval]")

    def test_a_label_the_metric_does_not_have(self):
        self.change(DASHBOARD, READY, READY.replace("job=~", 'cluster=~\\"x\\", job=~', 1))
        self.expect("weir_ready has no label 'cluster'")

    def test_a_value_the_closed_label_never_has(self):
        self.change(RULES, 'reason=~"connect_failed|', 'reason=~"connection_failed|')
        self.expect("the label reason is never 'connection_failed'")

    def test_a_panel_without_description_or_unit(self):
        self.change(DASHBOARD, '"description": "Instances that', '"was": "Instances that')
        self.change(DASHBOARD, '"unit": "none"', '"unit": ""')
        self.expect("panel 'Ready instances': has no description")
        self.expect("panel 'Ready instances': has no unit")

    def test_a_data_source_that_is_not_the_variable(self):
        self.change(DASHBOARD, '"uid": "${datasource}"', '"uid": "P1809"')
        self.expect("is not the variable")

    def test_an_editable_dashboard(self):
        self.change(DASHBOARD, '"editable": false', '"editable": true')
        self.expect("is editable")

    def test_overlapping_panels(self):
        self.change(DASHBOARD, '"x": 3,', '"x": 2,')
        self.expect("lies over")

    def test_an_alert_without_a_runbook(self):
        self.change("grafana/runbooks.md", "## WeirDown\n", "")
        self.expect("WeirDown has no section")

    def test_a_record_that_is_not_made(self):
        self.change(RULES, "- record: cluster:weir_backends_failing:ratio", "- record: cluster:weir_backends:ratio")
        self.expect("cluster:weir_backends_failing:ratio is recorded nowhere")

    def test_a_row_that_the_reference_does_not_have(self):
        self.change("grafana/README.md", "| `weir_ready` |", "| `weir_readiness` |")
        self.expect("weir_ready of metrics.def is missing")
        self.expect("weir_readiness is not in metrics.def")


if __name__ == "__main__":
    unittest.main()
