"""Writes tests/training/fixtures/parity: the peer's parity files for a model small enough to be committed.

    python tests/training/make_parity_fixtures.py        # needs what tests/peer/README.md names

Widths differ from level to level, so that a mixed-up axis cannot pass; the batch is the middle of a full-size one.
"""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "peer"))

import bench  # noqa: E402
import model  # noqa: E402

SAMPLES = 512


def main():
    full_batch = model.synthetic_batch

    def short_batch(batch, seed=0, classes=9):
        x, mask, labels = full_batch(batch, seed, classes)
        start = (x.shape[2] - SAMPLES) // 2
        cut = slice(start, start + SAMPLES)
        model.LENGTH = SAMPLES
        return x[:, :, cut].contiguous(), mask[:, :, cut].contiguous(), labels

    model.WIDTHS = (8, 12, 8, 16, 12)
    model.synthetic_batch = short_batch
    model.Classifier.__init__.__defaults__ = (0.5, 1, 9)
    folder = os.path.join(HERE, "fixtures", "parity")
    print(bench.parity(folder, {"threads": 1, "batch": 4, "seed": 0, "lr": 1e-5, "dims": 1, "device": "cpu"}))
    for task in model.TASKS:  # the weights after training are not compared
        os.remove(os.path.join(folder, f"{task}.final.safetensors"))


if __name__ == "__main__":
    main()
