#!/usr/bin/env python3
"""Run the program as users do, on small simulated nights, and look at what it leaves behind.

  run_cases.py --alisio PROGRAM CASE...   run cases
  run_cases.py --list                     name them

Exit code: 0 all well, 1 a case failed, 2 unknown case, 77 every case was skipped.
Needs Python's standard library only.
"""

import argparse
import importlib
import shutil
import sys
import tempfile
import traceback
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(HERE))

from harness import Case, Failed, Skipped, expect_no_fragments  # noqa: E402

SKIPPED = 77


def all_cases():
    """Return {name: function}: every function case_* of the files *_cases.py."""
    cases = {}
    for file in sorted(HERE.glob("*_cases.py")):
        if file.name == Path(__file__).name:
            continue
        for name, function in vars(importlib.import_module(file.stem)).items():
            if name.startswith("case_"):
                cases[name.removeprefix("case_")] = function
    return cases


def run_case(name, function, arguments):
    """Return 'passed', 'failed' or 'skipped'."""
    folder = Path(tempfile.mkdtemp(prefix=f"alisio-{name}-", dir=arguments.work))
    result = "passed"
    try:
        function(Case(arguments.alisio, folder, arguments.cache))
        expect_no_fragments(folder)
    except Skipped as reason:
        result = "skipped"
        print(f"{name}: skipped: {reason}")
    except Failed as failure:
        result = "failed"
        print(f"{name}: FAILED: {failure}")
    except Exception:
        result = "failed"
        print(f"{name}: FAILED:")
        traceback.print_exc(file=sys.stdout)
    if result == "failed" and arguments.keep:
        print(f"{name}: kept {folder}")
    else:
        shutil.rmtree(folder, ignore_errors=True)
    if result == "passed":
        print(f"{name}: passed")
    return result


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("cases", nargs="*", metavar="CASE", help="default: all")
    parser.add_argument("--list", action="store_true", help="print the names of the cases")
    parser.add_argument("--alisio", help="the program")
    parser.add_argument("--work", help="folder for temporary folders (default: the system's)")
    parser.add_argument("--cache", help="folder that keeps simulated nights between cases")
    parser.add_argument("--keep", action="store_true", help="keep the folders of failed cases")
    arguments = parser.parse_args()
    cases = all_cases()
    if arguments.list:
        print("\n".join(cases))
        return 0
    if not arguments.alisio:
        parser.error("--alisio is needed")
    for name in arguments.cases:
        if name not in cases:
            parser.error(f"unknown case '{name}'; known: {', '.join(cases)}")
    own_cache = None
    if arguments.cache is None:
        own_cache = arguments.cache = tempfile.mkdtemp(prefix="alisio-cases-")
    try:
        results = [
            run_case(name, cases[name], arguments) for name in arguments.cases or list(cases)
        ]
    finally:
        if own_cache:
            shutil.rmtree(own_cache, ignore_errors=True)
    if "failed" in results:
        return 1
    return SKIPPED if set(results) == {"skipped"} else 0


if __name__ == "__main__":
    sys.exit(main())
