#!/usr/bin/env python3
"""Writes reference/scores.txt: probabilities, labels and the scores that plain numpy computes for them by other
algorithms than worker/eval/scores.cc uses (all pairs, explicit thresholds). Needs numpy.

Format: `records classes`, then a line of probabilities and a line of labels for each record, then a line
`auroc average_precision` for each class ("nan nan" where undefined), then `f_max threshold`.
"""
import os

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))


def auroc(p, y):
    pairs = p[y == 1][:, None] - p[y == 0][None, :]
    return (np.sum(pairs > 0) + 0.5 * np.sum(pairs == 0)) / pairs.size


def average_precision(p, y):
    area, last_recall = 0.0, 0.0
    for threshold in np.unique(p)[::-1]:
        predicted = p >= threshold
        recall = np.sum(y[predicted]) / np.sum(y)
        area += (recall - last_recall) * np.mean(y[predicted])
        last_recall = recall
    return area


def f_max(p, y):
    best = (0.0, 0.0)
    for step in range(101):
        predicted = p >= step / 100
        hits = np.sum(predicted & (y == 1), axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            precision = np.nanmean(hits / np.sum(predicted, axis=1)) if predicted.any() else np.nan
            recall = np.nanmean(hits / np.sum(y, axis=1))
        f = 2 * precision * recall / (precision + recall)
        if f > best[0]:
            best = (f, step / 100)
    return best


def main():
    generator = np.random.default_rng(1)
    records, classes = 60, 7
    y = (generator.random((records, classes)) < 0.25).astype(int)
    y[:, 5] = 0  # no positive
    y[:, 6] = 1  # no negative
    noise = generator.random((records, classes))
    p = np.round(0.35 * y * generator.random((1, classes)) + 0.65 * noise, 2).astype(np.float32)  # rounding makes ties
    p[0, :] = 0
    p[1, :] = 1
    with open(os.path.join(HERE, "reference", "scores.txt"), "w", encoding="ascii") as out:
        out.write(f"{records} {classes}\n")
        for i in range(records):
            out.write(" ".join(f"{value:.9g}" for value in p[i]) + "\n")
            out.write(" ".join(str(value) for value in y[i]) + "\n")
        for k in range(classes):
            if 0 < y[:, k].sum() < records:
                out.write(f"{auroc(p[:, k], y[:, k]):.17g} {average_precision(p[:, k], y[:, k]):.17g}\n")
            else:
                out.write("nan nan\n")
        out.write("%.17g %.17g\n" % f_max(p.astype(np.float64), y))


if __name__ == "__main__":
    main()
