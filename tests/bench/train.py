"""Our training step against the PyTorch peer at its best, interleaved: A B A B ..., ratio of medians.

    ./dev bench train                       # about 12 minutes on 2 cores
    python tests/bench/train.py --bin build/dev/bin --rounds 7 --task finetune

Standard output: one JSON object a line, {"figure", "value", "unit"}; standard error: what a person reads. Every rival is
a process that stays alive over the rounds, so that its compilation is not timed; between its rounds it waits.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
PEER = os.path.join(HERE, "..", "peer")
PYTHON = os.environ.get("ECGTRAIN_PEER_PYTHON", sys.executable)
DROPOUT = {"pretrain": 0.0, "finetune": 0.5}

# Runs in the peer's Python: builds one variant, warms up, then times one round for each line on standard input.
PEER_LOOP = """
import json, sys, time
sys.path.insert(0, sys.argv[1])
import torch, bench
o = json.loads(sys.argv[2])
torch.set_num_threads(o["threads"])
step = bench.build({**o, **bench.PRESETS[o["variant"]]})
for i in range(o["warmup"] + 1):
    step(i)
print(json.dumps({"ready": True}), flush=True)
for line in sys.stdin:
    begin = time.perf_counter()
    for i in range(o["steps"]):
        loss = step(i)
    float(loss)
    print(json.dumps({"samples_per_s": o["batch"] * o["steps"] / (time.perf_counter() - begin)}), flush=True)
"""


class Rival:
    """One process that is ready to run rounds."""

    def __init__(self, name, command):
        self.name, self.rates = name, []
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.name} ended with code {self.process.wait()}")
        return json.loads(line)

    def round(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        self.rates.append(self.answer()["samples_per_s"])

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def ours(options, task, precision):
    return Rival(f"ours {precision}", [
        os.path.join(options.bin, "train_bench"), "--follow", "--task", task, "--precision", precision,
        "--batch", str(options.batch), "--dropout", str(DROPOUT[task]), "--threads", str(options.threads),
        "--steps", str(options.steps)])


def peer(options, task, variant):
    settings = {"task": task, "variant": variant, "batch": options.batch, "dropout": DROPOUT[task],
                "threads": options.threads, "steps": options.steps, "warmup": 2, "seed": 0, "lr": 1e-3,
                "device": "cpu", "compile_mode": "default", "n_batches": 4}
    return Rival(variant, [PYTHON, "-c", PEER_LOOP, PEER, json.dumps(settings)])


def measure(options, task):
    """Medians of samples/s by rival."""
    makers = {
        "ours fp32": lambda: ours(options, task, "fp32"),
        "strong-fp32": lambda: peer(options, task, "strong-fp32"),
        "ours bf16": lambda: ours(options, task, "bf16"),
        "strong": lambda: peer(options, task, "strong"),
        "plain": lambda: peer(options, task, "plain"),
    }
    rivals = []
    for name, make in makers.items():  # one after the other: two that compile at once would only take turns
        if options.only and name not in options.only:
            continue
        print(f"{task}: starting {name}", file=sys.stderr)
        rivals.append(make())
        rivals[-1].answer()
    for _ in range(options.rounds):
        for rival in rivals:
            rival.round()
    medians = {}
    for rival in rivals:
        rival.close()
        medians[rival.name] = statistics.median(rival.rates)
        print(f"{task:9} {rival.name:12} {medians[rival.name]:8.2f} samples/s  "
              f"({min(rival.rates):.2f} to {max(rival.rates):.2f}, {len(rival.rates)} rounds of {options.steps} x "
              f"{options.batch}, {options.threads} threads, dropout {DROPOUT[task]})", file=sys.stderr)
    return medians


def figure(name, value, unit):
    print(json.dumps({"figure": name, "value": round(value, 4), "unit": unit}), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True, help="folder of train_bench")
    parser.add_argument("--task", choices=list(DROPOUT), action="append", help="default: both")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=2, help="steps of a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", action="append", help="leave out all rivals but these")
    options = parser.parse_args()
    for task in options.task or list(DROPOUT):
        medians = measure(options, task)
        for ours_name, rival, name in (("ours fp32", "strong-fp32", "fp32.vs_strong"),
                                       ("ours bf16", "strong", "bf16.vs_strong"),
                                       ("ours bf16", "plain", "bf16.vs_plain")):
            if ours_name in medians and rival in medians:
                figure(f"train.{task}.{name}", medians[ours_name] / medians[rival], "1")
        for name, value in medians.items():
            figure(f"train.{task}.{name.replace(' ', '_')}", value, "samples/s")


if __name__ == "__main__":
    main()
