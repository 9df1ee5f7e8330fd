"""The dashboards pass the linter, and the linter finds what it is for."""
import copy
import json
import pathlib
import sys
import tempfile
import unittest

from support import SOURCE, run

LINTER = SOURCE / "deploy/lint/dashboards.py"
METRICS = SOURCE / "deploy/lint/metrics.txt"
DASHBOARDS = sorted((SOURCE / "deploy/grafana/dashboards").rglob("*.json"))


def lint(*paths, rules=None):
    extra = ["--rules", rules] if rules else []
    return run(sys.executable, "-B", LINTER, "--metrics", METRICS, *extra, *paths)


class DashboardsTest(unittest.TestCase):
    def test_dashboards_pass_the_linter(self):
        self.assertGreaterEqual(len(DASHBOARDS), 1)
        self.assertEqual(lint(*DASHBOARDS), (0, ""))

    def test_prometheus_parses_every_expression(self):
        with tempfile.TemporaryDirectory() as folder:
            rules = pathlib.Path(folder) / "rules.yml"
            self.assertEqual(lint(*DASHBOARDS, rules=rules)[0], 0)
            expressions = sum(len(p.get("targets", [])) for d in DASHBOARDS for p in json.loads(d.read_text())["panels"])
            code, output = run("promtool", "check", "rules", rules)
            self.assertEqual(code, 0, output)
            self.assertIn(f"{expressions} rules found", output)

    def test_every_listed_metric_is_shown(self):
        text = "".join(d.read_text() for d in DASHBOARDS)
        for line in METRICS.read_text().splitlines():
            if line and not line.startswith("#"):
                self.assertTrue(line.split()[0] in text, f"{line.split()[0]} is on no dashboard")


class LinterTest(unittest.TestCase):
    """Each test damages the overview in one way."""

    def setUp(self):
        self.board = json.loads(DASHBOARDS[0].read_text())

    def panel(self, title):
        return next(p for p in self.board["panels"] if p["title"] == title)

    def assert_found(self, *texts):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "board.json"
            path.write_text(json.dumps(self.board))
            code, output = lint(path)
        self.assertEqual(code, 1)
        self.assertEqual(len(output.splitlines()), len(texts), output)
        for text, line in zip(texts, output.splitlines()):
            self.assertIn(text, line)

    def set_expression(self, expression, legend=""):
        self.panel("Requests")["targets"] = [
            {"refId": "A", "datasource": {"uid": "${datasource}"}, "expr": expression, "legendFormat": legend}]

    def test_unknown_metric(self):
        self.set_expression('ecgtrain_redy{job=~"$job", instance=~"$instance"}')
        self.assert_found("unknown metric ecgtrain_redy")

    def test_unknown_label(self):
        self.set_expression('ecgtrain_ready{job=~"$job", instance=~"$instance", user="a"}')
        self.assert_found("ecgtrain_ready has no label user")

    def test_missing_selector(self):
        self.set_expression('ecgtrain_ready{job=~"$job"}')
        self.assert_found("ecgtrain_ready needs the selectors")

    def test_counter_without_rate(self):
        self.set_expression('ecgtrain_job_submissions_total{job=~"$job", instance=~"$instance"}')
        self.assert_found("counts up; use rate or increase")

    def test_fixed_rate_window(self):
        self.set_expression('rate(ecgtrain_job_submissions_total{job=~"$job", instance=~"$instance"}[5m])')
        self.assert_found("rate needs the window $__rate_interval")

    def test_legend_of_a_label_that_is_summed_away(self):
        self.set_expression('sum by (kind) (ecgtrain_jobs{job=~"$job", instance=~"$instance"})', "{{state}}")
        self.assert_found("the legend uses state, which the expression does not keep")

    def test_fixed_data_source(self):
        self.panel("Requests")["datasource"]["uid"] = "prometheus"
        self.assert_found("must use the variable ${datasource}")

    def test_missing_unit_and_description(self):
        del self.panel("Requests")["description"]
        del self.panel("Requests")["fieldConfig"]["defaults"]["unit"]
        self.assert_found("has no description", "unit None")

    def test_overlap_and_doubled_id(self):
        self.board["panels"].append(copy.deepcopy(self.panel("Requests")))
        self.assert_found("is used twice", "overlaps")

    def test_red_and_green_as_the_only_signal(self):
        self.panel("Requests")["fieldConfig"]["defaults"]["thresholds"]["steps"] = [
            {"color": "green", "value": None}, {"color": "red", "value": 1}]
        self.assert_found("red and green")

    def test_frame(self):
        self.board.update({"editable": True, "uid": "overview", "id": 7})
        self.board["templating"]["list"][1]["refresh"] = 1
        self.assert_found("uid must begin with", "editable must be false", "id belongs to", "variable job: refresh must be 2")


if __name__ == "__main__":
    unittest.main()
