"""Runs clang-tidy over the C++ sources of FOLDERS and remembers which files were clean.

A file is checked again only when its preprocessed text, the configuration or clang-tidy itself changed. A run that
reaches its time budget says how many files it left out; the next run goes on from there. Exit 1 on findings.
"""
import argparse
import concurrent.futures
import hashlib
import json
import pathlib
import shlex
import subprocess
import sys
import time

TIDY = "clang-tidy-19"
# Folders that are clean and must stay so; the others join as they are cleaned up.
FOLDERS = ("common", "proto", "spec", "server/store", "server/artifacts", "worker/data", "worker/eval", "worker/run_directory")
DROPPED = {"-c", "-Werror"}


def commands(build):
    """(source, directory, arguments without output and warnings-as-errors) of every source in FOLDERS."""
    root = pathlib.Path.cwd()
    seen = set()
    for entry in json.loads((build / "compile_commands.json").read_text()):
        source = pathlib.Path(entry["file"])
        if source in seen or not any(source.is_relative_to(root / folder) for folder in FOLDERS):
            continue
        seen.add(source)
        words = shlex.split(entry["command"])
        if words[0].endswith("ccache"):
            words = words[1:]
        arguments, skip = [], True
        for word in words:
            if skip:
                skip = False
            elif word == "-o":
                skip = True
            elif word not in DROPPED and word != entry["file"]:
                arguments.append(word)
        yield source, entry["directory"], arguments


def digest(source, directory, arguments, salt):
    text = subprocess.run(["g++", "-E", "-P", *arguments, str(source)], cwd=directory, capture_output=True, check=True).stdout
    return hashlib.sha256(salt + text).hexdigest()


def check(job, cache, salt, deadline):
    source, directory, arguments = job
    if time.monotonic() > deadline:
        return source, "left out", ""
    stamp = cache / digest(source, directory, arguments, salt)
    if stamp.exists():
        return source, "known", ""
    run = subprocess.run([TIDY, "--quiet", "--extra-arg=-Wthread-safety", "--extra-arg=-Wno-unknown-warning-option",
                          str(source), "--", *arguments], cwd=directory, capture_output=True, text=True)
    if run.returncode == 0:
        stamp.touch()
        return source, "clean", ""
    return source, "findings", run.stdout + run.stderr


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--build", type=pathlib.Path, required=True)
    options.add_argument("--cache", type=pathlib.Path, required=True)
    options.add_argument("--jobs", type=int, default=2)
    options.add_argument("--budget", type=float, default=1500, help="seconds after which no further file is begun")
    options = options.parse_args()
    options.cache.mkdir(parents=True, exist_ok=True)
    version = subprocess.run([TIDY, "--version"], capture_output=True, check=True).stdout
    salt = version + pathlib.Path(".clang-tidy").read_bytes()
    counts = {"clean": 0, "known": 0, "findings": 0, "left out": 0}
    deadline = time.monotonic() + options.budget
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for source, result, text in pool.map(lambda job: check(job, options.cache, salt, deadline), commands(options.build)):
            counts[result] += 1
            if result == "findings":
                print(f"{source}:\n{text}", flush=True)
    print(f"clang-tidy: {counts['clean']} files clean, {counts['known']} unchanged since found clean, "
          f"{counts['findings']} with findings" +
          (f"; SKIPPED {counts['left out']} files: the time budget of {options.budget:.0f} s is over" if counts["left out"] else ""))
    return 1 if counts["findings"] else 0


if __name__ == "__main__":
    sys.exit(main())
