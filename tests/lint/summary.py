"""Adds up the GoogleTest reports of a run: prints each skipped test with its reason, the counts that tests have recorded
(tests/support/long_tests.h), then `N passed, N failed, N skipped`.

Exit 1 when a test failed or none ran.
"""
import argparse
import collections
import pathlib
import sys
import xml.etree.ElementTree


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("folder", type=pathlib.Path)
    options.add_argument("--failed", type=int, default=0, help="1: something outside the reports failed")
    options = options.parse_args()
    passed = failed = skipped = 0
    counts = collections.Counter()
    for report in sorted(options.folder.glob("*.xml")):
        for test in xml.etree.ElementTree.parse(report).iter("testcase"):
            name = f"{test.get('classname')}.{test.get('name')}"
            for count in test.iterfind("properties/property"):
                if count.get("name").startswith("count_"):
                    counts[count.get("name").removeprefix("count_")] += int(count.get("value"))
            if test.get("result") == "skipped":
                skipped += 1
                reason = test.find("skipped").get("message", "").strip().splitlines()
                print(f"skipped {name}: {reason[-1] if reason else 'no reason given'}")
            elif test.find("failure") is not None:
                failed += 1
                print(f"failed  {name} ({report.stem})")
            else:
                passed += 1
    for name, count in sorted(counts.items()):
        print(f"counted {count} {name.replace('_', ' ')}")
    if options.failed and not failed:
        failed = 1
        print("failed  a program without a GoogleTest report, or a check: see above")
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 0 if passed and not failed else 1


if __name__ == "__main__":
    sys.exit(main())
