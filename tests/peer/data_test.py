"""Every data set below $ECGTRAIN_DATA/mini packs; records, labels and signals are what wfdb, h5py, SciPy and csv make of the raw files."""
import importlib.util
import os
import pathlib
import subprocess
import sys
import unittest

PEER = pathlib.Path(__file__).parent
BIN = pathlib.Path(os.environ["ECGTRAIN_BIN_DIR"])
DATA = pathlib.Path(os.environ.get("ECGTRAIN_DATA", "/nonexistent"))
SETS = (("ptbxl", "ptbxl"), ("cpsc2018", "cpsc2018"), ("cpsc2018", "cpsc2018-original"), ("challenge", "cpsc2018"), ("code15", "code15"))


def lacking():
    if not (DATA / "mini").is_dir():
        return "no real recordings: ECGTRAIN_DATA names no folder with mini/"
    packages = [name for name in ("h5py", "numpy", "scipy", "wfdb") if importlib.util.find_spec(name) is None]
    return f"this Python lacks {', '.join(packages)}: ./dev bench data installs them" if packages else ""


class DataTest(unittest.TestCase):
    def run_program(self, *words):
        process = subprocess.run([str(word) for word in words], capture_output=True, text=True)
        self.assertEqual(process.returncode, 0, process.stdout + process.stderr)
        return process.stdout

    def test_records_and_labels_are_those_of_an_independent_count(self):
        for kind, folder in SETS:
            with self.subTest(kind=kind, folder=folder):
                verdict = self.run_program(sys.executable, "-B", PEER / "recount.py", kind, DATA / "mini" / folder, "--ecg-data", BIN / "ecg-data")
                print(verdict.strip())
                self.assertIn("equal", verdict)

    def test_signals_are_those_of_scipy(self):
        print(self.run_program(sys.executable, "-B", PEER / "prepared.py", "--bin", BIN, "--data", DATA, "--records", 200).strip())


if __name__ == "__main__":
    if lacking():
        print("skipped:", lacking())
        sys.exit(77)
    unittest.main(verbosity=2)
