"""docker-compose.yml and its GPU overlay: valid, hardened, and of flags that our programs have."""
import functools
import pathlib
import re
import unittest

import yaml

from support import PROGRAMS, SOURCE, run

OURS = re.compile(r"ecgtrain/[a-z-]+")
FILES = (["docker-compose.yml"], ["docker-compose.yml", "docker-compose.gpu.yml"])
PINNED = re.compile(r"[^@]+:[^@:]+@sha256:[0-9a-f]{64}")


@functools.cache
def resolved(*files):
    """The configuration as docker-compose reads it."""
    arguments = [part for name in files for part in ("-f", SOURCE / name)]
    code, output = run("docker-compose", *arguments, "--profile", "cli", "config", cwd=SOURCE)
    assert code == 0, output
    return yaml.safe_load(output)


class ComposeTest(unittest.TestCase):
    def test_base_file_and_gpu_overlay_are_valid(self):
        for files in FILES:
            arguments = [part for name in files for part in ("-f", name)]
            code, output = run("docker-compose", *arguments, "config", "-q", cwd=SOURCE)
            self.assertEqual((code, output), (0, ""))

    def test_every_service_is_hardened(self):
        for name, service in resolved("docker-compose.yml")["services"].items():
            with self.subTest(service=name):
                self.assertTrue(service["read_only"])
                self.assertEqual(service["cap_drop"], ["ALL"])
                self.assertIn("no-new-privileges:true", service["security_opt"])
                self.assertRegex(service["user"], r"^[1-9]\d*:\d+$")
                self.assertIn("mem_limit", service)
                self.assertIn("pids_limit", service)
                self.assertNotIn("privileged", service)

    def test_foreign_images_are_pinned_by_digest(self):
        for name, service in resolved("docker-compose.yml")["services"].items():
            image = service["image"]
            self.assertTrue(OURS.fullmatch(image) or PINNED.fullmatch(image), f"{name}: {image}")

    def test_only_grpc_and_grafana_are_published_and_on_loopback(self):
        published = {}
        for name, service in resolved("docker-compose.yml")["services"].items():
            if service.get("ports"):
                published[name] = service["ports"]
        self.assertEqual(published, {"coordinator": ["127.0.0.1:7443:7443/tcp"], "grafana": ["127.0.0.1:3000:3000/tcp"]})

    def test_admin_token_reaches_the_command_line_alone(self):
        holders = [name for name, service in resolved("docker-compose.yml")["services"].items()
                   if any(str(v).startswith("admin-credentials:") for v in service.get("volumes", []))]
        self.assertEqual(holders, ["cli", "init"])

    def test_gpu_overlay_reserves_all_gpus_and_keeps_the_rest(self):
        worker = resolved("docker-compose.yml", "docker-compose.gpu.yml")["services"]["worker"]
        devices = worker["deploy"]["resources"]["reservations"]["devices"]
        self.assertEqual(devices, [{"driver": "nvidia", "count": "all", "capabilities": ["gpu"]}])
        self.assertEqual(worker["image"], "ecgtrain/worker-gpu")
        self.assertTrue(worker["read_only"])

    def test_build_targets_exist_in_the_dockerfile(self):
        stages = re.findall(r"^FROM \S+ AS (\S+)$", (SOURCE / "deploy/Dockerfile").read_text(), re.MULTILINE)
        for files in FILES:
            for service in resolved(*files)["services"].values():
                if "build" in service:
                    self.assertIn(service["build"]["target"], stages)

    def test_mounted_files_exist(self):
        for name, service in resolved("docker-compose.yml")["services"].items():
            for volume in service.get("volumes", []):
                source = str(volume).split(":")[0]
                if source.startswith("/"):
                    self.assertTrue(pathlib.Path(source).exists(), f"{name}: {source}")


class FlagsTest(unittest.TestCase):
    """Every flag that a container is started with is one that the program has."""

    def flags(self, service):
        config = resolved("docker-compose.yml")["services"][service]
        return [word.split("=")[0] for word in config["command"] if word.startswith("--")]

    def help_of(self, program, *verb):
        path = PROGRAMS / program
        if not path.exists():
            self.skipTest(f"{path} is not built")
        code, output = run(path, *verb, "--help")
        self.assertEqual(code, 0, output)
        return output

    def assert_known(self, flags, text):
        for flag in flags:
            self.assertRegex(text, rf"(?<![\w-]){flag}(?![\w-])")

    def test_coordinator_serve(self):
        self.assert_known(self.flags("coordinator"), self.help_of("ecg-coordinator", "serve"))

    def test_coordinator_init(self):
        script = (SOURCE / "deploy/init-state.sh").read_text()
        flags = re.search(r"ecg-coordinator init (.*)", script).group(1)
        self.assert_known(re.findall(r"--[\w-]+", flags), self.help_of("ecg-coordinator", "init"))

    def test_worker(self):
        self.assert_known(self.flags("worker"), self.help_of("ecg-worker"))

    def test_health_check(self):
        check = resolved("docker-compose.yml")["services"]["coordinator"]["healthcheck"]["test"]
        self.assert_known([word for word in check if word.startswith("--")], self.help_of("ecgctl"))


class ScriptsTest(unittest.TestCase):
    def test_shell_scripts_have_no_findings(self):
        for script in sorted((SOURCE / "deploy").glob("*.sh")):
            self.assertEqual(run("shellcheck", "-S", "style", script), (0, ""))

    def test_runtime_packages_name_the_owners_of_libraries(self):
        script = SOURCE / "deploy/runtime-packages.sh"
        code, output = run(script, "/bin/sh")
        self.assertEqual(code, 0, output)
        self.assertIn("libc6", output.split())
        self.assertEqual(run(script)[0], 2)

    def test_yaml_files_parse(self):
        files = [*(SOURCE / "deploy").rglob("*.yml"), *(SOURCE / "deploy").rglob("*.yaml"), *SOURCE.glob("docker-compose*.yml")]
        self.assertGreaterEqual(len(files), 6)
        for path in files:
            with self.subTest(path=path):
                self.assertIsInstance(yaml.safe_load(path.read_text()), dict)

    def test_dockerfile_names_the_libtorch_that_dev_installs(self):
        version = re.search(r"^TORCH_VERSION=(\S+)$", (SOURCE / "dev").read_text(), re.MULTILINE).group(1)
        named = set(re.findall(r"libtorch-([\d.]+\d)", (SOURCE / "deploy/Dockerfile").read_text()))
        self.assertEqual(named, {version})


if __name__ == "__main__":
    unittest.main()
