"""What the deploy tests share."""
import contextlib
import os
import pathlib
import re
import shutil
import subprocess
import unittest

SOURCE = pathlib.Path(os.environ.get("ECGTRAIN_SOURCE_DIR", pathlib.Path(__file__).resolve().parents[2]))
PROGRAMS = pathlib.Path(os.environ.get("ECGTRAIN_BIN_DIR", SOURCE / "build/dev/bin"))


def run(*command, **options):
    """Exit code of a command, and its output and errors together. Skips the test where the program is not installed."""
    if shutil.which(str(command[0])) is None:
        raise unittest.SkipTest(f"{command[0]} is not there: run ./dev setup and ./dev build")
    done = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=60, check=False, **options)
    return done.returncode, done.stdout


@contextlib.contextmanager
def coordinator(*flags):
    """Runs ecg-coordinator serve; gives the addresses of its API and its metrics page."""
    program = PROGRAMS / "ecg-coordinator"
    if not program.exists():
        raise unittest.SkipTest(f"{program} is not built")
    with subprocess.Popen([program, "serve", *flags], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                          text=True) as process:
        try:
            log = []
            for line in process.stderr:
                log.append(line)
                if " ready " in line:
                    break
            else:
                raise AssertionError("the coordinator did not start: " + "".join(log))
            yield [re.search(rf" {key}=(\S+)", log[-1]).group(1) for key in ("address", "metrics")]
        finally:
            process.terminate()
            process.stderr.close()
