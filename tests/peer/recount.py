#!/usr/bin/env python3
"""Counts the records and labels of a data set from its raw files, with wfdb, h5py, scipy and csv alone, and compares them with a
pack of it.

    python recount.py TYPE FOLDER [--ecg-data PROGRAM [--gain G]]     types: ptbxl cpsc2018 challenge code15

PROGRAM, a built ecg-data, packs the set; without it the counts of the raw files are printed. Needs wfdb, h5py and scipy. Exit code 1 when they
differ. The gate of ecg-data (flat, too short, not finite, ...) is not repeated here: records that a pack left out for such a
reason are added to its count, labels are compared where nothing was left out.
"""
import argparse
import ast
import csv
import glob
import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter

CPSC = ["Normal", "AF", "I-AVB", "LBBB", "RBBB", "PAC", "PVC", "STD", "STE"]
SCORED = {
    "164889003": "AF", "164890007": "AFL", "6374002": "BBB", "426627000": "Brady", "733534002": "LBBB", "164909002": "LBBB",
    "713427006": "RBBB", "59118001": "RBBB", "270492004": "IAVB", "713426002": "IRBBB", "39732003": "LAD", "445118002": "LAnFB",
    "251146004": "LQRSV", "698252002": "NSIVCB", "426783006": "NSR", "284470004": "PAC", "63593006": "PAC", "10370003": "PR",
    "365413008": "PRWP", "427172004": "PVC", "17338001": "PVC", "164947007": "LPR", "111975006": "LQT", "164917005": "QAb",
    "47665007": "RAD", "427393009": "SA", "426177001": "SB", "427084000": "STach", "164934002": "TAb", "59931005": "TInv",
    "AF": "AF", "I-AVB": "IAVB", "LBBB": "LBBB", "RBBB": "RBBB", "PAC": "PAC", "PVC": "PVC", "Normal": "NSR"}
GATE = ("flat", "too_short", "too_long", "not_finite", "saturated", "clipped", "implausible", "missing", "checksum", "damaged",
        "wrong_size", "empty")


class Counts:
    def __init__(self):
        self.records = 0
        self.labelled = Counter()  # by task
        self.classes = {}  # task -> Counter

    def add(self, labels):
        """labels: task -> set of classes, or None where the record carries no label of the task."""
        self.records += 1
        for task, names in labels.items():
            if names is None:
                continue
            self.labelled[task] += 1
            self.classes.setdefault(task, Counter()).update(names)


def read_table(path):
    with open(path, newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


def find(folder, suffix):
    return sorted(p for p in glob.glob(os.path.join(folder, "**", "*" + suffix), recursive=True))


def check_wfdb(path):
    """Reads a record with wfdb and compares every checksum."""
    import wfdb
    record = wfdb.rdrecord(path, physical=False)
    stated = wfdb.rdheader(path).checksum
    found = record.calc_checksum()
    if any((int(a) - int(b)) % 65536 for a, b in zip(stated, found)):
        raise SystemExit(f"{path}: checksums differ")


def ptbxl(folder, counts):
    statements = {row[""]: row for row in read_table(os.path.join(folder, "scp_statements.csv"))}
    for row in read_table(os.path.join(folder, "ptbxl_database.csv")):
        path = os.path.join(folder, row["filename_lr"])
        if not os.path.exists(path + ".hea") or not os.path.exists(path + ".dat"):
            continue
        check_wfdb(path)
        codes = list(ast.literal_eval(row["scp_codes"]))
        diagnostic = [c for c in codes if statements[c]["diagnostic"] == "1.0"]
        labels = {"all": set(codes), "diagnostic": set(diagnostic),
                  "subdiagnostic": {statements[c]["diagnostic_subclass"] for c in diagnostic},
                  "superdiagnostic": {statements[c]["diagnostic_class"] for c in diagnostic},
                  "form": {c for c in codes if statements[c]["form"] == "1.0"},
                  "rhythm": {c for c in codes if statements[c]["rhythm"] == "1.0"}}
        counts.add({task: names or None for task, names in labels.items()})


def cpsc2018(folder, counts):
    reference = {row["Recording"]: row for row in read_table(os.path.join(folder, "REFERENCE.csv"))}
    headers = find(folder, ".hea")
    for path in headers or find(folder, ".mat"):
        name = os.path.splitext(os.path.basename(path))[0]
        row = reference[name]
        if headers:
            check_wfdb(os.path.splitext(path)[0])
        else:
            import scipy.io
            assert scipy.io.loadmat(path)["ECG"]["data"][0, 0].shape[0] == 12
        counts.add({"all": {CPSC[int(row[f"{n}_label"]) - 1] for n in ("First", "Second", "Third") if row[f"{n}_label"]}})


def challenge(folder, counts):
    for path in find(folder, ".hea"):
        with open(path) as file:
            diagnoses = re.findall(r"^#\s*Dx:\s*(.*)$", file.read(), re.M)
        check_wfdb(os.path.splitext(path)[0])
        codes = [code.strip() for line in diagnoses for code in line.split(",")]
        counts.add({"all": {SCORED[code] for code in codes if code in SCORED} or None})


def code15(folder, counts):
    import h5py
    exams = {int(row["exam_id"]): row for row in read_table(os.path.join(folder, "exams.csv"))}
    for path in find(folder, ".hdf5"):
        with h5py.File(path) as file:
            for number, tracing in zip(file["exam_id"][:], file["tracings"]):
                row = exams.get(int(number))
                if row is None or not tracing.any():
                    continue
                cells = {name: row[name] for name in ("1dAVb", "AF", "LBBB", "RBBB", "SB", "ST")}
                known = all(cells.values())
                counts.add({"all": {name for name, cell in cells.items() if cell == "True"} if known else None})


def compare(counts, pack):
    left_out = sum(n for reason, n in pack["skipped"].items() if reason in GATE)
    differences = []
    if counts.records != pack["records"] + left_out:
        differences.append(f"records: {counts.records} in the files, {pack['records']} in the pack, {left_out} left out")
    for task in pack["tasks"]:
        name = task["name"]
        if left_out == 0 and counts.labelled[name] != task["labelled_records"]:
            differences.append(f"{name}: {counts.labelled[name]} labelled records in the files, {task['labelled_records']} in the pack")
        for label, found in task["positives"].items():
            wanted = counts.classes.get(name, {}).get(label, 0)
            if not found <= wanted <= found + left_out:
                differences.append(f"{name}, {label}: {wanted} in the files, {found} in the pack")
    return differences, left_out


def describe(program, kind, folder, gain):
    """What `ecg-data inspect` says of the set's pack."""
    with tempfile.TemporaryDirectory() as cache:
        command = [program, "pack", "--type", kind, "--path", folder, "--gain", gain, "--rate", "100", "--cache", cache]
        path = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
        return json.loads(subprocess.run([program, "inspect", path, "--json"], check=True, stdout=subprocess.PIPE, text=True).stdout)


def main():
    parser = argparse.ArgumentParser()
    readers = {"ptbxl": ptbxl, "cpsc2018": cpsc2018, "challenge": challenge, "code15": code15}
    parser.add_argument("type", choices=readers)
    parser.add_argument("folder")
    parser.add_argument("--ecg-data")
    parser.add_argument("--gain", default="0")
    arguments = parser.parse_args()
    counts = Counts()
    readers[arguments.type](arguments.folder, counts)
    if not arguments.ecg_data:
        print(json.dumps({"records": counts.records, "labelled": counts.labelled, "classes": counts.classes}, indent=1))
        return 0
    pack = describe(arguments.ecg_data, arguments.type, arguments.folder, arguments.gain)
    differences, left_out = compare(counts, pack)
    for line in differences:
        print("differs:", line)
    total = sum(len(task["positives"]) for task in pack["tasks"])
    print(f"{arguments.type}: {counts.records} records ({left_out} left out by the gate), {len(pack['tasks'])} tasks, {total} classes: "
          + ("DIFFERENT" if differences else "equal"))
    return 1 if differences else 0


sys.exit(main())
