"""Our numbers against the PyTorch peer's at the paper's widths: loss of step 0, gradient norms, 20 losses.

    ./dev bench parity                      # a few minutes on 2 cores
    python tests/bench/parity.py --bin build/dev/bin

Standard output: one JSON object a line. Exit code 1 where a figure is over its limit. The same check on a tiny model is
a test (parity_test).

Both layouts of the peer are compared, each with ours in the same layout: conv1d, the peer's default and the reference,
and channels_last, in which ecg-trainer trains. `peer.*` is what separates the peer's two layouts, and so any two
implementations with different kernels: rounding alone, largest in the gradients of batch norms, which are small
differences of large numbers. It has no limit.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
PYTHON = os.environ.get("ECGTRAIN_PEER_PYTHON", sys.executable)
LAYOUTS = {"conv1d": "1", "channels_last": "2"}  # our name -> the peer's --dims


def deviation(value, expected):
    return abs(value - expected) / abs(expected)


def print_peer_figures(folders):
    """The largest differences between the peer's two layouts, relative."""
    first, second = (json.load(open(os.path.join(folder, "parity.json"))) for folder in folders)
    for task in ("pretrain", "finetune"):
        norms = first[task]["grad_norms_step0"], second[task]["grad_norms_step0"]
        figures = {"gradient_norms": max(deviation(norms[0][name], norms[1][name]) for name in norms[0]),
                   "losses": max(map(deviation, first[task]["losses"], second[task]["losses"]))}
        for name, value in figures.items():
            print(json.dumps({"figure": f"peer.{task}.{name}", "value": value, "unit": "1"}), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True, help="folder of parity_main")
    parser.add_argument("--batch", type=int, default=4)
    options = parser.parse_args()
    failed = 0
    with tempfile.TemporaryDirectory() as root:
        folders = [os.path.join(root, layout) for layout in LAYOUTS]
        for folder, (layout, dims) in zip(folders, LAYOUTS.items()):
            peer = [PYTHON, os.path.join(HERE, "..", "peer", "bench.py"), "--parity", folder, "--batch",
                    str(options.batch), "--dims", dims, "--threads", "1"]
            subprocess.run(peer, check=True, stdout=subprocess.DEVNULL)
            failed |= subprocess.run([os.path.join(options.bin, "parity_main"), folder, layout]).returncode
        print_peer_figures(folders)
    return failed


if __name__ == "__main__":
    sys.exit(main())
