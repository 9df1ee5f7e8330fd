"""The start of docker-compose.yml without containers: init, then the coordinator with its very flags, TLS and tokens."""
import os
import pathlib
import stat
import tempfile
import unittest

import yaml

from support import PROGRAMS, SOURCE, coordinator, run


class SecureStartTest(unittest.TestCase):
    def setUp(self):
        if not (PROGRAMS / "ecg-coordinator").exists():
            self.skipTest(f"{PROGRAMS}/ecg-coordinator is not built")
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        for name in ("worker", "admin", "grafana"):
            (self.root / "credentials" / name).mkdir(parents=True)
        self.initialize()

    def initialize(self):
        environment = {"PATH": f"{PROGRAMS}:{os.environ['PATH']}", "ECGTRAIN_STATE": str(self.root / "state"),
                       "ECGTRAIN_CREDENTIALS": str(self.root / "credentials")}
        code, output = run(SOURCE / "deploy/init-state.sh", env=environment)
        self.assertEqual(code, 0, output)

    def files(self):
        return {path.relative_to(self.root): path.read_bytes()
                for path in self.root.rglob("*") if path.is_file() and "coordinator.db" not in path.name}

    def serve(self):
        """With the flags of the compose file; only folder and ports are others."""
        config = yaml.safe_load((SOURCE / "docker-compose.yml").read_text())
        _, *flags = config["services"]["coordinator"]["command"]
        replaced = [f.replace("/var/lib/ecgtrain", str(self.root / "state")).replace("0.0.0.0:9464", "127.0.0.1:0")
                    .replace(":7443", ":0") for f in flags]
        return coordinator(*replaced)

    def ecgctl(self, port, *words, who=None, authority=True):
        flags = ["--server", f"localhost:{port}", "--timeout", "10s"]
        if authority:
            flags += ["--ca", self.root / "state/tls/ca.pem"]
        if who:
            flags += ["--token-file", self.root / f"credentials/{who}/{who}.token"]
        return run(PROGRAMS / "ecgctl", *flags, *words)

    def test_second_init_changes_nothing(self):
        before = self.files()
        self.assertIn(pathlib.Path("credentials/grafana/admin-password"), before)
        self.initialize()
        self.assertEqual(self.files(), before)

    def test_secrets_are_for_their_owner_alone(self):
        for name in ("state/admin.token", "state/worker.token", "state/tls/server.key", "credentials/admin/admin.token",
                     "credentials/worker/worker.token"):
            self.assertEqual(stat.S_IMODE((self.root / name).stat().st_mode), 0o600, name)

    def test_admin_token_opens_and_nothing_else_does(self):
        with self.serve() as (address, _):
            port = address.rsplit(":", 1)[1]
            self.assertEqual(self.ecgctl(port, "server", "health"), (0, "SERVING\n"))
            self.assertEqual(self.ecgctl(port, "worker", "list", who="admin")[0], 0)
            self.assertEqual(self.ecgctl(port, "worker", "list")[0], 4, "without a token")
            self.assertEqual(self.ecgctl(port, "worker", "list", who="worker")[0], 4, "with a worker's token")

    def test_authority_of_another_lab_is_refused(self):
        with self.serve() as (address, _):
            code, output = self.ecgctl(address.rsplit(":", 1)[1], "server", "health", authority=False)
            self.assertEqual(code, 5, output)


if __name__ == "__main__":
    unittest.main()
