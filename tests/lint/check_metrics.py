#!/usr/bin/env python3
"""Dashboards and alerts use metrics that exist, as they are meant to be used; the reference has them all.

usage: check_metrics.py [TREE]
"""
import json
import re

import source

ROW = re.compile(r'^(?!#)[A-Z_]+\(([^"]*),\s*\w+,\s*"(\w+)",\s*"([\w,]*)",', re.MULTILINE)
REFERENCE_ROW = re.compile(r"^\| `((?:weir|process)_\w+)` \| (\w+) \| ([^|]*)\| (.*) \|$", re.MULTILINE)
# A metric in an expression: what it is in, its name, its matchers. Recorded ones have colons in them.
USE = re.compile(r"(?P<before>\w*\(?\s*)(?<![\w:])(?P<name>(?:weir|process)_\w+)(?![\w:])(?:\{(?P<match>[^}]*)\})?")
RECORDED = re.compile(r"\b\w+:(?:weir|process)_\w+(?::\w+)?")
MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"')
PANELS = {"timeseries", "stat", "table", "heatmap", "state-timeline", "bargauge", "row"}
EVERY_SERIES = {"job", "instance", "le"}
REQUIRED = {'job=~"$job"', 'instance=~"$instance"'}
UNIT_KEYS = ("title", "description")


class Metric:
    def __init__(self, kind, labels, values):
        self.kind, self.labels, self.values = kind, labels, values


def table(root):
    """The rows of metrics.def: name → (C++ type, labels)."""
    text = (root / "proxy/metrics/metrics.def").read_text()
    return {name: (cell.strip(), [x for x in labels.split(",") if x]) for cell, name, labels in ROW.findall(text)}


def reference(root):
    """The rows of grafana/README.md, with the values of the closed labels."""
    text = (root / "grafana/README.md").read_text()
    reasons = re.findall(r"^\| `(\w+)` \| [^|]* \|$", text.partition("## Why a session ended")[2], re.MULTILINE)
    metrics = {}
    for name, kind, labels, meaning in REFERENCE_ROW.findall(text):
        values = {}
        closed = re.search(r" `(\w+)`: ((?:`\w+`(?:, )?)+)\.$", meaning)
        if closed:
            values[closed.group(1)] = re.findall(r"`(\w+)`", closed.group(2))
        elif "reasons are listed below" in meaning:
            values["reason"] = reasons
        metrics[name] = Metric(kind, re.findall(r"`(\w+)`", labels), values)
    return metrics


def check_reference(root, metrics):
    rows = table(root)
    for name in sorted(rows.keys() - metrics.keys()):
        yield f"grafana/README.md: {name} of metrics.def is missing; run weir metrics-reference"
    for name in sorted(metrics.keys() - rows.keys()):
        yield f"grafana/README.md: {name} is not in metrics.def"


def base_name(name, metrics):
    base = re.sub(r"_(bucket|sum|count)$", "", name)
    return base if name not in metrics and base in metrics and metrics[base].kind == "histogram" else name


def check_use(use, metrics):
    """One metric in an expression: it exists, and its kind and labels fit."""
    name, matchers = use["name"], MATCHER.findall(use["match"] or "")
    base = base_name(name, metrics)
    if base not in metrics:
        yield f"{name} does not exist"
        return
    metric = metrics[base]
    rated = re.match(r"(rate|increase)\(\s*$", use["before"]) is not None
    if metric.kind != "gauge" and not rated:
        yield f"{name} is a {metric.kind}: only its rate() or increase() means something"
    if metric.kind == "gauge" and rated:
        yield f"{name} is a gauge: rate() and increase() are for counters"
    for label, operator, value in matchers:
        if label not in metric.labels and label not in EVERY_SERIES:
            yield f"{name} has no label '{label}'"
        for one in value.split("|") if re.fullmatch(r"[\w|]+", value) and operator in ("=", "=~") else []:
            if label in metric.values and one not in metric.values[label]:
                yield f"{name}: the label {label} is never '{one}'"


def check_expression(expression, metrics, on_dashboard):
    for use in USE.finditer(RECORDED.sub("recorded", expression)):
        yield from check_use(use, metrics)
        if on_dashboard:
            missing = REQUIRED - {"".join((m[0], m[1], f'"{m[2]}"')) for m in MATCHER.findall(use["match"] or "")}
            for matcher in sorted(missing):
                yield f"{use['name']} needs {matcher}"


def check_ranges(expression, allowed):
    for found in re.findall(r"\[([^\]]*)\]", expression):
        if found not in allowed:
            yield f"the range is [{found}], not [{allowed[0]}]"


def check_targets(panel, metrics):
    targets = panel.get("targets") or []
    if not targets:
        yield "has no target"
    if len({t.get("refId") for t in targets}) != len(targets):
        yield "two targets have the same refId"
    for target in targets:
        expression = target.get("expr", "")
        yield from check_expression(expression, metrics, True)
        yield from check_ranges(expression, ["$__rate_interval"])
        if not USE.search(RECORDED.sub("recorded", expression)):
            yield "has a target without a metric"


def check_panel(panel, metrics):
    if panel.get("type") not in PANELS:
        yield f"has the type '{panel.get('type')}'; one of {', '.join(sorted(PANELS))} is meant"
    if panel.get("type") == "row":
        return
    for key in UNIT_KEYS:
        if not panel.get(key):
            yield f"has no {key}"
    if not panel.get("fieldConfig", {}).get("defaults", {}).get("unit"):
        yield "has no unit"
    yield from check_targets(panel, metrics)


def panels(node):
    for panel in node.get("panels") or []:
        yield panel
        yield from panels(panel)


def data_sources(node):
    if isinstance(node, dict):
        if isinstance(node.get("datasource"), (dict, str)):
            yield node["datasource"]
        node = list(node.values())
    if isinstance(node, list):
        for child in node:
            yield from data_sources(child)


def check_grid(dashboard):
    taken = {}
    for panel in panels(dashboard):
        place = panel["gridPos"]
        if place["x"] + place["w"] > 24:
            yield f"panel '{panel['title']}' is wider than the grid"
        for cell in ((x, y) for x in range(place["x"], place["x"] + place["w"])
                     for y in range(place["y"], place["y"] + place["h"])):
            if cell in taken:
                yield f"panel '{panel['title']}' lies over '{taken[cell]}'"
                break
            taken[cell] = panel["title"]


def check_dashboard(dashboard, stem, metrics):
    if dashboard.get("uid") != stem:
        yield f"the uid is '{dashboard.get('uid')}', not '{stem}'"
    if dashboard.get("editable") is not False:
        yield "is editable: a provisioned dashboard is changed in the file"
    if "__inputs" in dashboard or dashboard.get("schemaVersion", 0) < 39:
        yield "is an old export: no __inputs, schemaVersion 39 or later"
    for found in data_sources(dashboard):
        if not isinstance(found, dict) or found.get("uid") != "${datasource}":
            yield f"the data source {found} is not the variable ${{datasource}}"
    numbers = [panel.get("id") for panel in panels(dashboard)]
    if len(set(numbers)) != len(numbers):
        yield "two panels have the same id"
    yield from check_grid(dashboard)
    for panel in panels(dashboard):
        for finding in check_panel(panel, metrics):
            yield f"panel '{panel.get('title')}': {finding}"
    for note in dashboard.get("annotations", {}).get("list", []):
        expression = note.get("expr", "")
        for finding in [*check_expression(expression, metrics, True), *check_ranges(expression, ["$__rate_interval"])]:
            yield f"annotation '{note.get('name')}': {finding}"
    for variable in dashboard.get("templating", {}).get("list", []):
        for name in re.findall(r"label_values\((\w+)", str(variable.get("query"))):
            if name not in metrics:
                yield f"variable '{variable.get('name')}': {name} does not exist"


def check_rules(text, runbooks, metrics):
    """By lines, since the rules are written in one way: `expr:` on one line, or a block that is indented."""
    records = set(re.findall(r"^ *- record: (\S+)", text, re.MULTILINE))
    for match in re.finditer(r"^( *)expr: (?:\|\n((?:\1 +.*\n)+)|(.*)$)", text, re.MULTILINE):
        expression = match.group(2) or match.group(3)
        line = source.line_of(text, match.start())
        for finding in check_expression(expression, metrics, False):
            yield f"{line}: {finding}"
        for name in sorted(set(RECORDED.findall(expression)) - records):
            yield f"{line}: {name} is recorded nowhere"
    for rule in re.split(r"^ *- (?=alert: )", text, flags=re.MULTILINE)[1:]:
        name = re.match(r"alert: (\w+)", rule).group(1)
        line = source.line_of(text, text.index(f"- alert: {name}\n"))
        if f"\n## {name}\n" not in runbooks:
            yield f"{line}: {name} has no section in grafana/runbooks.md"
        if f"runbook: grafana/runbooks.md#{name.lower()}\n" not in rule:
            yield f"{line}: {name} does not name its runbook"
        for needed in ("severity:", "summary:"):
            if needed not in rule:
                yield f"{line}: {name} has no {needed[:-1]}"
    for name in re.findall(r"^## (\w+)$", runbooks, re.MULTILINE):
        if f"- alert: {name}\n" not in text:
            yield f"1: there is a runbook for {name}, but no such alert"


def check(root):
    metrics = reference(root)
    findings = list(check_reference(root, metrics))
    for path in sorted((root / "grafana/dashboards").glob("*.json")):
        found = check_dashboard(json.loads(path.read_text()), path.stem, metrics)
        findings += [f"{path.relative_to(root)}: {finding}" for finding in found]
    runbooks = (root / "grafana/runbooks.md").read_text()
    for path in sorted((root / "grafana/rules").glob("*.yml")):
        if not path.stem.endswith("_test"):
            found = check_rules(path.read_text(), runbooks, metrics)
            findings += [f"{path.relative_to(root)}:{finding}" for finding in found]
    return findings


if __name__ == "__main__":
    source.finish("metrics", check(source.root_argument()))
