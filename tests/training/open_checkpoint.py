"""Opens a checkpoint of ours as any Python program would, and holds it against the peer's network.

    python open_checkpoint.py TASK MODEL_FILE SAMPLES CLASSES KERNEL WIDTH...

Exit code 0 where names and shapes agree and the peer's own module takes the weights strictly: prints their counts, and that
of the peer at paper widths. 1 and the differences where they do not; 77 where a module is missing.
"""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "peer"))

try:
    import torch
    from safetensors.torch import load_file

    import model as peer
except ImportError as missing:
    print(missing)
    sys.exit(77)


def count(network):
    return sum(p.numel() for p in network.parameters())


def make_peer(task, samples, classes, kernel, widths):
    peer.LENGTH, peer.KERNEL, peer.WIDTHS = samples, kernel, tuple(widths)
    return peer.UResNet() if task == "pretrain" else peer.Classifier(classes=classes)


def differences(ours, theirs):
    for name in sorted(ours.keys() | theirs.keys()):
        mine = tuple(ours[name].shape) if name in ours else "absent"
        wanted = tuple(theirs[name].shape) if name in theirs else "absent"
        if mine != wanted:
            yield f"{name}: ours {mine}, the peer's {wanted}"
        elif ours[name].dtype != torch.float32:
            yield f"{name}: {ours[name].dtype}, not float32"


def main(task, file, samples, classes, kernel, *widths):
    paper = count(peer.UResNet())
    network = make_peer(task, int(samples), int(classes), int(kernel), [int(width) for width in widths])
    ours = load_file(file)
    wrong = list(differences(ours, peer.canonical_state(network)))
    if wrong:
        print("\n".join(wrong))
        return 1
    counters = {name: value for name, value in network.state_dict().items() if name.endswith("num_batches_tracked")}
    network.load_state_dict({**ours, **counters}, strict=True)
    network.eval()
    with torch.no_grad():
        output = network(torch.zeros(1, peer.LEADS, peer.LENGTH))
    print(f"{len(ours)} tensors, output {tuple(output.shape)}, {paper} parameters at paper widths")
    return 0 if bool(output.isfinite().all()) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
