"""Our numbers against the PyTorch peer's at the paper's widths: loss of step 0, gradient norms, 20 losses.

    ./dev bench parity                      # a few minutes on 2 cores
    python tests/bench/parity.py --bin build/dev/bin

Standard output: one JSON object a line. Exit code 1 where a figure is over its limit. The same check on a tiny model is
a test (parity_test).

The peer runs in the layout that ours uses (--dims 2). Its own two layouts differ from one another by rounding alone, on
one CPU with AVX-512 by up to 3.4e-3 in the gradient norm of a batch norm, which is a small difference of large numbers:
--dims 1 shows that rounding, not a difference of ours.
"""
import argparse
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
PYTHON = os.environ.get("ECGTRAIN_PEER_PYTHON", sys.executable)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True, help="folder of parity_main")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--dims", type=int, choices=(1, 2), default=2, help="layout of the peer: conv1d or conv2d")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        peer = [PYTHON, os.path.join(HERE, "..", "peer", "bench.py"), "--parity", folder, "--batch", str(options.batch),
                "--dims", str(options.dims), "--threads", "1"]
        subprocess.run(peer, check=True, stdout=subprocess.DEVNULL)
        return subprocess.run([os.path.join(options.bin, "parity_main"), folder]).returncode


if __name__ == "__main__":
    sys.exit(main())
