#!/usr/bin/env python3
"""Writes reference/wfdb.txt: small WFDB records of every format and layout, and what Python's wfdb reads from them.

    python make_wfdb_reference.py reference/wfdb.txt        (needs wfdb 4.3.1)

A case is `case NAME`, its files (`file NAME HEX`), `rate R`, `names A,B`, then one line of millivolts a frame ("nan" where
missing). Formats that wfdb cannot write are encoded here after signal(5) and read back by wfdb all the same.
"""
import os
import struct
import sys
import tempfile

import numpy as np
import wfdb

RANDOM = np.random.default_rng(7)
LIMITS = {8: 60, 16: 32000, 24: 8000000, 32: 2000000000, 61: 32000, 80: 127, 160: 32000, 212: 2047, 310: 511, 311: 511}


def encode(fmt, samples):
    """Bytes of a flat list of samples."""
    if fmt in (8, 80):
        return bytes((s + (128 if fmt == 80 else 0)) & 0xFF for s in samples)
    if fmt == 16:
        return struct.pack(f"<{len(samples)}h", *samples)
    if fmt == 61:
        return struct.pack(f">{len(samples)}h", *samples)
    if fmt == 160:
        return struct.pack(f"<{len(samples)}H", *[s + 32768 for s in samples])
    if fmt in (24, 32):
        return b"".join((s & (2**fmt - 1)).to_bytes(fmt // 8, "little") for s in samples)
    padded = list(samples) + [0] * (-len(samples) % (2 if fmt == 212 else 3))
    out = b""
    if fmt == 212:
        for a, b in zip(padded[::2], padded[1::2]):
            out += bytes([a & 255, (a >> 8 & 15) | (b >> 8 & 15) << 4, b & 255])
        return out[: (len(samples) * 3 + 1) // 2]
    for a, b, c in zip(padded[::3], padded[1::3], padded[2::3]):
        if fmt == 310:
            out += struct.pack("<HH", (a & 1023) << 1 | (c & 31) << 11, (b & 1023) << 1 | (c >> 5 & 31) << 11)
        else:
            out += struct.pack("<I", (a & 1023) | (b & 1023) << 10 | (c & 1023) << 20)
    return out


def draw(fmt, frames, per_frame):
    limit = LIMITS[fmt]
    return RANDOM.integers(-limit, limit + 1, size=(frames, per_frame))


def signal_line(name, fmt, samples, lead, extra="", offset=0, gain="200(3)/mV", initial=None):
    checksum = int(samples.sum()) & 0xFFFF
    start = f"+{offset}" if offset else ""
    first = int(samples.flat[0]) if initial is None else initial
    return f"{name} {fmt}{extra}{start} {gain} 12 0 {first} {checksum} 0 {lead}\n"


def plain(fmt, name="r", frames=11, missing=False):
    """Three signals in one file."""
    data = draw(fmt, frames, 3)
    initial = [None] * 3
    if missing:
        data[4, 1] = {16: -32768, 24: -(2**23), 32: -(2**31), 61: -32768, 80: -128, 160: -32768, 212: -2048, 310: -512, 311: -512}[fmt]
    stored = data
    if fmt == 8:
        initial = [5, -6, 7]
        stored = data
        data = np.cumsum(stored, axis=0) + np.array(initial)
    head = f"{name} 3 250 {frames}\n"
    for column, lead in enumerate(("I", "II", "V1")):
        head += signal_line(f"{name}.dat", fmt, data[:, column], lead, initial=initial[column])
    return {f"{name}.hea": head.encode(), f"{name}.dat": encode(fmt, stored.flatten().tolist())}


def cases():
    for fmt in (8, 16, 24, 32, 61, 80, 160, 212, 310, 311):
        yield f"format_{fmt}", plain(fmt), {}
        if fmt != 8:
            yield f"format_{fmt}_missing", plain(fmt, frames=10, missing=True), {}

    # Several samples a frame, the same for all signals: each is a sample of the result.
    data = draw(16, 6, 4)
    head = "r 2 100 6\n" + signal_line("r.dat", 16, data[:, :2], "I", "x2") + signal_line("r.dat", 16, data[:, 2:], "II", "x2")
    yield "frames_of_two", {"r.hea": head.encode(), "r.dat": encode(16, data.flatten().tolist())}, {"expand": True}

    # Different numbers: averaged by frames (wfdb itself would round each average down to a whole step of the converter).
    data = draw(212, 7, 4)
    head = "r 2 100 7\n" + signal_line("r.dat", 212, data[:, :3], "I", "x3") + signal_line("r.dat", 212, data[:, 3:], "II")
    yield "frames_averaged", {"r.hea": head.encode(), "r.dat": encode(212, data.flatten().tolist())}, {"average": True}

    # Skew: two signals come two frames late. (wfdb 4.3.1 fails where skews above 0 differ.)
    data = draw(16, 9, 3)
    head = "r 3 500 9\n" + signal_line("r.dat", 16, data[:, 0], "I") + signal_line("r.dat", 16, data[:, 1], "II", ":2")
    head += signal_line("r.dat", 16, data[:, 2], "V6", ":2")
    yield "skew", {"r.hea": head.encode(), "r.dat": encode(16, data.flatten().tolist())}, {"cut": 2}

    # Byte offsets, several files of different formats, units, gains, comments.
    one, two = draw(16, 5, 2), draw(80, 5, 1)
    head = "# before\nr 3 360/720(4) 5 10:20:30 1/2/2003\n"
    head += signal_line("a.dat", 16, one[:, 0], "I", offset=24, gain="1000.5(-7)/uV")
    head += signal_line("a.dat", 16, one[:, 1], "II", offset=24, gain="0.5/V") + signal_line("b.dat", 80, two, "V2 with blanks")
    head += "# Dx: 1,2\n"
    files = {"r.hea": head.encode(), "a.dat": b"\x55" * 24 + encode(16, one.flatten().tolist()), "b.dat": encode(80, two.flatten().tolist())}
    yield "offset_and_files", files, {"units": [1e-3, 1e3, 1]}

    # Segments, fixed layout.
    first, second = plain(16, "s1", 4), plain(212, "s2", 5)
    yield "segments_fixed", {"r.hea": b"r/2 3 250 9\ns1 4\ns2 5\n", **first, **second}, {}

    # Segments, variable layout: the second lacks two signals, the third is a gap.
    data = draw(16, 4, 1)
    files = {"r.hea": b"r/4 3 250 11\nr_layout 0\ns1 4\n~ 3\ns2 4\n",
             "r_layout.hea": b"r_layout 3 250 0\n~ 0 200(3)/mV 12 0 0 0 0 I\n~ 0 200(3)/mV 12 0 0 0 0 II\n~ 0 200(3)/mV 12 0 0 0 0 V1\n",
             **plain(16, "s1", 4),
             "s2.hea": ("s2 1 250 4\n" + signal_line("s2.dat", 16, data, "V1")).encode(), "s2.dat": encode(16, data.flatten().tolist())}
    yield "segments_variable", files, {}


def read(folder, options):
    expand = options.get("expand") or options.get("average")
    record = wfdb.rdrecord(os.path.join(folder, "r"), smooth_frames=not expand)
    if options.get("average"):
        values, rate = np.stack([s.reshape(record.sig_len, -1).mean(axis=1) for s in record.e_p_signal], axis=1), record.fs
    elif options.get("expand"):
        values = np.stack(record.e_p_signal, axis=1)
        rate = record.fs * values.shape[0] / record.sig_len
    else:
        values, rate = record.p_signal, record.fs
    values = values[: values.shape[0] - options.get("cut", 0)] * np.array(options.get("units", [1] * values.shape[1]))
    return rate, record.sig_name, values


def main():
    with open(sys.argv[1], "w") as out:
        out.write(f"# Made by make_wfdb_reference.py with wfdb {wfdb.__version__}.\n")
        for name, files, options in cases():
            with tempfile.TemporaryDirectory() as folder:
                for file, content in files.items():
                    with open(os.path.join(folder, file), "wb") as target:
                        target.write(content)
                rate, names, values = read(folder, options)
            out.write(f"case {name}\n")
            for file, content in files.items():
                out.write(f"file {file} {content.hex()}\n")
            out.write(f"rate {rate:g}\nnames {','.join(names)}\n")
            for frame in values:
                out.write(" ".join("nan" if np.isnan(v) else repr(float(v)) for v in frame) + "\n")


main()
