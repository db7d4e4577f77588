#!/usr/bin/env python3
"""What Grafana's dashboard shows, for reading without Grafana: a row per panel and query, with what a Prometheus says to
it if its address is given. Complains of panels that overlap, that have no unit, no query or no title, of queries without
a name in the legend where there are several, and of those to which Prometheus has nothing to say.
    tests/dashboard.py DASHBOARD.json [http://PROMETHEUS:PORT]
"""
import json
import sys
import urllib.parse
import urllib.request

COLUMNS = 24  # of Grafana's grid


def cells(panel):
    at = panel["gridPos"]
    return {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}


def faults(panels):
    taken, ids = {}, set()
    for panel in panels:
        title = panel["title"]
        if not title or not panel["targets"] or not panel["fieldConfig"]["defaults"].get("unit"):
            yield f"panel {panel['id']} has no title, no query or no unit"
        if panel["id"] in ids:
            yield f"the number {panel['id']} is taken twice"
        ids.add(panel["id"])
        for cell in cells(panel):
            if cell[0] >= COLUMNS or cell in taken:
                yield f"“{title}” overlaps “{taken.get(cell, 'the edge')}”"
                break
        taken.update(dict.fromkeys(cells(panel), title))
        if len(panel["targets"]) > 1 and not all(target["legendFormat"] for target in panel["targets"]):
            yield f"“{title}” has several queries, and one without a name"
        if len({target["refId"] for target in panel["targets"]}) < len(panel["targets"]):
            yield f"“{title}” has two queries with the same letter"


def ask(prometheus, query):
    """The query's values, with the largest first."""
    with urllib.request.urlopen(f"{prometheus}/api/v1/query?{urllib.parse.urlencode({'query': query})}") as answer:
        values = [float(series["value"][1]) for series in json.load(answer)["data"]["result"]]
    return sorted(values, reverse=True)


def rows(panels, prometheus):
    for panel in panels:
        for number, target in enumerate(panel["targets"]):
            values = ask(prometheus, target["expr"]) if prometheus else []
            yield (
                "" if number else panel["title"],
                "" if number else panel["fieldConfig"]["defaults"].get("unit", ""),
                target["legendFormat"],
                f"{values[0]:.6g}" if values else "",
                target["expr"],
            )


def main():
    prometheus = sys.argv[2] if len(sys.argv) > 2 else None
    with open(sys.argv[1], encoding="utf-8") as file:
        panels = json.load(file)["panels"]
    table = list(rows(panels, prometheus))
    heading = ("panel", "unit", "line", "now", "query")
    widths = [max(len(row[column]) for row in [heading, *table]) for column in range(len(heading) - 1)]
    for row in [heading, *table]:
        print("  ".join([*(text.ljust(width) for text, width in zip(row, widths)), row[-1]]))
    wrong = list(faults(panels))
    if prometheus:
        wrong += [f"no value for {row[-1]}" for row in table if not row[-2]]
    for fault in wrong:
        print("dashboard.py:", fault, file=sys.stderr)
    sys.exit(bool(wrong))


main()
