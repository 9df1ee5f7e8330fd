"""Packing, reading and feeding against their rivals, interleaved: A B A B ..., ratio of medians.

    ./dev bench data                          # PTB-XL below $ECGTRAIN_DATA; about 3 minutes on 2 cores
    python tests/bench/data.py --bin build/dev/bin --ptbxl DIR --rounds 7

PTB-XL comes from --ptbxl, or one fold of it is restored by $ECGTRAIN_DATA/unpack_ptbxl.py into a temporary folder, and the table
cut to that fold. The rival is what a Python project would write: wfdb.rdrecord, scipy.signal.sosfiltfilt, int16 with a process for
each core, started before the clock. Ours is the whole `ecg-data pack`, from its start to the pack on the disk (fsync), with an
empty cache, the source digest and the quality gate. Standard output: one JSON object a line, {"figure", "value", "unit"}.
"""
import argparse
import csv
import json
import multiprocessing
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

RATE = 100


def figure(name, value, unit, note=""):
    print(json.dumps({"figure": name, "value": round(value, 4), "unit": unit}), flush=True)
    print(f"{name:28} {value:10.4g} {unit}  {note}", file=sys.stderr)


def restore(data, fold, target):
    subprocess.run([sys.executable, os.path.join(data, "unpack_ptbxl.py"), target, str(fold)], check=True, stdout=sys.stderr)
    path = os.path.join(target, "ptbxl_database.csv")
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    column = rows[0].index("strat_fold")
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([rows[0]] + [row for row in rows[1:] if float(row[column]) == fold])


def record_paths(ptbxl):
    with open(os.path.join(ptbxl, "ptbxl_database.csv"), newline="", encoding="utf-8") as file:
        return [os.path.join(ptbxl, row["filename_lr"]) for row in csv.DictReader(file)]


# --- the rival ---------------------------------------------------------------------------------------------------------------
def start_rival():
    import scipy.signal
    import wfdb
    global rdrecord, sosfiltfilt, sections
    rdrecord, sosfiltfilt = wfdb.rdrecord, scipy.signal.sosfiltfilt
    sections = scipy.signal.iirdesign(0.8, 0.2, 0.5, 40, ftype="ellip", output="sos", fs=RATE)


def prepare(path):
    import numpy
    signal = sosfiltfilt(sections, rdrecord(path).p_signal, axis=0)
    return numpy.clip(numpy.rint(signal * 1000), -32767, 32767).astype(numpy.int16)


def rival_pack(pool, paths, target):
    with open(target, "wb") as file:
        for signal in pool.imap(prepare, paths, chunksize=32):
            file.write(signal.tobytes())


# --- ours --------------------------------------------------------------------------------------------------------------------
def anonymous_kib(pid):
    try:
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            return next((int(line.split()[1]) for line in file if line.startswith("RssAnon:")), 0)
    except (FileNotFoundError, ProcessLookupError):
        return 0


def our_pack(options, ptbxl, cache, sample_memory=False):
    """Seconds, path of the pack and, where asked for, the largest anonymous memory seen, in KiB."""
    shutil.rmtree(cache, ignore_errors=True)
    begin = time.perf_counter()
    process = subprocess.Popen(
        [os.path.join(options.bin, "ecg-data"), "pack", "--type", "ptbxl", "--path", ptbxl, "--rate", str(RATE), "--cache", cache],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    peak = 0
    while sample_memory and process.poll() is None:
        peak = max(peak, anonymous_kib(process.pid))
        time.sleep(0.001)
    path = process.communicate()[0].strip()
    if process.returncode != 0:
        raise SystemExit(f"ecg-data ended with code {process.returncode}")
    return time.perf_counter() - begin, path, peak


class Rounds:
    """A process that runs one round for each line."""

    def __init__(self, command):
        self.rates = []
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.answer()

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.process.args[0]} ended with code {self.process.wait()}")
        return json.loads(line)

    def run(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        answer = self.answer()
        self.rates.append(answer.get("per_s") or answer["samples_per_s"])

    def median(self):
        self.process.stdin.close()
        self.process.wait()
        return statistics.median(self.rates)


def bench_pack(options, ptbxl, scratch):
    paths = record_paths(ptbxl)
    cache = os.path.join(scratch, "cache")
    ours, rival = [], []
    with multiprocessing.Pool(os.cpu_count(), initializer=start_rival) as pool:
        pool.map(prepare, paths[:64], chunksize=1)  # imports and file cache are warm
        our_pack(options, ptbxl, cache)
        for _ in range(options.rounds):
            ours.append(our_pack(options, ptbxl, cache)[0])
            begin = time.perf_counter()
            rival_pack(pool, paths, os.path.join(scratch, "rival.i16"))
            rival.append(time.perf_counter() - begin)
    seconds = statistics.median(ours)
    note = (f"{len(paths)} records: ours {seconds:.3f} s ({min(ours):.3f} to {max(ours):.3f}), Python {statistics.median(rival):.3f} s "
            f"({min(rival):.3f} to {max(rival):.3f}), {os.cpu_count()} processes")
    figure("data.pack.vs_python", statistics.median(rival) / seconds, "1", note)
    figure("data.pack.records", len(paths) / seconds, "records/s")
    peak = max(our_pack(options, ptbxl, cache, sample_memory=True)[2] for _ in range(3))
    figure("data.pack.peak_mib", peak / 1024, "MiB", "anonymous memory, sampled every millisecond")


def bench_read(options, ptbxl):
    import wfdb
    paths = record_paths(ptbxl)[:options.records]
    ours = Rounds([os.path.join(options.bin, "data_bench"), "read", "--type", "ptbxl", "--path", ptbxl, "--rate", str(RATE)])
    rates = []
    for _ in range(options.rounds):
        ours.run()
        begin = time.perf_counter()
        for path in paths:
            wfdb.rdrecord(path)
        rates.append(len(paths) / (time.perf_counter() - begin))
    median = ours.median()
    figure("data.read.vs_wfdb", median / statistics.median(rates), "1",
           f"ours {median:.0f} records/s with checksums, wfdb.rdrecord {statistics.median(rates):.0f} without, one thread each")


def bench_feed(options, scratch):
    """The input path on one thread against a training on all cores: presets paper and quarter, batches of 16, bf16."""
    pack = subprocess.run(
        [os.path.join(options.bin, "ecg-data"), "pack", "--type", "synthetic", "--records", "1024", "--rate", "400", "--cache",
         os.path.join(scratch, "feed")], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True).stdout.strip()
    ratios = []
    for preset in ("paper", "quarter"):
        feed = Rounds([os.path.join(options.bin, "data_bench"), "feed", "--pack", pack, "--samples", "4096"]
                      + ["--bfloat16"] * (options.precision == "bf16"))
        trainer = Rounds([os.path.join(options.bin, "train_bench"), "--follow", "--preset", preset, "--batch", "16", "--dropout", "0",
                          "--precision", options.precision, "--threads", str(os.cpu_count()), "--steps", "2"])
        for _ in range(options.rounds):
            feed.run()
            trainer.run()
        fed, used = feed.median(), trainer.median()
        ratios.append(fed / used)
        figure(f"data.feed.vs_trainer.{preset}", fed / used, "1", f"feeds {fed:.0f} samples/s, training takes {used:.1f}")
    figure("data.feed.vs_trainer", min(ratios), "1")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True, help="folder of ecg-data, data_bench and train_bench")
    parser.add_argument("--ptbxl", help="a PTB-XL; default: fold 1 restored from $ECGTRAIN_DATA")
    parser.add_argument("--only", choices=["pack", "read", "feed"], action="append")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--records", type=int, default=500, help="records of a round of wfdb.rdrecord")
    parser.add_argument("--precision", default="bf16", help="of the training that is fed")
    options = parser.parse_args()
    print(f"load: {os.getloadavg()[0]:.2f} on {os.cpu_count()} cores", file=sys.stderr)
    with tempfile.TemporaryDirectory() as scratch:
        ptbxl = options.ptbxl
        if ptbxl is None and options.only != ["feed"]:
            data = os.environ.get("ECGTRAIN_DATA") or sys.exit("data.py: give --ptbxl or set ECGTRAIN_DATA")
            ptbxl = os.path.join(scratch, "ptbxl")
            restore(data, 1, ptbxl)
        wanted = options.only or ["pack", "read", "feed"]
        if "pack" in wanted:
            bench_pack(options, ptbxl, scratch)
        if "read" in wanted:
            bench_read(options, ptbxl)
        if "feed" in wanted:
            bench_feed(options, scratch)
    print(f"load: {os.getloadavg()[0]:.2f}", file=sys.stderr)


if __name__ == "__main__":
    main()
