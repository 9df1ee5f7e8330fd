"""Every expression of the dashboards gives an answer on a real Prometheus that holds an hour of invented history."""
import json
import pathlib
import re
import signal
import subprocess
import tempfile
import unittest
import urllib.error
import urllib.parse
import urllib.request

from prometheus_test import listed_metrics
from support import SOURCE, run

# Any instant will do; blocks of one day around it are never compacted away with this retention.
END = 1_800_000_000
STEP = 15
SAMPLES = 240
VALUES = {"state": ("QUEUED", "RUNNING", "ready"), "job_id": ("1", "2"), "metric": ("loss", "auroc_macro"),
          "split": ("train", "validation"), "grpc_type": ("unary",), "grpc_code": ("OK", "INTERNAL")}
BUCKETS = ("0.1", "1", "10", "+Inf")


def label_sets(labels):
    """Two identities at least; `name` follows `job_id`, as it does in job_info."""
    sets = [{"job": "ecgtrain-coordinator", "instance": "coordinator:9464"}]
    for label in sorted(labels - {"name"}):
        sets = [{**one, label: value} for one in sets for value in VALUES.get(label, ("a",))]
    return [{**one, "name": f"job-{one['job_id']}"} if "name" in labels else one for one in sets]


def series():
    """(family, type, sample name, labels) of all listed metrics."""
    for name, (kind, labels) in listed_metrics().items():
        for one in label_sets(labels):
            if kind == "histogram":
                for bound in BUCKETS:
                    yield name, kind, f"{name}_bucket", {**one, "le": bound}
                yield name, kind, f"{name}_sum", one
                yield name, kind, f"{name}_count", one
            else:
                yield name, kind, name, one


def history():
    """OpenMetrics text: counters and buckets grow, gauges stand at 1."""
    lines, seen = [], set()
    for family, kind, name, labels in series():
        if family not in seen:
            seen.add(family)
            base = family.removesuffix("_total") if kind == "counter" else family
            lines += [f"# HELP {base} Invented.", f"# TYPE {base} {kind}"]
        text = ",".join(f'{key}="{value}"' for key, value in labels.items())
        for sample in range(SAMPLES):
            value = 1 if kind == "gauge" else sample + 1
            lines.append(f"{name}{{{text}}} {value} {END - (SAMPLES - sample) * STEP}")
    return "\n".join([*lines, "# EOF", ""])


def expressions():
    for path in sorted((SOURCE / "deploy/grafana/dashboards").rglob("*.json")):
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel.get("targets", []):
                text = target["expr"]
                for variable, value in (("$__rate_interval", "1m"), ("$__range", "30m"), ("$job_id", ".+"), ("$job", ".+"),
                                        ("$instance", ".+")):
                    text = text.replace(variable, value)
                yield f'{panel["title"]} {target["refId"]}', text, target["legendFormat"]


class ExpressionsTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        root = pathlib.Path(folder.name)
        (root / "history.om").write_text(history())
        (root / "prometheus.yml").write_text("{}\n")
        code, output = run("promtool", "tsdb", "create-blocks-from", "openmetrics", root / "history.om", root / "data")
        self.assertEqual(code, 0, output)
        self.process = subprocess.Popen(
            ["prometheus", f"--config.file={root}/prometheus.yml", f"--storage.tsdb.path={root}/data",
             "--storage.tsdb.retention.time=100y", "--web.listen-address=127.0.0.1:0"],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.addCleanup(self.stop)
        self.address = self.wait_until_ready()

    def stop(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.stderr.close()
        self.process.wait()

    def wait_until_ready(self):
        address, log = None, []
        for line in self.process.stderr:
            log.append(line)
            found = re.search(r'msg="Listening on" address=(\S+)', line)
            address = found.group(1) if found else address
            if "Server is ready to receive web requests" in line:
                self.assertIsNotNone(address, "".join(log))
                return address
        return self.fail("Prometheus did not start: " + "".join(log))

    def query(self, expression):
        arguments = urllib.parse.urlencode({"query": expression, "time": END - STEP})
        try:
            with urllib.request.urlopen(f"http://{self.address}/api/v1/query?{arguments}", timeout=30) as answer:
                return json.load(answer)["data"]["result"]
        except urllib.error.HTTPError as error:
            self.fail(error.read().decode())

    def test_every_expression_gives_series_that_its_panel_can_tell_apart(self):
        for name, expression, legend in expressions():
            with self.subTest(panel=name):
                found = self.query(expression)
                self.assertNotEqual(found, [], expression)
                shown = [re.sub(r"\{\{(\w+)\}\}", lambda match, one=one: one["metric"][match.group(1)], legend) for one in found]
                self.assertEqual(len(set(shown)), len(found), shown)

    def test_loss_carries_the_name_of_its_job(self):
        expression = next(text for name, text, _ in expressions() if name == "Training loss A")
        found = {(one["metric"]["job_id"], one["metric"]["name"]) for one in self.query(expression)}
        self.assertEqual(found, {("1", "job-1"), ("2", "job-2")})

    def test_error_ratio_counts_server_errors_among_all_calls(self):
        expression = next(text for name, text, _ in expressions() if name == "Errors A")
        self.assertEqual([one["value"][1] for one in self.query(expression)], ["0.5"])


if __name__ == "__main__":
    unittest.main()
