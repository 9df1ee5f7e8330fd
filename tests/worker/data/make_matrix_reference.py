#!/usr/bin/env python3
"""Writes the HDF5 and MAT version 5 files of reference/: small, synthetic, by h5py and scipy.

    python make_matrix_reference.py reference        (needs h5py 3.16, scipy 1.17, numpy)

Values follow from their place, so that the tests need no second file: number i (row-major) of `tracings` is i / 4 - 3, exam
i has the id 1000 + 7 i; the MAT files hold data[lead, t] = (t - 12 lead) / 1000. The folders are data sets of the CODE group in
miniature, whose exams exam() describes.
"""
import os
import sys

import h5py
import numpy as np
import scipy.io

ROWS, SAMPLES, LEADS = 5, 6, 12
VALUES = (np.arange(ROWS * SAMPLES * LEADS) / 4 - 3).reshape(ROWS, SAMPLES, LEADS)
IDS = 1000 + 7 * np.arange(ROWS)


def write(path, libver="earliest", userblock=0, dtype="<f4", ids=IDS, **options):
    with h5py.File(path, "w", libver=libver, userblock_size=userblock) as file:
        file.create_dataset("tracings", data=VALUES.astype(dtype), **options)
        file.create_dataset("exam_id", data=ids)


def write_group(path):
    """Many members in a group, so that its tree has several nodes."""
    with h5py.File(path, "w") as file:
        group = file.create_group("a/b")
        for i in range(40):
            group.create_dataset(f"other_{i:02}", data=np.int8(i), shape=(1,))
        group.create_dataset("tracings", data=VALUES)


def exam(number, first=4, last=20, samples=24):
    """Exam `number` holds number + t + lead / 100 at sample t of its signal, zeros before and after it."""
    frames = np.zeros((samples, LEADS), dtype="<f4")
    for t in range(first, last):
        frames[t] = number + (t - first) + np.arange(LEADS) / 100
    return frames


def write_text(path, lines):
    with open(path, "w", newline="") as file:
        file.write("\r\n".join(lines) + "\r\n")


def write_code15(folder):
    """Two parts in another order than the table, a row of zeros at the end of each, an exam in no table, one in no file,
    an empty exam, blank classes."""
    os.makedirs(folder, exist_ok=True)
    parts = [[(103, exam(103)), (101, exam(101, 0, 24)), (999, exam(999))], [(102, exam(102, 5, 9)), (104, np.zeros((24, LEADS)))]]
    for i, part in enumerate(parts):
        part = part + [(0, np.zeros((24, LEADS)))]
        with h5py.File(os.path.join(folder, f"exams_part{i}.hdf5"), "w") as file:
            file["exam_id"] = np.array([number for number, _ in part])
            file.create_dataset("tracings", data=np.stack([t for _, t in part]).astype("<f4"),
                                **({"chunks": (1, 24, LEADS), "compression": "gzip"} if i else {}))
    write_text(os.path.join(folder, "exams.csv"),
               ["exam_id,age,is_male,nn_predicted_age,1dAVb,RBBB,LBBB,SB,ST,AF,patient_id,death,timey,normal_ecg,trace_file",
                "101,50,True,,True,False,False,False,False,True,7,,,False,exams_part0.hdf5",
                "102,51,False,,False,False,False,False,False,False,8,,,True,exams_part1.hdf5",
                "103,52,True,,,,,,,,7,,,,exams_part0.hdf5",
                "104,53,True,,False,True,,False,False,False,9.0,,,,exams_part1.hdf5",
                "105,54,True,,False,True,False,False,False,False,10,,,,exams_part1.hdf5"])


def write_code_test(folder):
    os.makedirs(os.path.join(folder, "data", "annotations"), exist_ok=True)
    with h5py.File(os.path.join(folder, "data", "ecg_tracings.hdf5"), "w") as file:
        file["tracings"] = np.stack([exam(1), exam(2)]).astype("<f8")
    write_text(os.path.join(folder, "data", "annotations", "gold_standard.csv"), ["1dAVb,RBBB,LBBB,SB,AF,ST", "0,0,0,0,1,0", "0,1,0,0,0,0"])


def write_sami_trop(folder):
    os.makedirs(folder, exist_ok=True)
    with h5py.File(os.path.join(folder, "exams.hdf5"), "w") as file:
        file["tracings"] = np.stack([exam(1), exam(2)])
    write_text(os.path.join(folder, "exams.csv"), ["exam_id,age,is_male,normal_ecg,death,timey,nn_predicted_age", "294669,75,True,True,False,2.1,", "291838,60,False,,True,1.9,"])


def main():
    folder = sys.argv[1]
    os.makedirs(folder, exist_ok=True)
    at = lambda name: os.path.join(folder, name)
    write(at("contiguous.h5"))
    write(at("gzip.h5"), chunks=(1, SAMPLES, LEADS), compression="gzip", shuffle=True)
    write(at("uneven.h5"), chunks=(2, 4, 5), compression="gzip", shuffle=True, fletcher32=True, dtype="<f8")
    write(at("unfiltered.h5"), chunks=(3, 6, 7), dtype=">f4")
    write(at("half.h5"), dtype="<f2", ids=np.array([f"id {i}" for i in range(ROWS)], dtype="S8"))
    write(at("latest.h5"), libver="latest", ids=IDS.astype("<u2"))
    write(at("userblock.h5"), userblock=512, ids=-IDS.astype(">i4"))
    write(at("lzf.h5"), chunks=(1, SAMPLES, LEADS), compression="lzf")
    write_group(at("group.h5"))
    data = (np.arange(40)[None, :] - 12.0 * np.arange(12)[:, None]) / 1000
    for name, compressed in (("compressed.mat", True), ("plain.mat", False)):
        scipy.io.savemat(at(name), {"note": "x", "ECG": {"sex": "Male", "age": 63, "data": data}}, do_compression=compressed)
        with open(at(name), "r+b") as file:  # scipy puts the date there
            file.write(b"MATLAB 5.0 MAT-file".ljust(116))
    write_code15(at("code15"))
    write_code_test(at("code-test"))
    write_sami_trop(at("sami-trop"))


main()
