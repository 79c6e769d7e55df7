#!/usr/bin/env python3
"""Check merged provenance documents with the independent validator.

    validate_provenance.py WRITER

Runs WRITER (the program that writes the example run) into a temporary folder and then
validate_prov.py, in strict mode, with every file hashed. Exits 77 (skipped) if the validator or the
Python package `prov` is not there: ALISIO_PEER_PYTHON names the interpreter to use, ALISIO_SHARED
the folder that holds tools/validate_prov.py.
"""
import os
import pathlib
import subprocess
import sys
import tempfile

SKIPPED = 77
root = pathlib.Path(__file__).resolve().parents[2]
shared = pathlib.Path(os.environ.get("ALISIO_SHARED", root.parent / "shared"))
python = os.environ.get("ALISIO_PEER_PYTHON", sys.executable)
validator = shared / "tools/validate_prov.py"


def run(*command):
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    print(done.stdout, end="")
    return done.returncode


if not validator.exists():
    print(f"skipped: {validator} is absent")
    sys.exit(SKIPPED)
try:
    has_prov = subprocess.run([python, "-c", "import prov.model"], stderr=subprocess.DEVNULL,
                              check=False).returncode == 0
except OSError:
    has_prov = False
if not has_prov:
    print(f"skipped: {python} has no package prov (set ALISIO_PEER_PYTHON)")
    sys.exit(SKIPPED)

with tempfile.TemporaryDirectory() as folder:
    if run(sys.argv[1], folder, "7"):
        sys.exit(1)
    documents = sorted(pathlib.Path(folder).rglob("*_prov.json"))
    real = [d for d in documents if d.parent.name == "log"]
    planned = [d for d in documents if d.parent.name == "dry_run"]
    if len(real) != 4 or len(planned) != 2:
        sys.exit(f"{len(real)} documents and {len(planned)} dry ones, 4 and 2 were expected")
    failed = run(python, validator, "--profile", "pipeline", "--strict", "--files", "all", "--merge",
                 *real)
    # What is only planned has no content to be hashed, and made nothing yet.
    failed |= run(python, validator, "--profile", "pipeline", "--strict", "--files", "none", "--skip",
                  "A4", *planned)
    sys.exit(1 if failed else 0)
