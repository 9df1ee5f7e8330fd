#!/usr/bin/env python3
"""Writes the seeds of corpus/: small valid inputs of every parser, synthetic, from which libFuzzer starts.

    python make_corpus.py [ECG_DATA]      ECG_DATA: the program ecg-data, for the pack's seed (needs h5py 3.16, scipy 1.17, numpy)

Files not named seed_* are inputs that once failed: they stay.
"""
import io
import os
import subprocess
import sys
import tempfile

import h5py
import numpy as np
import scipy.io

HERE = os.path.dirname(os.path.abspath(__file__))

TEXTS = {
    "csv": ['path,patient,AF\r\nrec/1,"an ""n""",1\r\n"a\nb",,0\r\n', "\ufeffexam_id,path\n1,x\n\n\n", "a\n", 'path\n"x"\n'],
    "diagnoses": ["Age: 5\n Dx: 426783006,164889003\n", "Dx: AF,STD\nDx: 67741000119109\n"],
    "own_description": [
        "manifest: list.csv\ncolumns: {path: p, patient: who, id: i, fold: f, row: r}\nlabels: [AF, LBBB]\n",
        'signals: hdf5\nhdf5: {tracings: x, ids: exam_id, rate: 500, gain: 0.001, leads_first: true, leads: [I, II]}\ncolumns: {id: n}\n',
        'labels: {column: found, separator: "|", classes: [a, b]}\n', "{}\n"],
    "pack_journal": [
        "+\t00001_lr\t15709\t3\t,10,,1\t6\t1000\t4294967295\t0\t1075838976\n-\tflat\trecord 2: \\n\n+\t\\xff\t\t10\t\t0\t1\t0\t7\t0",
        "-\tchecksum\t"],
    "ptbxl_labels": [
        ",description,diagnostic,form,rhythm,diagnostic_class,diagnostic_subclass\n"
        "NORM,normal,1.0,,,NORM,NORM\nSR,sinus rhythm,,,1.0,,\nNDT,x,1.0,1.0,,STTC,STTC\n"],
    "python_dict": ["{'NORM': 100.0, 'SR': 0.0}", "{\"it's\": -1e3, 'x\\'y': 0,}", "{}"],
    "wfdb_header": [
        "00001_lr 2 100 1000\n00001_lr.dat 16 1000.0(0)/mV 16 0 -119 1508 0 I\n00001_lr.dat 16 1000.0(0)/mV 16 0 -55 723 0 II\n",
        "r 1 360/720(5) 4 1:2:3 1/2/2020\n# Dx: 1\nf.dat 212x4:3+512 200(-3)/uV 11 1024 995 -22131 0 lead with  blanks\n",
        "r/3 12 500 70\nr_layout 0\ns1 30\n~ 40\n"],
}


LEADS = ["I", "II", "III", "AVR", "AVL", "AVF", "V1", "V2", "V3", "V4", "V5", "V6"]
SAMPLES = 4
MARK = b"%%\n"  # kFileMark of fuzz_targets.h
MAT4 = bytes.fromhex("1e0000000c00000004000000000000000400000076616c00")  # 12 rows of 4 samples


def write(target, number, content):
    folder = os.path.join(HERE, "corpus", target)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, f"seed_{number}"), "wb") as file:
        file.write(content)


def files(*contents):
    return MARK.join(content if isinstance(content, bytes) else content.encode() for content in contents)


def frames(leads=len(LEADS)):
    """Samples of format 16, frame by frame: lead k holds k, k + 100, ..."""
    return b"".join((k + 100 * t).to_bytes(2, "little") for t in range(SAMPLES) for k in range(leads))


def header(record, file, rate=100, form="16", comments="", leads=LEADS):
    checksum = lambda k: SAMPLES * k + 100 * SAMPLES * (SAMPLES - 1) // 2
    lines = [f"{file} {form} 1000/mV 16 0 {k} {checksum(k)} 0 {lead}\n" for k, lead in enumerate(leads)]
    return f"{record} {len(leads)} {rate} {SAMPLES}\n" + "".join(lines) + comments


def wfdb_record_seeds():
    """The cases of the WFDB reference that lie in one header and one signal file, and records of segments."""
    seeds, found = [], {}
    for line in open(os.path.join(HERE, "../worker/data/reference/wfdb.txt")):
        words = line.split()
        if words[0] == "file":
            found[words[1]] = bytes.fromhex(words[2])
        elif words[0] == "rate":
            if sorted(found) == ["r.dat", "r.hea"]:
                seeds.append(files(found["r.hea"], "", found["r.dat"]))
            found = {}
    seeds.append(files(header("r", "r.mat", form="16+24"), "", MAT4 + frames()))
    part = header("s1", "r.dat", leads=LEADS[:2])
    seeds.append(files(f"r/3 2 100 {3 * SAMPLES}\ns1 {SAMPLES}\n~ {SAMPLES}\ns1 {SAMPLES}\n", part, frames(2)))
    layout = "s1 2 100 0\n~ 16 1000/mV 16 0 0 0 0 I\n~ 16 1000/mV 16 0 0 0 0 II\n"
    seeds.append(files(f"r/2 2 100 {SAMPLES}\ns1 0\n~ {SAMPLES}\n", layout, ""))
    for number, seed in enumerate(seeds):
        write("wfdb_record", number, seed)


def hdf5(ids=np.array([1, 2]), libver="earliest", group=None, **options):
    content = io.BytesIO()
    with h5py.File(content, "w", libver=libver) as file:
        values = np.arange(2 * SAMPLES * len(LEADS)).reshape(2, SAMPLES, len(LEADS)) / 4 + 1
        parent = file.create_group(group) if group else file
        parent.create_dataset("tracings", data=values.astype(options.pop("dtype", "<f4")), **options)
        if ids is not None:
            parent.create_dataset("exam_id", data=ids)
    return content.getvalue()


def mat5(compressed):
    content = io.BytesIO()
    data = np.arange(12.0 * SAMPLES).reshape(12, SAMPLES)
    scipy.io.savemat(content, {"note": "x", "ECG": {"sex": "Male", "age": 63, "data": data}}, do_compression=compressed)
    return b"MATLAB 5.0 MAT-file".ljust(116) + content.getvalue()[116:]  # scipy puts the date there


def matrix_seeds():
    seeds = [hdf5(), hdf5(chunks=(1, 4, 12), compression="gzip", shuffle=True),
             hdf5(chunks=(2, 3, 5), compression="gzip", shuffle=True, fletcher32=True, dtype="<f8"), hdf5(libver="latest"),
             hdf5(ids=np.array(["one", "two"], dtype="S8"), dtype=">f2"), hdf5(group="a/b", ids=None)]
    for number, seed in enumerate(seeds):
        write("hdf5", number, seed)
    for number, compressed in enumerate((True, False)):
        write("mat5", number, mat5(compressed))
    write("mat4", 0, MAT4)


def data_set_seeds():
    """One of each layout of folder_targets.cc."""
    own = "labels: [AF]\nmanifest: list.csv\ncolumns: {path: p, patient: who}\n"
    own_hdf5 = "signals: hdf5\nhdf5: {rate: 100, ids: exam_id}\ncolumns: {path: p, patient: who, id: n}\nmanifest: list.csv\n"
    statements = ",diagnostic,form,rhythm,diagnostic_class,diagnostic_subclass\nNORM,1.0,,,NORM,NORM\nSR,,,1.0,,\n"
    ptbxl = "ecg_id,patient_id,scp_codes,strat_fold,filename_lr,filename_hr\n1,7.0,\"{'NORM': 100.0, 'SR': 0.0}\",3,records100/00001_lr,x\n"
    classes = "1dAVb,RBBB,LBBB,SB,ST,AF"
    exams = f"exam_id,patient_id,{classes}\n1,5,True,False,False,False,False,False\n2,5.0,,,,,,\n"
    found = "#Dx: 426783006,164889003\n"
    segments = f"r/2 12 1 {2 * SAMPLES}\ns1 {SAMPLES}\n~ {SAMPLES}\n"
    seeds = [files(own, "p,who,AF\nr,a,1\ns1.hea,b,0\n", segments, header("s1", "r.dat", 1), frames()),
             files(own_hdf5, "p,who,n\nr.h5,a,1\nr.h5,b,2\n", hdf5()),
             files(statements, ptbxl, header("00001_lr", "00001_lr.dat"), frames()),
             files("Recording,First_label,Second_label,Third_label\nA0001,2,9,\n", mat5(True)),
             files("ecg_id,patient_id,strat_fold\n1,7,3\n", header("HR00001", "HR00001.mat", 500, "16+24", found), MAT4 + frames()),
             files("subject_id,study_id,path\n7,1,r\n", header("r", "r.dat", 1), frames()),
             files(exams, hdf5()),
             files(f"{classes}\n0,0,0,0,1,0\n0,1,0,0,0,0\n", hdf5(ids=None)),
             files("exam_id,normal_ecg\n1,True\n2,\n", hdf5()),
             files(header("A0001", "A0001.mat", 500, "16+24", found), MAT4 + frames())]
    for number, seed in enumerate(seeds):
        write("data_set", number, str(number).encode() + seed)


def pack_seed(ecg_data):
    with tempfile.TemporaryDirectory() as folder:
        pack = subprocess.run([ecg_data, "pack", "--type", "synthetic", "--records", "2", "--rate", "50", "--no-highpass",
                               "--cache", folder], check=True, capture_output=True, text=True).stdout.strip()
        write("pack", 0, open(pack, "rb").read())


def main():
    for target, texts in TEXTS.items():
        for number, text in enumerate(texts):
            write(target, number, text.encode())
    wfdb_record_seeds()
    matrix_seeds()
    data_set_seeds()
    if len(sys.argv) > 1:
        pack_seed(sys.argv[1])


main()
