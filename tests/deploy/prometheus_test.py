"""The Prometheus configuration and the provisioning of Grafana fit one another and the coordinator."""
import re
import tempfile
import unittest
import urllib.request

import yaml

from support import PROGRAMS, SOURCE, coordinator, run


class PrometheusTest(unittest.TestCase):
    def setUp(self):
        self.config = yaml.safe_load((SOURCE / "deploy/prometheus/prometheus.yml").read_text())
        self.compose = yaml.safe_load((SOURCE / "docker-compose.yml").read_text())

    def test_promtool_accepts_the_configuration(self):
        code, output = run("promtool", "check", "config", SOURCE / "deploy/prometheus/prometheus.yml")
        self.assertEqual(code, 0, output)

    def test_scrapes_the_port_that_the_coordinator_serves(self):
        targets = self.config["scrape_configs"][0]["static_configs"][0]["targets"]
        command = self.compose["services"]["coordinator"]["command"]
        port = next(word for word in command if word.startswith("--metrics-listen=")).rsplit(":", 1)[1]
        self.assertEqual(targets, [f"coordinator:{port}"])

    def test_grafana_counts_in_the_scrape_interval(self):
        sources = yaml.safe_load((SOURCE / "deploy/grafana/provisioning/datasources/prometheus.yml").read_text())
        self.assertEqual(sources["datasources"][0]["jsonData"]["timeInterval"], self.config["global"]["scrape_interval"])

    def test_dashboards_are_mounted_where_grafana_looks(self):
        provider = yaml.safe_load((SOURCE / "deploy/grafana/provisioning/dashboards/ecgtrain.yml").read_text())
        path = provider["providers"][0]["options"]["path"]
        self.assertIn(f"./deploy/grafana/dashboards:{path}:ro", self.compose["services"]["grafana"]["volumes"])
        home = self.compose["services"]["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
        self.assertTrue((SOURCE / "deploy/grafana/dashboards" / home.removeprefix(path + "/")).exists())


def listed_metrics():
    """Name -> (type, labels) of deploy/lint/metrics.txt."""
    metrics = {}
    for line in (SOURCE / "deploy/lint/metrics.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            name, kind, *labels = line.split()
            metrics[name] = (kind, set(labels[0].split(",")) if labels else set())
    return metrics


class MetricListTest(unittest.TestCase):
    """deploy/lint/metrics.txt is what the coordinator exposes."""

    def test_list_is_the_table_of_the_coordinator(self):
        table = SOURCE / "server/telemetry/metric_table.cc"
        known = dict(re.findall(r'\{"(\w+)", (Gauge|Counter|Histogram),', table.read_text()))
        self.assertEqual({name: kind.lower() for name, kind in known.items()},
                         {name: kind for name, (kind, _) in listed_metrics().items()})

    def test_page_of_a_running_coordinator_fits_the_list(self):
        page = page_of_a_coordinator(self)
        code, output = run("promtool", "check", "metrics", input=without_library_metrics(page))
        self.assertEqual((code, output), (0, ""))
        metrics = listed_metrics()
        samples = re.findall(r'^(\w+?)(?:_bucket|_sum|_count)?(?:\{(.*)\})? [^ ]+$', without_library_metrics(page), re.MULTILINE)
        self.assertIn("ecgtrain_ready", [name for name, _ in samples])
        self.assertIn("grpc_server_handling_seconds", [name for name, _ in samples])
        for name, labels in samples:
            with self.subTest(metric=name):
                self.assertEqual(set(re.findall(r'(\w+)="', labels)) - {"le"}, metrics[name][1])


def without_library_metrics(page):
    return "".join(line + "\n" for line in page.splitlines() if "exposer_" not in line)


def page_of_a_coordinator(test):
    """/metrics of a coordinator that has answered one call."""
    with tempfile.TemporaryDirectory() as state:
        with coordinator("--state-dir", state, "--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0") as addresses:
            code, output = run(PROGRAMS / "ecgctl", "--server", addresses[0], "server", "status")
            test.assertEqual(code, 0, output)
            with urllib.request.urlopen(f"http://{addresses[1]}/metrics", timeout=30) as answer:
                return answer.read().decode()


if __name__ == "__main__":
    unittest.main()
