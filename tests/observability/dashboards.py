"""The expressions of the dashboards, and in which scene each of them has to have something to show."""
import json
import re

# A range for the time the scenes take; Grafana would put in at least four scrape intervals.
RANGES = {"$__rate_interval": "10s", "$__interval": "1s"}
FIRST = "load"
# Panels that show another value than 0 only later: panel, or panel and refId → scene.
MOVES_IN = {
    "No backend": "all backends down",
    "Changes of health": "all backends down",
    "Log messages": "all backends down",
    "Reloads": "reload",
    "Reload duration p99": "reload",
    "annotation Reloads": "reload",
    "Sessions of older configurations": "reload",
    "annotation Drains": "drain",
    "Drain: still open": "drain",
    "Drain: how connections ended": "drain",
    "Drain: time left": "drain",
}
# Those of them that have no value at all before, not even 0.
EMPTY_BEFORE = {"Reload duration p99", "annotation Reloads", "annotation Drains", "Drain: time left"}
# Always 0 here; why.
ALWAYS_0 = {
    "Log lines lost, errors of its outputs": "the log is written as fast as it comes",
    "Series B": "there are few series",
}
ALWAYS_0_IN_SANITIZED_BUILDS = {"Memory B": "glibc, which is asked, does not know the sanitizer's heap"}


class Expression:
    def __init__(self, title, ref, text):
        self.title, self.ref, self.text = title, ref, text
        self.shown_in = self.moved_in = None  # scene
        self.given_up = False  # has been waited for long enough, and was reported

    def of(self, table):
        return f"{self.title} {self.ref}" if f"{self.title} {self.ref}" in table else self.title

    def lacks(self, scene):
        """What it lacks at the end of this scene; None if it lacks nothing."""
        if self.given_up:
            return None
        if self.shown_in is None and (self.of(EMPTY_BEFORE) not in EMPTY_BEFORE or self.scene() == scene):
            return "has no data"
        if self.moved_in is None and self.scene() == scene and self.of(ALWAYS_0) not in ALWAYS_0:
            return "is always 0"
        return None

    def scene(self):
        return MOVES_IN.get(self.of(MOVES_IN), FIRST)

    def look(self, prometheus, scene):
        values = prometheus.values(self.text)
        if values:
            self.shown_in = self.shown_in or scene
        if any(values):
            self.moved_in = self.moved_in or scene


def panels(node):
    for panel in node.get("panels") or []:
        yield panel
        yield from panels(panel)


def resolved(text, variables):
    replaced = dict(RANGES, **{form: ".*" for name in variables for form in ("$" + name, "${" + name + "}")})
    for name in sorted(replaced, key=len, reverse=True):
        text = text.replace(name, replaced[name])
    if "$" in text:
        raise ValueError(f"a variable that Grafana would not know either: {text}")
    return text


def values_of(variable):
    """label_values(SELECTOR, LABEL) as an expression with the same values."""
    found = re.fullmatch(r"label_values\((\w+)(?:\{(.*)\})?, (\w+)\)", variable["query"]["query"])
    name, matchers, label = found.groups()
    return f'count by ({label}) ({name}{{{matchers + ", " if matchers else ""}{label}!=""}})'


def expressions(path):
    """All queries of the dashboard to Prometheus: panels, annotations, the choices of its variables."""
    dashboard = json.loads(path.read_text())
    variables = [variable["name"] for variable in dashboard["templating"]["list"]]
    for panel in panels(dashboard):
        for target in panel.get("targets") or []:
            yield Expression(panel["title"], target["refId"], resolved(target["expr"], variables))
    for note in dashboard["annotations"]["list"]:
        yield Expression("annotation " + note["name"], "A", resolved(note["expr"], variables))
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            yield Expression("variable " + variable["name"], "A", resolved(values_of(variable), variables))


def stale_exceptions(all_expressions):
    """Entries of the tables above that no panel needs: its name changed, or it was removed."""
    names = {one.title for one in all_expressions} | {f"{one.title} {one.ref}" for one in all_expressions}
    return sorted((MOVES_IN.keys() | EMPTY_BEFORE | ALWAYS_0.keys()) - names)
