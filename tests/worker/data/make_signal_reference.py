#!/usr/bin/env python3
"""Writes reference/signal.txt, the SciPy results that signal_test compares with, and prints the sections of the
high-pass that worker/data/signal.cc stores. Needs numpy and scipy (1.17 made the committed file).

The file holds blocks: a line `name count`, then one number a line.
"""
import os

import numpy as np
import scipy.signal

HERE = os.path.dirname(os.path.abspath(__file__))


def highpass_sections(rate):
    nyquist = rate / 2
    return scipy.signal.iirdesign(0.8 / nyquist, 0.2 / nyquist, 0.5, 40, ftype="ellip", output="sos")


def signal(count, seed):
    """Something like an ECG: offset, drift, spikes, noise."""
    t = np.arange(count)
    generator = np.random.default_rng(seed)
    x = 0.4 + 0.3 * np.sin(2 * np.pi * t / 350) + 0.02 * generator.standard_normal(count)
    x[20::80] += 1.5
    return np.round(x, 3)


def blocks():
    for rate in (100, 400):
        x = signal(240, rate)
        yield f"highpass_{rate}_in", x
        yield f"highpass_{rate}_out", scipy.signal.sosfiltfilt(highpass_sections(rate), x)
        shortest = x[:13]
        yield f"highpass_{rate}_shortest_in", shortest
        yield f"highpass_{rate}_shortest_out", scipy.signal.sosfiltfilt(highpass_sections(rate), shortest)
    for up, down in ((4, 5), (2, 5), (4, 1), (8, 5), (1, 4), (400, 257), (2, 2)):
        x = signal(90, up * 1000 + down)
        yield f"resample_{up}_{down}_in", x
        yield f"resample_{up}_{down}_out", scipy.signal.resample_poly(x, up, down)


def main():
    for rate in (100, 400):
        print(rate, highpass_sections(rate).tolist())
    with open(os.path.join(HERE, "reference", "signal.txt"), "w", encoding="ascii") as out:
        for name, values in blocks():
            out.write(f"{name} {len(values)}\n")
            out.writelines(f"{value:.17g}\n" for value in values)


if __name__ == "__main__":
    main()
