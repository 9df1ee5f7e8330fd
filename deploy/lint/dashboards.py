#!/usr/bin/env python3
"""Checks Grafana dashboards: dashboards.py --metrics metrics.txt [--rules OUT.yml] DASHBOARD.json..

Prints one line a problem and exits 1 if there is any. The rules are those of Grafana's own dashboard linter (variables, data
source, selectors, rate windows, units) and ours: known metrics and labels only, a grid without overlaps, unique ids, no
red and green as the only signal. `--rules` writes every expression, with its variables replaced, as a recording rule, so
that `promtool check rules` can parse it.
"""
import argparse
import json
import re
import sys

PANEL_TYPES = {"timeseries", "stat", "bargauge", "heatmap", "table", "state-timeline", "trend", "text", "row"}
UNITS = {"none", "s", "bytes", "percentunit", "reqps", "rps", "dateTimeAsIso"}
SELECTORS = ('job=~"$job"', 'instance=~"$instance"')
# Labels that every series has, and that binary operators and functions add.
COMMON_LABELS = {"job", "instance", "le"}
SUFFIXES = {"histogram": ("_bucket", "_sum", "_count"), "counter": ("",), "gauge": ("",)}
# Stand-ins for what Grafana replaces, for promtool.
VARIABLES = {"$__rate_interval": "1m", "$__range": "1h", "$job_id": ".+", "$job": ".+", "$instance": ".+"}
METRIC = re.compile(r"\b(?:ecgtrain|grpc_server|process)_[a-z0-9_]+")


def read_metrics(path):
    """Exposed series name -> set of labels."""
    series = {}
    with open(path, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            fields = line.split("#")[0].split()
            if not fields:
                continue
            if len(fields) < 2 or fields[1] not in SUFFIXES:
                sys.exit(f"{path}:{number}: write NAME TYPE [LABEL,..]")
            labels = set(fields[2].split(",")) if len(fields) > 2 else set()
            for suffix in SUFFIXES[fields[1]]:
                series[fields[0] + suffix] = labels | COMMON_LABELS
    return series


def check_frame(board):
    """Problems of the dashboard as a whole."""
    if not re.fullmatch(r"ecgtrain-[a-z0-9-]+", board.get("uid", "")):
        yield "uid must begin with ecgtrain-"
    for key, wanted in (("schemaVersion", 39), ("editable", False), ("refresh", "30s")):
        if board.get(key) != wanted:
            yield f"{key} must be {json.dumps(wanted)}"
    if "id" in board:
        yield "id belongs to one Grafana server; leave it out"
    variables = {v["name"]: v for v in board.get("templating", {}).get("list", [])}
    source = variables.get("datasource", {})
    if source.get("type") != "datasource" or source.get("label") != "Data source":
        yield 'needs a variable datasource of type datasource with the label "Data source"'
    for name, label in (("job", "Job"), ("instance", "Instance")):
        v = variables.get(name, {})
        if (v.get("type"), v.get("label"), v.get("multi"), v.get("allValue")) != ("query", label, True, ".+"):
            yield f'needs a query variable {name}, label "{label}", multi, allValue ".+"'
    for name, v in variables.items():
        if v["type"] != "query":
            continue
        if v.get("refresh") != 2:
            yield f"variable {name}: refresh must be 2"
        if not re.fullmatch(r"label_values\(\w+(\{.*\})?, \w+\)", v.get("query", {}).get("query", "")):
            yield f"variable {name}: query must be label_values(METRIC{{..}}, LABEL)"


def check_grid(panels):
    taken = {}
    ids = set()
    for panel in panels:
        if panel.get("id") in ids:
            yield f'panel "{panel["title"]}": id {panel["id"]} is used twice'
        ids.add(panel.get("id"))
        pos = panel["gridPos"]
        if pos["x"] < 0 or pos["w"] < 1 or pos["x"] + pos["w"] > 24:
            yield f'panel "{panel["title"]}" is outside of the 24 columns'
        for cell in ((x, y) for x in range(pos["x"], pos["x"] + pos["w"]) for y in range(pos["y"], pos["y"] + pos["h"])):
            if cell in taken:
                yield f'panel "{panel["title"]}" overlaps "{taken[cell]}"'
                break
            taken[cell] = panel["title"]


def check_thresholds(defaults):
    steps = defaults.get("thresholds", {}).get("steps", [])
    values = [step["value"] for step in steps[1:]]
    if not steps or steps[0]["value"] is not None or values != sorted(values):
        yield "thresholds must ascend from null"
    colours = {step["color"] for step in steps}
    if {"red", "green"} <= colours:
        yield "red and green are the only signal for some readers; use blue and orange"


def check_panel(panel, series):
    if panel["type"] not in PANEL_TYPES:
        yield f'type {panel["type"]} is not in use here'
    if not panel.get("title"):
        yield "has no title"
    if panel["type"] in ("row", "text"):
        return
    if not panel.get("description"):
        yield "has no description"
    defaults = panel.get("fieldConfig", {}).get("defaults", {})
    if defaults.get("unit") not in UNITS:
        yield f'unit {defaults.get("unit")} is not one of {", ".join(sorted(UNITS))}'
    yield from check_thresholds(defaults)
    if not panel.get("targets"):
        yield "has no targets"
    for holder in [panel] + panel.get("targets", []):
        if holder.get("datasource", {}).get("uid") != "${datasource}":
            yield "must use the variable ${datasource}"
    for target in panel.get("targets", []):
        for problem in check_expression(target.get("expr", ""), target.get("legendFormat", ""), series):
            yield f'target {target.get("refId")}: {problem}'


def check_expression(expression, legend, series):
    if not expression:
        yield "has no expression"
    outside_braces = re.sub(r"\{[^}]*\}", "{}", expression)
    for match in METRIC.finditer(expression):
        name = match.group()
        if name not in series:
            yield f"unknown metric {name}"
            continue
        selector = re.match(r"\{([^}]*)\}", expression[match.end():])
        if not selector or not all(wanted in selector.group(1) for wanted in SELECTORS):
            yield f"{name} needs the selectors {', '.join(SELECTORS)}"
        else:
            for label in re.findall(r'(\w+)\s*(?:=~|!~|!=|=)', re.sub(r'"[^"]*"', '""', selector.group(1))):
                if label not in series[name]:
                    yield f"{name} has no label {label}"
        if name.endswith("_total") and not re.search(r"\b(rate|irate|increase)\($", expression[:match.start()]):
            yield f"{name} counts up; use rate or increase"
    for window in re.findall(r"\brate\([^\[]*\[([^\]]+)\]|\birate\([^\[]*\[([^\]]+)\]", outside_braces):
        if "$__rate_interval" not in window:
            yield "rate needs the window $__rate_interval"
    kept = set(",".join(re.findall(r"\b(?:by|group_left) \(([^)]*)\)", outside_braces)).replace(" ", "").split(","))
    for label in re.findall(r"\{\{\s*(\w+)\s*\}\}", legend):
        if label not in kept:
            yield f"the legend uses {label}, which the expression does not keep"


def recording_rules(expressions):
    """One group of rules; names say where an expression comes from."""
    rules = []
    for name, expression in expressions:
        for variable, value in VARIABLES.items():
            expression = expression.replace(variable, value)
        rules.append({"record": re.sub(r"\W", "_", name), "expr": expression})
    return json.dumps({"groups": [{"name": "dashboards", "rules": rules}]}, indent=1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--metrics", required=True)
    parser.add_argument("--rules")
    parser.add_argument("dashboards", nargs="+")
    options = parser.parse_args()
    series = read_metrics(options.metrics)
    problems, uids, expressions = [], {}, []
    for path in options.dashboards:
        with open(path, encoding="utf-8") as text:
            board = json.load(text)
        problems += [f"{path}: {p}" for p in check_frame(board)]
        problems += [f"{path}: {p}" for p in check_grid(board["panels"])]
        if board.get("uid") in uids:
            problems.append(f'{path}: uid {board["uid"]} is that of {uids[board["uid"]]}')
        uids[board.get("uid")] = path
        for panel in board["panels"]:
            problems += [f'{path}: panel "{panel.get("title")}": {p}' for p in check_panel(panel, series)]
            for target in panel.get("targets", []):
                expressions.append((f'{board["uid"]}:{panel["id"]}:{target["refId"]}', target["expr"]))
    if options.rules:
        with open(options.rules, "w", encoding="utf-8") as out:
            out.write(recording_rules(expressions))
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
