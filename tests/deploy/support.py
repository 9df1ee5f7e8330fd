"""What the deploy tests share."""
import os
import pathlib
import shutil
import subprocess
import unittest

SOURCE = pathlib.Path(os.environ.get("ECGTRAIN_SOURCE_DIR", pathlib.Path(__file__).resolve().parents[2]))
PROGRAMS = pathlib.Path(os.environ.get("ECGTRAIN_BIN_DIR", SOURCE / "build/dev/bin"))


def run(*command, **options):
    """Output and errors of a command together, and its exit code. Skips the test where the program is not installed."""
    if shutil.which(str(command[0])) is None:
        raise unittest.SkipTest(f"{command[0]} is not installed: run ./dev setup")
    done = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=60, check=False, **options)
    return done.returncode, done.stdout
