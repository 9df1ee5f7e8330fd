#!/usr/bin/env python3
"""Compares prepared and packed signals with wfdb, h5py and SciPy.

    python prepared.py --bin build/dev/bin --data DIR [--records 200]

For each set and rate up to --records recordings, spread over the set: before rounding they must be within 1e-4 mV of the reference,
in the pack within half a unit (0.5 uV) of what was rounded. Prints the worst difference of each set; exit code 1 when one is too
large. A type that ecg-data does not know yet is left out, and said so.
"""
import argparse
import csv
import glob
import json
import math
import os
import shutil
import struct
import subprocess
import sys
import tempfile

import numpy as np
import scipy.io
import scipy.signal

LEADS = ["I", "II", "III", "AVR", "AVL", "AVF", "V1", "V2", "V3", "V4", "V5", "V6"]
TOLERANCE = 1e-4  # mV
HALF_UNIT = 0.5e-3


def read_wfdb(path):
    import wfdb
    record = wfdb.rdrecord(path)
    assert all(unit.lower() == "mv" for unit in record.units), path
    names = [name.upper() for name in record.sig_name]
    return record.p_signal[:, [names.index(lead) for lead in LEADS]], record.fs


class Ptbxl:
    def __init__(self, folder, column):
        self.folder, self.column = folder, column
        with open(os.path.join(folder, "ptbxl_database.csv"), newline="", encoding="utf-8") as file:
            self.rows = {str(int(float(row["ecg_id"]))): row for row in csv.DictReader(file)}

    def read(self, name):
        return read_wfdb(os.path.join(self.folder, self.rows[name][self.column]))


class Cpsc:
    """Challenge form: header and MAT v4; organisers' form: MAT v5 with a struct ECG in mV."""

    def __init__(self, folder):
        self.files = {os.path.basename(path)[:-4]: path for path in glob.glob(os.path.join(folder, "**", "*.mat"), recursive=True)}

    def read(self, name):
        path = self.files[name]
        if os.path.exists(path[:-4] + ".hea"):
            return read_wfdb(path[:-4])
        return scipy.io.loadmat(path)["ECG"][0, 0]["data"].T.astype(float), 500


class Code15:
    def __init__(self, folder, gain):
        import h5py
        self.gain, self.places = gain, {}
        for path in glob.glob(os.path.join(folder, "*.hdf5")):
            file = h5py.File(path)
            for row, exam in enumerate(file["exam_id"][:]):
                self.places[str(exam)] = (file["tracings"], row)

    def read(self, name):
        tracings, row = self.places[name]
        signal = np.asarray(tracings[row], float)
        present = np.flatnonzero(signal.any(axis=1))
        return signal[present[0]:present[-1] + 1] * self.gain, 400


def only_records500(folder, target):
    """The records of a PTB-XL that are there at 500 samples a second, and nothing else."""
    with open(os.path.join(folder, "ptbxl_database.csv"), newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    kept = [row for row in rows if os.path.exists(os.path.join(folder, row["filename_hr"] + ".dat"))]
    for row in kept:
        for suffix in (".hea", ".dat"):
            path = os.path.join(target, row["filename_hr"] + suffix)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            shutil.copy(os.path.join(folder, row["filename_hr"] + suffix), path)
    shutil.copy(os.path.join(folder, "scp_statements.csv"), target)
    with open(os.path.join(target, "ptbxl_database.csv"), "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(kept)
    return target


def reference(signal, source_rate, rate):
    divisor = math.gcd(int(source_rate), rate)
    up, down = rate // divisor, int(source_rate) // divisor
    if up != down:
        signal = scipy.signal.resample_poly(signal, up, down, axis=0)
    sections = scipy.signal.iirdesign(0.8, 0.2, 0.5, 40, ftype="ellip", output="sos", fs=rate)
    return scipy.signal.sosfiltfilt(sections, signal, axis=0)


def read_pack(path):
    """Record id -> int16 [length, 12], by docs/pack-format.md."""
    with open(path, "rb") as file:
        data = file.read()
    _, version, _, _, count, index, _, strings, _ = struct.unpack_from("<8sIIQQQQQQ", data)
    assert version == 2, version
    records = {}
    for i in range(count):
        offset, length, _, name, size = struct.unpack_from("<QIIII", data, index + 40 * i)
        records[data[strings + name:strings + name + size].decode()] = np.frombuffer(data, "<i2", length * 12, offset).reshape(-1, 12)
    return records


def dumped(options, kind, path, rate):
    process = subprocess.Popen([os.path.join(options.bin, "dump_prepared"), kind, path, str(rate), str(options.records)],
                               stdout=subprocess.PIPE)
    for line in process.stdout:
        head = json.loads(line)
        size = head["length"] * 12
        yield head, np.frombuffer(process.stdout.read(8 * size), float).reshape(-1, 12)
    if process.wait() != 0:
        raise SystemExit(f"dump_prepared ended with code {process.returncode}")


def compare(options, title, kind, path, rate, source, scratch):
    known = subprocess.run([os.path.join(options.bin, "ecg-data"), "pack", "--type", kind, "--path", path, "--rate", str(rate),
                            "--quarantine", "none", "--cache", os.path.join(scratch, "cache")],
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if "unknown data set type" in known.stderr:
        print(f"{title:34} left out: ecg-data does not read {kind}")
        return True
    if known.returncode != 0:
        raise SystemExit(known.stderr)
    packed = read_pack(known.stdout.strip())
    worst, worst_packed, count, skipped = (0.0, ""), (0.0, ""), 0, 0
    for head, prepared in dumped(options, kind, path, rate):
        if head["skip_reason"]:
            skipped += 1
            continue
        expected = reference(*source.read(head["id"]), rate)
        if expected.shape != prepared.shape:
            raise SystemExit(f"{title}, record {head['id']}: expected {expected.shape}, found {prepared.shape}")
        worst = max(worst, (float(np.abs(expected - prepared).max()), head["id"]))
        inside = np.clip(prepared, -32.767, 32.767)
        worst_packed = max(worst_packed, (float(np.abs(packed[head["id"]] / 1000 - inside).max()), head["id"]))
        count += 1
    good = count > 0 and worst[0] <= TOLERANCE and worst_packed[0] <= HALF_UNIT + 1e-9
    print(f"{title:34} {count:4} records ({skipped} left out)   prepared {worst[0]:.2e} mV (record {worst[1]})   "
          f"packed {worst_packed[0]:.2e} mV (record {worst_packed[1]})   {'ok' if good else 'TOO LARGE'}", flush=True)
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True, help="folder of ecg-data and dump_prepared")
    parser.add_argument("--data", default=os.environ.get("ECGTRAIN_DATA"), help="folder of mini/; default $ECGTRAIN_DATA")
    parser.add_argument("--records", type=int, default=200, help="of each set and rate")
    options = parser.parse_args()
    mini = os.path.join(options.data or sys.exit("prepared.py: give --data or set ECGTRAIN_DATA"), "mini")
    good = True
    with tempfile.TemporaryDirectory() as scratch:
        ptbxl = os.path.join(mini, "ptbxl")
        high = only_records500(ptbxl, os.path.join(scratch, "ptbxl500"))
        for rate in (100, 400):
            for title, kind, path, source in (
                    ("PTB-XL, 100 a second", "ptbxl", ptbxl, Ptbxl(ptbxl, "filename_lr")),
                    ("PTB-XL, 500 a second", "ptbxl", high, Ptbxl(high, "filename_hr")),
                    ("CPSC 2018, Challenge form", "cpsc2018", os.path.join(mini, "cpsc2018"), Cpsc(os.path.join(mini, "cpsc2018"))),
                    ("CPSC 2018, organisers' form", "cpsc2018", os.path.join(mini, "cpsc2018-original"),
                     Cpsc(os.path.join(mini, "cpsc2018-original"))),
                    ("CODE-15 %", "code15", os.path.join(mini, "code15"), Code15(os.path.join(mini, "code15"), 0.5))):
                good &= compare(options, f"{title} -> {rate}", kind, path, rate, source, scratch)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
