"""The Prometheus configuration and the provisioning of Grafana fit one another and the coordinator."""
import re
import unittest

import yaml

from support import SOURCE, run


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


class MetricListTest(unittest.TestCase):
    """deploy/lint/metrics.txt is what the coordinator exposes."""

    def test_sources_of_the_coordinator_name_every_family(self):
        sources = "".join(path.read_text() for path in (SOURCE / "server").rglob("*.cc"))
        if "ecgtrain_build_info" not in sources:
            self.skipTest("server/telemetry is not in this tree")
        for line in (SOURCE / "deploy/lint/metrics.txt").read_text().splitlines():
            if line and not line.startswith("#"):
                name = line.split()[0]
                self.assertTrue(re.search(rf'"{name}"', sources), f"no source of server/ names {name}")


if __name__ == "__main__":
    unittest.main()
