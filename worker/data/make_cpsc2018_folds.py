#!/usr/bin/env python3
"""Makes cpsc2018_folds.cc from the organisers' REFERENCE.csv: ten folds, stratified by the set of labels.

    python make_cpsc2018_folds.py REFERENCE.csv > cpsc2018_folds.cc

Rule: records with the same set of labels follow one another in the order of the SHA-256 of "ecgtrain cpsc2018\\n" + name;
label sets follow one another in the order of their sorted class numbers as text ("1", "2", "2,5", ...); the row of all 6,877 is
dealt out to folds 1, 2, ..., 10, 1, ... The set does not tell its patients, so a record counts as one.
"""
import csv
import hashlib
import sys


def main():
    labels = {}
    with open(sys.argv[1], newline="") as file:
        for row in csv.DictReader(file):
            numbers = sorted(int(row[f"{n}_label"]) for n in ("First", "Second", "Third") if row[f"{n}_label"])
            labels[row["Recording"]] = ",".join(map(str, numbers))
    names = sorted(labels)
    assert names == [f"A{i:04}" for i in range(1, 6878)]
    order = sorted(names, key=lambda name: (labels[name], hashlib.sha256(f"ecgtrain cpsc2018\n{name}".encode()).hexdigest()))
    fold = {name: i % 10 for i, name in enumerate(order)}
    digits = "".join(str(fold[name]) for name in names)
    lines = "\n".join(f'    "{digits[i:i + 100]}"' for i in range(0, len(digits), 100))
    print(f'''// Made by make_cpsc2018_folds.py, which states the rule; never changed, so that scores stay comparable.
#include <cstddef>

#include "absl/strings/numbers.h"
#include "worker/data/folds.h"

namespace ecgtrain {{
namespace {{

// Digit k is the fold, less one, of record k + 1.
// clang-format off
constexpr absl::string_view kFolds =
{lines};
// clang-format on

}}  // namespace

std::optional<uint32_t> FoldOfCpsc2018(absl::string_view record) {{
  uint32_t number = 0;
  if (record.size() != 5 || record[0] != 'A' || !absl::SimpleAtoi(record.substr(1), &number)) return std::nullopt;
  if (number < 1 || number > kFolds.size()) return std::nullopt;
  return static_cast<uint32_t>(kFolds[number - 1] - '0') + 1;
}}

}}  // namespace ecgtrain''')


main()
