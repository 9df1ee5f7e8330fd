#!/usr/bin/env python3
"""Writes the HDF5 and MAT version 5 files of reference/: small, synthetic, by h5py and scipy.

    python make_matrix_reference.py reference        (needs h5py 3.16, scipy 1.17, numpy)

Values follow from their place, so that the tests need no second file: number i (row-major) of `tracings` is i / 4 - 3, exam
i has the id 1000 + 7 i; the MAT files hold data[lead, t] = (t - 12 lead) / 1000.
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


main()
