"""The Markdown of a run."""
import statistics

BLANK = "–"


def cell(value):
    if value is None:
        return BLANK
    if isinstance(value, str):
        return value
    return f"{value:.1f}" if isinstance(value, float) and value < 100 else f"{value:.0f}"


def failed(result):
    twice = result["posts_twice"]
    return cell(result["failed"]) + (f" ({twice} twice)" if twice else "")


def pair(first, second):
    return lambda result: f"{cell(result[first])} · {cell(result[second])}"


COLUMNS = {
    "failed": failed,
    "noticed, s": lambda result: cell(result["noticed"]),
    "sent to the bad": lambda result: cell(result["sent_to_bad"]),
    "back, s": lambda result: cell(result["back"]),
    "p50 · p99, ms": pair("p50_ms", "p99_ms"),
    "goodput in · after, /s": pair("goodput_in", "goodput_after"),
}
TABLES = (  # heading, columns, whether for the days of overload or for the others
    ("Failures, and how fast they end", ("failed", "noticed, s", "back, s"), False),
    ("What clients and the bad backends see of it", ("p50 · p99, ms", "sent to the bad"), False),
    ("Overload", ("goodput in · after, /s", "back, s", "p50 · p99, ms", "failed"), True),
)


def table(heading, columns, titles, results, names):
    lines = [f"### {heading}", "",
             "| day | " + " | ".join(f"{column}: {name}" if name == names[0] else name
                                     for column in columns for name in names) + " |",
             "|---|" + "---:|" * len(columns) * len(names)]
    for day, title in titles.items():
        cells = [COLUMNS[column](results[day, name]) if (day, name) in results else BLANK
                 for column in columns for name in names]
        if set(cells) != {BLANK}:
            lines.append(f"| {title} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n" if len(lines) > 4 else ""


def circumstances(measured):
    loads = [result["load_average"] for result in measured]
    late = [result["latest_ms"] for result in measured]
    return (f"Load average at the start of a day: {min(loads)} to {max(loads)}, median {statistics.median(loads):.1f}. "
            f"The latest request of a day was sent {statistics.median(late):.0f} ms after its time in the median of the "
            f"days, {max(late)} ms on the worst.\n")


def markdown(days, measured, names):
    """`measured`: the figures of these days with these proxies."""
    results = {(result["day"], result["proxy"]): result for result in measured}
    tables = (table(heading, columns, {day.name: day.title for day in days if day.is_overload == overload}, results, names)
              for heading, columns, overload in TABLES)
    return "\n".join([circumstances(measured), *filter(None, tables)])
